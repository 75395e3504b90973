/** A specification as a configuration again: checked once more, it is the same. */
import type { Size } from '../../cgroup/limit-values.ts';
import type { Duration, NetworkConfig, RootConfig, SystemConfig } from './config.ts';
import { formatDuration } from './durations.ts';
import type { NetworkSpec, RootSpec, SystemSpec } from './spec.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The configuration of a system: plain, for JSON and YAML. Limits that were not asked for are left out. */
export function systemConfigOf(spec: SystemSpec): SystemConfig {
  const { name, group, lifecycle, monitoring, security, environment, workdir, user, hostname } = spec;
  const { uidMap, gidMap } = security;
  return {
    name,
    ...(group !== '' && { group }),
    resource_limits: limitsOf(spec),
    lifecycle: {
      timeout: formatDuration(lifecycle.timeout),
      grace_period: formatDuration(lifecycle.gracePeriod),
      cleanup_delay: formatDuration(lifecycle.cleanupDelay),
      idle_timeout: timeOrNone(lifecycle.idleTimeout),
      cpu_time: timeOrNone(lifecycle.cpuTime),
    },
    monitoring: {
      interval: formatDuration(monitoring.interval),
      memory_threshold: monitoring.memoryThreshold,
      cpu_threshold: monitoring.cpuThreshold,
      pids_threshold: monitoring.pidsThreshold,
      action: monitoring.action,
    },
    security: {
      namespaces: [...security.namespaces],
      capabilities: { drop: security.dropCapabilities },
      seccomp: typeof security.seccomp === 'string' ? security.seccomp : security.seccomp.profile,
      apparmor: security.apparmor ?? 'none',
      landlock:
        security.landlock === undefined
          ? 'none'
          : { read_only: security.landlock.readOnly, read_write: security.landlock.readWrite },
      masked_paths: security.maskedPaths,
      readonly_paths: security.readonlyPaths,
      ...(uidMap !== undefined && { uid_map: uidMap }),
      ...(gidMap !== undefined && { gid_map: gidMap }),
      no_new_privs: security.noNewPrivs,
    },
    // What needs a namespace is not said without it: it says nothing but the defaults then.
    ...(security.namespaces.has('mount') && { root: rootOf(spec.root) }),
    network: networkOf(spec.network),
    logs: spec.logs === undefined ? 'none' : { max: sizeOf(BigInt(spec.logs.max)) },
    ...(hostname !== name && { hostname }),
    environment,
    workdir,
    user,
  };
}

type Limits = Mutable<Record<string, Mutable<Record<string, unknown>>>>;

function limitsOf({
  explicit,
  limits,
  ioBandwidth,
}: SystemSpec): NonNullable<SystemConfig['resource_limits']> {
  const { memory, cpu, pids, io, cpuset } = limits;
  const all: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    memory: {
      max: memory?.max,
      swap: memory?.swapMax,
      high: memory?.high,
      low: memory?.low,
      min: memory?.min,
      oom_group: memory?.oomGroup,
    },
    cpu: { weight: cpu?.weight, max: cpu?.max },
    pids: { max: pids?.max },
    io: { weight: io?.weight, max: ioBandwidth ?? 'max' },
    cpuset: { cpus: cpuset?.cpus, mems: cpuset?.mems },
  };
  const asked: Limits = {};
  for (const [name, group] of Object.entries(all)) {
    for (const [key, value] of Object.entries(group)) {
      if (!explicit.has(`resource_limits.${name}.${key}`)) continue;
      asked[name] ??= {};
      asked[name][key] = typeof value === 'bigint' ? sizeOf(value) : value;
    }
  }
  return asked;
}

/** As text, in the largest unit that fits: numbers of JSON end at 2^53. */
function sizeOf(bytes: bigint): Size {
  if (bytes === 0n) return '0';
  let value = bytes;
  let unit = 0;
  while (unit < UNITS.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    unit++;
  }
  return `${value}${UNITS[unit]}`;
}
const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

function timeOrNone(time: number | undefined): Duration {
  return time === undefined ? 'none' : formatDuration(time);
}

function rootOf({ layers, upper, binds, exports }: RootSpec): RootConfig {
  return {
    layers,
    ...(upper.kind === 'tmpfs' ? { upper: 'tmpfs', size: sizeOf(upper.size) } : { upper: upper.path }),
    binds: binds.map(({ source, target, readOnly }) => ({ source, target, read_only: readOnly })),
    exports,
  };
}

function networkOf(network: NetworkSpec): 'none' | 'host' | NetworkConfig {
  if (network.kind !== 'veth') return network.kind;
  const { bridge, address, gateway, routes, nat, forwards, mtu } = network;
  return {
    bridge,
    address,
    gateway,
    routes: routes.map(({ dst, via }) => ({ dst, ...(via !== undefined && { via }) })),
    nat,
    forwards: forwards.map(({ protocol, hostAddress, hostPort, port }) => ({
      protocol,
      ...(hostAddress !== undefined && { host_address: hostAddress }),
      host_port: hostPort,
      port,
    })),
    ...(mtu !== undefined && { mtu }),
  };
}
