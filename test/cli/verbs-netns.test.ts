import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/cgroup.ts';
import { lookUntil } from '../support/look.ts';
import { captured, type Outcome } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

/** `ip netns` and ours, on the same names: what one makes the other sees. */

const BASE = `cofferdam-test-${process.pid}-ns`;
const HERE = `${BASE}-here`;
const NAMES = ['a', 'b', 'c'].map((letter) => `${BASE}-${letter}`);
const [A = '', B = '', C = ''] = NAMES;

describe.runIf(isRoot)('ip netns', () => {
  beforeAll(() => execFileSync('ip', ['netns', 'add', HERE]));
  afterAll(() => {
    for (const name of [HERE, `${BASE}-thread`, ...NAMES])
      if (existsSync(`/run/netns/${name}`)) execFileSync('ip', ['netns', 'del', name]);
  });

  const theirs = (...words: string[]): Outcome => {
    const { status, stdout, stderr } = spawnSync('ip', ['-n', HERE, ...words], { encoding: 'utf8' });
    return { code: status ?? -1, stdout, stderr };
  };
  const ours = (...words: string[]) => captured(['-n', HERE, ...words]);
  /** Other tests make and remove namespaces meanwhile: only our own lines count. */
  const own = (text: string) =>
    text
      .split(/(?<=\n)|(?<=\}),/)
      .filter((line) => line.includes(BASE))
      .map((line) => line.replaceAll(/[[\]]/g, '').trim())
      .join('\n');
  const same = async (...words: string[]) => {
    const expected = theirs(...words);
    const found = await ours(...words);
    expect(own(found.stdout)).toBe(own(expected.stdout));
    expect(found.code).toBe(expected.code);
    return own(found.stdout);
  };

  test('adds, lists, numbers and deletes', async () => {
    for (const name of NAMES)
      expect(await ours('netns', 'add', name)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ours('netns', 'add', A)).code).not.toBe(0);
    expect(theirs('netns').stdout).toContain(A);
    expect(await ours('netns', 'set', A, '7')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ours('netns', 'set', A, '8')).stderr).toContain('already has a nsid assigned');
    expect((await ours('netns', 'set', B, 'auto')).code).toBe(0);
    expect((await ours('netns', 'set', C, '-1')).stderr).toContain('"netnsid" value should be >= 0');
    expect((await ours('netns', 'set', C)).stderr).toContain('No nsid specified');
    expect((await ours('netns', 'set')).stderr).toContain('No netns name specified');
    expect(await same('netns', 'list')).toContain(`${A} (id: 7)`);
    expect(await same('netns')).toContain(A);
    expect(await same('-j', 'netns', 'show')).toContain('"id":7');
    expect(await same('netns', 'list-id')).toContain(`nsid 7 (iproute2 netns name: ${A})`);
    expect(await same('-j', 'netns', 'list-id')).toContain(`"nsid":7,"name":"${A}"`);
    expect(await same('netns', 'list-id', 'nsid', '7')).toContain(A);
    expect((await ours('netns', 'list-id', 'nsid', '99')).code).toBe(
      theirs('netns', 'list-id', 'nsid', '99').code,
    );

    // What A calls B, and what we call it.
    execFileSync('ip', ['-n', A, 'netns', 'set', B, '40']);
    expect(await same('netns', 'list-id', 'target-nsid', '7')).toContain('nsid 40 current-nsid 0');
    expect(await same('-j', 'netns', 'list-id', 'target-nsid', '7')).toContain('"current-nsid":0');
    expect((await ours('netns', 'list-id', 'target-nsid', 'x')).code).toBe(2);

    expect(await ours('netns', 'delete', A)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ours('netns', 'delete', A)).code).not.toBe(0);
    expect(theirs('netns').stdout).not.toContain(A);
    expect((await ours('netns', 'delete')).stderr).toContain('No netns name specified');
  });

  test('tells who is where', async () => {
    const child = execFileSync(
      'ip',
      ['netns', 'exec', HERE, 'sh', '-c', 'sleep 1000 >/dev/null 2>&1 & echo $!'],
      {
        encoding: 'utf8',
      },
    ).trim();
    try {
      const comm = () => readFileSync(`/proc/${child}/comm`, 'utf8').trim();
      await eventually('it is sleep', () => comm() === 'sleep');
      expect((await ours('netns', 'pids', HERE)).stdout.split('\n')).toContain(child);
      expect(theirs('netns', 'pids', HERE).stdout.split('\n')).toContain(child);
      expect(await ours('netns', 'identify', child)).toEqual(theirs('netns', 'identify', child));
      expect((await ours('netns', 'identify', child)).stdout).toBe(`${HERE}\n`);
      // A second name for where it is.
      expect(await ours('netns', 'attach', A, child)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(theirs('netns', 'pids', A).stdout.split('\n')).toContain(child);
      expect((await ours('netns', 'attach', A, child)).code).not.toBe(0);
      // Or a thread's.
      const thread = readdirSync('/proc/self/task').find((tid) => tid !== String(process.pid)) ?? '';
      expect(await ours('netns', 'attach', `${BASE}-thread`, thread)).toEqual({
        code: 0,
        stdout: '',
        stderr: '',
      });
      expect((await ours('netns', 'delete', `${BASE}-thread`)).code).toBe(0);
      // Which ip does not know: who holds it, and how.
      execFileSync('ip', ['-n', HERE, 'netns', 'set', A, '70']);
      const { stdout } = await ours('netns', 'holders', A);
      expect(stdout.split('\n')[0]).toMatch(/^net:\[\d+\] id 70 name \S+ \S+$/);
      expect(stdout).toContain(`    process ${child} sleep\n`);
      expect(stdout).toMatch(
        new RegExp(`^    mount /run/netns/${A} in mnt:\\[\\d+\\], seen by process \\d+$`, 'm'),
      );
      const [{ inode, names, pids, nsid }] = JSON.parse((await ours('-j', 'netns', 'holders', A)).stdout);
      expect({ names: [...names].sort(), pids, nsid }).toEqual({
        names: [A, HERE].sort(),
        pids: [Number(child)],
        nsid: 70,
      });
      // Other tests have mount namespaces meanwhile, in which it is seen, too.
      const byBoth = async () => [
        (await ours('netns', 'holders', A)).stdout,
        (await ours('netns', 'holders', String(inode))).stdout,
      ];
      const [byName, byInode] = await lookUntil(byBoth, ([one, other]) => one === other);
      expect(byInode).toBe(byName);
      expect((await ours('netns', 'holders', 'no-such-name-here')).code).toBe(1);
      expect((await ours('netns', 'attach', B)).stderr).toContain('No netns name and PID specified');
      expect((await ours('netns', 'attach', B, 'x')).stderr).toContain('Invalid PID: x');
    } finally {
      process.kill(Number(child));
    }
    expect((await ours('netns', 'identify', 'x')).stderr).toContain("Specified string 'x' is not a pid");
    expect((await ours('netns', 'pids', 'no-such-name-here')).stderr).toContain(
      'Cannot open network namespace',
    );
  });

  test.each([
    [['netns', 'add', HERE]],
    [['netns', 'delete', `${BASE}-none`]],
    [['netns', 'set', `${BASE}-none`, '1']],
    [['netns', 'attach', HERE, String(process.pid)]],
    [['netns', 'attach', `${BASE}-none`, '2147483646']],
    [['netns', 'exec', `${BASE}-none`, 'true']],
    [['netns', 'exec', `${BASE}-bare`, 'true']],
    [['netns', 'identify', 'self']],
    [['-n', `${BASE}-none`, 'link']],
    [['-n', `${BASE}-bare`, 'link']],
    ...['', '.', '..', 'a/b', '/etc', 'x'.repeat(256)].flatMap((name) => [
      [['netns', 'add', name]],
      [['netns', 'attach', name, '1']],
      [['netns', 'set', name, '1']],
      [['netns', 'delete', name]],
      [['netns', 'pids', name]],
      [['netns', 'exec', name, 'true']],
    ]),
  ])('refuses %j in the words of ip', async (words) => {
    const bare = `/run/netns/${BASE}-bare`;
    writeFileSync(bare, '');
    try {
      const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
      const found = await captured(words);
      expect(found).toEqual({ code: expect.any(Number), stdout: '', stderr });
      expect([found.code, status]).not.toContain(0);
    } finally {
      rmSync(bare);
    }
  });
});
