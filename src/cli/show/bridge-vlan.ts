import type { BridgePortVlan } from '../../route/bridge-port.ts';
import type { BridgeVlan } from '../../route/bridge-vlan.ts';
import { lineBreak } from '../text.ts';
import { putState } from './bridge-link.ts';
import { Sheet } from './route-sheet.ts';
import type { ShowContext, Shown, View } from './view.ts';
import {
  byLink,
  HEAD,
  INDENT,
  PORT_HEAD,
  passes,
  putRange,
  readVlanFilter,
  type VlanSelection,
  vlanDesk,
} from './vlan-table.ts';

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

function putVlanFlags(sheet: Sheet, flags: readonly string[], always = false): void {
  if (flags.length === 0 && !always) return;
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
    // Of a bridge's own there is always a flag, one that has no name.
    putVlanFlags(sheet, vlan.flags, bridges.has(vlan.ifindex));
    sheet.say(lineBreak(options));
    putCounters(sheet, vlan);
    return sheet;
  });
  return { json: shown.json, text: `${PORT_HEAD}vlan-id\n${shown.text}` };
}
