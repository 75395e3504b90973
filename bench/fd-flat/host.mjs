// What systems could leave on their host, read from the kernel's own files: for one who asks before and after.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const list = (path) => {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    // Gone meanwhile, or of a process that is exiting.
    return [];
  }
};
const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
const link = (path) => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

/** This process and all that descend from it: pid and command. */
function processes() {
  const table = new Map();
  for (const { name } of list('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== undefined && state !== 'Z')
      table.set(Number(name), {
        parent: Number(parent),
        command: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      });
  }
  const isOurs = (pid) => {
    for (let at = pid; at > 1; at = table.get(at)?.parent ?? 0) if (at === process.pid) return true;
    return false;
  };
  return [...table].filter(([pid]) => isOurs(pid));
}

/** A group and all below it. */
function cgroups(path) {
  const below = list(path).filter((entry) => entry.isDirectory());
  return [path, ...below.flatMap(({ name }) => cgroups(`${path}/${name}`))];
}

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/** Each thing by a line that names it; of cgroups those of `group`. */
export function hostState(group) {
  const mountinfo = read('/proc/self/mountinfo').trim().split('\n');
  const ours = processes();
  return new Set([
    ...ours.map(([pid, { command }]) => `process ${pid} ${command}`),
    ...ours.flatMap(([pid]) => NAMESPACES.map((name) => `namespace ${link(`/proc/${pid}/ns/${name}`)}`)),
    ...mountinfo.map((line) => `mount ${line.split(' ').slice(3, 5).join(' on ')}`),
    ...mountinfo
      .filter((line) => line.includes(' - cgroup2 '))
      .flatMap((line) => cgroups(`${line.split(' ')[4]}/${group}`).map((path) => `cgroup ${path}`)),
    ...['/run/netns', '/sys/class/net', '/dev/shm'].flatMap((path) =>
      list(path).map(({ name }) => `file ${path}/${name}`),
    ),
  ]);
}

/** What is there now and was not before. */
export function leftSince(before, group) {
  return [...hostState(group)].filter((line) => !before.has(line));
}
