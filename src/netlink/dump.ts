/** Iterating a dump. */
import type { NetlinkCore } from './core.ts';
import { DumpInterruptedError } from './error.ts';
import type { NetlinkMessage } from './message.ts';
import type { OperationOptions } from './operation.ts';
import { isWorthRepeating, MAX_ATTEMPTS, pause } from './retry.ts';
import { MessageStream } from './stream.ts';

/**
 * The messages of one dump, in the kernel's order. Nothing is asked before the first `next()`; while the consumer
 * is busy the kernel holds the dump back; `return()`, which `break` calls, lets the rest go unread.
 *
 * What has been handed out can't be taken back: changes during the dump (NLM_F_DUMP_INTR) end the iteration with a
 * DumpInterruptedError, unless they showed before the first message. Then the dump is quietly begun anew.
 */
export class DumpIterator implements AsyncIterableIterator<NetlinkMessage, undefined> {
  readonly #core: NetlinkCore;
  readonly #options: OperationOptions;
  /** Keeps the socket from being collected while it is iterated. */
  readonly #holder: object;
  #stream: MessageStream;
  #attempt = 1;
  #handedOut = false;
  #finished = false;
  /** Calls of next() that come before the last one is answered are answered in order. */
  #last: Promise<unknown> = Promise.resolve();
  #busy = 0;

  constructor(core: NetlinkCore, options: OperationOptions, holder: object) {
    this.#core = core;
    this.#options = options;
    this.#holder = holder;
    this.#stream = new MessageStream(options);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<NetlinkMessage, undefined>> {
    this.#busy++;
    const result = this.#busy === 1 ? this.#next() : this.#last.then(() => this.#next());
    const settled = () => {
      this.#busy--;
    };
    this.#last = result.then(settled, settled);
    return result;
  }

  /** Ends the iteration. A next() that still waits is answered with `done`. */
  async return(): Promise<IteratorResult<NetlinkMessage, undefined>> {
    this.#finish();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<NetlinkMessage, undefined>> {
    this.#finish();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#finish();
  }

  #finish(): void {
    this.#finished = true;
    this.#core.cancel(this.#stream);
    this.#stream.stop();
  }

  async #next(): Promise<IteratorResult<NetlinkMessage, undefined>> {
    while (!this.#finished) {
      const stream = this.#stream;
      const message = stream.shift();
      if (message !== undefined) {
        this.#handedOut = true;
        return { done: false, value: message };
      }
      if (stream.ready) {
        if (await this.#ended(stream)) break;
        continue;
      }
      this.#core.pull(stream, this.#holder);
      // Made before anything can happen, and not awaited where everything has happened already.
      if (!stream.ready) await stream.wait();
    }
    return { done: true, value: undefined };
  }

  /** The stream is at its end. False if another attempt has been prepared. */
  async #ended(stream: MessageStream): Promise<boolean> {
    const { name, signal } = this.#options;
    let problem: unknown;
    try {
      if (stream.ending()?.interrupted) problem = new DumpInterruptedError(name, this.#attempt);
    } catch (error) {
      problem = error;
    }
    if (problem === undefined) {
      this.#finished = true;
      return true;
    }
    if (this.#handedOut || this.#attempt >= MAX_ATTEMPTS || !isWorthRepeating(problem)) {
      this.#finished = true;
      throw problem;
    }
    await pause(this.#attempt++, signal);
    if (!this.#finished) this.#stream = new MessageStream(this.#options);
    return false;
  }
}
