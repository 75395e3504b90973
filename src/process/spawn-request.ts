/** What a process is to be, checked, in the form that native code takes. */
import { checkFields, checkSignal, checkTimeout } from '../handle/checks.ts';
import { InvalidArgumentError } from '../handle/index.ts';
import type { NativeMounts, NativeSpawnRequest } from '../handle/native.ts';
import { type Signal, signalNumber } from './signals.ts';

/** An open file descriptor, or whatever has one: it stays the caller's. */
export interface HasFd {
  readonly fd: number;
}

/**
 * Where an fd of the new process leads: `inherit` to the fd of the same number here, `ignore` to /dev/null, `pipe` to
 * a stream of its {@link Process} (0, 1 and 2 only), or to a given fd; with `none` there is no such fd.
 */
export type Stdio = 'inherit' | 'ignore' | 'pipe' | 'none' | number | HasFd;

export interface BindMount {
  /** The file or directory to be seen. */
  readonly source: string;
  /** Where: an existing file or directory. */
  readonly target: string;
}

/** A mount namespace of the process's own: what the host mounts later is seen in it, what it mounts is seen nowhere else. */
export interface SpawnMounts {
  /** Mounts a /sys that shows the devices of the network namespace of the process. Default false. */
  readonly sysfs?: boolean | undefined;
  readonly binds?: readonly BindMount[] | undefined;
}

export interface SpawnOptions {
  /** All of its environment. Default: that of this program. Its PATH is where the program is looked for. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The directory to start in, by path or fd. Default: that of this program. */
  readonly cwd?: string | HasFd | undefined;
  /** For fd 0, 1, 2 and so on, or one for 0, 1 and 2. It gets no other fds. Default: 'inherit'. */
  readonly stdio?: Stdio | readonly Stdio[] | undefined;
  /** A network namespace to start in, open: a Netns. Needs CAP_SYS_ADMIN. */
  readonly netns?: HasFd | undefined;
  /**
   * The directory of a cgroup v2 to start in, open: a Cgroup. The process is born there (CLONE_INTO_CGROUP) or, where
   * the kernel cannot do that, moves in before it executes its program, which takes some ten milliseconds.
   */
  readonly cgroup?: HasFd | undefined;
  readonly mounts?: SpawnMounts | undefined;
  /**
   * A signal that the process gets when the *thread* that spawned it ends (PR_SET_PDEATHSIG): with this program, even if
   * that is killed, or with the Worker. A set-user-ID program does not get it.
   */
  readonly deathSignal?: Signal | undefined;
  /** Kills the process when it aborts; wait() rejects with an AbortError then. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the process is killed; wait() rejects with a TimeoutError then. Default: none. */
  readonly timeout?: number | undefined;
  /** What kills it on abort and timeout. Default: 'SIGKILL'. */
  readonly killSignal?: Signal | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof SpawnOptions>([
  'env',
  'cwd',
  'stdio',
  'netns',
  'cgroup',
  'mounts',
  'deathSignal',
  'signal',
  'timeout',
  'killSignal',
]);
const MOUNTS: ReadonlySet<string> = new Set<keyof SpawnMounts>(['sysfs', 'binds']);

/** As execvp(3) looks, where the environment has no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** In the list of fds; see native/kernel/spawn.h. */
const NULL_DEVICE = -1;
const PIPE = -2;
const CLOSED = -3;

export function spawnRequest(argv: readonly string[], options: SpawnOptions): NativeSpawnRequest {
  checkFields('', options, OPTIONS);
  checkSignal(options.signal);
  checkTimeout(options.timeout);
  if (options.killSignal !== undefined) signalNumber(options.killSignal, 'killSignal');
  const env = options.env ?? process.env;
  const { cwd, deathSignal, mounts } = options;
  return {
    argv: checkedArgv(argv),
    env: environment(env),
    paths: candidates(argv[0] as string, env.PATH),
    stdio: stdioFds(options.stdio ?? 'inherit'),
    cwd: typeof cwd === 'string' ? checkedText('cwd', cwd) : undefined,
    cwdFd: typeof cwd === 'string' ? -1 : optionalFd('cwd', cwd),
    netnsFd: optionalFd('netns', options.netns),
    cgroupFd: optionalFd('cgroup', options.cgroup),
    mounts: mounts === undefined ? undefined : nativeMounts(mounts),
    deathSignal: deathSignal === undefined ? 0 : signalNumber(deathSignal, 'deathSignal'),
  };
}

function checkedArgv(argv: readonly string[]): readonly string[] {
  if (!Array.isArray(argv) || argv.length === 0) {
    throw new InvalidArgumentError('argv', argv, 'names no program', "an array such as ['ip', 'link']");
  }
  for (const [index, word] of argv.entries()) checkedText(`argv[${index}]`, word);
  return argv;
}

function checkedText(field: string, text: string): string {
  if (typeof text === 'string' && !text.includes('\0')) return text;
  throw new InvalidArgumentError(field, text, 'cannot be passed on', 'a string without NUL');
}

function environment(env: Readonly<Record<string, string | undefined>>): string[] {
  const list: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name === '' || name.includes('=') || name.includes('\0')) {
      throw new InvalidArgumentError('env', name, 'is no name of a variable', "a name without '=' and NUL");
    }
    list.push(`${name}=${checkedText(`env.${name}`, value)}`);
  }
  return list;
}

/** The files to try; an empty directory in PATH is the one that the process starts in. */
function candidates(program: string, path = DEFAULT_PATH): string[] {
  if (program === '' || program.includes('/')) return [program];
  return path.split(':').map((directory) => (directory === '' ? program : `${directory}/${program}`));
}

function stdioFds(stdio: Stdio | readonly Stdio[]): number[] {
  const list: readonly Stdio[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  return list.map((one, fd) => {
    const field = Array.isArray(stdio) ? `stdio[${fd}]` : 'stdio';
    if (one === 'inherit') return fd;
    if (one === 'ignore') return NULL_DEVICE;
    if (one === 'none') return CLOSED;
    if (one === 'pipe' && fd <= 2) return PIPE;
    if (one === 'pipe') {
      throw new InvalidArgumentError(field, one, 'is for stdin, stdout and stderr only', 'an fd');
    }
    const given = typeof one === 'number' ? one : one?.fd;
    if (isFd(given)) return given;
    throw new InvalidArgumentError(
      field,
      one,
      'is no place to lead to',
      "'inherit', 'ignore', 'pipe', 'none' or an open fd",
    );
  });
}

function isFd(fd: unknown): fd is number {
  return Number.isInteger(fd) && (fd as number) >= 0 && (fd as number) <= 0x7fff_ffff;
}

function optionalFd(field: string, place: HasFd | undefined): number {
  if (place === undefined) return -1;
  if (typeof place === 'object' && isFd(place?.fd)) return place.fd;
  throw new InvalidArgumentError(field, place, 'is not open', 'an object with an open fd');
}

function nativeMounts(mounts: SpawnMounts): NativeMounts {
  checkFields('mounts', mounts, MOUNTS);
  const { sysfs = false, binds = [] } = mounts;
  if (typeof sysfs !== 'boolean') {
    throw new InvalidArgumentError('mounts.sysfs', sysfs, 'is no boolean', 'true or false');
  }
  return {
    sysfs,
    sources: binds.map(({ source }, index) => checkedText(`mounts.binds[${index}].source`, source)),
    targets: binds.map(({ target }, index) => checkedText(`mounts.binds[${index}].target`, target)),
  };
}
