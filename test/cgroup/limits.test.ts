// What may be written as a limit, what reaches the kernel, and what comes back.
import { readFileSync, statSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedLimits } from '../../src/cgroup/apply.ts';
import { parseSize } from '../../src/cgroup/limit-values.ts';
import { type CgroupLimits, readLimits } from '../../src/cgroup/limits.ts';

/** What would be written: `file=text`. */
const written = (limits: CgroupLimits): string[] =>
  checkedLimits(limits).map(({ file, text }) => `${file}=${text}`);

/** What `limits()` says of a cgroup with these files. */
const readBack = (files: Readonly<Record<string, string>>): Promise<CgroupLimits> =>
  readLimits(async (file) => files[file]);

describe('sizes', () => {
  it.each([
    [0, 0n],
    [4096, 4096n],
    [5n, 5n],
    ['1073741824', 1n << 30n],
    ['64K', 65_536n],
    ['64k', 65_536n],
    ['10M', 10n << 20n],
    ['1G', 1n << 30n],
    ['1GiB', 1n << 30n],
    ['1GB', 1n << 30n],
    ['1.5G', 3n << 29n],
    [' 2T ', 2n << 40n],
    ['7E', 7n << 60n],
  ])('%s is %s bytes', (value, bytes) => expect(parseSize(value)).toBe(bytes));

  it.each(['', 'G', '1X', '-1', '1.5', '1e9', '0x10', 'max', '1 G', 1.5, Number.NaN, 2 ** 60, null, {}, []])(
    '%j is none',
    (value) => expect(parseSize(value)).toBe(undefined),
  );
});

describe('what is written', () => {
  it('is the vocabulary of the kernel', () => {
    expect(
      written({
        memory: {
          max: '1G',
          high: '800M',
          swapMax: '500M',
          low: 4096,
          min: 1n,
          oomGroup: true,
          zswapMax: 'max',
        },
        cpu: { weight: 100, max: '50000 100000', burst: 1000, idle: false },
        pids: { max: 100 },
        io: {
          weight: 100,
          max: { '8:0': { rbps: '10M', wiops: 'max' } },
          weights: { '8:16': 'default' },
          bfqWeight: 1000,
          bfqWeights: { '8:16': 50 },
        },
        cpuset: { cpus: '0-3,6', mems: [0, 1], partition: 'root' },
        hugetlb: { '2MB': { max: '4M', rsvdMax: 'max' } },
        rdma: { mlx5_0: { hcaHandle: 2, hcaObject: 'max' } },
        misc: { sev: 5 },
      }),
    ).toEqual([
      'cpuset.cpus=0-3,6',
      'cpuset.mems=0,1',
      'cpuset.cpus.partition=root',
      'cpu.idle=0',
      'cpu.weight=100',
      'cpu.max=50000 100000',
      'cpu.max.burst=1000',
      'memory.min=1',
      'memory.low=4096',
      'memory.high=838860800',
      'memory.max=1073741824',
      'memory.swap.max=524288000',
      'memory.zswap.max=max',
      'memory.oom.group=1',
      'pids.max=100',
      'io.weight=default 100',
      'io.weight=8:16 default',
      'io.bfq.weight=default 1000',
      'io.bfq.weight=8:16 50',
      'io.max=8:0 rbps=10485760 wiops=max',
      'hugetlb.2MB.max=4194304',
      'hugetlb.2MB.rsvd.max=max',
      'rdma.max=mlx5_0 hca_handle=2 hca_object=max',
      'misc.max=sev 5',
    ]);
    expect(written({})).toEqual([]);
    expect(written({ memory: {}, io: {} })).toEqual([]);
  });

  it.each<[CgroupLimits['cpu'], string]>([
    [{ max: 'max' }, 'max'],
    [{ max: 'max 50000' }, 'max 50000'],
    [{ max: 20_000 }, '20000'],
    [{ max: { quota: 'max' } }, 'max'],
    [{ max: { quota: 150_000, period: 100_000 } }, '150000 100000'],
  ])('cpu %j is %s', (cpu, text) => expect(written({ cpu: cpu ?? {} })).toEqual([`cpu.max=${text}`]));

  it('names the disk of a path, and refuses a path on none', () => {
    const { dev } = statSync('/');
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const device = mounted.find((line) => line.split(' ')[4] === '/')?.split(' ')[2] ?? '';
    if (device.startsWith('0:')) {
      expect(() => written({ io: { max: { '/': { rbps: 1 } } } })).toThrow('is on no block device');
    } else {
      expect(dev).toBeGreaterThan(0);
      expect(written({ io: { max: { '/': { rbps: 1 } } } })[0]).toMatch(/^io.max=\d+:\d+ rbps=1$/);
    }
    expect(() => written({ io: { max: { '/proc': { rbps: 1 } } } })).toThrow('is on no block device');
  });
});

describe('what is refused, by field, value and remedy', () => {
  it.each<[unknown, string, string]>([
    [{ memory: { max: '1X' } }, 'memory.max', 'is no size'],
    [{ memory: { max: -1 } }, 'memory.max', 'is out of range'],
    [{ memory: { max: 1n << 63n } }, 'memory.max', 'is out of range'],
    [{ memory: { oomGroup: 1 } }, 'memory.oomGroup', 'is no boolean'],
    [{ memory: { maximum: 1 } }, 'memory', 'is no limit'],
    [{ memory: 5 }, 'memory', 'is no object'],
    [{ memory: null }, 'memory', 'is no object'],
    [{ memroy: {} }, 'limits', 'is no limit'],
    [[], 'limits', 'is no object'],
    [{ cpu: { weight: 0 } }, 'cpu.weight', 'is out of range'],
    [{ cpu: { weight: 10_001 } }, 'cpu.weight', 'is out of range'],
    [{ cpu: { weight: 1.5 } }, 'cpu.weight', 'is out of range'],
    [{ cpu: { max: '50%' } }, 'cpu.max', 'has no quota'],
    [{ cpu: { max: '999 100000' } }, 'cpu.max', 'has no quota'],
    [{ cpu: { max: '50000 999' } }, 'cpu.max', 'has no period'],
    [{ cpu: { max: '50000 2000000' } }, 'cpu.max', 'has no period'],
    [{ cpu: { max: '1 2 3' } }, 'cpu.max', 'has too many words'],
    [{ cpu: { max: { quota: 5000, period: 'x' } } }, 'cpu.max', 'has no period'],
    [{ cpu: { max: '20000 100000', burst: 30_000 } }, 'cpu.burst', 'exceeds the quota'],
    [{ pids: { max: '5K' } }, 'pids.max', 'is no count'],
    [{ pids: { max: 1.5 } }, 'pids.max', 'is no count'],
    [{ io: { max: { sda: { rbps: 1 } } } }, "io.max['sda']", 'is no device'],
    [{ io: { max: { '8:0': { rbps: 0 } } } }, "io.max['8:0'].rbps", 'is out of range'],
    [{ io: { max: { '8:0': { speed: 1 } } } }, "io.max['8:0']", 'is no limit'],
    [{ io: { max: '10M' } }, 'io.max', 'is no object'],
    [{ io: { weights: { '8:0': 0 } } }, "io.weights['8:0']", 'is out of range'],
    [{ io: { bfqWeight: 1001 } }, 'io.bfqWeight', 'is out of range'],
    [{ io: { bfqWeights: { '8:0': 'all' } } }, "io.bfqWeights['8:0']", 'is out of range'],
    [{ cpuset: { cpus: '0-' } }, 'cpuset.cpus', 'is no list'],
    [{ cpuset: { cpus: [-1] } }, 'cpuset.cpus', 'is no list'],
    [{ cpuset: { partition: 'mine' } }, 'cpuset.partition', 'is none of the words'],
    [{ hugetlb: { '../x': { max: 1 } } }, 'hugetlb', 'is no such name'],
    [{ hugetlb: { '2MB': 5 } }, 'hugetlb.2MB', 'is no object'],
    [{ rdma: { 'a b': {} } }, 'rdma', 'is no such name'],
    [{ misc: { sev: 'many' } }, 'misc.sev', 'is no count'],
    [{ hugetlb: null }, 'hugetlb', 'is no object'],
    [{ hugetlb: 5 }, 'hugetlb', 'is no object'],
    [{ rdma: null }, 'rdma', 'is no object'],
    [{ misc: 'max' }, 'misc', 'is no object'],
    [{ cpu: { idle: true, weight: 100 } }, 'cpu.weight', 'is refused'],
    [{ io: { max: { '/dev/null/x': { rbps: 5 } } } }, "io.max['/dev/null/x']", 'is no device'],
    [{ io: { max: { '/dev/\0': { rbps: 5 } } } }, "io.max['/dev/\0']", 'is no device'],
  ])('%o', (limits, field, problem) => {
    let error: unknown;
    try {
      checkedLimits(limits as CgroupLimits);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field });
    expect((error as Error).message).toContain(problem);
    expect((error as { remedy: string }).remedy).not.toBe('');
  });
});

describe('what is read', () => {
  it('can be written again as it is', async () => {
    const files = {
      'cpu.weight': '100\n',
      'cpu.max': 'max 100000\n',
      'cpu.max.burst': '0\n',
      'cpu.idle': '0\n',
      'memory.max': 'max\n',
      'memory.high': '838860800\n',
      'memory.oom.group': '1\n',
      'pids.max': '100\n',
      'io.max': '8:0 rbps=10485760 wbps=max riops=max wiops=120\n8:16 rbps=max wbps=max riops=5 wiops=max\n',
      'io.weight': 'default 100\n8:0 50\n',
      'io.bfq.weight': 'default 300\n8:16 10\n',
      'cpuset.cpus': '\n',
      'cpuset.cpus.partition': 'root invalid (Cpu list in cpuset.cpus not exclusive)\n',
      'rdma.max': 'mlx5_0 hca_handle=2 hca_object=max\n',
      'misc.max': 'sev max\nsev_es 5\n',
    };
    const limits = await readBack(files);
    expect(limits).toEqual({
      cpu: { weight: 100, max: { quota: 'max', period: 100_000 }, burst: 0, idle: false },
      memory: { max: 'max', high: 838_860_800n, oomGroup: true },
      pids: { max: 100n },
      io: {
        max: {
          '8:0': { rbps: 10_485_760n, wbps: 'max', riops: 'max', wiops: 120n },
          '8:16': { rbps: 'max', wbps: 'max', riops: 5n, wiops: 'max' },
        },
        weight: 100,
        weights: { '8:0': 50 },
        bfqWeight: 300,
        bfqWeights: { '8:16': 10 },
      },
      cpuset: { cpus: '', partition: 'root' },
      rdma: { mlx5_0: { hcaHandle: 2n, hcaObject: 'max' } },
      misc: { sev: 'max', sev_es: 5n },
    });
    expect(written(limits)).toContain('cpu.max=max 100000');
    expect(written(limits)).toContain('cpuset.cpus=\n');
    expect(await readBack({})).toEqual({});
  });

  it('of an idle cgroup has no weight, because the kernel takes none', async () => {
    const limits = await readBack({ 'cpu.idle': '1\n', 'cpu.weight': '0\n' });
    expect(limits).toEqual({ cpu: { idle: true } });
    expect(written(limits)).toEqual(['cpu.idle=1']);
  });

  it('of any size is what was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt(0n, (1n << 63n) - (1n << 32n)), async (bytes) => {
        const [write] = checkedLimits({ memory: { max: bytes } });
        expect(await readBack({ 'memory.max': `${write?.text}\n` })).toEqual({ memory: { max: bytes } });
        expect(parseSize(`${bytes}`)).toBe(bytes);
      }),
    );
  });
});
