/** How a run ended, in words and as a record. */

import { formatDuration } from '../../system/config/durations.ts';
import type { SystemSpec } from '../../system/config/index.ts';
import type { RunResult, System, SystemEnd, SystemEvent } from '../../system/index.ts';
import { bytes } from '../cgroup/show.ts';
import type { JsonObject } from '../show/view.ts';

/** Undefined where the program ended by itself, or by a signal that was meant for it. */
export function endText(spec: SystemSpec, { reason }: RunResult, end: SystemEnd): string | undefined {
  switch (end.reason) {
    case 'closed':
    case 'stopped':
    case 'aborted':
      break;
    case 'oom':
      return outOfMemory(spec);
    case 'timeout':
      return `timeout after ${formatDuration(spec.lifecycle.timeout)}`;
    case 'memory':
    case 'cpu':
    case 'pids':
      return `too much ${end.reason} for too long, and monitoring.action is stop`;
    case 'pressure':
      return 'the host was short of something, and its owner ended it';
    case 'supervisor':
      return 'the supervisor was killed, and the system with it';
    case 'init':
      return 'pid 1 of the system was killed, and the system with it';
    default:
      return `the system ended: ${end.reason}`;
  }
  return reason === 'oom' ? outOfMemory(spec) : undefined;
}

function outOfMemory({ limits }: SystemSpec): string {
  return `out of memory (memory.max ${bytes(limits.memory?.max)})`;
}

/** Times in milliseconds but for those of `usage`, which are the library's. */
export function endRecord(
  box: System,
  result: RunResult,
  end: SystemEnd,
  duration: number,
  events: readonly SystemEvent[],
): JsonObject {
  const { name, cgroup, warnings, spec } = box;
  const { exitCode, signal, reason, usage } = result;
  return {
    name,
    group: spec.group,
    cgroup,
    exitCode,
    signal: signal ?? null,
    reason,
    end: end.reason,
    duration: Math.round(duration),
    usage: usage === undefined ? null : { ...usage },
    statistics: end.statistics,
    exports: end.exports.map(({ error, ...one }) => ({ ...one, error: error?.message ?? null })),
    warnings: [...warnings],
    events: events.map((event) => ({ ...event })),
  } as JsonObject;
}
