/** Ending and removing whole trees of cgroups. */
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import {
  abortError,
  InvalidArgumentError,
  loadBinding,
  type NativeCgroup,
  systemError,
} from '../handle/index.ts';
import type { WaitOptions } from '../process/index.ts';
import { writeAside } from './aside.ts';
import { below } from './controllers.ts';
import type { CgroupCore } from './core.ts';
import { CgroupBusyError, CgroupStuckError, cgroupError, isGone, type StuckProcess } from './errors.ts';
import { checkFeeds } from './event-feed.ts';
import { parseFlat } from './event-levels.ts';
import { filePath, hierarchy, joinPath, pathOfPid, splitPath } from './hierarchy.ts';
import { liftRdmaLimits } from './lift-rdma.ts';
import { describeProcess, readPids } from './processes.ts';
import { waitUntil } from './waiting.ts';

const { EBUSY, ESTALE, EOPNOTSUPP } = constants.errno;
const SIGKILL = constants.signals.SIGKILL;

/** How long everything that was killed may take to end, in milliseconds. */
export const REMOVE_TIMEOUT = 5000;

/** Cgroups removed before the event loop gets a turn. */
const REMOVED_PER_TURN = 64;

/** How long a freeze may take before what is not frozen yet is killed all the same. */
const FREEZE_PATIENCE = 100;

export interface RemoveOptions extends WaitOptions {
  /** Kills everything inside, here and below, and removes the cgroups below as well. */
  readonly recursive?: boolean;
}

/** Whether a process is in it or below; false once it is gone. */
function isPopulated(native: NativeCgroup): boolean {
  const text = native.read('cgroup.events');
  return typeof text === 'string' && parseFlat(text).get('populated') === 1;
}

/** Those directly below, one after the other, each open while it is looked at. What is removed meanwhile is left out. */
function* openChildren(native: NativeCgroup): Generator<{ name: string; child: NativeCgroup }> {
  const names = native.children();
  if (typeof names === 'number' && !isGone(names)) throw systemError(names, 'getdents64');
  for (const name of typeof names === 'number' ? [] : names) {
    const child = native.open(name);
    if (typeof child === 'number') {
      if (isGone(child)) continue;
      throw systemError(child, 'openat2', { path: name });
    }
    try {
      yield { name, child };
    } finally {
      child.close();
    }
  }
}

/** Calls `visit` for a cgroup and for all below it: never by its path, which may mean another one by now. */
function visitTree(native: NativeCgroup, visit: (native: NativeCgroup) => void): void {
  visit(native);
  for (const { child } of openChildren(native)) visitTree(child, visit);
}

/** Whether this process is in it or below. */
function holdsUs({ path, native }: CgroupCore): boolean {
  let own: string;
  try {
    own = pathOfPid('self');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // We are outside of what is mounted, or a namespace hides where in it we are: the lists of processes tell.
    let found = false;
    visitTree(native, (one) => {
      found ||= readPids(one).includes(process.pid);
    });
    return found;
  }
  return path === '/' || own === path || own.startsWith(`${path}/`);
}

/** @throws InvalidArgumentError where that would end this process as well */
export function refuseSuicide(core: CgroupCore): void {
  const { path } = core;
  if (!holdsUs(core)) return;
  throw new InvalidArgumentError(
    'cgroup',
    path,
    'holds this process itself',
    'one that it is not in: move it out first, or kill the cgroups below',
  );
}

/**
 * Sends SIGKILL to every process in it and below. With cgroup.kill (Linux 5.14) in one write, which no fork escapes;
 * before that, {@link killByFreezing}.
 */
export async function killTree(core: CgroupCore, options: WaitOptions): Promise<void> {
  const before = core.killed;
  core.killed = true;
  checkFeeds(core.inode);
  const result = await writeAside(core.native, 'cgroup.kill', '1');
  core.demandOpen();
  if (result === 0) return;
  if (!isGone(result)) {
    core.killed = before;
    throw killRefusal(result, core, 'write', 'cgroup.kill');
  }
  // Without the file, or without the cgroup. Whom nobody can list nobody can kill.
  const procs = core.native.read('cgroup.procs');
  if (typeof procs === 'string') {
    await killByFreezing(core, options);
  } else if (!isGone(procs)) {
    core.killed = before;
    throw killRefusal(procs, core, 'read', 'cgroup.procs');
  }
}

function killRefusal(result: number, core: CgroupCore, syscall: string, file: string): Error {
  const info = { path: core.file(file) };
  if (result !== -EOPNOTSUPP) return systemError(result, syscall, info);
  const sentence =
    `${core.path} is threaded: other threads of its processes may be elsewhere. ` +
    'Kill the cgroup above it that is no longer threaded, see cgroup.type';
  return cgroupError(result, syscall, sentence, info);
}

/**
 * Freezes, so that nobody can fork, kills each process, and thaws; again while anybody is left. Frozen processes die of
 * SIGKILL like others.
 */
export async function killByFreezing(core: CgroupCore, { signal, timeout }: WaitOptions): Promise<void> {
  const deadline = performance.now() + (timeout ?? REMOVE_TIMEOUT);
  while (isPopulated(core.native)) {
    await writeAside(core.native, 'cgroup.freeze', '1');
    try {
      await waitUntil(core, () => isFrozen(core.native), {
        timeout: FREEZE_PATIENCE,
        signal,
      });
      let sent = 0;
      visitTree(core.native, (native) => {
        sent += Math.max(0, native.signal(SIGKILL));
      });
      // Only those are left that are ending, or that cannot.
      if (sent === 0 || performance.now() >= deadline) return;
    } finally {
      if (core.state === 'open') await writeAside(core.native, 'cgroup.freeze', '0');
    }
    await waitUntil(core, () => !isPopulated(core.native), {
      timeout: FREEZE_PATIENCE,
      signal,
    });
  }
}

export function isFrozen(native: NativeCgroup): boolean {
  const text = native.read('cgroup.events');
  return typeof text === 'string' && parseFlat(text).get('frozen') === 1;
}

/**
 * Removes a cgroup; with `recursive`, kills everything in it, waits for the end of it, and removes those below as well,
 * the lowest first.
 */
export async function removeTree(core: CgroupCore, options: RemoveOptions): Promise<void> {
  const { recursive = false, signal, timeout = REMOVE_TIMEOUT } = options;
  const { path } = core;
  if (path === '/') throw new InvalidArgumentError('cgroup', path, 'is the root', 'one below it');
  if (!recursive) {
    const result = removeTop(core);
    if (result < 0) throw removeRefusal(result, core);
    removed(core);
    return;
  }
  refuseSuicide(core);
  const deadline = performance.now() + timeout;
  core.removal = 'removing';
  try {
    for (;;) {
      const refused = await attempt(core, options);
      if (refused === undefined) break;
      const left = deadline - performance.now();
      if (left <= 0) {
        if (isPopulated(core.native)) throw stuck(core, timeout);
        throw removeRefusal(refused.error, core, refused.path);
      }
      // Empty, and yet in the way: somebody makes cgroups faster than we remove them, or a file system is slow.
      await waitUntil(core, () => !isPopulated(core.native), { timeout: left, signal });
      if (!isPopulated(core.native)) await pauseOnce(signal);
    }
  } catch (error) {
    // It is over, unless it goes on by itself, or another call has removed it meanwhile, which has closed it.
    if (core.removal === 'removing') core.removal = 'none';
    throw error;
  }
  removed(core);
}

interface Refused {
  readonly path: string;
  readonly error: number;
}

/** Kills, and removes what can be removed now. Undefined when nothing is left. */
async function attempt(core: CgroupCore, options: WaitOptions): Promise<Refused | undefined> {
  core.demandOpen();
  if (isPopulated(core.native)) {
    await killTree(core, options);
    if (isPopulated(core.native)) return { path: core.path, error: -EBUSY };
  }
  const refused = await removeBelow(core.native, core.path, { count: 0 });
  if (refused !== undefined) return refused;
  core.demandOpen();
  const error = removeTop(core);
  return error < 0 ? { path: core.path, error } : undefined;
}

/** Removes what is below a cgroup, the lowest first. */
async function removeBelow(
  native: NativeCgroup,
  path: string,
  done: { count: number },
): Promise<Refused | undefined> {
  for (const { name, child } of openChildren(native)) {
    const below = joinPath(path, name);
    const refused = await removeBelow(child, below, done);
    if (refused !== undefined) return refused;
    const error = removeOne(native, name, child);
    if (error < 0) return { path: below, error };
    if (++done.count % REMOVED_PER_TURN === 0) await turn();
  }
  return undefined;
}

/** rmdir(2) of exactly that cgroup, with a last reading of its events before. 0 where it is gone already. */
function removeOne(parent: NativeCgroup, name: string, child: NativeCgroup): number {
  const { inode } = child;
  checkFeeds(inode);
  liftRdmaLimits(child, () => !isPopulated(child));
  const result = parent.remove(name, inode);
  if (result === 0) checkFeeds(inode);
  // Another one by that name is not ours to remove.
  return isGone(result) || result === -ESTALE ? 0 : result;
}

function removeTop({ path, native }: CgroupCore): number {
  const { parent, name } = splitPath(path);
  const directory = loadBinding().openCgroup(hierarchy().mount, below(parent));
  if (typeof directory === 'number') return isGone(directory) ? 0 : directory;
  try {
    return removeOne(directory, name, native);
  } finally {
    directory.close();
  }
}

function removed(core: CgroupCore): void {
  core.removal = 'removed';
  core.close();
}

/** The processes of a threaded cgroup are listed further up only. */
function isThreaded(native: NativeCgroup): boolean {
  return native.read('cgroup.procs') === -EOPNOTSUPP;
}

function removeRefusal(error: number, core: CgroupCore, path: string = core.path): Error {
  if (error !== -EBUSY) return systemError(error, 'rmdir', { path: filePath(path) });
  const pids: number[] = [];
  let children = -1;
  visitTree(core.native, (native) => {
    pids.push(...readPids(native));
    children++;
  });
  const why = isThreaded(core.native)
    ? 'cannot be removed while threads are in it: see its cgroup.threads'
    : pids.length > 0
      ? 'cannot be removed while processes are in it: remove({ recursive: true }) ends them'
      : children > 0
        ? `cannot be removed while ${children} cgroups are below it: remove({ recursive: true }) removes them`
        : 'cannot be removed now';
  return new CgroupBusyError('rmdir', filePath(path), why, pids);
}

/** Says who does not end, and goes on in the background. */
function stuck(core: CgroupCore, timeout: number): CgroupStuckError {
  const processes: StuckProcess[] = [];
  visitTree(core.native, (native) => {
    for (const pid of readPids(native)) {
      const found = describeProcess(pid);
      if (found !== undefined) processes.push(found);
    }
  });
  core.removal = 'stuck';
  return new CgroupStuckError(core.path, timeout, processes, finish(core));
}

async function finish(core: CgroupCore): Promise<void> {
  for (;;) {
    await waitUntil(core, () => !isPopulated(core.native), {}, true);
    const refused = await attempt(core, {});
    if (refused === undefined) break;
    await pauseOnce(undefined);
  }
  removed(core);
}

/** Ten milliseconds, as the kernel paces its own news. */
async function pauseOnce(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw abortError(signal);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
