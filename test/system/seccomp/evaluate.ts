/** What a profile says about a call, told directly: what compiled programs are held against. */
import { constants } from 'node:os';
import type { OciSeccomp, SeccompArgument, SeccompRule } from '../../../src/system/seccomp/index.ts';

/** The strictest first. */
const ACTIONS: readonly (readonly [name: string, value: number])[] = [
  ['SCMP_ACT_KILL_PROCESS', 0x80000000],
  ['SCMP_ACT_KILL', 0],
  ['SCMP_ACT_KILL_THREAD', 0],
  ['SCMP_ACT_TRAP', 0x30000],
  ['SCMP_ACT_ERRNO', 0x50000],
  ['SCMP_ACT_TRACE', 0x7ff00000],
  ['SCMP_ACT_LOG', 0x7ffc0000],
  ['SCMP_ACT_ALLOW', 0x7fff0000],
];

const rank = (action: string) => {
  const place = ACTIONS.findIndex(([name]) => name === action);
  // Two names of the same.
  return place === 2 ? 1 : place;
};

function result(action: string, errno: number | null | undefined): number {
  const value = ACTIONS.find(([name]) => name === action)?.[1] ?? Number.NaN;
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return takesErrno ? value + (errno ?? constants.errno.EPERM) : value;
}

function holds({ index, value, valueTwo, op }: SeccompArgument, args: readonly bigint[]): boolean {
  const actual = args[index] ?? 0n;
  const wanted = BigInt(value);
  switch (op) {
    case 'SCMP_CMP_EQ':
      return actual === wanted;
    case 'SCMP_CMP_NE':
      return actual !== wanted;
    case 'SCMP_CMP_LT':
      return actual < wanted;
    case 'SCMP_CMP_LE':
      return actual <= wanted;
    case 'SCMP_CMP_GE':
      return actual >= wanted;
    case 'SCMP_CMP_GT':
      return actual > wanted;
    case 'SCMP_CMP_MASKED_EQ':
      return (actual & wanted) === BigInt(valueTwo ?? 0);
  }
}

function applies({ args }: SeccompRule, given: readonly bigint[]): boolean {
  const conditions = args ?? [];
  const twice = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return twice ? conditions.some((one) => holds(one, given)) : conditions.every((one) => holds(one, given));
}

/** Profiles without includes, excludes and calls newer than what they name. */
export function evaluate(profile: OciSeccomp, name: string, args: readonly bigint[]): number {
  let decided: SeccompRule | undefined;
  for (const rule of profile.syscalls ?? []) {
    if (!rule.names?.includes(name) || !applies(rule, args)) continue;
    if (decided === undefined || rank(rule.action) < rank(decided.action)) decided = rule;
  }
  return decided === undefined
    ? result(profile.defaultAction, profile.defaultErrnoRet)
    : result(decided.action, decided.errnoRet);
}
