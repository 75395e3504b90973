/**
 * What waits for the kernel: one call of the socket, from its sequence number to its promise.
 *
 * The core drives operations and knows nothing of their users. While one waits it holds its user's handle
 * (`holder`), or the collector could take the socket away in the middle of a call.
 */
import type { NetlinkMessage, NetlinkRequest } from './message.ts';

export interface OperationOptions {
  readonly request: NetlinkRequest;
  /** For error messages. */
  readonly name: string;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** How a dump or request ended well. */
export interface Ending {
  readonly interrupted: boolean;
}

export abstract class Operation {
  readonly request: NetlinkRequest;
  readonly name: string;
  /** Milliseconds of silence, at most. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  abstract readonly dump: boolean;
  /** Sequence number, 0 before it is started. */
  seq = 0;
  settled = false;
  /** Somebody waits for it right now. */
  waiting = false;
  holder: object | undefined;
  /** performance.now() when the wait began. */
  heardAt = 0;
  timer: NodeJS.Timeout | undefined;
  unsubscribe: (() => void) | undefined;

  constructor({ request, name, timeout, signal }: OperationOptions) {
    this.request = request;
    this.name = name;
    this.timeout = timeout;
    this.signal = signal;
  }

  /** Nothing to wait for: whoever asked can go on. */
  abstract get ready(): boolean;
  abstract message(message: NetlinkMessage): void;
  /** Called once: with the ending, or with an error. */
  abstract done(ending: Ending): void;
  abstract fail(error: unknown): void;
}

/** What came back, and whether changes disturbed it. */
export interface Answer {
  readonly messages: NetlinkMessage[];
  readonly interrupted: boolean;
}

/** Collects everything into one promise: a request, or a whole dump. */
export class Collection extends Operation {
  readonly dump: boolean;
  readonly #messages: NetlinkMessage[] = [];
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    options: OperationOptions,
    dump: boolean,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    super(options);
    this.dump = dump;
    this.waiting = true;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get ready(): boolean {
    return this.settled;
  }

  message(message: NetlinkMessage): void {
    this.#messages.push(message);
  }

  done({ interrupted }: Ending): void {
    this.#resolve({ messages: this.#messages, interrupted });
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** Hands messages over one by one, to one consumer that asks for each. */
export class Stream extends Operation {
  readonly dump = true;
  #messages: NetlinkMessage[] = [];
  #head = 0;
  #ending: Ending | undefined;
  #error: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  message(message: NetlinkMessage): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  done(ending: Ending): void {
    this.#ending = ending;
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#error = { error };
    this.#messages = [];
    this.#head = 0;
    this.#wake?.();
  }

  /** The next message that is there already. */
  shift(): NetlinkMessage | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#messages.length) {
      this.#messages = [];
      this.#head = 0;
    }
    return message;
  }

  /** A message, the ending or an error is there: no need to wait. */
  get ready(): boolean {
    return this.#head < this.#messages.length || this.#ending !== undefined || this.#error !== undefined;
  }

  /** The ending, once all messages are taken. Throws the error if that is how it ended. */
  ending(): Ending | undefined {
    if (this.#error !== undefined) throw this.#error.error;
    return this.#ending;
  }

  /** Wakes who waits, with nothing: the consumer has left. */
  stop(): void {
    this.#ending ??= { interrupted: false };
    this.#wake?.();
  }

  /** Resolves when {@link ready}. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
