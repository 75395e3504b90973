import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import {
  type AttributesOf,
  attribute,
  attributeTable,
  encodePayload,
  nest,
  repeated,
} from '../netlink/wire/attributes.ts';
import { hex, reserved, u8, u16, u32, u64 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import type { LinkNames, LinkReference } from './names.ts';

/** RTM_NEWSTATS, RTM_GETSTATS, uapi/linux/rtnetlink.h; struct if_stats_msg, uapi/linux/if_link.h. */
const NEW_STATS = 92;
const GET_STATS = 94;
const ifStatsMsg = struct('if_stats_msg', { family: u8, padding: reserved(3), ifindex: u32, filter: u32 });

const directions = struct('both directions', { rx: u64, tx: u64 });

/** struct br_mcast_stats: what of each message came and went. uapi/linux/if_bridge.h */
const multicast = struct('br_mcast_stats', {
  igmpV1queries: directions,
  igmpV2queries: directions,
  igmpV3queries: directions,
  igmpLeaves: directions,
  igmpV1reports: directions,
  igmpV2reports: directions,
  igmpV3reports: directions,
  igmpParseErrors: u64,
  mldV1queries: directions,
  mldV2queries: directions,
  mldLeaves: directions,
  mldV1reports: directions,
  mldV2reports: directions,
  mldParseErrors: u64,
  mcastBytes: directions,
  mcastPackets: directions,
});

const bridge = attributeTable('BRIDGE_XSTATS', {
  vlans: repeated(
    1,
    'BRIDGE_XSTATS_VLAN',
    struct('bridge_vlan_xstats', {
      rxBytes: u64,
      rxPackets: u64,
      txBytes: u64,
      txPackets: u64,
      vid: u16,
      flags: u16,
      padding: reserved(4),
    }),
  ),
  mcast: attribute(2, 'BRIDGE_XSTATS_MCAST', multicast),
  stp: attribute(
    4,
    'BRIDGE_XSTATS_STP',
    struct('bridge_stp_xstats', {
      transitionBlk: u64,
      transitionFwd: u64,
      rxBpdu: u64,
      txBpdu: u64,
      rxTcn: u64,
      txTcn: u64,
    }),
  ),
});

const bond = attributeTable('BOND_XSTATS', {
  '802.3ad': nest(
    1,
    'BOND_XSTATS_3AD',
    attributeTable('BOND_3AD_STAT', {
      lacpduRx: attribute(0, 'BOND_3AD_STAT_LACPDU_RX', u64),
      lacpduTx: attribute(1, 'BOND_3AD_STAT_LACPDU_TX', u64),
      lacpduUnknownRx: attribute(2, 'BOND_3AD_STAT_LACPDU_UNKNOWN_RX', u64),
      lacpduIllegalRx: attribute(3, 'BOND_3AD_STAT_LACPDU_ILLEGAL_RX', u64),
      markerRx: attribute(4, 'BOND_3AD_STAT_MARKER_RX', u64),
      markerTx: attribute(5, 'BOND_3AD_STAT_MARKER_TX', u64),
      markerResponseRx: attribute(6, 'BOND_3AD_STAT_MARKER_RESP_RX', u64),
      markerResponseTx: attribute(7, 'BOND_3AD_STAT_MARKER_RESP_TX', u64),
      markerUnknownRx: attribute(8, 'BOND_3AD_STAT_MARKER_UNKNOWN_RX', u64),
    }),
  ),
});

const xstats = attributeTable('LINK_XSTATS_TYPE', {
  bridge: nest(1, 'LINK_XSTATS_TYPE_BRIDGE', bridge),
  bond: nest(2, 'LINK_XSTATS_TYPE_BOND', bond),
});

/** struct mpls_link_stats, uapi/linux/mpls.h. */
const mpls = attributeTable('MPLS_STATS', {
  link: attribute(
    1,
    'MPLS_STATS_LINK',
    struct('mpls_link_stats', {
      rxPackets: u64,
      txPackets: u64,
      rxBytes: u64,
      txBytes: u64,
      rxErrors: u64,
      txErrors: u64,
      rxDropped: u64,
      txDropped: u64,
      rxNoroute: u64,
    }),
  ),
});

/** IFLA_STATS_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_STATS', {
  /** Of a link by its own kind. */
  own: nest(2, 'IFLA_STATS_LINK_XSTATS', xstats),
  /** Of a link as the port of its master, by the master's kind. */
  port: nest(3, 'IFLA_STATS_LINK_XSTATS_SLAVE', xstats),
  /** In hex: what hardware forwarded by itself. */
  offload: attribute(4, 'IFLA_STATS_LINK_OFFLOAD_XSTATS', hex),
  families: nest(5, 'IFLA_STATS_AF_SPEC', attributeTable('AF', { mpls: nest(28, 'AF_MPLS', mpls) })),
});

/** IFLA_STATS_FILTER_BIT of all of these. */
const FILTER = [2, 3, 4, 5].reduce((mask, type) => mask | (1 << (type - 1)), 0);

/** Counters that some kinds of links have besides those of every link; man 8 ip-link, `xstats` and `afstats`. */
export interface LinkXstats extends AttributesOf<(typeof table)['specs']> {
  ifindex: number;
  ifname?: string;
}

/** `rt.link.xstats()`. */
export async function readXstats(
  port: RequestPort,
  names: LinkNames,
  link: LinkReference | undefined,
  options: RequestOptions,
): Promise<LinkXstats[]> {
  const ifindex = link === undefined ? 0 : await names.index(link, 'link', options);
  const payload = encodePayload((writer) => ifStatsMsg.encode(writer, { ifindex, filter: FILTER }));
  const request = { type: GET_STATS, payload, name: 'RTM_GETSTATS' };
  const messages = await (ifindex === 0 ? port.dumpAll(request, options) : port.request(request, options));
  const all = messages
    .filter((message) => message.type === NEW_STATS)
    .map((message): LinkXstats => {
      const view = new WireView(message.payload);
      return {
        ifindex: ifStatsMsg.decodeAt(view, 0).ifindex,
        ...table.decode(view, ifStatsMsg.size, view.length),
      };
    });
  const found = await names.of(
    all.map((one) => one.ifindex),
    options,
  );
  return all.map(({ ifindex: index, ...rest }) => {
    const ifname = found?.get(index);
    return { ifindex: index, ...(ifname !== undefined && { ifname }), ...rest };
  });
}
