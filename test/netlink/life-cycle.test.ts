/** Opening, forgetting, failing half-way: what happens to the fd. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { handles, type LeakReport, readFdTable } from '../../src/handle/index.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/netlink/socket.ts';
import { Netns } from '../../src/netns/index.ts';
import { collectUntil } from '../support/collect.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import { dumpLinks, getLoopback, openWorld } from './support.ts';

const fds = () => readFdTable().size;

describe('opening', () => {
  test('by name of nothing rejects and keeps nothing', async () => {
    const before = fds();
    await expect(
      NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: 'no-such-namespace' }),
    ).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: '/dev/null' })).rejects.toMatchObject({
      errno: expect.any(Number),
    });
    expect(fds()).toBe(before);
  });

  test('with an unknown protocol or group rejects and keeps nothing', async () => {
    const before = fds();
    const registered = handles.list().length;
    await expect(NetlinkSocket.open({ protocol: 31 })).rejects.toMatchObject({
      code: 'EPROTONOSUPPORT',
      syscall: 'socket',
    });
    await expect(NetlinkSocket.open({ protocol: 99 })).rejects.toMatchObject({ field: 'protocol' });
    await expect(NetlinkSocket.open({ protocol: NETLINK_ROUTE, groups: [1, 30_000] })).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'setsockopt',
    });
    expect(handles.list().length).toBe(registered);
    expect(fds()).toBe(before);
  });

  test('by pid, by path, by Netns leads to the same place', async () => {
    using netns = await Netns.create();
    const path = `/proc/${process.pid}/fd/${netns.fd}`;
    await using byNetns = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns });
    await using byPath = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: path });
    await using byPid = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: process.pid });
    await using here = await NetlinkSocket.open({ protocol: NETLINK_ROUTE });
    expect(byNetns.netnsInode).toBe(netns.inode);
    expect(byPath.netnsInode).toBe(netns.inode);
    expect(byPid.netnsInode).toBe(here.netnsInode);
    expect(netns.state).toBe('open');
  });

  test('aborted before and during rejects and keeps nothing', async () => {
    const before = fds();
    const aborted = { name: 'AbortError', cause: 'enough' };
    const options = { protocol: NETLINK_ROUTE, netns: '/proc/self/ns/net' };
    await expect(
      NetlinkSocket.open({ ...options, signal: AbortSignal.abort('enough') }),
    ).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const opening = NetlinkSocket.open({ ...options, signal: controller.signal });
    controller.abort('enough');
    await expect(opening).rejects.toMatchObject(aborted);
    expect(fds()).toBe(before);
  });

  test('a thousand times, used and closed, leaves the fd table as it was', async () => {
    using netns = await Netns.create();
    const before = fds();
    for (let i = 0; i < 1000; i++) {
      await using socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns, groups: [1] });
      await socket.request(getLoopback);
    }
    expect(fds()).toBe(before);
  });

  test('without a free fd rejects with EMFILE, keeps nothing, and works again when there is one', async () => {
    const source = `
      import { closeSync, openSync, readdirSync } from 'node:fs';
      import { NetlinkSocket } from ${JSON.stringify(compiledUrl('netlink/socket.js'))};
      import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
      const fds = () => readdirSync('/proc/self/fd').length;
      const netns = await Netns.create();
      await (await NetlinkSocket.open({ protocol: 0, netns }))[Symbol.asyncDispose]();
      const before = fds();
      const taken = [];
      try { for (;;) taken.push(openSync('/dev/null')); } catch {}
      const outcomes = new Set();
      // With no fd free, then one, then two: each step of the opening fails once.
      for (let free = 0; free < 8; free++) {
        for (const target of [netns, process.pid, undefined]) {
          try {
            const socket = await NetlinkSocket.open({ protocol: 0, netns: target });
            await socket[Symbol.asyncDispose]();
            outcomes.add(free + ' opened');
          } catch (error) {
            outcomes.add(free + ' ' + error.code);
          }
        }
        closeSync(taken.pop());
      }
      for (const fd of taken) closeSync(fd);
      console.log([...outcomes, 'kept ' + (fds() - before)].join(','));
    `;
    const child = await promisify(execFile)('prlimit', [
      '--nofile=64',
      process.execPath,
      '--input-type=module',
      '--eval',
      source,
    ]);
    expect(child.stderr).toBe('');
    const outcomes = child.stdout.trim().split(',');
    expect(outcomes).toContain('0 EMFILE');
    expect(outcomes).toContain('7 opened');
    expect(outcomes.filter((outcome) => !/ (EMFILE|opened)$/.test(outcome))).toEqual(['kept 0']);
    expect(outcomes.filter((outcome) => outcome.startsWith('7'))).toEqual(['7 opened']);
  });
});

describe('a socket that is forgotten', () => {
  /** In functions of their own: no register of the test keeps the socket. */
  const forget = {
    idle: async (netns: Netns) => {
      await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns });
    },
    listening: async (netns: Netns) => {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns, groups: [1] });
      socket.onNotification(() => socket.fd);
      await socket.request(getLoopback);
    },
    'in the middle of a dump': async (netns: Netns) => {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns });
      await socket.dump(dumpLinks, { signal: new AbortController().signal }).next();
    },
    'after calls': async (netns: Netns) => {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns });
      await socket.dumpAll(dumpLinks);
      await Promise.all([socket.request(getLoopback), socket.request(getLoopback)]);
    },
  };
  for (const [how, leave] of Object.entries(forget)) {
    test(`${how}: is found, reported and closed`, async () => {
      using netns = await Netns.create();
      const before = fds();
      const leaks: LeakReport[] = [];
      const { onLeak } = handles;
      handles.onLeak = (leak) => leaks.push(leak);
      try {
        for (let i = 0; i < 5; i++) await leave(netns);
        await collectUntil(() => leaks.length === 5);
      } finally {
        handles.onLeak = onLeak;
      }
      expect(leaks[0]).toMatchObject({ kind: 'netlink', detail: { protocol: 'route', netns: netns.inode } });
      await collectUntil(() => fds() === before);
    });
  }

  test('but a call that waits keeps it open', async () => {
    await using world = await openWorld();
    const leaks: LeakReport[] = [];
    const { onLeak } = handles;
    handles.onLeak = (leak) => leaks.push(leak);
    try {
      const controller = new AbortController();
      const call = (await NetlinkSocket.open({ protocol: 10, netns: world.netns })).request(
        { type: 16, payload: new Uint8Array(4) },
        { signal: controller.signal },
      );
      const settled = call.then(
        () => 'answered',
        (error: { code: string }) => error.code,
      );
      for (let i = 0; i < 10; i++) {
        (globalThis as { gc?: () => void }).gc?.();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(leaks).toEqual([]);
      controller.abort();
      expect(await settled).toBe('ABORT_ERR');
      await collectUntil(() => leaks.length === 1);
    } finally {
      handles.onLeak = onLeak;
    }
  });
});

describe('the event loop', () => {
  const program = (body: string) => `
    import { NetlinkSocket } from ${JSON.stringify(compiledUrl('netlink/socket.js'))};
    const open = (protocol = 0) => NetlinkSocket.open({ protocol, timeout: 200 });
    const lo = { type: 18, payload: Uint8Array.of(0,0,0,0, 1,0,0,0, 0,0,0,0, 0,0,0,0) };
    const silent = { type: 16, payload: new Uint8Array(4) };
    ${body}
  `;

  test('is not kept alive by an idle socket, nor by one that has done its work', async () => {
    const child = await runModule(
      program(`
        const socket = await open();
        await socket.request(lo);
        socket.joinGroup(1);
        globalThis.kept = socket;
        console.log('end');
      `),
    );
    expect(child).toMatchObject({ code: 0, stdout: 'end\n' });
  });

  test('is kept alive by a call that waits', async () => {
    const child = await runModule(
      program(`
        const socket = await open(10);
        globalThis.kept = socket;
        socket.request(silent).catch((error) => console.log(error.code));
      `),
    );
    expect(child).toMatchObject({ code: 0, stdout: 'ERR_COFFERDAM_TIMEOUT\n' });
  });

  test('is kept alive between ref() and unref()', async () => {
    const child = await runModule(
      program(`
        const socket = await open();
        globalThis.kept = socket;
        socket.ref();
        const start = performance.now();
        setTimeout(() => socket.unref(), 100).unref();
        process.on('exit', () => console.log(performance.now() - start >= 90));
      `),
    );
    expect(child).toMatchObject({ code: 0, stdout: 'true\n' });
  });
});
