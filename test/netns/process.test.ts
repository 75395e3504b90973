// What only a process of its own can show, or another program; and what takes its time, or has other people's timers in
// sight where tests share a process.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { Netns } from '../../src/netns/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { compiledDist, compiledUrl, runModule } from '../support/compiled.ts';

describe('in a process of its own', () => {
  // Takes its time on a busy machine, and is nobody's test.
  beforeAll(() => void compiledDist(), 120_000);

  it('a survey finds a thread of a process that lives elsewhere', async () => {
    const program = [
      'import ctypes, os, threading, time',
      'def stray():',
      '    assert ctypes.CDLL(None).unshare(0x40000000) == 0',
      '    print(threading.get_native_id(), os.readlink("/proc/thread-self/ns/net"), flush=True)',
      '    time.sleep(60)',
      'threading.Thread(target=stray).start()',
    ].join('\n');
    const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const [tid, inode] = line.match(/\d+/g)?.map(Number) ?? [];
      const { namespaces } = await Netns.survey();
      expect(namespaces.find((one) => one.inode === inode)).toMatchObject({
        names: [],
        pids: [],
        holders: [{ type: 'thread', pid: child.pid, tid, comm: 'python3' }],
      });
      const home = namespaces.find((one) => one.inode === statSync('/proc/self/ns/net').ino);
      expect(home?.pids).toContain(child.pid);
    } finally {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  });

  it('a survey counts what it may not look at', async () => {
    const program = `
      import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
      (await Netns.current()).close();
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      const { namespaces, unseen } = await Netns.survey({ sockets: true });
      console.log(JSON.stringify({ unseen, own: namespaces.some(({ pids }) => pids.includes(process.pid)) }));
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    const { unseen, own } = JSON.parse(output);
    // This process is one of them, whatever else runs on the host.
    expect(unseen.processes).toBeGreaterThan(0);
    expect(unseen.fdTables).toBeGreaterThan(0);
    expect(unseen.mountTables).toBeGreaterThan(0);
    expect(own).toBe(true);
  });

  it('a watch keeps the event loop alive only while somebody waits', async () => {
    const program = (body: string) => `
      const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
      const watch = Netns.watch();
      ${body}
    `;
    const idle = await runModule(program(`console.log('end');`));
    expect(idle).toMatchObject({ code: 0, stdout: 'end\n' });
    const waits = await runModule(
      program(`
        setTimeout(() => { console.log('later'); watch.close(); }, 100).unref();
        for await (const _ of watch);
        console.log('end');
      `),
    );
    expect(waits).toMatchObject({ code: 0, stdout: 'later\nend\n' });
    // Nor does one that hears of ids, once its loop is left.
    const left = await runModule(`
      const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
      const { RouteSocket } = await import(${JSON.stringify(compiledUrl('route/socket.js'))});
      const ns = await Netns.create();
      const rt = await RouteSocket.open({ netns: ns });
      const watch = Netns.watch({ numberedBy: rt });
      // Until it is heard: the watch takes its time to listen.
      const told = setInterval(async () => {
        const there = await Netns.create();
        await rt.netnsId.add({ netns: there });
        there.close();
      }, 50);
      for await (const { object } of watch) if (object === 'nsid') break;
      clearInterval(told);
      console.log('end');
    `);
    expect(left).toMatchObject({ code: 0, stdout: 'end\n' });
  });

  it('a watch sees /run/netns come and go', () => {
    const program = `
      const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
      const { execFileSync } = await import('node:child_process');
      const { rmdirSync } = await import('node:fs');
      const watch = Netns.watch();
      const events = watch[Symbol.asyncIterator]();
      const next = async () => { const { value } = await events.next(); console.log(value.type, value.value.name); };
      for (const name of ['first', 'second']) {
        const coming = next();
        execFileSync('ip', ['netns', 'add', name]);
        await coming;
        const going = next();
        execFileSync('ip', ['netns', 'del', name]);
        await going;
        execFileSync('umount', ['/run/netns']);
        rmdirSync('/run/netns');
      }
      watch.close();
    `;
    // A mount namespace with an empty /run, private: nothing of it is seen outside.
    const script = 'umount -l /run/netns; mount -t tmpfs none /run && exec "$@"';
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const output = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...node], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 55_000,
    });
    expect(output).toBe('new first\ndel first\nnew second\ndel second\n');
  });
});

describe('flat fds', () => {
  it('of sockets, closed or refused', async () => {
    using ns = await Netns.create();
    await expectFlatFds(
      async () => {
        (await ns.socket('inet', 'stream')).close();
        await ns.socket('inet', 'stream', 17).catch(() => {});
      },
      { iterations: 200 },
    );
  });

  it('of watches', async () => {
    await expectFlatFds(async () => Netns.watch().close(), { iterations: 50 });
  });
});
