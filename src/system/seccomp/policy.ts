/**
 * A profile as it is for one architecture, one set of capabilities and one kernel.
 *
 * Where several rules hold for a call, the strictest decides, as the kernel has it with several filters: so the order of
 * rules does not matter, and an exception ("all of ioctl, but not TIOCSTI") can be written as a rule of its own. Where
 * none holds, the default does.
 */
import { constants, release } from 'node:os';
import { InvalidArgumentError } from '../../handle/index.ts';
import { type CheckedRule, type Condition, checkProfile, oneOf, type Scope } from './check.ts';
import { ACTIONS } from './profile.ts';
import { type Architecture, isSystemCall, SYSCALLS } from './syscalls.ts';

/** All conditions hold, or there are none: then this is the result. */
export interface Rule {
  readonly conditions: readonly Condition[];
  readonly result: number;
}

export interface Policy {
  readonly architecture: Architecture;
  /** The rules of a system call by its number, the strictest first. */
  readonly rules: ReadonlyMap<number, readonly Rule[]>;
  /** What is returned where no rule holds. */
  readonly fallback: number;
  /** Where the default refuses: the first number that the profile cannot have known. */
  readonly unheardOf: number | undefined;
  /** Names that are no system calls of any architecture we know. */
  readonly unknown: readonly string[];
}

export interface SeccompOptions {
  /** The host's own unless given. */
  readonly arch?: Architecture;
  /** The capabilities that are kept, which `includes` and `excludes` of profiles ask for; none unless given. */
  readonly capabilities?: ReadonlySet<string>;
  /** The release that `minKernel` is compared with: '6.12'; the running one unless given. */
  readonly kernel?: string;
}

export const ERRNO_ENOSYS: number = ACTIONS.SCMP_ACT_ERRNO + constants.errno.ENOSYS;

/** From here on all architectures number alike, in the order in which system calls came: Linux 5.1. */
const FIRST_IN_ORDER = 424;

/** As profiles name architectures, which is as Go does. */
const GO_NAMES: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
const NODE_NAMES: Readonly<Record<string, Architecture>> = { x64: 'x86_64', arm64: 'aarch64' };

export function resolvePolicy(profile: unknown, options: SeccompOptions = {}): Policy {
  const architecture = options.arch ?? NODE_NAMES[process.arch];
  if (architecture === undefined || !Object.hasOwn(GO_NAMES, architecture)) {
    const names = Object.keys(GO_NAMES);
    throw new InvalidArgumentError(
      'arch',
      architecture ?? process.arch,
      'has no table here',
      oneOf(architecture, names),
    );
  }
  const { result: fallback, rules: checked } = checkProfile(profile);
  const numbers = SYSCALLS[architecture];
  const rules = new Map<number, Rule[]>();
  const unknown = new Set<string>();
  let newest = FIRST_IN_ORDER - 1;
  for (const rule of checked) {
    const applies = holds(rule, architecture, options);
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number === undefined) {
        if (applies && !isSystemCall(name)) unknown.add(name);
        continue;
      }
      // Whether it applies or not: who wrote the profile knew the call.
      newest = Math.max(newest, number);
      if (applies) rules.set(number, [...(rules.get(number) ?? []), ...alternatives(rule)]);
    }
  }
  for (const list of rules.values()) list.sort((a, b) => strictness(a) - strictness(b));
  const unheardOf = refuses(fallback) ? newest + 1 : undefined;
  return { architecture, rules, fallback, unheardOf, unknown: [...unknown] };
}

function holds(
  { includes, excludes }: CheckedRule,
  architecture: Architecture,
  options: SeccompOptions,
): boolean {
  const kept = options.capabilities ?? new Set<string>();
  const arch = GO_NAMES[architecture];
  const isRecent = ({ minKernel }: Scope) =>
    minKernel !== undefined && isAtLeast(options.kernel ?? release(), minKernel);
  if (!includes.caps.every((name) => kept.has(name))) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(arch)) return false;
  if (includes.minKernel !== undefined && !isRecent(includes)) return false;
  return (
    !excludes.caps.some((name) => kept.has(name)) && !excludes.arches.includes(arch) && !isRecent(excludes)
  );
}

/** '6.12.3' is at least '6.12'. What a distribution appends counts for nothing. */
function isAtLeast(running: string, wanted: string): boolean {
  const numbers = (version: string) => version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const has = numbers(running);
  for (const [index, number] of numbers(wanted).entries()) {
    const difference = (has[index] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * Conditions on different arguments hold together. Where two are on the same argument, each is a rule by itself: so runc
 * has it, since libseccomp takes one per argument, and profiles rely on it.
 */
function alternatives({ conditions, result }: CheckedRule): Rule[] {
  const places = new Set(conditions.map(({ index }) => index));
  if (places.size === conditions.length) return [{ conditions, result }];
  return conditions.map((condition) => ({ conditions: [condition], result }));
}

/** The kernel's own order: actions are compared as signed numbers, so that SECCOMP_RET_KILL_PROCESS is the least. */
function strictness({ result }: Rule): number {
  return (result & 0xffff_0000) | 0;
}

function refuses(result: number): boolean {
  return strictness({ conditions: [], result }) <= ACTIONS.SCMP_ACT_ERRNO;
}
