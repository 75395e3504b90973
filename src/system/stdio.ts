/** Where the fds of a program in a system lead. */
import { closeSync, fchmodSync, fstatSync, openSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { fromNodeError } from '../handle/errors.ts';
import { InvalidArgumentError, loadBinding, type NativeFd, systemError } from '../handle/index.ts';
import type { Stdio } from '../process/index.ts';
import type { SystemLogs } from './logs/keep.ts';
import type { LogStream } from './logs/layout.ts';
import { Passing, ShownSocket, streamTo } from './logs/passing.ts';

/** As of a program of the host's, or `pty`: a terminal of the system's own, one for all that say so. */
export type SystemStdio = Stdio | 'pty';

const STDIN = 0;

/** What is kept where there are logs. */
const KEPT: ReadonlyMap<number, LogStream> = new Map([
  [1, 'stdout'],
  [2, 'stderr'],
]);

/** @throws SystemError */
function fstat(fd: number): Stats {
  try {
    return fstatSync(fd);
  } catch (error) {
    throw fromNodeError(error);
  }
}

/** Fds to be sent along, and our ends of what was to be a pipe. */
export class StdioFds {
  /** For 0, 1, 2 and so on, without those that lead to a terminal. */
  readonly fds: number[] = [];
  /** A bit for each that leads to a terminal. */
  pty = 0;
  readonly #count: number;
  readonly #ours = new Map<number, NativeFd>();
  readonly #theirs: NativeFd[] = [];
  readonly #logs: SystemLogs | undefined;
  /** Where that goes which passes us only for the logs; undefined for nowhere. */
  readonly #sinks = new Map<number, Writable | undefined>();
  /** Where stdout goes, if it passes us, and the pipe that it takes. */
  #first: { readonly dev: number; readonly ino: number; readonly fd: number } | undefined;
  /** What passes us, once it does. */
  readonly passings: Passing[] = [];
  #null: number | undefined;

  /** @throws InvalidArgumentError, SystemError; nothing is left open then */
  constructor(stdio: SystemStdio | readonly SystemStdio[], logs?: SystemLogs) {
    this.#logs = logs;
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
      const end = this.#ours.get(fd);
      return end === undefined ? undefined : this.#stream(fd, end);
    });
    this.#ours.clear();
    this.#sinks.clear();
    this.close();
    return streams;
  }

  /** Everything that was opened for it. */
  close(): void {
    for (const fd of [...this.#theirs, ...this.#ours.values()]) fd.close();
    this.#theirs.length = 0;
    this.#ours.clear();
    for (const sink of this.#sinks.values()) sink?.destroy();
    this.#sinks.clear();
    if (this.#null !== undefined) closeSync(this.#null);
    this.#null = undefined;
  }

  #stream(fd: number, end: NativeFd): Socket | undefined {
    const kept = KEPT.get(fd);
    const logs = this.#logs;
    if (logs === undefined || kept === undefined)
      return new Socket({ fd: end.release(), readable: fd !== STDIN, writable: fd === STDIN });
    const { show } = logs.writer(kept);
    if (this.#sinks.has(fd)) {
      const passing = new Passing(end, this.#sinks.get(fd), show);
      logs.pass(passing);
      this.passings.push(passing);
      return undefined;
    }
    const stream = new ShownSocket({ fd: end.release(), readable: true, writable: false }, show);
    logs.show(stream);
    return stream;
  }

  #lead(one: SystemStdio, fd: number, field: string): number {
    const keeps = this.#logs !== undefined && KEPT.has(fd);
    if (one === 'ignore') {
      if (keeps) return this.#pass(fd, undefined);
      this.#null ??= openSync('/dev/null', 'r+');
      return this.#null;
    }
    if (one === 'pipe' && fd <= 2) return this.#pipe(fd);
    const given = one === 'inherit' ? fd : typeof one === 'object' ? one?.fd : one;
    if (typeof given === 'number' && Number.isInteger(given) && given >= 0)
      return keeps ? this.#passTo(fd, given) : given;
    throw new InvalidArgumentError(
      field,
      one,
      'is no place to lead to',
      "'inherit', 'ignore', 'pipe' or 'pty' (fds 0 to 2), or an open fd",
    );
  }

  #passTo(fd: number, given: number): number {
    const { dev, ino } = fstat(given);
    // Two pipes would mix up what comes to one file in order.
    if (this.#first?.dev === dev && this.#first.ino === ino) return this.#first.fd;
    const end = this.#pass(fd, streamTo(given));
    this.#first = { dev, ino, fd: end };
    return end;
  }

  #pass(fd: number, sink: Writable | undefined): number {
    this.#sinks.set(fd, sink);
    return this.#pipe(fd);
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
