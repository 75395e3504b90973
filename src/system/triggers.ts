/** What ends a system besides its time: CPU time that is used up, and nothing being done. */
import type { SystemSpec } from './config/index.ts';
import type { EndReason } from './result.ts';
import { readCpuTime } from './usage.ts';

/** Milliseconds between two looks, at the least and as a part of what is looked for. */
const SHORTEST = 20;
const PART = 10;

/**
 * Looks at a system from time to time, where its configuration asks for it. Idle is who has used no CPU time at all since
 * the last look. `end` is called once.
 */
export function watchTriggers(
  { lifecycle, monitoring }: SystemSpec,
  cgroup: string,
  end: (reason: EndReason) => void,
): () => void {
  const { cpuTime: most, idleTimeout } = lifecycle;
  if (most === undefined && idleTimeout === undefined) return () => {};
  const shortest = Math.min(most ?? Number.POSITIVE_INFINITY, idleTimeout ?? Number.POSITIVE_INFINITY);
  let last = readCpuTime(cgroup) ?? 0;
  let since = performance.now();
  const timer = setInterval(
    () => {
      const used = readCpuTime(cgroup);
      if (used === undefined) return;
      const now = performance.now();
      if (used > last) since = now;
      last = used;
      if (most !== undefined && used >= most) end('cpu_time');
      else if (idleTimeout !== undefined && now - since >= idleTimeout) end('idle');
      else return;
      clearInterval(timer);
    },
    Math.max(SHORTEST, Math.min(monitoring.interval, shortest / PART)),
  ).unref();
  return () => clearInterval(timer);
}
