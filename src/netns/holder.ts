/** Who keeps a network namespace alive, network_namespaces(7). */

/** Plain data: what was seen at one moment, which may have passed. */
export type NetnsHolder =
  /** It lives there: its first thread does. */
  | { readonly type: 'process'; readonly pid: number; readonly comm: string }
  /** A thread that lives elsewhere than the first thread of its process. */
  | { readonly type: 'thread'; readonly pid: number; readonly tid: number; readonly comm: string }
  /** It has the namespace open. */
  | { readonly type: 'fd'; readonly pid: number; readonly comm: string; readonly fds: readonly number[] }
  /**
   * The namespace is mounted on a file, as `ip netns` does. `path` is that which the process `pid` sees; the mount is in
   * the mount namespace `mnt:[mountNamespace]`, and one that propagates is a mount, and a holder, in each.
   */
  | {
      readonly type: 'mount';
      readonly mountNamespace: number;
      readonly path: string;
      readonly pid: number;
    }
  /** It has sockets there, and lives elsewhere. */
  | { readonly type: 'socket'; readonly pid: number; readonly comm: string; readonly fds: readonly number[] };

export interface FoundNetns {
  /** As in `net:[4026531840]`. */
  readonly inode: number;
  readonly device: number;
  /** Its names in /run/netns. */
  readonly names: readonly string[];
  /** The processes that live in it. */
  readonly pids: readonly number[];
  readonly holders: readonly NetnsHolder[];
  /** The id by which the namespace of `numberedBy` knows it, where that was asked for and there is one. */
  readonly nsid?: number;
}

/** What could not be looked at, and may hold more. Even root may be refused a process of a user namespace above its own. */
export interface Unseen {
  /** Processes whose namespace may not be read: CAP_SYS_PTRACE, ptrace(2). */
  readonly processes: number;
  /** Processes whose fds may not be read. */
  readonly fdTables: number;
  /** Processes whose mounts may not be read. */
  readonly mountTables: number;
  /** Sockets that may not be asked. */
  readonly sockets: number;
}

export interface NetnsSurvey {
  /** By inode. */
  readonly namespaces: readonly FoundNetns[];
  readonly unseen: Unseen;
}
