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

/** One address, or for MPLS a stack of labels. Throws as `ip` complains. */
export function addressText(word: string, family?: ShowFamily): string {
  if (family === 'mpls') return labels(word, 'address');
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
  const { address, length, word: none } = inetPrefix(word, family);
  return none === undefined ? { text: `${address}/${length}`, address, length, none: false } : NONE;
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
