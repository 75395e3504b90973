import type { U32, U32Key, U32Selector } from '../../../route/filters/index.ts';
import { formatU32Handle, parseU32Handle } from '../../../route/filters/u32.ts';
import { inetPrefix, matches, parseInteger, parseUnsigned, UsageError, type Words } from '../../args.ts';
import { illegal, next, parseHex } from '../qdisc-words/rows.ts';

/** The words of `tc` for u32: f_u32.c of iproute2, man 8 tc-u32. */

interface Place {
  off: number;
  offmask: number;
}

/** Adds to a key at the same place, as far as both agree. */
function pack(keys: U32Key[], value: number, mask: number, { off, offmask }: Place): void {
  const wanted = (value & mask) >>> 0;
  const same = keys.find((key) => key.off === off && (key.offmask ?? 0) === offmask);
  if (same !== undefined) {
    if (((wanted ^ same.value) & mask & same.mask) !== 0) throw illegal('match');
    same.value = (same.value | wanted) >>> 0;
    same.mask = (same.mask | mask) >>> 0;
    return;
  }
  if (off % 4 !== 0) throw illegal('match');
  keys.push({ value: wanted, mask: mask >>> 0, off, ...(offmask !== 0 && { offmask }) });
}

/** A part of a word: its bits go where its bytes lie. */
function packPart(
  keys: U32Key[],
  value: number,
  mask: number,
  bytes: 1 | 2 | 4,
  { off, offmask }: Place,
): void {
  const most = 256 ** bytes - 1;
  if (value > most || mask > most) throw illegal('match');
  const within = ((off % 4) + 4) % 4;
  // Two bytes that do not begin a word are its last two, wherever they begin.
  const shift = bytes === 4 ? 0 : bytes === 2 ? (within === 0 ? 16 : 0) : 24 - 8 * within;
  const place = bytes === 4 ? { off, offmask } : { off: off - within, offmask };
  pack(keys, (value << shift) >>> 0, (mask << shift) >>> 0, place);
}

function readAt(words: Words, place: Place): Place {
  if (!words.take('at')) return place;
  let word = words.next();
  let { offmask } = place;
  if (word.startsWith('nexthdr+')) {
    offmask = -1;
    word = word.slice('nexthdr+'.length) || words.next();
  }
  const off = parseInteger(word);
  if (off === undefined) throw illegal('match');
  return { off, offmask };
}

/** `VALUE MASK [ at OFFSET ]`. */
function readNumber(words: Words, keys: U32Key[], bytes: 1 | 2 | 4, place: Place): void {
  const value = next(words, 'match', (word) => parseUnsigned(word));
  const mask = next(words, 'match', parseHex);
  packPart(keys, value, mask, bytes, readAt(words, place));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return Buffer.from(bytes).readUInt32BE(at);
}

function readPrefix(words: Words, keys: U32Key[], family: 'inet' | 'inet6', off: number): void {
  const prefix = inetPrefix(words.next(), family);
  const place = readAt(words, { off, offmask: 0 });
  const bytes = prefix.bytes.length === 0 ? new Uint8Array(family === 'inet' ? 4 : 16) : prefix.bytes;
  if (family === 'inet' && prefix.length === 0) pack(keys, 0, 0, place);
  for (let bit = 0; bit < prefix.length; bit += 32) {
    const left = prefix.length - bit;
    const mask = left >= 32 ? 0xffffffff : (0xffffffff << (32 - left)) >>> 0;
    pack(keys, wordAt(bytes, bit / 8), mask, { off: place.off + bit / 8, offmask: place.offmask });
  }
}

function readMac(words: Words, keys: U32Key[], off: number): void {
  const octets = words
    .next()
    .split(':')
    .map((octet) => Number.parseInt(octet, 16));
  if (octets.length !== 6 || octets.some((octet) => !(octet <= 0xff))) throw illegal('match');
  const place = readAt(words, { off, offmask: 0 });
  for (const [i, octet] of octets.entries())
    packPart(keys, octet, 0xff, 1, { off: place.off + i, offmask: place.offmask });
}

type Field = readonly [bytes: 1 | 2 | 4, off: number, offmask?: number];

const IP: Readonly<Record<string, Field>> = {
  tos: [1, 1],
  ihl: [1, 0],
  protocol: [1, 9],
  dport: [2, 22],
  sport: [2, 20],
  icmp_type: [1, 20],
  icmp_code: [1, 21],
};
const IP_FLAGS: Readonly<Record<string, readonly [value: number, mask: number]>> = {
  nofrag: [0, 0x3fff],
  firstfrag: [0x2000, 0x3fff],
  df: [0x4000, 0x4000],
  mf: [0x2000, 0x2000],
};
const IP6: Readonly<Record<string, Field>> = {
  protocol: [1, 6],
  flowlabel: [4, 0],
  dport: [2, 42],
  sport: [2, 40],
  icmp_type: [1, 40],
  icmp_code: [1, 41, 1],
};
const PORTS: Readonly<Record<string, Field>> = { src: [2, 0, -1], dst: [2, 2, -1] };
const ICMP: Readonly<Record<string, Field>> = { type: [1, 0, -1], code: [1, 1, -1] };

function readField(words: Words, keys: U32Key[], field: Field | undefined): void {
  if (field === undefined) throw illegal('match');
  words.next();
  const [bytes, off, offmask = 0] = field;
  readNumber(words, keys, bytes, { off, offmask });
}

function readIp(words: Words, keys: U32Key[]): void {
  const word = words.need();
  const flag = IP_FLAGS[word];
  if (words.take('src')) readPrefix(words, keys, 'inet', 12);
  else if (words.take('dst')) readPrefix(words, keys, 'inet', 16);
  else if (flag !== undefined) {
    words.next();
    packPart(keys, flag[0], flag[1], 2, { off: 6, offmask: 0 });
  } else if (matches(word, 'dsfield') || matches(word, 'precedence')) readField(words, keys, IP.tos);
  else readField(words, keys, IP[word]);
}

function readIp6(words: Words, keys: U32Key[]): void {
  if (words.take('src')) readPrefix(words, keys, 'inet6', 8);
  else if (words.take('dst')) readPrefix(words, keys, 'inet6', 24);
  else if (words.take('priority')) {
    const value = next(words, 'match', (word) => parseUnsigned(word, 0xff));
    const mask = next(words, 'match', (word) => parseHex(word, 0xff));
    pack(keys, value << 20, mask << 20, { off: 0, offmask: 0 });
  } else readField(words, keys, IP6[words.need()]);
}

/** `match SELECTOR`, the word `match` taken. */
function readSelector(words: Words, keys: U32Key[], u32: U32): void {
  const word = words.next();
  if (matches(word, 'u32')) readNumber(words, keys, 4, { off: 0, offmask: 0 });
  else if (matches(word, 'u16')) readNumber(words, keys, 2, { off: 0, offmask: 0 });
  else if (matches(word, 'u8')) readNumber(words, keys, 1, { off: 0, offmask: 0 });
  else if (matches(word, 'ip')) readIp(words, keys);
  else if (matches(word, 'ip6')) readIp6(words, keys);
  else if (matches(word, 'udp') || matches(word, 'tcp')) readField(words, keys, PORTS[words.need()]);
  else if (matches(word, 'icmp')) readField(words, keys, ICMP[words.need()]);
  else if (matches(word, 'mark')) {
    const value = next(words, 'mark', (text) => parseUnsigned(text));
    const mask = next(words, 'mark', (text) => parseUnsigned(text));
    if ((value & mask) >>> 0 !== value) throw new UsageError('Illegal "mark" (impossible combination)');
    u32.mark = { value, mask };
  } else if (matches(word, 'ether')) {
    if (words.take('src')) readMac(words, keys, -8);
    else if (words.take('dst')) readMac(words, keys, -14);
    else throw illegal('match');
  } else throw illegal('match');
}

function addFlag(selector: U32Selector, flag: string): void {
  const flags = selector.flags ?? [];
  if (!flags.includes(flag)) selector.flags = [...flags, flag];
}

function readOffset(words: Words, selector: U32Selector): void {
  const number = () => next(words, 'offset', (word) => parseInteger(word));
  for (;;) {
    if (words.takeAbbreviated('plus')) {
      selector.off = number();
      addFlag(selector, 'offset');
    } else if (words.takeAbbreviated('at')) {
      selector.offoff = number();
      if (selector.offoff % 2 !== 0) throw new UsageError('offset "at" must be even');
      addFlag(selector, 'varoffset');
    } else if (words.takeAbbreviated('mask')) {
      selector.offmask = next(words, 'offset', (word) => parseHex(word, 0xffff));
      addFlag(selector, 'varoffset');
    } else if (words.takeAbbreviated('shift')) {
      selector.offshift = number();
      addFlag(selector, 'varoffset');
    } else if (words.takeAbbreviated('eat')) addFlag(selector, 'eat');
    else break;
  }
}

function readHashkey(words: Words, selector: U32Selector): void {
  for (;;) {
    if (words.takeAbbreviated('mask')) selector.hmask = next(words, 'hashkey', parseHex);
    else if (words.takeAbbreviated('at')) {
      selector.hoff = next(words, 'hashkey', (word) => parseInteger(word));
      if (selector.hoff % 4 !== 0) throw illegal('hashkey');
    } else break;
  }
}

function divisorOf(word: string): number | undefined {
  const value = parseUnsigned(word, 0x100);
  return value !== undefined && value > 0 && Number.isInteger(Math.log2(value)) ? value : undefined;
}

function tableOf(words: Words, what: string): number {
  return next(words, what, parseU32Handle);
}

/** The bucket that a packet with this key would be looked up in. */
function sampleBucket(words: Words): number {
  const keys: U32Key[] = [];
  readSelector(words, keys, {});
  const [key, ...others] = keys;
  if (key === undefined || others.length > 0) throw new UsageError('"sample" must contain exactly ONE key.');
  const divisor = words.take('divisor') ? next(words, 'sample', divisorOf) : 0x100;
  const shift = key.mask === 0 ? 0 : 31 - Math.clz32(key.mask & -key.mask);
  return ((key.value & key.mask) >>> shift) % divisor;
}

/** What the words so far say; `terminal`: a match ends here. */
export interface U32Reading {
  readonly u32: U32;
  readonly selector: U32Selector;
  selected: boolean;
  table: number;
  sampled: boolean;
  order?: number;
}

export const startU32 = (): U32Reading => ({
  u32: {},
  selector: { keys: [] },
  selected: false,
  table: 0,
  sampled: false,
});

/** Takes one word of u32's own with what belongs to it; false where the next word is none. */
export function readU32Word(words: Words, reading: U32Reading, handle: string | undefined): boolean {
  const { u32, selector } = reading;
  if (words.takeAbbreviated('match')) {
    readSelector(words, selector.keys, u32);
    reading.selected = true;
  } else if (words.takeAbbreviated('offset')) readOffset(words, selector);
  else if (words.takeAbbreviated('hashkey')) readHashkey(words, selector);
  else if (words.takeAbbreviated('divisor')) u32.divisor = next(words, 'divisor', divisorOf);
  else if (words.takeAbbreviated('order'))
    reading.order = next(words, 'order', (word) => parseUnsigned(word));
  else if (words.take('link')) {
    const table = tableOf(words, 'link');
    if ((table & 0xfff) !== 0) throw new UsageError('"link" must be a hash table.');
    u32.link = formatU32Handle(table);
  } else if (words.take('ht')) {
    const table = tableOf(words, 'ht');
    if (handle !== undefined && (table & 0xfff) !== 0) throw new UsageError('"ht" must be a hash table.');
    reading.table =
      (reading.sampled ? (reading.table & 0xff000) | (table & 0xfff00000) : table & 0xfffff000) >>> 0;
  } else if (words.take('sample')) {
    reading.table = ((sampleBucket(words) << 12) | (reading.table & 0xfff00000)) >>> 0;
    reading.sampled = true;
  } else return false;
  return true;
}

/** All of it, with the handle that `order` makes. */
export function endU32(
  reading: U32Reading,
  handle: string | undefined,
  terminal: boolean,
): { u32: U32; handle?: number } {
  const { u32, selector, selected, table, order } = reading;
  if (terminal) addFlag(selector, 'terminal');
  const given = handle === undefined ? 0 : (parseU32Handle(handle) ?? 0);
  if (order !== undefined && (given & 0xfff) !== 0 && order !== (given & 0xfff))
    throw new UsageError('"order" contradicts "handle"');
  const whole = (given | (order ?? 0)) >>> 0;
  return {
    u32: {
      ...u32,
      ...(table !== 0 && { hash: formatU32Handle(table) }),
      ...(selected && { selector }),
    },
    ...(whole !== 0 && { handle: whole }),
  };
}
