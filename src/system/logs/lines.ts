/** Pieces of what programs have written, as lines. */
import { type LogStream, streamOf } from './layout.ts';
import type { LogRecord } from './reader.ts';

/** A line that a program has written. */
export interface LogLine {
  /** Milliseconds since 1970: when its last piece was read. */
  readonly time: number;
  /** What is written to a terminal is `stdout`, whatever it was meant for. */
  readonly stream: LogStream;
  /** Without its end. Bytes that are no UTF-8 are U+FFFD. */
  readonly text: string;
  /** Bytes before it that had given way to others before they were read. */
  readonly lost: number;
}

/** A line is told in pieces of this length at the latest. */
const LONGEST = 0x1_0000;

const LF = 0x0a;
const CR = 0x0d;

interface Begun {
  parts: Buffer[];
  length: number;
  time: number;
}

export class LineJoiner {
  /** Of each writer that has begun one. */
  readonly #begun = new Map<number, Begun>();
  #lost = 0;

  /** The lines that end with this piece. */
  *add({ writer, bytes, time, lost }: LogRecord): Generator<LogLine, void, undefined> {
    // Two halves of what is no line together.
    if (lost > 0) yield* this.rest();
    this.#lost += lost;
    if (bytes.length === 0) {
      if (this.#begun.has(writer)) yield this.#end(writer);
      return;
    }
    let from = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      this.#begin(writer, bytes.subarray(from, end), time);
      yield this.#end(writer);
      from = end + 1;
    }
    if (from === bytes.length) return;
    // A copy, or a few bytes would keep all that was read with them.
    this.#begin(writer, Buffer.from(bytes.subarray(from)), time);
    if ((this.#begun.get(writer)?.length ?? 0) >= LONGEST) yield this.#end(writer);
  }

  /** Lines that have no end yet. */
  *rest(): Generator<LogLine, void, undefined> {
    for (const writer of [...this.#begun.keys()]) yield this.#end(writer);
  }

  #begin(writer: number, bytes: Buffer, time: number): void {
    const begun = this.#begun.get(writer) ?? { parts: [], length: 0, time };
    begun.parts.push(bytes);
    begun.length += bytes.length;
    begun.time = time;
    this.#begun.set(writer, begun);
  }

  #end(writer: number): LogLine {
    const { parts, time } = this.#begun.get(writer) ?? { parts: [], time: 0 };
    this.#begun.delete(writer);
    const bytes = Buffer.concat(parts);
    const text = (bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes).toString();
    const lost = this.#lost;
    this.#lost = 0;
    return { time, stream: streamOf(writer), text, lost };
  }
}
