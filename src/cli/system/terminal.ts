/** Our terminal, as long as a program in a system has it: raw meanwhile, and afterwards as it was, whatever happens. */
import { once } from 'node:events';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { loadBinding } from '../../handle/index.ts';
import type { RunOptions, Terminal } from '../../system/index.ts';

/** Milliseconds that output has to come where somebody who runs on has kept the terminal. */
const LAST_WORDS = 200;

/** Bytes that may be on their way when a program has ended: what its terminal and ours keep, with room to spare. */
const UNDER_WAY = 0x4_0000;

const STDIN = 0;

const ourSize = (): { columns: number; rows: number } => ({
  columns: process.stdout.columns || 80,
  rows: process.stdout.rows || 24,
});

/** Where a program's fds lead: a terminal of the system's own where stdin and stdout are ours, otherwise what we have. */
export function stdioOptions(noTerminal: boolean): Pick<RunOptions, 'stdio' | 'size'> {
  if (noTerminal || !process.stdin.isTTY || !process.stdout.isTTY) return { stdio: 'inherit' };
  return { stdio: ['pty', 'pty', process.stderr.isTTY ? 'pty' : 'inherit'], size: ourSize() };
}

export class TerminalRelay implements Disposable {
  readonly #terminal: Terminal | undefined;
  readonly #ended: Promise<unknown>;
  /** Bytes that have come. */
  #received = 0;
  /** How our terminal was. */
  #before: Uint8Array | undefined;

  /** Does nothing for a program without a terminal. */
  constructor(terminal: Terminal | undefined) {
    this.#terminal = terminal;
    this.#ended = terminal === undefined ? Promise.resolve() : once(terminal, 'end').catch(() => {});
    if (terminal === undefined) return;
    process.on('exit', this.#restore);
    process.stdout.on('resize', this.#resize);
    // Node's own raw mode still turns line feeds into two characters, which the other terminal has done already.
    const before = loadBinding().makeRaw(STDIN);
    if (typeof before !== 'number') this.#before = before;
    process.stdin.pipe(terminal, { end: false });
    terminal.pipe(process.stdout, { end: false });
    terminal.on('data', ({ length }: Buffer) => {
      this.#received += length;
    });
    // It may have changed since it was asked for.
    this.#resize();
  }

  /** Resolves when what the program has written is on our terminal. */
  async drained(): Promise<void> {
    const most = this.#received + UNDER_WAY;
    await Promise.race([this.#ended, sleep(LAST_WORDS, undefined, { ref: false })]);
    // Whoever had no CPU for so long has yet to read what came meanwhile.
    for (let before = -1; before < this.#received && this.#received < most; ) {
      before = this.#received;
      await turn();
    }
  }

  readonly #resize = (): void => {
    if (this.#terminal?.destroyed === false) this.#terminal.resize(ourSize());
  };

  readonly #restore = (): void => {
    if (this.#before !== undefined) loadBinding().restoreTerminal(STDIN, this.#before);
    this.#before = undefined;
  };

  [Symbol.dispose](): void {
    if (this.#terminal === undefined) return;
    process.off('exit', this.#restore);
    process.stdout.off('resize', this.#resize);
    process.stdin.unpipe(this.#terminal);
    process.stdin.pause();
    this.#restore();
    this.#terminal.destroy();
  }
}
