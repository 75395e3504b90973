/** Dumps that are read in steps, by one consumer that asks for each. */
import type { MessageSink, NetlinkMessage } from './message.ts';
import { type Ending, Operation, type OperationOptions } from './operation.ts';

export abstract class Stream extends Operation {
  readonly dump = true;
  #ending: Ending | undefined;
  #error: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Something came that the consumer has not taken yet. */
  protected abstract get filled(): boolean;
  /** Forgets what the consumer has not taken. */
  protected abstract clear(): void;

  done(ending: Ending): void {
    this.#ending = ending;
    this.wake();
  }

  fail(error: unknown): void {
    this.#error = { error };
    this.clear();
    this.wake();
  }

  /** Something, the ending or an error is there: no need to wait. */
  get ready(): boolean {
    return this.filled || this.#ending !== undefined || this.#error !== undefined;
  }

  /** The ending, once everything is taken. Throws the error if that is how it ended. */
  ending(): Ending | undefined {
    if (this.#error !== undefined) throw this.#error.error;
    return this.#ending;
  }

  /** Wakes who waits, with nothing: the consumer has left. */
  stop(): void {
    this.#ending ??= { interrupted: false };
    this.wake();
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

  protected wake(): void {
    this.#wake?.();
  }
}

/** Hands messages over one by one. */
export class MessageStream extends Stream {
  #messages: NetlinkMessage[] = [];
  #head = 0;

  message(message: NetlinkMessage): void {
    this.#messages.push(message);
    this.wake();
  }

  /** The next message that is there already. */
  shift(): NetlinkMessage | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#messages.length) this.clear();
    return message;
  }

  protected get filled(): boolean {
    return this.#head < this.#messages.length;
  }

  protected clear(): void {
    this.#messages = [];
    this.#head = 0;
  }
}

/** Its messages go to a sink; the consumer merely hears that some came. */
export class SinkStream extends Stream {
  override readonly sink: MessageSink;
  #progress = false;

  constructor(options: OperationOptions, sink: MessageSink) {
    super(options);
    this.sink = sink;
  }

  /** Control messages that mean nothing. */
  message(): void {}

  override progress(): void {
    this.#progress = true;
    this.wake();
  }

  /** Whether anything came since it was last asked. */
  take(): boolean {
    const progress = this.#progress;
    this.#progress = false;
    return progress;
  }

  protected get filled(): boolean {
    return this.#progress;
  }

  protected clear(): void {
    this.#progress = false;
  }
}
