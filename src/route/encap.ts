/** Lightweight tunnels of routes and nexthops: uapi/linux/lwtunnel.h, man 8 ip-route under `encap`. */

import { formatIpv6, parseIpv6 } from '../netlink/wire/address.ts';
import { attribute, attributeTable, type RawAttribute } from '../netlink/wire/attributes.ts';
import {
  be16,
  be64,
  type Codec,
  flagSet,
  hex,
  ipv4,
  ipv6,
  u8,
  u32,
  ValueError,
} from '../netlink/wire/codec.ts';
import { toHex, WireError, WireView, WireWriter } from '../netlink/wire/view.ts';
import {
  decodeSeg6,
  decodeSeg6Local,
  encodeSeg6,
  encodeSeg6Local,
  SEG6_LOCAL_FIELDS,
  type Seg6Encap,
  type Seg6LocalEncap,
} from './encap-seg6.ts';

export type {
  Seg6Encap,
  Seg6LocalAction,
  Seg6LocalEncap,
  Seg6Mode,
  SegmentRoutingHeader,
} from './encap-seg6.ts';

/** TUNNEL_* as they are on the wire, include/net/ip_tunnels.h. */
const TUNNEL_FLAGS = {
  csum: 0x01,
  routing: 0x02,
  key: 0x04,
  seq: 0x08,
  strict: 0x10,
  rec: 0x20,
  version: 0x40,
  noKey: 0x80,
  dontFragment: 0x100,
  oam: 0x200,
  critOpt: 0x400,
  noCache: 0x2000,
} as const;
export type TunnelFlag = keyof typeof TUNNEL_FLAGS | (string & {});

/** IPv4 tunnel parameters. */
export interface IpEncap {
  type: 'ip';
  /** Tunnel id: a key, a VNI. */
  id?: bigint;
  dst?: string;
  src?: string;
  ttl?: number;
  tos?: number;
  flags?: TunnelFlag[];
  /** Tunnel options (geneve, vxlan, erspan) are shown here, and can't be written. */
  raw?: RawAttribute[];
}

/** IPv6 tunnel parameters. */
export interface Ip6Encap {
  type: 'ip6';
  id?: bigint;
  dst?: string;
  src?: string;
  hoplimit?: number;
  tc?: number;
  flags?: TunnelFlag[];
  raw?: RawAttribute[];
}

export interface MplsEncap {
  type: 'mpls';
  /** Labels joined by slashes, the outermost first: `100/200`. */
  dst: string;
  ttl?: number;
  raw?: RawAttribute[];
}

/** Source routing in low-power networks, RFC 6554. */
export interface RplEncap {
  type: 'rpl';
  segs: string[];
  raw?: RawAttribute[];
}

export interface XfrmEncap {
  type: 'xfrm';
  ifId?: number;
  /** Index of the underlying link. */
  link?: number;
  raw?: RawAttribute[];
}

/** Any other type, or one that could not be read: the value's bytes. */
export interface OpaqueEncap {
  type: 'ila' | 'bpf' | 'ioam6' | (string & {});
  hex: string;
}

export type Encap =
  | IpEncap
  | Ip6Encap
  | MplsEncap
  | Seg6Encap
  | Seg6LocalEncap
  | RplEncap
  | XfrmEncap
  | OpaqueEncap;

/** LWTUNNEL_ENCAP_*. */
const TYPES: readonly string[] = [
  'none',
  'mpls',
  'ip',
  'ila',
  'ip6',
  'seg6',
  'bpf',
  'seg6local',
  'rpl',
  'ioam6',
  'xfrm',
];

/** An id is a bigint as all 64-bit values; a small one may be given as a number. */
const tunnelId: Codec<bigint> = {
  size: 8,
  decode: (view, start, end) => be64.decode(view, start, end),
  encode: (writer, value) => be64.encode(writer, Number.isInteger(value) ? BigInt(value) : value),
};

const ipAttributes = attributeTable('LWTUNNEL_IP', {
  id: attribute(1, 'LWTUNNEL_IP_ID', tunnelId),
  dst: attribute(2, 'LWTUNNEL_IP_DST', ipv4),
  src: attribute(3, 'LWTUNNEL_IP_SRC', ipv4),
  ttl: attribute(4, 'LWTUNNEL_IP_TTL', u8),
  tos: attribute(5, 'LWTUNNEL_IP_TOS', u8),
  flags: attribute(6, 'LWTUNNEL_IP_FLAGS', flagSet(be16, TUNNEL_FLAGS)),
});

const ip6Attributes = attributeTable('LWTUNNEL_IP6', {
  id: attribute(1, 'LWTUNNEL_IP6_ID', tunnelId),
  dst: attribute(2, 'LWTUNNEL_IP6_DST', ipv6),
  src: attribute(3, 'LWTUNNEL_IP6_SRC', ipv6),
  hoplimit: attribute(4, 'LWTUNNEL_IP6_HOPLIMIT', u8),
  tc: attribute(5, 'LWTUNNEL_IP6_TC', u8),
  flags: attribute(6, 'LWTUNNEL_IP6_FLAGS', flagSet(be16, TUNNEL_FLAGS)),
});

/** LWTUNNEL_IP_OPTS and LWTUNNEL_IP6_OPTS. */
const OPTIONS = 8;
const NLA_TYPE_MASK = 0x3fff;

/** Throws for a raw attribute of one of these types, in however many bits the number hides it. */
export function refuseRaw(
  raw: readonly RawAttribute[] | undefined,
  types: readonly number[],
  remedy: string,
): void {
  // What is no list, or no attribute in it, the encoder refuses.
  const list: readonly (RawAttribute | null)[] = Array.isArray(raw) ? raw : [];
  const index = list.findIndex((attribute) => types.includes((attribute?.type ?? 0) & NLA_TYPE_MASK));
  if (index >= 0) throw at(`raw[${index}]`, new ValueError(list[index], remedy));
}

/**
 * Writing tunnel options is refused: kernels up to at least 6.18 free them wrongly when such a route is refused
 * or goes away, and panic with the rtnl lock held.
 */
function refuseOptions(raw: RawAttribute[] | undefined): void {
  refuseRaw(raw, [OPTIONS], 'tunnel parameters without options, which kernels do not handle safely');
}

const LABEL_MAX = 0xfffff;
const BOTTOM_OF_STACK = 0x100;

/** A stack of MPLS labels, uapi/linux/mpls.h: `100/200`, the outermost first. */
export const mplsLabels: Codec<string> = {
  decode(view, start, end) {
    const labels: number[] = [];
    for (let at = start; at + 4 <= end; at += 4) {
      const entry = view.be32(at);
      const last = at + 4 === end;
      // Traffic class and ttl have no place in the text, and no meaning in a route.
      if ((entry & 0xfff) !== (last ? BOTTOM_OF_STACK : 0)) throw new WireError('unusual MPLS label');
      labels.push(entry >>> 12);
    }
    if (labels.length === 0) throw new WireError('no MPLS label');
    return labels.join('/');
  },
  encode(writer, value) {
    const labels =
      typeof value === 'string' && /^\d+(\/\d+)*$/.test(value) ? value.split('/').map(Number) : [];
    if (labels.length === 0 || labels.some((label) => label > LABEL_MAX))
      throw new ValueError(value, `labels from 0 to ${LABEL_MAX}, joined by slashes`);
    for (const [i, label] of labels.entries())
      writer.be32(((label << 12) | (i === labels.length - 1 ? BOTTOM_OF_STACK : 0)) >>> 0);
  },
};

const mplsAttributes = attributeTable('MPLS_IPTUNNEL', {
  dst: attribute(1, 'MPLS_IPTUNNEL_DST', mplsLabels),
  ttl: attribute(2, 'MPLS_IPTUNNEL_TTL', u8),
});

const xfrmAttributes = attributeTable('LWT_XFRM', {
  ifId: attribute(1, 'LWT_XFRM_IF_ID', u32),
  link: attribute(2, 'LWT_XFRM_LINK', u32),
});

const RPL_HEADER = 8;
const RPL_ROUTING_TYPE = 3;

/** struct ipv6_rpl_sr_hdr without compression: the last segment comes first. */
const rplSegments: Codec<string[]> = {
  decode(view, start, end) {
    const count = (end - start - RPL_HEADER) / 16;
    if (count < 1 || count !== view.u8(start + 3) || view.u8(start + 1) !== 2 * count)
      throw new WireError('unusual RPL header');
    if (view.u8(start + 2) !== RPL_ROUTING_TYPE || view.u8(start) !== 0 || view.u32(start + 4) !== 0)
      throw new WireError('unusual RPL header');
    const segs: string[] = [];
    for (let i = count - 1; i >= 0; i--) segs.push(formatIpv6(view.bytes, start + RPL_HEADER + 16 * i));
    return segs;
  },
  encode(writer, segs) {
    if (!Array.isArray(segs) || segs.length === 0 || segs.length > 127)
      throw new ValueError(segs, 'a list of 1 to 127 IPv6 addresses');
    writer.u8(0);
    writer.u8(2 * segs.length);
    writer.u8(RPL_ROUTING_TYPE);
    writer.u8(segs.length);
    writer.u32(0);
    for (const segment of [...segs].reverse()) {
      const address = parseIpv6(segment);
      if (address === undefined) throw new ValueError(segment, 'an IPv6 address');
      writer.raw(address);
    }
  },
};

const rplAttributes = attributeTable('RPL_IPTUNNEL', { segs: attribute(1, 'RPL_IPTUNNEL_SRH', rplSegments) });

/** A tunnel by its number and value. What its type does not explain comes as bytes. */
export function decodeEncap(number: number, value: Uint8Array): Encap {
  const view = new WireView(value);
  const type = TYPES[number] ?? String(number);
  try {
    switch (type) {
      case 'ip':
        return { type, ...ipAttributes.decode(view, 0, value.length) };
      case 'ip6':
        return { type, ...ip6Attributes.decode(view, 0, value.length) };
      case 'xfrm':
        return { type, ...xfrmAttributes.decode(view, 0, value.length) };
      case 'seg6':
        return decodeSeg6(value);
      case 'seg6local':
        return decodeSeg6Local(value);
      case 'mpls': {
        const { dst, ...rest } = mplsAttributes.decode(view, 0, value.length);
        if (dst !== undefined) return { type, dst, ...rest };
        break;
      }
      case 'rpl': {
        const { segs, ...rest } = rplAttributes.decode(view, 0, value.length);
        if (segs !== undefined) return { type, segs, ...rest };
        break;
      }
    }
  } catch (error) {
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
  }
  return { type, hex: toHex(value) };
}

/** LWTUNNEL_ENCAP_* and the value. Throws a ValueError that names the field. */
export function encodeEncap(encap: Encap): { number: number; value: Uint8Array } {
  if (typeof encap !== 'object' || encap === null)
    throw new ValueError(encap, `an object as { type: '${TYPES[2]}', ... }`);
  const { type } = encap;
  const known = TYPES.indexOf(type);
  const number = known >= 0 ? known : typeof type === 'string' && /^\d+$/.test(type) ? Number(type) : 0;
  if (number === 0) throw at('type', new ValueError(type, `one of ${TYPES.slice(1).join(', ')}`));
  const writer = new WireWriter();
  if (isOpaque(encap)) {
    // Bytes could hide tunnel options.
    if (TYPES[number] === 'ip' || TYPES[number] === 'ip6')
      throw at('hex', new ValueError(encap.hex, `the fields of type ${TYPES[number]}`));
    try {
      hex.encode(writer, encap.hex);
    } catch (error) {
      throw error instanceof ValueError ? at('hex', error) : error;
    }
    return { number, value: writer.bytes };
  }
  refuseUnknown(encap);
  switch (encap.type) {
    case 'ip':
      refuseOptions(encap.raw);
      ipAttributes.encode(writer, encap);
      break;
    case 'ip6':
      refuseOptions(encap.raw);
      ip6Attributes.encode(writer, encap);
      break;
    case 'mpls':
      mplsAttributes.encode(writer, encap);
      break;
    case 'xfrm':
      xfrmAttributes.encode(writer, encap);
      break;
    case 'rpl':
      rplAttributes.encode(writer, encap);
      break;
    case 'seg6':
      encodeSeg6(writer, encap);
      break;
    case 'seg6local':
      encodeSeg6Local(writer, encap);
      break;
    default:
      throw at('hex', new ValueError(undefined, `the bytes of type ${type} in hex`));
  }
  return { number, value: writer.bytes };
}

/** The fields of each type; a misspelt one would be silently without effect. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  ip: ['id', 'dst', 'src', 'ttl', 'tos', 'flags'],
  ip6: ['id', 'dst', 'src', 'hoplimit', 'tc', 'flags'],
  mpls: ['dst', 'ttl'],
  seg6: ['mode', 'segs', 'hmac'],
  seg6local: SEG6_LOCAL_FIELDS,
  rpl: ['segs'],
  xfrm: ['ifId', 'link'],
};

function refuseUnknown(encap: Encap): void {
  const fields = FIELDS[encap.type] ?? [];
  for (const [field, value] of Object.entries(encap)) {
    if (field === 'type' || field === 'raw' || fields.includes(field)) continue;
    throw at(field, new ValueError(value, `only fields of type ${encap.type}: ${fields.join(', ')}`));
  }
}

function isOpaque(encap: Encap): encap is OpaqueEncap {
  return 'hex' in encap;
}

/** Names the field in the error. */
function at(field: string, error: ValueError): ValueError {
  error.path.unshift(field);
  return error;
}
