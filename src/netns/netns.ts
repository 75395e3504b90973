/** Network namespaces, network_namespaces(7). */
import { constants } from 'node:os';
import { checkFields } from '../handle/checks.ts';
import {
  ClosedError,
  FdCore,
  InvalidArgumentError,
  KernelHandle,
  loadBinding,
  type NativeFd,
  type Result,
  type SystemErrorInfo,
  systemError,
} from '../handle/index.ts';
import { Process, type SpawnOptions } from '../process/index.ts';
import { etcFiles } from './etc.ts';
import type { NetnsSurvey } from './holder.ts';
import { bindName, listNames, type NamedNetns, netnsPath, unbindName } from './names.ts';
import { NetnsSocket, type SocketFamily, type SocketOptions, type SocketType } from './socket.ts';
import { type NetnsSurveyOptions, surveyNetns } from './survey.ts';
import { NetnsWatch, type NetnsWatchOptions } from './watch.ts';

export interface CreateNetnsOptions {
  /** Gives it a name in /run/netns, as `ip netns add` does. Without one it dies with its last user. */
  readonly name?: string;
}

const CREATE_OPTIONS: ReadonlySet<string> = new Set<keyof CreateNetnsOptions>(['name']);

/**
 * A name in /run/netns or a path (with a slash in it), a pid, an open namespace, or an fd of one, which is
 * duplicated and stays the caller's.
 */
export type NetnsReference = string | number | Netns | { readonly fd: number };

/** How {@link Netns.exec} starts a program: all that Process.spawn takes, but for what the namespace settles. */
export type NetnsExecOptions = Omit<SpawnOptions, 'netns' | 'mounts'>;

/** The core of a Netns: remembers which namespace it was after its fd is gone. */
class NetnsCore extends FdCore {
  readonly inode: number;
  readonly device: number;

  constructor(native: NativeFd, name: string | undefined) {
    super('netns', native, { netns: native.inode, ...(name !== undefined && { name }) });
    this.inode = native.inode;
    this.device = native.device;
  }
}

/**
 * An open network namespace. While it is open the namespace exists, whatever becomes of its name and its
 * processes.
 *
 * ```ts
 * await using ns = await Netns.create();
 * await using rt = await RouteSocket.open({ netns: ns });
 * ```
 */
export class Netns extends KernelHandle<NetnsCore> {
  /** The name it was created or opened by. */
  readonly name?: string;

  private constructor(native: NativeFd, name?: string) {
    super(new NetnsCore(native, name));
    if (name !== undefined) this.name = name;
  }

  /**
   * A new namespace, with nothing in it but a `lo` that is down. Unnamed it dies with us: close the handle and,
   * unless a socket or a process is left inside, it is gone. A named one stays until {@link Netns.remove}.
   *
   * @throws SystemError EPERM without CAP_SYS_ADMIN; ENOSPC beyond /proc/sys/user/max_net_namespaces; for a name
   *   EEXIST if it is taken: then nothing was made
   */
  static async create(options: CreateNetnsOptions = {}): Promise<Netns> {
    checkFields('', options, CREATE_OPTIONS);
    const { name } = options;
    if (name !== undefined) netnsPath(name);
    const netns = new Netns(expectFd(loadBinding().createNetns(), 'unshare'), name);
    if (name === undefined) return netns;
    try {
      bindName(netns.fd, name);
    } catch (error) {
      netns.close();
      throw error;
    }
    return netns;
  }

  /**
   * An existing namespace, by its name in /run/netns or, if there is a slash in it, by path: '/proc/4711/ns/net'.
   *
   * @throws SystemError ENOENT if there is none, EINVAL if the file is no network namespace, EACCES
   */
  static async open(nameOrPath: string): Promise<Netns> {
    const isPath = typeof nameOrPath === 'string' && nameOrPath.includes('/');
    const path = isPath ? nameOrPath : netnsPath(nameOrPath);
    if (path.includes('\0')) throw new InvalidArgumentError('netns', path, 'holds a NUL', 'a name or a path');
    const native = expectFd(loadBinding().openNetns(path), 'open', { path });
    return new Netns(native, isPath ? undefined : nameOrPath);
  }

  /**
   * The namespace of a process.
   *
   * @throws SystemError ESRCH if there is no such process, EINVAL for the number of a thread, EACCES without the right to
   *   look at it (ptrace(2))
   */
  static async of(pid: number): Promise<Netns> {
    if (!Number.isInteger(pid) || pid < 1 || pid > 0x7fff_ffff) {
      throw new InvalidArgumentError('pid', pid, 'is no process id', 'a positive integer');
    }
    const native = loadBinding().openNetnsOfPid(pid);
    // Anybody may have a pidfd; it is the namespace that is refused.
    if (native === -constants.errno.EACCES)
      throw systemError(native, 'open', { pid, path: `/proc/${pid}/ns/net` });
    return new Netns(expectFd(native, 'pidfd_open', { pid }));
  }

  /**
   * The namespace that an fd of the caller's stands for. The fd is duplicated and stays the caller's.
   *
   * @throws SystemError EBADF for no fd, EINVAL if it is no network namespace
   */
  static async fromFd(fd: number): Promise<Netns> {
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fff_ffff) {
      throw new InvalidArgumentError('fd', fd, 'is no file descriptor', 'a non-negative integer');
    }
    return new Netns(expectFd(loadBinding().duplicateNetns(fd), 'fcntl', { fd }));
  }

  /** The namespace that this process is in. */
  static async current(): Promise<Netns> {
    // thread-self: a namespace belongs to a thread, and this may be a Worker's.
    const path = '/proc/thread-self/ns/net';
    return new Netns(expectFd(loadBinding().openNetns(path), 'open', { path }));
  }

  /**
   * The names in /run/netns, in the order of the alphabet, stale ones included. Opens nothing.
   *
   * @throws SystemError EACCES
   */
  static async list(): Promise<NamedNetns[]> {
    return listNames();
  }

  /**
   * Every network namespace of this host that can be found, named or not, and who holds it: processes, single threads,
   * fds, mounts in any mount namespace that a process lives in, and, on request, sockets. Opens nothing that stays.
   *
   * It is read from /proc, process by process, a few milliseconds at a time, while processes come and go: what ended
   * meanwhile is left out, and what may not be looked at is counted in `unseen`. Not found are holders outside of
   * /proc: fds in flight over a unix socket, fds of a thread that has a table of its own, processes that /proc hides
   * (another pid namespace, hidepid), and kernel threads at work for a namespace.
   *
   * @throws AbortError; SystemError EMFILE, ENOSYS for `sockets` before Linux 5.6
   */
  static async survey(options: NetnsSurveyOptions = {}): Promise<NetnsSurvey> {
    return await surveyNetns(options);
  }

  /**
   * News of namespaces from now on: names given and taken in /run/netns, whoever does it, and on request ids. Close it,
   * or leave the loop of a `using`.
   *
   * ```ts
   * using watch = Netns.watch();
   * for await (const { type, object, value } of watch) { }
   * ```
   *
   * It is told that something changed and looks what is different: an event is never missed because another one was, and
   * what came and went between two looks was not there. A name counts once a namespace is mounted on it. Not noticed at
   * once: a mount on, or from, a name that stays.
   *
   * @throws SystemError EMFILE, ENOSPC: inotify(7); ENOENT without /run; AbortError
   */
  static watch(options: NetnsWatchOptions = {}): NetnsWatch {
    return new NetnsWatch(options);
  }

  /**
   * Removes a name, as `ip netns del` does. The namespace itself lives on while a handle, a socket or a process
   * is in it.
   *
   * @throws SystemError ENOENT if there is no such name, EPERM without CAP_SYS_ADMIN
   */
  static async remove(name: string): Promise<void> {
    unbindName(name);
  }

  /** Number of the namespace, as in `net:[4026531840]`. It is reused some time after the namespace is gone. */
  get inode(): number {
    return this.core.inode;
  }

  /** Device of the inode; with it, the inode is unique among the namespaces that exist. */
  get device(): number {
    return this.core.device;
  }

  /**
   * A socket of any kind in this namespace, opened by a thread that lives for this one call.
   *
   * @param protocol of the family, 0 for its default: IPPROTO_* of `inet`; a network-order EtherType of `packet`
   * @throws SystemError EPERM to enter the namespace, or for a raw or packet socket; EAFNOSUPPORT, EPROTONOSUPPORT,
   *   ESOCKTNOSUPPORT; EMFILE; EAGAIN where no thread can be had; of bind(2) EADDRINUSE, EADDRNOTAVAIL, EACCES (ports below
   *   net.ipv4.ip_unprivileged_port_start), ENODEV (the link after the `%`)
   */
  async socket(
    family: SocketFamily | number,
    type: SocketType | number,
    protocol = 0,
    options: SocketOptions = {},
  ): Promise<NetnsSocket> {
    if (this.state !== 'open') throw new ClosedError('the network namespace is closed');
    return NetnsSocket.open(this, family, type, protocol, options);
  }

  /**
   * Starts a program in this namespace as `ip netns exec` does: in a mount namespace of its own, where /sys shows the
   * devices of this namespace and, if this handle has a name, the files of /etc/netns/NAME lie over those of /etc. The
   * process belongs to its handle, which kills it when it is closed. For a program that needs none of the mounts, take
   * `Process.spawn(argv, { netns })`.
   *
   * @throws as Process.spawn
   */
  async exec(argv: readonly string[], options: NetnsExecOptions = {}): Promise<Process> {
    if (this.state !== 'open') throw new ClosedError('the network namespace is closed');
    const { binds = [] } = this.name === undefined ? {} : etcFiles(this.name);
    return await Process.spawn(argv, { ...options, netns: this, mounts: { sysfs: true, binds } });
  }

  /** Whether both are the same namespace. Certain only while both are open: numbers are reused. */
  equals(other: Pick<Netns, 'inode' | 'device'>): boolean {
    return this.inode === other.inode && this.device === other.device;
  }
}

function expectFd(native: NativeFd | Result, syscall: string, info?: SystemErrorInfo): NativeFd {
  if (typeof native !== 'number') return native;
  throw systemError(native, syscall, info);
}
