/** What systems leave behind where owner, supervisor and janitor were all killed: their cgroups, and nothing else. */
import { removeOrphans } from '../cgroup/index.ts';
import { SYSTEM_ATTRIBUTE } from './limits.ts';

/** As native/supervisor/reclaim.h has it. */
const GROUP_ATTRIBUTE = 'user.cofferdam.group';

/**
 * Removes systems whose owner, supervisor and janitor are gone, on this host: proven by identity and lease, never guessed by
 * a name. System.create does it once in each process. Paths of the cgroups removed.
 */
export async function reclaimSystems(): Promise<string[]> {
  return await removeOrphans({
    isOne: (cgroup) => typeof cgroup.attribute(SYSTEM_ATTRIBUTE) === 'string',
    isGroup: (cgroup) => typeof cgroup.attribute(GROUP_ATTRIBUTE) === 'string',
  });
}

let reclaimed: Promise<unknown> | undefined;

/** The first start of a process clears away what others could not. */
export async function reclaimOnce(): Promise<void> {
  reclaimed ??= reclaimSystems();
  await reclaimed;
}
