import type { BridgeVlanGlobal, VlanGlobalOptions } from '../../route/bridge-vlan.ts';
import { lineBreak } from '../text.ts';
import { routerPort } from './mdb.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { ShowContext, Shown } from './view.ts';
import { byLink, HEAD, INDENT, putRange, readVlanFilter, vlanDesk } from './vlan-table.ts';

/** In the order of `bridge`, under its names. */
const OPTIONS = [
  ['mcast_snooping', 'mcastSnooping'],
  ['mcast_querier', 'mcastQuerier'],
  ['mcast_igmp_version', 'mcastIgmpVersion'],
  ['mcast_mld_version', 'mcastMldVersion'],
  ['mcast_last_member_count', 'mcastLastMemberCnt'],
  ['mcast_last_member_interval', 'mcastLastMemberIntvl'],
  ['mcast_startup_query_count', 'mcastStartupQueryCnt'],
  ['mcast_startup_query_interval', 'mcastStartupQueryIntvl'],
  ['mcast_membership_interval', 'mcastMembershipIntvl'],
  ['mcast_querier_interval', 'mcastQuerierIntvl'],
  ['mcast_query_interval', 'mcastQueryIntvl'],
  ['mcast_query_response_interval', 'mcastQueryResponseIntvl'],
] as const satisfies readonly (readonly [string, keyof VlanGlobalOptions])[];

/** `bridge vlan global show`. */
export async function showGlobal(args: readonly string[], context: ShowContext): Promise<Shown> {
  const vlans = await context.rt.bridgeVlan.listGlobal(await readVlanFilter(args, context));
  const desk = await vlanDesk(context);
  const shown = byLink(vlans, desk, 'vlans', (vlan) => globalSheet(vlan, desk));
  return { json: shown.json, text: `${HEAD}\n${shown.text}` };
}

function globalSheet({ vid, vidEnd, global }: BridgeVlanGlobal, desk: Desk): Sheet {
  const { options } = desk;
  const sheet = new Sheet();
  putRange(sheet, 'vlan', vid, vidEnd);
  sheet.say(`${lineBreak(options)}${INDENT}    `);
  for (const [key, field] of OPTIONS) {
    const value = global[field];
    if (value !== undefined) sheet.put(key, Number(value), `${key} ${Number(value)} `);
  }
  sheet.say(lineBreak(options));
  const { routerPorts } = global;
  if (routerPorts === undefined) return sheet;
  const ports = routerPorts.map((port) => routerPort(port, desk));
  // With -s a line each, in line.
  const apart = `${lineBreak(options)}${INDENT}${' '.repeat(4 + 'router ports: '.length)}`;
  const text = ports.map(({ port, timer, type }, i) => {
    const said = `${port} ${timer === undefined ? '' : ` ${timer}`}${type === undefined ? '' : ` ${type}`}`;
    return options.stats > 0 && i > 0 ? apart + said : said;
  });
  sheet.put('router_ports', ports, `${INDENT}    router ports: ${text.join('')}`);
  sheet.say(lineBreak(options));
  return sheet;
}
