/** A program in a system. */
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '../handle/abort-watch.ts';
import { checkInteger, checkSignal, checkTimeout } from '../handle/checks.ts';
import { abortError, InvalidArgumentError, TimeoutError } from '../handle/index.ts';
import type { Signal, WaitOptions } from '../process/index.ts';
import { signalNumber } from '../process/signals.ts';
import { LAST_ID, type SystemSpec } from './config/index.ts';
import type { Confinement } from './confinement.ts';
import { landlockFields } from './landlock.ts';
import type { Passing } from './logs/passing.ts';
import type { RunResult } from './result.ts';
import type { SystemStdio } from './stdio.ts';
import { checkSize, type Terminal, type TerminalSize } from './terminal.ts';
import { type Fields, type FieldValue, Tag } from './wire.ts';

export interface RunOptions {
  /** Added to the environment of the configuration. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The directory inside to start in. Default: `workdir` of the configuration. */
  readonly cwd?: string | undefined;
  /** For fd 0, 1, 2 and so on, or one for 0, 1 and 2; it gets no others. Default: 'inherit'. */
  readonly stdio?: SystemStdio | readonly SystemStdio[] | undefined;
  /** Of its terminal, where `stdio` has 'pty': that of the beginning. Default: 80 columns, 24 rows. */
  readonly size?: TerminalSize | undefined;
  /** Who it runs as, inside. Default: `user` of the configuration. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** fd 0 is a terminal, which becomes its controlling one. Default false. */
  readonly terminal?: boolean | undefined;
  /** Kills it when it aborts; waiting for it rejects with an AbortError then. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it is killed; waiting for it rejects with a TimeoutError then. Default: none of its own. */
  readonly timeout?: number | undefined;
}

/** What every program of a system is confined by, and what it has where it asks for nothing else. */
export function programFields(spec: SystemSpec, { droppedCapabilities, seccomp }: Confinement): Fields {
  const { apparmor, noNewPrivs } = spec.security;
  const fields: (readonly [Tag, FieldValue])[] = [
    [Tag.Directory, spec.workdir],
    [Tag.Uid, spec.user.uid],
    [Tag.Gid, spec.user.gid],
    [Tag.DroppedCapabilities, droppedCapabilities],
    ...Object.entries(spec.environment).map(
      ([name, value]) => [Tag.Environment, `${name}=${value}`] as const,
    ),
  ];
  // Those of the owner are nobody's business inside.
  if (process.geteuid?.() === 0) fields.push([Tag.ClearGroups, '']);
  if (noNewPrivs) fields.push([Tag.NoNewPrivileges, '']);
  if (seccomp !== undefined) fields.push([Tag.Seccomp, seccomp]);
  if (apparmor !== undefined) fields.push([Tag.Apparmor, apparmor]);
  fields.push(...landlockFields(spec.security));
  return fields;
}

const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** A mask of fds that lead to a new terminal, and its size. */
export function ptyFields(mask: number, { columns, rows }: TerminalSize = DEFAULT_SIZE): Fields {
  if (mask === 0) return [];
  return [
    [Tag.Pty, mask],
    [Tag.Window, columns + rows * 0x1_0000],
  ];
}

/** Checks what is to run. @throws InvalidArgumentError */
export function commandFields(argv: readonly string[], options: RunOptions): Fields {
  checkSignal(options.signal);
  checkTimeout(options.timeout);
  if (options.size !== undefined) checkSize(options.size);
  if (!Array.isArray(argv) || argv.length === 0) {
    throw new InvalidArgumentError('argv', argv, 'names no program', "an array such as ['npm', 'test']");
  }
  const { user, cwd, env } = options;
  const fields: (readonly [Tag, FieldValue])[] = argv.map((word, index) => [
    Tag.Argument,
    text(`argv[${index}]`, word),
  ]);
  if (cwd !== undefined) fields.push([Tag.Directory, text('cwd', cwd)]);
  if (user !== undefined) {
    // -1 would leave it user 0.
    checkInteger('user.uid', user.uid, 0, LAST_ID);
    checkInteger('user.gid', user.gid, 0, LAST_ID);
    fields.push([Tag.Uid, user.uid], [Tag.Gid, user.gid]);
  }
  for (const [name, value] of Object.entries(env ?? {})) {
    fields.push([Tag.Environment, `${variable(name)}=${text(`env.${name}`, value)}`]);
  }
  if (options.terminal) fields.push([Tag.Terminal, '']);
  return fields;
}

function text(field: string, value: string): string {
  if (typeof value === 'string' && !value.includes('\0')) return value;
  throw new InvalidArgumentError(field, value, 'cannot be passed on', 'a string without NUL');
}

function variable(name: string): string {
  if (name !== '' && !/[=\0]/.test(name)) return name;
  throw new InvalidArgumentError('env', name, 'is no name of a variable', "a name without '=' and NUL");
}

/** What a program asks of its system. */
export interface CommandPlace {
  signal(command: number, signal: number): Promise<void>;
  /** Keeps the event loop alive, and `holder` from the collector, while `work` waits. */
  holding<T>(holder: object, work: () => Promise<T>): Promise<T>;
}

/** A program as the core of its system has it: it leads to no handle that a user holds. */
export class RunningCommand {
  readonly id: number;
  readonly name: string;
  readonly place: CommandPlace;
  readonly settled: Promise<RunResult>;
  /** Undefined while it runs. */
  result: RunResult | undefined;
  /** Why it was killed by us before its time. */
  cutShort: Error | undefined;
  #settle: (result: RunResult) => void = () => {};
  #forget = (): void => {};

  constructor(id: number, name: string, place: CommandPlace, { signal, timeout }: RunOptions) {
    this.id = id;
    this.name = name;
    this.place = place;
    this.settled = new Promise((settle) => {
      this.#settle = settle;
    });
    this.#limit(signal, timeout);
  }

  async kill(signal: Signal): Promise<void> {
    await this.place.signal(this.id, signalNumber(signal));
  }

  end(result: RunResult): void {
    if (this.result !== undefined) return;
    this.#forget();
    this.result = result;
    this.#settle(result);
  }

  #limit(signal: AbortSignal | undefined, timeout: number | undefined): void {
    const cut = (error: Error): void => {
      if (this.result !== undefined) return;
      this.cutShort ??= error;
      // Where it has just ended by itself there is nobody to be killed.
      this.kill('SIGKILL').catch(() => {});
    };
    const late = (): void => cut(new TimeoutError(this.name, timeout as number));
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout).unref();
    const forget = signal === undefined ? undefined : onAbort(signal, () => cut(abortError(signal)));
    this.#forget = (): void => {
      clearTimeout(timer);
      forget?.();
    };
    // While it was started; it can be killed as soon as its system knows it, which is after this.
    if (signal?.aborted) queueMicrotask(() => cut(abortError(signal)));
  }
}

/** Our ends of its fds. */
interface CommandStreams {
  readonly streams: readonly (Socket | undefined)[];
  readonly terminal: Terminal | undefined;
  /** What goes through us only for the logs. */
  readonly passings: readonly Passing[];
}

/** A program that was started in a system, and ends with it at the latest. */
export class Command {
  /** A stream to its stdin, where `stdio` has 'pipe' for it. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** The other side of its terminal, where `stdio` has 'pty'. */
  readonly terminal: Terminal | undefined;
  readonly #running: RunningCommand;
  /** Its system: whoever holds a program of it holds it. */
  readonly #holder: object;
  readonly #passings: readonly Passing[];

  /** @internal */
  constructor(running: RunningCommand, holder: object, { streams, terminal, passings }: CommandStreams) {
    this.#running = running;
    this.#holder = holder;
    [this.stdin, this.stdout, this.stderr] = streams;
    this.terminal = terminal;
    this.#passings = passings;
  }

  /** Undefined while it runs. */
  get result(): RunResult | undefined {
    return this.#running.result;
  }

  /** @throws SystemError ESRCH once it or its system has ended */
  async kill(signal: Signal = 'SIGTERM'): Promise<void> {
    await this.#running.kill(signal);
  }

  /** Resolves when it has ended, however it did. Rejects with an AbortError or a TimeoutError where that ended it. */
  async wait({ signal, timeout }: WaitOptions = {}): Promise<RunResult> {
    checkSignal(signal);
    checkTimeout(timeout);
    if (signal?.aborted) throw abortError(signal);
    const { settled, place, name } = this.#running;
    let timer: NodeJS.Timeout | undefined;
    let forget = (): void => {};
    try {
      const given = new Promise<never>((_, fail) => {
        if (signal !== undefined) forget = onAbort(signal, () => fail(abortError(signal)));
        if (timeout === undefined) return;
        timer = setTimeout(() => fail(new TimeoutError(`the end of ${name}`, timeout)), timeout);
      });
      const ended = settled.then(async (result) => {
        // As without logs, all that it has written is where it is to be.
        await Promise.all(this.#passings.map((passing) => passing.settle()));
        return result;
      });
      const result = await place.holding(this.#holder, () => Promise.race([ended, given]));
      if (this.#running.cutShort !== undefined) throw this.#running.cutShort;
      return result;
    } finally {
      clearTimeout(timer);
      forget();
    }
  }
}
