// Programs in a system with a terminal of its own.
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RunOptions, System, type Terminal } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { often } from '../support/needs.ts';

const GROUP = `cofferdam-test-${process.pid}`;
let box: System;

beforeEach(async () => {
  box = await System.create({ name: 'pty', group: GROUP, lifecycle: { cleanup_delay: 0 } });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
});

async function said(script: string, options: RunOptions = {}): Promise<string> {
  const command = await box.start(['sh', '-c', script], { stdio: 'pty', ...options });
  const output = await text(command.terminal as Terminal);
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  return output.replaceAll('\r\n', '\n');
}

it('is a terminal for stdin, stdout and stderr, and the controlling one', async () => {
  expect(await said('tty; tty <&1; tty <&2; test -t 0 && echo yes; echo through > /dev/tty')).toBe(
    '/dev/pts/0\n/dev/pts/0\n/dev/pts/0\nyes\nthrough\n',
  );
  // A group of its own in the foreground of a session.
  expect(await said('ps -o pid=,pgid=,tpgid= -p $$ | tr -s " "')).toMatch(/^ ?(\d+) \1 \1$/m);
});

it('carries what is typed, and turns Ctrl-C into a signal for who is in the foreground', async () => {
  const command = await box.start(['sh', '-c', 'read line; echo got $line; exec sleep 100'], {
    stdio: 'pty',
  });
  const terminal = command.terminal as Terminal;
  let output = '';
  terminal.on('data', (bytes) => {
    output += bytes;
  });
  terminal.write('hello\n');
  await eventually('it answers', () => output.includes('got hello'));
  terminal.write('\x03');
  expect(await command.wait()).toMatchObject({ exitCode: 130, signal: 'SIGINT' });
});

it('has a size that may change, of which the program hears', async () => {
  expect(await said('stty size')).toBe('24 80\n');
  expect(await said('stty size', { size: { columns: 132, rows: 50 } })).toBe('50 132\n');
  const command = await box.start(
    ['bash', '-c', 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done'],
    {
      stdio: 'pty',
    },
  );
  const terminal = command.terminal as Terminal;
  let output = '';
  terminal.on('data', (bytes) => {
    output += bytes;
  });
  await eventually('it is ready', () => output.includes('ready'));
  terminal.resize({ columns: 100, rows: 40 });
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  await eventually('it is told', () => output.includes('40 100'));
  expect(() => terminal.resize({ columns: 0, rows: 1 })).toThrow(/columns: 0/);
});

it('belongs to who the program runs as', async () => {
  const script = 'stat -c "%u %a" $(tty); echo again > $(tty)';
  expect(await said(script, { user: { uid: 1000, gid: 1000 } })).toBe('1000 620\nagain\n');
});

it('may be for some fds and not for others', async () => {
  const command = await box.start(['sh', '-c', 'test -t 0 && test -t 1 && echo terminal; echo wrong >&2'], {
    stdio: ['pty', 'pty', 'pipe'],
  });
  const [out, err] = await Promise.all([text(command.terminal as Terminal), text(command.stderr as never)]);
  expect([out, err]).toEqual(['terminal\r\n', 'wrong\n']);
  const other = await box.start(['sh', '-c', 'cat; test -t 1 && echo terminal'], {
    stdio: ['ignore', 'pty', 'pty'],
  });
  expect(await text(other.terminal as Terminal)).toBe('terminal\r\n');
});

it('carries much, both ways, and waits for a program that does not read', async () => {
  const bytes = 300_000;
  // Reads when it is told to, or after twenty seconds.
  const wait =
    'for i in $(seq 400); do test -e /var/go && break; sleep 0.05; done; test -e /var/go && echo told';
  const command = await box.start(
    ['sh', '-c', `stty raw -echo; echo ready; ${wait}; head -c ${bytes} | md5sum`],
    { stdio: 'pty' },
  );
  const terminal = command.terminal as Terminal;
  let output = '';
  terminal.on('data', (part) => {
    output += part;
  });
  await eventually('it is ready', () => output.includes('ready'));
  terminal.write(Buffer.alloc(bytes, 'x'));
  // The event loop is free meanwhile.
  await sleep(10);
  expect(await box.run(['touch', '/var/go'])).toMatchObject({ exitCode: 0 });
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  expect(output).toContain('told');
  await eventually('it is told', () => output.includes('  -'));
  const { createHash } = await import('node:crypto');
  expect(output).toContain(createHash('md5').update(Buffer.alloc(bytes, 'x')).digest('hex'));
  // The end comes with the last of it.
  for (const length of [3000, 60_000, 500_000]) {
    expect(await said(`head -c ${length} /dev/zero | tr "\\0" y`)).toHaveLength(length);
  }
});

it('hangs up on the program when it is closed', async () => {
  const command = await box.start(['sleep', '100'], { stdio: 'pty' });
  command.terminal?.destroy();
  expect(await command.wait()).toMatchObject({ exitCode: 129, signal: 'SIGHUP' });
});

it('writes to no file that has its number once the program has hung up', async () => {
  const command = await box.start(['true'], { stdio: 'pty' });
  const terminal = command.terminal as Terminal;
  // It is told of the end, and does not take it: so it is not closed by itself.
  await once(terminal, 'readable');
  await command.wait();
  const place = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
  const files = Array.from({ length: 20 }, (_, index) => openSync(join(place, String(index)), 'w'));
  try {
    await new Promise((done) => terminal.write('lost', done));
    expect(files.map((fd) => fstatSync(fd).size)).toEqual(files.map(() => 0));
  } finally {
    terminal.destroy();
    for (const fd of files) closeSync(fd);
    rmSync(place, { recursive: true });
  }
});

it('leaves no fd behind, here or in pid 1', async () => {
  const inPid1 = (): number => readdirSync(`/proc/${box.pid}/fd`).length;
  await said('true');
  const [ours, theirs] = [readdirSync('/proc/self/fd').length, inPid1()];
  for (let round = 0; round < often(30); ++round) {
    await said('true');
    await expect(box.start(['no-such-program'], { stdio: 'pty' })).rejects.toMatchObject({ code: 'ENOENT' });
  }
  await eventually('as before', () => readdirSync('/proc/self/fd').length <= ours && inPid1() <= theirs);
});

it('of an attached system works as well', async () => {
  await using other = await System.attach(`${GROUP}/pty`);
  const command = await other.start(['tty'], { stdio: 'pty' });
  expect(await text(command.terminal as Terminal)).toBe('/dev/pts/0\r\n');
});
