/** Where the fds of a program in a system lead. */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { InvalidArgumentError, loadBinding, type NativeFd, systemError } from '../handle/index.ts';
import type { Stdio } from '../process/index.ts';

const STDIN = 0;

/** Fds to be sent along, and our ends of what was to be a pipe. */
export class StdioFds {
  /** For 0, 1, 2 and so on. */
  readonly fds: number[] = [];
  readonly #ours = new Map<number, NativeFd>();
  readonly #theirs: NativeFd[] = [];
  #null: number | undefined;

  /** @throws InvalidArgumentError, SystemError; nothing is left open then */
  constructor(stdio: Stdio | readonly Stdio[]) {
    const list: readonly Stdio[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
    try {
      list.forEach((one, fd) => {
        this.fds.push(this.#lead(one, fd, Array.isArray(stdio) ? `stdio[${fd}]` : 'stdio'));
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Streams over our ends of the pipes; theirs are sent, and ours no more. */
  streams(): (Socket | undefined)[] {
    const streams = this.fds.map((_, fd) => {
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

  #lead(one: Stdio, fd: number, field: string): number {
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
      "'inherit', 'ignore', 'pipe' (fds 0 to 2) or an open fd",
    );
  }

  #pipe(fd: number): number {
    const pipe = loadBinding().openPipe();
    if (typeof pipe === 'number') throw systemError(pipe, 'pipe2', {});
    const [read, write] = pipe;
    const [ours, theirs] = fd === STDIN ? [write, read] : [read, write];
    this.#ours.set(fd, ours);
    this.#theirs.push(theirs);
    return theirs.fd;
  }
}
