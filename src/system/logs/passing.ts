/** What a program writes, on its way to where it is to go and to the logs. */
import { createWriteStream, constants as fs, fstatSync, openSync, readSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Writable } from 'node:stream';
import { fromNodeError } from '../../handle/errors.ts';
import { loadBinding, type NativeFd, systemError } from '../../handle/index.ts';

/** Bytes that a pipe holds. */
const PIPE_SIZE = 0x1_0000;

/** Sees all bytes of a stream; null is their end. */
export type Show = (bytes: Buffer | null) => void;

/** A stream that shows everything to somebody else first. */
export class ShownSocket extends Socket {
  readonly #show: Show;

  constructor(options: SocketConstructorOpts, show: Show) {
    super(options);
    this.#show = show;
  }

  override push(bytes: Buffer | null, encoding?: BufferEncoding): boolean {
    this.#show(bytes);
    return super.push(bytes, encoding);
  }
}

/** An fd may be closed as soon as the program has been started. */
function duplicate(fd: number): NativeFd {
  const self = loadBinding().openPidfd(process.pid);
  if (typeof self === 'number') throw systemError(self, 'pidfd_open', {});
  const copy = self.getFd(fd);
  self.close();
  if (typeof copy === 'number') throw systemError(copy, 'pidfd_getfd', { fd });
  return copy;
}

/**
 * A stream to an fd that stays somebody else's. Neither a pipe nor a socket that nobody reads may hold a thread of Node's,
 * for which a process that ends would wait.
 *
 * @throws SystemError
 */
export function streamTo(fd: number): Writable {
  const copy = duplicate(fd);
  try {
    const stat = fstatSync(copy.fd);
    const own = stat.isFIFO() ? reopened(copy.fd) : undefined;
    if (own !== undefined) return new Socket({ fd: own, readable: false, writable: true });
    if (stat.isFIFO() || stat.isSocket())
      return new Socket({ fd: copy.release(), readable: false, writable: true });
    return createWriteStream('', { fd: copy.release() });
  } catch (error) {
    throw fromNodeError(error);
  } finally {
    copy.close();
  }
}

/** An open file of our own: that of the fd is others' as well, who expect that it blocks. */
function reopened(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, fs.O_WRONLY | fs.O_NONBLOCK);
  } catch (error) {
    // Nobody reads it, as its first write will find; or it is another user's.
    if (['ENXIO', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** From a program to an fd of ours, no faster than that is taken; or to nowhere. */
export class Passing {
  /** Resolves when the last of it has gone on, or nobody wants it. */
  readonly done: Promise<void>;
  readonly #fd: number;
  readonly #source: ShownSocket;
  readonly #sink: Writable | undefined;
  /** Bytes. */
  #come = 0;
  #gone = 0;
  readonly #waiting = new Set<() => void>();

  /** Takes both over: the end of a pipe, and where it is to go. */
  constructor(end: NativeFd, sink: Writable | undefined, show: Show) {
    this.#sink = sink;
    this.#fd = end.release();
    this.#source = new ShownSocket({ fd: this.#fd, readable: true, writable: false }, (bytes) => {
      this.#come += bytes?.length ?? 0;
      show(bytes);
    });
    // A program that nobody waits for keeps no process alive.
    this.#source.unref();
    this.#source.on('data', (bytes: Buffer) => this.#pass(bytes));
    this.#source.on('error', () => {});
    this.done = new Promise((resolve) => {
      this.#source.once('close', () => {
        void this.#written().then(() => {
          this.#sink?.destroy();
          resolve();
        });
      });
    });
    // The program is told as it would have been: SIGPIPE.
    this.#sink?.on('error', () => this.cut());
  }

  /** Resolves when what has been written so far has gone on, or nobody wants it. */
  async settle(): Promise<void> {
    if (!this.#source.destroyed) this.#readRest();
    await this.#written();
  }

  /** Nothing more is passed on. */
  cut(): void {
    this.#gone = Number.POSITIVE_INFINITY;
    this.#wake();
    this.#sink?.destroy();
    this.#source.destroy();
  }

  #pass(bytes: Buffer): void {
    const written = (): void => {
      this.#gone += bytes.length;
      this.#wake();
    };
    if (this.#sink === undefined) written();
    else if (!this.#sink.write(bytes, written)) {
      this.#source.pause();
      this.#sink.once('drain', () => this.#source.resume());
    }
  }

  /** What a program has left in the pipe, which may have another writer and no end. */
  #readRest(): void {
    const bytes = Buffer.allocUnsafe(PIPE_SIZE);
    try {
      const length = readSync(this.#fd, bytes);
      if (length > 0) this.#source.push(bytes.subarray(0, length));
    } catch {
      // EAGAIN: there is none.
    }
  }

  async #written(): Promise<void> {
    const come = this.#come;
    while (this.#gone < come) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
