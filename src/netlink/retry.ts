/** Doing a dump again that changes or a full receive buffer disturbed. */
import { DumpInterruptedError, NetlinkError, OverrunError } from './error.ts';

/**
 * How often one dump is tried. Under constant churn of addresses about a third of the dumps are interrupted: ten
 * in a row are one in 40,000.
 */
export const MAX_ATTEMPTS = 10;

/** Milliseconds. */
const LONGEST_PAUSE = 32;

/**
 * Whether another attempt can end better. EBUSY and ENOBUFS: the kernel is not through with a dump of this socket
 * that an overrun cut off from us.
 */
export function isWorthRepeating(error: unknown): boolean {
  if (error instanceof NetlinkError) return error.code === 'EBUSY' || error.code === 'ENOBUFS';
  return error instanceof DumpInterruptedError || error instanceof OverrunError;
}

/** A random pause that grows with the attempts, so that two who disturb each other fall out of step. */
export function pause(attempt: number, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(2 ** attempt, LONGEST_PAUSE);
  return new Promise((resolve) => {
    // The attempt that follows looks at the signal: here it only has to come soon.
    setTimeout(resolve, signal?.aborted ? 0 : Math.random() * longest);
  });
}
