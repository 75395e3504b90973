/**
 * A route's message taken apart without making anything: its numbers go into one array, where the makers of objects
 * and the columns of a table find them. It knows what the routes of big tables are made of; whatever else is in a
 * message makes it a rare one, whose bytes go to {@link decodeRoute}.
 */
import { endianness } from 'node:os';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';

/** Where the numbers are. Addresses have four words, in the order of memory; IPv4 uses the first. */
export const FIELD = {
  /** Family, length of the destination, of the source, TOS: a byte each from the lowest. */
  first: 0,
  /** The table's low byte, protocol, scope, type. */
  second: 1,
  flags: 2,
  table: 3,
  dst: 4,
  via: 8,
  prefsrc: 12,
  oif: 16,
  metric: 17,
  nexthopId: 18,
  pref: 19,
  /** struct rta_cacheinfo: eight words. */
  cacheinfo: 20,
  size: 28,
} as const;

/** What is there, as bits: of a scan, and of a row of a table. */
export const HAS = {
  dst: 1,
  via: 2,
  prefsrc: 4,
  oif: 8,
  metric: 16,
  nexthopId: 32,
  pref: 64,
  cacheinfo: 128,
  /** Something that is not told by the fields. They hold what there was besides. */
  rare: 256,
} as const;

const LITTLE = endianness() === 'LE';
const INET = 2;
const INET6 = 10;
const CLONED = 0x200;

/** struct rtmsg */
const HEADER = 12;

/** The first word of an attribute of that type and length, on a host with the first byte in the lowest bits. */
const DST4 = 0x0001_0008;
const DST6 = 0x0001_0014;
const OIF = 0x0004_0008;
const VIA4 = 0x0005_0008;
const VIA6 = 0x0005_0014;
const METRIC = 0x0006_0008;
const PREFSRC4 = 0x0007_0008;
const PREFSRC6 = 0x0007_0014;
const CACHEINFO = 0x000c_0024;
const TABLE = 0x000f_0008;
const PREF = 0x0014_0005;
const NEXTHOP_ID = 0x001e_0008;

function copy(from: Int32Array, at: number, to: Int32Array, field: number, count: number): void {
  for (let i = 0; i < count; i++) to[field + i] = from[at + i] as number;
}

/**
 * Reads the message in [start, end), which starts on a 4-byte boundary, into `fields`. Returns what was there
 * ({@link HAS}); the fields of what was not keep what they had. A rare message's `first` to `flags` are read as far as
 * there are bytes, zeros instead of the others.
 */
export function scanRoute(buffer: ReceiveBuffer, start: number, end: number, fields: Int32Array): number {
  const { words } = buffer;
  let at = start >> 2;
  if (!LITTLE || end - start < HEADER) {
    fields.fill(0, 0, FIELD.dst);
    return HAS.rare;
  }
  const first = words[at] as number;
  const second = words[at + 1] as number;
  const flags = words[at + 2] as number;
  fields[FIELD.first] = first;
  fields[FIELD.second] = second;
  fields[FIELD.flags] = flags;
  fields[FIELD.table] = second & 0xff;
  const family = first & 0xff;
  const length = (first >>> 8) & 0xff;
  let has = 0;
  if (family === INET) {
    // Of what was looked up for one packet the flags mean something else.
    if (length > 32 || (flags & CLONED) !== 0) has = HAS.rare;
  } else if (family !== INET6 || length > 128) return HAS.rare;
  // Routes by source.
  if ((first & 0xff_0000) !== 0) has |= HAS.rare;
  at += 3;
  // The end of the last whole word: what is behind it is padding.
  const last = end >> 2;
  while (at < last) {
    const head = words[at] as number;
    const size = ((head & 0xffff) + 3) >> 2;
    if (size === 0 || (at << 2) + (head & 0xffff) > end) return has | HAS.rare;
    switch (head) {
      case DST4:
        if (family !== INET) return has | HAS.rare;
        fields[FIELD.dst] = words[at + 1] as number;
        has |= HAS.dst;
        break;
      case DST6:
        if (family === INET) return has | HAS.rare;
        copy(words, at + 1, fields, FIELD.dst, 4);
        has |= HAS.dst;
        break;
      case OIF:
        fields[FIELD.oif] = words[at + 1] as number;
        has |= HAS.oif;
        break;
      case VIA4:
        if (family !== INET) return has | HAS.rare;
        fields[FIELD.via] = words[at + 1] as number;
        has |= HAS.via;
        break;
      case VIA6:
        if (family === INET) return has | HAS.rare;
        copy(words, at + 1, fields, FIELD.via, 4);
        has |= HAS.via;
        break;
      case METRIC:
        fields[FIELD.metric] = words[at + 1] as number;
        has |= HAS.metric;
        break;
      case PREFSRC4:
        if (family !== INET) return has | HAS.rare;
        fields[FIELD.prefsrc] = words[at + 1] as number;
        has |= HAS.prefsrc;
        break;
      case PREFSRC6:
        if (family === INET) return has | HAS.rare;
        copy(words, at + 1, fields, FIELD.prefsrc, 4);
        has |= HAS.prefsrc;
        break;
      case CACHEINFO:
        copy(words, at + 1, fields, FIELD.cacheinfo, 8);
        has |= HAS.cacheinfo;
        break;
      case TABLE:
        fields[FIELD.table] = words[at + 1] as number;
        break;
      case PREF:
        fields[FIELD.pref] = (words[at + 1] as number) & 0xff;
        has |= HAS.pref;
        break;
      case NEXTHOP_ID:
        fields[FIELD.nexthopId] = words[at + 1] as number;
        has |= HAS.nexthopId;
        break;
      default:
        has |= HAS.rare;
    }
    at += size;
  }
  return has;
}
