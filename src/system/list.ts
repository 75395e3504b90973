/** The systems of this host, whoever made them: read from what their cgroups say of themselves. */
import { Cgroup, type CgroupStat, CgroupWalk, hierarchy, lives, NAME_PREFIX } from '../cgroup/index.ts';
import { CofferdamError, loadBinding, type NativeCgroup, systemError } from '../handle/index.ts';
import type { ProcessIdentity } from '../process/index.ts';
import { SYSTEM_ATTRIBUTE } from './limits.ts';

/** A system, seen from outside. */
export interface SystemEntry {
  readonly name: string;
  /** '' for none. */
  readonly group: string;
  /** Below the mount, for `Cgroup.open`: '/ci-jobs/cofferdam-build-123'. */
  readonly cgroup: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** The process that made it. */
  readonly owner: ProcessIdentity;
  readonly ownerAlive: boolean;
  /** Whether its supervisor lives. Without one it is an orphan, and `reclaimSystems` removes it. */
  readonly leaseHeld: boolean;
  /** Processes in it and in cgroups below, its pid 1 among them. */
  readonly pids: readonly number[];
  readonly stat: CgroupStat;
}

/** What has ended while it was looked at is left out. @throws CofferdamError where no cgroup2 is mounted, SystemError */
export async function listSystems(): Promise<SystemEntry[]> {
  const { mount } = hierarchy();
  const root = loadBinding().openCgroup(mount, '.');
  if (typeof root === 'number') throw systemError(root, 'openat2', { path: mount });
  const found: Found[] = [];
  try {
    await visit(new CgroupWalk(), root, '/', found);
  } finally {
    root.close();
  }
  const entries = await Promise.all(found.map(read));
  return entries
    .filter((entry) => entry !== undefined)
    .sort((one, other) => one.created - other.created || (one.cgroup < other.cgroup ? -1 : 1));
}

/**
 * The system of that name: 'build-123', or 'ci-jobs/build-123' with its group.
 *
 * @throws CofferdamError ERR_COFFERDAM_SYSTEM_NAME where none or several have it
 */
export async function findSystem(name: string): Promise<SystemEntry> {
  const found = (await listSystems()).filter((one) => one.name === name || fullName(one) === name);
  const [system, ...others] = found;
  if (system !== undefined && others.length === 0) return system;
  const problem =
    system === undefined
      ? `Cannot find system "${name}"`
      : `There are several systems "${name}": ${found.map(fullName).join(', ')}`;
  throw new CofferdamError('ERR_COFFERDAM_SYSTEM_NAME', problem);
}

const fullName = ({ name, group }: SystemEntry): string => (group === '' ? name : `${group}/${name}`);

interface Found {
  readonly path: string;
  readonly mark: Mark;
  readonly leaseHeld: boolean;
}

/** What the attribute says. */
type Mark = Pick<SystemEntry, 'name' | 'group' | 'created'>;

async function visit(walk: CgroupWalk, parent: NativeCgroup, path: string, found: Found[]): Promise<void> {
  await walk.children(parent, path, async (cgroup, name, own) => {
    const mark = name.startsWith(NAME_PREFIX) ? markOf(cgroup) : undefined;
    // The lease is taken before the mark is set: where nobody has it, nobody will. Ours ends with the fd.
    if (mark !== undefined) found.push({ path: own, mark, leaseHeld: cgroup.lock() !== 0 });
    await visit(walk, cgroup, own, found);
  });
}

/** Undefined for what is no system. */
function markOf(cgroup: NativeCgroup): Mark | undefined {
  const text = cgroup.attribute(SYSTEM_ATTRIBUTE);
  if (typeof text === 'number') return undefined;
  try {
    const { name, group, created } = JSON.parse(text) as Partial<Mark>;
    const fits = typeof name === 'string' && typeof group === 'string' && typeof created === 'number';
    return fits ? { name, group, created } : undefined;
  } catch {
    return undefined;
  }
}

async function read({ path, mark, leaseHeld }: Found): Promise<SystemEntry | undefined> {
  try {
    await using cgroup = await Cgroup.open(path);
    const { identity } = cgroup;
    if (identity === undefined) return undefined;
    const { pid, startTime, bootId } = identity;
    const owner = { pid, startTime, bootId };
    const pids = cgroup.tree().flatMap((node) => node.pids);
    const stat = await cgroup.stat();
    return { ...mark, cgroup: path, owner, ownerAlive: await lives(owner), leaseHeld, pids, stat };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that a cgroup has been removed. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
}
