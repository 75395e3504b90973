// Cgroups on the real kernel: made, marked, leased, opened, filled, limited.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CgroupCore } from '../../src/cgroup/core.ts';
import {
  Cgroup,
  CgroupBusyError,
  MissingControllerError,
  type PressureOptions,
  PressureTrigger,
} from '../../src/cgroup/index.ts';
import { handles, readFdTable } from '../../src/handle/index.ts';
import {
  endProcesses,
  eventually,
  makeTestCgroup,
  mount,
  moveInto,
  override,
  pidsIn,
  startSleeper,
  type TestCgroup,
} from '../support/cgroup.ts';
import { compiledDist, compiledUrl, runModule } from '../support/compiled.ts';

let top: TestCgroup;

beforeAll(() => {
  top = makeTestCgroup();
});

afterEach(async () => {
  expect(handles.list()).toEqual([]);
  await endProcesses();
});

afterAll(() => top.remove());

/** Names directly below the test's own cgroup. */
const names = (): string[] =>
  readdirSync(top.directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

describe('create()', () => {
  it('makes a directory that is marked, leased, and named by the prefix', async () => {
    const cg = await Cgroup.create(top.path, 'job');
    expect(cg.path).toBe(`${top.path}/cofferdam-job`);
    expect(cg.name).toBe('cofferdam-job');
    expect(cg.inode).toBe(statSync(`${mount}${cg.path}`).ino);
    expect(readFdTable().get(cg.fd)).toBe(`${mount}${cg.path}`);
    const stat = readFileSync('/proc/self/stat', 'utf8');
    expect(cg.identity).toEqual({
      version: 1,
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      pid: process.pid,
      startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    });
    // Of all locks of the host: whoever lets go of one while it is read may hide another.
    const lock = new RegExp(`FLOCK +ADVISORY +WRITE .*:${cg.inode} `);
    await eventually('the lease is seen', () => lock.test(readFileSync('/proc/locks', 'utf8')));
    await cg.remove();
    expect(names()).toEqual([]);
    expect([cg.fd, cg.removal, cg.state]).toEqual([-1, 'removed', 'closed']);
    await cg.remove();
  });

  it('takes an open parent, a path of the file system, and a name that has the prefix', async () => {
    await using parent = await Cgroup.open(top.directory);
    await using first = await Cgroup.create(parent, 'cofferdam-a', {}, { removeOnDispose: true });
    await using second = await Cgroup.create(first, 'b', {}, { removeOnDispose: true });
    expect(second.path).toBe(`${top.path}/cofferdam-a/cofferdam-b`);
  });

  it('leaves the directory at the end of `await using`, unless it is to be removed', async () => {
    {
      await using kept = await Cgroup.create(top.path, 'kept');
      await using gone = await Cgroup.create(top.path, 'gone', {}, { removeOnDispose: true });
      await gone.attach(startSleeper().pid);
      expect([kept.state, gone.state]).toEqual(['open', 'open']);
    }
    expect(names()).toEqual(['cofferdam-kept']);
    await (await Cgroup.open(`${top.path}/cofferdam-kept`)).remove();
  });

  it('of a taken name is EEXIST, and the one who has it keeps it', async () => {
    await using first = await Cgroup.create(top.path, 'taken', {}, { removeOnDispose: true });
    await expect(Cgroup.create(top.path, 'taken')).rejects.toMatchObject({
      code: 'EEXIST',
      syscall: 'mkdirat',
      path: `${mount}${first.path}`,
    });
    expect(first.identity?.pid).toBe(process.pid);
    expect(names()).toEqual(['cofferdam-taken']);
  });

  it.each(['', 'cofferdam-', 'a/b', 'a\nb', 'a\0b', 'x'.repeat(250), 'ä'.repeat(125), 7])(
    'refuses the name %j before anything is made',
    async (name) => {
      await expect(Cgroup.create(top.path, name as string)).rejects.toMatchObject({
        code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
        field: 'name',
      });
      expect(names()).toEqual([]);
    },
  );

  it('refuses a bad limit before anything is made', async () => {
    await expect(Cgroup.create(top.path, 'job', { memory: { max: '1X' } })).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'memory.max',
      value: '1X',
    });
    expect(names()).toEqual([]);
  });

  it('below nothing is ENOENT; beyond the parent’s depth EAGAIN, with the reason', async () => {
    await expect(Cgroup.create('/no-such-cgroup', 'job')).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(`${top.directory}/cgroup.max.depth`, '0');
    await expect(Cgroup.create(top.path, 'job')).rejects.toThrow(/^EAGAIN: .* cgroup\.max\.descendants or/);
    writeFileSync(`${top.directory}/cgroup.max.depth`, 'max');
    expect(names()).toEqual([]);
  });
});

describe('open(), of(), current()', () => {
  it('find the same cgroup', async () => {
    const child = startSleeper();
    moveInto(top.directory, child.pid);
    await using opened = await Cgroup.open(top.path);
    await using ofChild = await Cgroup.of(child.pid);
    expect([ofChild.path, ofChild.inode]).toEqual([opened.path, opened.inode]);
    expect(opened.pids()).toEqual([child.pid]);
    await using current = await Cgroup.current();
    expect(`0::${current.path}`).toBe(/^0::.*$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[0]);
    expect(opened.identity).toBe(undefined);
  });

  it('refuse what is none', async () => {
    await expect(Cgroup.open('/no-such-cgroup')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(Cgroup.open(`${top.path}/cgroup.procs`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(Cgroup.open('relative')).rejects.toMatchObject({ field: 'path' });
    await expect(Cgroup.of(0)).rejects.toMatchObject({ field: 'pid' });
    await expect(Cgroup.of(0x3fff_fff0)).rejects.toMatchObject({ code: 'ESRCH' });
  });

  it('hold the very cgroup, though its name means another one', async () => {
    const directory = `${top.directory}/twice`;
    mkdirSync(directory);
    await using old = await Cgroup.open(`${top.path}/twice`);
    rmdirSync(directory);
    mkdirSync(directory);
    await using young = await Cgroup.open(`${top.path}/twice`);
    expect(young.inode).not.toBe(old.inode);
    expect(() => old.pids()).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ENODEV|ENOENT/) }),
    );
    // Gone already: no error, and the other one is not touched.
    await old.remove({ recursive: true });
    expect(existsSync(directory)).toBe(true);
    await young.remove();
  });

  it('find one whose name is no UTF-8, and none ends the process that is in it', async () => {
    await using parent = await Cgroup.create(top.path, 'odd', {}, { removeOnDispose: true });
    const directory = Buffer.concat([Buffer.from(`${mount}${parent.path}/odd-`), Buffer.from([0xff])]);
    mkdirSync(directory);
    const child = startSleeper();
    writeFileSync(Buffer.concat([directory, Buffer.from('/cgroup.procs')]), String(child.pid));
    await using found = await Cgroup.of(child.pid);
    expect(found.path).toBe(`${parent.path}/odd-\udcff`);
    expect(found.inode).toBe(statSync(directory).ino);
    const { stdout, stderr, signal } = await runModule(`
      import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
      const cg = await Cgroup.open(${JSON.stringify(found.path)});
      await cg.attach(process.pid);
      console.log(await cg.kill().catch(({ code }) => code));
    `);
    expect({ stdout, stderr, signal }).toEqual({
      stdout: 'ERR_COFFERDAM_INVALID_ARGUMENT\n',
      stderr: '',
      signal: null,
    });
  });

  it('find one whose name ends as the names of removed ones do', async () => {
    await using cg = await Cgroup.create(top.path, 'odd (deleted)', {}, { removeOnDispose: true });
    const child = startSleeper();
    await cg.attach(child.pid);
    await using found = await Cgroup.of(child.pid);
    expect(found.inode).toBe(cg.inode);
  });

  it('reject once closed', async () => {
    const cg = await Cgroup.open(top.path);
    cg.close();
    const code = 'ERR_COFFERDAM_CLOSED';
    for (const call of [
      () => cg.attach(1),
      () => cg.stat(),
      () => cg.limits(),
      () => cg.set({}),
      () => cg.freeze(),
      () => cg.kill(),
      () => cg.remove(),
      () => cg.enableControllers([]),
    ])
      await expect(call()).rejects.toMatchObject({ code });
    for (const call of [
      () => cg.pids(),
      () => cg.tree(),
      () => cg.events(),
      () => cg.identity,
      () => cg.controllers,
    ])
      expect(call).toThrow(expect.objectContaining({ code }));
    await expect(Cgroup.create(cg, 'x')).rejects.toMatchObject({ code });
  });
});

describe('a cgroup that somebody else has removed', () => {
  it.each<[string, (cg: Cgroup) => unknown]>([
    ['stat', (cg) => cg.stat()],
    ['limits', (cg) => cg.limits()],
    ['set', (cg) => cg.set({ hugetlb: { '2MB': { max: 0 } } })],
    ['tree', (cg) => cg.tree()],
    ['events', (cg) => cg.events()],
    ['freeze', (cg) => cg.freeze()],
    ['thaw', (cg) => cg.thaw()],
    ['pids', (cg) => cg.pids()],
    ['attach', (cg) => cg.attach(startSleeper().pid)],
    ['controllers', (cg) => cg.controllers],
    ['enableControllers', (cg) => cg.enableControllers([])],
  ])('%s() says so', async (_name, call) => {
    await using cg = await Cgroup.create(top.path, 'taken');
    rmdirSync(`${mount}${cg.path}`);
    const error = await Promise.resolve(cg)
      .then(call)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'ENODEV', path: `${mount}${cg.path}` });
    expect((error as Error).message).toContain('has been removed');
  });

  it('is not waited for', async () => {
    await using cg = await Cgroup.create(top.path, 'taken');
    const frozen = cg.freeze({ timeout: 60_000 });
    rmdirSync(`${mount}${cg.path}`);
    await expect(frozen).rejects.toMatchObject({ code: 'ENODEV' });
  });
});

describe('where this process may open no more files', () => {
  beforeAll(() => void compiledDist(), 120_000);

  it('nothing is said that is not so', async () => {
    await using cg = await Cgroup.create(top.path, 'full', {}, { removeOnDispose: true });
    await using _lower = await Cgroup.create(cg, 'lower');
    const { stdout, stderr } = await runModule(
      `
      import { openSync } from 'node:fs';
      import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
      const cg = await Cgroup.open(${JSON.stringify(cg.path)});
      try {
        for (;;) openSync('/dev/null');
      } catch {}
      for (const call of [() => cg.stat(), () => cg.limits(), () => cg.tree(), () => cg.remove({ recursive: true })])
        console.log(await Promise.resolve().then(call).catch(({ code }) => code));
      console.log(cg.removal);
      process.exit();
    `,
      { program: ['prlimit', '--nofile=256:256'] },
    );
    expect({ stdout, stderr }).toEqual({ stdout: `${'EMFILE\n'.repeat(4)}none\n`, stderr: '' });
  });
});

describe('where this process may open no more files for a while', () => {
  beforeAll(() => void compiledDist(), 120_000);

  it('no removal is told that is none, and none is missed', async () => {
    const cg = await Cgroup.create(top.path, 'late');
    const { stdout, stderr } = await runModule(
      `
      import { spawn } from 'node:child_process';
      import { closeSync, openSync, rmdirSync } from 'node:fs';
      import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
      const cg = await Cgroup.open(${JSON.stringify(cg.path)});
      const child = spawn('sleep', ['600'], { stdio: 'ignore' });
      const events = cg.events();
      const atTheLimit = async (body) => {
        const fds = [];
        try {
          for (;;) fds.push(openSync('/dev/null'));
        } catch {}
        await body();
        for (const fd of fds) closeSync(fd);
      };
      const tell = async () => console.log(JSON.stringify((await events.next()).value));
      await atTheLimit(() => cg.checkEvents());
      await cg.attach(child.pid);
      await tell();
      child.kill('SIGKILL');
      await tell();
      await atTheLimit(async () => {
        rmdirSync(${JSON.stringify(mount + cg.path)});
        await new Promise((resolve) => setTimeout(resolve, 300));
      });
      await tell();
    `,
      { program: ['prlimit', '--nofile=256:256'] },
    );
    cg.close();
    expect({ stderr, events: stdout.trim().split('\n') }).toEqual({
      stderr: '',
      events: [
        '{"type":"populated","populated":true}',
        '{"type":"populated","populated":false}',
        '{"type":"removed"}',
      ],
    });
  });
});

describe('options that do not exist', () => {
  it.each<[string, (cg: Cgroup, options: object) => unknown]>([
    ['create', (cg, options) => Cgroup.create(cg, 'job', {}, options)],
    ['freeze', (cg, options) => cg.freeze(options)],
    ['thaw', (cg, options) => cg.thaw(options)],
    ['kill', (cg, options) => cg.kill(options)],
    ['remove', (cg, options) => cg.remove(options)],
    ['events', (cg, options) => cg.events(options)],
    ['PressureTrigger.open', (_cg, options) => PressureTrigger.open(options as PressureOptions)],
  ])('are refused by %s()', async (_name, call) => {
    await using cg = await Cgroup.create(top.path, 'options', {}, { removeOnDispose: true });
    const made = Promise.resolve(cg).then((one) => call(one, { recursve: true }));
    await expect(made).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: expect.stringMatching(/^(pressure\.)?recursve$/),
    });
  });

  it('are refused in a threshold of pressure', async () => {
    await using cg = await Cgroup.create(top.path, 'options', {}, { removeOnDispose: true });
    const threshold = { resource: 'cpu', stall: 50_000, window: 2_000_000, levl: 'full' } as const;
    expect(() => cg.events({ pressure: [threshold] })).toThrow(
      expect.objectContaining({ field: 'pressure.levl' }),
    );
  });
});

describe('processes', () => {
  it('are moved in, and found by tree()', async () => {
    await using cg = await Cgroup.create(top.path, 'tree', {}, { removeOnDispose: true });
    await using lower = await Cgroup.create(cg, 'b', {}, { removeOnDispose: true });
    await using _upper = await Cgroup.create(cg, 'a', {}, { removeOnDispose: true });
    const child = startSleeper();
    await lower.attach(child.pid);
    expect(pidsIn(`${mount}${lower.path}`)).toEqual([child.pid]);
    expect(cg.tree().map(({ name, depth, populated, pids }) => [name, depth, populated, pids])).toEqual([
      ['cofferdam-tree', 0, true, []],
      ['cofferdam-a', 1, false, []],
      ['cofferdam-b', 1, true, [child.pid]],
    ]);
    expect((await cg.stat()).nrDescendants).toBe(2);
    expect((await lower.stat()).populated).toBe(true);
  });

  it('that are none are refused', async () => {
    await using cg = await Cgroup.open(top.path);
    await expect(cg.attach(0x3fff_fff0)).rejects.toMatchObject({ code: 'ESRCH', pid: 0x3fff_fff0 });
    await expect(cg.attach(-1)).rejects.toMatchObject({ field: 'pid' });
    await expect(cg.attach(1.5)).rejects.toMatchObject({ field: 'pid' });
  });

  it('are not put into a cgroup that was killed', async () => {
    await using cg = await Cgroup.create(top.path, 'killed', {}, { removeOnDispose: true });
    await cg.kill();
    await expect(cg.attach(startSleeper().pid)).rejects.toThrow(/was killed, and is not used again/);
  });

  it('are frozen and thawed', async () => {
    await using cg = await Cgroup.create(top.path, 'frozen', {}, { removeOnDispose: true });
    await cg.attach(startSleeper().pid);
    await cg.freeze();
    expect((await cg.stat()).frozen).toBe(true);
    await cg.freeze();
    await cg.thaw();
    expect((await cg.stat()).frozen).toBe(false);
  });

  it('that a cgroup above holds frozen stay so, and nobody waits for them', async () => {
    await using cg = await Cgroup.create(top.path, 'above', {}, { removeOnDispose: true });
    await using lower = await Cgroup.create(cg, 'lower');
    await lower.attach(startSleeper().pid);
    await cg.freeze();
    await lower.freeze();
    await lower.thaw({ timeout: 60_000 });
    expect((await lower.stat()).frozen).toBe(true);
    await cg.thaw();
    expect((await lower.stat()).frozen).toBe(false);
  });

  it('that the root of what is mounted holds frozen stay so, and nobody waits for them', async () => {
    await using part = await Cgroup.create(top.path, 'part', {}, { removeOnDispose: true });
    await using lower = await Cgroup.create(part, 'lower');
    await lower.attach(startSleeper().pid);
    await part.freeze();
    const { stdout, stderr } = await runModule(
      `
      import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
      const cg = await Cgroup.open('/cofferdam-lower');
      await cg.thaw({ timeout: 5000 });
      console.log((await cg.stat()).frozen);
    `,
      {
        program: [
          'unshare',
          '--mount',
          'sh',
          '-c',
          `mount --bind ${mount}${part.path} ${mount} && exec "$@"`,
          '-',
        ],
      },
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'true\n', stderr: '' });
  });

  it('of this process itself are neither frozen nor killed', async () => {
    await using own = await Cgroup.current();
    for (const call of [() => own.freeze(), () => own.kill(), () => own.remove({ recursive: true })])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field: 'cgroup' });
  });
});

/** The core of one, whose native part is to answer otherwise than the kernel does. */
const nativeOf = (cg: Cgroup) => (cg as unknown as { core: CgroupCore }).core.native;

it('a limit of a cgroup that is removed while it is written says so', async () => {
  await using cg = await Cgroup.create(top.path, 'taken');
  override(nativeOf(cg), {
    writeAside(_file, _text, onDone) {
      setImmediate(onDone, -constants.errno.ENODEV);
      return 0;
    },
  });
  rmdirSync(`${mount}${cg.path}`);
  for (const limits of [{ io: { max: { '8:0': { rbps: 1 } } } }, { pids: { max: 1 } }])
    await expect(cg.set(limits)).rejects.toThrow(/^ENODEV: .* has been removed$/);
});

// hugetlb is the one controller that version 2 has on hosts where version 1 has the others.
describe('limits', async () => {
  const root = `${mount}/cgroup.subtree_control`;
  const controllers = readFileSync(`${mount}/cgroup.controllers`, 'utf8').split(/\s+/);
  const enabledBefore = readFileSync(root, 'utf8').split(/\s+/).includes('hugetlb');
  const hugetlb = controllers.includes('hugetlb');
  const v1 = readFileSync('/proc/self/mountinfo', 'utf8').includes(' - cgroup cgroup rw,memory');

  beforeAll(() => {
    if (hugetlb) writeFileSync(root, '+hugetlb');
  });
  afterAll(() => {
    if (!hugetlb) return;
    writeFileSync(`${top.directory}/cgroup.subtree_control`, '-hugetlb');
    if (!enabledBefore) writeFileSync(root, '-hugetlb');
  });

  const limits = { hugetlb: { '2MB': { max: '4M' } } };

  it.runIf(hugetlb)('are set and read back; the parent hands their controller down', async () => {
    await using cg = await Cgroup.create(top.path, 'limited', limits, { removeOnDispose: true });
    expect(readFileSync(`${top.directory}/cgroup.subtree_control`, 'utf8')).toBe('hugetlb\n');
    expect(cg.controllers).toEqual({ available: ['hugetlb'], enabled: [] });
    expect((await cg.limits()).hugetlb?.['2MB']).toMatchObject({ max: 4n << 20n, rsvdMax: 'max' });
    await cg.set({ hugetlb: { '2MB': { max: 0, rsvdMax: '2M' } } });
    expect(readFileSync(`${mount}${cg.path}/hugetlb.2MB.max`, 'utf8')).toBe('0\n');
    await cg.set(await cg.limits());
    expect((await cg.limits()).hugetlb?.['2MB']).toEqual({ max: 0n, rsvdMax: 2n << 20n });
    expect((await cg.stat()).hugetlb?.['2MB']).toEqual({ current: 0n, events: { max: 0n } });
  });

  it.runIf(hugetlb)('that are refused leave nothing, and the parent as it was', async () => {
    const subtree = `${top.directory}/cgroup.subtree_control`;
    writeFileSync(subtree, '-hugetlb');
    await expect(Cgroup.create(top.path, 'job', { hugetlb: { '3MB': { max: 0 } } })).rejects.toThrow(
      /^ENOENT: hugetlb.3MB.max: there is no hugetlb.3MB.max in /,
    );
    expect(names()).toEqual([]);
    expect(readFileSync(subtree, 'utf8').trim()).toBe('');
  });

  it.runIf(hugetlb)('are not lost with another cgroup that is refused at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      writeFileSync(`${top.directory}/cgroup.subtree_control`, '-hugetlb');
      const refused = Cgroup.create(top.path, 'refused', { hugetlb: { '3MB': { max: 0 } } });
      const made = Cgroup.create(top.path, 'made', limits, { removeOnDispose: true });
      await expect(refused).rejects.toMatchObject({ code: 'ENOENT' });
      await using cg = await made;
      expect((await cg.limits()).hugetlb?.['2MB']?.max).toBe(4n << 20n);
    }
  });

  describe.runIf(hugetlb)('of several at once, where one is refused:', () => {
    const bad = { hugetlb: { '3MB': { max: 0 } } };
    const subtree = () => readFileSync(`${top.directory}/cgroup.subtree_control`, 'utf8').trim();
    beforeEach(() => writeFileSync(`${top.directory}/cgroup.subtree_control`, '-hugetlb'));

    /** Creates one that is refused. `during` is called when its controllers are handed down. */
    async function refused(parent: Cgroup, during: () => unknown): Promise<void> {
      const native = nativeOf(parent);
      const make = native.make.bind(native);
      override(native, {
        make(name) {
          override(native, { make });
          during();
          return make(name);
        },
      });
      await expect(Cgroup.create(parent, 'refused', bad)).rejects.toMatchObject({ code: 'ENOENT' });
    }

    it('one that begins while the controllers are taken back keeps its limits', async () => {
      await using parent = await Cgroup.open(top.path);
      const native = nativeOf(parent);
      const remove = native.remove.bind(native);
      for (let round = 0; round < 20; round++) {
        writeFileSync(`${top.directory}/cgroup.subtree_control`, '-hugetlb');
        let made: Promise<Cgroup> | undefined;
        override(native, {
          remove(name, inode) {
            override(native, { remove });
            // The next turn is that of the one who takes back.
            process.nextTick(() => {
              made = Cgroup.create(parent, 'made', limits, { removeOnDispose: true });
            });
            return remove(name, inode);
          },
        });
        await refused(parent, () => {});
        await using cg = await made;
        expect((await cg?.limits())?.hugetlb?.['2MB']?.max).toBe(4n << 20n);
      }
    });

    it('what enableControllers() asked for meanwhile is kept', async () => {
      await using parent = await Cgroup.open(top.path);
      let asked: Promise<void> | undefined;
      await refused(parent, () => {
        asked = parent.enableControllers(['hugetlb']);
      });
      await asked;
      expect(subtree()).toBe('hugetlb');
    });

    it('the last of them takes back what the first one had handed down', async () => {
      await using parent = await Cgroup.open(top.path);
      let second: Promise<unknown> | undefined;
      await refused(parent, () => {
        second = expect(Cgroup.create(parent, 'second', bad)).rejects.toMatchObject({ code: 'ENOENT' });
      });
      await second;
      expect(subtree()).toBe('');
    });
  });

  it.runIf(hugetlb)('cannot be handed down past processes: the error names them', async () => {
    await using parent = await Cgroup.create(top.path, 'inner', limits, { removeOnDispose: true });
    const child = startSleeper();
    await parent.attach(child.pid);
    const error = await Cgroup.create(parent, 'job', limits).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CgroupBusyError);
    expect(error).toMatchObject({ code: 'EBUSY', pids: [child.pid] });
    expect((error as Error).message).toMatch(/a cgroup has either processes or controllers/);
    expect(
      readdirSync(`${mount}${parent.path}`, { withFileTypes: true }).some((entry) => entry.isDirectory()),
    ).toBe(false);
  });

  it.runIf(hugetlb)('and processes exclude each other the other way round, too', async () => {
    await using parent = await Cgroup.create(top.path, 'outer', {}, { removeOnDispose: true });
    await parent.enableControllers(['hugetlb']);
    await expect(parent.attach(startSleeper().pid)).rejects.toThrow(/^EBUSY: .* takes no process/);
  });

  it.runIf(hugetlb)('of a controller that is not handed down: it says where it was last', async () => {
    mkdirSync(`${top.directory}/low`);
    writeFileSync(`${top.directory}/cgroup.subtree_control`, '-hugetlb');
    const error = await Cgroup.create(`${top.path}/low`, 'job', limits).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MissingControllerError);
    expect(error).toMatchObject({ controller: 'hugetlb', cgroup: `${top.path}/low`, enabledAt: top.path });
    expect((error as Error).message).toContain(`echo +hugetlb > ${top.directory}/cgroup.subtree_control`);
    await using low = await Cgroup.open(`${top.path}/low`);
    await expect(low.set(limits)).rejects.toMatchObject({ controller: 'hugetlb', enabledAt: top.path });
    await low.remove();
  });

  it.runIf(v1)('of a controller that version 1 has: it says so', async () => {
    const error = await Cgroup.create(top.path, 'job', { memory: { max: '1G' } }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      code: 'ERR_COFFERDAM_MISSING_CONTROLLER',
      controller: 'memory',
      enabledAt: undefined,
    });
    expect((error as Error).message).toMatch(/version 1 has it \(memory\).*cgroup_no_v1=memory/);
    expect(names()).toEqual([]);
  });
});

describe('the lease', () => {
  // Compiling all of src takes long on a host that does other things as well.
  beforeAll(() => void compiledDist(), 120_000);

  const owner = (name: string, end: string) => `
    import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
    const cg = await Cgroup.create(${JSON.stringify(top.path)}, ${JSON.stringify(name)});
    console.log(cg.identity.pid);
    ${end}
  `;

  it('ends with its owner by kill -9, and only then is the cgroup an orphan', async () => {
    await using living = await Cgroup.create(top.path, 'living');
    // Of the prefix, but nobody's.
    mkdirSync(`${top.directory}/cofferdam-bystander`);
    mkdirSync(`${top.directory}/other`);
    const { stdout, signal } = await runModule(owner('dead', `process.kill(process.pid, 'SIGKILL');`));
    expect(signal).toBe('SIGKILL');
    const orphans = await Cgroup.orphans(top.path);
    expect(orphans.map(({ name }) => name)).toEqual(['cofferdam-dead']);
    expect(orphans[0]?.identity?.pid).toBe(Number(stdout));
    // It is ours now: nobody else finds it.
    expect(await Cgroup.orphans(top.path)).toEqual([]);
    await orphans[0]?.remove({ recursive: true });
    await living.remove();
    rmdirSync(`${top.directory}/cofferdam-bystander`);
    rmdirSync(`${top.directory}/other`);
  });

  it('ends with close() as well', async () => {
    (await Cgroup.create(top.path, 'closed')).close();
    const [orphan] = await Cgroup.orphans(top.path);
    expect(orphan?.name).toBe('cofferdam-closed');
    await orphan?.remove();
  });

  it('is not taken from a mark of another version', async () => {
    const { stdout } = await runModule(`
      import { loadBinding } from ${JSON.stringify(compiledUrl('handle/native-binding.js'))};
      const top = loadBinding().openCgroup(${JSON.stringify(mount)}, ${JSON.stringify(top.path.slice(1))});
      top.make('cofferdam-newer');
      const cg = loadBinding().openCgroup(${JSON.stringify(mount)}, ${JSON.stringify(`${top.path.slice(1)}/cofferdam-newer`)});
      console.log(cg.setAttribute('user.cofferdam', JSON.stringify({ version: 2, instance: 'x', pid: 1, startTime: 1, bootId: 'x' })));
    `);
    expect(stdout).toBe('0\n');
    expect(await Cgroup.orphans(top.path)).toEqual([]);
    rmdirSync(`${top.directory}/cofferdam-newer`);
  });
});
