/** A walk over cgroups by their fds: nothing that happens to a path meanwhile leads it elsewhere. */
import { setImmediate as turn } from 'node:timers/promises';
import type { NativeCgroup } from '../handle/index.ts';
import { joinPath } from './hierarchy.ts';

/** Directories looked at before the event loop gets a turn. */
const PER_TURN = 100;

export class CgroupWalk {
  #looked = 0;

  /** Opens each cgroup directly below, and closes it when `visit` is done. What is removed meanwhile is left out. */
  async children(
    parent: NativeCgroup,
    path: string,
    visit: (cgroup: NativeCgroup, name: string, path: string) => Promise<void>,
  ): Promise<void> {
    const names = parent.children();
    for (const name of typeof names === 'number' ? [] : names) {
      if (++this.#looked % PER_TURN === 0) await turn();
      const cgroup = parent.open(name);
      if (typeof cgroup === 'number') continue;
      try {
        await visit(cgroup, name, joinPath(path, name));
      } finally {
        cgroup.close();
      }
    }
  }
}
