import { CofferdamError, InvalidArgumentError, SystemError } from '../handle/errors.ts';
import { NetlinkError } from '../netlink/error.ts';
import { SystemConfigError } from '../system/config/issue.ts';
import { FindingError, UsageError } from './args.ts';
import { netnsRefusal } from './netns-refusal.ts';
import { errnoWords } from './strerror.ts';

/** What the process exits with. */
export const EXIT = {
  ok: 0,
  /** A finding, or something failed. */
  failure: 1,
  usage: 2,
  /** The kernel refused: what `ip` exits with, too. */
  refused: 2,
  /** A privilege is missing; the message names the capability. EX_NOPERM, sysexits(3). */
  privilege: 77,
} as const;

/** A privilege is missing. The message says which, `remedy` what to do about it. */
export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError';
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

export interface Failure {
  readonly exitCode: number;
  /** Lines for stderr, without a final line break. */
  readonly text: string;
}

/** Calls that make or enter a namespace. A socket itself takes no privilege: only its namespace can be refused. */
const NAMESPACE_CALLS = /setns|unshare|mount|clone|^socket$/;

/** Which capability the kernel wanted when it said EPERM or EACCES: capabilities(7). */
function missingCapability({ code, syscall, path, pid }: SystemError): string {
  if (code === 'EPERM') return NAMESPACE_CALLS.test(syscall) ? 'CAP_SYS_ADMIN' : 'CAP_NET_ADMIN';
  if (pid !== undefined || path?.startsWith('/proc/')) return 'CAP_SYS_PTRACE';
  return path === undefined ? 'CAP_NET_ADMIN' : 'CAP_DAC_OVERRIDE';
}

function remedyOf(error: unknown): string | undefined {
  if (error instanceof PrivilegeError) return error.remedy;
  if (!(error instanceof CofferdamError)) return undefined;
  switch (error.code) {
    case 'ERR_COFFERDAM_TIMEOUT':
      return 'Give it longer: cofferdam --timeout MILLISECONDS ...';
    case 'EMFILE':
      return 'This process has no fd left: raise `ulimit -n`, or see who holds them: ls -l /proc/PID/fd';
    case 'ENFILE':
      return 'The system has no fd left: see /proc/sys/fs/file-nr';
    case 'ENOBUFS':
      return 'The socket buffer was too small: cofferdam -rc 4194304 ...';
    case 'ERR_COFFERDAM_DUMP_INTERRUPTED':
      return 'The objects keep changing while they are listed: try again, or list fewer of them';
    default:
      return undefined;
  }
}

/**
 * The kernel's refusal as `ip` tells it: its own words, or those of the errno. Which attribute it is about, which `ip`
 * keeps to itself, comes on a line of its own.
 */
function describeRefusal({ errno, extAck }: NetlinkError): string {
  const { message, attributePath, missingType } = extAck;
  const words =
    message === undefined
      ? `RTNETLINK answers: ${errnoWords(errno)}`
      : `Error: ${message}${message.endsWith('.') ? '' : '.'}`;
  if (attributePath === undefined) return words;
  return `${words}\n  ${missingType === undefined ? 'about' : 'missing'} ${attributePath}`;
}

function describe(error: unknown): string {
  if (error instanceof NetlinkError) return describeRefusal(error);
  const words = error instanceof Error ? error.message : String(error);
  return (error instanceof SystemError ? netnsRefusal(error) : undefined) ?? `cofferdam: ${words}`;
}

/** Turns whatever was thrown into an exit code and a text. Words of `ip` stay as they are: scripts grep for them. */
export function describeFailure(error: unknown, trace: boolean): Failure {
  if (error instanceof UsageError)
    return { exitCode: EXIT.usage, text: withStack(error.message, error, trace) };
  if (error instanceof FindingError) {
    return { exitCode: EXIT.failure, text: withStack(error.message, error, trace) };
  }
  if (error instanceof NetlinkError && error.code !== 'EPERM') {
    return { exitCode: EXIT.refused, text: withStack(describeRefusal(error), error, trace) };
  }
  const lines = [describe(error)];
  let exitCode: number = EXIT.failure;
  if (error instanceof PrivilegeError) exitCode = EXIT.privilege;
  // Every argument of a command is a word of its caller's.
  if (error instanceof InvalidArgumentError || error instanceof SystemConfigError) exitCode = EXIT.usage;
  if (error instanceof SystemError && (error.code === 'EPERM' || error.code === 'EACCES')) {
    exitCode = EXIT.privilege;
    lines.push(
      `${missingCapability(error)} is missing: run it as root, or see what this user can do: cofferdam doctor`,
    );
  }
  const remedy = remedyOf(error);
  if (remedy !== undefined) lines.push(remedy);
  return { exitCode, text: withStack(lines.join('\n'), error, trace) };
}

function withStack(text: string, error: unknown, trace: boolean): string {
  if (!trace || !(error instanceof Error) || error.stack === undefined) return text;
  const cause =
    error.cause instanceof Error ? `\ncaused by: ${error.cause.stack ?? error.cause.message}` : '';
  return `${text}\n${error.stack}${cause}`;
}
