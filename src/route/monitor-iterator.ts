import type { MonitorEvent } from './monitor.ts';

/** Where events come from, and how long they are waited for. */
export interface EventStream {
  /** Some events; undefined at the end. */
  next(): Promise<readonly MonitorEvent[] | undefined>;
  /** Somebody waits for the next, or no longer: keeps the event loop alive. */
  setRef(on: boolean): void;
}

/**
 * Events one by one out of a stream that gives several: a loop that is left in the middle finds the rest when it goes on.
 * By hand rather than by a generator, which would ask for three promises an event.
 */
export class EventBuffer {
  readonly #stream: EventStream;
  #rest: readonly MonitorEvent[] = [];
  #next = 0;
  /** Those who wait for more, each after the other: an answer to two at once would be two answers to the first. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  iterate(): AsyncIterableIterator<MonitorEvent, undefined> {
    let ended = false;
    const end = () => {
      ended = true;
      this.#stream.setRef(false);
      return { done: true as const, value: undefined };
    };
    this.#stream.setRef(true);
    const iterator: AsyncIterableIterator<MonitorEvent, undefined> = {
      next: () => {
        if (ended) return Promise.resolve({ done: true, value: undefined });
        if (this.#waiting === 0 && this.#next < this.#rest.length)
          return Promise.resolve({ done: false, value: this.#rest[this.#next++] as MonitorEvent });
        return this.#inTurn(async () => {
          const value = await this.#take().catch((error: unknown) => {
            end();
            throw error;
          });
          return value === undefined ? end() : { done: false, value };
        });
      },
      return: async () => end(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** What a loop over single events has left, or the next of the stream. */
  async several(): Promise<readonly MonitorEvent[] | undefined> {
    return this.#inTurn(async () => {
      const rest = this.#rest.slice(this.#next);
      this.#rest = [];
      this.#next = 0;
      return rest.length > 0 ? rest : this.#stream.next();
    });
  }

  async #take(): Promise<MonitorEvent | undefined> {
    while (this.#next >= this.#rest.length) {
      const events = await this.#stream.next();
      if (events === undefined) return undefined;
      this.#rest = events;
      this.#next = 0;
    }
    return this.#rest[this.#next++];
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(task).finally(() => this.#waiting--);
    this.#last = result.catch(() => {});
    return result;
  }
}
