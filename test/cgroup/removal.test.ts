// remove() and kill() against what does not want to go: storms of forks, nested, stopped, frozen, zombies, state D.

import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CgroupCore } from '../../src/cgroup/core.ts';
import { Cgroup, CgroupBusyError, CgroupStuckError } from '../../src/cgroup/index.ts';
import { killByFreezing } from '../../src/cgroup/removal.ts';
import { handles } from '../../src/handle/index.ts';
import {
  compileProgram,
  endProcesses,
  eventually,
  forgetPrograms,
  makeTestCgroup,
  mount,
  moveInto,
  override,
  pidsIn,
  readFlat,
  start,
  startSleeper,
  type TestCgroup,
} from '../support/cgroup.ts';
import { compiledDist, compiledUrl, runModule } from '../support/compiled.ts';
import { skip } from '../support/needs.ts';

let top: TestCgroup;

beforeAll(() => {
  top = makeTestCgroup();
});
afterEach(async () => {
  await endProcesses();
  await eventually('no handle open', () => handles.list().length === 0);
});
afterAll(async () => {
  await top.remove();
  forgetPrograms();
});

const create = (name: string) => Cgroup.create(top.path, name);
const coreOf = (cg: Cgroup): CgroupCore => (cg as unknown as { core: CgroupCore }).core;
const there = (cg: Cgroup): boolean => existsSync(`${mount}${cg.path}`);

/** A storm of forks inside: processes that are gone when a list of them is read. */
async function storm(cg: Cgroup, number: number): Promise<void> {
  const child = start(compileProgram('storm'), [String(number)]);
  await cg.attach(child.pid);
  child.stdin?.write('x');
  if (number > 1) await once(child.stdout!, 'data');
}

/** Runs `body`, and fails where it took longer than removing may, on the slowest of machines: nobody in there ends by himself. */
async function bounded(body: () => Promise<void>): Promise<void> {
  const before = performance.now();
  await body();
  expect(performance.now() - before).toBeLessThan(30_000);
}

describe('remove({ recursive: true }) leaves nothing of', () => {
  it('a storm of forks', async () => {
    const cg = await create('storm');
    await storm(cg, 30);
    await bounded(() => cg.remove({ recursive: true }));
    expect(there(cg)).toBe(false);
  });

  it('nested cgroups with processes, three deep', async () => {
    const cg = await create('nested');
    const directory = `${mount}${cg.path}`;
    for (const path of ['a', 'a/b', 'a/b/c', 'd', 'd/e', 'd/e/f']) {
      mkdirSync(`${directory}/${path}`);
      moveInto(`${directory}/${path}`, startSleeper().pid);
    }
    await bounded(() => cg.remove({ recursive: true }));
    expect(there(cg)).toBe(false);
  });

  it('stopped processes', async () => {
    const cg = await create('stopped');
    for (let index = 0; index < 3; index++) {
      const child = startSleeper();
      await cg.attach(child.pid);
      child.kill('SIGSTOP');
    }
    await bounded(() => cg.remove({ recursive: true }));
    expect(there(cg)).toBe(false);
  });

  it('a frozen tree', async () => {
    const cg = await create('frozen');
    mkdirSync(`${mount}${cg.path}/inner`);
    moveInto(`${mount}${cg.path}/inner`, startSleeper().pid);
    await cg.freeze();
    await bounded(() => cg.remove({ recursive: true }));
    expect(there(cg)).toBe(false);
  });

  it('names that are no UTF-8', async () => {
    const cg = await create('bytes');
    const names = [
      [0xff],
      [0xc3],
      [0xed, 0xb2, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0x78, 0xc0, 0x80, 0x79],
      [0xe2, 0x82],
    ];
    for (const bytes of names) mkdirSync(Buffer.from([...Buffer.from(`${mount}${cg.path}/`), ...bytes]));
    mkdirSync(`${mount}${cg.path}/ü€😀`);
    const found = cg.tree().map(({ path }) => path);
    expect(found).toContain(`${cg.path}/ü€😀`);
    expect(new Set(found).size).toBe(names.length + 2);
    await using odd = await Cgroup.open(`${cg.path}/\udcff`);
    expect(found).toContain(odd.path);
    await bounded(() => cg.remove({ recursive: true }));
    expect(there(cg)).toBe(false);
  });

  it('zombies', async () => {
    const cg = await create('zombies');
    // A parent outside, stopped before it can wait for its children inside.
    const parent = start('sh', ['-c', 'sleep 600 & echo $!; kill -STOP $$; wait']);
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    // The shell says the pid before the child has become what it is to be.
    await eventually('the child sleeps', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    await cg.attach(pid);
    await bounded(() => cg.remove({ recursive: true }));
    // It leaves its cgroup before it is a zombie.
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8');
    await eventually('it is a zombie', () => /^\d+ \(sleep\) Z/.test(stat()));
    expect(there(cg)).toBe(false);
  });

  it('200 processes, and cgroups made meanwhile', async () => {
    const cg = await create('many');
    const shell = start('sh', [
      '-c',
      'read go; i=0; while [ $i -lt 200 ]; do sleep 600 & i=$((i+1)); done; echo; wait',
    ]);
    await cg.attach(shell.pid);
    shell.stdin?.write('\n');
    await once(shell.stdout!, 'data');
    const removal = cg.remove({ recursive: true });
    mkdirSync(`${mount}${cg.path}/late`);
    await bounded(() => removal);
    expect(there(cg)).toBe(false);
  });
});

describe('remove()', () => {
  beforeAll(() => void compiledDist(), 120_000);

  it('of a populated one names the processes, and of a parent the children', async () => {
    const cg = await create('busy');
    const child = startSleeper();
    await cg.attach(child.pid);
    const error = await cg.remove().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CgroupBusyError);
    expect(error).toMatchObject({ code: 'EBUSY', syscall: 'rmdir', pids: [child.pid] });
    expect((error as Error).message).toContain(`(pid ${child.pid})`);
    await cg.remove({ recursive: true });

    const parent = await create('parent');
    await using lower = await Cgroup.create(parent, 'lower');
    await expect(parent.remove()).rejects.toThrow(/while 1 cgroups are below it/);
    await lower.remove();
    await parent.remove();
  });

  it('of a threaded one says that it holds threads, and kill() where its processes are', async () => {
    const cg = await create('domain');
    await using threads = await Cgroup.create(cg, 'threads');
    const child = startSleeper();
    await cg.attach(child.pid);
    writeFileSync(`${mount}${threads.path}/cgroup.type`, 'threaded');
    writeFileSync(`${mount}${threads.path}/cgroup.threads`, String(child.pid));
    await expect(threads.remove()).rejects.toThrow(/while threads are in it: see its cgroup.threads/);
    await expect(threads.kill()).rejects.toThrow(/^EOPNOTSUPP: .* is threaded: .* Kill the cgroup above it/);
    await threads.attach(child.pid);
    await bounded(() => cg.remove({ recursive: true }));
  });

  it('that cannot even look any more is over', async () => {
    const cg = await create('blind');
    await using lower = await Cgroup.create(cg, 'lower');
    const { native } = coreOf(cg);
    const children = native.children.bind(native);
    // First nothing is seen, so that what is there is in the way of a first attempt; the second one fails.
    const seen = [[], -constants.errno.EMFILE];
    override(native, { children: () => seen.shift() ?? children() });
    await expect(cg.remove({ recursive: true })).rejects.toMatchObject({ code: 'EMFILE' });
    expect([seen, cg.removal]).toEqual([[], 'none']);
    await lower.remove();
    await cg.remove();
  });

  it('of the root is refused', async () => {
    await using root = await Cgroup.open('/');
    await expect(root.remove({ recursive: true })).rejects.toMatchObject({ field: 'cgroup' });
  });

  it('may be called twice at once, and by two handles', async () => {
    const first = await create('twice');
    const second = await Cgroup.open(first.path);
    await first.attach(startSleeper().pid);
    await Promise.all([
      first.remove({ recursive: true }),
      first.remove({ recursive: true }),
      second.remove({ recursive: true }),
    ]);
    expect([there(first), first.removal, second.removal]).toEqual([false, 'removed', 'removed']);
  });

  it('of one that a mount namespace shows, to a process outside of it', async () => {
    const run = async (name: string, ...program: string[]) => {
      const { stdout, stderr } = await runModule(
        `
        import { spawn } from 'node:child_process';
        import { Cgroup } from ${JSON.stringify(compiledUrl('cgroup/index.js'))};
        const cg = await Cgroup.create('/', ${JSON.stringify(name)});
        await cg.attach(spawn('sleep', ['600'], { stdio: 'ignore' }).pid);
        await cg.freeze();
        await cg.thaw();
        await cg.remove({ recursive: true });
        const own = await Cgroup.create('/', ${JSON.stringify(`${name}-own`)});
        await own.attach(process.pid);
        console.log(cg.removal, await own.kill().catch(({ field }) => field));
        process.exit();
      `,
        { program },
      );
      expect({ stdout, stderr }).toEqual({ stdout: 'removed cgroup\n', stderr: '' });
      await eventually('it is empty', () => pidsIn(`${top.directory}/cofferdam-${name}-own`).length === 0);
      rmdirSync(`${top.directory}/cofferdam-${name}-own`);
    };
    const script = `mount --bind ${top.directory} ${mount} && exec "$@"`;
    await run('bound', 'unshare', '--mount', 'sh', '-c', script, '-');
    // Of its own cgroup such a namespace tells by '/', and of what is mounted by '/../..'.
    mkdirSync(`${top.directory}/inner`);
    const enter = `echo $$ > ${top.directory}/inner/cgroup.procs && exec unshare --cgroup --mount sh -c '${script.replace('"$@"', '"$0" "$@"')}' "$@"`;
    await run('unshared', 'sh', '-c', enter, '-');
    await eventually('it is empty', () => pidsIn(`${top.directory}/inner`).length === 0);
    rmdirSync(`${top.directory}/inner`);
  });

  it('is aborted by its signal', async () => {
    const busy = await create('aborted');
    await busy.attach(startSleeper().pid);
    await expect(busy.remove({ recursive: true, signal: AbortSignal.abort('no') })).rejects.toMatchObject({
      name: 'AbortError',
      cause: 'no',
    });
    expect(busy.removal).toBe('none');
    await busy.remove({ recursive: true });
  });
});

it('kill() ends all and leaves the directory', async () => {
  const cg = await create('kill');
  await storm(cg, 10);
  await cg.kill();
  await eventually('everybody dead', () => readFlat(`${mount}${cg.path}/cgroup.events`).populated === 0);
  expect(there(cg)).toBe(true);
  await cg.remove();
});

it('a kill() that is refused takes none back that was not', async () => {
  await using cg = await Cgroup.create(top.path, 'again', {}, { removeOnDispose: true });
  await cg.kill();
  writeFileSync(`${mount}${cg.path}/cgroup.type`, 'threaded');
  await expect(cg.kill()).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  await expect(cg.attach(startSleeper().pid)).rejects.toThrow(/was killed, and is not used again/);
});

// What kernels before 5.14 get, which have no cgroup.kill.
describe('killing by freezing', () => {
  it('is refused where the processes cannot be listed, and nobody counts as killed', async () => {
    await using cg = await Cgroup.create(top.path, 'unlisted', {}, { removeOnDispose: true });
    const { native } = coreOf(cg);
    const read = native.read.bind(native);
    const writeAside = native.writeAside.bind(native);
    for (const [errno, message] of [
      [constants.errno.EOPNOTSUPP, /^EOPNOTSUPP: .* is threaded: /],
      [constants.errno.EMFILE, /^EMFILE: .*\/cgroup\.procs/],
    ] as const) {
      override(native, {
        read: (file) => (file === 'cgroup.procs' ? -errno : read(file)),
        writeAside: (file, text, onDone) =>
          writeAside(file === 'cgroup.kill' ? 'no.such.file' : file, text, onDone),
      });
      await expect(cg.kill()).rejects.toThrow(message);
      override(native, { read, writeAside });
      await cg.attach(startSleeper().pid);
    }
  });

  it('leaves nobody of a storm, here and below', async () => {
    await using cg = await Cgroup.create(top.path, 'freezing', {}, { removeOnDispose: true });
    using inner = await Cgroup.create(cg, 'inner');
    await storm(cg, 20);
    await storm(inner, 20);
    await bounded(() => killByFreezing(coreOf(cg), {}));
    // Of `frozen` there the kernel says nothing new where a group was empty before the one below it was frozen.
    expect(readFlat(`${mount}${cg.path}/cgroup.events`).populated).toBe(0);
    for (const { path } of [cg, inner]) {
      expect(readFileSync(`${mount}${path}/cgroup.freeze`, 'utf8')).toBe('0\n');
      // Who comes now runs.
      const cat = start('cat', []);
      moveInto(`${mount}${path}`, cat.pid);
      cat.stdin?.end('here');
      expect(String(await once(cat.stdout!, 'data'))).toBe('here');
      await once(cat, 'exit');
    }
  });
});

describe('a process in state D', () => {
  it('is named; the removal goes on by itself, and is done when it ends', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'cofferdam-stuck-'));
    const holder = start(compileProgram('stuck'), [directory]);
    const said = await Promise.race([once(holder.stdout!, 'data'), once(holder, 'exit')]);
    if (holder.exitCode === 77) {
      rmdirSync(directory);
      skip(context, 'no FUSE on this host');
    }
    const pid = Number(String(said[0]));
    const cg = await create('stuck');
    await cg.attach(pid);
    const error = await cg.remove({ recursive: true, timeout: 2000 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CgroupStuckError);
    const stuck = error as CgroupStuckError;
    expect(stuck).toMatchObject({ code: 'ERR_COFFERDAM_CGROUP_STUCK', path: cg.path, pids: [pid] });
    expect(stuck.processes).toEqual([{ pid, state: 'D', command: 'stuck' }]);
    expect(stuck.message).toContain(`${pid} (stuck, state D)`);
    expect([cg.removal, cg.state, pidsIn(`${mount}${cg.path}`)]).toEqual(['stuck', 'open', [pid]]);
    // Released: the file system is given up.
    holder.stdin?.end();
    await stuck.finished;
    expect([cg.removal, cg.state, there(cg)]).toEqual(['removed', 'closed', false]);
    await once(holder, 'exit');
    rmSync(directory, { recursive: true });
  });

  it('is given up with the handle', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'cofferdam-stuck-'));
    const holder = start(compileProgram('stuck'), [directory]);
    const said = await Promise.race([once(holder.stdout!, 'data'), once(holder, 'exit')]);
    if (holder.exitCode === 77) {
      rmdirSync(directory);
      skip(context, 'no FUSE on this host');
    }
    const cg = await create('stuck');
    await cg.attach(Number(String(said[0])));
    const error = await cg.remove({ recursive: true, timeout: 50 }).catch((caught: unknown) => caught);
    cg.close();
    await expect((error as CgroupStuckError).finished).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_CLOSED',
    });
    expect(there(cg)).toBe(true);
    holder.stdin?.end();
    await once(holder, 'exit');
    await (await Cgroup.open(cg.path)).remove({ recursive: true });
    rmSync(directory, { recursive: true });
  });
});
