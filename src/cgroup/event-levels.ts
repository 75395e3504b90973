/** What the events files of a cgroup say, and what has happened between two readings. Pure. */

export type PressureResource = 'cpu' | 'memory' | 'io';

/** What happens to a cgroup. Counts are of this cgroup and all below it. */
export type CgroupEvent =
  /** The first process came, here or below, or the last one ended. */
  | { readonly type: 'populated'; readonly populated: boolean }
  /** Every process is frozen, or one goes on. */
  | { readonly type: 'frozen'; readonly frozen: boolean }
  /** memory.max was reached, and reclaim did not help: an allocation failed, or the OOM killer came. */
  | { readonly type: 'oom'; readonly count: number }
  /** So many processes were killed by the OOM killer. */
  | { readonly type: 'oomKill'; readonly count: number }
  /** memory.max was about to be exceeded, or a fork was refused by pids.max. */
  | { readonly type: 'max'; readonly controller: 'memory' | 'pids'; readonly count: number }
  /** memory.high was exceeded, and tasks were slowed down. */
  | { readonly type: 'high'; readonly count: number }
  /** A PSI trigger fired. */
  | {
      readonly type: 'pressure';
      readonly resource: PressureResource;
      readonly level: 'some' | 'full';
    }
  /** The cgroup is gone; nothing comes after it. */
  | { readonly type: 'removed' };

/** One reading. A file that is not there has no entries. */
export interface Levels {
  readonly populated: boolean;
  readonly frozen: boolean;
  readonly memory: ReadonlyMap<string, number>;
  readonly pids: ReadonlyMap<string, number>;
}

/** A flat keyed file: `populated 1`, `oom_kill 3`. */
export function parseFlat(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

export function parseLevels(events: string, memory: string, pids: string): Levels {
  const states = parseFlat(events);
  return {
    populated: states.get('populated') === 1,
    frozen: states.get('frozen') === 1,
    memory: parseFlat(memory),
    pids: parseFlat(pids),
  };
}

/**
 * What has happened, in the order in which it must have: what ended the processes before the end of them. Equal readings
 * have no events, so reading once too often does no harm.
 */
export function compareLevels(before: Levels, after: Levels): CgroupEvent[] {
  const grown = (of: 'memory' | 'pids', key: string): number =>
    Math.max(0, (after[of].get(key) ?? 0) - (before[of].get(key) ?? 0));
  const found: CgroupEvent[] = [];
  const high = grown('memory', 'high');
  if (high > 0) found.push({ type: 'high', count: high });
  const max = grown('memory', 'max');
  if (max > 0) found.push({ type: 'max', controller: 'memory', count: max });
  const refused = grown('pids', 'max');
  if (refused > 0) found.push({ type: 'max', controller: 'pids', count: refused });
  const oom = grown('memory', 'oom');
  if (oom > 0) found.push({ type: 'oom', count: oom });
  const killed = grown('memory', 'oom_kill');
  if (killed > 0) found.push({ type: 'oomKill', count: killed });
  if (before.frozen !== after.frozen) found.push({ type: 'frozen', frozen: after.frozen });
  if (before.populated !== after.populated) found.push({ type: 'populated', populated: after.populated });
  return found;
}

/**
 * The same news in fewer events, for a reader who is far behind: the last state of each kind, and sums of counts. In
 * the order of the last ones.
 */
export function foldEvents(events: readonly CgroupEvent[]): CgroupEvent[] {
  const last = new Map<string, CgroupEvent>();
  for (const event of events) {
    const key = keyOf(event);
    const earlier = last.get(key);
    last.delete(key);
    if (earlier !== undefined && 'count' in earlier && 'count' in event) {
      last.set(key, { ...event, count: event.count + earlier.count });
    } else last.set(key, event);
  }
  return [...last.values()];
}

function keyOf(event: CgroupEvent): string {
  if (event.type === 'max') return `max ${event.controller}`;
  if (event.type === 'pressure') return `pressure ${event.resource} ${event.level}`;
  return event.type;
}
