/**
 * Addresses spelled straight from the words of a receive buffer, for dumps that say a million of them. Hosts with the
 * first byte in the lowest bits only. What comes out is what address.ts spells.
 */
import { formatIpv4, formatIpv6, spellIpv6 } from './address.ts';

/** Texts by 16 bits of an address, made when they are first wanted. */
const SIZE = 1 << 16;

function emptyTexts(size: number): string[] {
  return new Array<string>(size).fill('');
}

/** `a.b.`; made at the first use, because it takes half a megabyte. */
let heads: string[] = [];
/** `c.d/length` by length. Up to 24 bits there is no d, and c is all of the index. */
const tails: string[][] = [];

function head(half: number): string {
  if (heads.length === 0) heads = emptyTexts(SIZE);
  const text = heads[half];
  if (text) return text;
  const made = flat(`${half & 0xff}.${half >>> 8}.`);
  heads[half] = made;
  return made;
}

function tail(half: number, length: number): string {
  tails[length] ??= emptyTexts(length <= 24 ? 0x100 : SIZE);
  const texts = tails[length];
  const text = texts[half];
  if (text) return text;
  const made = flat(`${half & 0xff}.${half >>> 8}${length === 32 ? '' : `/${length}`}`);
  texts[half] = made;
  return made;
}

/** A text that is one piece in memory: those that others are put together from are kept. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/**
 * An IPv4 prefix, or an address alone where the length is 32. Two pieces are joined, which costs less than spelling
 * and, as most are never looked at, less memory than four.
 */
export function prefixText(word: number, length: number): string {
  const low = word >>> 16;
  if (length > 24 ? length > 32 : low > 0xff) return looseText(word, length);
  return head(word & 0xffff) + tail(low, length);
}

/** What no router sends: bits behind the prefix, or more bits than there are. */
function looseText(word: number, length: number): string {
  const address = formatIpv4(bytesOf(word));
  return length === 32 ? address : `${address}/${length}`;
}

function bytesOf(...words: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(words).buffer);
}

const groups = new Uint16Array(8);

function swapped(half: number): number {
  return ((half & 0xff) << 8) | (half >>> 8);
}

/** An IPv6 prefix, or an address alone where the length is 128. */
export function prefixText6(words: Int32Array, at: number, length: number): string {
  for (let i = 0; i < 4; i++) {
    const word = words[at + i] as number;
    groups[2 * i] = swapped(word & 0xffff);
    groups[2 * i + 1] = swapped(word >>> 16);
  }
  return spellIpv6(groups, length);
}

/** Gateways and source addresses: few, said again and again. So many are remembered. */
const REMEMBERED = 256;

let known: string[] = [];
const knownWords = new Int32Array(REMEMBERED);

export function addressText(word: number): string {
  if (known.length === 0) known = emptyTexts(REMEMBERED);
  const slot = (word ^ (word >>> 8) ^ (word >>> 16) ^ (word >>> 24)) & (REMEMBERED - 1);
  const text = known[slot];
  if (text && knownWords[slot] === word) return text;
  const made = flat(formatIpv4(bytesOf(word)));
  known[slot] = made;
  knownWords[slot] = word;
  return made;
}

let known6: string[] = [];
const knownWords6 = new Int32Array(4 * REMEMBERED);

export function addressText6(words: Int32Array, at: number): string {
  if (known6.length === 0) known6 = emptyTexts(REMEMBERED);
  const a = words[at] as number;
  const b = words[at + 1] as number;
  const c = words[at + 2] as number;
  const d = words[at + 3] as number;
  const mixed = a ^ b ^ c ^ d;
  const slot = (mixed ^ (mixed >>> 8) ^ (mixed >>> 16) ^ (mixed >>> 24)) & (REMEMBERED - 1);
  const key = 4 * slot;
  const text = known6[slot];
  if (
    text &&
    knownWords6[key] === a &&
    knownWords6[key + 1] === b &&
    knownWords6[key + 2] === c &&
    knownWords6[key + 3] === d
  )
    return text;
  const made = formatIpv6(bytesOf(a, b, c, d));
  known6[slot] = made;
  knownWords6[key] = a;
  knownWords6[key + 1] = b;
  knownWords6[key + 2] = c;
  knownWords6[key + 3] = d;
  return made;
}
