import { constants } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileSeccomp,
  type OciSeccomp,
  type SeccompAction,
  type SeccompArgument,
  type SeccompOperator,
  type SeccompRule,
} from '../../../src/system/seccomp/index.ts';
import { type Architecture, SYSCALLS } from '../../../src/system/seccomp/syscalls.ts';
import { findFault, runFilter } from '../../support/classic-bpf.ts';
import { evaluate } from './evaluate.ts';

const AUDIT = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
const I386 = 0x40000003;
const ALLOW = 0x7fff0000;
const ERRNO = 0x50000;
const KILL_PROCESS = 0x80000000;
const { EPERM, ENOSYS } = constants.errno;

const NONE = [0n, 0n, 0n, 0n, 0n, 0n];

function numberOf(name: string, arch: Architecture = 'x86_64'): number {
  const number = SYSCALLS[arch].get(name);
  if (number === undefined) throw new Error(`no ${name}`);
  return number;
}

/** What becomes of a call of x86-64 under the profile. */
function ask(
  profile: OciSeccomp,
  name: string | number,
  args: readonly bigint[] = NONE,
  options = {},
): number {
  const { program } = compileSeccomp(profile, { arch: 'x86_64', ...options });
  expect(findFault(program)).toBeUndefined();
  const number = typeof name === 'number' ? name : numberOf(name);
  return runFilter(program, { arch: AUDIT.x86_64, number, args: [...args, ...NONE].slice(0, 6) }).result;
}

const allow = (...names: string[]): SeccompRule => ({ names, action: 'SCMP_ACT_ALLOW' });

describe('a program', () => {
  it('is for its architecture alone', () => {
    for (const arch of ['x86_64', 'aarch64'] as const) {
      const profile: OciSeccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] };
      const { program } = compileSeccomp(profile, { arch });
      const under = (audit: number, number = 0) =>
        runFilter(program, { arch: audit, number, args: NONE }).result;
      expect(under(AUDIT[arch])).toBe(ALLOW);
      for (const other of [...Object.values(AUDIT), I386, 0]) {
        if (other !== AUDIT[arch]) expect(under(other)).toBe(KILL_PROCESS);
      }
    }
  });

  it('knows no x32, whatever the default', () => {
    for (const defaultAction of ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_LOG'] as const) {
      const profile: OciSeccomp = { defaultAction, syscalls: [allow('read')] };
      for (const number of [0x40000000, 0x40000000 | numberOf('read'), 0x40000200, 0x7fffffff, 0xffffffff])
        expect(ask(profile, number)).toBe(ERRNO | ENOSYS);
    }
  });

  it('says ENOSYS to what is newer than the profile, where the default refuses', () => {
    const rules = [allow('read', 'openat2')];
    const refusing: OciSeccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules };
    expect(ask(refusing, 'read')).toBe(ALLOW);
    expect(ask(refusing, 'mkdir')).toBe(ERRNO | EPERM);
    expect(ask(refusing, 'clone3')).toBe(ERRNO | EPERM);
    expect(ask(refusing, 'faccessat2')).toBe(ERRNO | ENOSYS);
    expect(ask(refusing, 3000)).toBe(ERRNO | ENOSYS);
    expect(ask({ ...refusing, defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 3000)).toBe(ERRNO | ENOSYS);
    expect(ask({ ...refusing, defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 'mkdir')).toBe(KILL_PROCESS);
    expect(ask({ ...refusing, defaultAction: 'SCMP_ACT_ALLOW' }, 3000)).toBe(ALLOW);
    // Numbers of old calls say nothing of their age.
    expect(ask({ ...refusing, syscalls: [allow('read')] }, 'mkdir')).toBe(ERRNO | EPERM);
    // A rule for others still shows what its author knew.
    const elsewhere = { ...allow('statmount'), includes: { caps: ['CAP_BPF'] } };
    expect(ask({ ...refusing, syscalls: [...rules, elsewhere] }, 'statmount')).toBe(ERRNO | EPERM);
  });

  it('returns what the rules return', () => {
    const profile = (action: SeccompAction, errnoRet?: number): OciSeccomp => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['read'], action, ...(errnoRet === undefined ? {} : { errnoRet }) }],
    });
    expect(ask(profile('SCMP_ACT_KILL'), 'read')).toBe(0);
    expect(ask(profile('SCMP_ACT_TRAP'), 'read')).toBe(0x30000);
    expect(ask(profile('SCMP_ACT_ERRNO'), 'read')).toBe(ERRNO | EPERM);
    expect(ask(profile('SCMP_ACT_ERRNO', 0), 'read')).toBe(ERRNO);
    expect(ask(profile('SCMP_ACT_ERRNO', ENOSYS), 'read')).toBe(ERRNO | ENOSYS);
    expect(ask(profile('SCMP_ACT_TRACE', 0xffff), 'read')).toBe(0x7ff0ffff);
    expect(ask(profile('SCMP_ACT_LOG'), 'read')).toBe(0x7ffc0000);
    const named: OciSeccomp = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrno: 'EACCES' };
    expect(ask(named, 'read')).toBe(ERRNO | constants.errno.EACCES);
  });

  it('lets the strictest of several rules decide, in whatever order', () => {
    const rules: SeccompRule[] = [
      allow('ioctl'),
      { names: ['ioctl'], action: 'SCMP_ACT_LOG', args: [{ index: 1, value: 7, op: 'SCMP_CMP_EQ' }] },
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args: [{ index: 1, value: 5, op: 'SCMP_CMP_GE' }] },
    ];
    for (const syscalls of [rules, rules.toReversed()]) {
      const profile: OciSeccomp = { defaultAction: 'SCMP_ACT_KILL', syscalls };
      expect(ask(profile, 'ioctl', [0n, 4n])).toBe(ALLOW);
      expect(ask(profile, 'ioctl', [0n, 7n])).toBe(ERRNO | EPERM);
    }
  });

  it('takes two conditions on one argument one by one, as runc does', () => {
    const args: SeccompArgument[] = [
      { index: 0, value: 1, op: 'SCMP_CMP_EQ' },
      { index: 0, value: 2, op: 'SCMP_CMP_EQ' },
    ];
    const profile: OciSeccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['personality'], action: 'SCMP_ACT_ALLOW', args }],
    };
    expect([0n, 1n, 2n, 3n].map((value) => ask(profile, 'personality', [value]) === ALLOW)).toEqual([
      ...[false, true, true, false],
    ]);
  });

  it('holds rules for capabilities, architectures and kernels against what there is', () => {
    const rule = (where: Partial<SeccompRule>): OciSeccomp => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ ...allow('mount'), ...where }],
    });
    const allowed = (where: Partial<SeccompRule>, options = {}) =>
      ask(rule(where), 'mount', NONE, { kernel: '6.12.3-amd64', ...options }) === ALLOW;
    const kept = { capabilities: new Set(['CAP_SYS_ADMIN']) };
    const both = ['CAP_SYS_ADMIN', 'CAP_BPF'];
    expect(allowed({ includes: { caps: ['CAP_SYS_ADMIN'] } })).toBe(false);
    expect(allowed({ includes: { caps: ['CAP_SYS_ADMIN'] } }, kept)).toBe(true);
    expect(allowed({ includes: { caps: both } }, kept)).toBe(false);
    expect(allowed({ excludes: { caps: both } }, kept)).toBe(false);
    expect(allowed({ excludes: { caps: both } })).toBe(true);
    expect(allowed({ includes: { arches: ['amd64'] } })).toBe(true);
    expect(allowed({ includes: { arches: ['arm64'] } })).toBe(false);
    expect(allowed({ excludes: { arches: ['amd64'] } })).toBe(false);
    expect(allowed({ includes: { minKernel: '6.12' } })).toBe(true);
    expect(allowed({ includes: { minKernel: '6.13' } })).toBe(false);
    expect(allowed({ includes: { minKernel: '6.12.4' } })).toBe(false);
    expect(allowed({ includes: { minKernel: '5.20' } })).toBe(true);
    expect(allowed({ excludes: { minKernel: '6.12' } })).toBe(false);
    expect(allowed({ includes: {}, excludes: null, args: null })).toBe(true);
  });

  it('names what it does not know, once, and does without it', () => {
    const profile: OciSeccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        allow('raed', 'read', 'chown32', 'raed'),
        { ...allow('elsewhere'), includes: { arches: ['s390x'] } },
      ],
    };
    expect(compileSeccomp(profile, { arch: 'x86_64' }).unknown).toEqual(['raed']);
    // A call of another architecture is no misspelt one.
    expect(compileSeccomp({ ...profile, syscalls: [allow('open')] }, { arch: 'aarch64' }).unknown).toEqual(
      [],
    );
  });
});

const U64 = (1n << 64n) - 1n;
const EDGES = [
  0n,
  1n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  1n << 63n,
  U64 - 1n,
  U64,
];
const word = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: 0n, max: U64 }),
  fc.bigInt({ min: 0n, max: 9n }),
);
const value = word.chain((bits) =>
  fc.constantFrom<bigint | string | number>(
    ...[bits, `${bits}`, `0x${bits.toString(16)}`, bits <= 0xffffffffn ? Number(bits) : bits],
  ),
);
const index = fc.integer({ min: 0, max: 5 });
const argument: fc.Arbitrary<SeccompArgument> = fc.oneof(
  fc.record({
    index,
    value,
    op: fc.constantFrom<SeccompOperator>(
      ...([
        'SCMP_CMP_NE',
        'SCMP_CMP_LT',
        'SCMP_CMP_LE',
        'SCMP_CMP_EQ',
        'SCMP_CMP_GE',
        'SCMP_CMP_GT',
      ] as const),
    ),
  }),
  fc.record({ index, mask: word, wanted: word }).map(({ index, mask, wanted }) => ({
    index,
    value: mask,
    valueTwo: mask & wanted,
    op: 'SCMP_CMP_MASKED_EQ' as const,
  })),
);
const action = fc.constantFrom<SeccompAction>(
  ...(['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP'] as const),
  ...(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE', 'SCMP_ACT_LOG', 'SCMP_ACT_ALLOW'] as const),
);

function profiles(names: readonly string[]): fc.Arbitrary<OciSeccomp> {
  const rule = fc
    .record({
      names: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 6 }),
      action,
      errno: fc.option(fc.integer({ min: 0, max: 4095 }), { nil: undefined }),
      args: fc.oneof(
        { weight: 1, arbitrary: fc.constant([]) },
        { weight: 2, arbitrary: fc.array(argument, { maxLength: 6 }) },
      ),
    })
    .map(({ errno, ...rule }) =>
      errno !== undefined && /ERRNO|TRACE/.test(rule.action) ? { ...rule, errnoRet: errno } : rule,
    );
  return fc.record({ defaultAction: action, syscalls: fc.array(rule, { maxLength: 12 }) });
}

describe('any profile', () => {
  it.each(['x86_64', 'aarch64'] as const)('means on %s what it says', (arch) => {
    const table = [...SYSCALLS[arch]].filter(([, number]) => number < 424);
    // Neighbours, the ends, and some in between.
    const some = [
      ...table.slice(0, 9),
      ...table.slice(100, 104),
      ...table.slice(200, 220),
      ...table.slice(-4),
    ];
    const arbitrary = fc.tuple(
      profiles(some.map(([name]) => name)),
      fc.array(fc.tuple(word, word, word, word, word, word), { minLength: 1, maxLength: 3 }),
    );
    let asked = 0;
    fc.assert(
      fc.property(arbitrary, ([profile, given]) => {
        const { program, unknown } = compileSeccomp(profile, { arch });
        expect(unknown).toEqual([]);
        expect(findFault(program)).toBeUndefined();
        // Arguments that are near to what rules ask for, too.
        const near = (profile.syscalls ?? [])
          .flatMap(({ args }) => args ?? [])
          .map(({ value }) => BigInt(value));
        const sets = [...given, ...near.map((one) => Array.from({ length: 6 }, () => one))];
        for (const [name, number] of some) {
          for (const args of sets) {
            asked++;
            const { result } = runFilter(program, { arch: AUDIT[arch], number, args });
            if (result !== evaluate(profile, name, args))
              expect(`${name} ${args}: ${result}`).toBe(`${name} ${args}: ${evaluate(profile, name, args)}`);
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(asked).toBeGreaterThan(10_000);
  });

  it('may be large: far jumps arrive, and what the kernel would not take is told', () => {
    const names = [...SYSCALLS.x86_64.keys()];
    // Each call with rules of its own, so that no two are one segment.
    const large = (conditions: number): OciSeccomp => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: names.map((name, place) => ({
        names: [name],
        action: 'SCMP_ACT_ALLOW' as const,
        args: Array.from({ length: conditions }, (_, index) => ({
          index,
          value: place,
          op: 'SCMP_CMP_EQ' as const,
        })),
      })),
    });
    const profile = large(1);
    const { program } = compileSeccomp(profile, { arch: 'x86_64' });
    expect(program.length / 8).toBeGreaterThan(1500);
    expect(findFault(program)).toBeUndefined();
    for (const [place, name] of names.entries()) {
      for (const argument of [place, place + 1]) {
        const args = [BigInt(argument), ...NONE.slice(1)];
        const { result, steps } = runFilter(program, { arch: AUDIT.x86_64, number: numberOf(name), args });
        expect(result).toBe(argument === place ? ALLOW : ERRNO | EPERM);
        expect(steps).toBeLessThan(32);
      }
    }
    expect(() => compileSeccomp(large(4), { arch: 'x86_64' })).toThrow(
      /^syscalls: \d+ makes a program of \d+ instr/,
    );
  });
});
