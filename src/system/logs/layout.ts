/**
 * How a memory file keeps what programs have written: a header, and a ring of records. One thread writes it, and any number
 * of processes read it without a lock: who was overtaken while he read sees so from the header, and reads again.
 *
 * Places are counted from the beginning, and never again; a record lies at its place modulo the capacity.
 */
import { readSync, writevSync } from 'node:fs';

export type LogStream = 'stdout' | 'stderr';
const STREAMS: readonly LogStream[] = ['stdout', 'stderr'];

/** What a writer is called in its records: a program, by any number, and the stream that it is of that. */
export const writerOf = (program: number, stream: LogStream): number =>
  (program * STREAMS.length + STREAMS.indexOf(stream)) >>> 0;
export const streamOf = (writer: number): LogStream => STREAMS[writer % STREAMS.length] as LogStream;

export const VERSION = 1;
export const HEADER_SIZE = 64;

/** Where each of the numbers of the header lies, 64 bits each. */
export const Header = {
  version: 0,
  capacity: 8,
  /** The oldest record that is still whole. */
  tail: 16,
  /** Where the next one will be. */
  head: 24,
  /** 1 when nothing more will come. */
  closed: 32,
} as const;

/**
 * Where the numbers of a record lie: its place, when, how many bytes were written before, how many now, and by whom. None is
 * the end of a line that its writer has left without one.
 */
export const Field = { place: 0, time: 8, before: 16, length: 24, writer: 28 } as const;
export const RECORD_SIZE = 32;

const ALIGNMENT = 8;

/** Of a record with so many bytes. */
export const recordSize = (length: number): number => RECORD_SIZE + Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/** The most that one record has. */
export const longestRecord = (capacity: number): number =>
  Math.min(0x1_0000, Math.floor(capacity / 4) - RECORD_SIZE);

/** Of what may have `max` bytes in all. */
export const capacityOf = (max: number): number => max - HEADER_SIZE - (max % ALIGNMENT);

export function readRing(fd: number, capacity: number, place: number, bytes: Buffer): void {
  const at = place % capacity;
  const first = Math.min(bytes.length, capacity - at);
  readSync(fd, bytes, 0, first, HEADER_SIZE + at);
  if (first < bytes.length) readSync(fd, bytes, first, bytes.length - first, HEADER_SIZE);
}

export function writeRing(fd: number, capacity: number, place: number, parts: readonly Buffer[]): void {
  const at = place % capacity;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length <= capacity - at) {
    writevSync(fd, parts, HEADER_SIZE + at);
    return;
  }
  const bytes = Buffer.concat(parts);
  writevSync(fd, [bytes.subarray(0, capacity - at)], HEADER_SIZE + at);
  writevSync(fd, [bytes.subarray(capacity - at)], HEADER_SIZE);
}
