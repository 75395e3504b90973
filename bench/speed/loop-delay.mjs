/** How long the event loop was held while something ran, in milliseconds: a timer of 1 ms, and how late it was. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION = 1;

export async function withLoopDelay(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  const result = await work();
  // One more turn, so that the last hold is counted, too.
  await new Promise((resolve) => setTimeout(resolve, 2 * RESOLUTION));
  delay.disable();
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return { result, loop: { p99: late(delay.percentile(99)), max: late(delay.max) } };
}
