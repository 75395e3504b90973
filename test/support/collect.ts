/** Makes the garbage collector's effects happen while a test waits. Needs --expose-gc. */
import { setImmediate as immediate } from 'node:timers/promises';

/** Milliseconds that whatever ends with what is collected may take on a busy machine: a process, say. */
const PATIENCE = 20_000;

/** Collects until `done` says so, or fails. Finalizers run in turns of the loop after a gc. */
export async function collectUntil(done: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  let rounds = 0;
  for (; rounds < 200 || performance.now() < deadline; rounds++) {
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
