/**
 * Where programs of others run: in a cgroup that the bench made, which is the root of the only hierarchy that they see, as
 * on a host of version 2 alone. What they make there is known and can be removed; the host's other hierarchies are not
 * mounted in their mount namespace, and so out of their reach.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const hierarchy = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '))
  ?.split(' ')[4];
if (hierarchy === undefined) throw new Error('no cgroup2 here');

// The shell keeps its pid through both: whoever started it knows the program's.
const ENTER = 'echo $$ > "$0/cgroup.procs" && exec unshare --mount --cgroup --propagation private "$@"';
const SEE = 'umount --recursive /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';

/** `argv`, in the cgroup of that path. */
export const inWorld = (group, argv) => ['sh', '-c', ENTER, group, 'sh', '-c', SEE, 'world', ...argv];

export const makeGroup = (name) => {
  const path = join(hierarchy, name);
  mkdirSync(path);
  return path;
};

/** All cgroups below, the deepest first. */
export function groupsBelow(group) {
  if (!existsSync(group)) return [];
  return readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [...groupsBelow(join(group, name)), join(group, name)]);
}

/** Who is in it, or below; zombies are not. */
export function processesIn(group) {
  return [...groupsBelow(group), group].flatMap((path) => {
    try {
      return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** Ends all that is in it, and removes it with all below. */
export async function removeGroup(group) {
  if (!existsSync(group)) return;
  writeFileSync(join(group, 'cgroup.kill'), '1');
  const deadline = performance.now() + 5000;
  for (;;) {
    try {
      for (const path of [...groupsBelow(group), group]) rmdirSync(path);
      return;
    } catch (error) {
      if (error.code === 'ENOENT') continue;
      if (error.code !== 'EBUSY' || performance.now() > deadline) throw error;
      await sleep(1);
    }
  }
}
