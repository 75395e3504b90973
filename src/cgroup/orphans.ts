/** Cgroups whose owner is gone, wherever they are in the tree. */
import { setImmediate as turn } from 'node:timers/promises';
import { loadBinding, type NativeCgroup } from '../handle/index.ts';
import { Pidfd, type ProcessIdentity } from '../process/index.ts';
import { CgroupCore } from './core.ts';
import { hierarchy, joinPath } from './hierarchy.ts';
import { INTENT, NAME_PREFIX, readIdentity } from './identity.ts';
import { removeTree } from './removal.ts';

/** Directories looked at before the event loop gets a turn. */
const PER_TURN = 100;

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
    await visit(root, '/', search, removed, { count: 0 });
  } finally {
    root.close();
  }
  return removed;
}

async function visit(
  parent: NativeCgroup,
  path: string,
  search: OrphanSearch,
  removed: string[],
  looked: { count: number },
): Promise<void> {
  const names = parent.children();
  for (const name of typeof names === 'number' ? [] : names) {
    if (++looked.count % PER_TURN === 0) await turn();
    const cgroup = parent.open(name);
    // Removed meanwhile.
    if (typeof cgroup === 'number') continue;
    const own = joinPath(path, name);
    if (isOrphan(name, cgroup, search)) {
      const core = new CgroupCore(cgroup, own);
      try {
        await removeTree(core, { recursive: true });
        removed.push(own);
      } catch {
        // Processes that do not end: it stays an orphan, for the next search.
        core.close();
      }
      continue;
    }
    const { inode } = cgroup;
    if (await wasIntended(parent, name, cgroup)) {
      cgroup.close();
      // Refused where anybody is in it.
      if (parent.remove(name, inode) === 0) removed.push(own);
      continue;
    }
    const group = search.isGroup(cgroup);
    await visit(cgroup, own, search, removed, looked);
    cgroup.close();
    // Refused while anything is left in it.
    if (group && parent.remove(name, inode) === 0) removed.push(own);
  }
}

function isOrphan(name: string, cgroup: NativeCgroup, { isOne }: OrphanSearch): boolean {
  return (
    name.startsWith(NAME_PREFIX) && isOne(cgroup) && readIdentity(cgroup) !== undefined && cgroup.lock() === 0
  );
}

/** Without marks, because who was about to mark it was killed in between. */
async function wasIntended(parent: NativeCgroup, name: string, cgroup: NativeCgroup): Promise<boolean> {
  if (!name.startsWith(NAME_PREFIX) || readIdentity(cgroup) !== undefined) return false;
  const owner = readIdentity(parent, `${INTENT}${name}`);
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
