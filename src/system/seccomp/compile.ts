/** Seccomp profiles become programs of classic BPF. */
import { InvalidArgumentError } from '../../handle/index.ts';
import {
  assemble,
  branch,
  guarded,
  type Instruction,
  loadArchitecture,
  loadNumber,
  MAX_INSTRUCTIONS,
  ret,
  skipIf,
} from './bpf.ts';
import { isFromFile } from './default.ts';
import { ERRNO_ENOSYS, type Policy, type Rule, resolvePolicy, type SeccompOptions } from './policy.ts';
import { ACTIONS, type OciSeccomp } from './profile.ts';
import type { Architecture } from './syscalls.ts';

export interface CompiledSeccomp {
  /** struct sock_filter[], for seccomp(2). It may be handed out again: leave it as it is. */
  readonly program: Uint8Array;
  /** Names in the profile that are no system calls, which are ignored: misspelt ones, or those of a later kernel. */
  readonly unknown: readonly string[];
}

/** AUDIT_ARCH_* of uapi/linux/audit.h. */
const AUDIT: Readonly<Record<Architecture, number>> = { x86_64: 0xc000_003e, aarch64: 0xc000_00b7 };

/** __X32_SYSCALL_BIT: from here on numbers of x86-64 are those of its ABI with short pointers. */
const X32 = 0x4000_0000;

/** Some milliseconds are much where a system takes two to start. */
const compiled = new WeakMap<OciSeccomp, Map<string, CompiledSeccomp>>();

/**
 * Compiles an OCI seccomp profile.
 *
 * The program is for one architecture. Calls of another one, which a 64-bit program can make as well (`int 0x80`), kill
 * the process; those of x32 are ENOSYS, as on a kernel without it. Where the default action refuses, calls that are newer
 * than all that the profile names are ENOSYS, too, so that C libraries do without them. Where several rules hold, the
 * strictest decides.
 *
 * @throws InvalidArgumentError naming the field: 'syscalls[3].args[0].op'
 */
export function compileSeccomp(profile: OciSeccomp, options: SeccompOptions = {}): CompiledSeccomp {
  if (!isFromFile(profile)) return compile(profile, options);
  const { arch, capabilities = [], kernel } = options;
  const key = JSON.stringify([arch, [...capabilities].sort(), kernel]);
  const before = compiled.get(profile) ?? new Map<string, CompiledSeccomp>();
  compiled.set(profile, before);
  const result = before.get(key) ?? compile(profile, options);
  before.set(key, result);
  return result;
}

function compile(profile: OciSeccomp, options: SeccompOptions): CompiledSeccomp {
  const policy = resolvePolicy(profile, options);
  const program = [
    loadArchitecture,
    // Numbers mean something else there: whatever the rules say would be passed by.
    skipIf(AUDIT[policy.architecture], 1),
    ret(ACTIONS.SCMP_ACT_KILL_PROCESS),
    loadNumber,
    ...tree(segments(policy)),
  ];
  if (program.length > MAX_INSTRUCTIONS) {
    throw new InvalidArgumentError(
      'syscalls',
      policy.rules.size,
      `makes a program of ${program.length} instructions, and the kernel takes ${MAX_INSTRUCTIONS}`,
      'fewer rules with args',
    );
  }
  return { program: assemble(program), unknown: policy.unknown };
}

/** Numbers from `start` to where the next segment begins, all of which have the same code. */
interface Segment {
  readonly start: number;
  readonly code: readonly Instruction[];
}

/** All numbers in order. Neighbours with the same code are one segment: most calls are simply allowed, or refused. */
function segments({ architecture, rules, fallback, unheardOf }: Policy): Segment[] {
  const codes = new Map<number, readonly Instruction[]>([[0, [ret(fallback)]]]);
  const numbers = [...rules.keys()].sort((a, b) => a - b);
  for (const number of numbers) {
    codes.set(number, leaf(rules.get(number) ?? [], fallback));
    // Until the next one, which may be the very next.
    codes.set(number + 1, [ret(fallback)]);
  }
  if (unheardOf !== undefined) codes.set(unheardOf, [ret(ERRNO_ENOSYS)]);
  if (architecture === 'x86_64') codes.set(X32, [ret(ERRNO_ENOSYS)]);

  const found: Segment[] = [];
  for (const [start, code] of [...codes].sort(([a], [b]) => a - b)) {
    const last = found.at(-1);
    if (last === undefined || !isSame(code, last.code)) found.push({ start, code });
  }
  return found;
}

function isSame(one: readonly Instruction[], other: readonly Instruction[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ code, jt, jf, k }, place) => {
      const twin = other[place];
      return twin?.code === code && twin.jt === jt && twin.jf === jf && twin.k === k;
    })
  );
}

/** A balanced tree of comparisons: some eight of them for any call, where a list would take hundreds for the last. */
function tree(all: readonly Segment[]): readonly Instruction[] {
  const middle = all.length >> 1;
  const first = all[middle];
  if (middle === 0 || first === undefined) return all[0]?.code ?? [];
  return branch(first.start, tree(all.slice(0, middle)), tree(all.slice(middle)));
}

/** What becomes of one call. */
function leaf(rules: readonly Rule[], fallback: number): readonly Instruction[] {
  const code: Instruction[] = [];
  for (const { conditions, result } of rules) {
    // Those behind it are no stricter.
    if (conditions.length === 0) return [...code, ret(result)];
    code.push(...guarded(conditions, result));
  }
  return [...code, ret(fallback)];
}
