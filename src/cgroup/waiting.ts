/** Waiting for a state of a cgroup: by its events, and by looking again now and then. */
import { abortError, ClosedError } from '../handle/index.ts';
import type { WaitOptions } from '../process/index.ts';
import type { CgroupCore } from './core.ts';
import { watchFile } from './file-watch.ts';

/** The kernel tells of a change up to 10 ms late, and processes end sooner: at first we look often. */
const FIRST_PAUSE = 1;
const LAST_PAUSE = 200;

/**
 * Looks until `done` says so; false when `timeout` milliseconds have passed before. What it is about is read anew each
 * time, so that nothing depends on being told.
 *
 * @throws AbortError, ClosedError
 */
export async function waitUntil(
  core: CgroupCore,
  done: () => boolean,
  { signal, timeout = Number.POSITIVE_INFINITY }: WaitOptions,
  idle = false,
): Promise<boolean> {
  const deadline = performance.now() + timeout;
  let wake = (): void => {};
  const watch = watchFile(core.native, 'cgroup.events', () => wake());
  const onAbort = () => wake();
  const forget = core.onClose(() => wake());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, idle ? 5 * LAST_PAUSE : LAST_PAUSE)) {
      if (signal?.aborted) throw abortError(signal);
      if (core.state !== 'open') throw new ClosedError(`the cgroup ${core.path} is closed`);
      if (done()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(pause, left));
        if (idle) timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    if (typeof watch !== 'number') watch.close();
    forget();
    signal?.removeEventListener('abort', onAbort);
  }
}
