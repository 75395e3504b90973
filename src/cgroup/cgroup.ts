/** Control groups of version 2, cgroups(7). */
import { constants } from 'node:os';
import { checkFields, checkSignal, checkTimeout } from '../handle/checks.ts';
import {
  abortError,
  InvalidArgumentError,
  KernelHandle,
  loadBinding,
  type NativeCgroup,
  systemError,
} from '../handle/index.ts';
import type { WaitOptions } from '../process/index.ts';
import { applyLimits, checkedLimits } from './apply.ts';
import { writeAside } from './aside.ts';
import {
  below,
  type CgroupControllers,
  enableControllers,
  readControllers,
  withControllers,
} from './controllers.ts';
import { CgroupCore, type RemovalState } from './core.ts';
import { CgroupBusyError, cgroupError, goneError, isGone } from './errors.ts';
import { checkFeeds } from './event-feed.ts';
import { CgroupEvents, type CgroupEventsOptions } from './events.ts';
import { setFrozen } from './freezing.ts';
import { filePath, hierarchy, joinPath, normalPath, pathOfPid, splitPath } from './hierarchy.ts';
import { type CgroupIdentity, NAME_PREFIX, readIdentity, writeIdentity } from './identity.ts';
import type { FileReader } from './limit-table.ts';
import { type CgroupLimits, readLimits } from './limits.ts';
import { readPids } from './processes.ts';
import { killTree, type RemoveOptions, refuseSuicide, removeTree } from './removal.ts';
import { type CgroupStat, readStat } from './stat.ts';

const { EAGAIN, EBUSY, EOPNOTSUPP, ESRCH } = constants.errno;

const CREATE_OPTIONS = new Set(['removeOnDispose']);
const WAIT_OPTIONS = new Set(['signal', 'timeout']);
const REMOVE_OPTIONS = new Set([...WAIT_OPTIONS, 'recursive']);

/** '/ci-jobs' below the mount, the same as a path of the file system, or an open one. */
export type CgroupReference = string | Cgroup;

export interface CreateCgroupOptions {
  /**
   * `await using` then removes the cgroup with everything in it: remove({ recursive: true }). Without it, and with
   * close(), the directory stays, and with its lease gone it is an orphan: {@link Cgroup.orphans}.
   */
  readonly removeOnDispose?: boolean;
}

/** One cgroup of a tree. */
export interface CgroupNode {
  readonly path: string;
  readonly name: string;
  /** 0 for where the walk began. */
  readonly depth: number;
  readonly populated: boolean;
  /** Processes in this very cgroup. */
  readonly pids: readonly number[];
}

/**
 * An open cgroup. The handle holds its directory: whatever is done through it is done to this very cgroup, though its
 * name may mean another one by then.
 *
 * ```ts
 * await using cg = await Cgroup.create('/ci-jobs', 'build-123', { memory: { max: '1G' } }, { removeOnDispose: true });
 * const events = cg.events();
 * await cg.attach(child.pid);
 * for await (const event of events) console.log(event);
 * ```
 */
export class Cgroup extends KernelHandle<CgroupCore> {
  readonly #removeOnDispose: boolean;

  private constructor(native: NativeCgroup, path: string, removeOnDispose = false) {
    super(new CgroupCore(native, path));
    this.#removeOnDispose = removeOnDispose;
  }

  /**
   * A new cgroup below `parent`, with its limits. Its directory is `name` behind the prefix `cofferdam-`; it carries the
   * identity of this process, and a lease that ends with the handle or the process. What the limits need is handed down
   * by the parent, where the parent has it.
   *
   * Bad limits are refused before anything is made; if it fails later, nothing is left of it.
   *
   * @throws InvalidArgumentError, MissingControllerError, CgroupBusyError where the parent has processes of its own;
   *   SystemError EEXIST, ENOENT, EACCES, EAGAIN beyond cgroup.max.descendants or cgroup.max.depth
   */
  static async create(
    parent: CgroupReference,
    name: string,
    limits: CgroupLimits = {},
    options: CreateCgroupOptions = {},
  ): Promise<Cgroup> {
    checkFields('', options, CREATE_OPTIONS);
    const directory = directoryName(name);
    const writes = checkedLimits(limits);
    using above = borrow(parent);
    const path = joinPath(above.path, directory);
    const controllers = [...new Set(writes.map((write) => write.controller))];
    return await withControllers(above.native, above.path, controllers, async () => {
      const result = above.native.make(directory);
      if (result < 0) throw makeRefusal(result, path);
      const native = above.native.open(directory);
      if (typeof native === 'number') throw systemError(native, 'openat2', { path: filePath(path) });
      const made = new Cgroup(native, path, options.removeOnDispose);
      try {
        made.#mark();
        await applyLimits(made.core, writes);
        return made;
      } catch (error) {
        above.native.remove(directory, made.core.inode);
        made.close();
        throw error;
      }
    });
  }

  /**
   * An existing cgroup: '/ci-jobs' below the mount, '/' for the root of what is mounted, or a path of the file system.
   *
   * @throws SystemError ENOENT, EACCES; CofferdamError ERR_COFFERDAM_NO_CGROUP2 where none is mounted
   */
  static async open(path: string): Promise<Cgroup> {
    const normal = normalPath(path);
    return new Cgroup(openNative(normal), normal);
  }

  /**
   * The cgroup that a process is in.
   *
   * @throws SystemError ESRCH; ENOENT where the cgroup has been removed; EXDEV where it is outside of what is mounted
   */
  static async of(pid: number): Promise<Cgroup> {
    checkPid(pid);
    return await Cgroup.open(pathOfPid(pid));
  }

  /** The cgroup that this process is in. */
  static async current(): Promise<Cgroup> {
    return await Cgroup.open(pathOfPid('self'));
  }

  /**
   * Cgroups below `parent` that were created by a process that is gone, each open, and its lease ours: nobody else will
   * take it for one. Both the identity and the lease decide; names only narrow the search.
   */
  static async orphans(parent: CgroupReference): Promise<Cgroup[]> {
    using above = borrow(parent);
    const names = above.native.children();
    if (typeof names === 'number') throw systemError(names, 'getdents64', { path: filePath(above.path) });
    const found: Cgroup[] = [];
    for (const name of names.filter((one) => one.startsWith(NAME_PREFIX)).sort()) {
      const path = joinPath(above.path, name);
      const native = above.native.open(name);
      // Removed meanwhile.
      if (typeof native === 'number') continue;
      if (readIdentity(native) !== undefined && native.lock() === 0) found.push(new Cgroup(native, path));
      else native.close();
    }
    return found;
  }

  /** Below the mount, as /proc/PID/cgroup spells it: '/ci-jobs/cofferdam-build-123'. */
  get path(): string {
    return this.core.path;
  }

  /** Last part of the path; '' for the root. */
  get name(): string {
    return splitPath(this.core.path).name;
  }

  /** The id of the cgroup, as in events of the kernel; it is not used again. */
  get inode(): number {
    return this.core.inode;
  }

  /** How far remove() has come. */
  get removal(): RemovalState {
    return this.core.removal;
  }

  /** Who made it; undefined for a cgroup that was not created here. */
  get identity(): CgroupIdentity | undefined {
    this.core.demandOpen();
    return readIdentity(this.core.native);
  }

  /** Which controllers it has, and which it hands down. */
  get controllers(): CgroupControllers {
    this.core.demandThere();
    return readControllers(this.core.native, this.core.path);
  }

  /**
   * Hands controllers down to the cgroups below.
   *
   * @throws MissingControllerError, CgroupBusyError while processes are in this very cgroup, SystemError EACCES
   */
  async enableControllers(controllers: readonly string[]): Promise<void> {
    this.core.demandThere();
    for (const name of controllers) {
      if (typeof name === 'string' && /^[a-z_]+$/.test(name)) continue;
      throw new InvalidArgumentError('controllers', name, 'is no controller', "a name, as 'memory'");
    }
    await enableControllers(this.core.native, this.core.path, controllers);
  }

  /** The limits that are set, of the controllers that it has. What was read can be set again as it is. */
  async limits(): Promise<CgroupLimits> {
    return await this.#readAll(readLimits);
  }

  /**
   * Sets limits; those that are not mentioned stay. All values are checked before the first is written.
   *
   * @throws InvalidArgumentError, MissingControllerError; SystemError with the file, for what the kernel refuses
   */
  async set(limits: CgroupLimits): Promise<void> {
    const writes = checkedLimits(limits);
    this.core.demandOpen();
    await applyLimits(this.core, writes);
  }

  /** What it uses, and how it fares. */
  async stat(): Promise<CgroupStat> {
    return await this.#readAll(readStat);
  }

  async #readAll<T>(readFiles: (read: FileReader) => Promise<T>): Promise<T> {
    const found = await readFiles((file) => this.core.readIfThere(file));
    // All files that were not there were those of controllers, unless it has been removed meanwhile.
    this.core.demandThere();
    return found;
  }

  /** Processes in this very cgroup; 0 stands for one outside of our pid namespace. */
  pids(): number[] {
    this.core.read('cgroup.procs');
    return readPids(this.core.native);
  }

  /**
   * Moves a process into it, with all its threads. Children that it has stay where they are. That costs some 10 ms: who
   * can, has a child born inside instead (clone3(2) CLONE_INTO_CGROUP).
   *
   * @throws SystemError ESRCH, EACCES; CgroupBusyError where the cgroup hands down controllers; and for one that was
   *   killed, which is never to be used again
   */
  async attach(pid: number): Promise<void> {
    checkPid(pid);
    this.core.demandOpen();
    if (this.core.killed) {
      throw cgroupError(
        -constants.errno.EPERM,
        'write',
        `${this.path} was killed, and is not used again: make another`,
        {
          path: this.core.file('cgroup.procs'),
          pid,
        },
      );
    }
    const result = await writeAside(this.core.native, 'cgroup.procs', String(pid));
    if (result < 0) throw this.#attachRefusal(result, pid);
    // Before it can end: the kernel tells up to 10 ms late, and says nothing of what came and went in between.
    checkFeeds(this.inode);
  }

  #attachRefusal(result: number, pid: number): Error {
    const info = { path: this.core.file('cgroup.procs'), pid };
    if (result === -EBUSY) {
      return new CgroupBusyError(
        'write',
        info.path,
        'takes no process: a cgroup has either processes or controllers for its children. Attach to a child of it',
        [],
      );
    }
    if (isGone(result)) return goneError(this.path);
    if (result === -ESRCH) return cgroupError(result, 'write', `no such process, pid ${pid}`, info);
    if (result === -EOPNOTSUPP)
      return cgroupError(result, 'write', `${this.path} is threaded or invalid, see its cgroup.type`, info);
    return systemError(result, 'write', info);
  }

  /** This cgroup and all below it, each before those below it, in the order of the alphabet. */
  tree(): CgroupNode[] {
    this.core.demandThere();
    const nodes: CgroupNode[] = [];
    /** Undefined of one that was removed meanwhile. */
    const there = <T>(result: T | number, syscall: string, path: string): T | undefined => {
      if (typeof result !== 'number') return result;
      if (isGone(result)) return undefined;
      throw systemError(result, syscall, { path: filePath(path) });
    };
    const visit = (native: NativeCgroup, path: string, depth: number): void => {
      const events = there(native.read('cgroup.events'), 'read', path);
      const names = there(native.children(), 'getdents64', path);
      if (names === undefined) return;
      // The root has none.
      const populated = events === undefined || events.includes('populated 1');
      nodes.push({ path, name: splitPath(path).name, depth, populated, pids: readPids(native) });
      for (const name of names.sort()) {
        const child = there(native.open(name), 'openat2', joinPath(path, name));
        if (child === undefined) continue;
        try {
          visit(child, joinPath(path, name), depth + 1);
        } finally {
          child.close();
        }
      }
    };
    visit(this.core.native, this.path, 0);
    return nodes;
  }

  /**
   * Stops every process in it and below, until thaw(). Resolves when all of them have stopped.
   *
   * @throws TimeoutError after 5 s unless `timeout` says otherwise, while the freeze goes on; AbortError; SystemError
   *   ENODEV where somebody else has removed it
   */
  async freeze(options: WaitOptions = {}): Promise<void> {
    checkWait(options);
    await setFrozen(this.core, true, options);
  }

  /** Lets them go on. One that is frozen by a cgroup above it stays so. */
  async thaw(options: WaitOptions = {}): Promise<void> {
    checkWait(options);
    await setFrozen(this.core, false, options);
  }

  /**
   * Sends SIGKILL to every process in it and below; forks do not escape. They may take a while to end: see
   * {@link Cgroup.remove}. A cgroup that was killed is not to be used again, because kernels kill what is born into it
   * later.
   *
   * @throws InvalidArgumentError where this process is in it
   */
  async kill(options: WaitOptions = {}): Promise<void> {
    checkWait(options);
    this.core.demandOpen();
    refuseSuicide(this.core);
    await killTree(this.core, options);
  }

  /**
   * Removes it, and closes the handle. With `recursive` everything in it is killed, and the cgroups below are removed as
   * well. Removing what is gone already is no error.
   *
   * @throws CgroupBusyError, which names the processes in the way; CgroupStuckError where killed processes do not end
   *   within `timeout`, 5 s unless given: it goes on by itself then
   */
  async remove(options: RemoveOptions = {}): Promise<void> {
    checkWait(options, REMOVE_OPTIONS);
    if (this.core.removal === 'removed') return;
    this.core.demandOpen();
    try {
      await removeTree(this.core, options);
    } catch (error) {
      // Another call was at it as well, and has done it.
      if (this.core.state === 'open' || this.removal !== 'removed') throw error;
    }
  }

  /**
   * What happens to it from now on, until it is removed.
   *
   * @throws SystemError ENODEV once it is gone; what {@link PressureTrigger.open} throws
   */
  events(options: CgroupEventsOptions = {}): CgroupEvents {
    return new CgroupEvents(this.core, this, options);
  }

  /**
   * Has all events() of this cgroup read what there is, without waiting for the kernel to tell, which it does up to 10 ms
   * late: after it, what has ended a process is among the events that can be read.
   */
  checkEvents(): void {
    this.core.demandOpen();
    checkFeeds(this.core.inode);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.#removeOnDispose && this.state === 'open') {
      try {
        await this.remove({ recursive: true });
      } finally {
        await super[Symbol.asyncDispose]();
      }
      return;
    }
    await super[Symbol.asyncDispose]();
  }

  /** Lease first: nobody may take what is being made for an orphan. */
  #mark(): void {
    const path = filePath(this.path);
    const locked = this.core.native.lock();
    if (locked === -EAGAIN)
      throw cgroupError(locked, 'flock', `${path} is leased by somebody else`, { path });
    if (locked < 0) throw systemError(locked, 'flock', { path });
    const marked = writeIdentity(this.core.native);
    if (marked < 0) throw systemError(marked, 'fsetxattr', { path });
  }
}

interface Borrowed extends Disposable {
  readonly native: NativeCgroup;
  readonly path: string;
}

/** One that is open, or one that is opened for the moment. */
function borrow(reference: CgroupReference): Borrowed {
  if (reference instanceof Cgroup) {
    const { core } = reference as unknown as { core: CgroupCore };
    core.demandOpen();
    return { native: core.native, path: core.path, [Symbol.dispose]() {} };
  }
  const path = normalPath(reference);
  const native = openNative(path);
  return { native, path, [Symbol.dispose]: () => void native.close() };
}

function openNative(path: string): NativeCgroup {
  const native = loadBinding().openCgroup(hierarchy().mount, below(path));
  if (typeof native === 'number') throw systemError(native, 'openat2', { path: filePath(path) });
  return native;
}

/** With the prefix, which may be there already. */
function directoryName(name: string): string {
  const remedy = "one path component, without '/', line breaks and null bytes, and of 255 bytes at most";
  if (typeof name !== 'string') throw new InvalidArgumentError('name', name, 'is no string', remedy);
  const full = name.startsWith(NAME_PREFIX) ? name : `${NAME_PREFIX}${name}`;
  // The kernel refuses line breaks, which would break /proc/PID/cgroup.
  if (name === '' || full === NAME_PREFIX || /[/\0\n]/.test(name) || Buffer.byteLength(full) > 255) {
    throw new InvalidArgumentError('name', name, 'is no name of a cgroup', remedy);
  }
  return full;
}

function checkWait(options: WaitOptions, known: ReadonlySet<string> = WAIT_OPTIONS): void {
  checkFields('', options, known);
  const { signal, timeout } = options;
  checkSignal(signal);
  checkTimeout(timeout);
  if (signal?.aborted) throw abortError(signal);
}

function checkPid(pid: number): void {
  if (!Number.isInteger(pid) || pid < 1 || pid > 0x7fff_ffff) {
    throw new InvalidArgumentError('pid', pid, 'is no process id', 'a positive integer');
  }
}

function makeRefusal(result: number, path: string): Error {
  const info = { path: filePath(path) };
  if (result === -EAGAIN) {
    const limits = 'cgroup.max.descendants or cgroup.max.depth of a cgroup above it';
    return cgroupError(result, 'mkdirat', `${info.path} would exceed ${limits}`, info);
  }
  return systemError(result, 'mkdirat', info);
}
