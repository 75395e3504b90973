// `cofferdam cgroup`: what it shows and changes, beside the files of the kernel.
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Cgroup, CgroupLimits } from '../../src/cgroup/index.ts';
import { Words } from '../../src/cli/args.ts';
import { applyWords } from '../../src/cli/cgroup/set.ts';
import { showText } from '../../src/cli/cgroup/show.ts';
import { topText } from '../../src/cli/cgroup/top.ts';
import { treeText } from '../../src/cli/cgroup/tree.ts';
import { handles } from '../../src/handle/index.ts';
import {
  endProcesses,
  eventually,
  makeTestCgroup,
  mount,
  moveInto,
  readFlat,
  startSleeper,
  type TestCgroup,
} from '../support/cgroup.ts';
import { compiledDist } from '../support/compiled.ts';
import { captured } from '../support/twin.ts';
import { AS_NOBODY, runCli } from './run-cli.ts';

let top: TestCgroup;
let child: number;

beforeAll(() => {
  top = makeTestCgroup();
  mkdirSync(`${top.directory}/a`);
  mkdirSync(`${top.directory}/a/b`);
});
afterEach(async () => {
  await endProcesses();
  await eventually('no handle open', () => handles.list().length === 0);
});
afterAll(() => top.remove());

const run = (...words: string[]) => captured(['cgroup', ...words]);
const json = async (...words: string[]) => {
  const { code, stdout, stderr } = await captured(['-j', 'cgroup', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>[];
};
const populate = (): void => {
  child = startSleeper().pid;
  moveInto(`${top.directory}/a/b`, child);
};

describe('tree', () => {
  test('is what the directories are', async () => {
    populate();
    expect(await run('tree', top.path)).toEqual({
      code: 0,
      stdout: `${top.path}\n  a\n    b pid ${child}\n`,
      stderr: '',
    });
    expect(await json('tree', top.directory)).toEqual([
      { path: top.path, name: top.path.slice(1), depth: 0, populated: true, pids: [] },
      { path: `${top.path}/a`, name: 'a', depth: 1, populated: true, pids: [] },
      { path: `${top.path}/a/b`, name: 'b', depth: 2, populated: true, pids: [child] },
    ]);
  });

  test('is shown without a word, of all there are', async () => {
    const { stdout } = await run();
    expect(stdout).toContain(`\n  ${top.path.slice(1)} (empty)\n    a (empty)\n      b (empty)\n`);
  });

  test('keeps long lists of processes short, unless details are asked for', () => {
    const node = {
      path: '/x',
      name: 'x',
      depth: 0,
      populated: true,
      pids: Array.from({ length: 12 }, (_, i) => i + 1),
    };
    expect(treeText([node], { details: false })).toBe('/x pid 1 2 3 4 5 6 7 8 and 4 more\n');
    expect(treeText([node], { details: true })).toBe('/x pid 1 2 3 4 5 6 7 8 9 10 11 12\n');
  });
});

test('a path needs no verb', async () => {
  populate();
  const stdout = `${top.path}\n  a\n    b pid ${child}\n`;
  expect(await run(top.path)).toEqual({ code: 0, stdout, stderr: '' });
  expect((await run('/no-such-cgroup')).code).toBe(1);
});

describe('show', () => {
  test('tells state, processes and pressure', async () => {
    populate();
    const { stdout } = await run('show', `${top.path}/a/b`);
    expect(stdout).toMatch(new RegExp(`^${top.path}/a/b: populated\n`));
    expect(stdout).toMatch(new RegExp(`^ {4}processes +${child}$`, 'm'));
    expect(stdout).toMatch(/^ {4}pressure cpu +some [\d.]+% full [\d.]+% of the last 10 s$/m);
    const [facts] = await json('show', `${top.path}/a/b`);
    expect(facts).toMatchObject({
      path: `${top.path}/a/b`,
      pids: [child],
      controllers: { available: [], enabled: [] },
      limits: {},
      stat: { populated: true, frozen: false, nrDescendants: 0 },
    });
  });

  test('lays out what controllers say', () => {
    const text = showText({
      path: '/ci-jobs',
      inode: 1,
      controllers: { available: ['cpu', 'memory'], enabled: [] },
      pids: [],
      limits: {
        cpu: { max: { quota: 50_000, period: 100_000 }, weight: 100 },
        memory: { max: 1n << 30n, high: 'max', oomGroup: true },
        pids: { max: 100n },
        io: { max: { '8:0': { rbps: 10n << 20n, wbps: 'max' } } },
        cpuset: { cpus: '', partition: 'member' },
        rdma: { mlx5_0: { hcaHandle: 2n, hcaObject: 'max' } },
        misc: { sev: 5n },
      },
      stat: {
        populated: false,
        frozen: true,
        nrDescendants: 2,
        nrDyingDescendants: 1,
        cpu: { usageUsec: 1_500_000n, userUsec: 1_000_000n, systemUsec: 500_000n, nrThrottled: 3n },
        memory: { current: 5n << 20n, stat: {}, events: { oomKill: 2n } },
        pids: { current: 3n },
        io: [{ device: '8:0', rbytes: 4096n, wbytes: 0n, rios: 1n, wios: 0n }],
        rdma: { mlx5_0: { hcaHandle: 1n, hcaObject: 20n } },
        misc: { sev: { current: 5n, events: { max: 3n } }, sev_es: { current: 0n, peak: 1n, events: {} } },
        pressure: {},
      },
    });
    expect(text).toBe(
      [
        '/ci-jobs: empty frozen',
        '    controllers      cpu memory, hands down none',
        '    descendants      live 2 dying 1',
        '    cpu              usage 1.500s user 1.000s system 0.500s throttled 3 max 50000/100000 weight 100',
        '    memory           current 5.00Mi max 1.00Gi high max oom.group true oom_kill 2',
        '    pids             current 3 max 100',
        '    io 8:0           read 4.00ki written 0 rbps 10.0Mi wbps max',
        '    cpuset           cpus inherited mems inherited partition member',
        '    rdma mlx5_0      handles 1 max 2, objects 20 max max',
        '    misc sev         current 5 max 5 refused 3',
        '    misc sev_es      current 0 peak 1',
        '',
      ].join('\n'),
    );
  });
});

describe('set', () => {
  /** What the words come to. */
  const parsed = async (...words: string[]) => {
    const seen: { limits?: CgroupLimits; controllers?: readonly string[] } = {};
    const cgroup: Pick<Cgroup, 'set' | 'enableControllers'> = {
      async set(limits) {
        seen.limits = limits;
      },
      async enableControllers(controllers) {
        seen.controllers = controllers;
      },
    };
    await applyWords(cgroup as Cgroup, new Words(words));
    return seen;
  };

  test('takes the files of the kernel', async () => {
    expect(
      await parsed(
        ...['cpu.max', '50000 100000', 'cpu.weight', '200', 'cpu.max.burst', '1000', 'cpu.idle', '0'],
        ...['memory.max', '1G', 'memory.swap.max', '500M', 'memory.oom.group', '1', 'pids.max', '100'],
        ...['io.max', '8:0', 'rbps=10M', 'wiops=5', 'io.weight', '100', 'io.weight', '8:0', '50'],
        ...['io.bfq.weight', '200', 'io.bfq.weight', '8:0', '60'],
        ...['cpuset.cpus', '0-3', 'cpuset.cpus.partition', 'root', 'hugetlb.2MB.rsvd.max', '4M'],
        ...[
          'rdma.max',
          'mlx5_0',
          'hca_handle=2',
          'misc.max',
          'sev',
          '5',
          'subtree_control',
          '+cpu',
          '+memory',
        ],
      ),
    ).toEqual({
      controllers: ['cpu', 'memory'],
      limits: {
        cpu: { max: '50000 100000', weight: '200', burst: '1000', idle: false },
        memory: { max: '1G', swapMax: '500M', oomGroup: true },
        pids: { max: '100' },
        io: {
          max: { '8:0': { rbps: '10M', wiops: '5' } },
          weight: '100',
          weights: { '8:0': 50 },
          bfqWeight: '200',
          bfqWeights: { '8:0': 60 },
        },
        cpuset: { cpus: '0-3', partition: 'root' },
        hugetlb: { '2MB': { rsvdMax: '4M' } },
        rdma: { mlx5_0: { hcaHandle: '2' } },
        misc: { sev: '5' },
      },
    });
  });

  test('takes what the files themselves take', async () => {
    expect(await parsed('io.weight', 'default', '50', 'io.bfq.weight', 'default', '60')).toMatchObject({
      limits: { io: { weight: '50', bfqWeight: '60' } },
    });
    expect(await parsed('memory.oom.group', 'true', 'cpu.idle', 'false')).toMatchObject({
      limits: { memory: { oomGroup: true }, cpu: { idle: false } },
    });
  });

  test.each([
    [[], 'Command line is not complete'],
    [['memory.max'], 'Command line is not complete'],
    [['io.max', '8:0'], 'Command line is not complete'],
    [['subtree_control', 'memory'], 'Command line is not complete'],
    [['memory', '1G'], 'Argument "memory" is unknown'],
    [['disk.max', '1G'], 'Argument "disk.max" is unknown'],
    [['memory.max', '1X'], 'memory.max: "1X" is no size'],
    [['memory.maximum', '1'], 'memory: "maximum" is no limit'],
    [['memory.oom.group', 'yes'], 'memory.oomGroup: "yes" is no boolean'],
  ])('%j is a usage error', async (words, message) => {
    const { code, stdout, stderr } = await run('set', top.path, ...words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  test('of a missing controller says where it is', async () => {
    const { code, stderr } = await run('set', `${top.path}/a`, 'rdma.max', 'x', 'hca_handle=1');
    expect(code).toBe(1);
    expect(stderr).toContain(`${top.path}/a has no rdma controller: `);
  });
});

describe('freeze, thaw, kill, rm', () => {
  test('do what they say', async () => {
    populate();
    const events = `${top.directory}/a/cgroup.events`;
    expect((await run('freeze', `${top.path}/a`)).code).toBe(0);
    expect(readFlat(events).frozen).toBe(1);
    expect((await run('thaw', `${top.path}/a`)).code).toBe(0);
    expect(readFlat(events).frozen).toBe(0);
    const refused = await run('rm', `${top.path}/a/b`);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `cannot be removed while processes are in it: remove({ recursive: true }) ends them (pid ${child})`,
    );
    expect((await run('kill', `${top.path}/a`)).code).toBe(0);
    await eventually('dead', () => readFlat(events).populated === 0);
    populate();
    expect(await run('rm', `${top.path}/a`, 'recursive', 'timeout', '20000')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(existsSync(`${top.directory}/a`)).toBe(false);
    mkdirSync(`${top.directory}/a`);
    mkdirSync(`${top.directory}/a/b`);
  });

  test('of what is not there is a finding, of bad words a usage error', async () => {
    expect(await run('rm', '/no-such-cgroup')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Cannot find cgroup "/no-such-cgroup"\n',
    });
    for (const words of [
      ['rm'],
      ['freeze', 'relative'],
      ['rm', top.path, 'everything'],
      ['rm', top.path, 'timeout', 'x'],
      ['kill', top.path, 'x'],
      ['nonsense'],
      ['tree', top.path, 'x'],
      ['top', top.path, 'order', 'size'],
      ['top', top.path, 'delay', '0'],
      ['events', top.path, 'x'],
      ['events', top.path, 'pressure', 'cpu', 'a', 'b'],
      ['events', top.path, 'pressure', 'disk', '1', '2000000'],
    ]) {
      const { code, stdout, stderr } = await run(...words);
      expect([words, code, stdout]).toEqual([words, 2, '']);
      expect(stderr).not.toBe('');
    }
  });
});

describe('top', () => {
  test('counts in rounds, and ends', async () => {
    populate();
    const { code, stdout } = await run('top', top.path, '-b', '-n', '2', 'delay', '0.05', 'order', 'path');
    expect(code).toBe(0);
    const [first, second] = stdout.split('\n\n').map((round) => round.split('\n').filter(Boolean));
    expect(first?.[0]).toMatch(/^cgroup +pids +%cpu +memory +read\/s +write\/s$/);
    expect(first).toHaveLength(4);
    expect(first?.[3]).toMatch(new RegExp(`^${top.path}/a/b +1 +- `));
    // Those below are counted, as pids.current counts them.
    expect(first?.[1]).toMatch(new RegExp(`^${top.path} +1 +- `));
    expect(second?.[3]).toMatch(new RegExp(`^${top.path}/a/b +1 +[\\d.]+ `));
  });

  test('is one object a line with -j, and as deep as is asked for', async () => {
    const { stdout } = await captured([
      '-j',
      'cgroup',
      'top',
      top.path,
      'iterations',
      '2',
      'delay',
      '0.01',
      'depth',
      '1',
    ]);
    const rounds = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rounds).toHaveLength(2);
    expect(rounds[0]).toMatchObject({ timestamp: expect.stringMatching(/Z$/) });
    expect(rounds[1].cgroups.map(({ path }: { path: string }) => path).sort()).toEqual([
      top.path,
      `${top.path}/a`,
    ]);
  });

  test('says "-" for what is not known', () => {
    const nothing = {
      pids: undefined,
      cpu: undefined,
      memory: undefined,
      read: undefined,
      written: undefined,
    };
    expect(
      topText([
        { path: '/a', ...nothing },
        { path: '/b', pids: 2, cpu: 12.34, memory: 5n << 20n, read: 1024, written: 0 },
      ]),
    ).toBe(
      'cgroup                   pids     %cpu   memory   read/s  write/s\n' +
        '/a                          -        -        -        -        -\n' +
        '/b                          2     12.3   5.00Mi   1.00ki        0\n',
    );
  });
});

describe('as a program', () => {
  beforeAll(() => void compiledDist(), 120_000);

  test('events tells until the cgroup is removed', async () => {
    mkdirSync(`${top.directory}/watched`);
    let told = '';
    let states = '';
    let sleeper: ReturnType<typeof startSleeper> | undefined;
    let ended: Promise<unknown> = Promise.resolve();
    const { code, stdout, stderr } = await runCli(['-j', '-ts', 'cgroup', 'events', `${top.path}/watched`], {
      // Each change when the one before it has been told: what is seen at once is one event.
      onOutput(text) {
        told += text;
        const before = states;
        states = [...told.matchAll(/"populated":(\w+)/g)].map(([, state]) => state).join();
        if (states === before) return;
        if (states === 'false') {
          sleeper = startSleeper();
          ended = once(sleeper, 'exit');
          moveInto(`${top.directory}/watched`, sleeper.pid);
        } else if (states === 'false,true') sleeper?.kill('SIGKILL');
        else if (states === 'false,true,false') void ended.then(() => rmdirSync(`${top.directory}/watched`));
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type, populated }) => [type, populated])).toEqual([
      ['frozen', undefined],
      ['populated', false],
      ['populated', true],
      ['populated', false],
      ['removed', undefined],
    ]);
    for (const line of lines)
      expect(line).toMatchObject({ path: `${top.path}/watched`, timestamp: expect.any(String) });
  });

  test('events end with Ctrl-C', async () => {
    let told = '';
    let interrupted = false;
    const { code, signal, stdout } = await runCli(['cgroup', 'events', top.path], {
      onOutput(text, kill) {
        told += text;
        // Once: after it, nobody listens for another one.
        if (interrupted || !told.includes('not frozen')) return;
        interrupted = true;
        kill('SIGINT');
      },
    });
    expect([code, signal]).toEqual([0, null]);
    expect(stdout).toContain(`${top.path}: not frozen\n`);
  });

  test('help says the words; without the right to write it is 77, and the capability is named', async () => {
    const help = await runCli(['cgroup', 'help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/^Usage: cofferdam cgroup \[ tree \]/);
    const { code, stderr } = await runCli(['cgroup', 'freeze', top.path], { under: AS_NOBODY });
    expect(code).toBe(77);
    expect(stderr).toContain('CAP_DAC_OVERRIDE is missing');
    expect(readFileSync(`${mount}${top.path}/cgroup.freeze`, 'utf8')).toBe('0\n');
  });
});
