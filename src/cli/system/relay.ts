/** Signals that somebody sends to `cofferdam run` and means for its program. */
import { constants } from 'node:os';
import { SystemError } from '../../handle/errors.ts';
import { type AttachedSystem, type Command, System } from '../../system/index.ts';
import { inForeground } from '../foreground.ts';

const PASSED_ON = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;

/** Of those, what ends us before there is a program. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'];

export interface RelayTarget {
  /** Ours, and all in it means the program; or another's, where much is not meant. */
  readonly box: System | AttachedSystem;
  readonly command: Command;
  /** What a second SIGINT does. */
  hasten(): Promise<unknown>;
}

export class SignalRelay implements Disposable {
  readonly #before = new AbortController();
  /** Since there is a system: for a program that has just been begun. */
  #kept: NodeJS.Signals[] | undefined;
  #target: RelayTarget | undefined;
  #interrupts = 0;
  /** What ended us while the system was being made. */
  ended: NodeJS.Signals | undefined;

  constructor() {
    for (const signal of PASSED_ON) process.on(signal, this.#onSignal);
  }

  /** Aborts when there is no more reason to make a system. */
  get signal(): AbortSignal {
    return this.#before.signal;
  }

  keep(): void {
    this.#kept = [];
  }

  passOnTo(target: RelayTarget): void {
    this.#target = target;
    for (const signal of this.#kept ?? []) this.#onSignal(signal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#target === undefined) {
      this.#kept?.push(signal);
      if (this.#kept !== undefined || !ENDING.includes(signal)) return;
      this.ended ??= signal;
      this.#before.abort();
      return;
    }
    const { box, command, hasten } = this.#target;
    // The terminal means all of a job; whoever has our pid means the one program.
    const all = (signal === 'SIGINT' || signal === 'SIGQUIT') && inForeground();
    let sent: Promise<unknown>;
    if (signal === 'SIGINT' && ++this.#interrupts > 1) sent = hasten();
    else sent = all && box instanceof System ? box.kill(signal) : command.kill(signal);
    sent.catch((error: unknown) => {
      // It has just ended.
      if (box.end === undefined && !(error instanceof SystemError && error.code === 'ESRCH')) throw error;
    });
  };

  [Symbol.dispose](): void {
    for (const signal of PASSED_ON) process.off(signal, this.#onSignal);
  }
}

/** 128 and the number, as a shell says it. */
export function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
