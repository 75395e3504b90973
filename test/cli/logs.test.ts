// `cofferdam systems logs`, and what a run keeps for it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { until } from '../support/cgroup-jobs.ts';
import { compiledDist } from '../support/compiled.ts';
import { captured } from '../support/twin.ts';
import { AS_NOBODY, isRoot, runCli } from './run-cli.ts';

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
    logs: { max: '64K' },
    lifecycle: { cleanup_delay: 0 },
  });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
});
afterAll(() => eventually('no handle open', () => handles.list().length === 0));

const logs = (...words: string[]) => captured(['systems', 'logs', NAME, ...words]);
const shell = (script: string) => box.run(['sh', '-c', script], { stdio: 'ignore' });

describe('logs', () => {
  test('tells stdout and stderr apart', async () => {
    await shell('echo one; echo two; echo wrong >&2; printf three');
    expect(await logs()).toEqual({ code: 0, stdout: 'one\ntwo\nthree\n', stderr: 'wrong\n' });
    expect((await captured(['systems', 'logs', '-n', '1', NAME])).code).toBe(0);
  });

  test('has the last lines, their times, and JSON', async () => {
    await shell('seq 1 100');
    expect((await logs('-n', '2')).stdout).toBe('99\n100\n');
    expect((await logs('--lines', '0')).stdout).toBe('');
    expect((await logs('-t', '-n', '1')).stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 100\n$/);
    for (const words of [
      ['-j', 'systems', 'logs', NAME, '-n', '2'],
      ['systems', 'logs', NAME, '-n', '2', '-j'],
    ]) {
      const { stdout } = await captured(words);
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual(['99', '100'].map((text) => ({ time: expect.stringMatching(/Z$/), stream: 'stdout', text })));
    }
  });

  test('follows until the system has ended, in a process of its own', async () => {
    let seen = '';
    const following = runCli(['systems', 'logs', '-f', NAME], {
      onOutput: (text) => {
        seen += text;
      },
    });
    await shell('echo begun');
    await eventually('it is told', () => seen.includes('begun'));
    await shell('seq 1 1000; echo wrong >&2; printf last');
    await box.stop({ gracePeriod: 0 });
    const numbers = Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join('');
    expect(await following).toEqual({
      code: 0,
      signal: null,
      stdout: `begun\n${numbers}last\n`,
      stderr: 'wrong\n',
    });
  });

  test('ends by Ctrl-C without a failure', async () => {
    await shell('echo begun');
    const result = await runCli(['systems', 'logs', '-f', NAME], {
      onOutput: (_, kill) => kill('SIGINT'),
    });
    expect(result).toEqual({ code: 0, signal: null, stdout: 'begun\n', stderr: '' });
  });

  test.runIf(isRoot)('are nobody else’s to read', async () => {
    const { code, stdout, stderr } = await runCli(['systems', 'logs', NAME], { under: AS_NOBODY });
    expect([code, stdout]).toEqual([77, '']);
    expect(stderr).toContain('EPERM');
  });
});

test.each([
  [['logs'], 2, 'Not enough information: "NAME" argument is required.'],
  [['logs', NAME, 'more'], 2, 'Argument "more" is unknown, try "cofferdam systems help".'],
  [['logs', NAME, '--frobnicate'], 2, 'Option "--frobnicate" is unknown, try "cofferdam systems help".'],
  [['logs', NAME, '-n', 'many'], 2, '--lines: "many" is no number of lines'],
  [['logs', NAME, '-n'], 2, '--lines: "" is no number of lines'],
  [['logs', 'nobody'], 1, 'Cannot find system "nobody"'],
])('%j is refused', async (words, expected, message) => {
  const { code, stdout, stderr } = await captured(['systems', ...words]);
  expect([code, stdout]).toEqual([expected, '']);
  expect(stderr).toContain(message);
});

test('where none are kept it says how they would be', async () => {
  await using other = await System.create({ name: 'two', group: GROUP, lifecycle: { cleanup_delay: 0 } });
  const { code, stderr } = await captured(['systems', 'logs', `${GROUP}/two`]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    'cofferdam: the system two keeps no logs: make it with logs: { max: 1M }, or by cofferdam run --logs 1M\n',
  );
  await other.stop({ gracePeriod: 0 });
});

describe('run --logs', () => {
  const name = `${GROUP}/kept`;
  const words = ['run', '-q', '--name', name, '--logs', '1M', '--'];

  test('is as without, and others read it meanwhile', async () => {
    const script = 'trap "exit 7" TERM; cat; echo wrong >&2; echo ready; while :; do sleep 0.05; done';
    let read: Promise<void> | undefined;
    const result = await runCli([...words, 'sh', '-c', script], {
      input: 'through\n',
      onOutput: (text, kill) => {
        if (!text.includes('ready')) return;
        read ??= until('all of it is kept', async () => {
          const { code, stdout, stderr } = await captured(['systems', 'logs', name]);
          return code === 0 && stdout === 'through\nready\n' && stderr === 'wrong\n';
        }).finally(() => kill('SIGTERM'));
      },
    });
    await read;
    expect(result).toEqual({ code: 7, signal: null, stdout: 'through\nready\n', stderr: 'wrong\n' });
  });

  test('loses nothing of what is written to a reader that is slow', async () => {
    const main = join(compiledDist(), 'cli', 'main.js');
    const line = `"$@" sh -c 'seq 1 200000; echo LAST' | { sleep 1; tail -n 2; }`;
    const child = spawn('sh', ['-c', line, 'sh', process.execPath, main, ...words]);
    let output = '';
    child.stdout.on('data', (bytes) => {
      output += bytes;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, output]).toEqual([0, '200000\nLAST\n']);
  });

  test('ends where its reader has seen enough, and where its reader never reads', async () => {
    const main = join(compiledDist(), 'cli', 'main.js');
    const exits = async (line: string): Promise<string> => {
      const child = spawn('bash', [
        '-c',
        `${line}; echo "\${PIPESTATUS[0]}"`,
        'sh',
        process.execPath,
        main,
        ...words,
      ]);
      let output = '';
      child.stdout.on('data', (bytes) => {
        output += bytes;
      });
      await new Promise((resolve) => child.on('close', resolve));
      return output;
    };
    // 128 and SIGPIPE.
    expect(await exits('"$@" yes | head -n 1')).toBe('y\n141\n');
    // timeout(1) needs no SIGKILL, which would be 137.
    const line = `timeout -s TERM -k 20 3 "$@" sh -c "yes" | { sleep 6; }`;
    expect(await exits(line)).toBe('124\n');
  });
});
