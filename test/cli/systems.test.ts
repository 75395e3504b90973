// `cofferdam systems`: what there is, and its end.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listText } from '../../src/cli/system/show.ts';
import { handles } from '../../src/handle/index.ts';
import { listSystems, System, type SystemEntry } from '../../src/system/index.ts';
import { eventually, makeTestCgroup, mount } from '../support/cgroup.ts';
import { captured } from '../support/twin.ts';

const GROUP = `cofferdam-test-${process.pid}`;
let directory: string;
let box: System;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(async () => {
  box = await System.create({ name: 'one', group: GROUP, lifecycle: { cleanup_delay: 0 } });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
  await eventually('no handle open', () => handles.list().length === 0);
});

const NAME = `${GROUP}/one`;
const systems = (...words: string[]) => captured(['systems', ...words]);
const ours = (all: readonly SystemEntry[]) => all.filter(({ group }) => group === GROUP);

describe('list', () => {
  test('has what there is, and no directory that only looks like one', async () => {
    const bystander = makeTestCgroup();
    try {
      const all = await listSystems();
      expect(ours(all)).toMatchObject([
        {
          name: 'one',
          group: GROUP,
          cgroup: box.cgroup,
          created: expect.any(Number),
          owner: { pid: process.pid },
          ownerAlive: true,
          leaseHeld: true,
          pids: [box.pid],
          stat: { populated: true },
        },
      ]);
      expect(all.some(({ cgroup }) => cgroup === bystander.path)).toBe(false);
    } finally {
      await bystander.remove();
    }
  });

  test('is a table, and JSON with -j', async () => {
    const { code, stdout } = await systems();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +GROUP +AGE +PIDS +CPU +MEMORY +OWNER\n/);
    expect(stdout).toMatch(new RegExp(`^one +${GROUP} +\\d+s +1 +[\\d.]+s +\\S+ +pid ${process.pid}$`, 'm'));
    const json = JSON.parse((await captured(['-j', 'systems', 'list'])).stdout);
    expect(ours(json)).toMatchObject([{ name: 'one', cgroup: box.cgroup }]);
  });

  test('tells orphans, ages and what is not known', () => {
    const owner = { pid: 12, startTime: 1, bootId: '' };
    const stat = { populated: true, frozen: false, nrDescendants: 0, nrDyingDescendants: 0, pressure: {} };
    const entry = { name: 'a', group: '', cgroup: '/cofferdam-a', created: 0, owner, pids: [1, 2], stat };
    const text = listText(
      [
        { ...entry, ownerAlive: false, leaseHeld: false },
        { ...entry, created: 9_000_000, ownerAlive: false, leaseHeld: true },
      ],
      10_000_000,
    );
    expect(text.split('\n').slice(1)).toEqual([
      'a     -      2h   2     -    -       none: an orphan',
      'a     -      16m  2     -    -       pid 12, gone',
      '',
    ]);
  });
});

test('show tells limits and use', async () => {
  const { code, stdout } = await systems('show', NAME);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    new RegExp(`^one\n {4}group +${GROUP}\n {4}created +\\S+Z\n {4}owner +pid ${process.pid}\n`),
  );
  expect(stdout).toContain(`${box.cgroup}: populated\n`);
  const [json] = JSON.parse((await captured(['-j', 'systems', 'show', NAME])).stdout);
  expect(json).toMatchObject({ name: 'one', limits: expect.any(Object), controllers: expect.any(Object) });
});

describe('kill and wait', () => {
  test('end all of it', async () => {
    const waiting = systems('wait', NAME);
    await eventually('it waits', () => handles.list().some(({ kind }) => kind === 'cgroup'));
    expect(await systems('kill', NAME)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(mount + box.cgroup)).toBe(false);
    expect((await box.ended()).reason).toBe('init');
    expect(await waiting).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('with a signal, everything but pid 1 gets it', async () => {
    const command = await box.start(['sleep', '100']);
    expect(await systems('kill', NAME, '--signal', 'term')).toMatchObject({ code: 0, stderr: '' });
    expect(await command.wait()).toMatchObject({ exitCode: 143 });
    expect(box.end).toBeUndefined();
    expect((await box.run(['true'])).exitCode).toBe(0);
  });

  test('wait only as long as they may', async () => {
    const { code, stderr } = await captured(['--timeout', '1500', 'systems', 'wait', NAME]);
    expect(code).toBe(1);
    expect(stderr).toContain('the end of system one');
  });
});

test('top has systems alone', async () => {
  const { code, stdout } = await captured(['-j', 'systems', 'top', '-n', '1']);
  expect(code).toBe(0);
  const paths = JSON.parse(stdout).cgroups.map(({ path }: { path: string }) => path);
  expect(paths).toContain(box.cgroup);
  expect(paths).not.toContain('/');
});

test('reclaim leaves those of the living alone', async () => {
  const { code, stdout } = await systems('reclaim');
  expect(code).toBe(0);
  expect(stdout).not.toContain(GROUP);
  expect((await box.run(['true'])).exitCode).toBe(0);
});

describe('check', () => {
  const written = (text: string): string => {
    const file = join(directory, 'systems.yaml');
    writeFileSync(file, text);
    return file;
  };

  test('names the systems of a file', async () => {
    const file = written('systems:\n  - name: ci/a\n  - name: b\n');
    expect(await systems('check', file)).toEqual({
      code: 0,
      stdout: `${file} is valid: ci/a, b\n`,
      stderr: '',
    });
    const json = JSON.parse((await captured(['-j', 'systems', 'check', file])).stdout);
    expect(json).toMatchObject({ valid: true, systems: [{ name: 'a', group: 'ci' }, { name: 'b' }] });
  });

  test('tells all that is wrong, with line and column', async () => {
    const file = written('resource_limits:\n  memry: { max: 1G }\nnetwork: nome\n');
    const { code, stdout, stderr } = await systems('check', file);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^2:3: resource_limits\.memry: is no field/m);
    expect(stdout).toMatch(/^3:10: network: "nome" is no network; did you mean 'none'\?/m);
    const json = JSON.parse((await captured(['-j', 'systems', 'check', file])).stdout);
    expect(json).toMatchObject({
      valid: false,
      issues: [
        { line: 2, column: 3 },
        { line: 3, column: 10 },
      ],
    });
    expect((await captured(['-c=always', 'systems', 'check', file])).stdout).toContain('\u001b[31m');
  });
});

test.each([
  [['frobnicate'], 2, 'Command "frobnicate" is unknown, try "cofferdam systems help".'],
  [['list', 'x'], 2, 'Argument "x" is unknown, try "cofferdam systems help".'],
  [['kill'], 2, 'Not enough information: "NAME" argument is required.'],
  [['kill', NAME, '--signal', 'x'], 2, 'signal: '],
  [['check'], 2, 'Not enough information: "FILE" argument is required.'],
  [['show', 'nobody'], 1, 'Cannot find system "nobody"'],
  [['check', '/none'], 1, 'ENOENT'],
])('%j is refused', async (words, expected, message) => {
  const { code, stdout, stderr } = await systems(...words);
  expect([code, stdout]).toEqual([expected, '']);
  expect(stderr).toContain(message);
});

test('a name that several have is not guessed', async () => {
  await using other = await System.create({ name: 'one', group: `${GROUP}/more` });
  const { code, stderr } = await systems('kill', 'one');
  expect(code).toBe(1);
  expect(stderr).toContain(`${GROUP}/more/one`);
  expect(other.end).toBeUndefined();
  await other.stop({ gracePeriod: 0 });
});
