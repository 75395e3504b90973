import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { type ExportResult, System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledUrl } from '../support/compiled.ts';

const GROUP = `cofferdam-exports-${process.pid}`;
const host = realpathSync(mkdtempSync(join(tmpdir(), 'cofferdam-exports-')));
let count = 0;

afterAll(() => rmSync(host, { recursive: true }));
afterEach(() => {
  expect(existsSync(join(mount, GROUP))).toBe(false);
  // Nothing half-done, whatever happened.
  expect(namesBelow(host).filter((name) => name.includes('.cofferdam-export'))).toEqual([]);
});

/** readdir's own `recursive` follows links, of which one leads to where it is; which ones depends on Node. */
function namesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => [
    entry.name,
    ...(entry.isDirectory() ? namesBelow(join(directory, entry.name)) : []),
  ]);
}

/** What becomes of `source` once `script` has run in a system. */
async function exported(script: string, source: string, more: SystemConfig = {}): Promise<ExportResult> {
  const target = join(host, `target-${++count}`);
  const { root = {}, ...rest } = more;
  const exports = [{ source, target }];
  const box = await System.create({
    name: `box-${count}`,
    group: GROUP,
    root: { ...root, exports },
    ...rest,
  });
  const { exitCode } = await box.run(['sh', '-euc', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  expect(exitCode).toBe(0);
  const end = await box.stop({ gracePeriod: 0 });
  expect(end.exports).toHaveLength(1);
  return end.exports[0] as ExportResult;
}

describe('an export', () => {
  it('is a file, as it was at the end', async () => {
    const { target, ...result } = await exported('echo text > /tmp/x; chmod 640 /tmp/x', '/tmp/x');
    expect(result).toMatchObject({ files: 1, bytes: 5, leftOut: 0, error: undefined });
    expect(readFileSync(target, 'utf8')).toBe('text\n');
    expect(statSync(target).mode & 0o7777).toBe(0o640);
    expect(statSync(target).uid).toBe(process.geteuid?.());
  });

  it('is a directory with all that is in it', async () => {
    const script = `mkdir -p /var/work/a/b; cd /var/work; echo 1 > a/one; echo 2 > a/b/two; ln -s ../one a/b/link; mkdir empty; chmod 555 a/b`;
    const { target, error, files } = await exported(script, '/var/work');
    expect(error).toBeUndefined();
    expect(files).toBe(7);
    expect(readFileSync(join(target, 'a/b/two'), 'utf8')).toBe('2\n');
    expect(readFileSync(join(target, 'a/b/link'), 'utf8')).toBe('1\n');
    expect(readdirSync(join(target, 'empty'))).toEqual([]);
    expect(statSync(join(target, 'a/b')).mode & 0o7777).toBe(0o555);
  });

  it('comes from a tmpfs, an overlay, and a bind', async () => {
    const bound = join(host, 'bound');
    mkdirSync(bound);
    const binds = [{ source: bound, target: '/var/mnt' }];
    for (const place of ['/dev/shm/x', '/var/x', '/run/x', '/var/mnt/x']) {
      const { target, error } = await exported(`echo ${place} > ${place}`, place, { root: { binds } });
      expect(error).toBeUndefined();
      expect(readFileSync(target, 'utf8')).toBe(`${place}\n`);
    }
  });

  it('takes the place of a file, and of an empty directory', async () => {
    const file = join(host, `target-${count + 1}`);
    writeFileSync(file, 'before');
    expect((await exported('echo after > /tmp/x', '/tmp/x')).error).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe('after\n');
    mkdirSync(join(host, `target-${count + 1}`));
    const { target, error } = await exported('mkdir /tmp/d; echo after > /tmp/d/x', '/tmp/d');
    expect(error).toBeUndefined();
    expect(readFileSync(join(target, 'x'), 'utf8')).toBe('after\n');
  });

  it('leaves a directory with something in it as it is', async () => {
    const full = join(host, `target-${count + 1}`);
    mkdirSync(full);
    writeFileSync(join(full, 'mine'), '');
    const { error } = await exported('mkdir /tmp/d', '/tmp/d');
    expect(error).toMatchObject({
      code: 'ERR_COFFERDAM_EXPORT',
      field: 'root.exports[0]',
      value: { source: '/tmp/d', target: full },
      remedy: 'a target that is not there yet, or an empty directory',
      cause: { code: 'ENOTEMPTY', syscall: 'renameat' },
    });
    expect(readdirSync(full)).toEqual(['mine']);
  });

  it('keeps holes as holes', async () => {
    const { target, error, bytes } = await exported('truncate -s 64M /tmp/x; echo end >> /tmp/x', '/tmp/x');
    expect(error).toBeUndefined();
    expect(bytes).toBe((64 << 20) + 4);
    expect(statSync(target).size).toBe((64 << 20) + 4);
    expect(statSync(target).blocks * 512).toBeLessThan(1 << 20);
  });

  it('is taken at a timeout, and by await using', async () => {
    const target = join(host, 'timely');
    const root = { exports: [{ source: '/tmp/x', target }] };
    const config = { name: 'timely', group: GROUP, root, lifecycle: { timeout: 3, grace_period: 0 } };
    await using late = await System.create(config);
    await late.start(['sh', '-c', 'echo late > /tmp/x; sleep 60'], { stdio: 'ignore' });
    expect(await late.ended()).toMatchObject({ reason: 'timeout', exports: [{ error: undefined }] });
    expect(readFileSync(target, 'utf8')).toBe('late\n');
    {
      await using box = await System.create({ ...config, name: 'used', lifecycle: {} });
      await box.run(['sh', '-c', 'echo used > /tmp/x'], { stdio: 'ignore' });
    }
    expect(readFileSync(target, 'utf8')).toBe('used\n');
  });

  it('is not taken where pid 1 was killed, and the result says so', async () => {
    const target = join(host, 'never');
    const box = await System.create({ name: 'init', group: GROUP, root: { exports: [`/tmp:${target}`] } });
    process.kill(box.pid, 'SIGKILL');
    const end = await box.ended();
    expect(end).toMatchObject({ reason: 'init', exports: [{ source: '/tmp', target, files: 0 }] });
    expect(end.exports[0]?.error?.message).toContain('the system ended by init');
    expect(existsSync(target)).toBe(false);
    box.close();
  });
});

describe('an export is refused', () => {
  it('before anything is made, where it could never be written', async () => {
    const create = (root: NonNullable<SystemConfig['root']>) =>
      System.create({ name: 'no', group: GROUP, root });
    await expect(create({ exports: [`/tmp/x:${host}/nowhere/x`] })).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'root.exports[0].target',
      value: `${host}/nowhere/x`,
    });
    await expect(create({ binds: [`${host}:/host`], exports: [`/tmp/x:${host}/x`] })).rejects.toMatchObject({
      field: 'root.exports[0].target',
      remedy: 'a path elsewhere, or a bind that is read-only',
    });
  });

  it('without a pid namespace', async () => {
    const namespaces = ['mount', 'user', 'net', 'uts', 'ipc', 'cgroup'] as const;
    const config = { security: { namespaces }, root: { exports: [`/tmp/x:${host}/x`] } };
    await expect(System.create(config)).rejects.toThrow(/needs the pid namespace/);
  });

  it.each([
    ['that is not there', 'true', 'ENOENT'],
    ['that is a FIFO', 'mkfifo /tmp/x', 'EINVAL'],
    ['of the kernel', 'ln -s /proc/version /tmp/x', 'EINVAL'],
    ['that is larger than all exports may be', 'truncate -s 1T /tmp/x', 'EFBIG'],
    ['that is a link to itself', 'ln -s x /tmp/x', 'ELOOP'],
    [
      'that is too deep',
      'cd /tmp; i=0; mkdir x; cd x; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done',
      'ENAMETOOLONG',
    ],
  ])('of something %s', async (_, script, code) => {
    const { error, target } = await exported(script, '/tmp/x');
    expect(error).toMatchObject({ code: 'ERR_COFFERDAM_EXPORT', cause: { code } });
    expect(existsSync(target)).toBe(false);
  });
});

describe('whoever is inside cannot have anything of the host exported:', () => {
  const secret = join(host, 'secret');
  writeFileSync(secret, 'of the host');

  /** Texts of all files in an exported tree, following links as a reader on the host would. */
  function texts(target: string, seen = new Set<string>()): string[] {
    const status = statSync(target, { throwIfNoEntry: false });
    if (status === undefined || seen.has(realpathSync(target))) return [];
    seen.add(realpathSync(target));
    if (!status.isDirectory()) return [readFileSync(target, 'utf8')];
    return readdirSync(target).flatMap((name) => texts(join(target, name), seen));
  }
  const held = (target: string) => texts(target).join('\n');

  it.each([
    ['a link to a file of the host', `ln -s ${secret} /tmp/x`],
    ['a link up and out', `ln -s ../../../../../..${secret} /tmp/x`],
    ['a link by /proc/1/root', `ln -s /proc/1/root${secret} /tmp/x`],
    ['a link by /proc/self/fd', `ln -s /proc/self/fd/3${secret} /tmp/x`],
    ['a link to /etc/shadow', 'ln -s /etc/shadow /tmp/x'],
    ['a directory that is a link', `ln -s ${host} /tmp/x`],
    ['links in a directory', `mkdir /tmp/x; ln -s ${secret} /tmp/x/a; ln -s ../../../..${secret} /tmp/x/b`],
    ['a link by another link', `mkdir -p /tmp/x/a/b; cd /tmp/x; ln -s . here; ln -s here/../..${secret} out`],
  ])('%s', async (_, script) => {
    const { target } = await exported(script, '/tmp/x');
    expect(held(target)).not.toContain('of the host');
    expect(held(target)).not.toContain('root:');
  });

  it('links that lead out are left out, and counted', async () => {
    const script = `mkdir -p /tmp/x/d; cd /tmp/x; ln -s /etc/passwd a; ln -s ../y b; ln -s ../.. d/c; ln -s ../in d/in; echo > in`;
    const { target, leftOut, error } = await exported(script, '/tmp/x');
    expect(error).toBeUndefined();
    expect(leftOut).toBe(3);
    expect(readdirSync(target).sort()).toEqual(['d', 'in']);
    expect(readlinkSync(join(target, 'd/in'))).toBe('../in');
  });

  it('devices, FIFOs and sockets are left out, and nobody waits for them', async () => {
    const script = `mkdir /tmp/x; cd /tmp/x; mkfifo fifo; echo > file; perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("socket"))'`;
    const { target, leftOut, error } = await exported(script, '/tmp/x');
    expect(error).toBeUndefined();
    expect(leftOut).toBe(2);
    expect(readdirSync(target)).toEqual(['file']);
  });

  it('set-user-ID bits do not come along', async () => {
    const { target } = await exported('cp /bin/true /tmp/x; chmod 6755 /tmp/x', '/tmp/x');
    expect(statSync(target).mode & 0o7777).toBe(0o755);
    const directory = await exported('mkdir /tmp/x; chmod 3777 /tmp/x', '/tmp/x');
    expect(statSync(directory.target).mode & 0o7777).toBe(0o777);
  });

  it('a hard link is a file of its own', async () => {
    const { target } = await exported('mkdir /tmp/x; cd /tmp/x; echo > a; ln a b', '/tmp/x');
    expect(statSync(join(target, 'a')).nlink).toBe(1);
  });

  it('what its user may not read', async () => {
    const layer = mkdtempSync(join(host, 'layer-'));
    mkdirSync(join(layer, 'kept'), { mode: 0o700 });
    writeFileSync(join(layer, 'kept/secret'), 'of root', { mode: 0o600 });
    for (const [source, target] of [
      ['usr/bin', 'bin'],
      ['usr/lib', 'lib'],
      ['usr/lib64', 'lib64'],
    ])
      symlinkSync(source as string, join(layer, target as string));
    mkdirSync(join(layer, 'var'));
    const root = { layers: [layer], binds: ['/usr:/usr:ro'] };
    for (const script of ['ln -s ../kept/secret /tmp/x', 'mkdir /tmp/x; ln -s ../../kept /tmp/x/kept']) {
      const { target } = await exported(script, '/tmp/x', { root, user: 1000 });
      expect(held(target)).not.toContain('of root');
    }
  });

  it('by a race of links in a directory that somebody else still writes to', async () => {
    const shared = join(host, 'shared');
    mkdirSync(shared);
    // Another system, which lives on.
    await using rival = await System.create({
      name: 'rival',
      group: GROUP,
      root: { binds: [`${shared}:/s`] },
    });
    const loop = `cd /s; while :; do ln -sfn ${secret} x; rm -rf x; echo mine > x; mkdir -p y; rm -rf y; ln -sfn ${host} y; rm -f y; done`;
    await rival.start(['sh', '-c', loop], { stdio: 'ignore' });
    const began = performance.now();
    while (performance.now() - began < 3000) {
      for (const source of ['/s/x', '/s/y', '/s']) {
        const { target } = await exported('true', source, { root: { binds: [`${shared}:/s`] } });
        expect(held(target)).not.toContain('of the host');
        rmSync(target, { recursive: true, force: true });
      }
      await sleep(1);
    }
  }, 60_000);
});

it('an owner who dies has nothing exported, and nothing half-done', async () => {
  const target = join(host, 'orphan');
  const module = compiledUrl('index.js');
  const script = `
    import { System } from '${module}';
    const box = await System.create({ name: 'orphan', group: '${GROUP}', root: { exports: ['/tmp:${target}'] } });
    await box.run(['sh', '-c', 'head -c 64M /dev/zero > /tmp/x'], { stdio: 'ignore' });
    process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  await eventually('it has ended', () => !existsSync(join(mount, GROUP)), 30_000);
  expect(existsSync(target)).toBe(false);
});
