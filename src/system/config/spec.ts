/** What a disposable system is to be: a checked configuration with all its defaults filled in. */
import type { CgroupLimits } from '../../cgroup/index.ts';

/** Kinds of namespaces, as /proc/PID/ns spells them; `mount` is its `mnt`. */
export type Namespace = 'pid' | 'net' | 'mount' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time';

/** Times in milliseconds, sizes in bytes. Addresses are spelled as `ip` spells them. */
export interface SystemSpec {
  /** 'build-123' */
  readonly name: string;
  /** 'ci-jobs', 'ci-jobs/nightly'; '' for none. */
  readonly group: string;
  /** Limits of the system's cgroup, all but io.max: its devices are known once there is a root. */
  readonly limits: CgroupLimits;
  /**
   * Limits that were asked for rather than taken from the defaults, as errors name them: 'resource_limits.memory.max'. A
   * host may lack the controller of a default; one that was asked for has to be there.
   */
  readonly explicit: ReadonlySet<string>;
  /** Bytes a second, read and written, on each device that backs the system; undefined for no limit. */
  readonly ioBandwidth: bigint | undefined;
  readonly lifecycle: LifecycleSpec;
  readonly monitoring: MonitoringSpec;
  readonly security: SecuritySpec;
  readonly root: RootSpec;
  readonly network: NetworkSpec;
  readonly logs: LogsSpec | undefined;
  readonly hostname: string;
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** The directory inside that programs start in. */
  readonly workdir: string;
  /** Who programs run as, inside. */
  readonly user: UserSpec;
}

export interface LifecycleSpec {
  /** From the start of the system to its end. */
  readonly timeout: number;
  /** From SIGTERM to SIGKILL. */
  readonly gracePeriod: number;
  /** How long a name is kept after its system. */
  readonly cleanupDelay: number;
  /** How long a system may do nothing; undefined for as long as it likes. */
  readonly idleTimeout: number | undefined;
  /** CPU time of all processes together; undefined for no limit. */
  readonly cpuTime: number | undefined;
}

export interface MonitoringSpec {
  readonly interval: number;
  /** Parts of memory.max, of cpu.max and of pids.max, above 0 and up to 1. */
  readonly memoryThreshold: number;
  readonly cpuThreshold: number;
  readonly pidsThreshold: number;
  /** What comes of too much for too long: it is told, or the system is ended as well. */
  readonly action: 'warn' | 'stop';
}

/** A range of ids of a user namespace: user_namespaces(7). */
export interface IdMap {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Paths below which a system may do something with files, whatever else it is allowed: landlock(7). */
export interface LandlockSpec {
  /** To read and to execute. */
  readonly readOnly: readonly string[];
  readonly readWrite: readonly string[];
}

export interface SecuritySpec {
  readonly namespaces: ReadonlySet<Namespace>;
  /** 'CAP_SYS_ADMIN'; out of the bounding set, and so out of all others. */
  readonly dropCapabilities: readonly string[];
  /** A profile is the path of a file of OCI's JSON, on the host. */
  readonly seccomp: 'default' | 'unconfined' | { readonly profile: string };
  /** The name of a profile that the host has loaded. */
  readonly apparmor: string | undefined;
  readonly landlock: LandlockSpec | undefined;
  /** Paths inside that are covered, so that they are empty. */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Undefined: chosen where the system is made. */
  readonly uidMap: readonly IdMap[] | undefined;
  readonly gidMap: readonly IdMap[] | undefined;
  readonly noNewPrivs: boolean;
}

/** Where what a system writes goes. */
export type UpperSpec =
  | { readonly kind: 'tmpfs'; readonly size: bigint }
  | { readonly kind: 'disk'; readonly path: string };

export interface BindSpec {
  /** On the host. */
  readonly source: string;
  /** Inside. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** What is copied out when a system ends. */
export interface ExportSpec {
  /** Inside. */
  readonly source: string;
  /** On the host. */
  readonly target: string;
}

export interface RootSpec {
  /** Directories of the host, the topmost first, as overlayfs orders them; none for the host's own root. */
  readonly layers: readonly string[];
  readonly upper: UpperSpec;
  readonly binds: readonly BindSpec[];
  readonly exports: readonly ExportSpec[];
}

export interface ForwardSpec {
  readonly protocol: 'tcp' | 'udp';
  /** The address of the host that is listened at; undefined for all. */
  readonly hostAddress: string | undefined;
  readonly hostPort: number;
  /** Inside. */
  readonly port: number;
}

export interface RouteSpec {
  /** '10.2.0.0/16' */
  readonly dst: string;
  /** Undefined: on the link itself. */
  readonly via: string | undefined;
}

/** A veth pair, one end inside, one in a bridge of the host's. */
export interface VethSpec {
  readonly kind: 'veth';
  readonly bridge: string;
  /** With their prefixes: '10.1.0.2/24'. */
  readonly address: readonly string[];
  /** One for each family at most. */
  readonly gateway: readonly string[];
  readonly routes: readonly RouteSpec[];
  /** Whether what leaves the host takes the host's address. */
  readonly nat: boolean;
  readonly forwards: readonly ForwardSpec[];
  readonly mtu: number | undefined;
}

/** What is kept of what programs write to stdout and stderr. */
export interface LogsSpec {
  /** Bytes, with those that say when and where each piece was written. */
  readonly max: number;
}

/** `none` is a loopback device alone, `host` is the network of the host. */
export type NetworkSpec = { readonly kind: 'none' } | { readonly kind: 'host' } | VethSpec;

export interface UserSpec {
  readonly uid: number;
  readonly gid: number;
}
