/** A connection to a supervisor: requests with answers, and news of systems. */
import { constants } from 'node:os';
import {
  CofferdamError,
  type NativeControl,
  type NativeFd,
  type NativeSpawnFailure,
  systemError,
  TimeoutError,
} from '../handle/index.ts';
import { encodeMessage, type Fields, Kind, Message, Tag } from './wire.ts';

const { EAGAIN } = constants.errno;

/** Milliseconds in which the supervisor answers, unless the host is ill. */
const ANSWER_TIMEOUT = 30_000;

export interface Answer {
  readonly message: Message;
  readonly fds: readonly NativeFd[];
}

/** Who hears of one system. */
export interface Listener {
  /** Exited, Gone and Stuck. */
  onNews(message: Message): void;
  /** The supervisor has ended; whatever it had is being removed by its janitor. */
  onLost(): void;
}

/** What the core of a system asks of its supervisor, by. */
export interface SystemSeat {
  tell(kind: Kind, fields: Fields): void;
  /** @throws SystemError with the call that failed, in the supervisor or in pid 1; TimeoutError; CofferdamError */
  ask(kind: Kind, fields: Fields, fds?: readonly number[]): Promise<Answer>;
  /** Keeps the event loop alive while `work` waits for something that the supervisor will tell. */
  waiting<T>(work: () => Promise<T>): Promise<T>;
  leave(): void;
}

interface Waiting {
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Connection {
  readonly #control: NativeControl;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<number, Listener>();
  #serial = 0;
  #waiters = 0;
  #lost = false;

  /** @throws what `refuse` makes of the reason why there is none */
  constructor(
    open: (onReady: () => void) => NativeControl | NativeSpawnFailure,
    refuse: (failure: NativeSpawnFailure) => Error,
  ) {
    const control = open(() => this.#receive());
    if ('errno' in control) throw refuse(control);
    this.#control = control;
  }

  get usable(): boolean {
    return !this.#lost;
  }
  get idle(): boolean {
    return this.#listeners.size === 0 && this.#waiting.size === 0;
  }

  listen(system: number, listener: Listener): void {
    this.#listeners.set(system, listener);
  }

  forget(system: number): void {
    this.#listeners.delete(system);
  }

  /** Keeps the event loop alive while `work` waits. */
  async waiting<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiters++ === 0 && !this.#lost) this.#control.setRef(true);
    try {
      return await work();
    } finally {
      if (--this.#waiters === 0 && !this.#lost) this.#control.setRef(false);
    }
  }

  tell(kind: Kind, system: number, fields: Fields): void {
    if (this.#lost) return;
    this.#control.send(encodeMessage(kind, 0, system, fields), []);
  }

  async ask(kind: Kind, system: number, fields: Fields, fds: readonly number[]): Promise<Answer> {
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    const serial = this.#serial;
    const result = this.#lost
      ? -constants.errno.EPIPE
      : this.#control.send(encodeMessage(kind, serial, system, fields), [...fds]);
    if (result < 0) throw systemError(result, 'sendmsg', {});
    return await new Promise((settle, fail) => {
      const late = (): void => {
        this.#waiting.delete(serial);
        fail(new TimeoutError('an answer of the supervisor', ANSWER_TIMEOUT));
      };
      this.#waiting.set(serial, { settle, fail, timer: setTimeout(late, ANSWER_TIMEOUT) });
    });
  }

  close(): void {
    this.#lost = true;
    this.#control.close();
  }

  #receive(): void {
    for (;;) {
      const received = this.#lost ? -EAGAIN : this.#control.receive();
      if (received === -EAGAIN) return;
      if (typeof received === 'number' || received.bytes.length === 0) {
        this.#lose();
        return;
      }
      this.#take(new Message(received.bytes), received.fds);
    }
  }

  #take(message: Message, fds: readonly NativeFd[]): void {
    const waiting = message.serial === 0 ? undefined : this.#waiting.get(message.serial);
    if (waiting !== undefined) {
      this.#waiting.delete(message.serial);
      clearTimeout(waiting.timer);
      if (message.kind === Kind.Failed) waiting.fail(failure(message));
      else {
        waiting.settle({ message, fds });
        return;
      }
    } else if (message.serial === 0) {
      this.#listeners.get(message.system)?.onNews(message);
    }
    // Nobody has taken them.
    for (const fd of fds) fd.close();
  }

  #lose(): void {
    if (this.#lost) return;
    this.close();
    for (const { fail, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      fail(supervisorLost());
    }
    this.#waiting.clear();
    for (const listener of [...this.#listeners.values()]) listener.onLost();
    this.#listeners.clear();
  }
}

function supervisorLost(): CofferdamError {
  return new CofferdamError(
    'ERR_COFFERDAM_SUPERVISOR',
    'the supervisor has ended, and its systems with it: somebody killed cofferdam-supervisor',
  );
}

/** What the supervisor, or pid 1, could not do. */
function failure(message: Message): Error {
  const path = message.text(Tag.Path);
  const syscall = message.text(Tag.Call) ?? 'sendmsg';
  return systemError(message.number(Tag.Errno) ?? -constants.errno.EIO, syscall, path ? { path } : {});
}
