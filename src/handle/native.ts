/**
 * What the C++ addon offers, as types: the whole boundary between TypeScript and native code.
 *
 * Native calls never throw for what the kernel says: they return a negative errno, and TypeScript builds the
 * error at the call site. They throw a TypeError only for arguments of the wrong type, a programming mistake.
 */

/** A count or fd when >= 0, a negative errno otherwise (`-EBADF` once the handle is closed). */
export type Result = number;

/** How {@link NativeBinding.openNetlink} opens its socket. */
export interface NetlinkOpenOptions {
  /** NETLINK_ROUTE and its kin, uapi/linux/netlink.h. */
  readonly protocol: number;
  /** An fd of the network namespace to open the socket in, or of a socket that lives there; -1 for the calling process's own. */
  readonly netnsFd: number;
  /** SO_RCVBUF in bytes; 0 leaves the kernel's default. SO_RCVBUFFORCE is tried first. */
  readonly receiveBuffer: number;
  /** Capacity of the persistent buffer that one datagram is received into, in bytes, at least 32,768. */
  readonly datagramCapacity: number;
}

/** The words of {@link NativeNetlink.report}. */
export const REPORT = {
  /** receive, exchange: {@link NativeNetlink.receivedGroup}. */
  group: 0,
  /** receive: the byte where the datagram starts, a multiple of 4. */
  place: 1,
  /** receive: 1 if it lies in the ring of readAhead, 0 in the buffer. */
  ahead: 2,
  /** exchange: the result of receiving. */
  received: 3,
  /**
   * send, exchange, receive, sent: how long that took, in microseconds; 0 for a slow call from which another process
   * had merely taken the CPU.
   */
  took: 4,
  /** send, exchange, receive: a clock in microseconds, cut to 32 bits. */
  clock: 5,
  /** send, exchange, receive: the number of the event loop's turn, cut to 32 bits. */
  turn: 6,
} as const;

/** The native side of a netlink socket. One uv_poll_t over one owned fd. */
export interface NativeNetlink {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  /** The port id that the kernel gave the socket at bind. */
  readonly portId: number;
  /** Inode of the network namespace that the socket lives in (SIOCGSKNS); 0 where the kernel would not say. */
  readonly netnsInode: number;
  /** Datagrams skipped because their sender was not the kernel (nl_pid other than 0). */
  readonly foreignDatagrams: number;
  /**
   * The multicast group that the last datagram received was sent to, 0 for one sent to this socket alone
   * (NETLINK_PKTINFO, on from the first setMembership).
   */
  readonly receivedGroup: number;
  /**
   * The persistent receive buffer, made when it is first asked for; `receive()` fills it from its start, so read it
   * before the next call.
   */
  readonly buffer: Uint8Array;
  /** What the last calls have to say besides their result, in the words of {@link REPORT}: reading it costs nothing. */
  readonly report: Int32Array;
  /** One sendmsg(2), MSG_DONTWAIT. Returns the bytes sent. */
  send(bytes: Uint8Array, offset: number, length: number): Result;
  /**
   * Sends the first `length` of `bytes` and, where that went well, receives at once: rtnetlink answers while it is sent to. Returns
   * as `send()` does; `report` holds what `receive()` would have returned. -EBUSY while a thread reads ahead.
   */
  exchange(bytes: Uint8Array, length: number): Result;
  /**
   * `send()` of a copy of `bytes` on a thread, in order, for requests that would wait for somebody's lock. `onReadable`
   * of startPolling is called when `sent()` has something to tell. 0, or -EAGAIN where no thread can be had.
   */
  sendAside(bytes: Uint8Array): Result;
  /**
   * How the oldest `sendAside()` went, once: bytes sent or a negative errno; -ECANCELED for those behind one that the
   * kernel had no room for (-EAGAIN, -ENOBUFS). -EINPROGRESS until it is known. `report` says how long it took.
   */
  sent(): Result;
  /**
   * One datagram into `buffer`, never waiting: its length, or -EAGAIN when nothing waits, -ENOBUFS after an
   * overrun, -EMSGSIZE when it did not fit (it is lost). Datagrams not sent by the kernel are skipped.
   *
   * While a thread reads ahead: from its ring, in the same order, where `report` says; -EINPROGRESS when the thread is
   * at it, and then `onReadable` will be called. Once all is taken and the thread has ended, as before.
   */
  receive(): Result;
  /**
   * Receives what is there ahead of `receive()`, on a thread, into a ring, which is returned (the same one each
   * time). The thread ends by itself when nothing is there. -EALREADY while one does so already; -EAGAIN where no
   * thread can be had.
   */
  readAhead(): Uint8Array | Result;
  /**
   * As many datagrams as are there, one behind the other in `buffer`, each starting on a 4-byte boundary, with three
   * numbers each in `table`: length in bytes, multicast group, and the namespace it is from (-1: the socket's own, see
   * NETLINK_LISTEN_ALL_NSID). It stops where less than 64 KiB of `buffer` are left. Returns their number or, where
   * there is none, what `receive()` would. An error met after some is the next call's result.
   */
  receiveMany(table: Int32Array): Result;
  /** SO_ATTACH_FILTER: `program` is an array of struct sock_filter, 8 bytes each, in the host's byte order. */
  attachFilter(program: Uint8Array): Result;
  /** How many datagrams the kernel could not deliver so far (SO_MEMINFO): unsigned 32 bits, or a negative errno. */
  drops(): Result;
  /** Joins (NETLINK_ADD_MEMBERSHIP) or leaves a multicast group. */
  setMembership(group: number, member: boolean): Result;
  /** The name of a link in the socket's namespace (SIOCGIFNAME); -ENODEV where there is none. Waits for no lock. */
  linkName(index: number): string | Result;
  /** setsockopt(fd, level, name, int). */
  setOption(level: number, name: number, value: number): Result;
  /** getsockopt(fd, level, name) of an int; negative errno on failure. */
  getOption(level: number, name: number): Result;
  /**
   * Starts watching the fd. `onReadable(status)` runs whenever something can be received: status 0, or a
   * negative errno of the poll itself (the watcher has been restarted already: libuv stops it on EPOLLERR,
   * which is what an overrun causes). One callback for the life of the handle.
   */
  startPolling(onReadable: (status: number) => void): Result;
  /** Stops watching for a while: unread data would wake the event loop over and over. */
  pausePolling(): Result;
  resumePolling(): Result;
  /** Whether the watcher keeps the event loop alive. A new handle does not (unref'ed). */
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  /**
   * Idempotent. `fd` reads -1 at once. True where libuv or a thread has yet to let go: then `onClosed` runs once,
   * later, when they have. A thread in the kernel keeps the socket open until it is through.
   */
  close(onClosed?: () => void): boolean;
}

/** How {@link NativeBinding.openPipeline} opens its socket. */
export interface PipelineOpenOptions extends Omit<NetlinkOpenOptions, 'datagramCapacity'> {
  /** SO_SNDBUF in bytes, which bounds a window. SO_SNDBUFFORCE is tried first. */
  readonly sendBuffer: number;
}

/** What came back for one window. */
export interface NativeAnswer {
  /**
   * 0; or the errno of sendmsg (nothing of the window was carried out), or of recvmsg, above all -ENOBUFS: answers
   * were dropped; or -ECANCELED: not sent, because something before was refused.
   */
  readonly status: Result;
  /** Bytes of the window that the kernel has taken: all, none, or those of the messages up to the first refused. */
  readonly sent: number;
  /** The messages that answered, one after the other. */
  readonly bytes: Uint8Array;
}

/** The native side of a pipeline: a netlink socket that a thread of its own sends through and receives from. */
export interface NativePipeline {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  readonly portId: number;
  readonly netnsInode: number;
  /** getsockopt(fd, level, name) of an int; negative errno on failure. */
  getOption(level: number, name: number): Result;
  /** `onAnswered` runs when there may be something to collect. Once. */
  start(onAnswered: () => void): Result;
  /**
   * Queues the first `length` bytes, whole messages, of which the last asks for an acknowledgement; they are copied.
   * `stopAtRefusal`: one message for each sendmsg(2), each asking for an acknowledgement, and nothing is sent any more
   * after the first that is refused.
   */
  submit(bytes: Uint8Array, length: number, stopAtRefusal: boolean): Result;
  /** The answer to the oldest window not collected yet. Answers come in the order of their windows. */
  collect(): NativeAnswer | undefined;
  /** Drops the windows that have not been begun; takes no more. How many have been begun in all. */
  stop(): Result;
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  /**
   * Idempotent. `fd` reads -1 at once. Where the kernel is at a window nothing can interrupt it: the fd is closed, and
   * `onClosed` runs, when it is done.
   */
  close(onClosed?: () => void): void;
}

/** The native side of a handle that merely owns an fd, such as that of a network namespace. */
export interface NativeFd {
  readonly fd: number;
  /** Inode and device of what the fd refers to (fstat), 0 once closed. */
  readonly inode: number;
  readonly device: number;
  /** Another fd of the same open file: F_DUPFD_CLOEXEC, fcntl(2). -EBADF once closed. */
  duplicate(): NativeFd | Result;
  /** Idempotent; effective at once. */
  close(): Result;
  /** Gives the fd up: it is the caller's from here on, who closes it. -EBADF once closed or given up. */
  release(): Result;
}

/** Inodes of a socket and of the network namespace that it lives in. */
export interface SocketPlace {
  readonly socket: number;
  readonly netns: number;
}

/** How a process ended, waitid(2). */
export interface NativeExit {
  /** By a signal, which `status` is then; else `status` is the exit code. */
  readonly signaled: boolean;
  readonly coreDumped: boolean;
  readonly status: number;
  /** Times in microseconds, memory in bytes. Told to the parent only. */
  readonly usage?: {
    readonly userTime: number;
    readonly systemTime: number;
    readonly maxRss: number;
    readonly minorFaults: number;
    readonly majorFaults: number;
    readonly blocksIn: number;
    readonly blocksOut: number;
    readonly voluntarySwitches: number;
    readonly involuntarySwitches: number;
  };
}

/** The native side of a process, by its pidfd. */
export interface NativePidfd {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  readonly pid: number;
  /** pidfd_send_signal(2). 0 sends nothing; -ESRCH once the process has been reaped. */
  send(signal: number): Result;
  /** Whether it has ended, reaped or not. False once closed. */
  ended(): boolean;
  /**
   * How it ended. One of `spawn()` is reaped; any other child of ours is not. -EAGAIN while it runs, or its parent has
   * yet to reap it; another errno where the kernel does not tell.
   */
  exit(): NativeExit | Result;
  /** Calls `onExit` when it ends, by a poll over the pidfd. One callback for the life of the handle. */
  watch(onExit: () => void): Result;
  /** pidfd_getfd(2). */
  getFd(fd: number): NativeFd | Result;
  /** Whether the watcher keeps the event loop alive. A new handle does not (unref'ed). */
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  /**
   * Idempotent. `fd` reads -1 at once. One of `spawn()` that still runs is killed (SIGKILL) and reaped. True where that
   * has yet to happen, or libuv has yet to let go: then `onClosed` runs once, later.
   */
  close(onClosed?: () => void): boolean;
}

/** A mount namespace for a process of its own. */
export interface NativeMounts {
  readonly sysfs: boolean;
  /** Bind mounts: what, and where. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

/** What a process is to be. -1 where there is no fd. */
export interface NativeSpawnRequest {
  readonly argv: readonly string[];
  /** NAME=VALUE. */
  readonly env: readonly string[];
  /** Files to try, in turn, as execvp(3) does. */
  readonly paths: readonly string[];
  /** For each fd of the process one of ours, or -1 for /dev/null, or -2 for a pipe. */
  readonly stdio: readonly number[];
  readonly cwd: string | undefined;
  readonly cwdFd: number;
  readonly netnsFd: number;
  readonly cgroupFd: number;
  readonly mounts: NativeMounts | undefined;
  /** PR_SET_PDEATHSIG; 0 for none. */
  readonly deathSignal: number;
}

export interface NativeSpawned {
  readonly pidfd: NativePidfd;
  /** Our ends of the pipes, by the fd of the process: the caller's to close. */
  readonly pipes: readonly (number | undefined)[];
  /** It was moved into its cgroup, rather than born there. */
  readonly migrated: boolean;
}

/** Why there is no process: nothing is left of it. */
export interface NativeSpawnFailure {
  readonly errno: Result;
  readonly syscall: string;
  readonly path?: string;
}

/**
 * An open directory of a cgroup2 hierarchy. Files are named relative to it; no name leads out of it. Once the cgroup is
 * removed, calls give -ENODEV or -ENOENT.
 */
export interface NativeCgroup {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  /** Inode, which is the cgroup's id, and device; 0 once closed. */
  readonly inode: number;
  readonly device: number;
  /** One below it, as {@link NativeBinding.openCgroup} does. */
  open(path: string): NativeCgroup | Result;
  /** All of a file. */
  read(file: string): string | Result;
  /** One write(2). */
  write(file: string, text: string): Result;
  /**
   * `read()` and `write()` on a thread of Node's pool, for files that take the kernel long; `onDone` gets what they would
   * have returned. 0, or why it could not be begun: then `onDone` is not called.
   */
  readAside(file: string, onDone: (result: string | Result) => void): Result;
  writeAside(file: string, text: string, onDone: (result: Result) => void): Result;
  /** Names of the cgroups directly below, in no order. */
  children(): string[] | Result;
  /** mkdirat(2). */
  make(name: string): Result;
  /** unlinkat(2) of the child whose inode that is; -ESTALE where the name is another one's by now. */
  remove(name: string, inode: number): Result;
  /** flock(2), exclusive, never waiting: -EAGAIN where another open of the directory holds it. Ends with the fd. */
  lock(): Result;
  /** An extended attribute, xattr(7); -ENODATA where it is not set. */
  attribute(name: string): string | Result;
  /** Sets one that is not set yet: else -EEXIST. */
  setAttribute(name: string, value: string): Result;
  /** Sends a signal to each process in this very cgroup, by pidfd. How many were sent one. */
  signal(signal: number): Result;
  /** Idempotent. The fd is closed once what `readAside` and `writeAside` began is through. */
  close(): Result;
}

/** This thread's share of the one inotify instance that the process has for cgroup files. */
export interface NativeInotify {
  /** The fd number, the same in all threads; -1 from `close()` on. */
  readonly fd: number;
  /** Watches `file` below the directory that the fd `directory` is open on. The number of the watch; the same for the same file. */
  watch(directory: number, file: string, mask: number): Result;
  /** As often as it was watched. */
  unwatch(watch: number): void;
  /**
   * What has changed, each thing once, two elements for each: the number of the watch and, of a watched directory, the
   * name of the entry in it ('' otherwise). A watch of -1: the kernel's queue was full, and anything may have changed.
   */
  take(): (number | string)[] | Result;
  /** Whether it keeps the event loop alive. A new one does not. */
  setRef(on: boolean): void;
  hasRef(): boolean;
  /** Idempotent. `fd` reads -1 at once; true where `onClosed` will be called. */
  close(onClosed?: () => void): boolean;
}

/** A file that tells by POLLPRI: a PSI trigger, or an events file of a cgroup. */
export interface NativePriority {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  /** The file from its start, which is how an events file learns that its news was taken. */
  read(): string | Result;
  /** Stops watching for good: what has been removed would tell so over and over. */
  pause(): Result;
  /** Whether it keeps the event loop alive. A new one does not. */
  setRef(on: boolean): void;
  hasRef(): boolean;
  /** Idempotent. `fd` reads -1 at once; true where `onClosed` will be called. */
  close(onClosed?: () => void): boolean;
}

/** A connection of this thread to the supervisor of this process, or of another: whole messages, with fds. */
export interface NativeControl {
  /** The fd number, -1 from `close()` on. */
  readonly fd: number;
  /** sendmsg(2), never waiting; the fds stay the caller's. -EAGAIN where it is full, -EMSGSIZE for what is too long. */
  send(bytes: Uint8Array, fds: readonly number[]): Result;
  /** The next message, empty at the end; -EAGAIN where there is none. The fds are the caller's to close. */
  receive(): { readonly bytes: Uint8Array; readonly fds: readonly NativeFd[] } | Result;
  /** Whether it keeps the event loop alive. A new one does not. */
  setRef(on: boolean): void;
  hasRef(): boolean;
  /** Idempotent. `fd` reads -1 at once; true where `onClosed` will be called. */
  close(onClosed?: () => void): boolean;
}

export interface NativeBinding {
  /** The addon's own version, equal to package.json's. */
  readonly version: string;
  /** True in builds with sanitizers or assertions. */
  readonly debug: boolean;
  /** Opens and binds a netlink socket, in another netns on a short-lived thread of its own. */
  openNetlink(options: NetlinkOpenOptions): NativeNetlink | Result;
  /** Opens and binds a netlink socket as openNetlink does, and starts its thread. */
  openPipeline(options: PipelineOpenOptions): NativePipeline | Result;
  /** open(2), O_RDONLY | O_CLOEXEC, and NS_GET_NSTYPE must say CLONE_NEWNET (else -EINVAL). */
  openNetns(path: string): NativeFd | Result;
  /** A new, unnamed network namespace, made on a short-lived thread: nothing but this fd keeps it alive. */
  createNetns(): NativeFd | Result;
  /** The netns of a process by pidfd (setns-free: opens /proc/PID/ns/net and checks the pidfd is still alive). */
  openNetnsOfPid(pid: number): NativeFd | Result;
  /** Takes over a duplicate of an fd (F_DUPFD_CLOEXEC), checked as openNetns checks. */
  duplicateNetns(fd: number): NativeFd | Result;
  /**
   * Bind-mounts the namespace onto an existing file / unmounts it (MNT_DETACH): what `ip netns add` does.
   */
  mountNetns(netnsFd: number, path: string): Result;
  unmountNetns(path: string): Result;
  /**
   * Makes a directory a mount that propagates (MS_SHARED), bind-mounting it onto itself first where it is no
   * mount point yet. Under a lock on the directory, the one that `ip netns add` takes: two who bind at once
   * would nest mounts.
   */
  shareMount(directory: string): Result;
  /** pidfd_open(2). -ESRCH where there is no such process. */
  openPidfd(pid: number): NativePidfd | Result;
  /** Starts a program, as vfork(2) and execve(2) do: when it returns, the program runs. */
  spawn(request: NativeSpawnRequest): NativeSpawned | NativeSpawnFailure;
  /** prctl(2), PR_SET_CHILD_SUBREAPER and PR_GET_CHILD_SUBREAPER: 0 or 1. */
  setSubreaper(on: boolean): Result;
  isSubreaper(): Result;
  /** Pids of what `spawn()` started in this thread and has not been reaped yet. */
  spawnedChildren(): number[];
  /** Reaps a child that has ended. -ECHILD if it is none of ours; -EAGAIN while it runs. */
  reapChild(pid: number): NativeExit | Result;
  /** socket(2) in a network namespace, on a short-lived thread; SOCK_CLOEXEC is added to `type`. */
  openSocket(netnsFd: number, family: number, type: number, protocol: number): NativeFd | Result;
  /**
   * bind(2) of a socket of AF_INET or AF_INET6 to a numeric address. `zone`, or '', is the link of a link-local one; `reuse`
   * is SO_REUSEADDR. 0, or a negative errno.
   */
  bindSocket(fd: number, address: string, port: number, zone: string, reuse: boolean): Result;
  /**
   * Where the socket lives that is an fd of another process: pidfd_getfd(2) and SIOCGSKNS. -ENOTTY if it is no socket,
   * -ESRCH, -EBADF if it is gone, -EPERM without the right to trace the process, or CAP_NET_ADMIN over the namespace.
   */
  netnsOfSocket(pid: number, fd: number): SocketPlace | Result;
  /**
   * Opens the directory `path` below `root` ('.' for itself), where cgroup2 is mounted on `root` or above it: -ENOTSUP
   * where it is not. openat2(2) with RESOLVE_BENEATH: -EXDEV for a path that leads out, -ELOOP for a symbolic link.
   */
  openCgroup(root: string, path: string): NativeCgroup | Result;
  /**
   * Joins the process's inotify instance, making it where nobody has it yet: -EMFILE beyond max_user_instances,
   * -EEXIST where this thread has joined it already.
   */
  openInotify(onReady: () => void): NativeInotify | Result;
  /**
   * Opens `file` below the directory that the fd `directory` is open on, and watches it. With a `trigger` that is not
   * '' it becomes a PSI trigger, and a directory of -1 is /proc/pressure. `onReady` gets 0, or a negative errno.
   */
  openPriority(
    directory: number,
    file: string,
    trigger: string,
    onReady: (status: number) => void,
  ): NativePriority | Result;
  /** Connects to the supervisor of this process, and starts it, an executable, where there is none yet. */
  connectSupervisor(program: string, onReady: () => void): NativeControl | NativeSpawnFailure;
  /**
   * Connects to the supervisor of another process. pidfd_getfd: -EPERM without the right to trace it, -EBADF where it
   * lets nobody in; -ENOTSOCK where it is none.
   */
  visitSupervisor(pidfd: number, onReady: () => void): NativeControl | NativeSpawnFailure;
  /** TIOCSWINSZ, of a terminal or its other side. */
  setWindowSize(fd: number, columns: number, rows: number): Result;
  /** Takes a terminal's bytes as they are, both ways: cfmakeraw(3). What it was before, for restoreTerminal(). */
  makeRaw(fd: number): Uint8Array | Result;
  restoreTerminal(fd: number, before: Uint8Array): Result;
  /** pipe2(2): the end to read and the end to write. */
  openPipe(): readonly [NativeFd, NativeFd] | Result;
  /** Native handles open now in this environment, for tests. */
  openHandles(): number;
  /**
   * For canaries only: opens an fd that nothing owns, or allocates memory that nothing frees.
   * Present only where the environment variable COFFERDAM_CANARY is set when the addon loads.
   */
  readonly plantLeak?: (what: 'fd' | 'memory') => Result;
  /** Makes LeakSanitizer look now rather than at exit; true if it found something. Only in sanitized builds. */
  readonly checkLeaks?: () => boolean;
}
