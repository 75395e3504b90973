/**
 * What waits for the kernel: one call of the socket, from its sequence number to its promise.
 *
 * The core drives operations and knows nothing of their users. While one waits it holds its user's handle
 * (`holder`), or the collector could take the socket away in the middle of a call.
 */
import type { MessageSink, NetlinkMessage, NetlinkRequest } from './message.ts';

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
  /** Gets the dump's messages instead of {@link message}. */
  readonly sink: MessageSink | undefined = undefined;
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
  /** The sink has got some. */
  progress(): void {}
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
