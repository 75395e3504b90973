// Events: in order, none lost between the baseline and the last reading, and none after the end.
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CgroupCore } from '../../src/cgroup/core.ts';
import { Cgroup, type CgroupEvent, type CgroupEvents } from '../../src/cgroup/index.ts';
import { handles, readFdTable } from '../../src/handle/index.ts';
import {
  compileProgram,
  endProcesses,
  eventually,
  forgetPrograms,
  makeTestCgroup,
  mount,
  moveInto,
  override,
  start,
  startSleeper,
  type TestCgroup,
} from '../support/cgroup.ts';
import { collectUntil } from '../support/collect.ts';
import { compiledDist, compiledUrl, runModule } from '../support/compiled.ts';

let top: TestCgroup;

beforeAll(() => {
  top = makeTestCgroup();
});
afterEach(async () => {
  await endProcesses();
  await eventually('no handle open', () => handles.list().length === 0);
  expect(inotifyWatches()).toBe(0);
});
afterAll(async () => {
  // It lingers for a second.
  await eventually('no inotify instance', () => inotifyFds() === 0);
  await top.remove();
  forgetPrograms();
});

const create = (name: string) => Cgroup.create(top.path, name, {}, { removeOnDispose: true });

/** Instances of inotify that this process has, by /proc. */
const inotifyFds = (): number =>
  [...readFdTable().values()].filter((target) => target === 'anon_inode:inotify').length;

/** Watches of all of them. */
function inotifyWatches(): number {
  const texts = readdirSync('/proc/self/fdinfo').map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    } catch {
      return ''; // that of the directory
    }
  });
  return texts.join('').match(/^inotify wd:/gm)?.length ?? 0;
}

/** The next event, or a failure after thirty seconds. */
async function next(events: CgroupEvents): Promise<CgroupEvent | 'done'> {
  const timer = AbortSignal.timeout(30_000);
  const late = once(timer, 'abort').then(() => {
    throw new Error('no event within thirty seconds');
  });
  const { done, value } = await Promise.race([events.next(), late]);
  return done ? 'done' : value;
}

describe('events()', () => {
  it('tell of processes that come and go, of freezing and of the end', async () => {
    await using cg = await create('life');
    const events = cg.events();
    const child = startSleeper();
    await cg.attach(child.pid);
    expect(await next(events)).toEqual({ type: 'populated', populated: true });
    await cg.freeze();
    expect(await next(events)).toEqual({ type: 'frozen', frozen: true });
    await cg.thaw();
    expect(await next(events)).toEqual({ type: 'frozen', frozen: false });
    child.kill('SIGKILL');
    expect(await next(events)).toEqual({ type: 'populated', populated: false });
    await cg.remove();
    expect(await next(events)).toEqual({ type: 'removed' });
    expect(await next(events)).toBe('done');
    expect(await next(events)).toBe('done');
  });

  it('tell of each freeze and thaw of ours, however fast they come', async () => {
    await using cg = await create('freezes');
    await cg.attach(startSleeper().pid);
    const events = cg.events();
    const expected: CgroupEvent[] = [];
    for (let round = 0; round < 20; round++) {
      await cg.freeze();
      await cg.thaw();
      expected.push({ type: 'frozen', frozen: true }, { type: 'frozen', frozen: false });
    }
    const seen: unknown[] = [];
    for (const _event of expected) seen.push(await next(events));
    expect(seen).toEqual(expected);
  });

  it('begin with the state that is found, where that is asked for', async () => {
    await using cg = await create('initial');
    await cg.attach(startSleeper().pid);
    const events = cg.events({ initial: true });
    expect(await next(events)).toEqual({ type: 'frozen', frozen: false });
    expect(await next(events)).toEqual({ type: 'populated', populated: true });
  });

  it('of the root begin with what stat() says of it', async () => {
    await using root = await Cgroup.open('/');
    const events = root.events({ initial: true });
    const { frozen, populated } = await root.stat();
    expect([await next(events), await next(events)]).toEqual([
      { type: 'frozen', frozen },
      { type: 'populated', populated },
    ]);
    await events.return();
  });

  it('tell of a removal by somebody else, of a cgroup that never held anything', async () => {
    mkdirSync(`${top.directory}/foreign`);
    await using cg = await Cgroup.open(`${top.path}/foreign`);
    const events = cg.events();
    rmdirSync(`${top.directory}/foreign`);
    expect(await next(events)).toEqual({ type: 'removed' });
    expect(await next(events)).toBe('done');
    expect(() => cg.events()).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ENODEV|ENOENT/) }),
    );
  });

  it('tell of the removal of one whose name is no UTF-8', async () => {
    const directory = Buffer.concat([Buffer.from(`${top.directory}/odd-`), Buffer.from([0xff])]);
    mkdirSync(directory);
    await using cg = await Cgroup.open(`${top.path}/odd-\udcff`);
    const events = cg.events();
    rmdirSync(directory);
    expect(await next(events)).toEqual({ type: 'removed' });
  });

  it('tell nothing twice after a reading that failed', async () => {
    await using cg = await create('failing');
    const { native } = (cg as unknown as { core: CgroupCore }).core;
    const read = native.read.bind(native);
    let memory: string | number = 'oom_kill 3\n';
    override(native, { read: (file) => (file === 'memory.events' ? memory : read(file)) });
    const events = cg.events();
    memory = -constants.errno.EMFILE;
    cg.checkEvents();
    memory = 'oom_kill 4\n';
    cg.checkEvents();
    expect(await next(events)).toEqual({ type: 'oomKill', count: 1 });
  });

  it('tell of the removal of a cgroup by a handle of one above it', async () => {
    const parent = await Cgroup.create(top.path, 'parent');
    const inner = await Cgroup.create(parent, 'inner');
    await inner.attach(startSleeper().pid);
    const events = inner.events();
    await parent.remove({ recursive: true });
    expect([await next(events), await next(events), await next(events)]).toEqual([
      { type: 'populated', populated: false },
      { type: 'removed' },
      'done',
    ]);
    inner.close();
  });

  it('are told at once by checkEvents(), whatever the kernel is late with', async () => {
    await using cg = await create('check');
    const events = cg.events();
    const child = startSleeper();
    for (let round = 0; round < 20; round++) {
      const populated = round % 2 === 0;
      moveInto(populated ? `${mount}${cg.path}` : top.directory, child.pid);
      cg.checkEvents();
      // Nothing is waited for: it is in the queue.
      expect(await next(events)).toEqual({ type: 'populated', populated });
    }
  });

  it('of two readers are the same', async () => {
    await using cg = await create('two');
    const readers = [cg.events(), cg.events()];
    expect(inotifyFds()).toBe(1);
    await cg.attach(startSleeper().pid);
    await cg.remove({ recursive: true });
    for (const reader of readers) {
      const seen: string[] = [];
      for await (const { type } of reader) seen.push(type);
      expect(seen).toEqual(['populated', 'populated', 'removed']);
    }
  });

  it('that wait for a slow reader are bounded, and keep the last state', async () => {
    await using cg = await create('slow');
    const events = cg.events();
    const child = startSleeper();
    for (let round = 0; round < 600; round++) {
      moveInto(round % 2 === 0 ? `${mount}${cg.path}` : top.directory, child.pid);
      cg.checkEvents();
    }
    moveInto(`${mount}${cg.path}`, child.pid);
    const seen: CgroupEvent[] = [];
    cg.checkEvents();
    await events.next().then(({ value }) => value && seen.push(value));
    await cg.remove({ recursive: true });
    for await (const event of events) seen.push(event);
    expect(seen.length).toBeLessThan(300);
    expect(seen.slice(-2)).toEqual([{ type: 'populated', populated: false }, { type: 'removed' }]);
    // Each move may wait for a grace period of the kernel's.
  }, 180_000);
});

describe('events end', () => {
  it('with the signal, by an AbortError', async () => {
    await using cg = await create('abort');
    const controller = new AbortController();
    const events = cg.events({ signal: controller.signal });
    const waiting = events.next();
    controller.abort('enough');
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(() => cg.events({ signal: controller.signal })).toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(await next(events)).toBe('done');
  });

  it('for everybody who waits', async () => {
    await using cg = await create('waiting');
    const events = cg.events();
    const waiting = Promise.all([next(events), next(events), next(events), next(events)]);
    await cg.attach(startSleeper().pid);
    await cg.remove({ recursive: true });
    expect(await waiting).toEqual([
      { type: 'populated', populated: true },
      { type: 'populated', populated: false },
      { type: 'removed' },
      'done',
    ]);
  });

  it('before they begin, where the options are none', async () => {
    await using cg = await create('options');
    const before = inotifyWatches();
    for (const [options, field] of [
      [{ signal: 5 }, 'signal'],
      [{ signal: {} }, 'signal'],
      [{ pressure: 5 }, 'pressure'],
      [{ pressure: { resource: 'cpu' } }, 'pressure'],
    ] as const)
      expect(() => cg.events(options as never)).toThrow(
        expect.objectContaining({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field }),
      );
    expect(inotifyWatches()).toBe(before);
  });

  it('with the handle, and with break', async () => {
    const cg = await Cgroup.create(top.path, 'end');
    const events = cg.events();
    const waiting = events.next();
    const others = cg.events({ initial: true });
    for await (const _event of others) break;
    expect(await next(others)).toBe('done');
    cg.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const [orphan] = await Cgroup.orphans(top.path);
    await orphan?.remove();
  });

  it('when their reader is forgotten', async () => {
    await using cg = await create('forgotten');
    (() => void cg.events())();
    expect(inotifyWatches()).toBeGreaterThan(0);
    await collectUntil(() => inotifyWatches() === 0);
  });
});

describe('in a process of its own', () => {
  beforeAll(() => void compiledDist(), 120_000);
  const prelude = () => `
    import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
    import { readFdTable } from ${JSON.stringify(compiledUrl('handle/index.js'))};
    import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
    const inotify = () => [...readFdTable().values()].filter((target) => target === 'anon_inode:inotify').length;
  `;

  it('a reader keeps it alive, and events that nobody reads do not', async () => {
    const directory = `${top.directory}/alive`;
    mkdirSync(directory);
    const idle = await runModule(`${prelude()}
      const cg = await Cgroup.open(${JSON.stringify(`${top.path}/alive`)});
      cg.events();
      process.on('exit', () => console.log('end'));
    `);
    expect(idle).toMatchObject({ code: 0, stdout: 'end\n' });
    const reader = start(process.execPath, [
      '--input-type=module',
      '--eval',
      `${prelude()}
      const cg = await Cgroup.open(${JSON.stringify(`${top.path}/alive`)});
      const events = cg.events();
      console.log('reading');
      for await (const event of events) console.log(event.type);`,
    ]);
    const closed = once(reader, 'close');
    let said = '';
    reader.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const told = (what: string) => eventually(`it has told ${JSON.stringify(what)}`, () => said === what);
    const child = startSleeper();
    await told('reading\n');
    moveInto(directory, child.pid);
    await told('reading\npopulated\n');
    child.kill('SIGKILL');
    await told('reading\npopulated\npopulated\n');
    rmdirSync(directory);
    expect([...(await closed), said]).toEqual([0, null, 'reading\npopulated\npopulated\nremoved\n']);
  });

  it('without an inotify instance to be had, POLLPRI tells', async () => {
    // A limit of its own, in a user namespace: none for anybody there.
    const program = `${prelude()}
      const cg = await Cgroup.create(${JSON.stringify(top.path)}, 'poll');
      writeFileSync('/proc/sys/user/max_inotify_instances', '0');
      const events = cg.events();
      console.log('inotify', inotify());
      const { spawn } = await import('node:child_process');
      const child = spawn('sleep', ['600']);
      await cg.attach(child.pid);
      console.log((await events.next()).value);
      child.kill('SIGKILL');
      console.log((await events.next()).value);
      rmdirSync(${JSON.stringify(top.directory)} + '/cofferdam-poll');
      console.log((await events.next()).value, (await events.next()).done);
      cg.close();
    `;
    const child = start('unshare', [
      '--user',
      '--map-root-user',
      process.execPath,
      '--input-type=module',
      '--eval',
      program,
    ]);
    let stdout = '';
    child.stdout?.on('data', (text: Buffer) => {
      stdout += text.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(stdout.split('\n')).toEqual([
      'inotify 0',
      "{ type: 'populated', populated: true }",
      "{ type: 'populated', populated: false }",
      "{ type: 'removed' } true",
      '',
    ]);
    expect(code).toBe(0);
  });

  it('reads everything anew where the queue of inotify was full', async () => {
    const { stdout, code, stderr } = await runModule(
      `${prelude()}
      import { watchFile } from ${JSON.stringify(compiledUrl('cgroup/file-watch.js'))};
      import { loadBinding } from ${JSON.stringify(compiledUrl('handle/native-binding.js'))};
      import { readFileSync, utimesSync } from 'node:fs';
      const cg = await Cgroup.create(${JSON.stringify(top.path)}, 'overflow', {}, { removeOnDispose: true });
      const events = cg.events();
      // Two files of the same instance that change faster than anybody reads: each write is an event of its own.
      const native = loadBinding().openCgroup(${JSON.stringify(mount)}, ${JSON.stringify(top.path.slice(1))});
      let told = 0;
      for (const file of ['cgroup.max.depth', 'cgroup.max.descendants']) watchFile(native, file, () => told++);
      const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
      for (let i = 0; i <= limit; i++) native.write(i % 2 ? 'cgroup.max.depth' : 'cgroup.max.descendants', 'max');
      // The event of this one has no place any more.
      const { spawn } = await import('node:child_process');
      const child = spawn('sleep', ['600']);
      writeFileSync(${JSON.stringify(`${top.directory}/cofferdam-overflow/cgroup.procs`)}, String(child.pid));
      console.log((await events.next()).value, told);
      await cg.remove({ recursive: true });
      native.close();
      process.exit();
    `,
      { timeout: 55_000 },
    );
    expect(stderr).toBe('');
    // Each watch once for its own news, and all of them once for the overflow: the listeners are told once.
    expect(stdout).toBe("{ type: 'populated', populated: true } 2\n");
    expect(code).toBe(0);
  });

  it('threads share one instance, and a terminated one leaves nothing', async () => {
    const { stdout, code, stderr } = await runModule(
      `${prelude()}
      import { Worker } from 'node:worker_threads';
      import { spawn } from 'node:child_process';
      const cg = await Cgroup.create(${JSON.stringify(top.path)}, 'threads', {}, { removeOnDispose: true });
      const source = \`
        const { parentPort } = require('node:worker_threads');
        import(${JSON.stringify(compiledUrl('cgroup/index.js'))}).then(async ({ Cgroup }) => {
          const cg = await Cgroup.open(\${JSON.stringify(cg.path)});
          const events = cg.events();
          parentPort.postMessage('ready');
          for await (const event of events) parentPort.postMessage(event);
        });
      \`;
      const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true, execArgv: [] }));
      const message = (worker) => new Promise((resolve) => worker.once('message', resolve));
      console.log((await Promise.all(workers.map(message))).join());
      const events = cg.events();
      console.log('instances', inotify());
      const all = Promise.all(workers.map(message));
      const child = spawn('sleep', ['600']);
      await cg.attach(child.pid);
      console.log((await events.next()).value, (await all).map(({ populated }) => populated).join());
      await workers[0].terminate();
      await workers[1].terminate();
      const last = message(workers[2]);
      child.kill('SIGKILL');
      console.log((await events.next()).value, (await last).populated);
      await workers[2].terminate();
      await cg.remove({ recursive: true });
      for (const _ of [1, 2]) await events.next();
      // It lingers for a second.
      for (let i = 0; i < 600 && inotify() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 50));
      console.log('instances', inotify());
    `,
      { timeout: 55_000 },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'ready,ready,ready',
      'instances 1',
      "{ type: 'populated', populated: true } true,true,true",
      "{ type: 'populated', populated: false } false",
      'instances 0',
      '',
    ]);
    expect(code).toBe(0);
  });
});

/**
 * Every transition that lasts until it has been told is told: held against a program that counts by itself. Ten times a
 * hundred in the suite; COFFERDAM_EVENT_CYCLES=100000 says how many cycles for more.
 */
describe('no transition is lost', () => {
  const CYCLES = Number(process.env.COFFERDAM_EVENT_CYCLES ?? 1000);
  const CGROUPS = CYCLES > 10_000 ? 200 : 20;

  it(
    `of ${CYCLES} cycles in ${CGROUPS} cgroups`,
    async () => {
      await using parent = await create('cycles');
      const groups = await Promise.all(
        Array.from({ length: CGROUPS }, (_, index) => Cgroup.create(parent, `cg-${index}`)),
      );
      const observer = start(
        compileProgram('observer'),
        groups.map(({ path }) => mount + path),
      );
      let printed = '';
      observer.stdout?.on('data', (text: Buffer) => {
        printed += text.toString();
      });
      const turn = (index: number): void =>
        void observer.stdin?.write(Uint8Array.of(index & 0xff, index >> 8));
      const each = CYCLES / CGROUPS;
      const counts = await Promise.all(
        groups.map(async (cg, index) => {
          const seen = { populated: 0, empty: 0 };
          const events = cg.events();
          turn(index);
          for await (const event of events) {
            if (event.type !== 'populated') throw new Error(`${event.type} of cgroup ${index}`);
            seen[event.populated ? 'populated' : 'empty']++;
            if (seen.empty === each) break;
            turn(index);
          }
          return `${seen.populated} ${seen.empty}`;
        }),
      );
      observer.stdin?.end();
      await once(observer, 'close');
      expect(printed.trim().split('\n')).toEqual(counts);
      expect(new Set(counts)).toEqual(new Set([`${each} ${each}`]));
      for (const cg of groups) await cg.remove();
      const dying = async () => (await parent.stat()).nrDyingDescendants;
      for (const until = performance.now() + 30_000; (await dying()) > 0 && performance.now() < until; )
        await sleep(50);
      expect(await dying()).toBe(0);
    },
    Math.max(120_000, CYCLES * 20),
  );
});
