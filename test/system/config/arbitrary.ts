// Configurations by chance, all of them valid, in every spelling that fields have.
import fc from 'fast-check';
import type { LimitsConfig, NetworkConfig, SystemConfig } from '../../../src/system/config/index.ts';

const G = 1 << 30;

/** An object with any of these keys. */
function some<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,12}$/).filter((name) => !name.includes('.'));
const step = fc.stringMatching(/^[A-Za-z0-9 _@=,é]{1,8}$/);
const path = fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => `/${steps.join('/')}`);
const paths = fc.uniqueArray(path, { maxLength: 3 });

/** In any spelling; the range has some megabytes in it. */
const size = (least: number, most: number) =>
  fc.oneof(
    fc.integer({ min: least, max: most }),
    fc.integer({ min: least, max: most }).map((bytes) => `${bytes}`),
    fc.integer({ min: Math.ceil(least / 1024), max: Math.floor(most / 1024) }).map((size) => `${size}K`),
    fc.constantFrom('1.5M', '7MiB', '3mb'),
  );

const memory = fc.oneof(
  some({ max: size(1, 2 ** 50), swap: fc.oneof(size(0, G), fc.constant('max')), oom_group: fc.boolean() }),
  some({ max: fc.constantFrom('max', '3G'), high: size(1, G), low: size(0, G), min: size(0, G) }),
);

const duration = fc.oneof(
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.integer({ min: 1, max: 9999 }).map((tenths) => tenths / 10),
  fc
    .tuple(fc.integer({ min: 100, max: 300 }), fc.constantFrom('ms', 's', 'm', 'h', 'd'))
    .map(([n, unit]) => n + unit),
  fc.constantFrom('1h30m', '1.5h'),
);
const durationOrNone = fc.oneof(duration, fc.constant('none'));
const part = fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true });

type CpuMax = NonNullable<NonNullable<LimitsConfig['cpu']>['max']>;

const limits = some<LimitsConfig>({
  memory,
  cpu: some({
    weight: fc.integer({ min: 1, max: 10_000 }),
    max: fc.constantFrom<CpuMax>(
      'max',
      '1000',
      5000,
      '70000 100000',
      { quota: 2000 },
      { quota: 'max', period: 5000 },
    ),
  }),
  pids: some({ max: fc.oneof(fc.integer({ min: 1, max: 2 ** 40 }), fc.constantFrom('max', '77')) }),
  io: some({ weight: fc.integer({ min: 1, max: 10_000 }), max: fc.oneof(size(1, G), fc.constant('max')) }),
  cpuset: some({ cpus: fc.constantFrom('0-3,6', [0, 1]), mems: fc.constantFrom('0', [0]) }),
});

const idMap = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.constantFrom('text', 'object')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((ranges) => {
    let next = 0;
    return ranges.map(([count, spelling]) => {
      const range = { inside: next, outside: 100_000 + next, count };
      next += count;
      return spelling === 'object' ? range : `${range.inside} ${range.outside} ${range.count}`;
    });
  });

const security = some<NonNullable<SystemConfig['security']>>({
  capabilities: some({
    drop: fc.uniqueArray(fc.constantFrom('CAP_SYS_ADMIN', 'net_raw', 'Bpf', 'ALL', 'CAP_CHOWN'), {
      maxLength: 4,
    }),
  }),
  seccomp: fc.oneof(fc.constantFrom('default', 'unconfined'), path),
  apparmor: fc.oneof(word, fc.constant('none')),
  landlock: fc.oneof(
    fc.constant('none' as const),
    some({ read_only: paths, read_write: paths }).filter((one) =>
      [one.read_only, one.read_write].flat().some(Boolean),
    ),
  ),
  masked_paths: paths,
  readonly_paths: paths,
  uid_map: idMap,
  gid_map: idMap,
  no_new_privs: fc.boolean(),
});

const binds = fc
  .uniqueArray(fc.tuple(path, path, fc.constantFrom('', ':ro', ':rw', 'object')), {
    maxLength: 3,
    selector: ([, to]) => to,
  })
  .map((all) =>
    all.map(([source, target, how]) =>
      how === 'object' ? { source, target, read_only: true } : `${source}:${target}${how}`,
    ),
  );
const exported = fc
  .uniqueArray(fc.tuple(path, path), { maxLength: 2, selector: ([, to]) => to })
  .map((all) => all.map(([from, to], i) => (i === 0 ? `${from}:${to}` : { source: from, target: to })));

const common = { layers: paths, binds, exports: exported };
const root = fc.oneof(
  some<NonNullable<SystemConfig['root']>>({ ...common, upper: fc.constant('tmpfs'), size: size(4096, G) }),
  some<NonNullable<SystemConfig['root']>>({ ...common, upper: path }),
);

const host = fc.integer({ min: 3, max: 200 });
const port = fc.integer({ min: 1, max: 65_535 });
const network: fc.Arbitrary<NetworkConfig> = fc.nat({ max: 255 }).chain((net) =>
  fc
    .tuple(
      fc.constantFrom<Pick<NetworkConfig, 'bridge' | 'address'>>(
        { bridge: 'br0', address: `10.1.${net}.2/24` },
        { bridge: 'br0', address: [`10.1.${net}.2/24`, `FD00:0:0:${net}::2/64`] },
      ),
      some<Omit<NetworkConfig, 'bridge' | 'address'>>({
        gateway: fc.oneof(
          host.map((last) => `10.1.${net}.${last}`),
          fc.constant([`10.1.${net}.1`, 'fe80::1']),
        ),
        routes: fc
          .uniqueArray(fc.nat({ max: 255 }), { maxLength: 3 })
          .map((nets) =>
            nets.map((one, i) =>
              i === 1 ? { dst: `10.${one}.0.0/16` } : `10.${one}.0.0/16 via 10.1.${net}.9`,
            ),
          ),
        nat: fc.boolean(),
        forwards: fc
          .uniqueArray(fc.tuple(port, port), { maxLength: 4, selector: ([outer]) => outer })
          .map((all) =>
            all.map(([outer, inner], i) => {
              if (i === 0) return `${outer}:${inner}`;
              if (i === 1) return `127.0.0.1:${outer}:${inner}/udp`;
              return { host_port: outer, port: inner, ...(i === 2 && { protocol: 'udp' as const }) };
            }),
          ),
        mtu: fc.integer({ min: 1280, max: 65_535 }),
      }),
    )
    .map(([link, rest]) => ({ ...link, ...rest })),
);

const id = fc.integer({ min: 0, max: 0xffff_fffe });

/** Whatever may be left out is, now and then. */
export const anyConfig: fc.Arbitrary<SystemConfig> = fc
  .record(
    {
      name: fc.oneof(
        word,
        fc.tuple(word, word).map((words) => words.join('/')),
      ),
      group: fc.oneof(
        word,
        fc.tuple(word, word).map((words) => `${words.join('/')}/`),
      ),
      resource_limits: limits,
      lifecycle: some<NonNullable<SystemConfig['lifecycle']>>({
        timeout: duration,
        grace_period: fc.oneof(duration, fc.constant(0)),
        cleanup_delay: fc.oneof(duration, fc.constant('0s')),
        idle_timeout: durationOrNone,
        cpu_time: durationOrNone,
      }),
      monitoring: some<NonNullable<SystemConfig['monitoring']>>({
        interval: duration,
        memory_threshold: part,
        cpu_threshold: part,
        pids_threshold: part,
        action: fc.constantFrom('warn' as const, 'stop' as const),
      }),
      security,
      root,
      network: fc.oneof(fc.constantFrom('none' as const, 'host' as const), network),
      logs: fc.oneof(
        fc.constant('none' as const),
        size(4096, G).map((max) => ({ max })),
      ),
      hostname: word,
      environment: fc.dictionary(
        fc.string({ minLength: 1, maxLength: 6 }).filter((name) => !/[=\0]/.test(name)),
        fc.oneof(
          fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
          fc.integer(),
        ),
      ),
      workdir: fc.oneof(path, fc.constant('/')),
      user: fc.oneof(
        id,
        id.map(String),
        fc.tuple(id, id).map((ids) => ids.join(':')),
        fc.record({ uid: id }),
      ),
    },
    { requiredKeys: [] },
  )
  .map((config): SystemConfig => {
    // What does not go together.
    const { user, group, ...rest } = config;
    const mapped = config.security?.uid_map !== undefined || config.security?.gid_map !== undefined;
    const { exports: _, ...closed } = config.root ?? {};
    const open = config.security?.namespaces?.includes('pid') !== false;
    return {
      ...rest,
      ...(config.root !== undefined && { root: open ? config.root : closed }),
      ...(group !== undefined && !config.name?.includes('/') && { group }),
      ...(user !== undefined && !mapped && { user }),
    };
  });

/** Fewer namespaces, with nothing that would need the others. */
export const anyNamespaces: fc.Arbitrary<SystemConfig> = fc
  .subarray(['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup', 'time'] as const)
  .map((namespaces) => ({ name: 'x', security: { namespaces } }));
