/** `cofferdam netns exec` beside `ip netns exec`. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/cgroup.ts';
import { compiledDist } from '../support/compiled.ts';
import { addEtcNetns, delEtcNetns } from '../support/etc-netns.ts';
import { isRoot, runCli } from './run-cli.ts';

const NAME = `cofferdam-test-${process.pid}-exec`;

/** What both say of a file that /etc does not have. */
const UNBOUND = `Bind /etc/netns/${NAME}/no-such-file-in-etc -> /etc/no-such-file-in-etc failed: No such file or directory\n`;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function theirs(words: readonly string[], input = ''): Ended {
  const { status, signal, stdout, stderr } = spawnSync('ip', words, { encoding: 'utf8', input });
  return { code: status, signal, stdout, stderr };
}

const ours = (words: readonly string[], input = ''): Promise<Ended> => runCli(words, { input });

/** Runs a script in a mount namespace where only names of its own are. */
function amongOwnNames(program: string, words: readonly string[]): Ended {
  const script = `mount -t tmpfs none /run/netns; ip netns add one; ip netns add two; exec ${program} "$@"`;
  const argv = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...words];
  const { status, signal, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8' });
  return { code: status, signal, stdout, stderr };
}

describe.runIf(isRoot)('netns exec', () => {
  // Takes its time on a busy machine, and is nobody's test.
  beforeAll(() => void compiledDist(), 120_000);
  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', NAME]);
    addEtcNetns(NAME, { hosts: '192.0.2.1 only-there\n', 'no-such-file-in-etc': '' });
  });
  afterAll(() => {
    execFileSync('ip', ['netns', 'del', NAME]);
    delEtcNetns(NAME);
  });

  it.each([
    [['sh', '-c', 'readlink /proc/self/ns/net; cat /etc/hosts; ls /sys/class/net']],
    [['sh', '-c', 'exit 7']],
    [['cat']],
    [['sh', '-c', 'echo said >&2; kill -TERM $$']],
    [['sh', '-c', 'kill -KILL $$']],
    [['printf', '%s|', '-j', '--', 'a b', '']],
    [['no-such-program']],
    [['/dev/null']],
    [[]],
  ])('%j does what ip does', async (argv) => {
    const words = ['netns', 'exec', NAME, ...argv];
    expect(await ours(words, 'typed\n')).toEqual(theirs(words, 'typed\n'));
  });

  it.each([
    [['netns', 'exec']],
    [['netns', 'exec', 'no-such-name-here', 'true']],
    [['netns', 'exec', '../run', 'true']],
    [['-all', 'netns', 'exec']],
  ])('refuses %j as ip does', async (words) => {
    expect(await ours(words)).toEqual(theirs(words));
  });

  it.each([
    [['sh', '-c', 'readlink /proc/self/ns/net >/dev/null && echo hi; exit 3']],
    [['sh', '-c', 'kill -KILL $$']],
    [['no-such-program']],
  ])('-all %j goes through all names as ip does', (argv) => {
    const words = ['-all', 'netns', 'exec', ...argv];
    const cli = `${process.execPath} ${join(compiledDist(), 'cli', 'main.js')}`;
    const [found, expected] = [amongOwnNames(cli, words), amongOwnNames('ip', words)];
    // What ip leaves unsaid because its buffer is copied with each fork, it says twice.
    expect(lines(found.stdout)).toEqual(lines(expected.stdout));
    expect([found.code, found.stderr]).toEqual([expected.code, expected.stderr]);
  });

  it('runs lines of a batch, after what stands before them', async () => {
    const batch = `link add name made type bridge\nnetns exec ${NAME} ls /sys/class/net\nnetns exec ${NAME} false\nlink del made\n`;
    const { code, stdout, stderr } = await ours(['-n', NAME, '-batch', '-'], batch);
    expect([code, stderr]).toEqual([1, `${UNBOUND}${UNBOUND}Command failed -:3\n`]);
    expect(stdout.split('\n')).toContain('made');
    execFileSync('ip', ['-n', NAME, 'link', 'del', 'made']);
  });

  it('passes signals on, and takes the program with it when it is killed', async () => {
    const main = join(compiledDist(), 'cli', 'main.js');
    const script = 'trap "echo caught; exit 9" TERM; echo $$; while :; do sleep 0.05; done';
    const start = async () => {
      const child = spawn(process.execPath, [main, 'netns', 'exec', NAME, 'sh', '-c', script]);
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      while (!said.includes('\n')) await once(child.stdout, 'data');
      return { child, pid: Number(said), said: () => said };
    };
    const asked = await start();
    asked.child.kill('SIGTERM');
    expect(await once(asked.child, 'close')).toEqual([9, null]);
    expect(asked.said()).toBe(`${asked.pid}\ncaught\n`);

    const killed = await start();
    killed.child.kill('SIGKILL');
    // Its stdout closes when the last who has it is gone.
    expect(await once(killed.child, 'close')).toEqual([null, 'SIGKILL']);
    // It closes its files a little before it is a zombie.
    await eventually('the program is gone', () => !isRunning(killed.pid));
  });

  it('gives the program the fds of <(...)', () => {
    const cli = `${process.execPath} ${join(compiledDist(), 'cli', 'main.js')}`;
    const script = (program: string) =>
      `${program} netns exec ${NAME} sh -c 'cat "$@"; ls /proc/self/fd | grep ..' sh <(echo one) <(echo two)`;
    const [found, expected] = [cli, 'ip'].map((program) => {
      const { status, stdout } = spawnSync('bash', ['-c', script(program)], { encoding: 'utf8' });
      return { status, stdout };
    });
    expect(found).toEqual(expected);
    expect(found?.stdout).toMatch(/^one\ntwo\n/);
  });

  it('gives the program the terminal', () => {
    const cli = `${process.execPath} ${join(compiledDist(), 'cli', 'main.js')}`;
    const typed = ['-qec', `${cli} netns exec ${NAME} sh -c 'test -t 0 && test -t 1 && tty'`, '/dev/null'];
    expect(execFileSync('script', typed, { encoding: 'utf8', stdio: 'pipe' })).toMatch(
      /^\/dev\/pts\/\d+\r?$/m,
    );
  });
});

/** A zombie is not, which somebody else has yet to reap. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
