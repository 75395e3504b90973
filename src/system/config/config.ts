/** The configuration of a system as it is written: in YAML, and as an object with the same keys. docs/systems-config.md */
import type { Count, CpuMax, Size } from '../../cgroup/limit-values.ts';
import type { Namespace } from './spec.ts';

/** Seconds, or '500ms', '30s', '5m', '1h', '7d', '1h30m'. */
export type Duration = number | string;

/** Everything may be left out. */
export interface SystemConfig {
  /** 'build-123', or 'ci-jobs/build-123' with the group before it. Default: a name nobody has. */
  readonly name?: string;
  /** 'ci-jobs'. Default: what stands before the name, or none. */
  readonly group?: string;
  readonly resource_limits?: LimitsConfig;
  readonly lifecycle?: LifecycleConfig;
  readonly monitoring?: MonitoringConfig;
  readonly security?: SecurityConfig;
  readonly root?: RootConfig;
  /** Default: none, which is a loopback device alone. */
  readonly network?: 'none' | 'host' | NetworkConfig;
  /** What is kept of what programs write, up to 1G. Default: 'none'. */
  readonly logs?: 'none' | { readonly max: Size };
  /** Default: the name. */
  readonly hostname?: string;
  /** All of it: nothing is inherited. */
  readonly environment?: Readonly<Record<string, string | number>>;
  /** Default: '/'. */
  readonly workdir?: string;
  /** Numbers, inside: 1000, '1000:100', { uid, gid }. The group is the user's number unless given. Default: 0. */
  readonly user?: number | string | { readonly uid: number; readonly gid?: number };
}

/** Sizes in bytes, or as '64K', '1.5G'; 'max' for no limit. */
export interface LimitsConfig {
  readonly memory?: {
    /** Default: '1G'. */
    readonly max?: Size;
    /** Default: '500M'. */
    readonly swap?: Size;
    /** Default: '800M', and with another max the same part of that. */
    readonly high?: Size;
    readonly low?: Size;
    readonly min?: Size;
    readonly oom_group?: boolean;
  };
  readonly cpu?: {
    /** 1 to 10,000. Default: 100. */
    readonly weight?: number;
    /** Microseconds. Default: '50000 100000'. */
    readonly max?: CpuMax | string | number;
  };
  readonly pids?: {
    /** Default: 100. */
    readonly max?: Count;
  };
  readonly io?: {
    /** 1 to 10,000. Default: 100. */
    readonly weight?: number;
    /** Bytes a second. Default: '10M'. */
    readonly max?: Size;
  };
  readonly cpuset?: {
    /** '0-3,6' or [0, 1]. */
    readonly cpus?: string | readonly number[];
    readonly mems?: string | readonly number[];
  };
}

export interface LifecycleConfig {
  /** Default: an hour. */
  readonly timeout?: Duration;
  /** Default: 30 seconds. */
  readonly grace_period?: Duration;
  /** Default: 5 minutes. */
  readonly cleanup_delay?: Duration;
  /** Default: 'none'. */
  readonly idle_timeout?: Duration;
  /** Default: 'none'. */
  readonly cpu_time?: Duration;
}

export interface MonitoringConfig {
  /** Default: 5 seconds. */
  readonly interval?: Duration;
  /** Above 0, up to 1. Default: 0.8. */
  readonly memory_threshold?: number;
  /** Above 0, up to 1. Default: 0.9. */
  readonly cpu_threshold?: number;
  /** Above 0, up to 1. Default: 0.9. */
  readonly pids_threshold?: number;
  /** Default: 'warn'. */
  readonly action?: 'warn' | 'stop';
}

/** A range of ids: '0 100000 65536' (inside, outside, count), as in /proc/PID/uid_map, or an object. */
export type IdMapConfig =
  | string
  | { readonly inside: number; readonly outside: number; readonly count: number };

export interface SecurityConfig {
  /** Default: all but time. */
  readonly namespaces?: readonly Namespace[];
  readonly capabilities?: {
    /** With or without CAP_; 'ALL' for all. Default: CAP_SYS_ADMIN, CAP_NET_RAW, CAP_SYS_PTRACE. */
    readonly drop?: readonly string[];
  };
  /** 'default', 'unconfined', or the path of a profile in OCI's JSON. Default: 'default'. */
  readonly seccomp?: string;
  /** The name of a profile of the host's. Default: 'none'. */
  readonly apparmor?: string;
  /** Default: 'none'. */
  readonly landlock?:
    | 'none'
    | { readonly read_only?: readonly string[]; readonly read_write?: readonly string[] };
  /** Default: those of OCI. */
  readonly masked_paths?: readonly string[];
  /** Default: those of OCI. */
  readonly readonly_paths?: readonly string[];
  readonly uid_map?: readonly IdMapConfig[];
  readonly gid_map?: readonly IdMapConfig[];
  /** Default: true. */
  readonly no_new_privs?: boolean;
}

export interface RootConfig {
  /** Directories of the host, the topmost first. Default: the root of the host. */
  readonly layers?: readonly string[];
  /** 'tmpfs', or a directory of the host. Default: 'tmpfs'. */
  readonly upper?: string;
  /** Of the tmpfs. Default: '1G'. */
  readonly size?: Size;
  /** '/source:/target:ro', '/same', or objects. */
  readonly binds?: readonly (string | BindConfig)[];
  /** '/inside:/outside', or objects. */
  readonly exports?: readonly (string | ExportConfig)[];
}

export interface BindConfig {
  readonly source: string;
  /** Default: as the source. */
  readonly target?: string;
  /** Default: false. */
  readonly read_only?: boolean;
}

export interface ExportConfig {
  /** Inside. */
  readonly source: string;
  /** On the host. */
  readonly target: string;
}

/** A veth pair, one end inside, one in a bridge of the host's. */
export interface NetworkConfig {
  readonly bridge: string;
  /** With the length of the prefix: '10.1.0.2/24'. */
  readonly address: string | readonly string[];
  /** One for each family at most. */
  readonly gateway?: string | readonly string[];
  /** '10.2.0.0/16 via 10.1.0.9', '10.3.0.0/16', or objects. */
  readonly routes?: readonly (string | RouteConfig)[];
  /** Whether what leaves the host takes the host's address. Default: false. */
  readonly nat?: boolean;
  /** '8080:80/tcp', '127.0.0.1:8080:80', or objects. */
  readonly forwards?: readonly (string | ForwardConfig)[];
  readonly mtu?: number;
}

export interface RouteConfig {
  readonly dst: string;
  /** Default: none, on the link itself. */
  readonly via?: string;
}

export interface ForwardConfig {
  /** Default: 'tcp'. */
  readonly protocol?: 'tcp' | 'udp';
  /** Default: all addresses of the host. */
  readonly host_address?: string;
  readonly host_port: number;
  readonly port: number;
}
