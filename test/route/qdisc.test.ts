import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Qdisc, QdiscInput } from '../../src/route/qdisc.ts';
import { sendDatagrams } from '../support/datagrams.ts';
import { World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';

/** Disciplines on the real kernel: what was added is what tc shows, goes as it was listed, and comes back so. */

let world: World;
const tc = (...args: string[]): string =>
  execFileSync('tc', ['-n', world.name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const shown = (dev: string, parent: string) =>
  tc('-d', 'qdisc', 'show', 'dev', dev, ...(parent === 'root' ? ['root'] : ['parent', parent]));

beforeAll(async () => {
  world = await World.open();
  // No packets but ours.
  world.sysctl(['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']);
  world.batch([
    'link add veth0 numtxqueues 4 numrxqueues 4 type veth peer name veth1',
    'link set veth0 up',
    'link set veth1 up',
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Without what counts and what the kernel says of it only. */
function lasting({ stats: _, refcnt: __, ...rest }: Qdisc): object {
  return rest;
}

describe('rt.qdisc, there and back', () => {
  beforeEach(() => {
    for (const place of [['root'], ['ingress'], ['clsact']])
      try {
        tc('qdisc', 'del', 'dev', 'veth1', ...place);
      } catch {
        // Nothing of ours was there.
      }
  });

  const CASES: readonly [string, QdiscInput, string][] = [
    [
      'htb',
      { parent: 'root', handle: '1:', htb: { default: '0x30', r2q: 5, directQlen: 77 } },
      'r2q 5 default 0x30',
    ],
    ['pfifo', { parent: 'root', handle: '7:', pfifo: { limit: 9 } }, 'limit 9p'],
    ['bfifo', { parent: 'root', handle: '7:', bfifo: { limit: 10_240 } }, 'limit 10Kb'],
    [
      'tbf',
      { parent: 'root', handle: '7:', tbf: { rate: 125_000, burst: 4096, limit: 20_000 } },
      'rate 1Mbit burst 4Kb/1',
    ],
    [
      'tbf',
      {
        parent: 'root',
        handle: '7:',
        tbf: {
          rate: 10_000_000_000,
          burst: 1_000_003,
          latency: 777,
          peakrate: 20_000_000_000,
          mtu: 9001,
          overhead: 14,
          mpu: 64,
          linklayer: 'atm',
        },
      },
      'rate 80Gbit burst',
    ],
    ['clsact', { parent: 'ingress' }, 'clsact ffff:'],
    ['ingress', { ingressBlock: 5 }, 'ingress_block 5'],
    [
      'pfifo',
      {
        parent: 'root',
        handle: '9:',
        stab: { linklayer: 'atm', overhead: -4, mpu: 60, mtu: 9000, tsize: 128 },
      },
      'linklayer atm overhead -4 mpu 60 mtu 9000 tsize 128',
    ],
  ];
  for (const [kind, input, said] of CASES)
    it(`${kind} ${JSON.stringify(input)}`, async () => {
      const { qdisc } = world.rt;
      await qdisc.add({ dev: 'veth1', kind, ...input });
      const parent = input.parent === 'root' ? 'root' : 'ffff:fff1';
      const listed = await qdisc.get({ dev: 'veth1', parent });
      const text = shown('veth1', parent);
      expect(text).toContain(said);
      await qdisc.del(listed);
      expect(await qdisc.list({ dev: 'veth1', kind, parent })).toEqual([]);
      await qdisc.add(listed);
      expect(lasting(await qdisc.get({ dev: 'veth1', parent }))).toEqual(lasting(listed));
      expect(shown('veth1', parent)).toBe(text);
    });

  it('a whole tree, as it was listed', async () => {
    const { rt } = world;
    await rt.qdisc.add({ dev: 'veth1', parent: 'root', handle: '1:', kind: 'htb', htb: { default: 0x30 } });
    await rt.class.add({
      dev: 'veth1',
      parent: '1:',
      classid: '1:1',
      kind: 'htb',
      htb: { rate: 12_500_000 },
    });
    await rt.class.add({
      dev: 'veth1',
      parent: '1:1',
      classid: '1:30',
      kind: 'htb',
      htb: { rate: 1_234_567, burst: 15_360 },
    });
    await rt.qdisc.add({
      dev: 'veth1',
      parent: '1:30',
      handle: '30:',
      kind: 'tbf',
      tbf: { rate: 333_333, burst: 5000, limit: 9999 },
    });
    const [qdiscs, classes] = [await rt.qdisc.list({ dev: 'veth1' }), await rt.class.list({ dev: 'veth1' })];
    const look = () =>
      `${tc('-d', 'qdisc', 'show', 'dev', 'veth1')}${tc('-d', 'class', 'show', 'dev', 'veth1')}`;
    const before = look();
    const [root, ...others] = qdiscs.filter((one) => one.handle !== '0:');
    await rt.qdisc.del(root as Qdisc);
    await rt.qdisc.add(root as Qdisc);
    // Parents before children; the class of tbf is tbf's own.
    for (const one of classes
      .filter(({ kind }) => kind === 'htb')
      .sort((a, b) => (a.classid < b.classid ? -1 : 1)))
      await rt.class.add(one);
    for (const one of others) await rt.qdisc.add(one);
    expect(look()).toBe(before);
  });
});

describe('rt.qdisc', () => {
  it('lists what the kernel made by itself, and more of it when asked to', async () => {
    const { qdisc } = world.rt;
    await qdisc.replace({ dev: 'veth0', parent: 'root', handle: '5:', kind: 'mq' });
    const children = await qdisc.list({ dev: 'veth0', kind: 'pfifo_fast' });
    expect(children.map(({ parent, handle }) => `${parent} ${handle}`).sort()).toEqual([
      '5:1 0:',
      '5:2 0:',
      '5:3 0:',
      '5:4 0:',
    ]);
    expect(children[0]).toMatchObject({
      dev: 'veth0',
      pfifoFast: { bands: 3, priomap: [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1] },
      stats: { bytes: expect.any(BigInt), backlog: 0 },
    });
    await qdisc.add({
      dev: 'veth0',
      parent: '5:2',
      handle: '52:',
      kind: 'tbf',
      tbf: { rate: 1000, burst: 2000, limit: 3000 },
    });
    const hidden = (await qdisc.list({ dev: 'veth0', invisible: true })).filter(({ parent }) =>
      parent?.startsWith('52:'),
    );
    expect(hidden).toMatchObject([{ kind: 'bfifo', parent: '52:1', bfifo: { limit: 3000 } }]);
    expect(await qdisc.list({ dev: 'veth0', parent: '52:1' })).toEqual([]);
    const dumped: string[] = [];
    for await (const { handle } of qdisc.dump({ dev: 'veth0' })) dumped.push(handle);
    expect(dumped.sort()).toEqual(['0:', '0:', '0:', '52:', '5:']);
    await qdisc.del({ dev: 'veth0', parent: 'root' });
  });

  it('replaces and changes: what is given, where it is', async () => {
    const { qdisc } = world.rt;
    await qdisc.replace({ dev: 'veth0', parent: 'root', handle: '3:', kind: 'pfifo', pfifo: { limit: 5 } });
    await qdisc.change({ dev: 'veth0', parent: 'root', handle: '3:', kind: 'pfifo', pfifo: { limit: 6 } });
    expect(await qdisc.get({ dev: 'veth0', parent: 'root' })).toMatchObject({
      handle: '3:',
      pfifo: { limit: 6 },
    });
    await qdisc.replace({
      dev: 'veth0',
      parent: 'root',
      handle: '4:',
      kind: 'bfifo',
      bfifo: { limit: 7000 },
    });
    expect(await qdisc.get({ dev: 'veth0', parent: 'root' })).toMatchObject({ kind: 'bfifo', handle: '4:' });
    await expect(
      qdisc.add({ dev: 'veth0', parent: 'root', handle: '4:', kind: 'bfifo' }),
    ).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(
      qdisc.change({ dev: 'veth0', parent: 'root', handle: '9:', kind: 'bfifo' }),
    ).rejects.toMatchObject({ name: 'NetlinkError' });
    await expect(qdisc.link({ dev: 'veth0', parent: 'root', handle: '9:' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await qdisc.del({ dev: 'veth0', parent: 'root' });
    await expect(qdisc.del({ dev: 'veth0', parent: 'root' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(qdisc.get({ dev: 'veth0', kind: 'htb' })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('goes by bytes again where a listed burst or rate was changed', async () => {
    const { qdisc } = world.rt;
    await qdisc.replace({
      dev: 'veth0',
      parent: 'root',
      handle: '3:',
      kind: 'tbf',
      tbf: { rate: 12_500_000, burst: 15_360, limit: 9000 },
    });
    const listed = await qdisc.get({ dev: 'veth0', parent: 'root' });
    const burst = async (tbf: object) => {
      await qdisc.replace({ ...listed, tbf: { ...listed.tbf, ...tbf } });
      return (await qdisc.get({ dev: 'veth0', parent: 'root' })).tbf;
    };
    expect(await burst({})).toEqual(listed.tbf);
    expect((await burst({ burst: 30_000 }))?.burst).toBeGreaterThan(29_900);
    const faster = await burst({ rate: 25_000_000 });
    expect(faster?.burst).toBeGreaterThan(15_000);
    expect(faster?.burstTime).toBeLessThan(listed.tbf?.burstTime ?? 0);
    await qdisc.del({ dev: 'veth0', parent: 'root' });
  });

  it('counts packets, and estimates their rate when asked to', async () => {
    const { qdisc } = world.rt;
    world.ip('address', 'replace', '10.1.0.1/24', 'dev', 'veth0');
    world.ip('neighbour', 'replace', '10.1.0.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'veth0');
    await qdisc.replace({
      dev: 'veth0',
      parent: 'root',
      handle: '3:',
      kind: 'pfifo',
      estimator: { interval: 250_000, timeConstant: 500_000 },
    });
    world.exec(...sendDatagrams(9, 58, '10.1.0.2'));
    const { stats } = await lookUntil(
      () => qdisc.get({ dev: 'veth0', parent: 'root' }),
      (one) => (one.stats?.packets ?? 0n) >= 9n,
    );
    expect(stats).toMatchObject({ rate: expect.any(Number), pps: expect.any(Number) });
    // 58 bytes, 8 of UDP, 20 of IP, 14 of Ethernet.
    expect(stats?.packets).toBeGreaterThanOrEqual(9n);
    expect(stats?.bytes).toBeGreaterThanOrEqual(900n);
    await qdisc.del({ dev: 'veth0', parent: 'root' });
  });

  it('is told of by a monitor', async () => {
    await using monitor = await world.rt.monitor(['qdisc', 'class']);
    const { rt } = world;
    await rt.qdisc.add({ dev: 'veth0', parent: 'root', handle: '1:', kind: 'htb' });
    await rt.class.add({ dev: 'veth0', parent: '1:', classid: '1:7', kind: 'htb', htb: { rate: 1000 } });
    await rt.class.del({ dev: 'veth0', classid: '1:7' });
    await rt.qdisc.del({ dev: 'veth0', parent: 'root' });
    const told: string[] = [];
    for await (const event of monitor) {
      if (!('object' in event)) continue;
      // What the kernel had made by itself goes and comes, too.
      if (event.object === 'qdisc' && event.value.handle === '0:') continue;
      if (event.object === 'qdisc') told.push(`${event.type} ${event.value.kind} ${event.value.handle}`);
      if (event.object === 'class') told.push(`${event.type} ${event.value.kind} ${event.value.classid}`);
      if (event.type === 'del' && event.object === 'qdisc') break;
    }
    expect(told).toEqual(['new htb 1:', 'new htb 1:7', 'del htb 1:7', 'del htb 1:']);
  });

  const WRONG: readonly [string, QdiscInput, string][] = [
    ['no link', { kind: 'pfifo', parent: 'root' }, 'dev'],
    ['no kind', { dev: 'veth0', parent: 'root' }, 'kind'],
    ['no place', { dev: 'veth0', kind: 'pfifo' }, 'parent'],
    ['a handle that is none', { dev: 'veth0', kind: 'pfifo', parent: 'root', handle: '1:2' }, 'handle'],
    ['a parent that is none', { dev: 'veth0', kind: 'pfifo', parent: '1:2:3' }, 'parent'],
    ["another kind's settings", { dev: 'veth0', kind: 'pfifo', parent: 'root', fq: {} }, 'fq'],
    [
      'a field that nobody knows',
      { dev: 'veth0', kind: 'fq', parent: 'root', fq: { limits: 3 } as object },
      'fq.limits',
    ],
    [
      'a value of the wrong type',
      { dev: 'veth0', kind: 'fq', parent: 'root', fq: { limit: '3' as never } },
      'fq.limit',
    ],
    [
      'a bucket without a rate',
      { dev: 'veth0', kind: 'tbf', parent: 'root', tbf: { burst: 9, limit: 9 } },
      'tbf.rate',
    ],
    [
      'a bucket without a size',
      { dev: 'veth0', kind: 'tbf', parent: 'root', tbf: { rate: 9, limit: 9 } },
      'tbf.burst',
    ],
    [
      'a bucket without a limit',
      { dev: 'veth0', kind: 'tbf', parent: 'root', tbf: { rate: 9, burst: 9 } },
      'tbf.limit',
    ],
    [
      'a reorder without a delay',
      { dev: 'veth0', kind: 'netem', parent: 'root', netem: { reorder: 0.1 } },
      'netem.reorder',
    ],
    [
      'a probability above 1',
      { dev: 'veth0', kind: 'netem', parent: 'root', netem: { loss: 2 } },
      'netem.loss',
    ],
    ['a word that is none', { dev: 'veth0', kind: 'cake', parent: 'root', cake: { atm: 'x' } }, 'cake.atm'],
    [
      'a table without end',
      { dev: 'veth0', kind: 'pfifo', parent: 'root', stab: { mpu: 9, tsize: 4e9 } },
      'stab.tsize',
    ],
    [
      'an interval out of range',
      { dev: 'veth0', kind: 'pfifo', parent: 'root', estimator: { interval: 9e9 } },
      'estimator',
    ],
    ['settings that are no object', { dev: 'veth0', kind: 'fq', parent: 'root', fq: 3 as never }, 'fq'],
    [
      'a misspelt field',
      { dev: 'veth0', kind: 'fq', parent: 'root', classid: '1:' } as QdiscInput,
      'classid',
    ],
  ];
  for (const [what, input, field] of WRONG)
    it(`refuses ${what} before anything is sent`, async () => {
      await expect(world.rt.qdisc.add(input)).rejects.toMatchObject({ name: 'InvalidArgumentError', field });
    });

  it('refuses filters that nobody knows', async () => {
    await expect(world.rt.qdisc.list({ type: 'fq' } as object)).rejects.toMatchObject({ field: 'type' });
    await expect(world.rt.qdisc.list({ handle: 'x' })).rejects.toMatchObject({ field: 'handle' });
    await expect(world.rt.qdisc.list({ dev: 'nothere' })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('says what the kernel says of kinds that it does not have', async () => {
    await expect(
      world.rt.qdisc.add({ dev: 'veth0', parent: 'root', kind: 'cofferdam' }),
    ).rejects.toMatchObject({ code: 'ENOENT', message: expect.stringContaining('qdisc kind is unknown') });
  });
});
