/** Which cgroup hierarchies this process sees: cgroups(7). Found by /proc/self/mountinfo, never by an assumed path. */
import { existsSync, readFileSync } from 'node:fs';
import {
  CofferdamError,
  fileName,
  fromNodeError,
  InvalidArgumentError,
  type MountEntry,
  parseMountinfo,
  SystemError,
} from '../handle/index.ts';

export interface CgroupMode {
  /** `unified`: version 2 alone. `hybrid`: version 1 controllers beside a version 2 tree. */
  readonly mode: 'unified' | 'hybrid' | 'v1' | 'none';
  /** Where cgroup2 is mounted. */
  readonly mount: string | undefined;
  /**
   * The cgroup that is mounted there, as /proc/PID/cgroup spells it: '/' unless only a part of the tree is mounted, as in
   * a container.
   */
  readonly root: string;
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
  let root = '/';
  const v1 = new Set<string>();
  const entries = parseMountinfo(mountinfo);
  for (const entry of entries) {
    // Of several mounts, the one that shows most: the whole tree, where it is mounted anywhere.
    const shown = entry.type === 'cgroup2' && mountAt(entries, entry.path) === entry;
    if (shown && (mount === undefined || (root !== '/' && entry.root === '/'))) {
      ({ path: mount, root } = entry);
    }
    if (entry.type !== 'cgroup') continue;
    for (const option of entry.superOptions) {
      // name=systemd is a tree without a controller; release_agent= and the like are settings.
      if (option !== '' && !option.includes('=') && !NOT_CONTROLLERS.has(option)) v1.add(option);
    }
  }
  const controllers = mount === undefined ? [] : controllersOf(mount);
  const v1Controllers = [...v1].sort();
  const mode = mount === undefined ? (v1.size > 0 ? 'v1' : 'none') : v1.size > 0 ? 'hybrid' : 'unified';
  return { mode, mount, root, controllers, v1Controllers };
}

/**
 * The mount that a path leads to: from the root on, each name to what is mounted there on what was reached so far. What
 * another mount covers, in the same place or further up, is reached by none. The order of the entries says nothing.
 */
function mountAt(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const listed = new Set(entries.map(({ id }) => id));
  let at: MountEntry | undefined;
  const isOnIt = ({ id, parent }: MountEntry): boolean =>
    // The first one is on none that we see.
    at === undefined ? id === parent || !listed.has(parent) : id !== parent && parent === at.id;
  const names = path.split('/').filter(Boolean);
  for (let depth = 0; depth <= names.length; depth++) {
    const place = `/${names.slice(0, depth).join('/')}`;
    for (;;) {
      const next = entries.findLast((entry) => entry.path === place && isOnIt(entry));
      if (next === undefined) break;
      at = next;
    }
  }
  return at;
}

/** A mounted cgroup2 hierarchy. */
export interface Hierarchy {
  readonly mount: string;
  readonly root: string;
}

let known: Hierarchy | undefined;

/**
 * The cgroup2 hierarchy of this process. Looked for once: a process that moves to another mount namespace is another
 * host's.
 *
 * @throws CofferdamError ERR_COFFERDAM_NO_CGROUP2
 */
export function hierarchy(): Hierarchy {
  if (known !== undefined) return known;
  const { mode, mount, root } = cgroupMode();
  if (mount === undefined) {
    const why = mode === 'v1' ? 'only version 1 is mounted' : 'no cgroup file system is mounted';
    throw new CofferdamError(
      'ERR_COFFERDAM_NO_CGROUP2',
      `cgroup2 is not mounted here (${why}, says /proc/self/mountinfo). ` +
        'Mount it: mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1',
    );
  }
  known = { mount, root };
  return known;
}

/**
 * What a caller wrote, as a path below the mount, in the form '/ci-jobs/build-1'; '/' is the mount itself. A path that
 * begins with the mount point is one of the file system.
 */
export function normalPath(path: string, { mount }: Hierarchy = hierarchy()): string {
  const remedy = `an absolute path, as '/ci-jobs' or '${mount}/ci-jobs'`;
  if (typeof path !== 'string') throw new InvalidArgumentError('path', path, 'is no string', remedy);
  if (!path.startsWith('/') || path.includes('\0')) {
    throw new InvalidArgumentError('path', path, 'is no path of a cgroup', remedy);
  }
  const below = path === mount || path.startsWith(`${mount}/`) ? path.slice(mount.length) : path;
  const names = below.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new InvalidArgumentError('path', path, "holds '..'", remedy);
  return `/${names.join('/')}`;
}

/** The cgroup of a process, as a path below the mount. */
export function pathOfPid(pid: number | 'self', where: Hierarchy = hierarchy()): string {
  let text: string;
  try {
    text = fileName(readFileSync(`/proc/${pid}/cgroup`));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') {
      throw new SystemError(-3, 'open', pid === 'self' ? {} : { pid }, `ESRCH: no such process, pid ${pid}`);
    }
    throw fromNodeError(error);
  }
  const line = text.split('\n').find((one) => one.startsWith('0::'));
  const path = line?.slice('0::'.length) ?? '/';
  const { root, mount } = where;
  const found = belowRoot(path, root);
  // A cgroup may also be called so.
  if (path.endsWith(' (deleted)') && (found === undefined || !existsSync(mount + found))) {
    throw new SystemError(-2, 'open', { path }, `ENOENT: the cgroup of pid ${pid} has been removed: ${path}`);
  }
  if (found !== undefined) return found;
  throw new SystemError(
    -18,
    'open',
    { path },
    `EXDEV: pid ${pid} is in cgroup ${path}, which lies outside of ${root}, all that is mounted on ${mount}`,
  );
}

/** Undefined for what lies outside. */
function belowRoot(path: string, root: string): string | undefined {
  if (root === '/') return path.startsWith('/..') ? undefined : path;
  if (path !== root && !path.startsWith(`${root}/`)) return undefined;
  return path.slice(root.length) || '/';
}

/** Name and parent of a path that is not '/'. */
export function splitPath(path: string): { parent: string; name: string } {
  const at = path.lastIndexOf('/');
  return { parent: path.slice(0, at) || '/', name: path.slice(at + 1) };
}

/** '/a' and 'b' to '/a/b'. */
export function joinPath(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

/** How the file system spells a path below the mount, for messages. */
export function filePath(path: string): string {
  const { mount } = hierarchy();
  return path === '/' ? mount : `${mount}${path}`;
}
