import { attribute, attributeTable, type RawAttribute } from '../../netlink/wire/attributes.ts';
import { be32, hex, text, u8, u16, u32, ValueError } from '../../netlink/wire/codec.ts';
import { actionList } from '../action-list.ts';
import { protocol } from '../tc-protocol.ts';
import {
  CT_STATES,
  FLOWER_KEYS,
  type FlowerKey,
  type FlowerKeyName,
  formatKey,
  IP_FLAGS,
  keySpecs,
  parseKey,
} from './flower-keys.ts';
import { classRef, defineFilter, filterFlags } from './kind.ts';

/** Protocols of layer 4 in the words of `tc`. */
const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  115: 'l2tp',
  132: 'sctp',
};

const plainSpecs = {
  classid: attribute(1, 'TCA_FLOWER_CLASSID', classRef),
  indev: attribute(2, 'TCA_FLOWER_INDEV', text(15)),
  actions: actionList(3, 'TCA_FLOWER_ACT'),
  ethType: attribute(8, 'TCA_FLOWER_KEY_ETH_TYPE', protocol),
  ipProtoNumber: attribute(9, 'TCA_FLOWER_KEY_IP_PROTO', u8),
  flags: attribute(22, 'TCA_FLOWER_FLAGS', filterFlags),
  vlanEthType: attribute(25, 'TCA_FLOWER_KEY_VLAN_ETH_TYPE', protocol),
  ipFlagBits: attribute(47, 'TCA_FLOWER_KEY_FLAGS', be32),
  ipFlagMask: attribute(48, 'TCA_FLOWER_KEY_FLAGS_MASK', be32),
  cvlanEthType: attribute(79, 'TCA_FLOWER_KEY_CVLAN_ETH_TYPE', protocol),
  inHwCount: attribute(86, 'TCA_FLOWER_IN_HW_COUNT', u32),
  ctStateBits: attribute(91, 'TCA_FLOWER_KEY_CT_STATE', u16),
  ctStateMask: attribute(92, 'TCA_FLOWER_KEY_CT_STATE_MASK', u16),
  ctLabels: attribute(97, 'TCA_FLOWER_KEY_CT_LABELS', hex),
  ctLabelsMask: attribute(98, 'TCA_FLOWER_KEY_CT_LABELS_MASK', hex),
  pppProto: attribute(104, 'TCA_FLOWER_KEY_PPP_PROTO', protocol),
};

/**
 * TCA_FLOWER_*, uapi/linux/pkt_cls.h. Options of tunnels (TCA_FLOWER_KEY_ENC_OPTS, 84 and 85) and of MPLS stacks (99) have
 * no field: they are in `raw`, and are not written.
 */
const table = attributeTable('TCA_FLOWER', { ...plainSpecs, ...keySpecs() });
type Wire = Record<string, unknown> & {
  [K in keyof typeof plainSpecs]?: ReturnType<(typeof plainSpecs)[K]['codec']['decode']>;
} & { raw?: RawAttribute[] };

type Port = number | string;

/**
 * man 8 tc-flower: fields of packets. Addresses may be prefixes, or have a mask after `/`; numbers are numbers, or strings
 * with a mask, `0x10/0xf0`.
 */
export interface Flower extends Partial<Record<Exclude<FlowerKeyName, SplitName>, string | number>> {
  /** `ip`, `ipv6`, `arp`, `802.1Q`, ... */
  ethType?: string;
  vlanEthType?: string;
  cvlanEthType?: string;
  pppProto?: string;
  /** `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, or a number. */
  ipProto?: string | number;
  srcIp?: string;
  dstIp?: string;
  /** Of `ipProto`, which has to be given. */
  srcPort?: Port;
  dstPort?: Port;
  icmpType?: string | number;
  icmpCode?: string | number;
  encSrcIp?: string;
  encDstIp?: string;
  /** `frag`, `nofrag`, `firstfrag`, `nofirstfrag`. */
  ipFlags?: string[];
  /** Of conntrack: `+trk+est-new`. */
  ctState?: string;
  /** In hex, 16 bytes. */
  ctLabels?: string;
  ctLabelsMask?: string;
  /** How many devices have it in hardware. */
  inHwCount?: number;
  raw?: RawAttribute[];
}

/** Keys that are one field in an object, by what else it says. */
const SPLIT = {
  srcIp: ['ipv4Src', 'ipv6Src'],
  dstIp: ['ipv4Dst', 'ipv6Dst'],
  encSrcIp: ['encIpv4Src', 'encIpv6Src'],
  encDstIp: ['encIpv4Dst', 'encIpv6Dst'],
  srcPort: ['tcpSrc', 'udpSrc', 'sctpSrc'],
  dstPort: ['tcpDst', 'udpDst', 'sctpDst'],
  icmpType: ['icmpv4Type', 'icmpv6Type'],
  icmpCode: ['icmpv4Code', 'icmpv6Code'],
} as const satisfies Record<string, readonly FlowerKeyName[]>;
type SplitField = keyof typeof SPLIT;
type SplitName = (typeof SPLIT)[SplitField][number];

const FIELD_OF: ReadonlyMap<string, SplitField> = new Map(
  Object.entries(SPLIT).flatMap(([field, names]) =>
    names.map((name) => [name, field as SplitField] as const),
  ),
);
const TRANSPORTS: readonly string[] = ['tcp', 'udp', 'sctp'];

function fail(field: string, value: unknown, remedy: string): never {
  const error = new ValueError(value, remedy);
  error.path.unshift(field);
  throw error;
}

/** Which of the kernel's keys a field means. */
function keyName(field: SplitField, value: unknown, flower: Flower): FlowerKeyName {
  const names: readonly FlowerKeyName[] = SPLIT[field];
  const protocolWord = ipProtoWord(flower.ipProto);
  let place: number;
  if (field.endsWith('Ip')) place = String(value).includes(':') ? 1 : 0;
  else if (field.startsWith('icmp')) place = ['icmp', 'icmpv6'].indexOf(protocolWord);
  else place = TRANSPORTS.indexOf(protocolWord);
  const name = names[place];
  if (name === undefined)
    fail(
      'ipProto',
      flower.ipProto,
      field.startsWith('icmp') ? `icmp or icmpv6, for ${field}` : `tcp, udp or sctp, for ${field}`,
    );
  return name;
}

function ipProtoWord(value: string | number | undefined): string {
  return IP_PROTOCOLS[Number(value)] ?? String(value ?? '');
}

function ipProtoNumber(value: string | number): number {
  for (const [number, word] of Object.entries(IP_PROTOCOLS)) if (word === value) return Number(number);
  const number = /^(0x[0-9a-f]+|\d+)$/i.test(String(value)) ? Number(value) : Number.NaN;
  return number <= 0xff
    ? number
    : fail('ipProto', value, `one of ${Object.values(IP_PROTOCOLS).join(', ')}, or a number`);
}

function fromWire(wire: Wire): Flower {
  const {
    ipProtoNumber: number,
    ipFlagBits,
    ipFlagMask = 0,
    ctStateBits,
    ctStateMask = 0,
    raw,
    ...rest
  } = wire;
  const out: Record<string, unknown> = {};
  const bad: RawAttribute[] = [...(raw ?? [])];
  for (const field of [
    'ethType',
    'vlanEthType',
    'cvlanEthType',
    'pppProto',
    'inHwCount',
    'ctLabels',
    'ctLabelsMask',
  ])
    if (rest[field] !== undefined) out[field] = rest[field];
  if (number !== undefined) out.ipProto = IP_PROTOCOLS[number] ?? number;
  for (const [name, key] of Object.entries<FlowerKey>(FLOWER_KEYS)) {
    const value = rest[name] as string | undefined;
    const mask = rest[`${name}Mask`] as string | undefined;
    const shown = value === undefined ? undefined : formatKey(key, value, mask);
    if (shown !== undefined) out[FIELD_OF.get(name) ?? name] = shown;
    else {
      // A mask by itself, or a value of another size.
      if (value !== undefined) bad.push({ type: key.type, hex: value });
      if (mask !== undefined && key.maskType !== undefined) bad.push({ type: key.maskType, hex: mask });
    }
  }
  if (ipFlagBits !== undefined) out.ipFlags = words(ipFlagBits, ipFlagMask, IP_FLAGS, '', 'no');
  if (ctStateBits !== undefined) out.ctState = words(ctStateBits, ctStateMask, CT_STATES, '+', '-').join('');
  if (bad.length > 0) out.raw = bad;
  return out as Flower;
}

function words(
  value: number,
  mask: number,
  bits: Readonly<Record<string, number>>,
  set: string,
  unset: string,
): string[] {
  return Object.entries(bits)
    .filter(([, bit]) => (mask & bit) !== 0)
    .map(([word, bit]) => `${(value & bit) === 0 ? unset : set}${word}`);
}

/** Attributes that nobody shall write: options of tunnels, which have crashed kernels. */
const UNWRITTEN: readonly number[] = [84, 85];

function toWire(flower: Flower): Wire {
  const { ipProto, ipFlags, ctState, raw, inHwCount: _, ...fields } = flower;
  const wire: Wire = {};
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const name = Object.hasOwn(SPLIT, field) ? keyName(field as SplitField, value, flower) : field;
    if (!Object.hasOwn(FLOWER_KEYS, name)) {
      wire[field] = value;
      continue;
    }
    try {
      const { value: bytes, mask } = parseKey(FLOWER_KEYS[name as FlowerKeyName], value as string | number);
      wire[name] = bytes;
      if (mask !== undefined) wire[`${name}Mask`] = mask;
    } catch (error) {
      if (error instanceof ValueError) error.path.unshift(field);
      throw error;
    }
  }
  if (ipProto !== undefined) wire.ipProtoNumber = ipProtoNumber(ipProto);
  if (ipFlags !== undefined) {
    const { value, mask } = bitsOf('ipFlags', ipFlags, IP_FLAGS, '', 'no');
    Object.assign(wire, { ipFlagBits: value, ipFlagMask: mask });
  }
  if (ctState !== undefined) {
    const parts = String(ctState).match(/[+-][a-z]+/g) ?? [];
    if (parts.join('') !== ctState)
      fail('ctState', ctState, `words such as ${Object.keys(CT_STATES).join(', ')}, with + or - each`);
    const { value, mask } = bitsOf('ctState', parts, CT_STATES, '+', '-');
    Object.assign(wire, { ctStateBits: value, ctStateMask: mask });
  }
  if (raw !== undefined) {
    const unwritten = raw.find(({ type }) => UNWRITTEN.includes(type));
    if (unwritten !== undefined)
      fail('raw', unwritten.type, 'other attributes: options of tunnels are not written');
    wire.raw = raw;
  }
  return wire;
}

function bitsOf(
  field: string,
  list: readonly string[],
  bits: Readonly<Record<string, number>>,
  set: string,
  unset: string,
): { value: number; mask: number } {
  const out = { value: 0, mask: 0 };
  if (!Array.isArray(list)) fail(field, list, 'a list of words');
  for (const word of list as readonly string[]) {
    const found = Object.entries(bits).find(([name]) => word === set + name || word === unset + name);
    if (found === undefined)
      fail(
        field,
        word,
        Object.keys(bits)
          .map((name) => `${set}${name}, ${unset}${name}`)
          .join(', '),
      );
    const [name, bit] = found;
    out.mask |= bit;
    if (word === set + name) out.value |= bit;
  }
  return out;
}

export const flower = defineFilter<typeof table, Flower>('flower', table, {
  fields: [
    ...([
      'ethType',
      'vlanEthType',
      'cvlanEthType',
      'pppProto',
      'ipProto',
      'ipFlags',
      'ctState',
      'ctLabels',
    ] as const),
    ...(['ctLabelsMask', 'inHwCount', 'raw'] as const),
    ...(Object.keys(SPLIT) as SplitField[]),
    ...(Object.keys(FLOWER_KEYS).filter((name) => !FIELD_OF.has(name)) as Exclude<
      FlowerKeyName,
      SplitName
    >[]),
  ],
  fromWire: (wire) => fromWire(wire as Wire),
  toWire: (value) => toWire(value) as never,
});
