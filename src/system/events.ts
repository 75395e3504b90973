/** What happens to a system, for a program that reads it. */
import { onAbort } from '../handle/abort-watch.ts';
import { abortError } from '../handle/index.ts';
import type { SystemCore } from './core.ts';
import type { SystemEvent } from './monitor.ts';

/** So many wait for a slow reader; then the oldest are forgotten. */
const MOST_WAITING = 256;

/** From the first that is asked for to the end of the system. `holder` is kept from the collector while somebody waits. */
export async function* systemEvents(
  core: SystemCore,
  holder: object,
  signal: AbortSignal | undefined,
): AsyncGenerator<SystemEvent, void, undefined> {
  const queue: SystemEvent[] = [];
  let wake = (): void => {};
  const leave = core.listen({
    onEvent(event) {
      queue.push(event);
      if (queue.length > MOST_WAITING) queue.shift();
      wake();
    },
    onEnd: () => wake(),
  });
  const forget = signal === undefined ? undefined : onAbort(signal, () => wake());
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      const event = queue.shift();
      if (event !== undefined) yield event;
      else if (core.end !== undefined || core.state !== 'open') return;
      else
        await core.programs.holding(holder, () => {
          return new Promise<void>((resolve) => {
            wake = resolve;
          });
        });
    }
  } finally {
    leave();
    forget?.();
  }
}
