/** Where the fds of a program in a system lead. */
import { closeSync, fchmodSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { InvalidArgumentError, loadBinding, type NativeFd, systemError } from '../handle/index.ts';
import type { Stdio } from '../process/index.ts';

/** As of a program of the host's, or `pty`: a terminal of the system's own, one for all that say so. */
export type SystemStdio = Stdio | 'pty';

const STDIN = 0;

/** Fds to be sent along, and our ends of what was to be a pipe. */
export class StdioFds {
  /** For 0, 1, 2 and so on, without those that lead to a terminal. */
  readonly fds: number[] = [];
  /** A bit for each that leads to a terminal. */
  pty = 0;
  readonly #count: number;
  readonly #ours = new Map<number, NativeFd>();
  readonly #theirs: NativeFd[] = [];
  #null: number | undefined;

  /** @throws InvalidArgumentError, SystemError; nothing is left open then */
  constructor(stdio: SystemStdio | readonly SystemStdio[]) {
    const list: readonly SystemStdio[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
    this.#count = list.length;
    try {
      list.forEach((one, fd) => {
        if (one === 'pty' && fd <= 2) this.pty |= 1 << fd;
        else this.fds.push(this.#lead(one, fd, Array.isArray(stdio) ? `stdio[${fd}]` : 'stdio'));
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Streams over our ends of the pipes; theirs are sent, and ours no more. */
  streams(): (Socket | undefined)[] {
    const streams = Array.from({ length: this.#count }, (_, fd) => {
      const end = this.#ours.get(fd)?.release();
      if (end === undefined || end < 0) return undefined;
      return new Socket({ fd: end, readable: fd !== STDIN, writable: fd === STDIN });
    });
    this.#ours.clear();
    this.close();
    return streams;
  }

  /** Everything that was opened for it. */
  close(): void {
    for (const fd of [...this.#theirs, ...this.#ours.values()]) fd.close();
    this.#theirs.length = 0;
    this.#ours.clear();
    if (this.#null !== undefined) closeSync(this.#null);
    this.#null = undefined;
  }

  #lead(one: SystemStdio, fd: number, field: string): number {
    if (one === 'inherit') return fd;
    if (one === 'ignore') {
      this.#null ??= openSync('/dev/null', 'r+');
      return this.#null;
    }
    if (one === 'pipe' && fd <= 2) return this.#pipe(fd);
    const given = typeof one === 'object' ? one?.fd : one;
    if (typeof given === 'number' && Number.isInteger(given) && given >= 0) return given;
    throw new InvalidArgumentError(
      field,
      one,
      'is no place to lead to',
      "'inherit', 'ignore', 'pipe' or 'pty' (fds 0 to 2), or an open fd",
    );
  }

  #pipe(fd: number): number {
    const pipe = loadBinding().openPipe();
    if (typeof pipe === 'number') throw systemError(pipe, 'pipe2', {});
    const [read, write] = pipe;
    const [ours, theirs] = fd === STDIN ? [write, read] : [read, write];
    this.#ours.set(fd, ours);
    this.#theirs.push(theirs);
    // A program that opens /dev/stdout opens it anew, and may be somebody else than we are. Nobody reaches a pipe but by
    // /proc of who has it.
    fchmodSync(theirs.fd, 0o666);
    return theirs.fd;
  }
}
