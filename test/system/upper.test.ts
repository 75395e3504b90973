import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { readStatus } from '../../src/process/identity.ts';
import { reclaimSystems, System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

const GROUP = `cofferdam-upper-${process.pid}`;
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'cofferdam-upper-')));
let upper: string;
let count = 0;

beforeEach(() => {
  upper = join(scratch, `disk-${++count}`);
  mkdirSync(upper);
});
afterEach(() => eventually('nothing is left', () => !existsSync(join(mount, GROUP))));
afterAll(() => rmSync(scratch, { recursive: true }));

const create = (name: string) =>
  System.create({ name, group: GROUP, root: { upper }, lifecycle: { cleanup_delay: 0 } });

it('what a system writes on disk goes with it', async () => {
  await using box = await create('one');
  const script = 'mkdir -p /var/x; head -c 1M /dev/zero > /var/x/file; ln -s / /var/x/link; chmod 0 /var/x';
  expect(await box.run(['sh', '-c', script], { stdio: 'ignore' })).toMatchObject({ exitCode: 0 });
  const [name = '', record] = readdirSync(upper).sort();
  expect(name).toMatch(/^cofferdam-one-[0-9a-f]{8}$/);
  expect(record).toBe(`${name}.owner`);
  expect(JSON.parse(readlinkSync(join(upper, `${name}.owner`)))).toMatchObject({
    system: 'one',
    pid: process.pid,
  });
  expect(existsSync(join(upper, name, 'upper-0/var/x/file'))).toBe(true);
  await box.stop({ gracePeriod: 0 });
  expect(readdirSync(upper)).toEqual([]);
});

it('two have nothing of each other, nor of those before', async () => {
  await using one = await create('one');
  await using two = await create('two');
  await one.run(['sh', '-c', 'echo > /var/x'], { stdio: 'ignore' });
  expect((await two.run(['test', '-e', '/var/x'], { stdio: 'ignore' })).exitCode).toBe(1);
  await one.stop({ gracePeriod: 0 });
  await using three = await create('one');
  expect((await three.run(['test', '-e', '/var/x'], { stdio: 'ignore' })).exitCode).toBe(1);
});

it('directories deeper than a path can say go with it', async () => {
  await using box = await create('deep');
  const script = `
    process.chdir('/var');
    for (let i = 0; i < 2200; i++) {
      require('fs').mkdirSync('d');
      process.chdir('d');
    }`;
  expect((await box.run([process.execPath, '-e', script], { stdio: 'inherit' })).exitCode).toBe(0);
  await box.stop({ gracePeriod: 0 });
  expect(readdirSync(upper)).toEqual([]);
});

it('one that never came to be leaves nothing', async () => {
  const config = { name: 'no', group: GROUP, root: { upper, binds: ['/usr/nonexistent:/var/x'] } };
  await expect(System.create(config)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readdirSync(upper)).toEqual([]);
  const missing = join(upper, 'missing');
  await expect(System.create({ ...config, root: { upper: missing } })).rejects.toMatchObject({
    code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
    field: 'root.upper',
    value: missing,
  });
});

type Role = 'owner' | 'supervisor' | 'janitor';

/** A system on disk whose `roles` are killed; its directory. */
async function orphan(roles: readonly Role[] = ['janitor', 'supervisor', 'owner']): Promise<string> {
  const script = `
    import { System } from '${compiledUrl('index.js')}';
    const box = await System.create({ name: 'orphan', group: '${GROUP}', root: { upper: '${upper}' } });
    await box.run(['sh', '-c', 'echo > /var/x'], { stdio: 'ignore' });
    console.log('ready');
    setInterval(() => {}, 1000);`;
  const before = new Set(readdirSync(upper));
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  const [name = ''] = readdirSync(upper)
    .sort()
    .filter((one) => !before.has(one));
  expect(existsSync(join(upper, name, 'upper-0/var/x'))).toBe(true);
  const childrenOf = (pid: number | undefined): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  const called = (pid: number, comm: string): boolean =>
    readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith(comm);
  const childOf = async (parent: number | undefined, comm: string): Promise<number> => {
    let child: number | undefined;
    const find = (): boolean => {
      child = childrenOf(parent).find((pid) => called(pid, comm));
      return child !== undefined;
    };
    // It gives itself its name.
    await eventually(`${parent} has a child ${comm}`, find);
    return child as unknown as number;
  };
  const supervisor = await childOf(owner.pid, 'cofferdam-super');
  const pids = {
    owner: owner.pid as number,
    supervisor,
    janitor: await childOf(supervisor, 'cofferdam-janit'),
  };
  const exit = once(owner, 'exit');
  // Or else it may have another janitor before it is killed.
  if (roles.includes('janitor')) process.kill(supervisor, 'SIGSTOP');
  for (const role of roles) process.kill(pids[role], 'SIGKILL');
  await exit;
  // A zombie has no fds any more, and so no leases.
  await eventually('they have ended', () => roles.every((role) => hasEnded(pids[role])));
  return join(upper, name);
}

function hasEnded(pid: number): boolean {
  try {
    return readStatus(pid).state === 'Z';
  } catch {
    return true;
  }
}

it.each<[string, Role[]]>([
  ['its owner', ['owner']],
  ['its owner and its supervisor', ['supervisor', 'owner']],
])('is removed by whoever is left when %s is killed', async (_, roles) => {
  await orphan(roles);
  await eventually('it is gone', () => readdirSync(upper).length === 0);
});

it('the next start removes exactly what the killed have left', async () => {
  await using living = await create('living');
  const [own = ''] = readdirSync(upper).sort();
  // Alike but for the record; one with the record of somebody who lives, one with nonsense, and a link to one that is ours.
  const bystander = join(upper, 'cofferdam-orphan-01234567');
  const foreign = join(upper, 'cofferdam-orphan-89abcdef');
  const broken = join(upper, 'cofferdam-broken');
  for (const path of [bystander, foreign, broken]) mkdirSync(path);
  writeFileSync(join(bystander, 'file'), 'mine');
  symlinkSync(readlinkSync(join(upper, `${own}.owner`)), `${foreign}.owner`);
  symlinkSync('{ "version": 2 }', `${broken}.owner`);
  const left = await orphan();
  const link = join(upper, 'cofferdam-link');
  symlinkSync(left, link);
  await using next = await create('next');
  // Whoever starts on this host meanwhile may be at it already.
  await eventually(
    'it is removed',
    () => !existsSync(left) && !readdirSync(upper).includes(basename(`${left}.owner`)),
  );
  rmSync(link);
  for (const path of [bystander, foreign, broken, join(upper, own)]) expect(existsSync(path)).toBe(true);
  expect(readFileSync(join(bystander, 'file'), 'utf8')).toBe('mine');
  await living.run(['true'], { stdio: 'ignore' });
  await next.stop({ gracePeriod: 0 });
  await reclaimSystems();
});

it('reclaimSystems finds it by the cgroup', async () => {
  let removed: string[] = [];
  // Whoever makes his first system on this host just now may be faster.
  for (let round = 0; removed.length === 0 && round < 5; round++) {
    const left = await orphan();
    removed = (await reclaimSystems()).filter((path) => path.includes(GROUP));
    await eventually('it is removed', () => !existsSync(left));
  }
  expect(removed).not.toEqual([]);
});

it('whose maker was killed at any moment is removed: the record is there first, and goes last', async () => {
  const record = JSON.stringify({
    version: 1,
    system: 'gone',
    pid: 1,
    startTime: 1,
    bootId: 'of another life',
  });
  const [none, empty, foreign] = ['none', 'empty', 'foreign'].map((name) =>
    join(upper, `cofferdam-${name}-01234567`),
  );
  for (const path of [none, empty, foreign]) symlinkSync(record, `${path}.owner`);
  for (const path of [empty, foreign]) mkdirSync(path as string);
  // A record of ours about a directory of somebody else's.
  lchownSync(foreign as string, 65534, 65534);
  await using next = await create('next');
  const left = readdirSync(upper).filter((name) => !name.startsWith('cofferdam-next-'));
  expect(left.sort()).toEqual([basename(foreign as string), basename(`${foreign}.owner`)]);
  await next.stop({ gracePeriod: 0 });
});

it('what cannot be removed stays, and keeps nobody from having a system', async () => {
  const record = { version: 1, system: 'gone', pid: 1, startTime: 1, bootId: 'of another life' };
  const nobody = 65534;
  const [stuck = '', gone = ''] = ['cofferdam-a-01234567', 'cofferdam-b-01234567'].map((name) =>
    join(upper, name),
  );
  for (const path of [stuck, gone]) {
    mkdirSync(path);
    mkdirSync(join(path, 'work'));
    symlinkSync(JSON.stringify(record), `${path}.owner`);
    for (const owned of [path, join(path, 'work'), `${path}.owner`]) lchownSync(owned, nobody, nobody);
  }
  // Of root: whoever is nobody may not empty it.
  mkdirSync(join(stuck, 'work/foreign'));
  writeFileSync(join(stuck, 'work/foreign/file'), '');
  chownSync(upper, nobody, nobody);
  const { code, stdout, stderr } = await runModule(`
    const { reclaimUppers } = await import('${compiledUrl('system/upper.js')}');
    // Nobody may come here by the path.
    process.chdir('${upper}');
    process.setgroups([]); process.setgid(${nobody}); process.setuid(${nobody});
    console.log(JSON.stringify(await reclaimUppers('.')));
  `);
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual([basename(gone)]);
  expect(readdirSync(upper).sort()).toEqual([basename(stuck), basename(`${stuck}.owner`)]);
  expect(existsSync(gone)).toBe(false);
});
