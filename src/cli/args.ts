import { formatIp, parseIpv6 } from '../netlink/wire/address.ts';
import type { ShowFamily } from './show/view.ts';

/** `ip`-style words: no dashes, abbreviated at will, one after the other. */

/** The command line is wrong: exit code 2. The message is the whole line to print, in `ip`'s manner. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for is not there: exit code 1. The message is the whole line to print. */
export class FindingError extends Error {
  override readonly name = 'FindingError';
}

/** True when `word` is `full` or a beginning of it, but not empty. */
export function matches(word: string, full: string): boolean {
  return word !== '' && full.startsWith(word);
}

export function wrongArgument(word: string, message: string): UsageError {
  return new UsageError(`Error: argument "${word}" is wrong: ${message}`);
}
export function duplicateArgument(name: string, word: string): UsageError {
  return new UsageError(`Error: duplicate "${name}": "${word}" is the second value.`);
}
/** For a word that could be the name of a device, when there is one already. */
export function duplicateOrGarbage(name: string, word: string): UsageError {
  return new UsageError(`Error: either "${name}" is duplicate, or "${word}" is a garbage.`);
}
export function incompleteCommand(): UsageError {
  return new UsageError('Command line is not complete. Try option "help"');
}
export function noSuchDevice(name: string): FindingError {
  return new FindingError(`Cannot find device "${name}"`);
}

/**
 * A cursor over words.
 *
 * ```ts
 * while (words.more) {
 *   if (words.take('dev')) dev = words.next();            // the word itself, in full
 *   else if (words.takeAbbreviated('table')) table = words.next();
 *   else rest = words.next();
 * }
 * ```
 */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get more(): boolean {
    return this.#at < this.#words.length;
  }

  /** How many words there are from the cursor on. */
  get left(): number {
    return this.#words.length - this.#at;
  }

  /** The word under the cursor; undefined at the end. */
  get peek(): string | undefined {
    return this.#words[this.#at];
  }

  /** The word under the cursor, stepping past it. Throws "Command line is not complete" at the end. */
  next(): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw incompleteCommand();
    this.#at++;
    return word;
  }

  /** The word under the cursor, which stays there. Throws "Command line is not complete" at the end. */
  need(): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw incompleteCommand();
    return word;
  }

  /** Steps past the word if it is one of these in full. */
  take(...full: string[]): boolean {
    const hit = this.peek !== undefined && full.includes(this.peek);
    if (hit) this.#at++;
    return hit;
  }

  /** Steps past the word if it begins one of these. */
  takeAbbreviated(...full: string[]): boolean {
    const word = this.peek;
    const hit = word !== undefined && full.some((name) => matches(word, name));
    if (hit) this.#at++;
    return hit;
  }

  /** What is left, stepping past all of it. */
  rest(): string[] {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return rest;
  }
}

/** strtoul(3), base 0: decimal, 0x hexadecimal or 0 octal, the whole word, 0 to `max`; undefined otherwise. */
export function parseUnsigned(word: string, max = 0xffff_ffff): number | undefined {
  let value: number;
  if (/^0x[0-9a-f]+$/i.test(word)) value = Number.parseInt(word, 16);
  else if (/^0[0-7]*$/.test(word)) value = Number.parseInt(word, 8);
  else if (/^[1-9]\d*$/.test(word)) value = Number(word);
  else return undefined;
  return value <= max ? value : undefined;
}

/** strtol(3), base 0: as {@link parseUnsigned}, with a sign. */
export function parseInteger(word: string, max = 0x7fff_ffff): number | undefined {
  const negative = word.startsWith('-');
  const value = parseUnsigned(word.replace(/^[+-]/, ''), negative ? max + 1 : max);
  return value !== undefined && negative ? -value : value;
}

/** {@link parseUnsigned} that throws `Error: argument "x" is wrong: MESSAGE`. */
export function unsigned(word: string, message: string, max?: number): number {
  const value = parseUnsigned(word, max);
  if (value === undefined) throw wrongArgument(word, message);
  return value;
}

export interface InetPrefix {
  /** `default`, `any` and `all` have the family that was asked for, which may be none. */
  readonly family: 'inet' | 'inet6' | undefined;
  /** As inet_ntop(3) spells it; empty for `default`, `any` and `all`. */
  readonly address: string;
  /** Network order, 4 or 16 bytes; empty for `default`, `any` and `all`. */
  readonly bytes: Uint8Array;
  /** In bits: all of them where the word had no slash, and 0 for `default`, `any` and `all`. */
  readonly length: number;
  /** True for a word with a slash, and for `default`. */
  readonly specified: boolean;
  /** Set when the word was no address. */
  readonly word: 'default' | 'any' | undefined;
}

/** iproute2 reads `10.8` as 10.8.0.0, not as 10.0.0.8 like inet_aton(3); each part in any base. */
function parseShortIpv4(word: string): Uint8Array | undefined {
  const parts = word.split('.');
  if (parts.length > 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const value = parseUnsigned(part, 255);
    if (value === undefined) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

function parseAddressBytes(word: string, family: ShowFamily | undefined): Uint8Array | undefined {
  const six = word.includes(':');
  if (family !== undefined && family !== (six ? 'inet6' : 'inet')) return undefined;
  return six ? parseIpv6(word) : parseShortIpv4(word);
}

/** `24` or `255.255.255.0`. */
function parsePrefixLength(word: string): number | undefined {
  const bits = parseUnsigned(word);
  if (bits !== undefined) return bits;
  const mask = parseShortIpv4(word);
  if (mask === undefined || word.includes(':')) return undefined;
  const spelled = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const ones = spelled.indexOf('0') < 0 ? 32 : spelled.indexOf('0');
  return spelled.slice(ones).includes('1') ? undefined : ones;
}

/** A prefix as `ip` reads them; undefined for a word that is none, or one of another family. */
export function parseInetPrefix(word: string, family?: ShowFamily): InetPrefix | undefined {
  const slash = word.indexOf('/');
  const address = slash < 0 ? word : word.slice(0, slash);
  if (address === 'default' || address === 'any' || address === 'all') {
    if (slash >= 0 || family === 'mpls') return undefined;
    const inet = family === 'inet' || family === 'inet6' ? family : undefined;
    const specified = address === 'default';
    return {
      family: inet,
      address: '',
      bytes: new Uint8Array(0),
      length: 0,
      specified,
      word: specified ? 'default' : 'any',
    };
  }
  const bytes = parseAddressBytes(address, family);
  if (bytes === undefined) return undefined;
  const length = slash < 0 ? bytes.length * 8 : parsePrefixLength(word.slice(slash + 1));
  if (length === undefined || length > bytes.length * 8) return undefined;
  return {
    family: bytes.length === 4 ? 'inet' : 'inet6',
    address: formatIp(bytes),
    bytes,
    length,
    specified: slash >= 0,
    word: undefined,
  };
}

/** {@link parseInetPrefix} that throws as `ip` complains. */
export function inetPrefix(word: string, family?: ShowFamily): InetPrefix {
  if (family === 'link') {
    throw new UsageError(`Error: "${word}" may be inet prefix, but it is not allowed in this context.`);
  }
  const prefix = parseInetPrefix(word, family);
  if (prefix === undefined) {
    throw new UsageError(`Error: ${family ?? 'any valid'} prefix is expected rather than "${word}".`);
  }
  return prefix;
}

/** An address without a prefix length; throws as `ip` complains. */
export function inetAddress(word: string, family?: ShowFamily): InetPrefix {
  if (family === 'link') {
    throw new UsageError(`Error: "${word}" may be inet address, but it is not allowed in this context.`);
  }
  const prefix = word.includes('/') ? undefined : parseInetPrefix(word, family);
  if (prefix === undefined) {
    throw new UsageError(`Error: ${family ?? 'any valid'} address is expected rather than "${word}".`);
  }
  return prefix;
}

/** Whether the first `bits` bits of both are equal. An address shorter than that never is. */
export function sharesPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (Math.min(a.length, b.length) * 8 < bits) return false;
  for (let i = 0; i < bits; i += 8) {
    const mask = bits - i >= 8 ? 0xff : (0xff << (8 - (bits - i))) & 0xff;
    if ((((a[i >> 3] ?? 0) ^ (b[i >> 3] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}
