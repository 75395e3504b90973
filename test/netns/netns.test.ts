import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { handles, loadBinding, readFdTable } from '../../src/handle/index.ts';
import { Netns, resolveNetns } from '../../src/netns/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { eventually } from '../support/cgroup.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

let next = 0;
const made: string[] = [];

/** A name that no other test process has; whatever happens, it is gone at the end. */
function freshName(): string {
  const name = `cofferdam-test-${process.pid}-${next++}`;
  made.push(name);
  return name;
}

afterEach(() => {
  expect(handles.list()).toEqual([]);
});

afterAll(async () => {
  for (const name of made) await Netns.remove(name).catch(() => {});
});

const ownInode = statSync('/proc/self/ns/net').ino;

describe('an unnamed namespace', () => {
  it('is a new one, and gone with its handle', async () => {
    const ns = await Netns.create();
    expect(ns.inode).not.toBe(ownInode);
    expect(ns.name).toBe(undefined);
    expect(readFdTable().get(ns.fd)).toBe(`net:[${ns.inode}]`);
    ns.close();
    expect([...readFdTable().values()]).not.toContain(`net:[${ns.inode}]`);
    // The number stays: an event or a log line may mention it later.
    expect(ns.inode).toBeGreaterThan(0);
  });

  it('leaves the namespace of this process as it was', async () => {
    const before = readlinkSync('/proc/thread-self/ns/net');
    await using _ns = await Netns.create();
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
    expect(Object.keys(networkInterfaces()).length).toBeGreaterThan(0);
  });

  it('each is another one', async () => {
    await using first = await Netns.create();
    await using second = await Netns.create();
    expect(first.equals(second)).toBe(false);
  });

  it('creating and closing keeps the fd table flat', async () => {
    const report = await expectFlatFds(
      async () => {
        using _ns = await Netns.create();
      },
      { iterations: 200 },
    );
    expect(report.after.fds).toBe(report.before.fds);
  });
});

describe('a named namespace', () => {
  it('is what `ip netns` sees, and gone after remove()', async () => {
    const name = freshName();
    const ns = await Netns.create({ name });
    expect(ns.name).toBe(name);
    expect(statSync(`/run/netns/${name}`).ino).toBe(ns.inode);
    expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).toContain(name);
    const links = execFileSync('ip', ['-n', name, '-j', 'link'], { encoding: 'utf8' });
    expect(JSON.parse(links)[0].ifname).toBe('lo');
    ns.close();
    expect(existsSync(`/run/netns/${name}`)).toBe(true);
    await Netns.remove(name);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(name);
  });

  it('can be one that `ip netns add` made, and the other way round', async () => {
    const theirs = freshName();
    execFileSync('ip', ['netns', 'add', theirs]);
    {
      await using ns = await Netns.open(theirs);
      expect(ns.name).toBe(theirs);
      expect(ns.inode).toBe(statSync(`/run/netns/${theirs}`).ino);
    }
    await Netns.remove(theirs);

    const ours = freshName();
    (await Netns.create({ name: ours })).close();
    execFileSync('ip', ['netns', 'del', ours]);
    await expect(Netns.open(ours)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is on a mount that propagates, once, as with `ip netns`', async () => {
    const name = freshName();
    (await Netns.create({ name })).close();
    (await Netns.create({ name: freshName() })).close();
    const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
    const line = mountinfo.split('\n').find((text) => text.split(' ')[4] === '/run/netns');
    expect(line).toMatch(/ shared:\d+ .*- /);
    expect(mountinfo.split('\n').filter((line) => line.split(' ')[4] === '/run/netns')).toHaveLength(1);
    expect(mountinfo.split('\n').filter((line) => line.split(' ')[4] === `/run/netns/${name}`)).toHaveLength(
      1,
    );
  });

  it('a taken name is EEXIST, and the one who has it keeps it', async () => {
    const name = freshName();
    await using first = await Netns.create({ name });
    await expect(Netns.create({ name })).rejects.toMatchObject({
      name: 'SystemError',
      code: 'EEXIST',
      errno: -17,
      syscall: 'open',
      path: `/run/netns/${name}`,
    });
    expect(statSync(`/run/netns/${name}`).ino).toBe(first.inode);
    expect(handles.list()).toHaveLength(1);
  });

  it('of several who create one name at once exactly one wins', async () => {
    const name = freshName();
    const children = Array.from({ length: 4 }, () =>
      runModule(`
        import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
        try {
          const ns = await Netns.create({ name: ${JSON.stringify(name)} });
          console.log('won', ns.inode);
          ns.close();
        } catch (error) { console.log(error.code); }
      `),
    );
    const answers = (await Promise.all(children)).map((child) => child.stdout.trim()).sort();
    expect(answers.slice(0, 3)).toEqual(['EEXIST', 'EEXIST', 'EEXIST']);
    expect(answers[3]).toBe(`won ${statSync(`/run/netns/${name}`).ino}`);
  });

  it.each([
    ['removes', () => {}],
    ['makes anew', (path: string) => writeFileSync(path, 'theirs', { mode: 0 })],
  ])('of somebody who %s the name meanwhile nothing is taken', async (_, then) => {
    const name = freshName();
    const path = `/run/netns/${name}`;
    const binding = loadBinding();
    const real = binding.mountNetns;
    // Between the file and the mount.
    const spy = vi.spyOn(binding, 'mountNetns').mockImplementation((...args) => {
      unlinkSync(path);
      then(path);
      return real(...args);
    });
    try {
      await expect(Netns.create({ name })).rejects.toMatchObject({
        name: 'SystemError',
        code: 'ENOENT',
        syscall: 'mount',
        path,
      });
    } finally {
      spy.mockRestore();
    }
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(name);
    const kept = existsSync(path) ? [readFileSync(path, 'utf8')] : [];
    expect(kept).toEqual(_ === 'removes' ? [] : ['theirs']);
  });

  it('leaves no file where the mount fails', async () => {
    const name = freshName();
    const child = await runModule(`
      import { bindName } from ${JSON.stringify(compiledUrl('netns/names.js'))};
      import { openSync } from 'node:fs';
      // No namespace at all, but an fd: mountNetns refuses it after the file was made.
      try { bindName(openSync('/dev/null', 'r'), ${JSON.stringify(name)}); }
      catch (error) { console.log(error.code, error.syscall); }
    `);
    expect(child.stdout).toBe('EINVAL mount\n');
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
  });

  it.each(['', '.', '..', 'a/b', '/etc', 'a\0b', 'x'.repeat(256), 'ä'.repeat(128)])(
    'refuses the name %j',
    async (name) => {
      await expect(Netns.create({ name })).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
      await expect(Netns.remove(name)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
    },
  );

  it.each([{ nmae: 'x' }, { name: freshName(), nsid: 5 }, null, 'x'])(
    'refuses the options %j',
    async (options) => {
      await expect(Netns.create(options as object)).rejects.toMatchObject({
        code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      });
    },
  );

  it('takes the longest names, and odd ones', async () => {
    for (const name of [`${freshName()}-`.padEnd(255, 'x'), `${freshName()} ü "'`]) {
      made.push(name);
      (await Netns.create({ name })).close();
      expect((await Netns.list()).find((entry) => entry.name === name)?.mounted).toBe(true);
      await Netns.remove(name);
      expect(existsSync(`/run/netns/${name}`)).toBe(false);
    }
  });
});

describe('on another host', () => {
  const create = `
    const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
    const { readFileSync, readdirSync } = await import('node:fs');
    const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8').split('\\n')
      .map((line) => line.split(' ')).filter((fields) => fields[4]?.startsWith('/run/'))
      .map((fields) => fields[4] + ' ' + fields[6].replace(/[0-9]+/, 'N'));
  `;

  it('where nobody ever named a namespace, /run/netns is made', () => {
    const program = `${create}
      console.log((await Netns.list()).length);
      (await Netns.create({ name: 'first' })).close();
      (await Netns.create({ name: 'second' })).close();
      console.log(mounts().join());
      await Netns.remove('first');
      await Netns.remove('second');
      console.log(mounts().join(), readdirSync('/run/netns').length);
    `;
    // A mount namespace with an empty /run, private: nothing of it is seen outside.
    const script = 'umount -l /run/netns; mount -t tmpfs none /run && exec "$@"';
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const output = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...node], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(output.split('\n')).toEqual([
      '0',
      '/run/netns shared:N,/run/netns/first shared:N,/run/netns/second shared:N',
      '/run/netns shared:N 0',
      '',
    ]);
  });

  it('without the privilege it is EPERM, and nothing stays', async () => {
    const name = freshName();
    const child = await runModule(`${create}
      (await Netns.current()).close();
      process.setuid(65534);
      for (const options of [{}, { name: ${JSON.stringify(name)} }]) {
        await Netns.create(options).catch((error) => console.log(error.code, error.syscall, error.message));
      }
    `);
    const line = 'EPERM unshare EPERM: operation not permitted, unshare\n';
    expect(child.stdout).toBe(line + line);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
  });
});

describe('list()', () => {
  it('names what is there, the stale ones too, and opens nothing', async () => {
    const real = freshName();
    const stale = freshName();
    await using ns = await Netns.create({ name: real });
    writeFileSync(`/run/netns/${stale}`, '', { mode: 0 });
    const fds = readFdTable().size;
    const list = await Netns.list();
    expect(readFdTable().size).toBe(fds);
    expect(list.map((entry) => entry.name)).toEqual(list.map((entry) => entry.name).sort());
    expect(list.find((entry) => entry.name === real)).toEqual({
      name: real,
      path: `/run/netns/${real}`,
      inode: ns.inode,
      device: ns.device,
      mounted: true,
    });
    expect(list.find((entry) => entry.name === stale)).toMatchObject({ inode: 0, device: 0, mounted: false });
    await expect(Netns.open(stale)).rejects.toMatchObject({ code: 'EINVAL' });
    await Netns.remove(stale);
    expect(existsSync(`/run/netns/${stale}`)).toBe(false);
  });
});

describe('a namespace of another kind', () => {
  it('gives nobody a name', () => {
    const program = `
      const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
      console.log(JSON.stringify(await Netns.list()));
      const { namespaces } = await Netns.survey();
      console.log(namespaces.flatMap(({ names }) => names).length);
      const watch = Netns.watch({ existing: true, signal: AbortSignal.timeout(10) });
      try { for await (const event of watch) console.log(event); } catch (error) { console.log(error.name); }
    `;
    const script =
      'mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/uts && mount --bind /proc/self/ns/uts /run/netns/uts && exec "$@"';
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const output = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...node], {
      encoding: 'utf8',
    });
    const bare = { name: 'uts', path: '/run/netns/uts', inode: 0, device: 0, mounted: false };
    expect(output.split('\n')).toEqual([JSON.stringify([bare]), '0', 'AbortError', '']);
  });
});

describe('remove()', () => {
  it('of what is not there is ENOENT', async () => {
    const name = freshName();
    await expect(Netns.remove(name)).rejects.toMatchObject({ code: 'ENOENT', path: `/run/netns/${name}` });
  });

  it('leaves the namespace to those who hold it', async () => {
    const name = freshName();
    await using ns = await Netns.create({ name });
    await Netns.remove(name);
    await using again = await Netns.open(`/proc/self/fd/${ns.fd}`);
    expect(again.equals(ns)).toBe(true);
  });

  it('does not follow a symbolic link to somebody else', async () => {
    const victim = freshName();
    const link = freshName();
    await using ns = await Netns.create({ name: victim });
    execFileSync('ln', ['-s', `/run/netns/${victim}`, `/run/netns/${link}`]);
    try {
      await Netns.remove(link).catch(() => {});
      expect(statSync(`/run/netns/${victim}`).ino).toBe(ns.inode);
    } finally {
      if (lstatSync(`/run/netns/${link}`, { throwIfNoEntry: false })) unlinkSync(`/run/netns/${link}`);
    }
  });
});

describe('open(), of(), current()', () => {
  it('current() is the one this process is in', async () => {
    await using ns = await Netns.current();
    expect(ns.inode).toBe(ownInode);
    expect(ns.device).toBe(statSync('/proc/self/ns/net').dev);
  });

  it('a path, a pid and the process itself lead to the same', async () => {
    await using byPath = await Netns.open('/proc/self/ns/net');
    await using byPid = await Netns.of(process.pid);
    await using current = await Netns.current();
    expect(byPath.equals(current)).toBe(true);
    expect(byPid.equals(current)).toBe(true);
  });

  it('finds the namespace of another process', async () => {
    const child = spawn('unshare', ['--net', 'sleep', '100'], { stdio: 'ignore' });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      const pid = child.pid as number;
      await eventually('it has become sleep', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
      await using ns = await Netns.of(pid);
      expect(readlinkSync(`/proc/${pid}/ns/net`)).toBe(`net:[${ns.inode}]`);
      expect(ns.inode).not.toBe(ownInode);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });

  it.each([
    ['/proc/self/ns/uts', 'EINVAL'],
    ['/dev/null', 'EINVAL'],
    ['/nonexistent/netns', 'ENOENT'],
    ['/etc', 'EINVAL'],
  ])('%s is %s', async (path, code) => {
    await expect(Netns.open(path)).rejects.toMatchObject({
      name: 'SystemError',
      code,
      syscall: 'open',
      path,
    });
  });

  it('a process that does not exist is ESRCH', async () => {
    await expect(Netns.of(0x7fff_fffe)).rejects.toMatchObject({ code: 'ESRCH', pid: 0x7fff_fffe });
  });

  it('a thread is EINVAL', async () => {
    const thread =
      readdirSync('/proc/self/task')
        .map(Number)
        .find((tid) => tid !== process.pid) ?? 0;
    await expect(Netns.of(thread)).rejects.toMatchObject({ code: 'EINVAL', pid: thread });
  });

  it('of whom it may not look at is EACCES of the namespace', async () => {
    const child = await runModule(`
      import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
      (await Netns.current()).close();
      process.setuid(65534);
      await Netns.of(process.ppid).catch(({ code, syscall, path }) => console.log(code, syscall, path));
    `);
    expect(child.stdout).toBe(`EACCES open /proc/${process.pid}/ns/net\n`);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32])('%d is no pid', async (pid) => {
    await expect(Netns.of(pid)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'pid',
    });
  });

  it('no text is taken for something it is not, and nothing stays open', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
        await expect(Netns.open(`${text}\u{10ffff}`)).rejects.toMatchObject({
          code: expect.stringMatching(/^(ENOENT|ENOTDIR|ENAMETOOLONG|ERR_COFFERDAM_INVALID_ARGUMENT)$/),
        });
      }),
    );
  });

  it('failing keeps the fd table flat', async () => {
    await expectFlatFds(
      async () => {
        await Netns.open('/proc/self/ns/uts').catch(() => {});
        await Netns.of(0x7fff_fffe).catch(() => {});
        await Netns.open('no-such-name').catch(() => {});
      },
      { iterations: 300 },
    );
  });
});

describe('resolveNetns()', () => {
  it('opens and closes what is only named', async () => {
    for (const reference of ['/proc/self/ns/net', process.pid]) {
      const resolved = await resolveNetns(reference);
      expect(resolved.owned).toBe(true);
      expect(resolved.netns.inode).toBe(ownInode);
      resolved[Symbol.dispose]();
      expect(resolved.netns.state).toBe('closed');
    }
  });

  it('leaves open what the caller holds', async () => {
    await using mine = await Netns.create();
    {
      using resolved = await resolveNetns(mine);
      expect(resolved.netns).toBe(mine);
      expect(resolved.owned).toBe(false);
    }
    expect(mine.state).toBe('open');
  });

  it('refuses a closed one, and what is none', async () => {
    const closed = await Netns.current();
    closed.close();
    await expect(resolveNetns(closed)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    await expect(resolveNetns({} as string)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
    });
  });
});
