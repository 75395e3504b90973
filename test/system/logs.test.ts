// What programs in a system write, kept for others to read.
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { handles, loadBinding, type NativeFd } from '../../src/handle/index.ts';
import type { AttachedSystem, LogLine, LogsOptions, RunOptions, SystemConfig } from '../../src/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { until } from '../support/cgroup-jobs.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const NAME = `${GROUP}/logs`;
let directory: string;
let box: System | undefined;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  await box?.stop({ gracePeriod: 0 });
  box = undefined;
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
  await eventually(
    'no handle open',
    () => handles.list().filter(({ state }) => state === 'open').length === 0,
  );
});

async function create(logs: SystemConfig['logs'] = { max: '1M' }): Promise<System> {
  box = await System.create({
    name: 'logs',
    group: GROUP,
    logs,
    lifecycle: { grace_period: 0, cleanup_delay: 0 },
  });
  return box;
}

const shell = (system: Pick<System, 'run'>, script: string, stdio: RunOptions['stdio'] = 'ignore') =>
  system.run(['sh', '-c', script], { stdio });

async function linesOf(system: System | AttachedSystem, options?: LogsOptions): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of system.logs(options)) lines.push(line);
  return lines;
}
const textsOf = async (system: System | AttachedSystem, options?: LogsOptions): Promise<string[]> =>
  (await linesOf(system, options)).map(({ stream, text: words }) => `${stream} ${words}`);

const pipe = (): readonly [NativeFd, NativeFd] => {
  const ends = loadBinding().openPipe();
  if (typeof ends === 'number') throw new Error('no pipe');
  return ends;
};

it('has lines of stdout and of stderr, with their times, for the owner and for others', async () => {
  const before = Date.now();
  await shell(await create(), 'echo one; echo two >&2; printf "three\\r\\nfo"; printf ur');
  // Two streams have no order among them.
  const expected = ['stderr two', 'stdout four', 'stdout one', 'stdout three'];
  expect((await textsOf(box as System)).sort()).toEqual(expected);
  await using visitor = await System.attach(NAME);
  const lines = await linesOf(visitor);
  expect(lines.map(({ stream, text: words }) => `${stream} ${words}`).sort()).toEqual(expected);
  for (const { time, lost } of lines) {
    expect([time >= before, time <= Date.now(), lost]).toEqual([true, true, 0]);
  }
  expect(await textsOf(visitor, { lines: 0 })).toEqual([]);
  await shell(box as System, 'seq 1 100');
  expect(await textsOf(visitor, { lines: 2 })).toEqual(['stdout 99', 'stdout 100']);
});

it('passes everything on to where it is to go, before the program is said to have ended', async () => {
  const [out, err] = ['out', 'err'].map((name) => join(directory, name)) as [string, string];
  const fds = [out, err].map((file) => openSync(file, 'w')) as [number, number];
  await shell(await create(), 'seq 1 30000; echo wrong >&2', ['ignore', fds[0], { fd: fds[1] }]);
  for (const fd of fds) closeSync(fd);
  expect(readFileSync(out, 'utf8')).toBe(Array.from({ length: 30_000 }, (_, i) => `${i + 1}\n`).join(''));
  expect(readFileSync(err, 'utf8')).toBe('wrong\n');
  expect(await linesOf(box as System)).toHaveLength(30_001);
});

it('goes to one file in the order in which it was written', async () => {
  const file = join(directory, 'both');
  const fd = openSync(file, 'w');
  const script = 'for i in $(seq 1 200); do echo $i; echo -$i >&2; done';
  await shell(await create(), script, ['ignore', fd, { fd }]);
  closeSync(fd);
  const lines = Array.from({ length: 200 }, (_, i) => [`${i + 1}`, `-${i + 1}`]).flat();
  expect(readFileSync(file, 'utf8')).toBe(`${lines.join('\n')}\n`);
  expect(await textsOf(box as System)).toEqual(lines.map((line) => `stdout ${line}`));
});

it('has what is read by a stream and what is drawn on a terminal', async () => {
  const system = await create();
  const piped = await system.start(['sh', '-c', 'echo piped'], { stdio: ['ignore', 'pipe', 'ignore'] });
  expect(await text(piped.stdout as Readable)).toBe('piped\n');
  const drawn = await system.start(['sh', '-c', 'test -t 1 && echo drawn'], { stdio: 'pty' });
  expect(await text(drawn.terminal as Readable)).toBe('drawn\r\n');
  expect(await textsOf(system)).toEqual(['stdout piped', 'stdout drawn']);
});

it('never has more than it may, and keeps the last', async () => {
  const max = 64 * 1024;
  const system = await create({ max });
  // Of memory: without a name.
  const seen = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const status = fstatSync(Number(fd));
      return status.isFile() && status.nlink === 0 ? [Number(fd)] : [];
    } catch {
      return [];
    }
  });
  expect(seen).not.toEqual([]);
  await shell(system, 'head -c 31600000 /dev/zero | tr "\\0" y | fold -w 79; echo; echo LAST');
  expect(Math.max(...seen.map((fd) => fstatSync(fd).size))).toBeLessThanOrEqual(max);
  const lines = await linesOf(system);
  expect(lines.at(-1)?.text).toBe('LAST');
  expect(lines.length).toBeGreaterThan(200);
  // All but the first, of which a part has given way, are whole.
  expect(new Set(lines.slice(1, -1).map(({ text: words }) => words))).toEqual(new Set(['y'.repeat(79)]));
});

it('is not held up by a reader that does not read, who is told what he has lost', async () => {
  const system = await create({ max: '64K' });
  await using visitor = await System.attach(NAME);
  await shell(system, 'echo first');
  const logs = visitor.logs({ follow: true });
  expect((await logs.next()).value).toMatchObject({ text: 'first', lost: 0 });
  const { exitCode } = await shell(system, 'seq 1 1000000');
  expect(exitCode).toBe(0);
  const { value } = await logs.next();
  const all = Array.from({ length: 1_000_000 }, (_, i) => `${i + 1}\n`).join('').length;
  expect((value as LogLine).lost).toBeGreaterThan(all - 64 * 1024);
  for await (const { text: words } of logs) if (words === '1000000') break;
});

it('is followed to the last word, and ends with the system', async () => {
  const system = await create();
  await using visitor = await System.attach(NAME);
  const following = textsOf(visitor, { follow: true, lines: 0 });
  const ownFollowing = textsOf(system, { follow: true });
  await shell(system, 'seq 1 50000; printf last');
  await system.stop();
  for (const lines of [await following, await ownFollowing]) {
    expect(lines).toHaveLength(50_001);
    expect(lines.at(-1)).toBe('stdout last');
  }
});

it('is slowed down by where it goes, as without logs, and by nothing when the system ends', async () => {
  const system = await create();
  const [read, write] = pipe();
  const command = await system.start(['sh', '-c', 'seq 1 1000000; echo done >&2'], {
    stdio: ['ignore', write.fd, 'ignore'],
  });
  await until('some of it has come', async () => (await linesOf(system, { lines: 1 })).length > 0);
  await expect(command.wait({ timeout: 500 })).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
  expect((await textsOf(system)).includes('stderr done')).toBe(false);
  await system.stop({ gracePeriod: 0 });
  expect((await command.wait()).reason).toBe('stopped');
  for (const end of [read, write]) end.close();
});

it('has the program end by SIGPIPE where nobody reads any more', async () => {
  const system = await create();
  const [read, write] = pipe();
  read.close();
  const { signal } = await system.run(['yes'], { stdio: ['ignore', write.fd, 'ignore'] });
  write.close();
  expect(signal).toBe('SIGPIPE');
});

it('is an error where nothing is kept, and where nobody is left', async () => {
  const system = await create('none');
  await using visitor = await System.attach(NAME);
  for (const one of [system, visitor]) {
    await expect(linesOf(one)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_LOGS',
      message: expect.stringContaining('logs: { max: 1M }'),
    });
    expect(() => one.logs({ lines: -1 })).toThrow(/lines: -1/);
    const aborted = AbortSignal.abort();
    await expect(linesOf(one, { signal: aborted })).rejects.toMatchObject({ code: expect.any(String) });
  }
  await system.stop({ gracePeriod: 0 });
  await visitor.ended();
  await expect(linesOf(visitor)).rejects.toMatchObject({ code: 'ESRCH' });
});

it('is left when its reader is aborted or detached', async () => {
  const system = await create();
  await shell(system, 'echo one');
  const visitor = await System.attach(NAME);
  const controller = new AbortController();
  const aborted = linesOf(visitor, { follow: true, signal: controller.signal });
  const detached = linesOf(visitor, { follow: true });
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ code: 'ABORT_ERR' });
  visitor.close();
  await expect(detached).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
});

it('leaves no fd behind, however programs and readers end', async () => {
  const system = await create();
  const round = async (): Promise<void> => {
    await shell(system, 'echo one; echo two >&2');
    await linesOf(system);
    await expect(system.start(['no-such-program'], { stdio: 'inherit' })).rejects.toThrow('ENOENT');
    for await (const _ of system.logs({ follow: true })) break;
  };
  await round();
  const fds = (): number => readdirSync('/proc/self/fd').length;
  const before = fds();
  for (let i = 0; i < 20; i++) await round();
  await eventually('as before', () => fds() <= before);
  const kept = fds();
  await system.stop({ gracePeriod: 0 });
  await eventually('the logs are closed', () => fds() < kept);
});
