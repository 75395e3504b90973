/** What becomes of a leak once it is found. */
import { describeHandle, type LeakReport, type OnLeak } from './handle-info.ts';

/**
 * A handle was garbage collected without close(). Its fd has been closed, by luck: when the collector runs is
 * nobody's promise, and until then the fd was lost.
 *
 * Emitted on process 'warning'; with `handles.onLeak = 'throw'` it is an uncaught exception.
 */
export class ResourceLeakWarning extends Error {
  readonly code = 'COFFERDAM_LEAK';
  readonly leak: LeakReport;
  /** Node prints it below the message. */
  readonly detail: string;

  constructor(leak: LeakReport) {
    super(`${describeHandle(leak)}, was garbage collected without close()`);
    this.name = 'ResourceLeakWarning';
    this.leak = leak;
    // The collector's stack says nothing; where the handle was opened says everything.
    this.stack = leak.stack === undefined ? `${this}` : `${this}\n${leak.stack}`;
    this.detail =
      leak.stack === undefined
        ? 'Hold it with `using` or call close(). handles.recordStacks = true shows where it was opened.'
        : `Hold it with \`using\` or call close(). It was opened here:\n${leak.stack}`;
  }
}

/** Does what `handles.onLeak` says. Never throws into the collector's callback. */
export function announceLeak(leak: LeakReport, action: OnLeak): void {
  if (action === 'ignore') return;
  if (action === 'warn') {
    process.emitWarning(new ResourceLeakWarning(leak));
    return;
  }
  // A tick of its own: what is thrown here is an uncaught exception, and does not keep the collector's callback
  // from reporting the next leak.
  process.nextTick(() => {
    if (action === 'throw') throw new ResourceLeakWarning(leak);
    action(leak);
  });
}
