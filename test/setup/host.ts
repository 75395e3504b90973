/**
 * What a test run can leave on its host. Read from the kernel's own files: this watches the library, and so uses
 * nothing of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every process that a run starts inherits this variable, and keeps it when its parent dies. */
export const MARK = 'COFFERDAM_TEST_RUN';

/** Each thing by a line that names it: `netns cofferdam-test-1`. */
export type HostState = ReadonlySet<string>;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone meanwhile, or of a process that is exiting.
    return '';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** `[pid, parent, state]` of every process, from /proc/PID/stat. */
function processTable(): Map<number, { parent: number; state: string }> {
  const table = new Map<number, { parent: number; state: string }>();
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // The command is in parentheses and may hold any character, parentheses too.
    const stat = read(`/proc/${entry}/stat`);
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== undefined && parent !== undefined)
      table.set(Number(entry), { parent: Number(parent), state });
  }
  return table;
}

const commandLine = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

/** Processes that this run started and that still live: our descendants, and whatever carries the mark. */
function processes(run: string): string[] {
  const table = processTable();
  const descends = (pid: number): boolean => {
    for (let at = table.get(pid)?.parent ?? 0; at > 1; at = table.get(at)?.parent ?? 0) {
      if (at === process.pid) return true;
    }
    return false;
  };
  const ours: string[] = [];
  for (const [pid, { state }] of table) {
    // A zombie holds nothing but its number; vitest's own workers are about to be reaped.
    if (pid === process.pid || state === 'Z') continue;
    const marked = read(`/proc/${pid}/environ`).includes(`${MARK}=${run}\0`);
    if (!marked && !descends(pid)) continue;
    const command = commandLine(pid);
    if (/vitest\/dist\/workers\/|esbuild --service/.test(command)) continue;
    ours.push(`process ${pid} ${command}`);
  }
  return ours;
}

/** Directories of every cgroup2 hierarchy, wherever it is mounted. */
function cgroups(): string[] {
  const found: string[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(directory, entry.name);
      found.push(`cgroup ${path}`);
      try {
        walk(path);
      } catch {
        // Removed while it was read.
      }
    }
  };
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    const [head, tail] = line.split(' - ');
    const mountPoint = head?.split(' ')[4];
    if (tail?.startsWith('cgroup2 ') !== true || mountPoint === undefined) continue;
    try {
      walk(mountPoint);
    } catch {
      // Not ours to read.
    }
  }
  return found;
}

const mounts = (): string[] =>
  read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `mount ${line.split(' ').slice(3, 5).join(' on ')}`);

/** Everything there is now. `run` is the value of {@link MARK}. */
export function hostState(run: string): HostState {
  return new Set([
    ...processes(run),
    ...list('/run/netns').map((name) => `netns ${name}`),
    ...cgroups(),
    ...mounts(),
    // The bonding module keeps a file among them.
    ...list('/sys/class/net')
      .filter((name) => name !== 'bonding_masters')
      .map((name) => `link ${name}`),
    ...list('/dev/shm').map((name) => `shared memory /dev/shm/${name}`),
  ]);
}

/**
 * Whether a name says that it belongs to somebody else: it holds the pid of a process that lives and is not of this
 * run. Two runs on one host would otherwise accuse each other.
 */
function foreign(line: string, run: string): boolean {
  if (line.startsWith('process ')) return false;
  const pids = (line.match(/\d+/g) ?? []).map(Number).filter((pid) => pid > 1);
  return pids.some((pid) => {
    const environ = read(`/proc/${pid}/environ`);
    return environ !== '' && !environ.includes(`${MARK}=${run}\0`) && pid !== process.pid;
  });
}

/** What is there and was not before. */
export function leftBehind(before: HostState, after: HostState, run: string): string[] {
  return [...after].filter((line) => !before.has(line) && !foreign(line, run));
}
