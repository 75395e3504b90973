import {
  inetAddress,
  inetPrefix,
  parseUnsigned,
  UsageError,
  unsigned,
  type Words,
  wrongArgument,
} from '../args.ts';
import type { ShowFamily } from '../show/view.ts';

/** Words that several objects' verbs read alike. */

/**
 * The address family of a command: what -4 and its kin said, or else what the first address that has one says. All
 * words behind it must agree.
 */
export class FamilyGuess {
  family: ShowFamily | undefined;

  constructor(preferred: ShowFamily | undefined) {
    this.family = preferred;
  }

  /** An address of the family so far, or the one that decides it. */
  address(word: string): string {
    const text = addressText(word, this.family);
    this.family ??= familyOfText(text);
    return text;
  }

  /** A prefix, likewise; `default` and `any` decide nothing. */
  prefix(word: string): PrefixText {
    const prefix = prefixText(word, this.family);
    if (!prefix.none) this.family ??= familyOfText(prefix.address);
    return prefix;
  }
}

export interface PrefixText {
  /** As the library takes it: `10.0.0.0/8`, `default`; for MPLS a label. */
  readonly text: string;
  /** Without the length; of `default` it is empty. */
  readonly address: string;
  readonly length: number;
  /** It was `default`, `any` or `all`. */
  readonly none: boolean;
}

export function familyOfText(address: string): 'inet' | 'inet6' {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** Four decimal numbers without leading zeros: such a word is spelled as it will be printed. */
function isIpv4(word: string): boolean {
  let dots = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0) return false;
      dots++;
      digits = 0;
      value = 0;
    } else {
      if (code < 0x30 || code > 0x39 || (digits > 0 && value === 0)) return false;
      value = value * 10 + code - 0x30;
      if (value > 255) return false;
      digits++;
    }
  }
  return dots === 3 && digits > 0;
}

/** One address, or for MPLS a stack of labels. Throws as `ip` complains. */
export function addressText(word: string, family?: ShowFamily): string {
  if (family === 'mpls') return labels(word, 'address');
  if (family !== 'inet6' && family !== 'link' && isIpv4(word)) return word;
  const { address, family: found } = inetAddress(word, family);
  if (address !== '') return address;
  return found === 'inet6' ? '::' : '0.0.0.0';
}

export function prefixText(word: string, family?: ShowFamily): PrefixText {
  if (family === 'mpls') {
    if (word === 'default' || word === 'any' || word === 'all') return NONE;
    const text = labels(word, 'prefix');
    return { text, address: text, length: 20, none: false };
  }
  if (family === undefined || family === 'inet') {
    const plain = plainPrefix(word);
    if (plain !== undefined) return plain;
  }
  const { address, length, word: none } = inetPrefix(word, family);
  return none === undefined ? { text: `${address}/${length}`, address, length, none: false } : NONE;
}

/** IPv4 as it is always written. Everything else is undefined, right or wrong. */
function plainPrefix(word: string): PrefixText | undefined {
  if (isIpv4(word)) return { text: word, address: word, length: 32, none: false };
  const slash = word.indexOf('/');
  const address = word.slice(0, Math.max(slash, 0));
  if (!isIpv4(address) || !/^[1-9]\d?$/.test(word.slice(slash + 1))) return undefined;
  const length = Number(word.slice(slash + 1));
  return length > 32 ? undefined : { text: word, address, length, none: false };
}

const NONE: PrefixText = { text: 'default', address: '', length: 0, none: true };
const LABEL_MAX = 0xfffff;

function labels(word: string, what: 'address' | 'prefix'): string {
  const numbers = word.split('/').map((part) => parseUnsigned(part, LABEL_MAX));
  if (numbers.some((number) => number === undefined))
    throw new UsageError(`Error: mpls ${what} is expected rather than "${word}".`);
  return numbers.join('/');
}

/** The next word as a number. `complaint` is what `ip` says: most of its texts end in a line break. */
export function nextNumber(words: Words, complaint: string, max?: number): number {
  return unsigned(words.next(), complaint, max);
}

/** The next word by a table of names. */
export function nextNamed(
  words: Words,
  lookUp: (word: string) => number | undefined,
  complaint: string,
): number {
  const word = words.next();
  const number = lookUp(word);
  if (number === undefined) throw wrongArgument(word, complaint);
  return number;
}

/** The next word as one of these, in full. */
export function nextOf<T>(words: Words, values: Readonly<Record<string, T>>, complaint: string): T {
  const word = words.next();
  const value = Object.hasOwn(values, word) ? values[word] : undefined;
  if (value === undefined) throw wrongArgument(word, complaint);
  return value;
}
