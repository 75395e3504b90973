import { matches, parseUnsigned, UsageError, type Words } from '../../args.ts';
import { parseRate, parseRate32, parseSize, parseTime } from '../../show/tc/unit-words.ts';

/** The options of a kind: which word takes what. Rows are tried in order, as abbreviations need. */
export interface Row<T> {
  readonly names: readonly string[];
  readonly abbreviated: boolean;
  take(words: Words, settings: T): void;
}

type Take<T> = Row<T>['take'];

/** A word in full, or one of several. */
export function word<T>(names: string | readonly string[], take: Take<T>): Row<T> {
  return { names: typeof names === 'string' ? [names] : names, abbreviated: false, take };
}

/** A word that may be cut short. */
export function short<T>(names: string | readonly string[], take: Take<T>): Row<T> {
  return { ...word(names, take), abbreviated: true };
}

/** Reads all words that are left. */
export function readRows<T extends object>(words: Words, rows: readonly Row<T>[], settings: T = {} as T): T {
  while (words.more) {
    const given = words.next();
    const row = rows.find(({ names, abbreviated }) =>
      names.some((name) => (abbreviated ? matches(given, name) : given === name)),
    );
    if (row === undefined) throw new UsageError(`What is "${given}"?`);
    row.take(words, settings);
  }
  return settings;
}

export function illegal(what: string): UsageError {
  return new UsageError(`Illegal "${what}"`);
}

/** The next word as `parse` reads it. */
export function next<V>(words: Words, what: string, parse: (word: string) => V | undefined): V {
  const given = words.next();
  if (given.includes('%') && (parse === (parseRate as unknown) || parse === (parseRate32 as unknown)))
    throw new UsageError(
      `"${what}": a rate in percent of the link's is not supported here. Give the rate itself.`,
    );
  const value = parse(given);
  if (value === undefined) throw illegal(what);
  return value;
}

/** Takes a value for a field. `zero: false`: 0 means not given. */
function value<T>(
  field: keyof T & string,
  parse: (word: string) => unknown,
  { zero = true, what = field as string }: { zero?: boolean; what?: string } = {},
): Take<T> {
  return (words, settings) => {
    const given = next(words, what, parse);
    if (given === 0 && !zero) delete settings[field];
    else settings[field] = given as T[keyof T & string];
  };
}

export interface ValueOptions {
  readonly zero?: boolean;
  readonly what?: string;
}

export const number = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, (given) => parseUnsigned(given), options);
export const decimal = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, parseDecimal, options);
export const size = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, parseSize, options);
export const time = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, parseTime, options);
export const rate = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, parseRate, options);
export const rate32 = <T>(field: keyof T & string, options?: ValueOptions): Take<T> =>
  value<T>(field, parseRate32, options);
export const any = <T>(
  field: keyof T & string,
  parse: (word: string) => unknown,
  options?: ValueOptions,
): Take<T> => value<T>(field, parse, options);

/** A word that says all by itself. */
export function says<T>(field: keyof T & string, given: unknown): Take<T> {
  return (_words, settings) => {
    settings[field] = given as T[keyof T & string];
  };
}

/** strtoul(3), base 10. */
export function parseDecimal(given: string, max = 0xffffffff): number | undefined {
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  return number <= max ? number : undefined;
}

/** strtoul(3), base 16. */
export function parseHex(given: string, max = 0xffffffff): number | undefined {
  const number = /^(0x)?[0-9a-f]+$/i.test(given) ? Number.parseInt(given, 16) : Number.NaN;
  return number <= max ? number : undefined;
}

/** strtol(3), base 10. */
export function parseSigned(given: string): number | undefined {
  return /^[+-]?\d+$/.test(given) ? Number(given) : undefined;
}

/** strtod(3). */
export function parseFloat64(given: string): number | undefined {
  const value = Number.parseFloat(given);
  return Number.isNaN(value) ? undefined : value;
}

/** `ethernet`, `atm`, `adsl`, abbreviated. */
export function parseLinkLayer(given: string): string | undefined {
  if (matches(given, 'ethernet')) return 'ethernet';
  return matches(given, 'atm') || matches(given, 'adsl') ? 'atm' : undefined;
}
