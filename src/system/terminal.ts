/** The other side of a terminal that a program in a system has. */
import { readSync, write } from 'node:fs';
import { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import { checkInteger } from '../handle/checks.ts';
import { ClosedError, loadBinding, type NativeFd, systemError } from '../handle/index.ts';
import type { Show } from './logs/passing.ts';

/** Columns and rows, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const MAX_SIZE = 0xffff;

/** Bytes that are read at once. */
const BUFFER = 0x1_0000;

/** Milliseconds until a terminal whose program reads too slowly is written to again. */
const RETRY = 5;

/** @throws InvalidArgumentError */
export function checkSize({ columns, rows }: TerminalSize): void {
  checkInteger('columns', columns, 1, MAX_SIZE);
  checkInteger('rows', rows, 1, MAX_SIZE);
}

/**
 * What the program writes can be read here, what is written here it reads, as typed: '\x03' is Ctrl-C, '\x04' the end of its
 * input. Ends when the program and all who have its terminal have ended.
 */
export class Terminal extends Duplex {
  /** Ours to write to, until we are destroyed. */
  readonly #master: NativeFd;
  readonly #input: ReadStream;
  #writing = false;
  #onWritten: (() => void) | undefined;
  readonly #show: Show;

  /** @internal Takes the fd over, also where it throws. `show` sees everything that comes. */
  constructor(master: NativeFd, show: Show = () => {}) {
    super({ allowHalfOpen: false });
    this.#show = show;
    this.#master = master;
    // An fd of its own: Node closes it as soon as the program hangs up, whoever is about to write.
    const duplicate = master.duplicate();
    if (typeof duplicate === 'number') {
      master.close();
      throw systemError(duplicate, 'fcntl');
    }
    this.#input = new ReadStream(duplicate.release(), { allowHalfOpen: true });
    this.#input.on('data', (bytes) => {
      if (!this.push(bytes)) this.#input.pause();
    });
    this.#input.on('end', () => this.#readRest());
    // EIO says that nobody has the other side any more.
    this.#input.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EIO') this.push(null);
      else this.destroy(error);
    });
    this.#input.pause();
  }

  /** @throws InvalidArgumentError, ClosedError, SystemError */
  resize({ columns, rows }: TerminalSize): void {
    checkSize({ columns, rows });
    if (this.#master.fd < 0) throw new ClosedError('the terminal is closed');
    const result = loadBinding().setWindowSize(this.#master.fd, columns, rows);
    if (result < 0) throw systemError(result, 'ioctl');
  }

  override push(bytes: Buffer | null): boolean {
    this.#show(bytes);
    return super.push(bytes);
  }

  override _read(): void {
    this.#input.resume();
  }

  /** libuv takes a hangup for the end, though there be more to read: at most what the kernel keeps. */
  #readRest(): void {
    const bytes = Buffer.alloc(BUFFER);
    try {
      for (let length = -1; length !== 0; ) {
        length = readSync(this.#master.fd, bytes);
        if (length > 0) this.push(Buffer.from(bytes.subarray(0, length)));
      }
    } catch {
      // EIO: that was all.
    }
    this.push(null);
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const end = (error?: Error | null): void => {
      this.#writing = false;
      this.#onWritten?.();
      done(error);
    };
    this.#writing = true;
    this.#writeOn(bytes, 0, end);
  }

  /** Not by the stream that reads: libuv would wait, with all of this process, for a program that does not read. */
  #writeOn(bytes: Buffer, from: number, end: (error?: Error | null) => void): void {
    write(this.#master.fd, bytes, from, undefined, undefined, (error, written) => {
      if (this.destroyed) end();
      else if (error?.code === 'EAGAIN') setTimeout(() => this.#again(bytes, from, end), RETRY);
      // Nobody reads it any more: of that the other direction tells.
      else if (error !== null) end(error.code === 'EIO' ? null : error);
      else if (from + written < bytes.length) this.#writeOn(bytes, from + written, end);
      else end();
    });
  }

  #again(bytes: Buffer, from: number, end: (error?: Error | null) => void): void {
    if (this.destroyed) end();
    else this.#writeOn(bytes, from, end);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const close = (): void => {
      this.#master.close();
      this.#input.destroy();
      done(error);
    };
    // A number that is closed meanwhile may be another file by the time that a thread writes to it.
    if (this.#writing) this.#onWritten = close;
    else close();
  }
}
