import { formatIp, parseIp } from '../../netlink/wire/address.ts';
import { type AttributeSpec, attribute } from '../../netlink/wire/attributes.ts';
import { hex, ValueError } from '../../netlink/wire/codec.ts';

/** How a key is spelled. `port`: a number whose mask is only said where one is given. */
type Style = 'mac' | 'ip' | 'number' | 'port' | 'host';

/** A field of packets that flower compares: the attribute of its value, and of the mask where it has one. */
export interface FlowerKey {
  readonly type: number;
  readonly name: string;
  readonly maskType: number | undefined;
  readonly style: Style;
  readonly size: number;
}

const key = (
  type: number,
  name: string,
  maskType: number | undefined,
  style: Style,
  size: number,
): FlowerKey => ({ type, name: `TCA_FLOWER_KEY_${name}`, maskType, style, size });

/** TCA_FLOWER_KEY_*, uapi/linux/pkt_cls.h. Numbers are in network order, but those of `host` in the host's. */
export const FLOWER_KEYS = {
  dstMac: key(4, 'ETH_DST', 5, 'mac', 6),
  srcMac: key(6, 'ETH_SRC', 7, 'mac', 6),
  ipv4Src: key(10, 'IPV4_SRC', 11, 'ip', 4),
  ipv4Dst: key(12, 'IPV4_DST', 13, 'ip', 4),
  ipv6Src: key(14, 'IPV6_SRC', 15, 'ip', 16),
  ipv6Dst: key(16, 'IPV6_DST', 17, 'ip', 16),
  tcpSrc: key(18, 'TCP_SRC', 35, 'port', 2),
  tcpDst: key(19, 'TCP_DST', 36, 'port', 2),
  udpSrc: key(20, 'UDP_SRC', 37, 'port', 2),
  udpDst: key(21, 'UDP_DST', 38, 'port', 2),
  sctpSrc: key(41, 'SCTP_SRC', 39, 'port', 2),
  sctpDst: key(42, 'SCTP_DST', 40, 'port', 2),
  vlanId: key(23, 'VLAN_ID', undefined, 'host', 2),
  vlanPrio: key(24, 'VLAN_PRIO', undefined, 'number', 1),
  cvlanId: key(77, 'CVLAN_ID', undefined, 'host', 2),
  cvlanPrio: key(78, 'CVLAN_PRIO', undefined, 'number', 1),
  encKeyId: key(26, 'ENC_KEY_ID', undefined, 'number', 4),
  encIpv4Src: key(27, 'ENC_IPV4_SRC', 28, 'ip', 4),
  encIpv4Dst: key(29, 'ENC_IPV4_DST', 30, 'ip', 4),
  encIpv6Src: key(31, 'ENC_IPV6_SRC', 32, 'ip', 16),
  encIpv6Dst: key(33, 'ENC_IPV6_DST', 34, 'ip', 16),
  encSrcPort: key(43, 'ENC_UDP_SRC_PORT', 44, 'port', 2),
  encDstPort: key(45, 'ENC_UDP_DST_PORT', 46, 'port', 2),
  encTos: key(80, 'ENC_IP_TOS', 81, 'number', 1),
  encTtl: key(82, 'ENC_IP_TTL', 83, 'number', 1),
  icmpv4Code: key(49, 'ICMPV4_CODE', 50, 'number', 1),
  icmpv4Type: key(51, 'ICMPV4_TYPE', 52, 'number', 1),
  icmpv6Code: key(53, 'ICMPV6_CODE', 54, 'number', 1),
  icmpv6Type: key(55, 'ICMPV6_TYPE', 56, 'number', 1),
  arpSip: key(57, 'ARP_SIP', 58, 'ip', 4),
  arpTip: key(59, 'ARP_TIP', 60, 'ip', 4),
  arpOp: key(61, 'ARP_OP', 62, 'number', 1),
  arpSha: key(63, 'ARP_SHA', 64, 'mac', 6),
  arpTha: key(65, 'ARP_THA', 66, 'mac', 6),
  mplsTtl: key(67, 'MPLS_TTL', undefined, 'number', 1),
  mplsBos: key(68, 'MPLS_BOS', undefined, 'number', 1),
  mplsTc: key(69, 'MPLS_TC', undefined, 'number', 1),
  tcpFlags: key(71, 'TCP_FLAGS', 72, 'number', 2),
  ipTos: key(73, 'IP_TOS', 74, 'number', 1),
  ipTtl: key(75, 'IP_TTL', 76, 'number', 1),
  srcPortMin: key(87, 'PORT_SRC_MIN', undefined, 'number', 2),
  srcPortMax: key(88, 'PORT_SRC_MAX', undefined, 'number', 2),
  dstPortMin: key(89, 'PORT_DST_MIN', undefined, 'number', 2),
  dstPortMax: key(90, 'PORT_DST_MAX', undefined, 'number', 2),
  numOfVlans: key(102, 'NUM_OF_VLANS', undefined, 'number', 1),
  pppoeSid: key(103, 'PPPOE_SID', undefined, 'number', 2),
  l2tpv3Sid: key(105, 'L2TPV3_SID', undefined, 'number', 4),
  mplsLabel: key(70, 'MPLS_LABEL', undefined, 'host', 4),
  ctZone: key(93, 'CT_ZONE', 94, 'host', 2),
  ctMark: key(95, 'CT_MARK', 96, 'host', 4),
  hash: key(100, 'HASH', 101, 'host', 4),
} as const satisfies Record<string, FlowerKey>;
export type FlowerKeyName = keyof typeof FLOWER_KEYS;

/** The attributes of all keys and masks, as hex: {@link formatKey} makes words of them. */
export function keySpecs(): Record<string, AttributeSpec<string>> {
  const specs: Record<string, AttributeSpec<string>> = {};
  for (const [field, { type, name, maskType }] of Object.entries<FlowerKey>(FLOWER_KEYS)) {
    specs[field] = attribute(type, name, hex);
    if (maskType !== undefined) specs[`${field}Mask`] = attribute(maskType, `${name}_MASK`, hex);
  }
  return specs;
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const isFull = (mask: Uint8Array) => mask.every((byte) => byte === 0xff);

/** How many bits a mask has from its beginning, or undefined where they are no row. */
function prefixOf(mask: Uint8Array): number | undefined {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const length = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  return bits.slice(length).includes('1') ? undefined : length;
}

function maskOf(length: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return (0xff << (8 - bits)) & 0xff;
  });
}

function numberOf(bytes: Uint8Array, style: Style): number {
  const ordered = style === 'host' ? [...bytes].reverse() : [...bytes];
  return ordered.reduce((sum, byte) => sum * 256 + byte, 0);
}

function bytesOfNumber(value: number, size: number, style: Style): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
  return style === 'host' ? bytes.reverse() : bytes;
}

const macText = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');

/**
 * A key as the object has it: an address, a number; with `/` and the mask where not all of it counts. Undefined where the
 * value has not the key's size.
 */
export function formatKey(
  { style, size }: FlowerKey,
  value: string,
  maskHex: string | undefined,
): string | number | undefined {
  const bytes = bytesOf(value);
  const mask = maskHex === undefined ? undefined : bytesOf(maskHex);
  if (bytes.length !== size || (mask !== undefined && mask.length !== size)) return undefined;
  const whole = mask === undefined || isFull(mask);
  if (style === 'mac') return whole ? macText(bytes) : `${macText(bytes)}/${macText(mask)}`;
  if (style === 'ip') {
    if (whole) return formatIp(bytes);
    return `${formatIp(bytes)}/${prefixOf(mask) ?? formatIp(mask)}`;
  }
  const number = numberOf(bytes, style);
  return whole ? number : `0x${number.toString(16)}/0x${numberOf(mask, style).toString(16)}`;
}

function bad(value: unknown, remedy: string): ValueError {
  return new ValueError(value, remedy);
}

function macBytes(text: string, whole: unknown): Uint8Array {
  const octets = text
    .split(':')
    .map((octet) => (/^[0-9a-f]{1,2}$/i.test(octet) ? Number.parseInt(octet, 16) : Number.NaN));
  if (octets.length !== 6 || octets.some(Number.isNaN))
    throw bad(whole, 'an address such as 52:54:00:12:34:56, or with a mask, .../ff:ff:ff:00:00:00');
  return Uint8Array.from(octets);
}

/** What {@link formatKey} made, or a user wrote, as the attributes of value and mask. */
export function parseKey(
  { style, size, maskType }: FlowerKey,
  value: string | number,
): { value: string; mask: string | undefined } {
  const text = String(value);
  const slash = text.indexOf('/');
  const [left, right] = slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)];
  if (right !== undefined && maskType === undefined) throw bad(value, 'a value without a mask');
  const { bytes, mask } = parts(left, right, style, size, value);
  const hexOf = (one: Uint8Array) => Buffer.from(one).toString('hex');
  return {
    value: hexOf(bytes),
    mask:
      maskType === undefined || (style === 'port' && mask === undefined)
        ? undefined
        : hexOf(mask ?? new Uint8Array(size).fill(0xff)),
  };
}

function parts(left: string, right: string | undefined, style: Style, size: number, whole: unknown) {
  if (style === 'mac') {
    const bits = right !== undefined && /^\d+$/.test(right) ? maskOf(Number(right), size) : undefined;
    return {
      bytes: macBytes(left, whole),
      mask: right === undefined ? undefined : (bits ?? macBytes(right, whole)),
    };
  }
  if (style === 'ip') {
    const bytes = parseIp(left);
    const mask =
      right === undefined
        ? undefined
        : /^\d+$/.test(right) && Number(right) <= size * 8
          ? maskOf(Number(right), size)
          : parseIp(right);
    if (bytes?.length !== size || (right !== undefined && mask?.length !== size))
      throw bad(whole, `an ${size === 4 ? 'IPv4' : 'IPv6'} address or prefix`);
    return { bytes, mask };
  }
  const most = 256 ** size - 1;
  const number = (text: string) => {
    const found = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(found <= most)) throw bad(whole, `a number from 0 to ${most}, or with a mask, 0x10/0xf0`);
    return bytesOfNumber(found, size, style);
  };
  return { bytes: number(left), mask: right === undefined ? undefined : number(right) };
}

export const IP_FLAGS = { frag: 1, firstfrag: 2 } as const;
/** In the order of `tc`. */
export const CT_STATES = { trk: 8, new: 1, est: 2, rel: 4, inv: 16, rpl: 32 } as const;
