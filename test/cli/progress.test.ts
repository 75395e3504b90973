// What is shown on a terminal while something is waited for, and nowhere else.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { progressText } from '../../src/cli/progress.ts';
import { handles } from '../../src/handle/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledDist } from '../support/compiled.ts';
import { onTerminal } from './on-terminal.ts';
import { runCli } from './run-cli.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const NAME = `${GROUP}/one`;
const ERASE = '\r\u001b[K';
let box: System;

beforeAll(() => {
  compiledDist();
}, 240_000);
beforeEach(async () => {
  box = await System.create({ name: 'one', group: GROUP, lifecycle: { cleanup_delay: 0 } });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
});
afterAll(() => eventually('no handle open', () => handles.list().length === 0));

/** What of it is shown, one after the other; and what is there afterwards, up to what `stty -a` says. */
function drawn(output: string): { lines: string[]; rest: string } {
  const [first = '', ...lines] = output.slice(0, output.indexOf('speed ')).split(ERASE);
  return { lines, rest: first + (lines.pop() ?? '') };
}

test('systems wait shows what it waits for, and who is left, and takes that back', async () => {
  await box.start(['sleep', '1000'], { stdio: 'ignore' });
  const { code, output } = await onTerminal(
    ['systems', 'wait', NAME],
    [['waiting for', () => void box.stop({ gracePeriod: 0 })]],
  );
  const { lines, rest } = drawn(output);
  expect(lines[0]).toMatch(/^cofferdam: waiting for the end of one: \d+s, 1 process left$/);
  expect(rest.trim()).toBe('');
  expect(code).toBe(0);
});

test('a Ctrl-C takes it back as well, and ends as it would', async () => {
  const { output, code } = await onTerminal(['systems', 'wait', NAME], [['waiting for', '\x03']]);
  const { lines, rest } = drawn(output);
  expect(lines.length).toBeGreaterThan(0);
  expect(rest.replace('^C', '').trim()).toBe('');
  expect(code).toBe(130);
});

test('run shows that what the program has left running has its time', async () => {
  const script = 'trap "" TERM HUP; sleep 1000 & exit 3';
  const words = ['run', '--group', GROUP, '--grace', '6', '--', 'sh', '-c', script];
  const { code, output } = await onTerminal(words);
  const { lines, rest } = drawn(output);
  expect(
    lines.some((line) => /^cofferdam: waiting for what still runs in system-\w+: \ds of 6s, /.test(line)),
  ).toBe(true);
  expect(rest).not.toContain('waiting');
  expect(code).toBe(3);
  const quiet = await onTerminal(['run', '-q', ...words.slice(1)]);
  expect([quiet.code, quiet.output.includes('waiting')]).toEqual([3, false]);
});

test('pipes see nothing of it, and JSON neither', async () => {
  // Each waits as long by itself, however late it begins.
  const wait = ['--timeout', '2500', 'systems', 'wait', NAME];
  const [piped, inJson] = await Promise.all([runCli(wait), onTerminal(['-j', ...wait])]);
  expect(piped).toMatchObject({ code: 1, stdout: '' });
  for (const output of [piped.stderr, inJson.output]) {
    expect(output).toContain('the end of system one had no answer within 2500 ms');
    expect(output).not.toContain('waiting');
  }
  const words = ['run', '-d', '--group', GROUP, '--grace', '3', '--'];
  const { code, stderr } = await runCli([...words, 'sh', '-c', 'trap "" TERM; sleep 1000 >&- 2>&- & exit 3']);
  expect([code, stderr.includes('waiting')]).toEqual([3, false]);
});

test('it says how long, of what, and how many', () => {
  const wait = { what: 'the end of one', cgroup: '/one' };
  expect(progressText(wait, 61_900, 2)).toBe('cofferdam: waiting for the end of one: 61s, 2 processes left');
  expect(progressText({ ...wait, timeout: 30_000 }, 1000, undefined)).toBe(
    'cofferdam: waiting for the end of one: 1s of 30s',
  );
});
