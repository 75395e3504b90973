/** From fields that were read and checked to what a system is to be. */
import { randomBytes } from 'node:crypto';
import type { CgroupLimits } from '../../cgroup/index.ts';
import type { SettledConfig } from './fields.ts';
import { droppedCapabilities } from './fields-security.ts';
import type { Namespace, SystemSpec } from './spec.ts';

type Given = Readonly<Record<string, unknown>>;
type Memory = SettledConfig['resource_limits']['memory'];

/** What is chosen where no name is given. */
const GENERATED = /^system-[0-9a-f]{8}$/;
export const isGenerated = (name: string): boolean => GENERATED.test(name);

export function settle(config: SettledConfig, given: Given): SystemSpec {
  const { lifecycle, monitoring, root, environment, workdir, user, resource_limits: limits } = config;
  const name = config.name?.name ?? `system-${randomBytes(4).toString('hex')}`;
  const explicit = explicitLimits(given.resource_limits);
  const namespaces = new Set<Namespace>(config.security.namespaces);
  // A network that is left out is what there can be; a network of the host's is one without a namespace.
  const network =
    given.network === undefined && !namespaces.has('net') ? ({ kind: 'host' } as const) : config.network;
  if (network.kind === 'host') namespaces.delete('net');
  return {
    name,
    group: config.name?.group ?? config.group ?? '',
    limits: cgroupLimits(limits, explicit),
    explicit,
    ioBandwidth: limits.io.max === 'max' ? undefined : limits.io.max,
    lifecycle: {
      timeout: lifecycle.timeout,
      gracePeriod: lifecycle.grace_period,
      cleanupDelay: lifecycle.cleanup_delay,
      idleTimeout: lifecycle.idle_timeout,
      cpuTime: lifecycle.cpu_time,
    },
    monitoring: {
      interval: monitoring.interval,
      memoryThreshold: monitoring.memory_threshold,
      cpuThreshold: monitoring.cpu_threshold,
      pidsThreshold: monitoring.pids_threshold,
      action: monitoring.action,
    },
    security: securitySpec(config.security, namespaces),
    root: {
      layers: root.layers,
      upper: root.upper === 'tmpfs' ? { kind: 'tmpfs', size: root.size } : { kind: 'disk', path: root.upper },
      binds: root.binds,
      exports: root.exports,
    },
    network,
    logs: config.logs,
    hostname: config.hostname ?? name,
    environment,
    workdir,
    user,
  };
}

function securitySpec(
  security: SettledConfig['security'],
  namespaces: ReadonlySet<Namespace>,
): SystemSpec['security'] {
  return {
    namespaces,
    dropCapabilities: droppedCapabilities(security.capabilities.drop),
    seccomp: security.seccomp,
    apparmor: security.apparmor,
    landlock: security.landlock,
    maskedPaths: security.masked_paths,
    readonlyPaths: security.readonly_paths,
    uidMap: security.uid_map,
    gidMap: security.gid_map,
    noNewPrivs: security.no_new_privs,
  };
}

function cgroupLimits(limits: SettledConfig['resource_limits'], explicit: ReadonlySet<string>): CgroupLimits {
  const { max, swap, low, min, oom_group: oomGroup } = limits.memory;
  const { cpus, mems } = limits.cpuset;
  return {
    memory: {
      max,
      high: highOf(limits.memory, explicit),
      swapMax: swap,
      ...(low !== undefined && { low }),
      ...(min !== undefined && { min }),
      ...(oomGroup !== undefined && { oomGroup }),
    },
    cpu: limits.cpu,
    pids: limits.pids,
    io: { weight: limits.io.weight },
    ...((cpus ?? mems) !== undefined && {
      cpuset: { ...(cpus !== undefined && { cpus }), ...(mems !== undefined && { mems }) },
    }),
  };
}

/** 800M of 1G. The default follows a max that was asked for: else a system of 4G would be slowed down at 800M. */
function highOf({ max, high }: Memory, explicit: ReadonlySet<string>): bigint | 'max' {
  const follows = explicit.has('resource_limits.memory.max') && !explicit.has('resource_limits.memory.high');
  if (!follows) return high;
  return max === 'max' ? max : (max * 25n) / 32n || 1n;
}

function explicitLimits(limits: unknown): ReadonlySet<string> {
  const groups = Object.entries((limits ?? {}) as Readonly<Record<string, Given | null>>);
  return new Set(
    groups.flatMap(([name, group]) =>
      Object.entries(group ?? {}).flatMap(([key, value]) =>
        value === undefined ? [] : [`resource_limits.${name}.${key}`],
      ),
    ),
  );
}
