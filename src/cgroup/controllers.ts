/** Which controllers a cgroup has, which it hands down to its children, and why one is missing. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { loadBinding, type NativeCgroup, systemError } from '../handle/index.ts';
import { writeAside } from './aside.ts';
import { CgroupBusyError, cgroupError, MissingControllerError } from './errors.ts';
import { cgroupMode, filePath, hierarchy, splitPath } from './hierarchy.ts';
import { readPids } from './processes.ts';

/** Controllers of a cgroup. */
export interface CgroupControllers {
  /** cgroup.controllers: those that its parent hands down to it. */
  readonly available: readonly string[];
  /** cgroup.subtree_control: those that it hands down to its children. */
  readonly enabled: readonly string[];
}

function words(native: NativeCgroup, file: string, path: string): string[] {
  const text = native.read(file);
  if (typeof text === 'number') throw systemError(text, 'read', { path: `${filePath(path)}/${file}` });
  return text.split(/\s+/).filter(Boolean);
}

export function readControllers(native: NativeCgroup, path: string): CgroupControllers {
  return {
    available: words(native, 'cgroup.controllers', path),
    enabled: words(native, 'cgroup.subtree_control', path),
  };
}

/** What calls of this thread that are under way do to the controllers that one cgroup hands down. */
interface Changes {
  calls: number;
  /** What they had it hand down that it did not before. */
  readonly enabled: Set<string>;
  /** What somebody asked for as such, whatever becomes of the others. */
  readonly kept: Set<string>;
  /** Settled once the last of them has taken back what is not needed. */
  takingBack: Promise<unknown> | undefined;
}

/** By the inode of the cgroup. */
const underWay = new Map<number, Changes>();

/**
 * Has a cgroup hand down controllers to its children.
 *
 * @throws MissingControllerError, CgroupBusyError while processes are in it, SystemError EACCES
 */
export async function enableControllers(
  native: NativeCgroup,
  path: string,
  wanted: readonly string[],
): Promise<void> {
  await together(native, async (changes) => {
    await enable(native, path, wanted, changes);
    for (const name of wanted) changes.kept.add(name);
  });
}

/**
 * Makes something below a cgroup that hands down what it needs. Where that fails, what was not handed down before is
 * taken back.
 *
 * @throws what {@link enableControllers} throws
 */
export async function withControllers<T>(
  native: NativeCgroup,
  path: string,
  wanted: readonly string[],
  make: () => Promise<T>,
): Promise<T> {
  return await together(native, async (changes) => {
    await enable(native, path, wanted, changes);
    return await make();
  });
}

/** One call among those under way: what one has enabled another may use, so only the last of them takes it back. */
async function together<T>(native: NativeCgroup, call: (changes: Changes) => Promise<T>): Promise<T> {
  // Else we would find enabled what is gone in a moment.
  while (underWay.get(native.inode)?.takingBack !== undefined) await underWay.get(native.inode)?.takingBack;
  const { inode } = native;
  const changes = underWay.get(inode) ?? {
    calls: 0,
    enabled: new Set(),
    kept: new Set(),
    takingBack: undefined,
  };
  underWay.set(inode, changes);
  changes.calls++;
  try {
    return await call(changes);
  } finally {
    if (--changes.calls === 0) {
      changes.takingBack = takeBack(native, changes);
      await changes.takingBack;
      underWay.delete(inode);
    }
  }
}

async function enable(
  native: NativeCgroup,
  path: string,
  wanted: readonly string[],
  changes: Changes,
): Promise<void> {
  const { available, enabled } = readControllers(native, path);
  const missing = wanted.filter((name) => !enabled.includes(name));
  for (const name of missing) if (!available.includes(name)) throw missingController(name, path);
  if (missing.length === 0) return;
  const result = await writeAside(
    native,
    'cgroup.subtree_control',
    missing.map((name) => `+${name}`).join(' '),
  );
  if (result < 0) throw refusal(result, native, path, missing);
  for (const name of missing) changes.enabled.add(name);
}

/** Not where another cgroup has them by now: the kernel would take its limits away with them. */
async function takeBack(native: NativeCgroup, { enabled, kept }: Changes): Promise<void> {
  const names = [...enabled].filter((name) => !kept.has(name));
  if (names.length === 0) return;
  const children = native.children();
  if (typeof children === 'number' || children.length > 0) return;
  await writeAside(native, 'cgroup.subtree_control', names.map((name) => `-${name}`).join(' '));
}

function refusal(result: number, native: NativeCgroup, path: string, names: readonly string[]): Error {
  const file = `${filePath(path)}/cgroup.subtree_control`;
  const list = names.join(' and ');
  if (result === -constants.errno.EBUSY) {
    return new CgroupBusyError(
      'write',
      file,
      `cannot hand down ${list} while processes are in ${path} itself: a cgroup has either processes or controllers ` +
        'for its children. Move them to a child of it first',
      readPids(native),
    );
  }
  if (result === -constants.errno.EOPNOTSUPP) {
    return cgroupError(
      result,
      'write',
      `${path} is threaded, and hands down no ${list}; see its cgroup.type`,
      {
        path: file,
      },
    );
  }
  return systemError(result, 'write', { path: file, controllers: names });
}

/** Why a cgroup has no such controller, and what to do. */
export function missingController(controller: string, path: string): MissingControllerError {
  const { mount } = hierarchy();
  for (let at = path; at !== '/'; ) {
    at = splitPath(at).parent;
    const ancestor = loadBinding().openCgroup(mount, below(at));
    if (typeof ancestor === 'number') break;
    const controllers = ancestor.read('cgroup.controllers');
    ancestor.close();
    if (typeof controllers === 'number' || !controllers.split(/\s+/).includes(controller)) continue;
    return new MissingControllerError(
      controller,
      path,
      at,
      `${at} has it and does not hand it down. In that order, for each cgroup from there on: ` +
        `echo +${controller} > ${filePath(at)}/cgroup.subtree_control`,
    );
  }
  return new MissingControllerError(controller, path, undefined, reasonOfAbsence(controller));
}

function reasonOfAbsence(controller: string): string {
  const { v1Controllers, root, mount } = cgroupMode();
  // What version 1 calls them.
  const name = controller === 'io' ? 'blkio' : controller;
  if (v1Controllers.includes(name)) {
    return (
      `version 1 has it (${name}), and a controller is in one version only. ` +
      `Boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=${name}`
    );
  }
  const row = new RegExp(`^${name}\\s+\\d+\\s+\\d+\\s+(\\d)`, 'm').exec(
    readFileSync('/proc/cgroups', 'utf8'),
  );
  if (row?.[1] === '0') return `the kernel was told to leave it out: boot with cgroup_enable=${name}`;
  if (row === null) return 'this kernel is built without it';
  if (root !== '/') return `${root} on ${mount} was not given it: whoever made this container decides`;
  return `no cgroup of version 2 has it`;
}

/** A path below the mount as openat2(2) wants it. */
export function below(path: string): string {
  return path === '/' ? '.' : path.slice(1);
}
