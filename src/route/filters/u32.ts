import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import {
  array,
  be16,
  be32,
  type Codec,
  flagSet,
  hex,
  reserved,
  s32,
  text,
  u8,
  u16,
  u32 as u32Codec,
  u64,
  ValueError,
} from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { actionList } from '../action-list.ts';
import { s16 } from '../tc-rate.ts';
import { wholeStruct } from '../tc-struct.ts';
import { classRef, defineFilter, filterFlags } from './kind.ts';

/** One word to compare: at `off` bytes, `packet & mask === value`. */
export interface U32Key {
  value: number;
  mask: number;
  /** Bytes from the header of layer 3; a multiple of 4. */
  off: number;
  /** -1 to go on from where the header of the next layer begins. */
  offmask?: number;
}

/** struct tc_u32_sel. */
export interface U32Selector {
  keys: U32Key[];
  /** `terminal`, `offset`, `varoffset`, `eat`. */
  flags?: string[];
  offshift?: number;
  offmask?: number;
  off?: number;
  offoff?: number;
  hoff?: number;
  hmask?: number;
}

const head = wholeStruct('tc_u32_sel', {
  flags: flagSet(u8, { terminal: 1, offset: 2, varoffset: 4, eat: 8 }),
  offshift: u8,
  count: u8,
  reserved: reserved(1),
  offmask: be16,
  off: u16,
  offoff: s16,
  hoff: s16,
  hmask: be32,
});
const keys = array(wholeStruct('tc_u32_key', { mask: be32, value: be32, off: s32, offmask: s32 }));

const MOST_KEYS = 128;

const selector: Codec<U32Selector> = {
  decode(view, start, end) {
    if (end - start < head.size) throw new WireError(`tc_u32_sel of ${end - start} bytes`);
    const { count, flags, offshift, offmask, off, offoff, hoff, hmask } = head.decode(
      view,
      start,
      start + head.size,
    );
    const found = keys.decode(view, start + head.size, end).slice(0, count);
    if (found.length < count) throw new WireError(`tc_u32_sel with ${found.length} of ${count} keys`);
    return {
      keys: found.map(({ value, mask, off: at, offmask: next }) => ({
        value,
        mask,
        off: at,
        ...(next !== 0 && { offmask: next }),
      })),
      ...(flags.length > 0 && { flags }),
      ...(offshift !== 0 && { offshift }),
      ...(offmask !== 0 && { offmask }),
      ...(off !== 0 && { off }),
      ...(offoff !== 0 && { offoff }),
      ...(hoff !== 0 && { hoff }),
      ...(hmask !== 0 && { hmask }),
    };
  },
  encode(writer, value) {
    const {
      keys: list,
      flags = [],
      offshift = 0,
      offmask = 0,
      off = 0,
      offoff = 0,
      hoff = 0,
      hmask = 0,
    } = value;
    if (!Array.isArray(list) || list.length > MOST_KEYS)
      throw new ValueError(list, `a list of up to ${MOST_KEYS} keys, as [{ value, mask, off }]`);
    head.encode(writer, { flags, offshift, count: list.length, offmask, off, offoff, hoff, hmask });
    keys.encode(
      writer,
      list.map(({ value: word, mask, off: at, offmask: next = 0 }) => ({
        mask,
        value: word,
        off: at,
        offmask: next,
      })),
    );
  },
};

/** struct tc_u32_pcnt: how often it was asked, how often it said yes, and the same of each key. */
export interface U32Hits {
  asked: bigint;
  matched: bigint;
  keys: bigint[];
}

const pcnt: Codec<U32Hits> = {
  decode(view, start, end) {
    if (end - start < 16) throw new WireError(`tc_u32_pcnt of ${end - start} bytes`);
    return {
      asked: view.u64(start),
      matched: view.u64(start + 8),
      keys: array(u64).decode(view, start + 16, end),
    };
  },
  encode() {
    throw new TypeError('counters are only read');
  },
};

/** Handles of u32: the table, the bucket in it, and the filter in the bucket: `800:0:801` is spelled `800::801`. */
const TABLE_SHIFT = 20;
const BUCKET_SHIFT = 12;

export function formatU32Handle(handle: number): string {
  const table = handle >>> TABLE_SHIFT;
  const bucket = (handle >>> BUCKET_SHIFT) & 0xff;
  const node = handle & 0xfff;
  if (handle === 0) return 'none';
  // No table at all: only in a request, which leaves the table to the kernel.
  if (table === 0) return `0:${bucket === 0 ? '' : bucket.toString(16)}:${node.toString(16)}`;
  let out = `${table.toString(16)}:`;
  if (bucket !== 0) out += bucket.toString(16);
  if (node !== 0) out += `:${node.toString(16)}`;
  return out;
}

export function parseU32Handle(value: string): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (value === 'none') return 0;
  if (/^0x[0-9a-f]{1,8}$/i.test(value)) return Number(value);
  const found = /^([0-9a-f]{0,3}):([0-9a-f]{0,2})(?::([0-9a-f]{0,3}))?$/i.exec(value);
  if (found === null) return undefined;
  const [table = 0, bucket = 0, node = 0] = found.slice(1).map((part) => Number.parseInt(part || '0', 16));
  return ((table << TABLE_SHIFT) | (bucket << BUCKET_SHIFT) | node) >>> 0;
}

const tableRef: Codec<string> = {
  size: 4,
  decode: (view, start, end) => formatU32Handle(u32Codec.decode(view, start, end)),
  encode(writer, value) {
    const handle = parseU32Handle(value);
    if (handle === undefined) throw new ValueError(value, 'a hash table such as "800:" or "1:2:"');
    writer.u32(handle);
  },
};

/** TCA_U32_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_U32', {
  classid: attribute(1, 'TCA_U32_CLASSID', classRef),
  hash: attribute(2, 'TCA_U32_HASH', tableRef),
  link: attribute(3, 'TCA_U32_LINK', tableRef),
  divisor: attribute(4, 'TCA_U32_DIVISOR', u32Codec),
  selector: attribute(5, 'TCA_U32_SEL', selector),
  police: attribute(6, 'TCA_U32_POLICE', hex),
  actions: actionList(7, 'TCA_U32_ACT'),
  indev: attribute(8, 'TCA_U32_INDEV', text(15)),
  hits: attribute(9, 'TCA_U32_PCNT', pcnt),
  mark: attribute(
    10,
    'TCA_U32_MARK',
    wholeStruct('tc_u32_mark', { value: u32Codec, mask: u32Codec, success: u32Codec }),
  ),
  flags: attribute(11, 'TCA_U32_FLAGS', filterFlags),
});

/** man 8 tc-u32: by words of the packet, and by tables of such filters. */
export interface U32 {
  /** The table that the filter is in, `800:`, with its bucket, `1:2:`. */
  hash?: string;
  /** A match goes on in this table. */
  link?: string;
  /** This is a table, of so many buckets. */
  divisor?: number;
  selector?: U32Selector;
  /** The mark of the firewall, of which `success` packets had it. */
  mark?: { value: number; mask: number; success?: number };
  police?: string;
  hits?: U32Hits;
}

export const u32 = defineFilter<typeof table, U32>('u32', table, {
  fields: ['hash', 'link', 'divisor', 'selector', 'mark', 'police', 'hits'],
  handle: { format: formatU32Handle, parse: parseU32Handle },
  fromWire: ({ raw: _, ...rest }) => rest,
  toWire: ({ hits: _, mark, ...rest }) => ({ ...rest, ...(mark && { mark: { success: 0, ...mark } }) }),
});
