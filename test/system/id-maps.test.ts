// Systems whose root is somebody else on the host: who is who, whose files are whose, and that nothing is left of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { type RunOptions, System, type Terminal } from '../../src/system/index.ts';
import { eventually, mount, pidsIn } from '../support/cgroup.ts';
import { compiledUrl } from '../support/compiled.ts';

const GROUP = `cofferdam-test-maps-${process.pid}`;
/** Nobody's on this host. */
const BASE = 1_000_000_000 + process.pid;
const SHIFTED = { uid_map: [`0 ${BASE} 65536`], gid_map: [`0 ${BASE + 1} 65536`] };

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'cofferdam-maps-')));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => eventually('nothing is left', () => !existsSync(join(mount, GROUP))));

let count = 0;
const create = ({ security, ...more }: SystemConfig = {}): Promise<System> =>
  System.create({
    name: `box-${++count}`,
    group: GROUP,
    lifecycle: { cleanup_delay: 0 },
    security: { ...SHIFTED, ...security },
    ...more,
  });

async function said(box: Pick<System, 'start'>, script: string, options: RunOptions = {}): Promise<string> {
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const output = await text(command.stdout ?? (command.terminal as Terminal | undefined) ?? ([] as never));
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  return output.trim().replaceAll('\r\n', '\n');
}

/** Uid and gid of a process, as the host counts: real, effective, saved and of the file system; its groups. */
function idsOf(pid: number): string[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return ['Uid', 'Gid', 'Groups'].map((key) =>
    (new RegExp(`^${key}:(.*)$`, 'm').exec(status)?.[1] ?? '').trim().replaceAll('\t', ' '),
  );
}

const four = (id: number): string => Array(4).fill(id).join(' ');

describe('root of a system that is somebody else outside', () => {
  it('is pid 1 and its programs, which are root inside', async () => {
    await using box = await create();
    expect(idsOf(box.pid)).toEqual([four(BASE), four(BASE + 1), '']);
    expect(await said(box, 'id -u; id -g; id -G; grep -h Uid /proc/1/status')).toBe(
      '0\n0\n0\nUid:\t0\t0\t0\t0',
    );
    await box.start(['sleep', '1000'], { stdio: 'ignore', user: { uid: 7, gid: 8 } });
    const [program = 0] = pidsIn(mount + box.cgroup).filter((pid) => pid !== box.pid);
    expect(idsOf(program)).toEqual([four(BASE + 7), four(BASE + 9), '']);
  });

  it.each(['tmpfs', 'disk'])(
    "has what is its own on %s, and only looks at what is the host's",
    async (kind) => {
      const upper = kind === 'disk' ? mkdtempSync(join(scratch, 'upper-')) : 'tmpfs';
      await using box = await create({ root: { upper } });
      const own = ['/', '/tmp', '/var/tmp', '/run', '/root', '/home', '/dev', '/dev/pts', '/dev/shm'];
      expect(await said(box, `stat -c '%u %g' ${own.join(' ')} /dev/ptmx -L`)).toBe(
        Array(own.length + 1)
          .fill('0 0')
          .join('\n'),
      );
      const places = ['/', '/tmp/', '/var/tmp/', '/run/', '/root/', '/home/', '/dev/', '/dev/shm/'];
      const writes = places.map((place) => `mkdir ${place}x && echo x > ${place}x/y && cat ${place}x/y`);
      expect(await said(box, writes.join(' && '))).toBe(places.map(() => 'x').join('\n'));
      expect(await said(box, `stat -c %u /etc /etc/passwd; (echo > /etc/x) 2>&1 | grep -c denied`)).toBe(
        '65534\n65534\n1',
      );
      expect(await said(box, 'cat /dev/null > /dev/null; head -c 1 /dev/zero | wc -c; id -un')).toBe(
        '1\nroot',
      );
      if (kind === 'tmpfs') return;
      const [directory = ''] = readdirSync(upper);
      expect(statSync(join(upper, directory, 'upper-0/x/y'))).toMatchObject({ uid: BASE, gid: BASE + 1 });
      expect(statSync(join(upper, directory))).toMatchObject({ uid: process.geteuid?.(), mode: 0o40700 });
    },
  );

  it('does not read what the host keeps to its root', async () => {
    const directory = mkdtempSync(join(scratch, 'kept-'));
    writeFileSync(join(directory, 'secret'), 'of the host', { mode: 0o600 });
    chmodSync(directory, 0o755);
    const binds = [{ source: directory, target: '/run/kept', read_only: false }];
    await using box = await create({ root: { binds } });
    expect(await said(box, '(cat /run/kept/secret; echo > /run/kept/x) 2>&1 | grep -c denied')).toBe('2');
    expect(readdirSync(directory)).toEqual(['secret']);
  });

  it('has bound what only root of the host reaches, at a place that was not there', async () => {
    const closed = mkdtempSync(join(scratch, 'closed-'));
    const open = join(closed, 'open');
    mkdirSync(open);
    chmodSync(closed, 0o700);
    chmodSync(open, 0o777);
    const binds = ['/run/deep', '/usr/share/maps', '/dev/shm/maps'].map((target) => ({
      source: open,
      target,
      read_only: false,
    }));
    await using box = await create({ root: { binds } });
    await said(
      box,
      'echo text > /run/deep/file; cat /usr/share/maps/file /dev/shm/maps/file; echo text > /run/beside',
    );
    expect(statSync(join(open, 'file'))).toMatchObject({ uid: BASE, gid: BASE + 1 });
  });

  it('opens /dev/stdout and /dev/stderr, as does everybody else inside', async () => {
    await using box = await create();
    const script = 'echo out > /dev/stdout; echo error > /dev/stderr; cat /dev/stdin';
    for (const user of [undefined, { uid: 7, gid: 7 }]) {
      const options = user && { user };
      expect(await said(box, 'echo out > /dev/stdout; tty', { stdio: 'pty', ...options })).toBe(
        'out\n/dev/pts/0',
      );
      const command = await box.start(['sh', '-c', script], { stdio: 'pipe', ...options });
      command.stdin?.end('in\n');
      const streams = [command.stdout as Readable, command.stderr as Readable];
      expect(await Promise.all(streams.map((one) => text(one)))).toEqual(['out\nin\n', 'error\n']);
    }
  });

  it('is the same for who comes from elsewhere', async () => {
    await using box = await create({ name: 'visited' });
    await using visitor = await System.attach(`${GROUP}/visited`);
    const script = 'id; cat /proc/self/uid_map /proc/self/gid_map; echo > /tmp/x; stat -c %u /tmp/x';
    expect(await said(visitor, script)).toBe(await said(box, script));
  });

  it('leaves exports to the owner', async () => {
    const target = join(scratch, 'export');
    const box = await create({ root: { exports: [{ source: '/tmp/x', target }] } });
    expect(await said(box, 'echo text > /tmp/x; chmod 600 /tmp/x')).toBe('');
    const { exports } = await box.stop({ gracePeriod: 0 });
    expect(exports).toMatchObject([{ files: 1, error: undefined }]);
    expect(readFileSync(target, 'utf8')).toBe('text\n');
    expect(statSync(target)).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
  });
});

it('a map without root has a system of who its programs run as', async () => {
  const security = { uid_map: [`1000 ${BASE} 1`], gid_map: [`1000 ${BASE} 1`] };
  await using box = await create({ user: 1000, security });
  expect(idsOf(box.pid)).toEqual([four(BASE), four(BASE), '']);
  expect(await said(box, 'id -u; echo > /tmp/x; stat -c "%u %g" /tmp/x /tmp /')).toBe(
    '1000\n1000 1000\n1000 1000\n1000 1000',
  );
  expect(await said(box, 'tty', { stdio: 'pty' })).toBe('/dev/pts/0');
});

it('a map of one kind leaves the other as it is', async () => {
  const { uid_map } = SHIFTED;
  await using box = await System.create({ name: 'half', group: GROUP, security: { uid_map } });
  expect(idsOf(box.pid)).toEqual([four(BASE), four(0), '']);
  expect(await said(box, 'echo > /tmp/x; stat -c "%u %g" /tmp/x /etc')).toBe('0 0\n65534 0');
});

/** Everybody on the host who is root of such a system. */
const ofOurs = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return idsOf(pid)[0] === four(BASE);
      } catch {
        return false;
      }
    });

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

it.each(['owner', 'supervisor', 'both', 'init'])('nothing is left where %s is killed', async (target) => {
  const script = `
    import { System } from '${compiledUrl('index.js')}';
    const box = await System.create({ name: 'killed', group: '${GROUP}', security: ${JSON.stringify(SHIFTED)} });
    await box.run(['sh', '-c', '(setsid sleep 1000 &) ; sleep 1000 & :'], { stdio: 'ignore' });
    console.log(box.pid);
    await box.ended();
    console.log('ended');`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(owner.stdout, 'data');
  const init = Number(line);
  expect(ofOurs().length).toBeGreaterThanOrEqual(3);
  const supervisor = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${init}/status`, 'utf8'))?.[1]);
  expect(childrenOf(owner.pid ?? 0)).toContain(supervisor);
  const killed = { owner: [owner.pid ?? 0], supervisor: [supervisor], both: [supervisor, owner.pid ?? 0] };
  for (const pid of killed[target as keyof typeof killed] ?? [init]) process.kill(pid, 'SIGKILL');
  await eventually('nobody is left', () => ofOurs().length === 0);
  if (owner.exitCode === null && owner.signalCode === null) await once(owner, 'exit');
});

it('ids that a process does not have itself are not for it to pass on', async () => {
  const script = `
    import { System } from '${compiledUrl('index.js')}';
    const refused = await System.create({ security: { uid_map: ['0 0 1', '1 100000 5'] } }).catch((error) => error);
    console.log(JSON.stringify({ code: refused.code, message: refused.message }));`;
  const child = spawn(
    'unshare',
    ['--user', '--map-root-user', process.execPath, '--input-type=module', '--eval', script],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  expect(JSON.parse(await text(child.stdout))).toEqual({
    code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
    message: 'security.uid_map[1]: "100000 to 100004" is not for this process to pass on; give ids of 0 to 0',
  });
});
