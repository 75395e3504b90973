import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Neighbour, NeighbourInput } from '../../src/route/neighbour.ts';
import { World } from '../support/diff.ts';

/** Verbs on the kernel; what they did is read back with `ip`. */

const LLADDR = '52:54:00:00:00:01';

describe('rt.neighbour', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 type veth peer name veth1',
      'link add br0 type bridge',
      'link set veth1 master br0',
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1',
    ]);
    // Without addresses of its own a link has no neighbours but ours.
    for (const dev of ['veth0', 'veth1', 'br0', 'vx0'])
      world.exec('sysctl', '-qw', `net.ipv6.conf.${dev}.addr_gen_mode=1`);
    world.batch(['link set veth0 up', 'link set veth1 up', 'link set br0 up', 'link set vx0 up']);
    for (const family of ['ipv4', 'ipv6'])
      world.exec('sysctl', '-qw', `net.${family}.neigh.veth0.retrans_time_ms=2000000`);
  });
  afterAll(async () => world[Symbol.asyncDispose]());
  beforeEach(async () => {
    world.ip('neighbour', 'flush', 'all', 'nud', 'all');
    for (const proxy of await world.rt.neighbour.list({ proxy: true })) await world.rt.neighbour.del(proxy);
  });

  const shown = (...args: string[]) =>
    JSON.parse(world.ip('-j', 'neighbour', 'show', 'nud', 'all', ...args)) as {
      dst: string;
      state?: string[];
    }[];
  /** Those of veth0, of one address or in one test's range: what an earlier test deleted may linger as FAILED. */
  const ours = (range = '') => shown('dev', 'veth0').filter(({ dst }) => dst.startsWith(range));

  it.each<[NeighbourInput, object]>([
    [
      { dst: '192.0.2.1', lladdr: LLADDR },
      { lladdr: LLADDR, state: ['PERMANENT'] },
    ],
    [
      { dst: '2001:db8::2', lladdr: LLADDR, state: 'stale' },
      { lladdr: LLADDR, state: ['STALE'] },
    ],
    [{ dst: '192.0.2.3', lladdr: LLADDR, state: ['NOARP'] }, { state: ['NOARP'] }],
    [
      { dst: '2001:db8::4', lladdr: LLADDR, flags: ['router'], protocol: 'bgp' },
      { router: null, protocol: 'bgp' },
    ],
    [
      { dst: '192.0.2.5', lladdr: LLADDR, flags: ['extern_learn'], state: 'reachable' },
      { extern_learn: null },
    ],
    [{ dst: '192.0.2.6', flags: ['managed'] }, { managed: null }],
    [{ dst: '192.0.2.7', state: 'failed' }, { state: ['FAILED'] }],
  ])('add %o', async (input, expected) => {
    const neighbour = { dev: 'veth0', ...input };
    await world.rt.neighbour.add(neighbour);
    expect(ours(neighbour.dst)).toHaveLength(1);
    expect(ours(neighbour.dst)[0]).toMatchObject(expected);
    expect(await world.rt.neighbour.get({ dev: 'veth0', dst: neighbour.dst ?? '' })).toMatchObject({
      dev: 'veth0',
      dst: neighbour.dst,
    });
    await expect(world.rt.neighbour.add(neighbour)).rejects.toMatchObject({ code: 'EEXIST' });
    await world.rt.neighbour.del(neighbour);
    // A deleted neighbour may stay for a moment, as a failed one.
    expect(ours(neighbour.dst).filter(({ state }) => state?.[0] !== 'FAILED')).toEqual([]);
  });

  it('replaces and changes what is there', async () => {
    const neighbour = { dev: 'veth0', dst: '192.0.2.100', lladdr: LLADDR };
    await expect(world.rt.neighbour.change(neighbour)).rejects.toMatchObject({ code: 'ENOENT' });
    await world.rt.neighbour.replace(neighbour);
    await world.rt.neighbour.replace({ ...neighbour, lladdr: '52:54:00:00:00:02' });
    expect(ours('192.0.2.100')).toMatchObject([{ lladdr: '52:54:00:00:00:02', state: ['PERMANENT'] }]);
    await world.rt.neighbour.change({ ...neighbour, state: 'stale' });
    expect(ours('192.0.2.100')).toMatchObject([{ lladdr: LLADDR, state: ['STALE'] }]);
  });

  it('adds and deletes what was listed, as it is', async () => {
    world.batch([
      'neighbour add 203.0.113.9 lladdr 52:54:00:00:00:09 dev veth0 router protocol bgp',
      'neighbour add 203.0.113.10 lladdr 52:54:00:00:00:0a dev veth0 nud stale',
      'neighbour add 203.0.113.11 lladdr 52:54:00:00:00:0b dev veth0 nud noarp',
      'neighbour add 2001:db8:1::9 lladdr 52:54:00:00:00:0c dev veth0 nud stale extern_learn',
      'neighbour add 2001:db8:1::a lladdr 52:54:00:00:00:0d dev veth0',
      'neighbour add proxy 203.0.113.20 dev veth0',
      'neighbour add proxy 203.0.113.21',
      'neighbour add proxy 2001:db8:1::20 dev veth0',
    ]);
    const byDst = (list: ReturnType<typeof shown>) =>
      list.toSorted((one, other) => (one.dst < other.dst ? -1 : 1));
    const all = () => [byDst([...ours('203.'), ...ours('2001:db8:1:')]), byDst(shown('proxy'))];
    const before = all();
    const listed = [
      ...(await world.rt.neighbour.list({ dev: 'veth0' })).filter(({ dst }) =>
        /^(203\.|2001:db8:1:)/.test(dst ?? ''),
      ),
      ...(await world.rt.neighbour.list({ proxy: true })),
    ];
    expect(listed).toHaveLength(8);
    for (const neighbour of listed) await world.rt.neighbour.del(neighbour);
    expect(shown('proxy')).toEqual([]);
    expect(all()[0]?.filter(({ state }) => state?.[0] !== 'FAILED')).toEqual([]);
    for (const neighbour of listed) await world.rt.neighbour.replace(neighbour);
    expect(all()).toEqual(before);
    // Flushing leaves proxies alone.
    for (const neighbour of listed) await world.rt.neighbour.del(neighbour);
  });

  it('lists by family, link, master, state, and proxies', async () => {
    const { neighbour } = world.rt;
    await neighbour.add({ dev: 'veth0', dst: '198.51.100.1', lladdr: LLADDR });
    await neighbour.add({ dev: 'veth0', dst: '198.51.100.2', lladdr: LLADDR, state: 'stale' });
    await neighbour.add({ dev: 'veth1', dst: '198.51.100.3', lladdr: LLADDR });
    await neighbour.add({ dev: 'veth0', dst: '2001:db8:2::1', lladdr: LLADDR });
    await neighbour.add({ dst: '198.51.100.4', flags: ['proxy'], ifindex: 0 });
    const dsts = async (filter: Parameters<typeof neighbour.list>[0]) =>
      (await neighbour.list(filter))
        .filter(({ dst }) => /^(198\.51\.100\.|2001:db8:2:)/.test(dst ?? ''))
        .map(({ dst }) => dst)
        .sort();
    expect(await dsts({})).toEqual(['198.51.100.1', '198.51.100.2', '198.51.100.3', '2001:db8:2::1']);
    expect(await dsts({ family: 'inet6' })).toEqual(['2001:db8:2::1']);
    expect(await dsts({ dev: 'veth1' })).toEqual(['198.51.100.3']);
    expect(await dsts({ master: 'br0' })).toEqual(['198.51.100.3']);
    expect(await dsts({ master: null })).toEqual(['198.51.100.1', '198.51.100.2', '2001:db8:2::1']);
    expect(await dsts({ state: 'stale' })).toEqual(['198.51.100.2']);
    expect(await dsts({ state: ['STALE', 'permanent'], family: 'inet' })).toHaveLength(3);
    expect(await dsts({ proxy: true })).toEqual(['198.51.100.4']);
    const names = new Map<string | undefined, string | undefined>();
    for await (const one of neighbour.dump({ family: 'inet' })) names.set(one.dst, one.dev);
    expect(names.get('198.51.100.1')).toBe('veth0');
    expect(names.get('198.51.100.3')).toBe('veth1');
    expect(await neighbour.get({ dst: '198.51.100.4', flags: ['proxy'] })).toMatchObject({ ifindex: 0 });
    await neighbour.del({ dst: '198.51.100.4', flags: ['proxy'] });
    expect(await dsts({ proxy: true })).toEqual([]);
    await expect(neighbour.get({ dev: 'veth0', dst: '198.51.100.99' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await expect(neighbour.add({ dst: '198.51.100.1' })).rejects.toMatchObject({ field: 'dev' });
  });

  it('adds, lists and deletes forwarding entries', async () => {
    const { neighbour } = world.rt;
    const entry: NeighbourInput = {
      family: 'bridge',
      dev: 'vx0',
      lladdr: '02:00:00:00:00:01',
      dst: '192.0.2.7',
      vni: 7,
      flags: ['self'],
    };
    await neighbour.add(entry);
    const find = async (): Promise<Neighbour | undefined> =>
      (await neighbour.list({ family: 'bridge', dev: 'vx0' })).find(({ lladdr }) => lladdr === entry.lladdr);
    expect(await find()).toMatchObject({ dev: 'vx0', dst: '192.0.2.7', vni: 7, state: ['PERMANENT'] });
    expect(world.exec('bridge', 'fdb', 'show', 'dev', 'vx0')).toContain(
      '02:00:00:00:00:01 dst 192.0.2.7 vni 7 self permanent',
    );
    const listed = await find();
    if (listed === undefined) throw new Error('not listed');
    await neighbour.del(listed);
    expect(await find()).toBeUndefined();
    await neighbour.add(listed);
    expect(await find()).toMatchObject({ dst: '192.0.2.7', vni: 7 });

    await neighbour.add({
      family: 'bridge',
      dev: 'veth1',
      lladdr: '02:00:00:00:00:02',
      flags: ['master', 'sticky'],
      state: 'reachable',
    });
    const port = (await neighbour.list({ family: 'bridge', dev: 'veth1' })).find(
      ({ lladdr }) => lladdr === '02:00:00:00:00:02',
    );
    expect(port).toMatchObject({ master: 'br0', flags: ['sticky'], state: ['REACHABLE'] });
  });
});
