/**
 * Seccomp profiles as the OCI runtime specification has them, and with what the templates of container engines have
 * besides (archMap, includes, excludes, errno, comment): config-linux.md#seccomp of the specification.
 */

/** What becomes of a system call: the values of SECCOMP_RET_* in uapi/linux/seccomp.h. */
export const ACTIONS = {
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  /** As libseccomp has it: the thread. */
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
} as const;

export const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;

/** SCMP_ACT_NOTIFY is left out: a system has nobody who would listen. */
export type SeccompAction = keyof typeof ACTIONS;
export type SeccompOperator = (typeof OPERATORS)[number];

/** 64 bits without a sign. A string is one of digits, or of hexadecimal ones behind 0x. */
export type SeccompValue = number | bigint | string;

/** A condition on one argument of a system call. All 64 bits of the argument are compared. */
export interface SeccompArgument {
  /** 0 to 5. */
  readonly index: number;
  /** What is compared with; for SCMP_CMP_MASKED_EQ the mask. */
  readonly value: SeccompValue;
  /** For SCMP_CMP_MASKED_EQ: what the masked argument is to be. */
  readonly valueTwo?: SeccompValue | null;
  readonly op: SeccompOperator;
}

/** Where a rule holds: an empty filter holds everywhere. */
export interface SeccompFilter {
  /** `includes`: all of them are kept. `excludes`: any of them is. */
  readonly caps?: readonly string[] | null;
  /** As Go names them: 'amd64', 'arm64'. */
  readonly arches?: readonly string[] | null;
  /** '4.8' */
  readonly minKernel?: string | null;
}

/** System calls, and what becomes of them where all of `args` hold. */
export interface SeccompRule {
  readonly names?: readonly string[];
  /** In place of `names`, in older profiles. */
  readonly name?: string;
  readonly action: SeccompAction;
  /** For SCMP_ACT_ERRNO and SCMP_ACT_TRACE; EPERM unless given. */
  readonly errnoRet?: number | null;
  /** The same by its name: 'ENOSYS'. */
  readonly errno?: string;
  readonly args?: readonly SeccompArgument[] | null;
  readonly comment?: string;
  readonly includes?: SeccompFilter | null;
  readonly excludes?: SeccompFilter | null;
}

/** An OCI seccomp profile. */
export interface OciSeccomp {
  /** What becomes of system calls that no rule is about. */
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number | null;
  readonly defaultErrno?: string;
  /** Checked and otherwise ignored: a program is for one architecture, the others are refused. */
  readonly architectures?: readonly string[] | null;
  readonly archMap?:
    | readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[]
    | null;
  /** Flags of seccomp(2): checked and otherwise ignored. */
  readonly flags?: readonly string[] | null;
  readonly syscalls?: readonly SeccompRule[] | null;
}
