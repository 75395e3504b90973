/** Segment routing headers: uapi/linux/seg6.h, seg6_iptunnel.h, seg6_local.h; RFC 8754. */

import { formatIpv6, parseIpv6 } from '../netlink/wire/address.ts';
import { attribute, attributeTable, nest, type RawAttribute } from '../netlink/wire/attributes.ts';
import {
  type Codec,
  enumeration,
  flagSet,
  ipv4,
  ipv6,
  s32,
  string,
  u8,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { WireError, WireView, WireWriter } from '../netlink/wire/view.ts';

/** A segment routing header. */
export interface SegmentRoutingHeader {
  /** IPv6 addresses, the first to visit first. */
  segs: string[];
  /** Id of the HMAC key, from 1; `ip sr hmac` sets keys. */
  hmac?: number;
}

/** SEG6_IPTUN_MODE_*. */
const MODES = { 0: 'inline', 1: 'encap', 2: 'l2encap', 3: 'encap.red', 4: 'l2encap.red' } as const;
export type Seg6Mode = (typeof MODES)[keyof typeof MODES] | (string & {});

export interface Seg6Encap extends SegmentRoutingHeader {
  type: 'seg6';
  /** `inline` ends in `::`, where the packet's own destination goes; it is added where it is missing. */
  mode: Seg6Mode;
  raw?: RawAttribute[];
}

const HEADER = 8;
const SR6_FLAG1_HMAC = 1 << 3;
/** struct sr6_tlv_hmac: type, length, 2 bytes of flags, key id, 32 bytes of HMAC. */
const HMAC_TLV = 40;
const HMAC_TYPE = 5;
const ROUTING_TYPE = 4;

function writeHeader(writer: WireWriter, { segs, hmac }: SegmentRoutingHeader): void {
  if (!Array.isArray(segs) || segs.length === 0) {
    const error = new ValueError(segs, 'a list of IPv6 addresses');
    error.path.unshift('segs');
    throw error;
  }
  const size = HEADER + 16 * segs.length + (hmac === undefined ? 0 : HMAC_TLV);
  if (size / 8 - 1 > 0xff) {
    const error = new ValueError(segs, 'at most 126 segments');
    error.path.unshift('segs');
    throw error;
  }
  writer.u8(0);
  writer.u8(size / 8 - 1);
  writer.u8(ROUTING_TYPE);
  writer.u8(segs.length - 1);
  writer.u8(segs.length - 1);
  writer.u8(hmac === undefined ? 0 : SR6_FLAG1_HMAC);
  writer.u16(0);
  // On the wire the last segment comes first.
  for (const [i, segment] of [...segs].reverse().entries()) {
    const address = parseIpv6(segment);
    if (address === undefined) {
      const error = new ValueError(segment, 'an IPv6 address');
      error.path.unshift(`segs[${segs.length - 1 - i}]`);
      throw error;
    }
    writer.raw(address);
  }
  if (hmac === undefined) return;
  if (!Number.isInteger(hmac) || hmac < 1 || hmac > 0xffffffff) {
    const error = new ValueError(hmac, 'the id of a key, 1 to 4294967295');
    error.path.unshift('hmac');
    throw error;
  }
  writer.u8(HMAC_TYPE);
  writer.u8(HMAC_TLV - 2);
  writer.u16(0);
  writer.be32(hmac);
  writer.reserve(HMAC_TLV - 8);
}

/** Throws for headers that say more than segments and a key, so that their attribute stays raw and loses nothing. */
function readHeader(view: WireView, start: number, end: number): SegmentRoutingHeader {
  if (end - start < HEADER) throw new WireError('segment routing header cut short');
  const count = view.u8(start + 4) + 1;
  const size = 8 * (view.u8(start + 1) + 1);
  if (size > end - start || HEADER + 16 * count > size)
    throw new WireError('segment routing header cut short');
  const header: SegmentRoutingHeader = { segs: [] };
  for (let i = count - 1; i >= 0; i--) header.segs.push(formatIpv6(view.bytes, start + HEADER + 16 * i));
  if ((view.u8(start + 5) & SR6_FLAG1_HMAC) !== 0 && size >= HEADER + 16 * count + HMAC_TLV)
    header.hmac = view.be32(start + size - HMAC_TLV + 4);
  const again = new WireWriter(size);
  if (header.hmac !== 0) writeHeader(again, header);
  if (Buffer.compare(again.bytes, view.bytes.subarray(start, end)) !== 0)
    throw new WireError('segment routing header with parts that have no field');
  return header;
}

export const segmentRoutingHeader: Codec<SegmentRoutingHeader> = { decode: readHeader, encode: writeHeader };

const mode = enumeration(s32, MODES);

/** struct seg6_iptunnel_encap: the mode, then the header. */
const tunnel: Codec<SegmentRoutingHeader & { mode: Seg6Mode }> = {
  decode(view, start, end) {
    return { mode: mode.decode(view, start, end), ...readHeader(view, start + 4, end) };
  },
  encode(writer, value) {
    try {
      mode.encode(writer, value.mode);
    } catch (error) {
      if (error instanceof ValueError) error.path.unshift('mode');
      throw error;
    }
    writeHeader(writer, value.mode === 'inline' ? endingInPlaceholder(value) : value);
  },
};

/** Where the packet's own destination is put in, the list of segments has `::` as its last. */
function endingInPlaceholder<T extends SegmentRoutingHeader>(header: T): T {
  if (!Array.isArray(header.segs) || header.segs.at(-1) === '::') return header;
  return { ...header, segs: [...header.segs, '::'] };
}

const seg6Attributes = attributeTable('SEG6_IPTUNNEL', { srh: attribute(1, 'SEG6_IPTUNNEL_SRH', tunnel) });

export function decodeSeg6(value: Uint8Array): Seg6Encap {
  const { srh, raw } = seg6Attributes.decode(new WireView(value), 0, value.length);
  // Without a readable header there is nothing of this type to show.
  if (srh === undefined) throw new WireError('seg6 without a segment routing header');
  return { type: 'seg6', ...srh, ...(raw === undefined ? {} : { raw }) };
}

export function encodeSeg6(writer: WireWriter, value: Seg6Encap): void {
  const { type: _, raw, ...srh } = value;
  attempt(() => seg6Attributes.encode(writer, { srh, ...(raw === undefined ? {} : { raw }) }));
}

/** What is one attribute on the wire are fields of the encap itself: leave `srh` out of the error's path. */
function attempt(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof ValueError && error.path[0] === 'srh') error.path.shift();
    throw error;
  }
}

/** SEG6_LOCAL_ACTION_*. */
const ACTIONS = {
  1: 'End',
  2: 'End.X',
  3: 'End.T',
  4: 'End.DX2',
  5: 'End.DX6',
  6: 'End.DX4',
  7: 'End.DT6',
  8: 'End.DT4',
  9: 'End.B6',
  10: 'End.B6.Encaps',
  11: 'End.BM',
  12: 'End.S',
  13: 'End.AS',
  14: 'End.AM',
  15: 'End.BPF',
  16: 'End.DT46',
} as const;
export type Seg6LocalAction = (typeof ACTIONS)[keyof typeof ACTIONS] | (string & {});

/** SEG6_LOCAL_FLV_OP_*, as bits. */
const FLAVORS = { psp: 1 << 1, usp: 1 << 2, usd: 1 << 3, 'next-csid': 1 << 4 } as const;

const seg6LocalAttributes = attributeTable('SEG6_LOCAL', {
  action: attribute(1, 'SEG6_LOCAL_ACTION', enumeration(u32, ACTIONS)),
  srh: attribute(2, 'SEG6_LOCAL_SRH', segmentRoutingHeader),
  table: attribute(3, 'SEG6_LOCAL_TABLE', u32),
  nh4: attribute(4, 'SEG6_LOCAL_NH4', ipv4),
  nh6: attribute(5, 'SEG6_LOCAL_NH6', ipv6),
  iif: attribute(6, 'SEG6_LOCAL_IIF', u32),
  oif: attribute(7, 'SEG6_LOCAL_OIF', u32),
  /** Of a program that is attached; a new one takes an open fd, which is not for this interface. */
  bpf: nest(
    8,
    'SEG6_LOCAL_BPF',
    attributeTable('SEG6_LOCAL_BPF', {
      prog: attribute(1, 'SEG6_LOCAL_BPF_PROG', u32),
      name: attribute(2, 'SEG6_LOCAL_BPF_PROG_NAME', string),
    }),
  ),
  vrftable: attribute(9, 'SEG6_LOCAL_VRFTABLE', u32),
  /** Present where packets are counted. The kernel starts at zero whatever it is given. */
  counters: nest(
    10,
    'SEG6_LOCAL_COUNTERS',
    attributeTable('SEG6_LOCAL_CNT', {
      packets: attribute(2, 'SEG6_LOCAL_CNT_PACKETS', u64),
      bytes: attribute(3, 'SEG6_LOCAL_CNT_BYTES', u64),
      errors: attribute(4, 'SEG6_LOCAL_CNT_ERRORS', u64),
    }),
  ),
  flavors: nest(
    11,
    'SEG6_LOCAL_FLAVORS',
    attributeTable('SEG6_LOCAL_FLV', {
      operations: attribute(1, 'SEG6_LOCAL_FLV_OPERATION', flagSet(u32, FLAVORS)),
      /** Bits of the locator block, and of the node and function part, of `next-csid`. */
      lblen: attribute(2, 'SEG6_LOCAL_FLV_LCBLOCK_BITS', u8),
      nflen: attribute(3, 'SEG6_LOCAL_FLV_LCNODE_FN_BITS', u8),
    }),
  ),
});

export const SEG6_LOCAL_FIELDS: readonly string[] = Object.keys(seg6LocalAttributes.specs);

export interface Seg6LocalEncap {
  type: 'seg6local';
  action: Seg6LocalAction;
  /** For End.B6 it ends in `::`, which is added where it is missing. */
  srh?: SegmentRoutingHeader;
  /** Numbers of routing tables. */
  table?: number;
  vrftable?: number;
  nh4?: string;
  nh6?: string;
  /** Indexes of links. */
  iif?: number;
  oif?: number;
  bpf?: { prog?: number; name?: string; raw?: RawAttribute[] };
  counters?: { packets?: bigint; bytes?: bigint; errors?: bigint; raw?: RawAttribute[] };
  flavors?: { operations?: string[]; lblen?: number; nflen?: number; raw?: RawAttribute[] };
  raw?: RawAttribute[];
}

export function decodeSeg6Local(value: Uint8Array): Seg6LocalEncap {
  const { action, ...rest } = seg6LocalAttributes.decode(new WireView(value), 0, value.length);
  if (action === undefined) throw new WireError('seg6local without an action');
  return { type: 'seg6local', action, ...rest };
}

export function encodeSeg6Local(writer: WireWriter, value: Seg6LocalEncap): void {
  const { type: _, ...rest } = value;
  if (rest.action === 'End.B6' && rest.srh !== undefined) rest.srh = endingInPlaceholder(rest.srh);
  seg6LocalAttributes.encode(writer, rest);
}
