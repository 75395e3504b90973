/** Makes the garbage collector's effects happen while a test waits. Needs --expose-gc. */
import { setImmediate as immediate } from 'node:timers/promises';

/** Collects until `done` says so, or fails after `rounds`. Finalizers run in turns of the loop after a gc. */
export async function collectUntil(done: () => boolean, rounds = 200): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await collect();
    if (done()) return;
  }
  throw new Error(`not collected in ${rounds} rounds of garbage collection`);
}

/** One round: long enough for what is garbage now, if nothing else refers to it. */
export async function collect(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
  await immediate();
  await immediate();
}
