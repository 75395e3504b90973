/** Profiles are read as they are written: what is misspelt in a rule is an error, since a rule that is ignored is a hole. */
import { constants } from 'node:os';
import { InvalidArgumentError } from '../../handle/index.ts';
import { capabilityBit } from '../capabilities.ts';
import { nearest } from '../config/nearest.ts';
import { ACTIONS, OPERATORS, type SeccompOperator } from './profile.ts';

/** A condition on an argument. `mask` is for SCMP_CMP_MASKED_EQ alone. */
export interface Condition {
  readonly index: number;
  readonly operator: SeccompOperator;
  readonly value: bigint;
  readonly mask: bigint;
}

/** The filter of `includes` or `excludes`. */
export interface Scope {
  readonly caps: readonly string[];
  readonly arches: readonly string[];
  readonly minKernel: string | undefined;
}

export interface CheckedRule {
  readonly names: readonly string[];
  /** What the filter returns: SECCOMP_RET_* and its data. */
  readonly result: number;
  readonly conditions: readonly Condition[];
  readonly includes: Scope;
  readonly excludes: Scope;
}

export interface CheckedProfile {
  readonly result: number;
  readonly rules: readonly CheckedRule[];
}

type Fields = Readonly<Record<string, unknown>>;

const PROFILE = [
  ...['defaultAction', 'defaultErrnoRet', 'defaultErrno', 'architectures', 'archMap', 'flags', 'syscalls'],
  // For SCMP_ACT_NOTIFY, which is refused where it is asked for.
  ...['listenerPath', 'listenerMetadata'],
];
const RULE = ['names', 'name', 'action', 'errnoRet', 'errno', 'args', 'comment', 'includes', 'excludes'];
const ARGUMENT = ['index', 'value', 'valueTwo', 'op'];
const SCOPE = ['caps', 'arches', 'minKernel'];

const ARCHITECTURES = [
  ...['X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64'],
  ...['MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'RISCV64'],
  ...['LOONGARCH64', 'M68K', 'SH', 'SHEB'],
].map((name) => `SCMP_ARCH_${name}`);
const FLAGS = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map(
  (name) => `SECCOMP_FILTER_FLAG_${name}`,
);

const LARGEST = (1n << 64n) - 1n;
/** MAX_ERRNO of the kernel; the data of SCMP_ACT_TRACE is 16 bits wide. */
const MAX_ERRNO = 4095;
const MAX_DATA = 0xffff;

/**
 * Checks a profile.
 *
 * @throws InvalidArgumentError naming the field: 'syscalls[3].args[0].op'
 */
export function checkProfile(profile: unknown): CheckedProfile {
  const fields = object(profile, '', PROFILE);
  list(fields, '', 'architectures').forEach((one, index) => {
    checkArchitecture(one, `architectures[${index}]`);
  });
  list(fields, '', 'archMap').forEach((one, index) => {
    const field = `archMap[${index}]`;
    const entry = object(one, field, ['architecture', 'subArchitectures']);
    checkArchitecture(entry.architecture, `${field}.architecture`);
    list(entry, field, 'subArchitectures').forEach((sub, place) => {
      checkArchitecture(sub, `${field}.subArchitectures[${place}]`);
    });
  });
  list(fields, '', 'flags').forEach((flag, index) => {
    checkWord(flag, `flags[${index}]`, FLAGS, 'is no flag of seccomp(2)');
  });
  return {
    result: checkResult(fields, '', 'defaultAction', 'defaultErrnoRet', 'defaultErrno'),
    rules: list(fields, '', 'syscalls').map((rule, index) => checkRule(rule, `syscalls[${index}]`)),
  };
}

function checkRule(rule: unknown, field: string): CheckedRule {
  const fields = object(rule, field, RULE);
  return {
    names: checkNames(fields, field),
    result: checkResult(fields, field, 'action', 'errnoRet', 'errno'),
    conditions: list(fields, field, 'args').map((one, index) =>
      checkArgument(one, `${field}.args[${index}]`),
    ),
    includes: checkScope(fields.includes, `${field}.includes`),
    excludes: checkScope(fields.excludes, `${field}.excludes`),
  };
}

function checkNames(fields: Fields, field: string): string[] {
  const names = typeof fields.name === 'string' ? [fields.name] : list(fields, field, 'names');
  if (names.length === 0)
    throw new InvalidArgumentError(
      `${field}.names`,
      fields.names,
      'names no system call',
      "as in ['openat']",
    );
  return names.map((name, index) => text(name, `${field}.names[${index}]`, "a system call: 'openat'"));
}

function checkResult(
  fields: Fields,
  field: string,
  actionKey: string,
  numberKey: string,
  nameKey: string,
): number {
  const action = fields[actionKey];
  const at = path(field, actionKey);
  if (action === 'SCMP_ACT_NOTIFY')
    throw new InvalidArgumentError(
      at,
      action,
      'needs a listener, which a system has none of',
      'SCMP_ACT_ERRNO',
    );
  const words = Object.keys(ACTIONS);
  checkWord(action, at, words, 'is no action');
  const base = ACTIONS[action as keyof typeof ACTIONS];
  const takesData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  const most = action === 'SCMP_ACT_TRACE' ? MAX_DATA : MAX_ERRNO;
  const [key, data] =
    fields[numberKey] == null
      ? [nameKey, errnoNumber(fields, field, nameKey)]
      : [numberKey, fields[numberKey]];
  if (data === undefined) return takesData ? base + constants.errno.EPERM : base;
  if (!takesData) {
    throw new InvalidArgumentError(
      path(field, key),
      fields[key],
      `goes with ${action} as little as with any action that returns no errno`,
      'it with SCMP_ACT_ERRNO, or leave it out',
    );
  }
  if (typeof data === 'number' && Number.isInteger(data) && data >= 0 && data <= most) return base + data;
  throw new InvalidArgumentError(path(field, key), data, 'is no errno', `0 to ${most}`);
}

function errnoNumber(fields: Fields, field: string, key: string): number | undefined {
  const name = fields[key];
  if (name == null) return undefined;
  const numbers: Readonly<Record<string, number>> = constants.errno;
  const number = typeof name === 'string' && Object.hasOwn(numbers, name) ? numbers[name] : undefined;
  if (number !== undefined) return number;
  const meant = typeof name === 'string' ? nearest(name, Object.keys(numbers)) : undefined;
  throw new InvalidArgumentError(path(field, key), name, 'is no name of an errno', meant ?? "one as 'EPERM'");
}

function checkArgument(argument: unknown, field: string): Condition {
  const fields = object(argument, field, ARGUMENT);
  const { index, op } = fields;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > 5)
    throw new InvalidArgumentError(`${field}.index`, index, 'is no argument of a system call', '0 to 5');
  checkWord(op, `${field}.op`, OPERATORS, 'is no comparison');
  const operator = op as SeccompOperator;
  const value = number64(fields.value, `${field}.value`);
  if (operator !== 'SCMP_CMP_MASKED_EQ') return { index, operator, value, mask: LARGEST };
  const wanted = number64(fields.valueTwo ?? 0, `${field}.valueTwo`);
  if ((wanted & ~value) !== 0n) {
    throw new InvalidArgumentError(
      `${field}.valueTwo`,
      fields.valueTwo,
      'has bits that the mask in value leaves out',
      'the mask as value, and what is left under it as valueTwo',
    );
  }
  return { index, operator, value: wanted, mask: value };
}

function number64(value: unknown, field: string): bigint {
  const remedy = '0 to 2^64 - 1, as a number up to 2^53 - 1, a bigint, or a string of digits';
  let number: bigint | undefined;
  if (typeof value === 'bigint') number = value;
  if (typeof value === 'string' && /^(\d+|0x[\da-f]+)$/i.test(value)) number = BigInt(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) number = BigInt(value);
  if (number !== undefined && number >= 0n && number <= LARGEST) return number;
  const inexact = typeof value === 'number' && Number.isInteger(value) && value > Number.MAX_SAFE_INTEGER;
  throw new InvalidArgumentError(
    field,
    value,
    inexact ? 'has lost its last digits' : 'is no number of 64 bits',
    remedy,
  );
}

function checkScope(scope: unknown, field: string): Scope {
  const fields = scope == null ? {} : object(scope, field, SCOPE);
  const caps = list(fields, field, 'caps').map((name, index) => {
    capabilityBit(name, `${field}.caps[${index}]`);
    return name as string;
  });
  const arches = list(fields, field, 'arches').map((arch, index) =>
    text(arch, `${field}.arches[${index}]`, "an architecture: 'amd64'"),
  );
  const minKernel = fields.minKernel ?? undefined;
  if (minKernel !== undefined && !(typeof minKernel === 'string' && /^\d+\.\d+(\.\d+)?$/.test(minKernel)))
    throw new InvalidArgumentError(`${field}.minKernel`, minKernel, 'is no version', "one as '4.8'");
  return { caps, arches, minKernel };
}

function checkArchitecture(value: unknown, field: string): void {
  checkWord(value, field, ARCHITECTURES, 'is no architecture');
}

function checkWord(value: unknown, field: string, words: readonly string[], problem: string): void {
  if (typeof value === 'string' && words.includes(value)) return;
  throw new InvalidArgumentError(field, value, problem, oneOf(value, words));
}

function text(value: unknown, field: string, remedy: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidArgumentError(field, value, 'is no name', remedy);
}

function object(value: unknown, field: string, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError(field || 'profile', value, 'is no object', `{ ${keys.join(', ')} }`);
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue;
    throw new InvalidArgumentError(path(field, key), key, 'is no field of a profile', oneOf(key, keys));
  }
  return value as Fields;
}

/** What JSON of Go programs has as null is left out. */
function list(fields: Fields, field: string, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (Array.isArray(value)) return value;
  throw new InvalidArgumentError(path(field, key), value, 'is no list', `[${key}, ...]`);
}

function path(field: string, key: string): string {
  return field === '' ? key : `${field}.${key}`;
}

/** `NEAREST, or another of A, B`, as the remedy of an error has it. */
export function oneOf(value: unknown, words: readonly string[]): string {
  const best = typeof value === 'string' ? nearest(value, words) : undefined;
  if (best === undefined) return `one of ${words.join(', ')}`;
  const others = words.filter((word) => word !== best);
  return others.length === 0 ? best : `${best}, or another of ${others.join(', ')}`;
}
