import { readlinkSync, statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { Netns, type NetnsExecOptions } from '../../src/netns/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { addEtcNetns, delEtcNetns } from '../support/etc-netns.ts';

const name = `cofferdam-test-${process.pid}-exec`;
let ns: Netns;

beforeAll(async () => {
  ns = await Netns.create({ name });
  addEtcNetns(name, { hosts: '192.0.2.1 only-there\n', 'no-such-file-in-etc': '' });
  await using rt = await RouteSocket.open({ netns: ns });
  await rt.link.add({ kind: 'bridge', ifname: 'inside0' });
});

afterAll(async () => {
  ns.close();
  await Netns.remove(name);
  delEtcNetns(name);
});

afterEach(() => {
  expect(handles.list().map(({ kind }) => kind)).toEqual(['netns']);
});

/** What a shell there prints, and how it ends. */
async function shell(script: string, options: NetnsExecOptions = {}, there = ns) {
  await using child = await there.exec(['sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  const stdout = child.stdout === undefined ? '' : await text(child.stdout);
  const exit = await child.wait();
  return { stdout, exitCode: exit.reason === 'exited' ? exit.exitCode : undefined };
}

describe('exec()', () => {
  it('runs a program there, with /sys and /etc of the namespace', async () => {
    const script = 'readlink /proc/self/ns/net; ls /sys/class/net | grep inside; cat /etc/hosts; exit 7';
    expect(await shell(script)).toEqual({
      stdout: `net:[${ns.inode}]\ninside0\n192.0.2.1 only-there\n`,
      exitCode: 7,
    });
  });

  it('changes nothing out here', async () => {
    const before = [readlinkSync('/proc/self/ns/net'), readlinkSync('/proc/self/ns/mnt')];
    const { stdout } = await shell(
      'readlink /proc/self/ns/mnt; mount -t tmpfs none /tmp && touch /tmp/cofferdam-seen-there-only',
    );
    expect(stdout.trim()).not.toBe(before[1]);
    expect([readlinkSync('/proc/self/ns/net'), readlinkSync('/proc/self/ns/mnt')]).toEqual(before);
    expect(statSync('/tmp/cofferdam-seen-there-only', { throwIfNoEntry: false })).toBe(undefined);
  });

  it('leaves /etc alone where the handle has no name', async () => {
    await using same = await Netns.fromFd(ns.fd);
    const { stdout } = await shell(
      'grep -c only-there /etc/hosts; ls /sys/class/net | grep inside',
      {},
      same,
    );
    expect(stdout).toBe('0\ninside0\n');
  });

  it('takes what spawn takes, and tells what it tells', async () => {
    expect((await shell('echo $WORD', { env: { PATH: process.env.PATH, WORD: 'given' } })).stdout).toBe(
      'given\n',
    );
    await expect(ns.exec(['/nonexistent/program'])).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'execve',
    });
    await expect(ns.exec([])).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'argv',
    });
    await using slow = await ns.exec(['sleep', '60'], { timeout: 50 });
    await expect(slow.wait()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
    const closed = await Netns.open(name);
    closed.close();
    await expect(closed.exec(['true'])).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('keeps the fd table flat', async () => {
    await expectFlatFds(
      async () => {
        await using child = await ns.exec(['true'], { stdio: 'ignore' });
        await child.wait();
        await ns.exec(['/nonexistent/program']).catch(() => {});
      },
      { iterations: 50 },
    );
  });
});
