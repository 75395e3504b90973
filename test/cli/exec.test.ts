// `cofferdam systems exec`, and what programs get where we have a terminal.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledDist, compiledUrl, runModule } from '../support/compiled.ts';
import { captured } from '../support/twin.ts';
import { onTerminal } from './on-terminal.ts';
import { type CliOptions, runCli } from './run-cli.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const NAME = `${GROUP}/one`;
let box: System;

beforeAll(() => {
  compiledDist();
}, 240_000);
beforeEach(async () => {
  box = await System.create({
    name: 'one',
    group: GROUP,
    environment: { PATH: '/usr/bin:/bin', ONE: '1' },
    lifecycle: { cleanup_delay: 0 },
  });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
});
afterAll(() => eventually('no handle open', () => handles.list().length === 0));

const exec = (words: readonly string[], options?: CliOptions) =>
  runCli(['systems', 'exec', NAME, ...words], options);

describe('the program', () => {
  test('has stdin, stdout and stderr, and its exit code is ours', async () => {
    const script = 'cat; echo wrong >&2; hostname; exit 7';
    expect(await exec(['--', 'sh', '-c', script], { input: 'through\n' })).toEqual({
      code: 7,
      signal: null,
      stdout: 'through\none\n',
      stderr: 'wrong\n',
    });
    expect(box.end).toBeUndefined();
    expect((await box.run(['true'])).exitCode).toBe(0);
  });

  test('gets variables, a directory and a user', async () => {
    const words = '--env ONE=one --env COFFERDAM_TEST --workdir /usr --user 7:8 -- sh -c'.split(' ');
    const { stdout } = await exec([...words, 'pwd; id -u; id -g; echo $ONE $COFFERDAM_TEST'], {
      env: { COFFERDAM_TEST: 'here' },
    });
    expect(stdout).toBe('/usr\n7\n8\none here\n');
  });

  test('that cannot be run is told as by a shell', async () => {
    expect(await exec(['no-such-program'])).toMatchObject({
      code: 127,
      stderr: 'cofferdam: no-such-program: No such file or directory\n',
    });
    expect(await exec(['/etc/passwd'])).toMatchObject({ code: 126 });
  });

  test('gets our signals, and nobody else does', async () => {
    const owners = await box.start(['sleep', '100'], { stdio: 'ignore' });
    const result = await exec(['sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'], {
      onOutput: (text, kill) => text.includes('ready') && kill('SIGTERM'),
    });
    expect(result).toMatchObject({ code: 9, signal: null });
    expect(owners.result).toBeUndefined();
  });

  test('ends with the system, which is said', async () => {
    const result = await exec(['sh', '-c', 'sleep 1; echo ready; sleep 100'], {
      // Long after its start was told.
      onOutput: () => void box.stop({ gracePeriod: 0 }),
    });
    expect(result).toMatchObject({ code: 137, stderr: 'cofferdam: the system ended: stopped\n' });
  });

  test('is told of in JSON', async () => {
    const { stderr } = await runCli(['-j', 'systems', 'exec', NAME, 'sh', '-c', 'exit 3']);
    expect(JSON.parse(stderr)).toMatchObject({
      name: 'one',
      group: GROUP,
      exitCode: 3,
      signal: null,
      reason: 'exited',
      usage: { maxRss: expect.any(Number) },
    });
  });
});

test.each([
  [['exec'], 2, 'Not enough information: "NAME" argument is required.'],
  [['exec', NAME], 2, 'No program to run, try "cofferdam systems help".'],
  [['exec', NAME, '--frobnicate', 'x'], 2, 'Option "--frobnicate" is unknown, try "cofferdam systems help".'],
  [['exec', NAME, '--user', 'root', 'x'], 2, '--user: "root" is no user; give UID or UID:GID'],
  [['exec', NAME, '--env'], 2, 'Option "--env" wants a value'],
  [['exec', 'nobody', 'true'], 1, 'Cannot find system "nobody"'],
])('%j is refused', async (words, expected, message) => {
  const { code, stdout, stderr } = await captured(['systems', ...words]);
  expect([code, stdout]).toEqual([expected, '']);
  expect(stderr).toContain(message);
});

test('wait tells why the system ended, and how the program of its owner did', async () => {
  const waiting = captured(['-j', 'systems', 'wait', NAME]);
  await eventually('it waits', () => handles.list().some(({ kind }) => kind === 'attached-system'));
  await box.run(['sh', '-c', 'exit 7']);
  await box.stop({ gracePeriod: 0 });
  const { code, stdout } = await waiting;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([
    {
      name: 'one',
      group: GROUP,
      reason: 'stopped',
      exit: { exitCode: 7, reason: 'exited' },
      statistics: expect.any(Object),
    },
  ]);
});

test('what a program wrote last is read, though we had no CPU until its time was over', async () => {
  const { code, stdout, stderr } = await runModule(`
    import { once } from 'node:events';
    import { readFileSync } from 'node:fs';
    const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
    const { TerminalRelay } = await import(${JSON.stringify(compiledUrl('cli/system/terminal.js'))});
    const other = await System.attach(${JSON.stringify(NAME)});
    const command = await other.start(['sh', '-c', 'stty -echo; echo READY; read line; seq 1 500; echo LAST'], { stdio: 'pty' });
    const relay = new TerminalRelay(command.terminal);
    await once(command.terminal, 'data');
    await new Promise((done) => command.terminal.write('go\\n', done));
    const drained = relay.drained();
    const wait = (time) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
    const procs = ${JSON.stringify(`${mount}${box.cgroup}/cgroup.procs`)};
    while (readFileSync(procs, 'utf8').trim().split('\\n').length > 1) wait(10);
    wait(500);
    await drained;
    relay[Symbol.dispose]();
    other.close();
  `);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/\r\n499\r\n500\r\nLAST\r\n$/);
});

describe.each([
  ['run', ['run', '-q', '--group', GROUP, '--']],
  ['systems exec', ['systems', 'exec', NAME, '--']],
])('on a terminal, %s', (_, words) => {
  test('gives one of the system, and leaves ours as it was', async () => {
    const { code, output } = await onTerminal([
      ...words,
      'sh',
      '-c',
      'tty; stty size; test -t 2 && echo all; stty raw -echo; exit 5',
    ]);
    expect(code).toBe(5);
    expect(output).toMatch(/\/dev\/pts\/\d+\r\n30 100\r\nall\r\n/);
    expect(output).toMatch(/ icanon .* echo /s);
  });

  test('passes keys on, Ctrl-C among them', async () => {
    const { code, output } = await onTerminal(
      [...words, 'sh', '-c', 'echo READY; read line; echo got $line; exec sleep 100'],
      [
        ['READY', 'hello\r'],
        ['got hello', '\x03'],
      ],
    );
    expect(output).toContain('got hello\r\n');
    expect(code).toBe(130);
    expect(output).toMatch(/ icanon /);
  });

  test('loses nothing of what is written', async () => {
    const { output } = await onTerminal([...words, 'sh', '-c', 'seq 1 20000; echo LAST']);
    expect(output).toContain('\r\n19999\r\n20000\r\nLAST\r\n');
  });

  test('passes ours on with --no-tty', async () => {
    const { code, output } = await onTerminal([
      ...words.slice(0, -1),
      '--no-tty',
      '--',
      ...['sh', '-c', 'test -t 0 && test -t 1 && echo terminal; tty || echo elsewhere'],
    ]);
    expect(output).toContain('terminal\r\n');
    expect(output).not.toMatch(/\/dev\/pts\/\d/);
    expect(code).toBe(0);
  });
});
