import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemError } from '../../../src/handle/index.ts';
import { CAPABILITIES, keptCapabilities } from '../../../src/system/capabilities.ts';
import {
  compileSeccomp,
  defaultSeccompProfile,
  readSeccompProfile,
} from '../../../src/system/seccomp/index.ts';
import { SYSCALLS } from '../../../src/system/seccomp/syscalls.ts';
import { findFault, runFilter } from '../../support/classic-bpf.ts';

const AUDIT = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
const REFUSED = 0x50000 | constants.errno.EPERM;
const ARGUMENTS = [0n, 0n, 0n, 0n, 0n, 0n];

describe('the default profile', () => {
  it.each(['x86_64', 'aarch64'] as const)('is small and quick on %s', (arch) => {
    for (const capabilities of [
      new Set<string>(),
      keptCapabilities(['CAP_SYS_ADMIN']),
      new Set(CAPABILITIES),
    ]) {
      const { program, unknown } = compileSeccomp(defaultSeccompProfile(), { arch, capabilities });
      expect(unknown).toEqual([]);
      expect(findFault(program)).toBeUndefined();
      expect(program.length / 8).toBeLessThan(350);
      const steps = [...SYSCALLS[arch].values()].map(
        (number) => runFilter(program, { arch: AUDIT[arch], number, args: ARGUMENTS }).steps,
      );
      expect(Math.max(...steps)).toBeLessThan(30);
    }
  });

  it('names each system call of which somebody has thought', () => {
    const named = new Set((defaultSeccompProfile().syscalls ?? []).flatMap(({ names }) => names ?? []));
    const { program } = compileSeccomp(defaultSeccompProfile(), { arch: 'x86_64' });
    const refused = [...SYSCALLS.x86_64]
      .filter(
        ([, number]) =>
          runFilter(program, { arch: AUDIT.x86_64, number, args: ARGUMENTS }).result === REFUSED,
      )
      .map(([name]) => name);
    // A call that is added to the table is refused, or unheard of, until it stands in the profile or here.
    expect(refused.filter((name) => !named.has(name)).sort()).toEqual([
      ...['_sysctl', 'acct', 'add_key', 'adjtimex', 'afs_syscall', 'bpf', 'clock_adjtime', 'clock_settime'],
      ...['create_module', 'delete_module', 'finit_module', 'get_kernel_syms', 'get_thread_area', 'getpmsg'],
      ...['init_module', 'io_uring_enter', 'io_uring_register', 'io_uring_setup', 'ioperm', 'iopl'],
      ...['kexec_file_load', 'kexec_load', 'keyctl', 'listns', 'lookup_dcookie', 'lsm_set_self_attr'],
      ...['migrate_pages', 'modify_ldt', 'move_pages', 'nfsservctl', 'open_by_handle_at', 'perf_event_open'],
      ...['putpmsg', 'query_module', 'quotactl', 'quotactl_fd', 'reboot', 'request_key', 'security'],
      ...['set_thread_area', 'settimeofday', 'swapoff', 'swapon', 'sysfs', 'syslog', 'tuxcall', 'uprobe'],
      ...['uselib', 'userfaultfd', 'ustat', 'vhangup', 'vserver'],
    ]);
  });
});

describe('a profile in a file', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'cofferdam-profile-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('keeps all 64 bits of its numbers, and texts as they are', () => {
    const file = join(directory, 'large.json');
    writeFileSync(
      file,
      `{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW",
         "comment": "say \\"no\\" to 18446744073709551615 in texts",
         "args": [{ "index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ" }] }] }`,
    );
    const profile = readSeccompProfile(file);
    expect(profile.syscalls?.[0]?.comment).toBe('say "no" to 18446744073709551615 in texts');
    const { program } = compileSeccomp(profile, { arch: 'x86_64' });
    const ask = (value: bigint) =>
      runFilter(program, { arch: AUDIT.x86_64, number: 0, args: [value, ...ARGUMENTS.slice(1)] }).result;
    expect([ask((1n << 64n) - 1n), ask((1n << 64n) - 2n)]).toEqual([0x7fff0000, REFUSED]);
  });

  it('is compiled once for each set of options, and cannot be changed', () => {
    const profile = defaultSeccompProfile();
    const kept = (...names: string[]) => compileSeccomp(profile, { capabilities: new Set(names) });
    expect(kept('CAP_BPF', 'CAP_SYS_ADMIN')).toBe(kept('CAP_SYS_ADMIN', 'CAP_BPF'));
    expect(kept('CAP_SYS_ADMIN').program).not.toEqual(kept().program);
    expect(kept()).toBe(compileSeccomp(profile));
    expect(compileSeccomp(profile, { arch: 'aarch64' })).not.toBe(
      compileSeccomp(profile, { arch: 'x86_64' }),
    );
    expect(() => Object.assign(profile.syscalls?.[0] ?? {}, { action: 'SCMP_ACT_KILL' })).toThrow(TypeError);
    const copy = structuredClone(profile);
    expect(compileSeccomp(copy)).not.toBe(compileSeccomp(copy));
    expect(compileSeccomp(copy)).toEqual(compileSeccomp(profile));
  });

  it('says what is wrong with the file', () => {
    const missing = join(directory, 'missing.json');
    expect(() => readSeccompProfile(missing)).toThrow(SystemError);
    expect(() => readSeccompProfile(missing)).toThrow(
      expect.objectContaining({ code: 'ENOENT', path: missing }),
    );
    const broken = join(directory, 'broken.json');
    writeFileSync(broken, '{ "defaultAction": ');
    expect(() => readSeccompProfile(broken)).toThrow(
      /is no JSON \(.+\); give a file with an OCI seccomp profile/,
    );
  });
});
