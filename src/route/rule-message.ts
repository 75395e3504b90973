import { attribute, attributeTable, type RawAttribute } from '../netlink/wire/attributes.ts';
import {
  be32,
  be64,
  bool8,
  type Codec,
  enumeration,
  flagNames,
  ip,
  reserved,
  s32,
  text,
  u8,
  u16,
  u32,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { IFNAME_MAX } from './names.ts';
import type { Realms } from './route-nexthops.ts';
import { type RouteFamily, type RouteProtocol, routeFamily, routeProtocol } from './route-words.ts';

/** Both ends belong to the range. */
export interface NumberRange {
  start: number;
  end: number;
}

/** FR_ACT_*, uapi/linux/fib_rules.h. */
const ACTIONS = {
  0: 'unspec',
  1: 'lookup',
  2: 'goto',
  3: 'nop',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
} as const;
export type RuleAction = (typeof ACTIONS)[keyof typeof ACTIONS] | (string & {});

/** FIB_RULE_* besides FIB_RULE_INVERT, which is `not`. */
export const RULE_FLAGS = {
  permanent: 0x01,
  unresolved: 0x04,
  iif_detached: 0x08,
  oif_detached: 0x10,
  find_saddr: 0x10000,
} as const;
export type RuleFlag = keyof typeof RULE_FLAGS | (string & {});
export const INVERT = 0x02;
/** The kernel works these out anew; written back, they would stick to the rule. */
export const REPORTED: readonly string[] = ['unresolved', 'iif_detached', 'oif_detached'];

/** IPPROTO_*, in the spelling of /etc/protocols. */
export const IP_PROTOCOLS = {
  1: 'icmp',
  2: 'igmp',
  4: 'ipencap',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  41: 'ipv6',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  89: 'ospf',
  103: 'pim',
  112: 'vrrp',
  132: 'sctp',
  136: 'udplite',
} as const;

/** A rule of the routing policy. man 8 ip-rule, uapi/linux/fib_rules.h. */
export interface Rule {
  family: RouteFamily;
  /** Rules are tried from 0 up. */
  priority: number;
  /** Applies to what the selectors do not match. */
  not?: true;
  /** A prefix; an address alone when it is whole. Absent: all. */
  src?: string;
  dst?: string;
  /** 0 to 255. */
  tos?: number;
  dscp?: number;
  dscpMask?: number;
  fwmark?: number;
  fwmask?: number;
  /** Names, of links that need not exist. */
  iif?: string;
  oif?: string;
  /** Looks in the table of the VRF that the incoming or outgoing link belongs to. */
  l3mdev?: boolean;
  uidrange?: NumberRange;
  /** A word of /etc/protocols, or a number. */
  ipproto?: string;
  sport?: NumberRange;
  sportMask?: number;
  dport?: NumberRange;
  dportMask?: number;
  tunId?: bigint;
  /** 20 bits; without a mask all of them count. */
  flowlabel?: number;
  flowlabelMask?: number;
  action: RuleAction;
  /** The table to look in. */
  table?: number;
  /** Priority of the rule to go on with, when the action is `goto`. */
  goto?: number;
  /** Routes found with so few prefix bits or fewer do not count. */
  suppressPrefixlength?: number;
  /** Routes found through links of this group do not count. */
  suppressIfgroup?: number;
  /** Realms of what the rule matches; see man 8 ip-rule. */
  realms?: Realms;
  protocol?: RouteProtocol;
  flags?: RuleFlag[];
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What `add` and `del` take: a {@link Rule} as it was listed, or less. */
export interface RuleInput
  extends Partial<
    Omit<Rule, 'not' | 'table' | 'fwmark' | 'uidrange' | 'sport' | 'dport' | 'tunId' | 'ipproto'>
  > {
  not?: boolean;
  /** A number; or `main`, `local`, `default`. Default for `add`: `main`. */
  table?: number | string;
  /** A number, or `0x10/0xff` with its mask as `ip` has it. */
  fwmark?: number | string;
  /** One number, `1000-2000`, or both ends. */
  uidrange?: number | string | NumberRange;
  sport?: number | string | NumberRange;
  dport?: number | string | NumberRange;
  ipproto?: string | number;
  tunId?: bigint | number;
}

/** struct fib_rule_hdr */
export const fibRuleHdr = struct('fib_rule_hdr', {
  family: routeFamily,
  dstLength: u8,
  srcLength: u8,
  tos: u8,
  table: u8,
  reserved: reserved(2),
  action: enumeration(u8, ACTIONS),
  flags: u32,
});

const portRange: Codec<NumberRange> = struct('fib_rule_port_range', { start: u16, end: u16 });
const uidRange: Codec<NumberRange> = struct('fib_rule_uid_range', { start: u32, end: u32 });

export const ruleAttributes = attributeTable('FRA', {
  dst: attribute(1, 'FRA_DST', ip),
  src: attribute(2, 'FRA_SRC', ip),
  iif: attribute(3, 'FRA_IIFNAME', text(IFNAME_MAX)),
  goto: attribute(4, 'FRA_GOTO', u32),
  priority: attribute(6, 'FRA_PRIORITY', u32),
  fwmark: attribute(10, 'FRA_FWMARK', u32),
  flow: attribute(11, 'FRA_FLOW', u32),
  tunId: attribute(12, 'FRA_TUN_ID', be64),
  suppressIfgroup: attribute(13, 'FRA_SUPPRESS_IFGROUP', s32),
  suppressPrefixlength: attribute(14, 'FRA_SUPPRESS_PREFIXLEN', s32),
  table: attribute(15, 'FRA_TABLE', u32),
  fwmask: attribute(16, 'FRA_FWMASK', u32),
  oif: attribute(17, 'FRA_OIFNAME', text(IFNAME_MAX)),
  l3mdev: attribute(19, 'FRA_L3MDEV', bool8),
  uidrange: attribute(20, 'FRA_UID_RANGE', uidRange),
  protocol: attribute(21, 'FRA_PROTOCOL', routeProtocol),
  ipproto: attribute(22, 'FRA_IP_PROTO', enumeration(u8, IP_PROTOCOLS)),
  sport: attribute(23, 'FRA_SPORT_RANGE', portRange),
  dport: attribute(24, 'FRA_DPORT_RANGE', portRange),
  dscp: attribute(25, 'FRA_DSCP', u8),
  flowlabel: attribute(26, 'FRA_FLOWLABEL', be32),
  flowlabelMask: attribute(27, 'FRA_FLOWLABEL_MASK', be32),
  sportMask: attribute(28, 'FRA_SPORT_MASK', u16),
  dportMask: attribute(29, 'FRA_DPORT_MASK', u16),
  dscpMask: attribute(30, 'FRA_DSCP_MASK', u8),
});

function prefixText(address: string | undefined, length: number, family: string): string | undefined {
  if (address === undefined) {
    if (length === 0) return undefined;
    return `${family === 'inet6' ? '::' : '0.0.0.0'}/${length}`;
  }
  return length === (address.includes(':') ? 128 : 32) ? address : `${address}/${length}`;
}

export function decodeRule(payload: Uint8Array): Rule {
  const view = new WireView(payload);
  const header = fibRuleHdr.decodeAt(view, 0);
  const { family } = header;
  const { raw, src, dst, priority, flow, table, ...others } = ruleAttributes.decode(
    view,
    fibRuleHdr.size,
    view.length,
  );
  const { suppressIfgroup, suppressPrefixlength, protocol, goto, ...selectors } = others;
  const lookup = table ?? header.table;
  const flags = flagNames(header.flags & ~INVERT, RULE_FLAGS);
  return {
    family,
    priority: priority ?? 0,
    ...(header.flags & INVERT ? { not: true as const } : {}),
    ...defined({
      src: prefixText(src, header.srcLength, family),
      dst: prefixText(dst, header.dstLength, family),
    }),
    ...(header.tos === 0 ? {} : { tos: header.tos }),
    ...selectors,
    action: header.action,
    ...(lookup === 0 ? {} : { table: lookup }),
    ...defined({ goto }),
    // -1: nothing is suppressed.
    ...(suppressPrefixlength === undefined || suppressPrefixlength < 0 ? {} : { suppressPrefixlength }),
    ...(suppressIfgroup === undefined || suppressIfgroup < 0 ? {} : { suppressIfgroup }),
    ...(flow === undefined
      ? {}
      : { realms: { ...(flow > 0xffff && { from: flow >>> 16 }), to: flow & 0xffff } }),
    ...defined({ protocol }),
    ...(flags.length === 0 ? {} : { flags }),
    ...defined({ raw }),
  };
}
