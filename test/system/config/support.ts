import {
  type ConfigIssue,
  parseSystemConfig,
  type SystemConfig,
  SystemConfigError,
} from '../../../src/system/config/index.ts';

/** The error that `read` ends with. */
export function refusal(read: () => unknown): SystemConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof SystemConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What is wrong with a text. */
export function issuesOf(text: string | Uint8Array): readonly ConfigIssue[] {
  return refusal(() => parseSystemConfig(text)).issues;
}

/** The example of the documentation, with something in every group. */
export const EXAMPLE = {
  name: 'ci-jobs/build-123',
  resource_limits: {
    memory: { max: '2G', swap: '500M', high: '1800M', low: '64M', min: 0, oom_group: true },
    cpu: { weight: 200, max: '50000 100000' },
    pids: { max: 100 },
    io: { weight: 100, max: '10M' },
    cpuset: { cpus: '0-3', mems: [0] },
  },
  lifecycle: { timeout: '1h', grace_period: 30, cleanup_delay: '5m', idle_timeout: '10m', cpu_time: 1800 },
  monitoring: { interval: 5, memory_threshold: 0.8, cpu_threshold: 0.9, pids_threshold: 0.9, action: 'warn' },
  security: {
    namespaces: ['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup'],
    capabilities: { drop: ['CAP_SYS_ADMIN', 'net_raw'] },
    seccomp: '/etc/cofferdam/profile.json',
    apparmor: 'ci-job',
    landlock: { read_only: ['/usr'], read_write: ['/tmp'] },
    masked_paths: ['/proc/kcore'],
    readonly_paths: ['/proc/sys'],
    uid_map: ['0 100000 65536'],
    gid_map: [{ inside: 0, outside: 100_000, count: 65_536 }],
    no_new_privs: true,
  },
  root: {
    layers: ['/var/lib/layers/node', '/var/lib/layers/base'],
    upper: 'tmpfs',
    size: '512M',
    binds: ['/var/cache/npm:/cache:ro', { source: '/var/work', target: '/work' }],
    exports: ['/var/work/report.xml:/var/reports/build-123.xml'],
  },
  network: {
    bridge: 'br0',
    address: ['10.1.0.2/24', 'fd00:1::2/64'],
    gateway: ['10.1.0.1', 'fd00:1::1'],
    routes: ['10.2.0.0/16 via 10.1.0.9', { dst: '10.3.0.0/16' }],
    nat: true,
    forwards: ['8080:80/tcp', '127.0.0.1:5353:53/udp', { host_port: 8443, port: 443 }],
    mtu: 1400,
  },
  logs: { max: '1M' },
  hostname: 'builder',
  environment: { CI: 'true', PORT: 8080 },
  workdir: '/work',
  user: '1000:100',
} as const satisfies SystemConfig;
