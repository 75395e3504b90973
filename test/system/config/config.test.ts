// What a configuration becomes: its defaults, and what every field of it says.
import { describe, expect, it } from 'vitest';
import { checkSystemConfig, type SystemConfig, type SystemSpec } from '../../../src/system/config/index.ts';
import { EXAMPLE, refusal } from './support.ts';

const M = 1n << 20n;
const G = 1n << 30n;

describe('the defaults', () => {
  it('are those of the case study', () => {
    expect(checkSystemConfig({ name: 'build-123' })).toEqual({
      name: 'build-123',
      group: '',
      limits: {
        memory: { max: G, swapMax: 500n * M, high: 800n * M },
        cpu: { weight: 100, max: { quota: 50_000, period: 100_000 } },
        pids: { max: 100n },
        io: { weight: 100 },
      },
      explicit: new Set(),
      ioBandwidth: 10n * M,
      lifecycle: {
        timeout: 3_600_000,
        gracePeriod: 30_000,
        cleanupDelay: 300_000,
        idleTimeout: undefined,
        cpuTime: undefined,
      },
      monitoring: {
        interval: 5000,
        memoryThreshold: 0.8,
        cpuThreshold: 0.9,
        pidsThreshold: 0.9,
        action: 'warn',
      },
      security: {
        namespaces: new Set(['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup']),
        dropCapabilities: ['CAP_NET_RAW', 'CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'],
        seccomp: 'default',
        apparmor: undefined,
        landlock: undefined,
        maskedPaths: expect.arrayContaining(['/proc/kcore', '/sys/firmware']),
        readonlyPaths: expect.arrayContaining(['/proc/sys', '/proc/sysrq-trigger']),
        uidMap: undefined,
        gidMap: undefined,
        noNewPrivs: true,
      },
      root: { layers: [], upper: { kind: 'tmpfs', size: G }, binds: [], exports: [] },
      network: { kind: 'none' },
      logs: undefined,
      hostname: 'build-123',
      environment: {},
      workdir: '/',
      user: { uid: 0, gid: 0 },
    } satisfies SystemSpec);
  });

  it.each([{}, { resource_limits: null, security: { capabilities: null }, environment: null }])(
    'hold for %j',
    (config) => {
      const { name, hostname, ...rest } = checkSystemConfig(config as unknown as SystemConfig);
      expect(name).toMatch(/^system-[0-9a-f]{8}$/);
      expect(hostname).toBe(name);
      const { name: _, hostname: __, ...same } = checkSystemConfig({ name: 'x' });
      expect(rest).toEqual(same);
    },
  );

  it('are not changed by who gets them', () => {
    const first = checkSystemConfig({});
    (first.security.namespaces as Set<string>).clear();
    expect(checkSystemConfig({}).security.namespaces.size).toBe(7);
  });
});

it('takes every field', () => {
  expect(checkSystemConfig(EXAMPLE)).toEqual({
    name: 'build-123',
    group: 'ci-jobs',
    limits: {
      memory: {
        max: 2n * G,
        swapMax: 500n * M,
        high: 1800n * M,
        low: 64n * M,
        min: 0n,
        oomGroup: true,
      },
      cpu: { weight: 200, max: { quota: 50_000, period: 100_000 } },
      pids: { max: 100n },
      io: { weight: 100 },
      cpuset: { cpus: '0-3', mems: '0' },
    },
    explicit: new Set(
      [
        ...['max', 'swap', 'high', 'low', 'min', 'oom_group'].map((key) => `memory.${key}`),
        ...['cpu.weight', 'cpu.max', 'pids.max', 'io.weight', 'io.max', 'cpuset.cpus', 'cpuset.mems'],
      ].map((key) => `resource_limits.${key}`),
    ),
    ioBandwidth: 10n * M,
    lifecycle: {
      timeout: 3_600_000,
      gracePeriod: 30_000,
      cleanupDelay: 300_000,
      idleTimeout: 600_000,
      cpuTime: 1_800_000,
    },
    monitoring: {
      interval: 5000,
      memoryThreshold: 0.8,
      cpuThreshold: 0.9,
      pidsThreshold: 0.9,
      action: 'warn',
    },
    security: {
      namespaces: new Set(['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup']),
      dropCapabilities: ['CAP_NET_RAW', 'CAP_SYS_ADMIN'],
      seccomp: { profile: '/etc/cofferdam/profile.json' },
      apparmor: 'ci-job',
      landlock: { readOnly: ['/usr'], readWrite: ['/tmp'] },
      maskedPaths: ['/proc/kcore'],
      readonlyPaths: ['/proc/sys'],
      uidMap: [{ inside: 0, outside: 100_000, count: 65_536 }],
      gidMap: [{ inside: 0, outside: 100_000, count: 65_536 }],
      noNewPrivs: true,
    },
    root: {
      layers: ['/var/lib/layers/node', '/var/lib/layers/base'],
      upper: { kind: 'tmpfs', size: 512n * M },
      binds: [
        { source: '/var/cache/npm', target: '/cache', readOnly: true },
        { source: '/var/work', target: '/work', readOnly: false },
      ],
      exports: [{ source: '/var/work/report.xml', target: '/var/reports/build-123.xml' }],
    },
    network: {
      kind: 'veth',
      bridge: 'br0',
      address: ['10.1.0.2/24', 'fd00:1::2/64'],
      gateway: ['10.1.0.1', 'fd00:1::1'],
      routes: [
        { dst: '10.2.0.0/16', via: '10.1.0.9' },
        { dst: '10.3.0.0/16', via: undefined },
      ],
      nat: true,
      forwards: [
        { protocol: 'tcp', hostAddress: undefined, hostPort: 8080, port: 80 },
        { protocol: 'udp', hostAddress: '127.0.0.1', hostPort: 5353, port: 53 },
        { protocol: 'tcp', hostAddress: undefined, hostPort: 8443, port: 443 },
      ],
      mtu: 1400,
    },
    logs: { max: 1 << 20 },
    hostname: 'builder',
    environment: { CI: 'true', PORT: '8080' },
    workdir: '/work',
    user: { uid: 1000, gid: 100 },
  } satisfies SystemSpec);
});

describe('names', () => {
  it.each([
    [{ name: 'ci-jobs/build-123' }, 'ci-jobs', 'build-123'],
    [{ name: 'a/b/c' }, 'a/b', 'c'],
    [{ name: 'pr-789', group: 'preview-envs' }, 'preview-envs', 'pr-789'],
    [{ name: 'x', group: 'batch-jobs/' }, 'batch-jobs', 'x'],
    [{ name: 'x' }, '', 'x'],
  ])('%j', (config, group, name) => expect(checkSystemConfig(config)).toMatchObject({ group, name }));

  it.each([{ name: 'batch-jobs/' }, { group: 'batch-jobs' }, { group: 'batch-jobs/' }])(
    'any name in a group: %j',
    (config) => {
      const { group, name } = checkSystemConfig(config);
      expect([group, name]).toEqual(['batch-jobs', expect.stringMatching(/^system-/)]);
    },
  );

  it.each([
    '',
    '/',
    '/x',
    'a//b',
    '-x',
    '.',
    '..',
    'a/..',
    'a b',
    'ü',
    'x'.repeat(65),
    'memory.max',
    'cgroup.x/y',
    5,
  ])('none: %j', (name) => {
    expect(refusal(() => checkSystemConfig({ name } as SystemConfig)).issues).toMatchObject([
      { field: 'name', value: name },
    ]);
  });
});

describe('memory.high', () => {
  const high = (memory: object) => checkSystemConfig({ resource_limits: { memory } }).limits.memory?.high;

  it('is the same part of any max, unless asked for', () => {
    expect(high({ max: '4G' })).toBe(3200n * M);
    expect(high({ max: 'max' })).toBe('max');
    expect(high({ max: 1 })).toBe(1n);
    expect(high({ max: '4G', high: '1G' })).toBe(G);
    expect(high({ high: 'max' })).toBe('max');
    expect(high({ swap: 0 })).toBe(800n * M);
  });
});

describe('the network', () => {
  it('is the network of the host where there is no namespace for another', () => {
    const spec = checkSystemConfig({ security: { namespaces: ['pid', 'mount'] } });
    expect(spec.network).toEqual({ kind: 'host' });
  });

  it('and a group without content needs none either', () => {
    const config = { root: null, security: { namespaces: ['pid'] } } as unknown as SystemConfig;
    expect(checkSystemConfig(config).root.upper.kind).toBe('tmpfs');
  });

  it('of the host needs no namespace', () => {
    const { network, security } = checkSystemConfig({ network: 'host' });
    expect(network).toEqual({ kind: 'host' });
    expect(security.namespaces.has('net')).toBe(false);
    expect(security.namespaces.size).toBe(6);
  });

  it('takes one address for several, and spells them as ip does', () => {
    const spec = checkSystemConfig({
      network: { bridge: 'br0', address: 'FD00:0::0:2/64', gateway: 'fe80::1' },
    });
    expect(spec.network).toMatchObject({ address: ['fd00::2/64'], gateway: ['fe80::1'] });
  });
});

describe('single values', () => {
  it.each([
    [1000, { uid: 1000, gid: 1000 }],
    ['1000', { uid: 1000, gid: 1000 }],
    ['0:5', { uid: 0, gid: 5 }],
    [{ uid: 7 }, { uid: 7, gid: 7 }],
    [
      { uid: 7, gid: 8 },
      { uid: 7, gid: 8 },
    ],
  ])('user: %j', (user, expected) => expect(checkSystemConfig({ user }).user).toEqual(expected));

  it.each([
    ['/a', { source: '/a', target: '/a', readOnly: false }],
    ['/a:ro', { source: '/a', target: '/a', readOnly: true }],
    ['/a/:/b//c/:rw', { source: '/a', target: '/b/c', readOnly: false }],
    ['/:/host:ro', { source: '/', target: '/host', readOnly: true }],
    [{ source: '/a' }, { source: '/a', target: '/a', readOnly: false }],
  ])('bind: %j', (bind, expected) =>
    expect(checkSystemConfig({ root: { binds: [bind] } }).root.binds).toEqual([expected]),
  );

  it('all capabilities', () => {
    const { security } = checkSystemConfig({ security: { capabilities: { drop: ['all'] } } });
    expect(security.dropCapabilities).toHaveLength(41);
    expect(checkSystemConfig({ security: { capabilities: { drop: [] } } }).security.dropCapabilities).toEqual(
      [],
    );
  });

  it('a disk to write to', () => {
    expect(checkSystemConfig({ root: { upper: '/var/lib/upper' } }).root.upper).toEqual({
      kind: 'disk',
      path: '/var/lib/upper',
    });
  });

  it('no limit of bandwidth', () => {
    expect(checkSystemConfig({ resource_limits: { io: { max: 'max' } } }).ioBandwidth).toBe(undefined);
  });
});
