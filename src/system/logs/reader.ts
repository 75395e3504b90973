/** The reading side of the ring that keeps what programs write. */
import { readSync } from 'node:fs';
import { CofferdamError } from '../../handle/index.ts';
import { Field, HEADER_SIZE, Header, RECORD_SIZE, readRing, recordSize, VERSION } from './layout.ts';

/** A piece of what a program has written, as it was read. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly writer: number;
  /** None where the writer has left a line without its end. */
  readonly bytes: Buffer;
  /** Bytes that came after the last one, and were gone before they were read. */
  readonly lost: number;
}

/** Bytes that are read at once: more than the longest record. */
const AT_ONCE = 0x4_0000;

/** How often who is overtaken tries again at once. */
const ATTEMPTS = 8;

export class LogReader {
  readonly #fd: number;
  readonly #header = Buffer.alloc(HEADER_SIZE);
  readonly #capacity: number;
  #place = 0;
  /** Bytes written before #place; unknown before the first record. */
  #before: number | undefined;

  /** @throws CofferdamError where another version of cofferdam writes it */
  constructor(fd: number) {
    this.#fd = fd;
    this.#look();
    this.#capacity = this.#number(Header.capacity);
    if (this.#number(Header.version) === VERSION) return;
    throw new CofferdamError(
      'ERR_COFFERDAM_LOGS',
      'the logs of the system are written by another version of cofferdam: use that one',
    );
  }

  /** Nothing more will come, whatever was not read yet. */
  get closed(): boolean {
    this.#look();
    return this.#number(Header.closed) !== 0;
  }

  /** Where the next record will be. */
  get head(): number {
    this.#look();
    return this.#number(Header.head);
  }

  /** Everything before is read. */
  get place(): number {
    return this.#place;
  }

  /** What has come since, or some of it. Who is overtaken all the time gets nothing, for now. */
  next(): readonly LogRecord[] {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const records = this.#read();
      if (records !== undefined) return records;
    }
    return [];
  }

  #read(): readonly LogRecord[] | undefined {
    this.#look();
    const from = Math.max(this.#place, this.#number(Header.tail));
    const bytes = Buffer.allocUnsafe(Math.min(this.#number(Header.head) - from, AT_ONCE));
    readRing(this.#fd, this.#capacity, from, bytes);
    this.#look();
    const tail = this.#number(Header.tail);
    const records: LogRecord[] = [];
    if (tail > from + bytes.length) return undefined;
    // What has given way meanwhile may be half of something else by now.
    let at = Math.max(0, tail - from);
    while (at + RECORD_SIZE <= bytes.length) {
      const length = bytes.readUInt32LE(at + Field.length);
      const end = at + recordSize(length);
      if (end > bytes.length) break;
      const before = Number(bytes.readBigUInt64LE(at + Field.before));
      records.push({
        time: Number(bytes.readBigUInt64LE(at + Field.time)),
        writer: bytes.readUInt32LE(at + Field.writer),
        bytes: bytes.subarray(at + RECORD_SIZE, at + RECORD_SIZE + length),
        lost: this.#before === undefined ? 0 : before - this.#before,
      });
      this.#before = before + length;
      at = end;
    }
    this.#place = from + at;
    return records;
  }

  #look(): void {
    readSync(this.#fd, this.#header, 0, HEADER_SIZE, 0);
  }

  #number(at: number): number {
    return Number(this.#header.readBigUInt64LE(at));
  }
}
