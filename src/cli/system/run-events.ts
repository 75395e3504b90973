/** What is said while a program runs in a system: what that uses too much of for too long. */
import { formatDuration } from '../../system/config/durations.ts';
import type { System, SystemEvent } from '../../system/index.ts';
import { bytes } from '../cgroup/show.ts';

/** 'cpu: 0.50 of 0.50 CPUs for 15s, which is beyond 90%' */
export function eventText({ type, resource, used, limit, threshold, duration }: SystemEvent): string {
  const percent = `${+(threshold * 100).toFixed(2)}%`;
  const time = duration < 1000 ? Math.round(duration) : Math.round(duration / 1000) * 1000;
  const sentence =
    type === 'over'
      ? `for ${formatDuration(time)}, which is beyond ${percent}`
      : `again, after ${formatDuration(time)} beyond ${percent}`;
  return `${resource}: ${amounts(resource, used, limit)} ${sentence}`;
}

function amounts(resource: SystemEvent['resource'], used: number, limit: number): string {
  if (resource === 'memory') return `${bytes(used)} of ${bytes(limit)}`;
  if (resource === 'cpu') return `${used.toFixed(2)} of ${limit.toFixed(2)} CPUs`;
  return `${used} of ${limit} processes`;
}

/** Tells each; resolves with all of them when the system has ended. */
export async function followEvents(
  box: System,
  tell: (event: SystemEvent) => void,
): Promise<readonly SystemEvent[]> {
  const events: SystemEvent[] = [];
  for await (const event of box.events()) {
    events.push(event);
    tell(event);
  }
  return events;
}
