import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TcClass, TcClassInput } from '../../src/route/class.ts';
import { World } from '../support/diff.ts';

/** Classes of HTB on the real kernel. */

let world: World;
const tc = (...args: string[]): string =>
  execFileSync('tc', ['-n', world.name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(async () => {
  world = await World.open();
  world.batch([
    'link add veth0 type veth peer name veth1',
    'link add veth2 numtxqueues 2 numrxqueues 2 type veth peer name veth3',
    ...[0, 1, 2, 3].map((i) => `link set veth${i} up`),
  ]);
  tc('qdisc', 'add', 'dev', 'veth0', 'root', 'handle', '1:', 'htb');
  tc('qdisc', 'add', 'dev', 'veth1', 'root', 'handle', '2:', 'htb');
  tc('qdisc', 'replace', 'dev', 'veth2', 'root', 'handle', '3:', 'mq');
});
afterAll(() => world[Symbol.asyncDispose]());

function lasting({ stats: _, ...rest }: TcClass): object {
  return rest;
}

describe('rt.class', () => {
  const CASES: readonly [NonNullable<TcClassInput['htb']>, string][] = [
    [{ rate: 125_000 }, 'rate 1Mbit ceil 1Mbit linklayer ethernet burst 1600b/1'],
    [{ rate: 12_500_000, ceil: 5_000_000_000, burst: 15_360, quantum: 3000 }, 'rate 100Mbit ceil 40Gbit'],
    [{ rate: 625_000, overhead: 4, mpu: 64, linklayer: 'atm', prio: 7 }, 'prio 7'],
    [{ rate: 10_000_000_000, ceil: 20_000_000_000, quantum: 60_000 }, 'rate 80Gbit ceil 160Gbit'],
    [{ rate: 1, burst: 10_000, cburst: 20_001, mtu: 9000 }, 'rate 8bit ceil 8bit'],
    [{ rate: 777_777, cell: 32, ccell: 64, burst: 4321 }, 'burst'],
  ];
  for (const [htb, said] of CASES)
    it(`goes there and back: ${JSON.stringify(htb)}`, async () => {
      const { rt } = world;
      await rt.class.add({ dev: 'veth0', parent: '1:', classid: '1:10', kind: 'htb', htb });
      const look = () => tc('-d', 'class', 'show', 'dev', 'veth0');
      const before = look();
      expect(before).toContain(said);
      const listed = await rt.class.get({ dev: 'veth0', classid: '1:10' });
      await rt.class.del(listed);
      expect(await rt.class.list({ dev: 'veth0' })).toEqual([]);
      await rt.class.add(listed);
      expect(lasting(await rt.class.get({ dev: 'veth0', classid: '1:10' }))).toEqual(lasting(listed));
      expect(look()).toBe(before);
      await rt.class.del(listed);
    });

  it('finds the classes of all links, of one discipline, below one class', async () => {
    const { rt } = world;
    const add = (dev: string, parent: string, classid: string) =>
      rt.class.add({ dev, parent, classid, kind: 'htb', htb: { rate: 125_000 } });
    await add('veth0', '1:', '1:1');
    await add('veth0', '1:1', '1:10');
    await add('veth0', '1:1', '1:11');
    await add('veth1', '2:', '2:1');
    await rt.qdisc.add({ dev: 'veth0', parent: '1:10', handle: '10:', kind: 'pfifo' });
    const names = (list: readonly TcClass[]) => list.map(({ dev, classid }) => `${dev} ${classid}`).sort();
    expect(names(await rt.class.list())).toEqual([
      'veth0 1:1',
      'veth0 1:10',
      'veth0 1:11',
      'veth1 2:1',
      'veth2 3:1',
      'veth2 3:2',
    ]);
    const dumped: TcClass[] = [];
    for await (const one of rt.class.dump()) dumped.push(one);
    expect(names(dumped)).toEqual(names(await rt.class.list()));
    expect((await rt.class.snapshot()).map(({ classid }) => classid)).toHaveLength(6);
    expect(names(await rt.class.list({ parent: '1:1' }))).toEqual(['veth0 1:10', 'veth0 1:11']);
    expect(names(await rt.class.list({ dev: 'veth0', parent: 'root' }))).toEqual(['veth0 1:1']);
    expect(names(await rt.class.list({ qdisc: '2:' }))).toEqual(['veth1 2:1']);
    expect(names(await rt.class.list({ kind: 'mq' }))).toEqual(['veth2 3:1', 'veth2 3:2']);
    expect(await rt.class.get({ dev: 'veth0', classid: '1:10' })).toMatchObject({
      leaf: '10:',
      parent: '1:1',
    });
    expect(await rt.class.get({ dev: 'veth0', classid: '1:1' })).toMatchObject({
      htb: { level: 7 },
      parent: 'root',
    });
    await expect(rt.class.del({ dev: 'veth0', classid: '1:1' })).rejects.toMatchObject({ code: 'EBUSY' });
    await rt.class.change({ dev: 'veth0', classid: '1:11', kind: 'htb', htb: { rate: 250_000, prio: 3 } });
    await rt.class.replace({
      dev: 'veth0',
      parent: '1:1',
      classid: '1:12',
      kind: 'htb',
      htb: { rate: 1000 },
    });
    await rt.class.replace({
      dev: 'veth0',
      parent: '1:1',
      classid: '1:12',
      kind: 'htb',
      htb: { rate: 2000 },
    });
    const rates = (await rt.class.list({ parent: '1:1' })).map(({ classid, htb }) => [classid, htb?.rate]);
    expect(rates.sort()).toEqual([
      ['1:10', 125_000],
      ['1:11', 250_000],
      ['1:12', 2000],
    ]);
  });

  it('leaves a change of bytes or rates to what was changed', async () => {
    const { rt } = world;
    const listed = await rt.class.get({ dev: 'veth1', classid: '2:1' });
    await rt.class.change({ ...listed, htb: { ...listed.htb, burst: 50_000 } });
    expect((await rt.class.get({ dev: 'veth1', classid: '2:1' })).htb).toMatchObject({
      burst: 50_000,
      cburst: listed.htb?.cburst,
    });
  });

  const WRONG: readonly [string, TcClassInput, string][] = [
    ['no link', { kind: 'htb', classid: '1:9', htb: { rate: 9 } }, 'dev'],
    ['no kind', { dev: 'veth0', classid: '1:9' }, 'kind'],
    ['no rate', { dev: 'veth0', classid: '1:9', kind: 'htb' }, 'htb.rate'],
    ['settings where there are none', { dev: 'veth0', kind: 'fq', fq: {} } as TcClassInput, 'fq'],
    ['a handle', { dev: 'veth0', handle: '1:9', kind: 'htb' } as TcClassInput, 'handle'],
    ['a classid that is none', { dev: 'veth0', classid: 'x:y', kind: 'htb', htb: { rate: 9 } }, 'classid'],
    ['a slot that is no power of two', { dev: 'veth0', kind: 'htb', htb: { rate: 9, cell: 9 } }, 'htb.cell'],
    ['a rate beyond 2 ** 53', { dev: 'veth0', kind: 'htb', htb: { rate: 2 ** 60 } }, 'htb'],
    [
      'a link layer that is none',
      { dev: 'veth0', kind: 'htb', htb: { rate: 9, linklayer: 'x' } },
      'htb.parms.rate.linklayer',
    ],
  ];
  for (const [what, input, field] of WRONG)
    it(`refuses ${what} before anything is sent`, async () => {
      await expect(world.rt.class.add(input)).rejects.toMatchObject({ name: 'InvalidArgumentError', field });
    });

  it('says ENOENT where there is none', async () => {
    const { rt } = world;
    await expect(rt.class.get({ dev: 'veth0', classid: '1:99' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(rt.class.del({ dev: 'veth0', classid: '1:99' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(
      rt.class.change({ dev: 'veth0', classid: '1:99', kind: 'htb', htb: { rate: 9 } }),
    ).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
