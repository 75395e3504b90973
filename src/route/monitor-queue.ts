import type { NewsSink } from '../netlink/news.ts';
import { ROW } from '../netlink/news.ts';
import { type ReceiveBuffer, receiveBuffer } from '../netlink/wire/receive-buffer.ts';

/** Holds two full reads of a socket: a datagram is 64 KiB at most. */
const BLOCK_BYTES = 128 * 1024;
const BLOCK_ROWS = 2048;
/** What all datagrams together may take, however large they are. */
const MOST_BYTES = 64 * 1024 * 1024;
/** In place of a length: here the kernel dropped something. */
const LOSS = -1;

/** Where a datagram lies that was taken out of the queue. Valid until the next one is. */
export interface Datagram {
  buffer: ReceiveBuffer;
  start: number;
  end: number;
  group: number;
  /** -1: the socket's own namespace. */
  nsid: number;
}

class Block {
  readonly buffer = receiveBuffer(new Uint8Array(BLOCK_BYTES));
  readonly table = new Int32Array(BLOCK_ROWS * ROW);
  next: Block | undefined;
  /** Bytes and rows written and read. */
  bytesIn = 0;
  bytesOut = 0;
  rowsIn = 0;
  rowsOut = 0;
}

/**
 * News as they came, undecoded, for a reader who takes them when it likes: bytes in blocks that are used again, so
 * that neither a datagram more nor one less costs anything to collect. Between them it is marked where some were lost.
 */
export class MonitorQueue implements NewsSink {
  readonly #capacity: number;
  #first = new Block();
  #last = this.#first;
  /** A block read to its end, for the next that is needed. */
  #spare: Block | undefined;
  #length = 0;
  #bytes = 0;
  #losses = 0;
  #received = 0;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  readonly #datagram: Datagram = { buffer: this.#first.buffer, start: 0, end: 0, group: 0, nsid: -1 };

  /** @param capacity datagrams from which on it is full */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Datagrams in it. */
  get length(): number {
    return this.#length;
  }
  /** Datagrams that came so far. */
  get received(): number {
    return this.#received;
  }
  get full(): boolean {
    return this.#length >= this.#capacity || this.#bytes >= MOST_BYTES;
  }
  /** Worth reading the socket again, which does not pay for each datagram that is taken out. */
  get roomy(): boolean {
    return this.#length <= this.#capacity / 2 && this.#bytes <= MOST_BYTES / 2;
  }

  datagrams(bytes: Uint8Array, used: number, table: Int32Array, count: number): void {
    if (this.#ended) return;
    const block = this.#room(used, count);
    block.buffer.bytes.set(bytes.subarray(0, used), block.bytesIn);
    block.table.set(table.subarray(0, count * ROW), block.rowsIn * ROW);
    block.bytesIn += used;
    block.rowsIn += count;
    this.#bytes += used;
    this.#length += count;
    this.#received += count;
    this.#arrived();
  }

  lost(): void {
    if (this.#ended) return;
    const block = this.#room(0, 1);
    block.table[block.rowsIn++ * ROW] = LOSS;
    this.#losses++;
    this.#arrived();
  }

  failed(error: unknown): void {
    this.end(error);
  }

  /** What is in it can still be taken out, unless there is an error. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#arrived();
  }

  /** The next datagram; 'loss' where some are missing; undefined where nothing is left. */
  take(): Datagram | 'loss' | undefined {
    const block = this.#unread();
    if (block === undefined || this.#error !== undefined) return undefined;
    const row = block.rowsOut++ * ROW;
    const length = block.table[row] as number;
    if (length === LOSS) {
      this.#losses--;
      return 'loss';
    }
    const datagram = this.#datagram;
    datagram.buffer = block.buffer;
    datagram.start = block.bytesOut;
    datagram.end = block.bytesOut + length;
    datagram.group = block.table[row + 1] as number;
    datagram.nsid = block.table[row + 2] as number;
    const size = (length + 3) & ~3;
    block.bytesOut += size;
    this.#bytes -= size;
    this.#length--;
    return datagram;
  }

  /** Takes out everything up to the last loss, for who makes up for all of them at once. How many datagrams that were. */
  skipToLastLoss(): number {
    const before = this.#length;
    while (this.#losses > 0 && this.take() !== undefined) {
      // Nothing to do: it is gone.
    }
    return before - this.#length;
  }

  /** Resolves when there is something to take, to true, or when nothing will come any more. Rejects with the error once. */
  async arrival(): Promise<boolean> {
    while (this.#unread() === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const error = this.#error;
    if (error !== undefined) {
      // An iterator must not throw it twice.
      this.#error = undefined;
      this.#clear();
      throw error;
    }
    return this.#unread() !== undefined;
  }

  #arrived(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The block to read from; a block that was read to its end is used again. */
  #unread(): Block | undefined {
    const block = this.#first;
    if (block.rowsOut < block.rowsIn) return block;
    block.bytesIn = block.bytesOut = block.rowsIn = block.rowsOut = 0;
    if (block.next === undefined) return undefined;
    this.#first = block.next;
    block.next = undefined;
    this.#spare = block;
    return this.#first;
  }

  #room(bytes: number, rows: number): Block {
    const { bytesIn, rowsIn } = this.#last;
    if (bytesIn + bytes <= BLOCK_BYTES && rowsIn + rows <= BLOCK_ROWS) return this.#last;
    const block = this.#spare ?? new Block();
    this.#spare = undefined;
    this.#last.next = block;
    this.#last = block;
    return block;
  }

  #clear(): void {
    this.#first = this.#last = new Block();
    this.#spare = undefined;
    this.#length = this.#bytes = this.#losses = 0;
  }
}
