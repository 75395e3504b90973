// Systems of a user who is not root: made by a process of his.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/handle/index.ts';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { eventually } from '../support/cgroup.ts';
import { compiledDist, compiledUrl } from '../support/compiled.ts';
import { needs, skip } from '../support/needs.ts';

/** Nobody's on this host. */
const USER = 1_100_000_000 + process.pid;

/** Whether others than its owner reach a path. */
function isOpen(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) if ((statSync(at).mode & 1) === 0) return false;
  return true;
}

let own: string;
beforeAll(() => {
  compiledDist();
  // That of the run is closed to everybody else.
  own = mkdtempSync(join(dirname(tmpdir()), 'cofferdam-test-rootless-'));
  chownSync(own, USER, USER);
}, 240_000);
afterAll(() => rmSync(own, { recursive: true }));

beforeEach((context) => {
  needs(context, { linux: '5.12' });
  const closed = [packageRoot(), compiledDist(), process.execPath].find((path) => !isOpen(path));
  if (closed !== undefined) skip(context, `others may not reach ${closed}`);
});

/** Processes of the user, by name and number. */
const ofUser = (): { readonly name: string | undefined; readonly pid: number }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        // A zombie is nothing but a number that its parent has yet to read.
        const lives = new RegExp(`^Uid:\\s+${USER}\\s`, 'm').test(status) && !/^State:\s+Z/m.test(status);
        return lives ? [{ name: /^Name:\s+(.*)$/m.exec(status)?.[1], pid: Number(pid) }] : [];
      } catch {
        return [];
      }
    });
/** Who stays for a while with an owner who lives. */
const SUPERVISORS: readonly unknown[] = ['cofferdam-super', 'cofferdam-janit'];
afterEach(() =>
  eventually('nobody is left', () =>
    ofUser().every(
      ({ name, pid }) => pid === owner?.pid || (owner !== undefined && SUPERVISORS.includes(name)),
    ),
  ),
);

/** Makes systems, one after the other: of each line that comes, tells what the script says in one and how it ends. */
const RUN = `
  const { System } = await import(process.env.COFFERDAM_TEST_DIST);
  const { createInterface } = await import('node:readline');
  const { text } = await import('node:stream/consumers');
  async function run(script, config) {
    const box = await System.create(config);
    const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, errors] = await Promise.all([text(command.stdout), text(command.stderr)]);
    const { exitCode } = await command.wait();
    const { warnings, cgroup } = box;
    const { exports, statistics, reason } = await box.stop({ gracePeriod: 0 });
    return { output, errors, exitCode, warnings, cgroup, exports, statistics, reason };
  }
  const told = ({ code, field, message }) => ({ code, field, message });
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(await run(...JSON.parse(line)).catch(told)));`;

interface Outcome {
  readonly output: string;
  readonly errors: string;
  readonly exitCode: number;
  readonly [more: string]: unknown;
}

function asUser(
  module: string,
  words: readonly string[] = [],
  before: readonly string[] = [],
): ChildProcessByStdio<Writable, Readable, null> {
  const env = { ...process.env, COFFERDAM_TEST_DIST: compiledUrl('system/index.js') };
  const user = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
  const [program = '', ...rest] = [...before, ...user, process.execPath];
  const argv = [...rest, '--input-type=module', '--eval', module, '--', ...words];
  return spawn(program, argv, { cwd: '/', env, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** A process of the user, who makes systems. */
class Owner implements AsyncDisposable {
  readonly #child: ReturnType<typeof asUser>;
  readonly #answers: AsyncIterator<string>;
  constructor(before?: readonly string[]) {
    this.#child = asUser(RUN, [], before);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }
  get pid(): number | undefined {
    return this.#child.pid;
  }
  async ran(script: string, config: SystemConfig = {}): Promise<Outcome> {
    this.#child.stdin.write(`${JSON.stringify([script, config])}\n`);
    const { value = '{}' } = await this.#answers.next();
    return JSON.parse(value) as Outcome;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    expect(await exited).toEqual([0, null]);
  }
}

let owner: Owner | undefined;
/** By one owner for all tests. */
function ran(script: string, config?: SystemConfig): Promise<Outcome> {
  owner ??= new Owner();
  return owner.ran(script, config);
}

const REFUSED: readonly (readonly [string, SystemConfig])[] = [
  ['resource_limits.memory.max', { resource_limits: { memory: { max: '1G' } } }],
  ['resource_limits.pids.max', { resource_limits: { pids: { max: 10 } } }],
  ['lifecycle.cpu_time', { lifecycle: { cpu_time: 3 } }],
  ['lifecycle.idle_timeout', { lifecycle: { idle_timeout: 3 } }],
  ['monitoring.action', { monitoring: { action: 'stop' } }],
  ['network', { network: 'host' }],
  ['network', { network: { bridge: 'br0', address: '10.1.0.2/24' } }],
  ['root.upper', { root: { upper: '/var/tmp' } }],
  ['security.namespaces', { security: { namespaces: ['user', 'mount'] } }],
  ['security.uid_map[0]', { security: { uid_map: ['0 0 1'] } }],
  ['user', { user: 1000 }],
];

describe('a system of a user who is not root', () => {
  afterAll(async () => {
    await owner?.[Symbol.asyncDispose]();
    owner = undefined;
    await eventually('nobody is left', () => ofUser().length === 0);
  });

  it('has processes, a network and ids of its own, and no cgroup', async () => {
    const script =
      'id -u; id -g; echo $$; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "; cat /sys/class/net/lo/flags; hostname; exit 3';
    const outcome = await ran(script, { name: 'rootless' });
    expect(outcome).toMatchObject({ exitCode: 3, errors: '', cgroup: '', statistics: {}, reason: 'stopped' });
    expect(outcome.output).toMatch(new RegExp(`^0\n0\n\\d\n 0 ${USER} 1\n 0 ${USER} 1\n0x9\nrootless\n$`));
    expect(outcome.warnings).toEqual(Array(4).fill(expect.stringContaining('no cgroup')));
  });

  it('may write in directories of the host, of which nothing is left', async () => {
    const name = `cofferdam-test-${process.pid}`;
    const places = [
      '/',
      '/etc',
      '/usr',
      '/tmp',
      '/var/tmp',
      '/root',
      '/home',
      '/run',
      '/dev/shm',
      '/var/log',
    ];
    const script = places.map((place) => `echo x > ${place}/${name} && cat ${place}/${name}`).join(' && ');
    expect(await ran(script)).toMatchObject({ exitCode: 0, output: 'x\n'.repeat(places.length) });
    for (const place of places) expect(readdirSync(place)).not.toContain(name);
  });

  it('has devices, /dev/stdout, and nothing that is hidden', async () => {
    const script =
      'head -c 1 /dev/zero | wc -c; echo > /dev/null; echo out > /dev/stdout; cat /etc/shadow; ls -A /tmp /root /run /home /var/log; ls -1 /dev';
    const { output, errors, exitCode } = await ran(script);
    expect({ errors, exitCode }).toEqual({ errors: '', exitCode: 0 });
    const [count, out, ...names] = output.split('\n');
    expect([count, out]).toEqual(['1', 'out']);
    expect(names.filter((name) => name !== '' && !name.endsWith(':')).sort()).toEqual(
      'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(' '),
    );
  });

  it('neither gets out by what root inside may do, nor reads what its maker may not', async () => {
    const { output, exitCode } = await ran(
      `mount -t tmpfs none /mnt && echo mounted; umount /etc/shadow && echo unmasked; unshare -U true && echo nested
       mknod /tmp/x b 8 0 && echo node; ls /proc/1/root/ && echo pid 1; echo 1 > /proc/sys/kernel/panic && echo sysctl
       chown 1:1 /tmp && echo chown; cat /proc/1/environ && echo environ; true`.replaceAll('\n', ';'),
    );
    expect({ output, exitCode }).toEqual({ output: '', exitCode: 0 });
  });

  it('sees what the host has mounted in a directory, read-only', async () => {
    const mounts = `
      set -e
      mount -t tmpfs none /var/cache; mkdir /var/cache/below; mount -t tmpfs none /var/cache/below
      echo mounted > /var/cache/below/file; chmod 777 /var/cache /var/cache/below
      exec "$@"`;
    const before = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mounts, 'sh'];
    const script = 'cat /var/cache/below/file; (echo > /var/x) 2>&1; (echo > /var/cache/below/x) 2>&1; echo';
    await using other = new Owner(before);
    const { output } = await other.ran(script);
    expect(output).toMatch(/^mounted\n.*Read-only file system\n.*Read-only file system\n/);
    const layers = { root: { layers: ['/var/cache'] } };
    expect(await other.ran('true', layers)).toMatchObject({
      field: 'root.layers[0]',
      message: expect.stringContaining('/var/cache/below'),
    });
    expect(
      await other.ran('cat /file; echo > /own', { root: { layers: ['/var/cache/below', '/usr'] } }),
    ).toMatchObject({ output: 'mounted\n', errors: '', exitCode: 0 });
  });

  it('leaves exports to who made it', async () => {
    const target = join(own, 'export');
    const { exports } = await ran('echo text > /var/x', {
      root: { exports: [{ source: '/var/x', target }] },
    });
    expect(exports).toMatchObject([{ files: 1 }]);
    expect(readFileSync(target, 'utf8')).toBe('text\n');
    expect(statSync(target).uid).toBe(USER);
  });

  it('has its one user under another number, where it is given one', async () => {
    const map = [`1000 ${USER} 1`];
    const outcome = await ran('id -u; id -g; echo > /x; stat -c "%u %g" /x /tmp', {
      user: 1000,
      security: { uid_map: map, gid_map: map },
    });
    expect(outcome).toMatchObject({ output: '1000\n1000\n1000 1000\n1000 1000\n', exitCode: 0 });
  });

  it('what takes root is refused by its field, and what to give instead', async () => {
    for (const [field, config] of REFUSED)
      expect(await ran('true', config)).toMatchObject({
        code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
        field,
        message: expect.stringMatching(/; give .+/),
      });
    const unlimited = { resource_limits: { memory: { max: 'max' } } };
    expect(await ran('true', unlimited)).toMatchObject({ reason: 'stopped' });
  });
});

/** A system with a daemon; its owner says the pid of its pid 1. */
const HOLD = `
  const { System } = await import(process.env.COFFERDAM_TEST_DIST);
  const box = await System.create();
  await box.run(['sh', '-c', process.argv[1]], { stdio: 'ignore' });
  console.log(box.pid);
  await box.ended();`;

const statusOf = (pid: number, key: string): number =>
  Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

it.each(['owner', 'supervisor', 'both', 'janitor as well', 'init'])(
  'nothing is left where %s is killed',
  async (target) => {
    const daemons = '(setsid sleep 1000 &) ; (trap "" TERM HUP; sleep 1000) & sleep 1000 & kill -STOP $!; :';
    const child = asUser(HOLD, [daemons]);
    const [line] = await once(child.stdout, 'data');
    const init = Number(line);
    const supervisor = statusOf(init, 'PPid');
    const owner = statusOf(supervisor, 'PPid');
    const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8')
      .trim()
      .split(' ');
    const janitor = children.map(Number).find((pid) => pid !== init);
    // 0 would be all of us.
    if (janitor === undefined) throw new Error(`${supervisor} has no janitor`);
    expect(ofUser().length).toBeGreaterThanOrEqual(6);
    const killed: Record<string, readonly number[]> = {
      owner: [owner],
      supervisor: [supervisor],
      both: [supervisor, owner],
      'janitor as well': [janitor, supervisor, owner],
      init: [init],
    };
    for (const pid of killed[target] ?? []) process.kill(pid, 'SIGKILL');
    await eventually('nobody is left', () => ofUser().length === 0);
  },
);
