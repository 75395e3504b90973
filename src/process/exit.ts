/** How a process ended. */
import type { NativeExit } from '../handle/native.ts';
import { signalName } from './signals.ts';

/** What a process used, and its descendants that were waited for: getrusage(2). */
export interface ProcessUsage {
  /** CPU time, in microseconds. */
  readonly userTime: number;
  readonly systemTime: number;
  /** The largest resident set, in bytes. Of a spawned process at least that of the program that spawned it. */
  readonly maxRss: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** File system reads and writes that went to a disk, in blocks of 512 bytes. */
  readonly blocksIn: number;
  readonly blocksOut: number;
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
}

/**
 * `exited` by itself, `killed` by a signal, or `unknown`: the kernel tells how a process ended only to its parent
 * and, since Linux 6.15, to those who held a pidfd of it while its parent reaped it.
 *
 * `usage` is told to the parent alone.
 */
export type ProcessExit =
  | { readonly reason: 'exited'; readonly exitCode: number; readonly usage?: ProcessUsage }
  | {
      readonly reason: 'killed';
      /** 'SIGKILL', or 'SIG40' for one without a name. */
      readonly signal: string;
      readonly coreDumped: boolean;
      readonly usage?: ProcessUsage;
    }
  | { readonly reason: 'unknown' };

export function processExit({ signaled, coreDumped, status, usage }: NativeExit): ProcessExit {
  const used = usage === undefined ? {} : { usage };
  if (!signaled) return { reason: 'exited', exitCode: status, ...used };
  return { reason: 'killed', signal: signalName(status), coreDumped, ...used };
}
