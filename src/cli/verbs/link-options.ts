import {
  inetAddress,
  parseInteger,
  parseUnsigned,
  UsageError,
  unsigned,
  type Words,
  wrongArgument,
} from '../args.ts';
import type { ShowContext } from '../show/view.ts';

/** The settings of one kind of links as they are read from the words after `type KIND`: fields of the library's object. */
export type Data = Record<string, unknown>;

/** What reading a kind's words takes besides the words. */
export interface Scope {
  readonly context: ShowContext;
  /** Whether a link is made, which some kinds fill with their own defaults, or changed. */
  readonly creating: boolean;
  /** What a link that is changed has: where all of it has to be said again. */
  readonly current?: Data;
}

/** One word of a kind, and what stands behind it. */
export interface Option {
  readonly names: readonly string[];
  /** iproute2 takes it in full only. */
  readonly exact?: true;
  read(words: Words, data: Data, scope: Scope, word: string): void | Promise<void>;
}

export interface KindWords {
  /** In iproute2's order: of two that a word abbreviates, the first one is meant. */
  readonly options: readonly Option[];
  /** What is said of a link that is made, unless the words say otherwise. */
  readonly defaults?: Readonly<Data>;
  /** Checks and completes what was read. */
  finish?(data: Data, scope: Scope): void;
}

export function option(names: string | readonly string[], read: Option['read']): Option {
  return { names: typeof names === 'string' ? [names] : names, read };
}

export function exact(one: Option): Option {
  return { ...one, exact: true };
}

/** `arp_ip_target` to `arpIpTarget`. */
export function camel(word: string): string {
  return word.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());
}

export const U8 = 0xff;
export const U16 = 0xffff;

export function number(names: string | readonly string[], max?: number, field?: string): Option {
  const word = typeof names === 'string' ? names : (names[0] ?? '');
  return option(names, (words, data) => {
    data[field ?? camel(word)] = unsigned(words.next(), `invalid ${word}`, max);
  });
}

/** A number of 0 or anything else, for yes or no. */
export function truth(word: string, field = camel(word)): Option {
  return option(word, (words, data) => {
    data[field] = unsigned(words.next(), `invalid ${word}`, U8) !== 0;
  });
}

export function onOffValue(word: string, value: string): boolean {
  if (value === 'on') return true;
  if (value === 'off') return false;
  throw new UsageError(`Error: argument of "${word}" must be "on" or "off", not "${value}"`);
}

export function onOff(word: string, field = camel(word)): Option {
  return option(word, (words, data) => {
    data[field] = onOffValue(word, words.next());
  });
}

/** A word that says it all. */
export function says(names: string | readonly string[], fields: Readonly<Data>): Option {
  return option(names, (_words, data) => void Object.assign(data, fields));
}

/** `noproxy`, `proxy`. */
export function yesNo(word: string, field = camel(word)): Option[] {
  return [says(`no${word}`, { [field]: false }), says(word, { [field]: true })];
}

/** One of some words; `numbered`: or its place among them. */
export function choice(
  word: string,
  values: readonly string[],
  { field = camel(word), numbered = false }: { field?: string; numbered?: boolean } = {},
): Option {
  return option(word, (words, data) => {
    const given = words.next();
    const place = numbered ? parseInteger(given) : undefined;
    const value = values.includes(given) ? given : values[place ?? -1];
    if (value === undefined) throw wrongArgument(given, `invalid ${word}`);
    data[field] = value;
  });
}

/** A link by its name, as the index that the field wants. */
export function device(names: string | readonly string[], field: string): Option {
  return option(names, async (words, data, { context }) => {
    data[field] = await context.linkIndex(words.next());
  });
}

/** An address; of the family where the kind has only one. */
export function address(word: string, family?: 'inet' | 'inet6', field = camel(word)): Option {
  return option(word, (words, data) => {
    data[field] = addressOf(words.next(), family);
  });
}

/** `any` and its kin are the unspecified address. */
export function addressOf(word: string, family?: 'inet' | 'inet6'): string {
  const found = inetAddress(word, family);
  return found.address === '' ? (found.family === 'inet6' ? '::' : '0.0.0.0') : found.address;
}

export const ETHERNET = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

/** A link-layer address as iproute2 reads them: octets, or an IPv4 address. */
export function hardwareAddress(word: string): string {
  if (/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})*$/i.test(word) || /^\d+(\.\d+){3}$/.test(word)) return word;
  throw new UsageError(`"${word}" is invalid lladdr.`);
}

/** A number or a word for it: `ttl inherit`. */
export function numberOr(
  names: string | readonly string[],
  field: string,
  special: Readonly<Record<string, number>>,
  max = U8,
): Option {
  return option(names, (words, data, _scope, word) => {
    const given = words.next();
    data[field] = special[given] ?? unsigned(given, `invalid ${word}`, max);
  });
}

/** A type of service by its name, by number in hexadecimal, or `inherit`. */
export function tos(...names: readonly string[]): Option {
  return option(names, (words, data, { context }) => {
    const given = words.next();
    const value = given === 'inherit' ? 1 : context.names.dsfieldId(given);
    if (value === undefined) throw wrongArgument(given, 'bad TOS value');
    data.tos = value;
  });
}

/** Reads all the words of a kind. */
export async function readKind(
  kind: string,
  { options, defaults, finish }: KindWords,
  words: Words,
  scope: Scope,
) {
  const data: Data = scope.creating ? { ...defaults } : { ...scope.current };
  while (words.more) {
    const word = words.need();
    const found = options.find((one) =>
      one.names.some((name) => (one.exact ? name === word : name.startsWith(word) && word !== '')),
    );
    if (found === undefined) throw new UsageError(`${kind}: unknown option "${word}"?`);
    words.next();
    await found.read(words, data, scope, word);
  }
  finish?.(data, scope);
  return data;
}

export function hexadecimal(word: string, complaint: string, max: number): number {
  const value = parseUnsigned(`0x${word.replace(/^0x/i, '')}`, max);
  if (value === undefined) throw wrongArgument(word, complaint);
  return value;
}
