/** Kinds of single values: sizes, times, numbers, names, paths. */
import { posix } from 'node:path';
import { type Codec, cpuMax as cpuMaxCodec, parseSize, quantity } from '../../cgroup/limit-values.ts';
import { InvalidArgumentError } from '../../handle/index.ts';
import type { JsonSchema, Kind } from './kind.ts';
import { nearest } from './nearest.ts';
import { MisspeltError, type Place } from './place.ts';

const SIZE_SCHEMA: JsonSchema = {
  type: 'string',
  pattern: '^\\s*(\\d+([KMGTPEkmgtpe]?([iI]?[bB])?)|\\d+\\.\\d{1,9}[KMGTPEkmgtpe]([iI]?[bB])?)\\s*$',
};

/** A value that cgroups take, in the spelling that they take. */
function limit<T>(codec: Codec<unknown>, schema: JsonSchema, make: (text: string) => T): Kind<T> {
  return {
    schema,
    read(value, at) {
      try {
        return make(codec.encode(value, at.field));
      } catch (error) {
        const guess = typeof value === 'string' ? nearest(value, ['max']) : undefined;
        if (!(error instanceof InvalidArgumentError) || guess === undefined || value === guess) throw error;
        throw new MisspeltError(at.field, value, error.problem, error.remedy, guess);
      }
    },
  };
}

const orMax = (text: string): bigint | 'max' => (text === 'max' ? text : BigInt(text));

/** Bytes, or 'max'. */
export function sizeOrMax(least = 0n): Kind<bigint | 'max'> {
  const schema = { anyOf: [{ type: 'integer', minimum: Number(least) }, SIZE_SCHEMA, { const: 'max' }] };
  return limit(quantity('size', least), schema, orMax);
}

/** A number of things, or 'max'. */
export function countOrMax(least: bigint): Kind<bigint | 'max'> {
  const text = { type: 'string', pattern: '^\\s*\\d+\\s*$' };
  const schema = { anyOf: [{ type: 'integer', minimum: Number(least) }, text, { const: 'max' }] };
  return limit(quantity('count', least), schema, orMax);
}

/** Bytes, at least so many; no 'max'. */
export function size(least: bigint): Kind<bigint> {
  return {
    schema: { anyOf: [{ type: 'integer', minimum: Number(least) }, SIZE_SCHEMA] },
    read(value, at) {
      const bytes = parseSize(value);
      const remedy = `'64M', '1G', a number of bytes, from ${least} on`;
      if (bytes === undefined) throw new InvalidArgumentError(at.field, value, 'is no size', remedy);
      if (bytes >= least && bytes < 1n << 63n) return bytes;
      throw new InvalidArgumentError(at.field, value, 'is out of range', remedy);
    },
  };
}

export const cpuMax = limit(
  cpuMaxCodec,
  {
    anyOf: [
      { type: 'string', pattern: '^\\s*(max|\\d+)(\\s+\\d+)?\\s*$' },
      { type: 'integer', minimum: 1000 },
      {
        type: 'object',
        properties: {
          quota: { anyOf: [{ type: 'integer', minimum: 1000 }, { const: 'max' }] },
          period: { type: 'integer', minimum: 1000, maximum: 1_000_000 },
        },
        required: ['quota'],
        additionalProperties: false,
      },
    ],
  },
  (text) => cpuMaxCodec.decode(text),
);

/** A whole number; a text of digits is another thing in YAML, and none. */
export function integer(least: number, most: number): Kind<number> {
  return {
    schema: { type: 'integer', minimum: least, maximum: most },
    read(value, at) {
      if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
        return value;
      const problem = typeof value === 'number' ? 'is out of range' : 'is no number';
      throw new InvalidArgumentError(at.field, value, problem, `a whole number from ${least} to ${most}`);
    },
  };
}

export const threshold: Kind<number> = {
  schema: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  read(value, at) {
    if (typeof value === 'number' && value > 0 && value <= 1) return value;
    const remedy = 'a number above 0 and up to 1, as 0.8 for 80%';
    throw new InvalidArgumentError(at.field, value, 'is no threshold', remedy);
  },
};

export const flag: Kind<boolean> = {
  schema: { type: 'boolean' },
  read(value, at) {
    if (typeof value === 'boolean') return value;
    const guess = typeof value === 'string' ? BOOLEANS.get(value.toLowerCase()) : undefined;
    throw new MisspeltError(at.field, value, 'is no boolean', 'true or false', guess);
  },
};

/** What other versions of YAML take. */
const BOOLEANS = new Map([
  ['yes', 'true'],
  ['on', 'true'],
  ['true', 'true'],
  ['no', 'false'],
  ['off', 'false'],
  ['false', 'false'],
]);

/** A text of a form. */
export function text(form: RegExp, what: string, remedy: string): Kind<string> {
  return {
    schema: { type: 'string', pattern: form.source },
    read(value, at) {
      if (typeof value === 'string' && form.test(value)) return value;
      throw new InvalidArgumentError(at.field, value, `is no ${what}`, remedy);
    },
  };
}

/** PATH_MAX, with its NUL. */
const LONGEST_PATH = 4095;

/** An absolute path without detours, so that what it says is where it leads; links aside. */
export function absolutePath(root: 'root' | 'below root'): Kind<string> {
  return {
    schema: { type: 'string', pattern: '^/' },
    read: (value, at) => checkedPath(value, at, root),
  };
}

export function checkedPath(value: unknown, at: Place, root: 'root' | 'below root'): string {
  const refuse = (problem: string, remedy: string) =>
    new InvalidArgumentError(at.field, value, problem, remedy);
  if (typeof value !== 'string' || !value.startsWith('/')) {
    throw refuse('is no absolute path', "a path that begins with '/'");
  }
  if (value.includes('\0') || Buffer.byteLength(value) > LONGEST_PATH) {
    throw refuse('is no path that the kernel takes', `at most ${LONGEST_PATH} bytes, without NUL`);
  }
  if (value.split('/').some((step) => step === '.' || step === '..')) {
    throw refuse("has steps '.' or '..'", 'the path without them');
  }
  const path = posix.normalize(value).replace(/(?<=.)\/$/, '');
  if (path === '/' && root === 'below root') throw refuse('is the root itself', 'a path below it');
  return path;
}
