/** Processes, by file descriptors that stand for them: pidfd_open(2). */
import { constants } from 'node:os';
import { checkInteger, checkSignal, checkTimeout } from '../handle/checks.ts';
import { InvalidArgumentError, KernelHandle, loadBinding } from '../handle/index.ts';
import type { NativePidfd } from '../handle/native.ts';
import { isThere, PidfdCore, type WaitOptions } from './core.ts';
import { DuplicatedFd } from './duplicated-fd.ts';
import { processError } from './errors.ts';
import type { ProcessExit } from './exit.ts';
import { identityOf, type ProcessIdentity, readStatus } from './identity.ts';
import { type Signal, signalNumber } from './signals.ts';

const MAX_PID = 0x7fff_ffff;

/**
 * A process, and no other one ever: its number may go to another process, this handle does not.
 *
 * ```ts
 * using init = await Pidfd.open(1);
 * await using worker = await Pidfd.open(recorded.identity);   // ESRCH where that process is gone
 * worker.send('SIGTERM');
 * const exit = await worker.wait({ timeout: 5000 });
 * ```
 */
export class Pidfd<Core extends PidfdCore = PidfdCore> extends KernelHandle<Core> {
  /**
   * Opens a process by its number or, where that may be another process's by now, by what was written down of it.
   *
   * @throws SystemError ESRCH if there is no such process, or it has ended and another one has its number; EINVAL for
   *   the number of a thread; ENOENT where /proc does not show the process (hidepid)
   */
  static async open(process: number | ProcessIdentity): Promise<Pidfd> {
    const expected = typeof process === 'number' ? undefined : checkIdentity(process);
    const pid = typeof process === 'number' ? process : process.pid;
    checkInteger('pid', pid, 1, MAX_PID);
    const native = loadBinding().openPidfd(pid);
    if (typeof native === 'number') throw processError(native, 'pidfd_open', { pid });
    try {
      const identity = readIdentity(native);
      if (expected !== undefined && !isSame(identity, expected)) {
        throw processError(-constants.errno.ESRCH, 'pidfd_open', { pid, expected, found: identity });
      }
      return new Pidfd(new PidfdCore('pidfd', native, identity));
    } catch (error) {
      native.close();
      throw error;
    }
  }

  /** The process's number, in the pid namespace of this one. */
  get pid(): number {
    return this.core.identity.pid;
  }

  /** What to write down of the process: with it, {@link Pidfd.open} finds this process again and no other. */
  get identity(): ProcessIdentity {
    return this.core.identity;
  }

  /**
   * Whether it runs: false from its end on, reaped or not.
   *
   * @throws ClosedError
   */
  get alive(): boolean {
    this.core.requireOpen();
    return this.core.alive;
  }

  /**
   * How it ended; undefined while it runs, and where nobody has asked before the handle was closed.
   */
  get exit(): ProcessExit | undefined {
    return this.core.exit;
  }

  /**
   * Sends a signal, pidfd_send_signal(2).
   *
   * @throws SystemError ESRCH if the process is gone, EPERM for somebody else's without CAP_KILL
   */
  send(signal: Signal): void {
    const number = signalNumber(signal);
    this.core.requireOpen();
    const result = this.core.native.send(number);
    if (result < 0) throw processError(result, 'pidfd_send_signal', { pid: this.pid, signal });
  }

  /**
   * Waits until the process ends. Keeps the event loop alive meanwhile; takes no thread.
   *
   * Nothing is reaped, unless this program spawned the process by {@link Process.spawn}: a child of node:child_process
   * is still there for Node. How such a one ended is known where we come before Node does, or on Linux 6.15 and later.
   *
   * @throws AbortError, TimeoutError; ClosedError when the handle is closed meanwhile
   */
  async wait(options: WaitOptions = {}): Promise<ProcessExit> {
    checkSignal(options.signal);
    checkTimeout(options.timeout);
    return this.core.wait(options, this);
  }

  /**
   * A duplicate of an fd of the process, pidfd_getfd(2): the same open file, socket or whatever it is.
   *
   * @throws SystemError EBADF if the process has no such fd, ESRCH if it is gone, EPERM without the right to trace it
   *   (ptrace(2), CAP_SYS_PTRACE)
   */
  async getfd(fd: number): Promise<DuplicatedFd> {
    checkInteger('fd', fd, 0, MAX_PID);
    this.core.requireOpen();
    const native = this.core.native.getFd(fd);
    if (typeof native === 'number') throw processError(native, 'pidfd_getfd', { pid: this.pid, fd });
    return new DuplicatedFd(native, this.pid);
  }
}

/** Reads what is told by number alone, and asks the pidfd afterwards whether the number was still the process's. */
export function readIdentity(native: NativePidfd): ProcessIdentity {
  const { pid } = native;
  try {
    const identity = identityOf(pid, readStatus(pid));
    if (isThere(native)) return identity;
  } catch (error) {
    if (isThere(native)) throw error;
  }
  throw processError(-constants.errno.ESRCH, 'pidfd_open', { pid });
}

function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.startTime === other.startTime && one.bootId === other.bootId;
}

function checkIdentity(identity: ProcessIdentity): ProcessIdentity {
  const { startTime, bootId } = identity ?? {};
  if (Number.isSafeInteger(startTime) && typeof bootId === 'string') return identity;
  throw new InvalidArgumentError(
    'process',
    identity,
    'is no process',
    'a pid, or the identity of a process: { pid, startTime, bootId }',
  );
}
