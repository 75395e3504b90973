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
import { endedEarly } from './result.ts';
import { encodeMessage, type Fields, Kind, Message, Tag } from './wire.ts';

const { EAGAIN, ENOBUFS, ENOMEM } = constants.errno;

/** What passes: neither the socket has room now, nor the kernel memory. */
const BUSY: ReadonlySet<number> = new Set([-EAGAIN, -ENOBUFS, -ENOMEM]);

/** Milliseconds in which the supervisor answers, unless the host is ill. */
const ANSWER_TIMEOUT = 30_000;

/** Milliseconds until the supervisor may have made room. */
const RETRY = 5;

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

/** What the socket had no room for. */
interface Outgoing {
  readonly serial: number;
  readonly bytes: Buffer;
  readonly fds: readonly number[];
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
  #outbox: Outgoing[] = [];
  #retry: NodeJS.Timeout | undefined;
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
    this.#send({ serial: 0, bytes: encodeMessage(kind, 0, system, fields), fds: [] });
  }

  async ask(kind: Kind, system: number, fields: Fields, fds: readonly number[]): Promise<Answer> {
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    const serial = this.#serial;
    const result = this.#send({ serial, bytes: encodeMessage(kind, serial, system, fields), fds });
    if (result < 0) throw systemError(result, 'sendmsg', {});
    return await new Promise((settle, fail) => {
      const late = (): void => {
        this.#withdraw(serial);
        fail(new TimeoutError('an answer of the supervisor', ANSWER_TIMEOUT));
      };
      this.#waiting.set(serial, { settle, fail, timer: setTimeout(late, ANSWER_TIMEOUT) });
    });
  }

  /** Idempotent. Whoever waits for an answer is told `error`: there will be none. */
  close(error: Error = supervisorLost()): void {
    if (this.#lost) return;
    this.#lost = true;
    clearInterval(this.#retry);
    this.#control.close();
    for (const serial of [...this.#waiting.keys()]) this.#withdraw(serial)?.fail(error);
  }

  #send(message: Outgoing): number {
    if (this.#lost) return -constants.errno.EPIPE;
    const result = this.#outbox.length > 0 ? -EAGAIN : this.#control.send(message.bytes, [...message.fds]);
    if (!BUSY.has(result)) return result;
    this.#outbox.push(message);
    this.#retry ??= setInterval(() => this.#flush(), RETRY).unref();
    return 0;
  }

  #flush(): void {
    for (let next = this.#outbox[0]; next !== undefined; next = this.#outbox[0]) {
      const result = this.#control.send(next.bytes, [...next.fds]);
      if (BUSY.has(result)) return;
      this.#outbox.shift();
      if (result < 0) this.#withdraw(next.serial)?.fail(systemError(result, 'sendmsg', {}));
    }
    clearInterval(this.#retry);
    this.#retry = undefined;
  }

  /** Whoever asked waits no more: not even for his request to be sent, since its fds may be closed now. */
  #withdraw(serial: number): Waiting | undefined {
    const waiting = this.#waiting.get(serial);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(serial);
    clearTimeout(waiting.timer);
    this.#outbox = this.#outbox.filter((message) => message.serial !== serial);
    return waiting;
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
    const waiting = this.#withdraw(message.serial);
    if (waiting !== undefined) {
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
  const reason = message.text(Tag.Reason);
  if (reason !== undefined && reason !== 'failed') return endedEarly(message);
  const path = message.text(Tag.Path);
  const syscall = message.text(Tag.Call) ?? 'sendmsg';
  return systemError(message.number(Tag.Errno) ?? -constants.errno.EIO, syscall, path ? { path } : {});
}
