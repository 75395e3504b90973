/** The core of a pidfd: settles who waits for the end of the process. */
import { constants } from 'node:os';
import { onAbort } from '../handle/abort-watch.ts';
import { abortError, BaseCore, ClosedError, type HandleDetail, TimeoutError } from '../handle/index.ts';
import type { NativePidfd } from '../handle/native.ts';
import { processError } from './errors.ts';
import { type ProcessExit, processExit } from './exit.ts';
import type { ProcessIdentity } from './identity.ts';

const { EAGAIN, ECHILD, ESRCH } = constants.errno;

/**
 * How long to ask again for the exit of somebody else's child, in milliseconds: its parent has to reap it before the
 * kernel tells us, and mostly is about to.
 */
const PATIENCE = [1, 2, 4, 8, 16, 32, 64];

export interface WaitOptions {
  /** Gives the waiting up; the process goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Default: as long as it takes. */
  readonly timeout?: number | undefined;
}

interface Waiter {
  readonly settle: (exit: ProcessExit) => void;
  readonly fail: (error: Error) => void;
  /** Who waits is in use, and must not be collected. */
  readonly holder: object;
}

export class PidfdCore extends BaseCore {
  readonly kind: string;
  readonly native: NativePidfd;
  readonly identity: ProcessIdentity;
  readonly #waiters = new Set<Waiter>();
  #watching = false;
  #exit: ProcessExit | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(kind: string, native: NativePidfd, identity: ProcessIdentity) {
    super();
    this.kind = kind;
    this.native = native;
    this.identity = identity;
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return { pid: this.identity.pid };
  }

  override hasRef(): boolean {
    return this.native.hasRef();
  }

  /** Throws where the handle is closed. */
  requireOpen(): void {
    if (this.state !== 'open') throw this.#closedError();
  }

  /** Whether the process still runs. */
  get alive(): boolean {
    return this.#exit === undefined && !this.native.ended();
  }

  /** How it ended, as far as that is known already. */
  get exit(): ProcessExit | undefined {
    if (this.#exit === undefined && this.state === 'open' && this.native.ended()) this.#look(0);
    return this.#exit;
  }

  async wait({ signal, timeout }: WaitOptions, holder: object): Promise<ProcessExit> {
    this.requireOpen();
    if (signal?.aborted) throw abortError(signal);
    const known = this.exit;
    if (known !== undefined) return known;
    const { pid } = this.identity;
    let timer: NodeJS.Timeout | undefined;
    let forget = (): void => {};
    let waiter: Waiter | undefined;
    try {
      return await new Promise<ProcessExit>((settle, fail) => {
        waiter = { settle, fail, holder };
        this.#waiters.add(waiter);
        if (signal !== undefined) forget = onAbort(signal, () => fail(abortError(signal)));
        if (timeout !== undefined) {
          timer = setTimeout(() => fail(new TimeoutError(`the end of process ${pid}`, timeout)), timeout);
        }
        this.watch();
        this.native.ref();
      });
    } finally {
      clearTimeout(timer);
      forget();
      if (waiter !== undefined) this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.native.unref();
    }
  }

  /** Has {@link onExit} called when the process ends. */
  watch(): void {
    if (this.#watching) return;
    const result = this.native.watch(() => this.#look(0));
    if (result < 0) throw processError(result, 'epoll_ctl', { pid: this.identity.pid });
    this.#watching = true;
  }

  /** The process has ended. */
  protected onExit(): void {}

  protected closeNative(done: () => void): void {
    if (!this.native.close(done)) done();
  }

  protected override onClosing(): void {
    clearTimeout(this.#retry);
    const error = this.#closedError();
    for (const { fail } of [...this.#waiters]) fail(error);
  }

  /** Asks how the process, which has ended, did so. */
  #look(attempt: number): void {
    if (this.#exit !== undefined || this.state !== 'open') return;
    clearTimeout(this.#retry);
    const exit = this.native.exit();
    if (typeof exit === 'number') {
      const delay = PATIENCE[attempt];
      if (exit === -EAGAIN && delay !== undefined) {
        this.#retry = setTimeout(() => this.#look(attempt + 1), delay);
        return;
      }
    }
    this.#exit = typeof exit === 'number' ? { reason: 'unknown' } : processExit(exit);
    this.onExit();
    for (const { settle } of [...this.#waiters]) settle(this.#exit);
  }

  #closedError(): ClosedError {
    return new ClosedError(`the handle of process ${this.identity.pid} is closed`);
  }
}

/** Whether the process is there, if only as a zombie: its number is its own as long as it is. */
export function isThere(native: NativePidfd): boolean {
  const result = native.send(0);
  return result !== -ESRCH && result !== -ECHILD;
}
