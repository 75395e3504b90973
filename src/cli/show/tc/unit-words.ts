/** Rates, sizes, times and percentages as `tc` reads them. Each is undefined for a word that is none. */

const U32_MAX = 0xffffffff;

interface Measured {
  readonly value: number;
  /** What stands behind the number, in lower case. */
  readonly unit: string;
}

/** strtod(3), and the rest of the word. */
function measure(word: string): Measured | undefined {
  const spelled = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i.exec(word)?.[0];
  if (spelled === undefined) return undefined;
  return { value: Number(spelled), unit: word.slice(spelled.length).toLowerCase() };
}

/** Bits per second of a unit: decimal, and binary with an i; `bps` are bytes. */
function rateScale(unit: string): number | undefined {
  const [, prefix = '', binary = '', base = ''] = /^([kmgt]?)(i?)(bit|bps)$/.exec(unit) ?? [];
  if (base === '' || (prefix === '' && binary !== '')) return undefined;
  const power = prefix === '' ? 0 : 'kmgt'.indexOf(prefix) + 1;
  return (binary === '' ? 1000 : 1024) ** power * (base === 'bps' ? 8 : 1);
}

/** Bytes per second; a bare number are bits. */
export function parseRate(word: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const measured = measure(word);
  if (measured === undefined) return undefined;
  const scale = measured.unit === '' ? 1 : rateScale(measured.unit);
  const rate = scale === undefined ? Number.NaN : Math.floor((measured.value * scale) / 8);
  return rate >= 0 && rate <= max ? rate : undefined;
}

/** For attributes that have 32 bits. */
export function parseRate32(word: string): number | undefined {
  return parseRate(word, U32_MAX);
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  kbit: 1024 / 8,
  mbit: 1024 ** 2 / 8,
  gbit: 1024 ** 3 / 8,
};

/** Bytes. */
export function parseSize(word: string): number | undefined {
  const measured = measure(word);
  const scale = measured && SIZE_UNITS[measured.unit];
  if (measured === undefined || scale === undefined) return undefined;
  const size = Math.floor(measured.value * scale);
  return size >= 0 && size <= U32_MAX ? size : undefined;
}

/** `15k/8`: a size, and the bytes of a slot of a rate's table. */
export function parseSizeAndCell(word: string): { size: number; cell?: number } | undefined {
  const [text = '', slot] = word.split(/\/(.*)/s);
  const size = parseSize(text);
  if (size === undefined || slot === undefined) return size === undefined ? undefined : { size };
  const cell = /^\d+$/.test(slot) ? Number(slot) : Number.NaN;
  return Number.isInteger(Math.log2(cell)) && cell < 2 ** 32 ? { size, cell } : undefined;
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  us: 1,
  usec: 1,
  usecs: 1,
  ms: 1000,
  msec: 1000,
  msecs: 1000,
  s: 1_000_000,
  sec: 1_000_000,
  secs: 1_000_000,
};

/** Whole microseconds. */
export function parseTime(word: string): number | undefined {
  const measured = measure(word);
  const scale = measured && TIME_UNITS[measured.unit];
  if (measured === undefined || scale === undefined) return undefined;
  const time = Math.floor(measured.value * scale);
  return time >= 0 && time <= U32_MAX ? time : undefined;
}

const NS_UNITS: Readonly<Record<string, number>> = { '': 1, ns: 1, nsec: 1, nsecs: 1 };

/** Microseconds of whole nanoseconds; a bare number are nanoseconds. */
export function parseTimeNs(word: string): number | undefined {
  const measured = measure(word);
  if (measured === undefined) return undefined;
  const us = measured.unit === '' ? undefined : TIME_UNITS[measured.unit];
  const scale = us === undefined ? NS_UNITS[measured.unit] : us * 1000;
  if (scale === undefined) return undefined;
  const ns = Math.floor(measured.value * scale);
  return Number.isSafeInteger(ns) ? ns / 1000 : undefined;
}

/** A percentage, with its sign or without, as a part of 1. */
export function parsePercent(word: string): number | undefined {
  const measured = measure(word);
  if (measured === undefined || !(measured.unit === '' || measured.unit === '%')) return undefined;
  const part = measured.value / 100;
  return part >= 0 && part <= 1 ? part : undefined;
}
