import { FIELD, HAS } from './route-scan.ts';

/** Bits of a row's `present`: which values it has. `rare`: its message holds more than the columns do. */
export const ROUTE_PRESENT: Readonly<
  Record<'dst' | 'via' | 'prefsrc' | 'oif' | 'metric' | 'nexthopId' | 'pref' | 'cacheinfo' | 'rare', number>
> = HAS;

/** Rows of one chunk at most. */
export const CHUNK_ROWS = 1 << 16;

/**
 * Up to 65,536 routes of one family in columns: `oif[i]` is of row i, for i below `length`; what is behind that means
 * nothing. A column that no row has a value for is undefined. Numbers are the kernel's, uapi/linux/rtnetlink.h, and
 * addresses bytes in network order.
 */
export class RouteChunk {
  /** AF_INET, AF_INET6, ... */
  readonly family: number;
  /** Bytes of an address: row i's `dst` starts at `i * addressBytes`. 4, or 16 for IPv6. */
  readonly addressBytes: number;
  /** Which values a row has, as the bits of {@link ROUTE_PRESENT}. */
  readonly present = new Uint16Array(CHUNK_ROWS);
  readonly dstLength = new Uint8Array(CHUNK_ROWS);
  readonly table = new Uint32Array(CHUNK_ROWS);
  readonly protocol = new Uint8Array(CHUNK_ROWS);
  readonly scope = new Uint8Array(CHUNK_ROWS);
  readonly type = new Uint8Array(CHUNK_ROWS);
  /** 0 where there is none. */
  tos: Uint8Array | undefined;
  /** RTNH_F_* and RTM_F_*. 0 where there are none. */
  flags: Uint32Array | undefined;
  oif: Uint32Array | undefined;
  metric: Uint32Array | undefined;
  nexthopId: Uint32Array | undefined;
  /** ICMPV6_ROUTER_PREF_*. */
  pref: Uint8Array | undefined;
  /** The same memory as `dst`, `via` and `prefsrc` below. */
  #dst: Int32Array | undefined;
  #via: Int32Array | undefined;
  #prefsrc: Int32Array | undefined;
  /** struct rta_cacheinfo: eight words a row. */
  #cacheinfo: Int32Array | undefined;
  readonly #rare = new Map<number, Uint8Array>();
  #length = 0;

  constructor(family: number) {
    this.family = family;
    this.addressBytes = family === 10 ? 16 : 4;
  }

  get length(): number {
    return this.#length;
  }
  get dst(): Uint8Array | undefined {
    return bytesOf(this.#dst);
  }
  /** The gateway. Of a route with several, or with one of another family: see {@link messageOf}. */
  get via(): Uint8Array | undefined {
    return bytesOf(this.#via);
  }
  get prefsrc(): Uint8Array | undefined {
    return bytesOf(this.#prefsrc);
  }

  /** The message of a row that holds more than the columns do (several nexthops, metrics, ...): struct rtmsg and on. */
  messageOf(row: number): Uint8Array | undefined {
    return this.#rare.get(row);
  }

  /** Adds a row from what {@link scanRoute} found; `message` where that is not all. */
  append(has: number, fields: Int32Array, message: Uint8Array | undefined): void {
    const row = this.#length++;
    const first = fields[FIELD.first] as number;
    const second = fields[FIELD.second] as number;
    this.present[row] = has;
    this.dstLength[row] = first >>> 8;
    this.table[row] = fields[FIELD.table] as number;
    this.protocol[row] = second >>> 8;
    this.scope[row] = second >>> 16;
    this.type[row] = second >>> 24;
    if (first >>> 24 !== 0) {
      this.tos ??= new Uint8Array(CHUNK_ROWS);
      this.tos[row] = first >>> 24;
    }
    const flags = fields[FIELD.flags] as number;
    if (flags !== 0) {
      this.flags ??= new Uint32Array(CHUNK_ROWS);
      this.flags[row] = flags;
    }
    if ((has & HAS.oif) !== 0) {
      this.oif ??= new Uint32Array(CHUNK_ROWS);
      this.oif[row] = fields[FIELD.oif] as number;
    }
    const width = this.addressBytes >> 2;
    if ((has & HAS.dst) !== 0) {
      this.#dst ??= new Int32Array(CHUNK_ROWS * width);
      put(this.#dst, row, width, fields, FIELD.dst);
    }
    if ((has & HAS.via) !== 0) {
      this.#via ??= new Int32Array(CHUNK_ROWS * width);
      put(this.#via, row, width, fields, FIELD.via);
    }
    if ((has & ~(HAS.oif | HAS.dst | HAS.via)) !== 0) this.#appendRarer(row, has, fields, message);
  }

  #appendRarer(row: number, has: number, fields: Int32Array, message: Uint8Array | undefined): void {
    const width = this.addressBytes >> 2;
    if ((has & HAS.metric) !== 0) {
      this.metric ??= new Uint32Array(CHUNK_ROWS);
      this.metric[row] = fields[FIELD.metric] as number;
    }
    if ((has & HAS.prefsrc) !== 0) {
      this.#prefsrc ??= new Int32Array(CHUNK_ROWS * width);
      put(this.#prefsrc, row, width, fields, FIELD.prefsrc);
    }
    if ((has & HAS.nexthopId) !== 0) {
      this.nexthopId ??= new Uint32Array(CHUNK_ROWS);
      this.nexthopId[row] = fields[FIELD.nexthopId] as number;
    }
    if ((has & HAS.pref) !== 0) {
      this.pref ??= new Uint8Array(CHUNK_ROWS);
      this.pref[row] = fields[FIELD.pref] as number;
    }
    if ((has & HAS.cacheinfo) !== 0) {
      this.#cacheinfo ??= new Int32Array(CHUNK_ROWS * 8);
      put(this.#cacheinfo, row, 8, fields, FIELD.cacheinfo);
    }
    if (message !== undefined) this.#rare.set(row, message);
  }

  /** The reverse of {@link append}: a row as fields. Returns what it has. */
  restore(row: number, fields: Int32Array): number {
    const has = this.present[row] as number;
    const dstLength = this.dstLength[row] as number;
    const [protocol, scope, type] = [this.protocol[row], this.scope[row], this.type[row]] as Row;
    fields[FIELD.first] = this.family | (dstLength << 8) | ((this.tos?.[row] ?? 0) << 24);
    fields[FIELD.second] = (protocol << 8) | (scope << 16) | (type << 24);
    fields[FIELD.flags] = this.flags?.[row] ?? 0;
    fields[FIELD.table] = this.table[row] as number;
    fields[FIELD.oif] = this.oif?.[row] ?? 0;
    fields[FIELD.metric] = this.metric?.[row] ?? 0;
    fields[FIELD.nexthopId] = this.nexthopId?.[row] ?? 0;
    fields[FIELD.pref] = this.pref?.[row] ?? 0;
    const width = this.addressBytes >> 2;
    get(this.#dst, row, width, fields, FIELD.dst);
    get(this.#via, row, width, fields, FIELD.via);
    get(this.#prefsrc, row, width, fields, FIELD.prefsrc);
    get(this.#cacheinfo, row, 8, fields, FIELD.cacheinfo);
    return has;
  }
}

type Row = [number, number, number];

function put(column: Int32Array, row: number, width: number, fields: Int32Array, field: number): void {
  const at = row * width;
  for (let i = 0; i < width; i++) column[at + i] = fields[field + i] as number;
}

function get(
  column: Int32Array | undefined,
  row: number,
  width: number,
  fields: Int32Array,
  field: number,
): void {
  if (column === undefined) return;
  const at = row * width;
  for (let i = 0; i < width; i++) fields[field + i] = column[at + i] as number;
}

function bytesOf(column: Int32Array | undefined): Uint8Array | undefined {
  return column && new Uint8Array(column.buffer);
}
