/** What is waited for, on a terminal: one line on stderr, which is gone when that is over. In a pipe there is nothing of it. */
import { Cgroup } from '../cgroup/index.ts';
import { formatDuration } from '../system/config/durations.ts';
import { isGone } from '../system/list.ts';

/** Milliseconds until a wait is long, and until its line is drawn anew. */
const LONG = 1000;
const AGAIN = 500;

const ERASE = '\r\u001b[K';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Wait {
  /** Completes 'waiting for'. */
  readonly what: string;
  /** The cgroup whose processes are waited for. */
  readonly cgroup: string;
  /** Milliseconds that it may take. */
  readonly timeout?: number | undefined;
}

export class Progress implements Disposable {
  readonly #wait: Wait;
  readonly #began = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;
  #over = false;

  constructor(wait: Wait, silent = false) {
    this.#wait = wait;
    if (silent || !process.stderr.isTTY || process.env.TERM === 'dumb') return;
    this.#drawIn(LONG);
  }

  #drawIn(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#draw(), milliseconds).unref();
  }

  async #draw(): Promise<void> {
    const left = await processesLeft(this.#wait.cgroup);
    if (this.#over) return;
    if (!this.#drawn) for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    this.#drawn = true;
    const text = progressText(this.#wait, performance.now() - this.#began, left);
    // A line that is broken in two is not erased by what erases one.
    process.stderr.write(ERASE + text.slice(0, (process.stderr.columns || 80) - 1));
    this.#drawIn(AGAIN);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    // It would have ended us, had nobody listened.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
    if (!this.#drawn) return;
    this.#drawn = false;
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    process.stderr.write(ERASE);
  }
}

/** 'cofferdam: waiting for the end of one: 12s of 30s, 3 processes left' */
export function progressText({ what, timeout }: Wait, elapsed: number, left: number | undefined): string {
  const seconds = (time: number): string => formatDuration(Math.floor(time / 1000) * 1000);
  const limit = timeout === undefined ? '' : ` of ${formatDuration(timeout)}`;
  const count = left === undefined ? '' : `, ${left} ${left === 1 ? 'process' : 'processes'} left`;
  return `cofferdam: waiting for ${what}: ${seconds(elapsed)}${limit}${count}`;
}

/** But pid 1, which is ours. Undefined where nobody can tell. */
async function processesLeft(path: string): Promise<number | undefined> {
  try {
    await using cgroup = await Cgroup.open(path);
    return Math.max(0, cgroup.tree().reduce((sum, { pids }) => sum + pids.length, 0) - 1);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
