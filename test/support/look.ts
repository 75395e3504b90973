import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after which what comes by itself has come, also on a machine that is ten times slower than any of ours. */
const PATIENCE = 20_000;

/**
 * Looks until it is fine, and returns what was seen last, which the caller judges. For a kernel that goes on by itself:
 * carriers and addresses come up, packets are sent and counted, also between the looks of two programs.
 */
export async function lookUntil<T>(
  look: () => T | Promise<T>,
  isFine: (seen: T) => boolean,
  patience = PATIENCE,
): Promise<T> {
  for (const deadline = performance.now() + patience; ; await sleep(100)) {
    const seen = await look();
    if (isFine(seen) || performance.now() > deadline) return seen;
  }
}

/**
 * Turns of the event loop, in each of which it polls: whatever the kernel has told our sockets so far is read, however
 * long a turn takes. A single timer may be served before the poll.
 */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(2);
}
