import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../../src/handle/index.ts';
import { compileSeccomp, type OciSeccomp } from '../../../src/system/seccomp/index.ts';

/** The error of a profile that is as wrong as JSON can be. */
function refusal(profile: unknown): string {
  try {
    compileSeccomp(profile as OciSeccomp, { arch: 'x86_64' });
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as InvalidArgumentError).code).toBe('ERR_COFFERDAM_INVALID_ARGUMENT');
    return (error as InvalidArgumentError).message;
  }
  return 'none';
}

const rule = (fields: object) => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [
    { names: ['read'], action: 'SCMP_ACT_ALLOW' },
    { names: ['ioctl'], action: 'SCMP_ACT_ALLOW', ...fields },
  ],
});
const argument = (fields: object) => rule({ args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ', ...fields }] });

describe('a profile that is wrong', () => {
  it.each(
    [
      [undefined, 'profile: undefined is no object; give { defaultAction,'],
      [[], 'profile: [] is no object'],
      [{}, 'defaultAction: undefined is no action; give one of SCMP_ACT_KILL_PROCESS,'],
      [
        { defaultAction: 'SCMP_ACT_ALOW' },
        'defaultAction: "SCMP_ACT_ALOW" is no action; give SCMP_ACT_ALLOW, or another of SCMP_ACT_KILL_PROCESS,',
      ],
      [{ defaultAction: 'SCMP_ACT_NOTIFY' }, 'defaultAction: "SCMP_ACT_NOTIFY" needs a listener, which'],
      [
        { defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 },
        'defaultErrnoRet: 1 goes with SCMP_ACT_ALLOW as little',
      ],
      [
        { defaultAction: 'SCMP_ACT_ALLOW', syscals: [] },
        'syscals: "syscals" is no field of a profile; give syscalls,',
      ],
      [{ defaultAction: 'SCMP_ACT_ALLOW', syscalls: {} }, 'syscalls: {} is no list'],
      [
        { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_46'] },
        'architectures[0]: "SCMP_ARCH_X86_46" is no architecture; give SCMP_ARCH_X86',
      ],
      [
        {
          defaultAction: 'SCMP_ACT_ALLOW',
          archMap: [{ architecture: 'SCMP_ARCH_ARM', subArchitectures: ['ARM'] }],
        },
        'archMap[0].subArchitectures[0]: "ARM" is no architecture',
      ],
      [
        { defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_LOGS'] },
        'flags[0]: "SECCOMP_FILTER_FLAG_LOGS"',
      ],
      [rule({ names: [] }), 'syscalls[1].names: [] names no system call'],
      [rule({ names: ['ioctl', 3] }), 'syscalls[1].names[1]: 3 is no name'],
      [rule({ action: 'ALLOW' }), 'syscalls[1].action: "ALLOW" is no action'],
      [
        rule({ action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }),
        'syscalls[1].errnoRet: 4096 is no errno; give 0 to 4095',
      ],
      [rule({ action: 'SCMP_ACT_ERRNO', errnoRet: '1' }), 'syscalls[1].errnoRet: "1" is no errno'],
      [
        rule({ action: 'SCMP_ACT_ERRNO', errno: 'EPRM' }),
        'syscalls[1].errno: "EPRM" is no name of an errno; give EPERM',
      ],
      [rule({ errnoRet: 1 }), 'syscalls[1].errnoRet: 1 goes with SCMP_ACT_ALLOW as little'],
      [rule({ agrs: [] }), 'syscalls[1].agrs: "agrs" is no field of a profile; give args,'],
      [argument({ index: 6 }), 'syscalls[1].args[0].index: 6 is no argument of a system call; give 0 to 5'],
      [
        argument({ op: 'SCMP_CMP_EQL' }),
        'syscalls[1].args[0].op: "SCMP_CMP_EQL" is no comparison; give SCMP_CMP_EQ, or',
      ],
      [argument({ op: 'toString' }), 'syscalls[1].args[0].op: "toString" is no comparison; give one of'],
      [argument({ value: -1 }), 'syscalls[1].args[0].value: -1 is no number of 64 bits'],
      [argument({ value: '-1' }), 'syscalls[1].args[0].value: "-1" is no number of 64 bits'],
      [
        argument({ value: 1n << 64n }),
        'syscalls[1].args[0].value: 18446744073709551616n is no number of 64 bits',
      ],
      [
        argument({ value: 2 ** 63 }),
        'syscalls[1].args[0].value: 9223372036854776000 has lost its last digits',
      ],
      [
        argument({ op: 'SCMP_CMP_MASKED_EQ', value: 1, valueTwo: 2 }),
        'syscalls[1].args[0].valueTwo: 2 has bits that the mask in value leaves out',
      ],
      [
        rule({ includes: { caps: ['CAP_SYS_AMDIN'] } }),
        'syscalls[1].includes.caps[0]: "CAP_SYS_AMDIN" is no capability; give CAP_SYS_ADMIN',
      ],
      [rule({ excludes: { minKernel: 4 } }), 'syscalls[1].excludes.minKernel: 4 is no version'],
      [rule({ excludes: { kernel: '4.8' } }), 'syscalls[1].excludes.kernel: "kernel" is no field'],
    ].map(([profile, message]) => ({ profile, message })),
  )('is told by field, value and remedy: $message', ({ profile, message }) => {
    expect(refusal(profile)).toContain(message);
  });

  it('is nothing of what templates and older tools write', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: null,
      defaultErrno: 'ENOSYS',
      architectures: null,
      archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      listenerPath: '',
      syscalls: [
        { name: 'read', action: 'SCMP_ACT_ALLOW', args: null, comment: '', includes: {}, excludes: {} },
        {
          names: ['socket'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 22,
          errno: 'EINVAL',
          args: [{ index: 0, value: 16, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
        },
      ],
    };
    expect(refusal(profile)).toBe('none');
  });

  it('is an architecture without a table', () => {
    const compile = () => compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW' }, { arch: 'x86' as never });
    expect(compile).toThrow('arch: "x86" has no table here; give x86_64, or another of aarch64');
  });
});
