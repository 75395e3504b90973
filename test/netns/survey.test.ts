import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { handles, readFdTable } from '../../src/handle/index.ts';
import { type FoundNetns, Netns, type NetnsHolder, type NetnsSurvey } from '../../src/netns/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  expect(handles.list()).toEqual([]);
});

/** Starts a program and waits for the first line that it prints. */
async function started(command: string, ...args: string[]): Promise<{ pid: number; line: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  return { pid: child.pid as number, line };
}

function found({ namespaces }: NetnsSurvey, inode: number): FoundNetns | undefined {
  return namespaces.find((one) => one.inode === inode);
}

/** What holds it, but for processes of other tests: they look at all names now and then, by an fd. */
function holders(netns: FoundNetns | undefined): NetnsHolder[] {
  const known = [process.pid, ...children.map(({ pid }) => pid)];
  return (netns?.holders ?? []).filter((one) => one.type === 'mount' || known.includes(one.pid));
}

const inodeOf = (path: string): number => statSync(path).ino;

describe('survey()', () => {
  it('finds the namespace of this process, with its processes', async () => {
    const survey = await Netns.survey();
    const home = found(survey, inodeOf('/proc/self/ns/net'));
    expect(home?.device).toBe(statSync('/proc/self/ns/net').dev);
    expect(home?.pids).toContain(process.pid);
    expect(home?.holders).toContainEqual({
      type: 'process',
      pid: process.pid,
      comm: expect.any(String),
    });
    expect(home?.nsid).toBe(undefined);
    const inodes = survey.namespaces.map(({ inode }) => inode);
    expect(inodes).toEqual([...new Set(inodes)].sort((one, other) => one - other));
    // Even root may be refused a process, of a user namespace above its own.
    expect(survey.unseen).toMatchObject({ processes: expect.any(Number), sockets: 0 });
  });

  it('finds one that only an fd holds, and not any more when it is closed', async () => {
    const ns = await Netns.create();
    using again = await Netns.open(`/proc/self/fd/${ns.fd}`);
    const fds = [ns.fd, again.fd].sort((one, other) => one - other);
    expect(found(await Netns.survey(), ns.inode)).toEqual({
      inode: ns.inode,
      device: ns.device,
      names: [],
      pids: [],
      holders: [{ type: 'fd', pid: process.pid, comm: expect.any(String), fds }],
    });
    ns.close();
    again.close();
    // The number of a namespace that is gone may be another one's by now.
    const left = holders(found(await Netns.survey(), ns.inode));
    expect(left.filter(({ type }) => type !== 'mount')).toEqual([]);
  });

  it('finds names, and mounts in the mount namespaces of others', async () => {
    const name = `cofferdam-test-${process.pid}-survey`;
    const file = join(tmpdir(), `cofferdam survey ${process.pid}`);
    writeFileSync(file, '');
    try {
      (await Netns.create({ name })).close();
      const inode = inodeOf(`/run/netns/${name}`);
      const script = 'mount --bind "$1" "$2"; readlink /proc/self/ns/mnt; exec sleep 60';
      const args = ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', `/run/netns/${name}`, file];
      const { pid, line } = await started('unshare', ...args);
      const theirs = Number(/\d+/.exec(line)?.[0]);
      const seen = found(await Netns.survey(), inode);
      expect(seen?.names).toEqual([name]);
      expect(seen?.pids).toEqual([]);
      const mounts = seen?.holders.flatMap((holder) => (holder.type === 'mount' ? [holder] : [])) ?? [];
      expect(holders(seen)).toEqual(mounts);
      const ours = Number(/\d+/.exec(readlinkSync('/proc/self/ns/mnt'))?.[0]);
      expect(mounts).toContainEqual({
        type: 'mount',
        mountNamespace: ours,
        path: `/run/netns/${name}`,
        pid: expect.any(Number),
      });
      // The name's own mount was copied with the mount namespace, and the other one is under a blank.
      const elsewhere = mounts.filter(({ mountNamespace }) => mountNamespace === theirs);
      expect(elsewhere.map((mount) => [mount.path, mount.pid]).sort()).toEqual(
        [
          [file, pid],
          [`/run/netns/${name}`, pid],
        ].sort(),
      );
      // The name goes, in all mount namespaces: unlink(2) takes the mounts on the file away, wherever they are. What is
      // left is the mount on that other file.
      await Netns.remove(name);
      const left = found(await Netns.survey(), inode);
      expect(left?.names).toEqual([]);
      expect(holders(left)).toEqual([{ type: 'mount', mountNamespace: theirs, path: file, pid }]);
    } finally {
      await Netns.remove(name).catch(() => {});
      rmSync(file, { force: true });
    }
  });

  it('finds a process that lives there', async () => {
    const { pid, line } = await started(
      'unshare',
      '--net',
      'sh',
      '-c',
      'readlink /proc/self/ns/net; exec sleep 60',
    );
    const inode = Number(/\d+/.exec(line)?.[0]);
    expect(found(await Netns.survey(), inode)).toMatchObject({
      names: [],
      pids: [pid],
      // It has told before it becomes the other program.
      holders: [{ type: 'process', pid, comm: expect.stringMatching(/^(sh|sleep)$/) }],
    });
  });

  it('finds one that only a socket holds, when asked to', async () => {
    const ns = await Netns.create();
    using socket = await ns.socket('inet', 'dgram');
    ns.close();
    expect(found(await Netns.survey(), ns.inode)).toBe(undefined);
    const survey = await Netns.survey({ sockets: true });
    expect(found(survey, ns.inode)).toEqual({
      inode: ns.inode,
      device: ns.device,
      names: [],
      pids: [],
      holders: [{ type: 'socket', pid: process.pid, comm: expect.any(String), fds: [socket.fd] }],
    });
    // Those that live where their process does are no news; another program may hold one from elsewhere.
    await using _rt = await RouteSocket.open();
    const home = found(await Netns.survey({ sockets: true }), inodeOf('/proc/self/ns/net'));
    const ours = home?.holders.filter((holder) => 'pid' in holder && holder.pid === process.pid) ?? [];
    expect(ours.map(({ type }) => type)).toContain('process');
    expect(ours.map(({ type }) => type)).not.toContain('socket');
  });

  it('tells the numbers that a namespace has given', async () => {
    await using here = await Netns.create();
    await using there = await Netns.create();
    await using rt = await RouteSocket.open({ netns: here });
    await rt.netnsId.add({ netns: there, nsid: 4711 });
    const survey = await Netns.survey({ numberedBy: rt });
    expect(found(survey, there.inode)?.nsid).toBe(4711);
    expect(found(survey, here.inode)?.nsid).toBe(undefined);
  });

  it('takes processes that end meanwhile for what they are', async () => {
    const churn = spawn('sh', ['-c', 'while :; do unshare --net true; done'], { stdio: 'ignore' });
    children.push(churn);
    const fds = readFdTable().size;
    for (let round = 0; round < 20; round++) {
      const { namespaces } = await Netns.survey({ sockets: round % 2 === 0 });
      expect(namespaces.length).toBeGreaterThan(0);
    }
    expect(readFdTable().size).toBe(fds);
  });

  it('ends by its signal', async () => {
    await expect(Netns.survey({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
