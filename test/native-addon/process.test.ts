// What only a process of its own can show: how it ends, with workers, without fds, with throwing listeners.
import { describe, expect, it } from 'vitest';
import { addonPath, binding, errno, runScript } from './support.ts';

describe('the event loop', () => {
  it('ends while an unreferenced handle is open, and waits for a referenced one', async () => {
    const idle = await runScript(`const s = open(); s.startPolling(() => {}); console.log('end');`);
    expect(idle).toEqual({ code: 0, signal: null, stdout: 'end\n', stderr: '' });
    const waits = await runScript(`
      const s = open(); s.startPolling(() => {}); s.ref();
      process.on('exit', () => console.log('exit'));
      setTimeout(() => { console.log('later'); s.unref(); }, 50).unref();
    `);
    expect(waits).toEqual({ code: 0, signal: null, stdout: 'later\nexit\n', stderr: '' });
  });

  it('calls back for a close at the very end', async () => {
    const { code, stdout } = await runScript(`
      const s = open();
      s.startPolling(() => {});
      console.log(s.close(() => console.log('closed')), open().close(() => console.log('never')));`);
    expect([code, stdout]).toEqual([0, 'true false\nclosed\n']);
  });
});

describe('a listener that throws', () => {
  it('is an uncaughtException, and the handle goes on', async () => {
    const { code, signal, stdout, stderr } = await runScript(`
      const s = open();
      let calls = 0;
      process.on('uncaughtException', (error, origin) => console.log(origin, error.message));
      s.startPolling(() => {
        while (s.receive() > 0);
        if (++calls < 3) { s.send(getLink, 0, 32); throw new Error('thrown ' + calls); }
        s.close(() => { throw new Error('thrown in close'); });
      });
      s.ref();
      s.send(getLink, 0, 32);
    `);
    expect(stderr).toBe('');
    expect([code, signal]).toEqual([0, null]);
    expect(stdout).toBe(
      'uncaughtException thrown 1\nuncaughtException thrown 2\nuncaughtException thrown in close\n',
    );
  });

  it('that nobody catches ends the process with its stack and exit code 1', async () => {
    const { code, signal, stderr } = await runScript(`
      const s = open(); s.ref();
      s.startPolling(function listener() { throw new Error('nobody catches this'); });
      s.send(getLink, 0, 32);
    `);
    expect([code, signal]).toEqual([1, null]);
    expect(stderr).toContain('Error: nobody catches this\n    at listener');
  });

  it('whatever it throws', async () => {
    const { code, stdout } = await runScript(`
      const s = open(); s.ref();
      const values = [undefined, null, 7, 'text', Symbol('s')];
      process.on('uncaughtException', (value) => console.log(String(value)));
      s.startPolling(() => {
        while (s.receive() > 0);
        if (values.length === 0) return s.close();
        s.send(getLink, 0, 32);
        throw values.shift();
      });
      s.send(getLink, 0, 32);
    `);
    expect([code, stdout]).toEqual([0, 'undefined\nnull\n7\ntext\nSymbol(s)\n']);
  });
});

it('keeps AsyncLocalStorage, runs microtasks between callbacks, and nests', async () => {
  const { code, stdout, stderr } = await runScript(`
    const { AsyncLocalStorage } = require('node:async_hooks');
    const als = new AsyncLocalStorage();
    const s = open(); s.ref();
    als.run('polling', () => s.startPolling(() => {
      while (s.receive() > 0);
      console.log('readable', als.getStore());
      Promise.resolve().then(() => console.log('microtask', als.getStore()));
      process.nextTick(() => console.log('tick', als.getStore()));
      setImmediate(() => als.run('closing', () => s.close(() => console.log('closed', als.getStore()))));
    }));
    als.run('elsewhere', () => s.send(getLink, 0, 32));
  `);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toBe('readable polling\ntick polling\nmicrotask polling\nclosed closing\n');
});

describe('workers', () => {
  const env = { env: { TEST_ADDON: addonPath } };
  const inWorker = `
    const { parentPort } = require('node:worker_threads');
    const addon = require(process.env.TEST_ADDON);
    const open = () => addon.openNetlink({ protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32768 });
    const getLink = new Uint8Array(32); getLink.set([32, 0, 0, 0, 18, 0, 1, 0, 7]); getLink[20] = 1;
    const sockets = Array.from({ length: 5 }, open);
    for (const s of sockets) { s.setMembership(1, true); s.startPolling(() => {}); }
    sockets[0].ref();
    addon.createNetns();
  `;
  const script = (body: string, main: string) => `
    const { Worker } = require('node:worker_threads');
    const { readdirSync } = require('node:fs');
    const fds = () => readdirSync('/proc/self/fd').length;
    const source = ${JSON.stringify(inWorker)} + ${JSON.stringify(body)};
    ${main}
  `;
  // Two first: what the first workers of a process leave open for good (libuv's own) is no leak.
  const twenty = (end: string) => `
    (async () => {
      const one = () => new Promise((resolve, reject) => {
        const w = new Worker(source, { eval: true });
        w.on('error', reject);
        w.on('exit', resolve);
        ${end}
      });
      await Promise.all([one(), one()]);
      const before = fds();
      for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 4 }, one));
      console.log('fds', await moreThan(before, fds), 'handles', addon.openHandles());
    })();
  `;

  it.each([
    [
      'terminated while their sockets are polled',
      `parentPort.postMessage('ready'); setInterval(() => {}, 1000);`,
      `w.on('message', () => w.terminate());`,
    ],
    [
      'terminated while a callback runs',
      `const s = open();
       s.ref();
       s.startPolling(() => { parentPort.postMessage('in callback'); for (;;); });
       s.send(getLink, 0, 32);`,
      `w.on('message', () => w.terminate());`,
    ],
    [
      'terminated in the midst of opening and closing',
      `parentPort.postMessage('ready');
       for (;;) {
         const s = open();
         s.startPolling(() => {});
         s.send(getLink, 0, 32); s.receive(); s.close(() => {});
         addon.openNetns('/proc/self/ns/net').close();
       }`,
      `w.on('message', () => setTimeout(() => w.terminate(), Math.random() * 20));`,
    ],
    ['that call process.exit', `open().close(() => {}); process.exit(0);`, ''],
    ['that end by themselves', `sockets[0].unref(); open().close(() => {});`, ''],
    [
      'that throw',
      `process.on('exit', () => { const s = open(); s.startPolling(() => {}); s.close(() => {}); }); setImmediate(() => { throw new Error('wanted'); });`,
      `w.removeAllListeners('error'); w.on('error', () => {});`,
    ],
  ])(
    '%s leave nothing open',
    async (_what, body, end) => {
      const { code, signal, stdout, stderr } = await runScript(script(body, twenty(end)), env);
      expect(stderr).toBe('');
      expect([code, signal]).toEqual([0, null]);
      expect(stdout).toBe('fds 0 handles 0\n');
    },
    90_000,
  );

  it('may still be running with open sockets when the process ends', async () => {
    const { code, signal, stderr } = await runScript(
      script(
        `parentPort.postMessage('ready'); setInterval(() => {}, 1000);`,
        `let ready = 0;
         for (let i = 0; i < 4; i++) {
           new Worker(source, { eval: true }).on('message', () => { if (++ready === 4) process.exit(7); });
         }`,
      ),
      env,
    );
    expect([code, signal, stderr]).toEqual([7, null, '']);
  });
});

// Sanitizers and strace both want to be the tracer.
it.skipIf(process.env.COFFERDAM_SANITIZED !== undefined)(
  'takes an fd out of epoll before it closes it: in between, another thread could be given its number',
  async () => {
    const { code, stdout, stderr } = await runScript(
      `const s = open(); s.startPolling(() => {}); const { fd } = s;
       // uv registers with epoll before it waits, which is before the first of these.
       setImmediate(() => setImmediate(() => s.close(() => console.log(fd))));`,
      { prefix: ['strace', '-e', 'trace=epoll_ctl,close', '-e', 'signal=none'] },
    );
    expect(code).toBe(0);
    const fd = Number(stdout);
    const calls = stderr
      .split('\n')
      .filter((line) => line.includes(`_DEL, ${fd}`) || line.startsWith(`close(${fd})`));
    expect(calls.slice(-2)).toEqual([
      expect.stringMatching(new RegExp(`^epoll_ctl\\(\\d+, EPOLL_CTL_DEL, ${fd}, .* = 0$`)),
      expect.stringMatching(new RegExp(`^close\\(${fd}\\) += 0$`)),
    ]);
  },
);

it('without fds every open gives -EMFILE and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await runScript(
    `
      const fs = require('node:fs');
      const count = () => fs.readdirSync('/proc/self/fd').length;
      const netns = addon.createNetns();
      const attempts = {
        open: () => open(),
        openInNetns: () => open({ netnsFd: netns.fd }),
        createNetns: () => addon.createNetns(),
        openNetns: () => addon.openNetns('/proc/self/ns/net'),
        openNetnsOfPid: () => addon.openNetnsOfPid(process.pid),
        duplicateNetns: () => addon.duplicateNetns(netns.fd),
      };
      const results = {};
      const before = count();
      for (const free of [0, 1, 2]) {
        const fill = [];
        try { for (;;) fill.push(fs.openSync('/dev/null', 'r')); } catch (error) {
          if (error.code !== 'EMFILE') throw error;
        }
        for (let i = 0; i < free; i++) fs.closeSync(fill.pop());
        for (const [name, attempt] of Object.entries(attempts)) {
          const result = attempt();
          (results[name] ??= []).push(typeof result === 'number' ? result : 'open');
          if (typeof result !== 'number') result.close();
        }
        // Whatever an attempt left open would now be missing here.
        const again = [];
        try { for (;;) again.push(fs.openSync('/dev/null', 'r')); } catch {}
        (results.free ??= []).push(again.length);
        for (const fd of [...fill, ...again]) fs.closeSync(fd);
      }
      results.left = count() - before;
      console.log(JSON.stringify(results));
    `,
    { prefix: ['prlimit', '--nofile=64:64'] },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { EMFILE } = errno;
  expect(JSON.parse(stdout)).toEqual({
    open: [EMFILE, 'open', 'open'],
    openInNetns: [EMFILE, 'open', 'open'],
    createNetns: [EMFILE, 'open', 'open'],
    openNetns: [EMFILE, 'open', 'open'],
    // /proc/PID/ns/net and the pidfd.
    openNetnsOfPid: [EMFILE, EMFILE, 'open'],
    duplicateNetns: [EMFILE, 'open', 'open'],
    free: [0, 1, 2],
    left: 0,
  });
});

it('says its version, and whether it is a debug build', async () => {
  const { stdout } = await runScript(`console.log(addon.version, addon.debug, 'plantLeak' in addon);`);
  expect(stdout).toBe(`${binding.version} ${binding.debug} false\n`);
});
