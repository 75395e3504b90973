import { readFileSync } from 'node:fs';
import { parseMountinfo } from '../../handle/mountinfo.ts';

/** Which cgroup hierarchies there are: cgroups(7). Found by /proc/self/mountinfo, never by an assumed path. */
export interface CgroupMode {
  /** `unified`: version 2 alone. `hybrid`: version 1 controllers beside a version 2 tree. */
  readonly mode: 'unified' | 'hybrid' | 'v1' | 'none';
  /** Where cgroup2 is mounted. */
  readonly mount: string | undefined;
  /** Controllers that version 2 has. */
  readonly controllers: readonly string[];
  /** Controllers mounted as version 1. */
  readonly v1Controllers: readonly string[];
}

const NOT_CONTROLLERS = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children']);

function readControllers(mount: string): string[] {
  try {
    return readFileSync(`${mount}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

export function cgroupMode(
  mountinfo: string = readFileSync('/proc/self/mountinfo', 'utf8'),
  controllersOf: (mount: string) => string[] = readControllers,
): CgroupMode {
  let mount: string | undefined;
  const v1 = new Set<string>();
  for (const { type, path, superOptions } of parseMountinfo(mountinfo)) {
    if (type === 'cgroup2') mount ??= path;
    if (type !== 'cgroup') continue;
    for (const option of superOptions) {
      // name=systemd is a tree without a controller; release_agent= and the like are settings.
      if (option !== '' && !option.includes('=') && !NOT_CONTROLLERS.has(option)) v1.add(option);
    }
  }
  const controllers = mount === undefined ? [] : controllersOf(mount);
  const v1Controllers = [...v1].sort();
  const mode = mount === undefined ? (v1.size > 0 ? 'v1' : 'none') : v1.size > 0 ? 'hybrid' : 'unified';
  return { mode, mount, controllers, v1Controllers };
}
