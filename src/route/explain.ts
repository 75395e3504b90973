import { type ExplainedMessage, explain, type HeaderField, type MessageLayout } from '../netlink/explain.ts';
import { OBJECT_TYPES } from './object-types.ts';

export type { ExplainedAttribute, ExplainedField, ExplainedMessage } from '../netlink/explain.ts';

const FAMILIES: Readonly<Record<number, string>> = {
  0: 'AF_UNSPEC',
  1: 'AF_UNIX',
  2: 'AF_INET',
  7: 'AF_BRIDGE',
  10: 'AF_INET6',
  16: 'AF_NETLINK',
  17: 'AF_PACKET',
  28: 'AF_MPLS',
  128: 'RTNL_FAMILY_IPMR',
  129: 'RTNL_FAMILY_IP6MR',
};
const pad = (length: number): HeaderField[] => Array.from({ length }, () => ['', 'pad'] as const);
const family = (name: string): HeaderField => [name, 'u8', FAMILIES];

/** Fixed headers, uapi/linux/rtnetlink.h and what it includes. Fields by their names there, without the prefix. */
const HEADERS: Readonly<Record<string, readonly HeaderField[]>> = {
  ifinfomsg: [
    family('family'),
    ...pad(1),
    ['type', 'u16'],
    ['index', 's32'],
    ['flags', 'u32'],
    ['change', 'u32'],
  ],
  ifaddrmsg: [family('family'), ['prefixlen', 'u8'], ['flags', 'u8'], ['scope', 'u8'], ['index', 'u32']],
  rtmsg: [
    family('family'),
    ['dst_len', 'u8'],
    ['src_len', 'u8'],
    ['tos', 'u8'],
    ['table', 'u8'],
    ['protocol', 'u8'],
    ['scope', 'u8'],
    ['type', 'u8'],
    ['flags', 'u32'],
  ],
  ndmsg: [family('family'), ...pad(3), ['ifindex', 's32'], ['state', 'u16'], ['flags', 'u8'], ['type', 'u8']],
  fib_rule_hdr: [
    family('family'),
    ['dst_len', 'u8'],
    ['src_len', 'u8'],
    ['tos', 'u8'],
    ['table', 'u8'],
    ...pad(2),
    ['action', 'u8'],
    ['flags', 'u32'],
  ],
  tcmsg: [
    family('family'),
    ...pad(3),
    ['ifindex', 's32'],
    ['handle', 'u32'],
    ['parent', 'u32'],
    ['info', 'u32'],
  ],
  tcamsg: [family('family'), ...pad(3)],
  prefixmsg: [
    family('family'),
    ...pad(3),
    ['ifindex', 's32'],
    ['type', 'u8'],
    ['len', 'u8'],
    ['flags', 'u8'],
    ...pad(1),
  ],
  rtgenmsg: [family('family')],
  ndtmsg: [family('family'), ...pad(3)],
  nduseroptmsg: [
    family('family'),
    ...pad(1),
    ['opts_len', 'u16'],
    ['ifindex', 's32'],
    ['icmp_type', 'u8'],
    ['icmp_code', 'u8'],
    ...pad(6),
  ],
  ifaddrlblmsg: [
    family('family'),
    ...pad(1),
    ['prefixlen', 'u8'],
    ['flags', 'u8'],
    ['index', 'u32'],
    ['seq', 'u32'],
  ],
  dcbmsg: [family('family'), ['cmd', 'u8'], ...pad(2)],
  netconfmsg: [family('family')],
  br_port_msg: [family('family'), ...pad(3), ['ifindex', 'u32']],
  if_stats_msg: [family('family'), ...pad(3), ['ifindex', 'u32'], ['filter_mask', 'u32']],
  nhmsg: [family('family'), ['scope', 'u8'], ['protocol', 'u8'], ...pad(1), ['flags', 'u32']],
  br_vlan_msg: [family('family'), ...pad(3), ['ifindex', 'u32']],
  tunnel_msg: [family('family'), ['flags', 'u8'], ...pad(2), ['ifindex', 'u32']],
};

/** Messages come in fours: new, delete, get, set. The number of the first, what they are called, their header. */
const MESSAGES: readonly (readonly [number, string, keyof typeof HEADERS])[] = [
  [16, 'LINK', 'ifinfomsg'],
  [20, 'ADDR', 'ifaddrmsg'],
  [24, 'ROUTE', 'rtmsg'],
  [28, 'NEIGH', 'ndmsg'],
  [32, 'RULE', 'fib_rule_hdr'],
  [36, 'QDISC', 'tcmsg'],
  [40, 'TCLASS', 'tcmsg'],
  [44, 'TFILTER', 'tcmsg'],
  [48, 'ACTION', 'tcamsg'],
  [52, 'PREFIX', 'prefixmsg'],
  [56, 'MULTICAST', 'rtgenmsg'],
  [60, 'ANYCAST', 'rtgenmsg'],
  [64, 'NEIGHTBL', 'ndtmsg'],
  [68, 'NDUSEROPT', 'nduseroptmsg'],
  [72, 'ADDRLABEL', 'ifaddrlblmsg'],
  [76, 'DCB', 'dcbmsg'],
  [80, 'NETCONF', 'netconfmsg'],
  [84, 'MDB', 'br_port_msg'],
  [88, 'NSID', 'rtgenmsg'],
  [92, 'STATS', 'if_stats_msg'],
  [96, 'CACHEREPORT', 'rtmsg'],
  [100, 'CHAIN', 'tcmsg'],
  [104, 'NEXTHOP', 'nhmsg'],
  [108, 'LINKPROP', 'ifinfomsg'],
  [112, 'VLAN', 'br_vlan_msg'],
  [116, 'NEXTHOPBUCKET', 'nhmsg'],
  [120, 'TUNNEL', 'tunnel_msg'],
];
const VERBS = ['NEW', 'DEL', 'GET', 'SET'];
const GET = 2;
/** struct rtgenmsg, padded. */
const SHORT = 4;
/** Messages that speak of the attributes of others. */
const SAME_ATTRIBUTES: ReadonlyMap<number, number> = new Map([
  [108, 16],
  [100, 44],
  [116, 104],
]);

function layoutOf(type: number, payload: Uint8Array): MessageLayout | undefined {
  const found = MESSAGES.find(([base]) => base === type - (type % 4));
  if (found === undefined) return undefined;
  const [base, noun, headerName] = found;
  const wanted = SAME_ATTRIBUTES.get(base) ?? base;
  const kinds = OBJECT_TYPES.filter(({ messages }) => messages.new - (messages.new % 4) === wanted);
  // A message that is of none of the kinds, one cut short say, has the first one's attributes.
  const kind = kinds.find(({ concerns }) => concerns?.(payload) ?? true) ?? kinds[0];
  // Old programs ask for dumps with no more than a family.
  const header = type % 4 === GET && payload.length <= SHORT ? 'rtgenmsg' : headerName;
  return {
    name: `RTM_${VERBS[type % 4]}${noun}`,
    headerName: header,
    header: HEADERS[header] ?? [],
    attributes: kind?.attributes,
  };
}

/**
 * What the bytes of rtnetlink messages mean: requests, answers, news, acknowledgements, one behind the other as a
 * datagram has them. For captures: it never throws, and says where something cannot be.
 */
export function explainMessages(bytes: Uint8Array): ExplainedMessage[] {
  return explain(bytes, layoutOf);
}
