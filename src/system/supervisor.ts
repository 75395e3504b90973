/** The supervisor of this process, as one thread of it sees it: requests with answers, and news of systems. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import {
  CofferdamError,
  loadBinding,
  type NativeControl,
  type NativeFd,
  packageRoot,
  systemError,
  TimeoutError,
} from '../handle/index.ts';
import { encodeMessage, type Fields, Kind, Message, Tag } from './wire.ts';

const { EAGAIN } = constants.errno;

/** Milliseconds that the supervisor is kept after the last system, as the next one mostly comes soon. */
const LINGER = 500;

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

interface Waiting {
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Where the executable is: beside the addon. */
function supervisorProgram(): string {
  const root = packageRoot();
  const explicit = process.env.COFFERDAM_SUPERVISOR;
  const places = [
    join(root, 'build/Release/cofferdam-supervisor'),
    join(root, 'build/Debug/cofferdam-supervisor'),
    join(root, `prebuilds/linux-${process.arch}/cofferdam-supervisor`),
  ];
  const addon = process.env.COFFERDAM_ADDON;
  if (addon) places.unshift(join(dirname(addon), 'cofferdam-supervisor'));
  const found = explicit || places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new CofferdamError(
    'ERR_COFFERDAM_SUPERVISOR',
    `the supervisor is missing; looked for ${places.join(', ')}. ` +
      'Build it: npm rebuild cofferdam (in a clone: npm run build:native)',
  );
}

/** One connection; the thread has one at a time. */
class Connection {
  readonly #control: NativeControl;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<number, Listener>();
  #serial = 0;
  #lost = false;

  constructor() {
    const program = supervisorProgram();
    const control = loadBinding().connectSupervisor(program, () => this.#receive());
    if ('errno' in control) throw systemError(control.errno, control.syscall, { path: program });
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

  /** Keeps the event loop alive while somebody waits. */
  setRef(on: boolean): void {
    if (!this.#lost) this.#control.setRef(on);
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

export function supervisorLost(): CofferdamError {
  return new CofferdamError(
    'ERR_COFFERDAM_SUPERVISOR',
    'the supervisor of this process has ended, and its systems with it: somebody killed cofferdam-supervisor',
  );
}

/** What the supervisor, or pid 1, could not do. */
function failure(message: Message): Error {
  const path = message.text(Tag.Path);
  const syscall = message.text(Tag.Call) ?? 'sendmsg';
  return systemError(message.number(Tag.Errno) ?? -constants.errno.EIO, syscall, path ? { path } : {});
}

let connection: Connection | undefined;
let linger: NodeJS.Timeout | undefined;
let waiters = 0;
let lastSystem = 0;

/** This thread's seat at the supervisor, by one system: taken before it is made, left when it is gone. */
export class Seat {
  /** The number of the system, which nobody else of this thread has. */
  readonly system: number;
  readonly #connection: Connection;
  #left = false;

  constructor(listener: Listener) {
    clearTimeout(linger);
    if (connection?.usable !== true) connection = new Connection();
    this.#connection = connection;
    lastSystem = (lastSystem + 1) >>> 0 || 1;
    this.system = lastSystem;
    this.#connection.listen(this.system, listener);
  }

  tell(kind: Kind, fields: Fields): void {
    this.#connection.tell(kind, this.system, fields);
  }

  /** @throws SystemError with the call that failed, in the supervisor or in pid 1; TimeoutError; CofferdamError */
  async ask(kind: Kind, fields: Fields, fds: readonly number[] = []): Promise<Answer> {
    return await this.waiting(() => this.#connection.ask(kind, this.system, fields, fds));
  }

  /** Keeps the event loop alive while `work` waits for something that the supervisor will tell. */
  async waiting<T>(work: () => Promise<T>): Promise<T> {
    if (waiters++ === 0) this.#connection.setRef(true);
    try {
      return await work();
    } finally {
      if (--waiters === 0) this.#connection.setRef(false);
    }
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#connection.forget(this.system);
    if (this.#connection !== connection) return;
    clearTimeout(linger);
    linger = setTimeout(() => {
      if (connection?.idle !== true) return;
      connection.close();
      connection = undefined;
    }, LINGER).unref();
  }
}
