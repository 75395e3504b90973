/** The writing side of the ring that keeps what programs write. */
import { writeSync } from 'node:fs';
import type { NativeFd } from '../../handle/index.ts';
import {
  capacityOf,
  Field,
  HEADER_SIZE,
  Header,
  longestRecord,
  RECORD_SIZE,
  readRing,
  recordSize,
  VERSION,
  writeRing,
} from './layout.ts';

export class LogRing {
  readonly #file: NativeFd;
  readonly #capacity: number;
  readonly #record = Buffer.alloc(RECORD_SIZE);
  readonly #number = Buffer.alloc(8);
  #tail = 0;
  #head = 0;
  #written = 0;

  /** `file` is empty, and belongs to this from here on; it never has more than `max` bytes. */
  constructor(file: NativeFd, max: number) {
    this.#file = file;
    this.#capacity = capacityOf(max);
    const header = Buffer.alloc(HEADER_SIZE);
    header.writeBigUInt64LE(BigInt(VERSION), Header.version);
    header.writeBigUInt64LE(BigInt(this.#capacity), Header.capacity);
    writeSync(file.fd, header, 0, HEADER_SIZE, 0);
  }

  get fd(): number {
    return this.#file.fd;
  }

  append(writer: number, bytes: Buffer): void {
    if (this.fd < 0) return;
    const longest = longestRecord(this.#capacity);
    try {
      // None at all are a record as well.
      for (let at = 0; at === 0 || at < bytes.length; at += longest)
        this.#add(writer, bytes.subarray(at, at + longest));
    } catch {
      // There is no memory to be had. That is no reason to stop a program.
      this.#file.close();
    }
  }

  /** Readers are told that nothing more will come. Idempotent. */
  close(): void {
    if (this.fd >= 0) this.#say(Header.closed, 1);
    this.#file.close();
  }

  #add(writer: number, bytes: Buffer): void {
    const size = recordSize(bytes.length);
    this.#makeRoom(size);
    const record = this.#record;
    record.writeBigUInt64LE(BigInt(this.#head), Field.place);
    record.writeBigUInt64LE(BigInt(Date.now()), Field.time);
    record.writeBigUInt64LE(BigInt(this.#written), Field.before);
    record.writeUInt32LE(bytes.length, Field.length);
    record.writeUInt32LE(writer, Field.writer);
    writeRing(this.fd, this.#capacity, this.#head, [record, bytes]);
    this.#head += size;
    this.#written += bytes.length;
    // Last: what a reader knows of is whole.
    this.#say(Header.head, this.#head);
  }

  /** The oldest give way, and readers know it before they are overwritten. */
  #makeRoom(size: number): void {
    const before = this.#tail;
    while (this.#head + size - this.#tail > this.#capacity) {
      readRing(this.fd, this.#capacity, this.#tail, this.#record);
      this.#tail += recordSize(this.#record.readUInt32LE(Field.length));
    }
    if (this.#tail !== before) this.#say(Header.tail, this.#tail);
  }

  #say(at: number, value: number): void {
    this.#number.writeBigUInt64LE(BigInt(value));
    writeSync(this.fd, this.#number, 0, this.#number.length, at);
  }
}
