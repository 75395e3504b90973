/** What systems leave behind where owner, supervisor and janitor were all killed: their cgroups, and what they wrote to disk. */
import { removeOrphans } from '../cgroup/index.ts';
import { SYSTEM_ATTRIBUTE } from './limits.ts';
import { reclaimUppers } from './upper.ts';

/** As native/supervisor/reclaim.h has it. */
const GROUP_ATTRIBUTE = 'user.cofferdam.group';

/**
 * Removes systems whose owner, supervisor and janitor are gone, on this host: proven by identity and lease, never guessed by
 * a name. System.create does it once in each process. Paths of the cgroups removed.
 */
export async function reclaimSystems(): Promise<string[]> {
  const uppers = new Set<string>();
  const removed = await removeOrphans({
    isOne(cgroup) {
      const text = cgroup.attribute(SYSTEM_ATTRIBUTE);
      const upper = typeof text === 'string' ? upperOf(text) : undefined;
      if (upper !== undefined) uppers.add(upper);
      return typeof text === 'string';
    },
    isGroup: (cgroup) => typeof cgroup.attribute(GROUP_ATTRIBUTE) === 'string',
  });
  // Those of the living are left alone.
  for (const upper of uppers) await reclaimUppers(upper);
  return removed;
}

/** Where a system writes on disk. */
function upperOf(attribute: string): string | undefined {
  try {
    const { upper } = JSON.parse(attribute) as { upper?: unknown };
    return typeof upper === 'string' ? upper : undefined;
  } catch {
    return undefined;
  }
}

let reclaimed: Promise<unknown> | undefined;

/** The first start of a process clears away what others could not. */
export async function reclaimOnce(): Promise<void> {
  reclaimed ??= reclaimSystems();
  await reclaimed;
}
