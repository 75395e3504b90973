/** What a system is called, who programs in it are, and what they find around them. */
import { InvalidArgumentError } from '../../handle/index.ts';
import type { SystemConfig } from './config.ts';
import { LAST_ID } from './fields-security.ts';
import { type FieldsOf, type Kind, object, optional, plainObject, required } from './kind.ts';
import type { Place } from './place.ts';
import type { UserSpec } from './spec.ts';
import { integer } from './values.ts';

const WORD = '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}';
const ONE = new RegExp(`^${WORD}$`);
const SEVERAL = new RegExp(`^${WORD}(/${WORD}){0,7}$`);
const WORDS_REMEDY = "letters, digits, '_', '.' and '-', at most 64, the first a letter or digit";

/** cgroups have files of such names. */
const FILES = /(^|\/)(cgroup|cpu|cpuset|memory|pids|io|hugetlb|rdma|misc)\./;

function checkFiles(name: string, at: Place, value: unknown): void {
  if (!FILES.test(name)) return;
  throw new InvalidArgumentError(at.field, value, 'is called like a file of a cgroup', 'another name');
}

/** 'build-123', 'ci-jobs/build-123', or 'ci-jobs/' for a group and any name. */
export const systemName: Kind<{ readonly group: string | undefined; readonly name: string | undefined }> = {
  schema: { type: 'string', pattern: `^(${WORD}/){0,8}(${WORD})?$`, minLength: 1 },
  read(value, at) {
    const text = typeof value === 'string' ? value : '';
    const slash = text.lastIndexOf('/');
    const [group, name] = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)];
    if (text === '' || (name !== '' && !ONE.test(name)) || (slash >= 0 && !SEVERAL.test(group))) {
      throw new InvalidArgumentError(
        at.field,
        value,
        'is no name',
        `${WORDS_REMEDY}; a group before it with '/'`,
      );
    }
    checkFiles(text, at, value);
    return { group: slash < 0 ? undefined : group, name: name === '' ? undefined : name };
  },
};

export const groupName: Kind<string> = {
  schema: { type: 'string', pattern: `^${WORD}(/${WORD}){0,7}/?$` },
  read(value, at) {
    const text = typeof value === 'string' ? value.replace(/\/$/, '') : '';
    if (!SEVERAL.test(text)) {
      throw new InvalidArgumentError(
        at.field,
        value,
        'is no group',
        `${WORDS_REMEDY}; up to 8 of it with '/' between`,
      );
    }
    checkFiles(text, at, value);
    return text;
  },
};

export const hostname: Kind<string> = {
  schema: { type: 'string', pattern: ONE.source },
  read(value, at) {
    if (typeof value === 'string' && ONE.test(value)) return value;
    throw new InvalidArgumentError(at.field, value, 'is no host name', WORDS_REMEDY);
  },
};

const id = integer(0, LAST_ID);
const userObject = object({
  uid: required(id, 'The user, inside.'),
  gid: optional(id, 'The group, inside. The number of the user where left out.'),
} satisfies FieldsOf<Extract<SystemConfig['user'], object>>);

export const user: Kind<UserSpec> = {
  schema: { anyOf: [id.schema, { type: 'string', pattern: '^\\d+(:\\d+)?$' }, userObject.schema] },
  read(value, at) {
    if (typeof value === 'number') return { uid: id.read(value, at), gid: value };
    if (typeof value === 'object' && value !== null) {
      const { uid, gid = uid } = userObject.read(value, at);
      return { uid, gid };
    }
    const [, uid, gid = uid] = typeof value === 'string' ? (/^(\d+)(?::(\d+))?$/.exec(value) ?? []) : [];
    if (uid === undefined) {
      const remedy = "numbers: 1000, '1000:100', or { uid, gid }; the names of users are known inside only";
      throw new InvalidArgumentError(at.field, value, 'is no user', remedy);
    }
    return { uid: id.read(Number(uid), at), gid: id.read(Number(gid), at) };
  },
};

export const environment: Kind<Readonly<Record<string, string>>> = {
  schema: {
    type: ['object', 'null'],
    propertyNames: { pattern: '^[^=]+$' },
    additionalProperties: { type: ['string', 'number'] },
  },
  read(value, at) {
    const given = plainObject(value ?? {}, at, 'an object of names and values');
    const variables = Object.entries(given).flatMap(([name, one]) => {
      if (one === undefined) return [];
      const place = at.at(name);
      const found = place.attempt(() => variable(name, one, place));
      return found === undefined ? [] : [[name, found.value] as const];
    });
    return Object.fromEntries(variables);
  },
};

function variable(name: string, value: unknown, at: Place): string {
  if (name === '' || /[=\0]/.test(name)) {
    throw new InvalidArgumentError(at.field, name, 'is no name of a variable', "a name without '=' and NUL");
  }
  // As it was written: 1.10 is not 1.1 to a program that is told its version.
  if (typeof value === 'number' && Number.isFinite(value)) return at.written ?? String(value);
  if (typeof value !== 'string') {
    const simple = value === null || typeof value === 'boolean' || typeof value === 'number';
    const remedy = simple ? `'${String(value ?? '')}', in quotes` : 'a text';
    throw new InvalidArgumentError(at.field, value, 'is no text', remedy);
  }
  if (value.includes('\0')) throw new InvalidArgumentError(at.field, value, 'has a NUL in it', 'it without');
  return value;
}
