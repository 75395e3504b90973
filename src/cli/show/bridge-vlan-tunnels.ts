import type { BridgePortLink, BridgePortTunnel } from '../../route/bridge-port.ts';
import { lineBreak } from '../text.ts';
import { Sheet } from './route-sheet.ts';
import type { ShowContext, Shown } from './view.ts';
import { byLink, HEAD, passes, putRange, RANGE, readVlanFilter, vlanDesk } from './vlan-table.ts';

/** `bridge vlan tunnelshow`. */
export async function showTunnels(args: readonly string[], context: ShowContext): Promise<Shown> {
  const { dev, vid } = await readVlanFilter(args, context);
  const ports: BridgePortLink[] = await context.rt.bridgePort.list({
    vlans: true,
    ...(dev === undefined ? {} : { dev }),
  });
  const desk = await vlanDesk(context);
  const tunnels = ports.flatMap(({ ifindex, tunnels: list = [] }) =>
    list.map((tunnel): BridgePortTunnel & { ifindex: number } => ({ ifindex, ...tunnel })),
  );
  const shown = byLink(
    tunnels.filter((one) => passes(one, vid)),
    desk,
    'tunnels',
    (tunnel) => {
      const sheet = new Sheet();
      const { vid: first, vidEnd: last = first, tunnelId } = tunnel;
      const width = putRange(sheet, 'vlan', first, last);
      sheet.say(`${' '.repeat(Math.max(0, RANGE - width))}  `);
      putRange(sheet, 'tunid', tunnelId, tunnelId + last - first);
      sheet.say(lineBreak(context.options));
      return sheet;
    },
  );
  return { json: shown.json, text: `${HEAD}  tunnel-id\n${shown.text}` };
}
