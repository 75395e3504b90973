/** Cgroups whose owner is gone, wherever they are in the tree. */
import { loadBinding, type NativeCgroup } from '../handle/index.ts';
import { Pidfd, type ProcessIdentity } from '../process/index.ts';
import { CgroupCore } from './core.ts';
import { hierarchy } from './hierarchy.ts';
import { INTENT, NAME_PREFIX, readIdentity } from './identity.ts';
import { removeTree } from './removal.ts';
import { CgroupWalk } from './walk.ts';

export interface OrphanSearch {
  /** Which of ours are meant: the prefix, an identity and a free lease are looked at besides. */
  readonly isOne: (cgroup: NativeCgroup) => boolean;
  /** Groups that go with the last cgroup in them. */
  readonly isGroup: (cgroup: NativeCgroup) => boolean;
}

/**
 * Removes cgroups that somebody of ours made who is gone: what has the prefix, an identity, and a lease that nobody
 * holds. Paths of those removed. Whoever is alive holds his leases, and a stranger's directory has no identity.
 */
export async function removeOrphans(search: OrphanSearch): Promise<string[]> {
  const root = loadBinding().openCgroup(hierarchy().mount, '.');
  if (typeof root === 'number') return [];
  const removed: string[] = [];
  try {
    await visit(new CgroupWalk(), root, '/', search, removed);
  } finally {
    root.close();
  }
  return removed;
}

async function visit(
  walk: CgroupWalk,
  parent: NativeCgroup,
  path: string,
  search: OrphanSearch,
  removed: string[],
): Promise<void> {
  await walk.children(parent, path, async (cgroup, name, own) => {
    if (isOrphan(name, cgroup, search)) {
      const core = new CgroupCore(cgroup, own);
      try {
        await removeTree(core, { recursive: true });
        removed.push(own);
      } catch {
        // Processes that do not end: it stays an orphan, for the next search.
        core.close();
      }
      return;
    }
    const { inode } = cgroup;
    const group = search.isGroup(cgroup);
    const intended = !group && (await wasIntended(parent, name, cgroup));
    if (!intended) await visit(walk, cgroup, own, search, removed);
    // Refused where anybody is in it, or anything is left.
    if ((intended || group) && parent.remove(name, inode) === 0) removed.push(own);
  });
}

function isOrphan(name: string, cgroup: NativeCgroup, { isOne }: OrphanSearch): boolean {
  return (
    name.startsWith(NAME_PREFIX) && isOne(cgroup) && readIdentity(cgroup) !== undefined && cgroup.lock() === 0
  );
}

/** Without marks, because who was about to mark it was killed in between. Groups may have any name. */
async function wasIntended(parent: NativeCgroup, name: string, cgroup: NativeCgroup): Promise<boolean> {
  const owner = readIdentity(parent, `${INTENT}${name}`);
  if (readIdentity(cgroup) !== undefined) return false;
  return owner !== undefined && cgroup.lock() === 0 && !(await lives(owner));
}

/** Whether a process is there. In doubt it is: what is somebody's is not ours to remove. */
export async function lives(owner: ProcessIdentity): Promise<boolean> {
  try {
    await using process = await Pidfd.open(owner);
    return process.alive;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
