/** Ends systems while the host is short of something, those first that it can do without. */
import { type PressureThreshold, PressureTrigger } from '../cgroup/index.ts';
import { checkInteger } from '../handle/checks.ts';
import { abortError, InvalidArgumentError, TimeoutError } from '../handle/index.ts';
import { running } from './core.ts';
import { type PressureRank, Ranking } from './ranking.ts';
import type { SystemEnd } from './result.ts';

export interface ReclaimUnderPressureOptions {
  /**
   * When the host is short of something. Default: of memory, where all its tasks together stood still for 200 ms of two
   * seconds (`full`, Documentation/accounting/psi.rst).
   */
  readonly pressure?: PressureThreshold | undefined;
  /** A system that waited for it itself in such a part of the last ten seconds endangers others. Default: 0.1. */
  readonly endangering?: number | undefined;
  /** Milliseconds without any CPU time, after which a system is idle. Default: 10,000. */
  readonly idleAfter?: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL: the host is short of it now. Default: 5,000. */
  readonly gracePeriod?: number | undefined;
  /** Ends the iteration, with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReclaimedSystem {
  readonly name: string;
  readonly group: string;
  readonly rank: PressureRank;
  /** Its `reason` is `pressure`. */
  readonly end: SystemEnd;
}

const SHORT_OF_MEMORY: PressureThreshold = {
  resource: 'memory',
  level: 'full',
  stall: 200_000,
  window: 2_000_000,
};

/**
 * While it is iterated, each time that the host is short of something one system of this thread is ended: of those that
 * endanger the host the worst, else of those that use more than their monitoring allows for the worst, else the one that has
 * been idle for the longest. Systems that do their work within their limits stay. Told by the kernel, not by polling.
 *
 * ```ts
 * for await (const { name, rank } of reclaimUnderPressure({ signal })) console.warn(`${name} ended: ${rank}`);
 * ```
 *
 * It keeps the event loop alive. Systems of a pool that nobody has taken yet are not looked at.
 *
 * @throws as `PressureTrigger.open`; InvalidArgumentError; AbortError
 */
export async function* reclaimUnderPressure(
  options: ReclaimUnderPressureOptions = {},
): AsyncGenerator<ReclaimedSystem, void, undefined> {
  const {
    pressure = SHORT_OF_MEMORY,
    endangering = 0.1,
    idleAfter = 10_000,
    gracePeriod = 5000,
    signal,
  } = options;
  if (!(endangering > 0 && endangering <= 1)) {
    throw new InvalidArgumentError(
      'endangering',
      endangering,
      'is no part of a time',
      'more than 0, up to 1',
    );
  }
  checkInteger('idleAfter', idleAfter, 1, 0x7fff_ffff);
  checkInteger('gracePeriod', gracePeriod, 0, 0x7fff_ffff);
  if (signal?.aborted) throw abortError(signal);
  const trigger = await PressureTrigger.open(pressure);
  const ranking = new Ranking(running, pressure.resource, { idleAfter, endangering });
  try {
    for (;;) {
      await trigger.wait(signal === undefined ? {} : { signal });
      const first = ranking.first();
      if (first === undefined) continue;
      const { core, rank } = first;
      const end = await core.stop('pressure', gracePeriod);
      // Somebody else may have been about to end it.
      if (end.reason === 'pressure') yield { name: core.spec.name, group: core.spec.group, rank, end };
      await forgetFired(trigger);
    }
  } finally {
    ranking.end();
    trigger.close();
  }
}

/** What fired while a system was ended says nothing of the host without it. */
async function forgetFired(trigger: PressureTrigger): Promise<void> {
  try {
    await trigger.wait({ timeout: 1 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
}
