/** The logs of a system, as its owner keeps them. */
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { NativeFd } from '../../handle/index.ts';
import type { LogFile } from './follow.ts';
import { type LogStream, writerOf } from './layout.ts';
import type { Passing } from './passing.ts';
import { LogRing } from './ring.ts';

/** Milliseconds that what programs have written has to go where it is to go when their system has ended. */
const LAST_WORDS = 200;

const LF = 0x0a;

/** What sees the bytes of one stream; null is their end. */
export class LogWriter {
  readonly #ring: LogRing;
  readonly #writer: number;
  #begun = false;

  constructor(ring: LogRing, writer: number) {
    this.#ring = ring;
    this.#writer = writer;
  }

  readonly show = (bytes: Buffer | null): void => {
    if (bytes === null && !this.#begun) return;
    this.#begun = bytes !== null && bytes.at(-1) !== LF;
    this.#ring.append(this.#writer, bytes ?? Buffer.alloc(0));
  };
}

export class SystemLogs {
  readonly #ring: LogRing;
  #programs = 0;
  readonly #passings = new Set<Passing>();
  /** What the user reads himself: each resolves when that has no more to show. */
  readonly #shown = new Set<Promise<void>>();

  constructor(file: NativeFd, max: number) {
    this.#ring = new LogRing(file, max);
  }

  /** For one reader. */
  open(): LogFile {
    const fd = openSync(`/proc/self/fd/${this.#ring.fd}`, 'r');
    return { fd, close: () => closeSync(fd) };
  }

  /** For one stream of one program, or its terminal. */
  writer(stream: LogStream): LogWriter {
    const program = ++this.#programs;
    return new LogWriter(this.#ring, writerOf(program, stream));
  }

  pass(passing: Passing): void {
    this.#passings.add(passing);
    void passing.done.then(() => this.#passings.delete(passing));
  }

  /** `stream` shows itself to a writer. */
  show(stream: Readable): void {
    const done = new Promise<void>((resolve) => {
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
    this.#shown.add(done);
    void done.then(() => this.#shown.delete(done));
  }

  /** The system has ended: what is on its way comes through, if somebody takes it. Idempotent. */
  async finish(): Promise<void> {
    const all = [...this.#shown, ...[...this.#passings].map(({ done }) => done)];
    const late = new AbortController();
    await Promise.race([Promise.all(all), sleep(LAST_WORDS, undefined, { signal: late.signal })]);
    late.abort();
    // What is there was not read yet where we had no CPU meanwhile.
    await turn();
    for (const passing of this.#passings) passing.cut();
    this.#ring.close();
  }
}
