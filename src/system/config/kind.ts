/** Kinds of values: what each takes, what it makes of it, and how JSON Schema says so. The one definition of all fields. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { nearest } from './nearest.ts';
import { IncompleteError, MisspeltError, type Place } from './place.ts';

/** A part of a JSON Schema, draft 2020-12. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export interface Kind<T> {
  /** @throws InvalidArgumentError for what cannot be. What holds other values notes their errors and goes on. */
  read(value: unknown, at: Place): T;
  readonly schema: JsonSchema;
}

/** A key of an object. */
export interface Field<T> {
  readonly kind: Kind<T>;
  /** What it does, in a sentence for editors. */
  readonly about: string;
  /** What holds where it is left out, as it would be written. */
  readonly initial?: unknown;
  readonly required?: true;
}

export function field<T>(kind: Kind<T>, initial: unknown, about: string): Field<T> {
  return { kind, about, initial };
}
export function optional<T>(kind: Kind<T>, about: string): Field<T | undefined> {
  return { kind, about };
}
export function required<T>(kind: Kind<T>, about: string): Field<T> {
  return { kind, about, required: true };
}
/** A group of fields: left out, or empty, it has all of its defaults. */
export function group<T>(kind: Kind<T>, about: string): Field<T> {
  return {
    kind: { read: kind.read, schema: { ...kind.schema, type: ['object', 'null'] } },
    about,
    initial: {},
  };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
/** What an object is after its fields have been read. */
export type Settled<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};
/** The table for an input type: no key of it is forgotten, and none is made up. */
export type FieldsOf<Input> = { readonly [K in keyof Required<Input>]: Field<unknown> };

export function object<F extends Fields>(fields: F): Kind<Settled<F>> {
  const names = Object.keys(fields);
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        names.map((name) => [name, fieldSchema(fields[name] as Field<unknown>)]),
      ),
      additionalProperties: false,
      ...(names.some((name) => fields[name]?.required) && {
        required: names.filter((name) => fields[name]?.required),
      }),
    },
    read(value, at) {
      const given = plainObject(value ?? {}, at, `an object of ${list(names)}`);
      for (const key of Object.keys(given)) {
        if (names.includes(key) || given[key] === undefined) continue;
        const word = nearest(key, names);
        const others = list(names.filter((name) => name !== word));
        at.at(key).find({
          subject: 'key',
          value: undefined,
          problem: 'is no field',
          remedy: names.length > 1 ? `one of ${others}` : others || 'nothing else',
          nearest: word,
        });
      }
      let missing = false;
      const read = names.map((name) => {
        const { kind, initial, required } = fields[name] as Field<unknown>;
        const one = given[name];
        const place = at.at(name);
        if (one !== undefined) {
          const found = place.attempt(() => kind.read(one, place));
          if (found !== undefined) return [name, found.value];
          // Something stands in for what is wrong, so that the rest can be looked at.
          missing ||= required === true;
        } else if (required) {
          place.find({ value: undefined, problem: 'is missing', remedy: 'it' });
          missing = true;
        }
        return [name, initial === undefined ? undefined : kind.read(initial, place)];
      });
      if (missing) throw new IncompleteError();
      return Object.fromEntries(read) as Settled<F>;
    },
  };
}

function fieldSchema({ kind, about, initial }: Field<unknown>): JsonSchema {
  const isGroup = Array.isArray(kind.schema.type);
  return {
    description: about,
    ...kind.schema,
    ...(initial !== undefined && !isGroup && { default: initial }),
  };
}

export function plainObject(value: unknown, at: Place, remedy: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return value as Record<string, unknown>;
  }
  throw new InvalidArgumentError(at.field, value, 'is no object', remedy);
}

/** 'memory, cpu, pids' */
function list(words: readonly string[]): string {
  return words.join(', ');
}

/** Several of a kind; those that are wrong are noted and left out. `key` names what may not be there twice. */
export function listOf<T>(kind: Kind<T>, what: string, key?: (one: T) => string): Kind<readonly T[]> {
  return {
    schema: { type: 'array', items: kind.schema },
    read(value, at) {
      if (!Array.isArray(value))
        throw new InvalidArgumentError(at.field, value, 'is no list', `a list of ${what}`);
      const seen = new Map<string, number>();
      return (value as unknown[]).flatMap((one, index) => {
        const place = at.at(index);
        const found = place.attempt(() => kind.read(one, place));
        if (found === undefined) return [];
        const name = key?.(found.value);
        const first = name === undefined ? undefined : seen.get(name);
        if (first !== undefined)
          place.find({ value: one, problem: `is there already, as [${first}]`, remedy: 'each once' });
        else if (name !== undefined) seen.set(name, index);
        return [found.value];
      });
    },
  };
}

/** A list, or one alone. */
export function oneOrSeveral<T>(kind: Kind<T>, what: string, key?: (one: T) => string): Kind<readonly T[]> {
  const several = listOf(kind, what, key);
  return {
    schema: { anyOf: [kind.schema, several.schema] },
    read: (value, at) => (Array.isArray(value) ? several.read(value, at) : [kind.read(value, at)]),
  };
}

/** One of some words. */
export function word<W extends string>(words: readonly W[]): Kind<W> {
  return {
    schema: { enum: words },
    read(value, at) {
      const found = words.find((one) => one === value);
      if (found !== undefined) return found;
      const guess = typeof value === 'string' ? nearest(value, words) : undefined;
      const others = words.filter((one) => one !== guess);
      const remedy = others.length > 1 ? `one of ${list(others)}` : `'${others[0] ?? guess}'`;
      throw new MisspeltError(at.field, value, 'is none of the words', remedy, guess);
    },
  };
}

/** A text as 'SOURCE:TARGET', or an object of the same: which of them by what is given. */
export function textOr<T>(text: Kind<T>, other: Kind<T>): Kind<T> {
  return {
    schema: { anyOf: [text.schema, other.schema] },
    read: (value, at) => (typeof value === 'object' && value !== null ? other : text).read(value, at),
  };
}

/** Makes something else of what another kind has read. */
export function mapped<T, U>(kind: Kind<T>, make: (value: T, at: Place) => U): Kind<U> {
  return { schema: kind.schema, read: (value, at) => make(kind.read(value, at), at) };
}
