/** Processes that this program starts and owns. */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '../handle/abort-watch.ts';
import { abortError, type HandleDetail, loadBinding, TimeoutError } from '../handle/index.ts';
import type { NativeSpawned } from '../handle/native.ts';
import { PidfdCore, type WaitOptions } from './core.ts';
import { processError } from './errors.ts';
import type { ProcessExit } from './exit.ts';
import type { ProcessIdentity } from './identity.ts';
import { Pidfd, readIdentity } from './pidfd.ts';
import { signalNumber } from './signals.ts';
import { type SpawnOptions, spawnRequest } from './spawn-request.ts';

/** Where the streams stand in the list of fds. */
const STDIN = 0;

/** The core of a process of our own, which dies with its handle. */
class ProcessCore extends PidfdCore {
  readonly streams: readonly (Socket | undefined)[];
  readonly #command: string;
  #timer: NodeJS.Timeout | undefined;
  #forgetSignal = (): void => {};
  /** Why it was killed by us before its time. */
  #cutShort: (() => Error) | undefined;

  constructor({ pidfd, pipes }: NativeSpawned, identity: ProcessIdentity, command: string) {
    super('process', pidfd, identity);
    this.#command = command;
    this.streams = pipes.map(
      (fd, index) => new Socket({ fd, readable: index !== STDIN, writable: index === STDIN }),
    );
    ownOnes.add(this);
    this.watch();
  }

  override get detail(): HandleDetail {
    return { pid: this.identity.pid, command: this.#command };
  }

  /** Kills the process when its time is up, or `signal` aborts. */
  limit({ signal, timeout, killSignal = 'SIGKILL' }: SpawnOptions): void {
    const number = signalNumber(killSignal);
    const cutShort = (error: () => Error): void => {
      if (this.state !== 'open' || !this.alive) return;
      this.#cutShort ??= error;
      this.native.send(number);
    };
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, () => cutShort(() => abortError(signal)));
    if (timeout === undefined) return;
    const late = (): Error => new TimeoutError(`process ${this.identity.pid} (${this.#command})`, timeout);
    this.#timer = setTimeout(() => cutShort(late), timeout).unref();
  }

  override async wait(options: WaitOptions, holder: object): Promise<ProcessExit> {
    const exit = await super.wait(options, holder);
    if (this.#cutShort !== undefined) throw this.#cutShort();
    return exit;
  }

  protected override onExit(): void {
    clearTimeout(this.#timer);
    this.#forgetSignal();
    ownOnes.delete(this);
  }

  protected override closeNative(done: () => void): void {
    clearTimeout(this.#timer);
    this.#forgetSignal();
    ownOnes.delete(this);
    const open = this.streams.filter((stream) => stream?.closed === false);
    let left = open.length + 1;
    const one = (): void => {
      if (--left === 0) done();
    };
    for (const stream of open) stream?.once('close', one).destroy();
    super.closeNative(one);
  }
}

/** Processes of this thread that still run: none of them survives the program, where that ends in order. */
const ownOnes = new Set<ProcessCore>();
let killsAtExit = false;

function killAtExit(): void {
  if (killsAtExit) return;
  killsAtExit = true;
  process.on('exit', () => {
    for (const { native } of ownOnes) native.send(signalNumber('SIGKILL'));
  });
}

/**
 * A process that this program started, and owns: it ends with its handle. close(), the end of a `using` block, the end
 * of the thread or program and, for one that was forgotten, the garbage collector kill it (SIGKILL) and reap it. Only
 * a program that is killed itself leaves it behind, if there was no `deathSignal`.
 *
 * ```ts
 * await using ping = await Process.spawn(['ping', '-c', '3', '10.0.0.1'], { netns, stdio: ['ignore', 'pipe', 'inherit'] });
 * for await (const chunk of ping.stdout ?? []) process.stdout.write(chunk);
 * const exit = await ping.wait({ timeout: 10_000 });
 * ```
 *
 * It does not keep the event loop alive; wait() and streams that are read do.
 */
export class Process extends Pidfd<ProcessCore> {
  /** A stream to its stdin, where `stdio` has 'pipe' for it. It closes with the handle. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Whether it moved into its cgroup after its birth, because it could not be born there. */
  readonly migrated: boolean;

  private constructor(core: ProcessCore, migrated: boolean) {
    super(core);
    [this.stdin, this.stdout, this.stderr] = core.streams;
    this.migrated = migrated;
  }

  /**
   * Starts a program. What node:child_process cannot do: network namespace, cgroup and mounts are ready before the
   * program starts, it gets no fd but those of `stdio`, the wait is on a pidfd, and no page table is copied (vfork(2)),
   * so that the event loop stands still no longer in a large program than in a small one.
   *
   * Rejects with what failed, and nothing is left then: of the program itself (`syscall` execve, `path` the program),
   * of the directory (chdir), the namespaces (setns, unshare, mount), the cgroup (clone3, write) and so on.
   *
   * @param argv the program and its arguments. A program without a slash is looked for in the PATH of `env`, as
   *   execvp(3) does
   * @throws SystemError ENOENT, EACCES, ENOEXEC, E2BIG, EAGAIN (RLIMIT_NPROC, pids.max), ENOMEM, EMFILE, EPERM,
   *   EBADF for an fd that is not open, ENOENT (clone3) for a cgroup that is gone, EBUSY for a frozen one, ETIMEDOUT where
   *   the process did not come to run in its cgroup within two seconds; InvalidArgumentError, AbortError
   */
  static async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<Process> {
    const request = spawnRequest(argv, options);
    const { signal } = options;
    if (signal?.aborted) throw abortError(signal);
    const spawned = loadBinding().spawn(request);
    if ('errno' in spawned) {
      const { errno, syscall, path } = spawned;
      throw processError(errno, syscall, path === undefined ? { argv } : { path, argv });
    }
    let identity: ProcessIdentity;
    try {
      identity = readIdentity(spawned.pidfd);
    } catch (error) {
      spawned.pidfd.close();
      for (const fd of spawned.pipes) if (fd !== undefined) closeSync(fd);
      throw error;
    }
    const core = new ProcessCore(spawned, identity, argv[0] as string);
    killAtExit();
    const child = new Process(core, spawned.migrated);
    core.limit(options);
    return child;
  }
}
