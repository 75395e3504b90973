import type { BridgePortLink, BridgePortTunnel, BridgePortVlan } from '../../route/bridge-port.ts';
import type { BridgeVlan } from '../../route/bridge-vlan.ts';
import { duplicateArgument, Words } from '../args.ts';
import { linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import { lineBreak, paint } from '../text.ts';
import { putState } from './bridge-link.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { JsonObject, ShowContext, Shown, View } from './view.ts';

const USAGE = `[ dev DEV ] [ vid VLAN_ID ]
 cofferdam bridge vlan { add | del } vid VLAN_ID dev DEV [ tunnel_info id TUNNEL_ID ]
      [ pvid ] [ untagged ] [ self ] [ master ]
 cofferdam bridge vlan set vid VLAN_ID dev DEV [ state STP_STATE ] [ mcast_router MULTICAST_ROUTER ]
 cofferdam bridge vlan tunnelshow [ dev DEV ] [ vid VLAN_ID ]
 cofferdam bridge vlan global [ show ] [ dev DEV ] [ vid VLAN_ID ]
 cofferdam bridge vlan global set vid VLAN_ID dev DEV [ mcast_snooping MULTICAST_SNOOPING ]
      [ mcast_querier MULTICAST_QUERIER ] [ mcast_igmp_version IGMP_VERSION ]
      [ mcast_mld_version MLD_VERSION ] [ mcast_last_member_count LAST_MEMBER_COUNT ]
      [ mcast_last_member_interval LAST_MEMBER_INTERVAL ]
      [ mcast_startup_query_count STARTUP_QUERY_COUNT ]
      [ mcast_startup_query_interval STARTUP_QUERY_INTERVAL ]
      [ mcast_membership_interval MEMBERSHIP_INTERVAL ] [ mcast_querier_interval QUERIER_INTERVAL ]
      [ mcast_query_interval QUERY_INTERVAL ] [ mcast_query_response_interval QUERY_RESPONSE_INTERVAL ]`;

/** `bridge vlan show`. */
export const bridgeVlanView: View = {
  names: ['vlan'],
  usage: USAGE,
  async run(args, context) {
    const filter = await readVlanFilter(args, context);
    if (context.options.details) return await showSettings(filter, context);
    if (context.options.stats > 0) return await showCounters(filter, context);
    return await showVlans(filter, context);
  },
  actions: async () => (await import('../verbs/bridge-vlan.ts')).bridgeVlanActions,
};

export interface VlanSelection {
  readonly dev?: number;
  readonly vid?: number;
}

export async function readVlanFilter(args: readonly string[], context: ShowContext): Promise<VlanSelection> {
  const words = new Words(args);
  let dev: string | undefined;
  let vid: number | undefined;
  while (words.more) {
    if (words.take('dev')) {
      const word = words.next();
      if (dev !== undefined) throw duplicateArgument('dev', word);
      dev = word;
    } else if (words.take('vid')) {
      const word = words.next();
      if (vid !== undefined) throw duplicateArgument('vid', word);
      vid = vlanId(word);
    } else throw unknownWord('vlan', words.next());
  }
  return {
    ...(dev === undefined ? {} : { dev: await linkNamed(dev, context) }),
    ...(vid === undefined || vid === 0 ? {} : { vid }),
  };
}

export async function vlanDesk({ options, names, linkNames }: ShowContext): Promise<Desk> {
  return { options, names, links: await linkNames(), paint: paint(options.color) };
}

/** IFNAMSIZ and the width of two VLAN ids with a hyphen. */
const NAME = 16;
const RANGE = 9;
export const INDENT = ' '.repeat(NAME);
export const HEAD = `${'port'.padEnd(NAME)}  ${'vlan-id'.padEnd(RANGE)}`;

/** Records in the order of their links: the first of each has the link's name before it. */
export function byLink<T extends { ifindex: number }>(
  records: readonly T[],
  desk: Desk,
  member: string,
  sheetOf: (record: T) => Sheet,
): Shown {
  const json: JsonObject[] = [];
  let text = '';
  let last: number | undefined;
  let list: JsonObject[] = [];
  for (const record of records) {
    const sheet = sheetOf(record);
    if (record.ifindex === last) text += `${INDENT}  `;
    else {
      const name = desk.links.nameOf(record.ifindex);
      list = [];
      json.push({ ifname: name, [member]: list });
      text += desk.paint.ifname(`${name.padEnd(NAME)}  `);
      last = record.ifindex;
    }
    list.push(sheet.json);
    text += sheet.text;
  }
  return { json, text };
}

/** Puts a range under `name` and `nameEnd`; returns how wide its text is. */
export function putRange(sheet: Sheet, name: string, first: number, last = first): number {
  const text = first === last ? String(first) : `${first}-${last}`;
  sheet.put(name, first);
  if (first !== last) sheet.put(`${name}End`, last);
  sheet.say(text);
  return text.length;
}

function putVlanFlags(sheet: Sheet, flags: readonly string[]): void {
  if (flags.length === 0) return;
  const words = [
    ...(flags.includes('pvid') ? ['PVID'] : []),
    ...(flags.includes('untagged') ? ['Egress Untagged'] : []),
  ];
  sheet.put('flags', words, words.map((word) => ` ${word}`).join(''));
}

/** What the ports tell, each VLAN by itself unless they are to be put together. */
async function showVlans({ dev, vid }: VlanSelection, context: ShowContext): Promise<Shown> {
  const ports = await context.rt.bridgePort.list({ vlans: true, ...(dev === undefined ? {} : { dev }) });
  const desk = await vlanDesk(context);
  const together = context.options.compressVlans;
  const vlans = ports.flatMap(({ ifindex, vlans: list = [] }) =>
    list.flatMap((vlan) => (together ? [vlan] : singly(vlan))).map((vlan) => ({ ifindex, ...vlan })),
  );
  const shown = byLink(
    vlans.filter((vlan) => passes(vlan, vid)),
    desk,
    'vlans',
    (vlan) => {
      const sheet = new Sheet();
      putRange(sheet, 'vlan', vlan.vid, vlan.vidEnd);
      // That it is a range is a flag, too: `bridge` begins its list of them.
      if (vlan.vidEnd !== undefined) sheet.put('flags', []);
      putVlanFlags(sheet, vlan.flags);
      sheet.say(lineBreak(context.options));
      return sheet;
    },
  );
  return { json: shown.json, text: `${HEAD}\n${shown.text}` };
}

function singly({ vid, vidEnd = vid, flags }: BridgePortVlan): BridgePortVlan[] {
  return Array.from({ length: vidEnd - vid + 1 }, (_, i) => ({ vid: vid + i, flags }));
}

function passes(
  { vid, vidEnd = vid }: { vid: number; vidEnd?: number },
  wanted: number | undefined,
): boolean {
  return wanted === undefined || (vid <= wanted && wanted <= vidEnd);
}

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

/** -d: what the kernel tells of VLANs by themselves. */
async function showSettings({ dev, vid }: VlanSelection, context: ShowContext): Promise<Shown> {
  const { options, rt } = context;
  const filter = {
    ...(dev === undefined ? {} : { dev }),
    ...(vid === undefined ? {} : { vid }),
    ...(options.stats > 0 ? { stats: true } : {}),
  };
  const vlans = await rt.bridgeVlan.list(filter);
  const desk = await vlanDesk(context);
  const shown = byLink(vlans, desk, 'vlans', (vlan) => {
    const sheet = new Sheet();
    putRange(sheet, 'vlan', vlan.vid, vlan.vidEnd);
    putVlanFlags(sheet, vlan.flags);
    sheet.say(`${lineBreak(options)}${INDENT}    `);
    if (vlan.state !== undefined) putState(sheet, vlan.state);
    if (vlan.mcastRouter !== undefined)
      sheet.put('mcast_router', vlan.mcastRouter, `mcast_router ${vlan.mcastRouter} `);
    sheet.say(lineBreak(options));
    if (options.stats > 0) putCounters(sheet, vlan);
    return sheet;
  });
  return { json: shown.json, text: `${HEAD}\n${shown.text}` };
}

function putCounters(sheet: Sheet, { stats }: BridgeVlan): void {
  const { rxBytes = 0n, rxPackets = 0n, txBytes = 0n, txPackets = 0n } = stats ?? {};
  sheet.put('rx_bytes', rxBytes, `${INDENT}    RX: ${rxBytes} bytes`);
  sheet.put('rx_packets', rxPackets, ` ${rxPackets} packets\n`);
  sheet.put('tx_bytes', txBytes, `${INDENT}    TX: ${txBytes} bytes`);
  sheet.put('tx_packets', txPackets, ` ${txPackets} packets\n`);
}

/** -s: packets and bytes, those of bridges before those of ports. */
async function showCounters({ dev, vid }: VlanSelection, context: ShowContext): Promise<Shown> {
  const { rt, options } = context;
  const filter = { ...(dev === undefined ? {} : { dev }), ...(vid === undefined ? {} : { vid }) };
  const vlans = (await rt.bridgeVlan.list({ ...filter, stats: true })).filter(
    ({ stats }) => stats !== undefined,
  );
  const bridges = new Set((await rt.link.list({ kind: 'bridge' })).map(({ ifindex }) => ifindex));
  const sorted = [
    ...vlans.filter(({ ifindex }) => bridges.has(ifindex)),
    ...vlans.filter(({ ifindex }) => !bridges.has(ifindex)),
  ];
  const shown = byLink(sorted, await vlanDesk(context), 'vlans', (vlan) => {
    const sheet = new Sheet();
    sheet.put('vid', vlan.vid, String(vlan.vid));
    putVlanFlags(sheet, vlan.flags);
    sheet.say(lineBreak(options));
    putCounters(sheet, vlan);
    return sheet;
  });
  return { json: shown.json, text: `${'port'.padEnd(NAME)}  vlan-id\n${shown.text}` };
}
