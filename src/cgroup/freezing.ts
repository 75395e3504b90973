/** Stops and starts all of a cgroup: cgroup.freeze, Documentation/admin-guide/cgroup-v2.rst. */
import { loadBinding, systemError, TimeoutError } from '../handle/index.ts';
import type { WaitOptions } from '../process/index.ts';
import { writeAside } from './aside.ts';
import { below } from './controllers.ts';
import type { CgroupCore } from './core.ts';
import { checkFeeds } from './event-feed.ts';
import { hierarchy, splitPath } from './hierarchy.ts';
import { isFrozen, refuseSuicide } from './removal.ts';
import { waitUntil } from './waiting.ts';

/** Milliseconds that a freeze or a thaw may take. */
const FREEZE_TIMEOUT = 5000;

/** Resolves when all of them have stopped, or go on. @throws TimeoutError, AbortError, ClosedError, SystemError */
export async function setFrozen(core: CgroupCore, frozen: boolean, options: WaitOptions): Promise<void> {
  core.demandOpen();
  if (frozen) refuseSuicide(core);
  const result = await writeAside(core.native, 'cgroup.freeze', frozen ? '1' : '0');
  if (result < 0) {
    if (core.path !== '/') core.demandThere();
    throw systemError(result, 'write', { path: core.file('cgroup.freeze') });
  }
  const { timeout = FREEZE_TIMEOUT } = options;
  const done = () => {
    core.demandThere();
    return isFrozen(core.native) === frozen || (!frozen && isFrozenAbove(core.path));
  };
  if (await waitUntil(core, done, { ...options, timeout })) {
    // Before it can be undone: the kernel tells late, and nothing of what came and went in between.
    checkFeeds(core.inode);
    return;
  }
  throw new TimeoutError(`${frozen ? 'freezing' : 'thawing'} ${core.path}`, timeout);
}

/** Whether a cgroup above it is to be frozen, and all below with it. */
function isFrozenAbove(path: string): boolean {
  for (let at = path; at !== '/'; ) {
    // Up to '/' itself: where a part of the tree is mounted, that can be frozen, too.
    at = splitPath(at).parent;
    const above = loadBinding().openCgroup(hierarchy().mount, below(at));
    if (typeof above === 'number') continue;
    const text = above.read('cgroup.freeze');
    above.close();
    if (typeof text === 'string' && text.startsWith('1')) return true;
  }
  return false;
}
