/** How single limits are spelled: what a program may write, and what the kernel reads and says. */
import { InvalidArgumentError } from '../handle/index.ts';

/** Bytes: a number, a bigint, or a string as '64K', '1.5G' or '1073741824', by powers of 1024; 'max' for no limit. */
export type Size = number | bigint | string;
/** A count, or 'max' for no limit. */
export type Count = number | bigint | string;

/** Turns a value into the kernel's text and back. `field` is the path that errors name: 'memory.max'. */
export interface Codec<T> {
  encode(value: unknown, field: string): string;
  decode(text: string): T;
}

/** Counters of the page allocator are signed and 64 bits wide. */
const LARGEST = (1n << 63n) - 1n;

/** No limit, rounded down to the largest of pages, is how some files spell 'max'. */
const ROUNDING = 1n << 31n;

const UNITS = 'KMGTPE';

/** A size in bytes; undefined for what is none. */
export function parseSize(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const [, whole, fraction, unit] = /^(\d+)(?:\.(\d+))?([KMGTPE]?)(?:i?B)?$/i.exec(value.trim()) ?? [];
  if (whole === undefined) return undefined;
  const scale = 1n << BigInt(10 * (UNITS.indexOf((unit || ' ').toUpperCase()) + 1));
  if (fraction === undefined) return BigInt(whole) * scale;
  if (!unit || fraction.length > 9) return undefined;
  return BigInt(whole) * scale + (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
}

/** A size or a count with the least that the kernel takes, and 'max'. */
export function quantity(kind: 'size' | 'count', least = 0n): Codec<bigint | 'max'> {
  const example = kind === 'size' ? "'64M', '1G', a number of bytes" : 'a whole number';
  return {
    encode(value, field) {
      if (value === 'max') return 'max';
      const suffixed = kind === 'count' && typeof value === 'string' && !/^\d+$/.test(value.trim());
      const number = suffixed ? undefined : parseSize(value);
      const from = least === 0n ? '' : ` from ${least} on`;
      if (number === undefined) {
        throw new InvalidArgumentError(field, value, `is no ${kind}`, `${example}${from}, or 'max'`);
      }
      if (number < least || number > LARGEST) {
        throw new InvalidArgumentError(field, value, 'is out of range', `${example}${from}, or 'max'`);
      }
      return number.toString();
    },
    decode(text) {
      const number = text.trim() === 'max' ? LARGEST : BigInt(text.trim());
      return number > LARGEST - ROUNDING ? 'max' : number;
    },
  };
}

/** A whole number in a range, without 'max'. */
export function whole(least: number, most: number): Codec<number> {
  return {
    encode(value, field) {
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) {
        return String(number);
      }
      throw new InvalidArgumentError(
        field,
        value,
        'is out of range',
        `a whole number from ${least} to ${most}`,
      );
    },
    decode: (text) => Number(text.trim()),
  };
}

/** 0 and 1. */
export const flag: Codec<boolean> = {
  encode(value, field) {
    if (typeof value === 'boolean') return value ? '1' : '0';
    throw new InvalidArgumentError(field, value, 'is no boolean', 'true or false');
  },
  decode: (text) => text.trim() === '1',
};

/** One of some words. The kernel may answer with more of them than it takes: the first is what counts. */
export function word<W extends string>(...words: readonly W[]): Codec<W> {
  return {
    encode(value, field) {
      const found = words.find((one) => one === value);
      if (found !== undefined) return found;
      throw new InvalidArgumentError(field, value, 'is none of the words', `'${words.join("', '")}'`);
    },
    decode: (text) => text.trim().split(' ', 1)[0] as W,
  };
}

/** Numbers of CPUs or memory nodes: '0-3,6', [0, 1], or '' for those of the parent. */
export const numberList: Codec<string> = {
  encode(value, field) {
    const list =
      Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 0)
        ? value.join(',')
        : value;
    if (typeof list === 'string' && /^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(list)) {
      // An empty write never reaches the kernel.
      return list === '' ? '\n' : list;
    }
    throw new InvalidArgumentError(field, value, 'is no list of numbers', "'0-3,6', [0, 1], or ''");
  },
  decode: (text) => text.trim(),
};

/** cpu.max: how long the tasks of the cgroup may run in each period, in microseconds of all CPUs together. */
export interface CpuMax {
  readonly quota: number | 'max';
  /** 1,000 to 1,000,000. Unless given it stays what it is, 100,000 at first. */
  readonly period?: number;
}

const LEAST_QUOTA = 1000;
const MOST_PERIOD = 1_000_000;
const CPU_MAX_REMEDY =
  "'50000 100000' (quota and period in microseconds), { quota: 50000, period: 100000 } or 'max'; " +
  'quotas begin at 1000, periods are 1000 to 1000000';

export const cpuMax: Codec<CpuMax> = {
  encode(value, field) {
    const refuse = (problem: string) => new InvalidArgumentError(field, value, problem, CPU_MAX_REMEDY);
    let quota: unknown = value;
    let period: unknown;
    if (typeof value === 'string') {
      const [first, second, ...more] = value.trim().split(/\s+/);
      if (more.length > 0) throw refuse('has too many words');
      quota = first === 'max' ? first : /^\d+$/.test(first ?? '') ? Number(first) : undefined;
      if (second !== undefined) period = /^\d+$/.test(second) ? Number(second) : Number.NaN;
    } else if (typeof value === 'object' && value !== null) {
      ({ quota, period } = value as { quota?: unknown; period?: unknown });
    }
    const inRange = (number: unknown, least: number, most: number) =>
      typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most;
    if (quota !== 'max' && !inRange(quota, LEAST_QUOTA, Number.MAX_SAFE_INTEGER))
      throw refuse('has no quota that the kernel takes');
    if (period !== undefined && !inRange(period, LEAST_QUOTA, MOST_PERIOD))
      throw refuse('has no period that the kernel takes');
    return period === undefined ? String(quota) : `${quota} ${period}`;
  },
  decode(text) {
    const [quota = 'max', period = '100000'] = text.trim().split(' ');
    return { quota: quota === 'max' ? 'max' : Number(quota), period: Number(period) };
  },
};
