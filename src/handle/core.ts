/**
 * The core of a handle: what owns the fd.
 *
 * A handle is two objects. The **facade** (KernelHandle) is what the user holds; the **core** is what the
 * registry holds. The split is what makes leaks visible: when the user drops the facade it is collected, the
 * registry is told, and the core is still there to be closed and reported.
 *
 * It works only while nothing reachable from a core leads to its facade. So a callback that a core keeps
 * captures the core, or a WeakRef of the facade, never `this` of the facade; and whatever works through a core
 * on the user's behalf (an iterator of a dump) holds the facade, or the collector would take the handle away in
 * the middle of the work.
 */
import { constants } from 'node:os';
import { systemError } from './errors.ts';
import type { HandleDetail, HandleState } from './handle-info.ts';
import type { NativeFd } from './native.ts';

/** What the registry and the facade need of a core. */
export interface HandleCore {
  /** 'netlink', 'netns', ... */
  readonly kind: string;
  /** -1 from close() on. */
  readonly fd: number;
  readonly detail: HandleDetail;
  readonly state: HandleState;
  /** Idempotent, and synchronous in effect: when it returns, `fd` is -1 and everything pending is settled. */
  close(): void;
  /** Whether it keeps the event loop alive. */
  hasRef(): boolean;
  /** Called once, by the facade's constructor. `onReleased` runs when nothing of the handle is left. */
  attach(onReleased: () => void): void;
  /** A promise that resolves when nothing of the handle is left. For the facade, which keeps it: called once at most. */
  whenReleased(): Promise<void>;
}

/**
 * Resolves a promise that only its user holds. The key keeps the value alive, so the resolver lives exactly as
 * long as somebody still looks at the promise.
 */
const resolvers = new WeakMap<Promise<void>, () => void>();

/** States and settling, common to all cores. */
export abstract class BaseCore implements HandleCore {
  abstract readonly kind: string;
  abstract get fd(): number;
  #state: HandleState = 'open';
  #onReleased: (() => void) | undefined;
  #closed: WeakRef<Promise<void>> | undefined;
  #resolve: (() => void) | undefined;

  get state(): HandleState {
    return this.#state;
  }

  get detail(): HandleDetail {
    return {};
  }

  hasRef(): boolean {
    return false;
  }

  /**
   * Lets the kernel's object go, so that `fd` reads -1 when this returns. `done` is called once, now or later,
   * when nothing is left (libuv's close callback).
   */
  protected abstract closeNative(done: () => void): void;

  /** Settles everything that waits, with a ClosedError. Runs after closeNative: who is woken sees fd -1. */
  protected onClosing(): void {}

  attach(onReleased: () => void): void {
    this.#onReleased = onReleased;
    if (this.#state === 'closed') this.#release();
  }

  whenReleased(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    let resolve = (): void => {};
    const closed = new Promise<void>((settle) => {
      resolve = settle;
    });
    if (this.#state === 'closing') {
      this.#resolve = resolve;
      return closed;
    }
    // Weakly, while open: reactions of this promise are the user's closures, and one that mentions the facade,
    // `handle.closed.then(() => log(handle))`, would make the handle immortal and its leak invisible.
    resolvers.set(closed, resolve);
    this.#closed = new WeakRef(closed);
    return closed;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    // Strongly, from here on: `await handle.closed` may be all that is left of the program's interest, and
    // would never go on if the promise were collected before libuv lets go.
    const closed = this.#closed?.deref();
    if (closed !== undefined) this.#resolve = resolvers.get(closed);
    let settling = true;
    let done = false;
    try {
      this.closeNative(() => {
        done = true;
        if (!settling) this.#release();
      });
    } finally {
      try {
        this.onClosing();
      } finally {
        settling = false;
        if (done) this.#release();
      }
    }
  }

  #release(): void {
    this.#state = 'closed';
    const onReleased = this.#onReleased;
    this.#onReleased = undefined;
    try {
      onReleased?.();
    } finally {
      this.#resolve?.();
    }
  }
}

/** The core of a handle that merely owns an fd, without a watcher: closed means closed at once. */
export class FdCore extends BaseCore {
  readonly kind: string;
  readonly native: NativeFd;
  readonly #detail: HandleDetail;

  constructor(kind: string, native: NativeFd, detail: HandleDetail = {}) {
    super();
    this.kind = kind;
    this.native = native;
    this.#detail = detail;
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return this.#detail;
  }

  /** Gives the fd up, to a caller who closes it by himself, and closes the handle. */
  release(): number {
    const fd = this.native.release();
    this.close();
    return fd;
  }

  protected closeNative(done: () => void): void {
    const fd = this.native.fd;
    const result = this.native.close();
    done();
    // Any other failure of close(2) has released the number as well, and must not be tried again. EBADF means
    // that somebody else closed our fd: the next open may get its number, so it must not pass in silence.
    if (result === -constants.errno.EBADF && fd >= 0) throw systemError(result, 'close', { fd });
  }
}
