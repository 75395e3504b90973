/** Parts of a link's message that are long and always alike, read without the tables. */
import { addressText6 } from '../netlink/wire/address-text.ts';
import type { WireView } from '../netlink/wire/view.ts';
import { type LinkStats, linkAttributes } from './link-attributes.ts';
import type { Link } from './link-object.ts';

/** struct rtnl_link_stats64 as of Linux 6.1: 25 counters. */
export function readStats64(view: WireView, at: number): LinkStats {
  return {
    rxPackets: view.u64(at),
    txPackets: view.u64(at + 8),
    rxBytes: view.u64(at + 16),
    txBytes: view.u64(at + 24),
    rxErrors: view.u64(at + 32),
    txErrors: view.u64(at + 40),
    rxDropped: view.u64(at + 48),
    txDropped: view.u64(at + 56),
    multicast: view.u64(at + 64),
    collisions: view.u64(at + 72),
    rxLengthErrors: view.u64(at + 80),
    rxOverErrors: view.u64(at + 88),
    rxCrcErrors: view.u64(at + 96),
    rxFrameErrors: view.u64(at + 104),
    rxFifoErrors: view.u64(at + 112),
    rxMissedErrors: view.u64(at + 120),
    txAbortedErrors: view.u64(at + 128),
    txCarrierErrors: view.u64(at + 136),
    txFifoErrors: view.u64(at + 144),
    txHeartbeatErrors: view.u64(at + 152),
    txWindowErrors: view.u64(at + 160),
    rxCompressed: view.u64(at + 168),
    txCompressed: view.u64(at + 176),
    rxNohandler: view.u64(at + 184),
    rxOtherhostDropped: view.u64(at + 192),
  };
}

/** struct rtnl_link_ifmap. */
export function readMap(view: WireView, at: number): NonNullable<Link['map']> {
  return {
    memStart: view.u64(at),
    memEnd: view.u64(at + 8),
    baseAddr: view.u64(at + 16),
    irq: view.u16(at + 24),
    dma: view.u8(at + 26),
    port: view.u8(at + 27),
  };
}

type AfSpec = NonNullable<Link['afSpec']>;
type Inet6 = NonNullable<AfSpec['inet6']>;

const { codec } = linkAttributes.specs.afSpec;

const AF_INET = 2;
const AF_INET6 = 10;
/** First words of attributes; see route-scan.ts. */
const INET6_FLAGS = 0x0001_0008;
const INET6_CACHEINFO = 0x0005_0014;
const INET6_TOKEN = 0x0007_0014;
const INET6_ADDR_GEN_MODE = 0x0008_0005;
const CONF = { inet: 1, inet6: 2 } as const;
const GEN_MODES = ['eui64', 'none', 'stable_secret', 'random'] as const;

function lengthAt(words: Int32Array, at: number): number {
  return (words[at] as number) & 0xffff;
}
function typeAt(words: Int32Array, at: number): number {
  return (words[at] as number) >>> 16;
}

/** Numbers back to back. */
function numbers(words: Int32Array, at: number, count: number): number[] {
  const list = new Array<number>(count);
  for (let i = 0; i < count; i++) list[i] = words[at + i] as number;
  return list;
}

/**
 * IFLA_AF_SPEC in [start, end): AF_INET and AF_INET6, each with what links are listed with. Anything else goes to the
 * table.
 */
export function readAfSpec(view: WireView, words: Int32Array, start: number, end: number): AfSpec {
  const inetAt = start >> 2;
  // IFLA_INET_CONF alone.
  if (end - start < 8 || words[inetAt] === undefined) return codec.decode(view, start, end);
  const inetEnd = inetAt + (lengthAt(words, inetAt) >> 2);
  const plainInet =
    typeAt(words, inetAt) === AF_INET &&
    lengthAt(words, inetAt) % 4 === 0 &&
    lengthAt(words, inetAt) >= 8 &&
    inetEnd << 2 <= end - 4 &&
    typeAt(words, inetAt + 1) === CONF.inet &&
    lengthAt(words, inetAt + 1) === lengthAt(words, inetAt) - 4;
  if (!plainInet || typeAt(words, inetEnd) !== AF_INET6 || (inetEnd << 2) + lengthAt(words, inetEnd) !== end)
    return codec.decode(view, start, end);
  const inet6 = readInet6(words, inetEnd + 1, end);
  if (inet6 === undefined) return codec.decode(view, start, end);
  return { inet: { conf: numbers(words, inetAt + 2, inetEnd - inetAt - 2) }, inet6 };
}

/** Undefined for what is not as it always is. */
function readInet6(words: Int32Array, start: number, end: number): Inet6 | undefined {
  let at = start;
  if (end - (at << 2) < 28 || words[at] !== INET6_FLAGS || words[at + 2] !== INET6_CACHEINFO)
    return undefined;
  const flags = (words[at + 1] as number) >>> 0;
  const cacheinfo = {
    maxReasmLen: (words[at + 3] as number) >>> 0,
    tstamp: (words[at + 4] as number) >>> 0,
    reachableTime: (words[at + 5] as number) >>> 0,
    retransTime: (words[at + 6] as number) >>> 0,
  };
  at += 7;
  if (end - (at << 2) < 4) return undefined;
  const confLength = lengthAt(words, at);
  if (typeAt(words, at) !== CONF.inet6 || confLength % 4 !== 0 || confLength < 4) return undefined;
  const confAt = at + 1;
  at += confLength >> 2;
  // The token, the mode, and nothing behind them but padding.
  const left = end - (at << 2);
  if (left < 25 || left > 28 || words[at] !== INET6_TOKEN || words[at + 5] !== INET6_ADDR_GEN_MODE)
    return undefined;
  const mode = (words[at + 6] as number) & 0xff;
  return {
    flags,
    cacheinfo,
    conf: numbers(words, confAt, (confLength >> 2) - 1),
    token: addressText6(words, at + 1),
    addrGenMode: GEN_MODES[mode] ?? String(mode),
  };
}
