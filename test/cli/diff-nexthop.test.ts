import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nexthopView } from '../../src/cli/show/nexthop.ts';
import { LINKS, NEXTHOPS } from '../route/route-world.ts';
import { describe as inWords, parseIpJson, World } from '../support/diff.ts';
import { manyNexthops } from '../support/worlds/nexthops.ts';

/** Nexthops, groups, resilient groups, blackholes and entries of forwarding tables, shown by `ip` and by us. */

describe('cofferdam nexthop show against ip nexthop show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      ...LINKS,
      ...NEXTHOPS,
      'link add br0 type bridge',
      'link add vx0 type vxlan id 7 local 10.0.0.1 dstport 4789',
      'link set vx0 master br0 up',
      'link set br0 up',
      'addr add 10.0.7.1/24 dev br0',
      'link add veth2 type veth peer name veth3',
      'link set veth2 master br0',
      'link set veth2 up',
      'link set veth3 up',
      ...manyNexthops(),
    ]);
    // The forwarding table of a vxlan link takes a group of fdb nexthops.
    world.exec('bridge', 'fdb', 'add', '02:00:00:00:00:01', 'dev', 'vx0', 'nhid', '9', 'self');
  }, 180_000);
  afterAll(async () => {
    console.log(`nexthops: ${world.objects} objects, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], atLeast = 0) =>
    it([...flags, 'nexthop show', ...args].join(' '), async () => {
      const { differences, objects } = await world.compare(nexthopView, 'nexthop', flags, args);
      expect(inWords(differences)).toBe('');
      expect(objects).toBeGreaterThanOrEqual(atLeast);
    });

  for (const flags of [
    ['-j'],
    ['-d', '-j'],
    ['-s', '-j'],
    ['-N', '-d', '-j'],
    [],
    ['-d'],
    ['-N'],
    ['-o', '-d'],
  ]) {
    check(flags, [], 415);
    check(['-4', ...flags], [], 200);
    check(['-6', ...flags], [], 60);
  }
  const FILTERS: readonly (readonly [filter: string, atLeast: number])[] = [
    ['groups', 43],
    ['dev veth0', 100],
    ['dev veth1', 80],
    ['dev veth0 groups', 0],
    ['master br0', 0],
    ['id 5', 1],
    ['id 0x9', 1],
    ['dev veth0 id 9', 1],
    ['protocol 4', 1],
    ['proto 186 dev veth0', 1],
    ['proto 0', 415],
  ];
  for (const [filter, atLeast] of FILTERS)
    for (const flags of [['-j'], ['-d', '-j'], ['-d']]) check(flags, filter.split(' '), atLeast);

  // The kernel takes NHA_FDB in a dump request and heeds it not: `ip` shows everything, we show what was asked for.
  it('nexthop show fdb', async () => {
    const all = parseIpJson(world.ip('-d', '-j', 'nexthop', 'show', 'fdb')) as Record<string, unknown>[];
    const ours = parseIpJson(await world.show(nexthopView, ['-d', '-j'], ['fdb']));
    expect(ours).toEqual(all.filter((one) => 'fdb' in one));
    expect(ours).toHaveLength(4);
  });

  for (const args of [
    ['dev', 'nothing'],
    ['master', 'nothing'],
    ['id', 'x'],
    ['proto', 'static'],
    ['vrf', 'veth0'],
    ['nonsense'],
    ['dev'],
  ])
    it(`refuses ${args.join(' ')}, as ip does`, async () => {
      expect(() => world.ip('nexthop', 'show', ...args)).toThrow();
      await expect(world.show(nexthopView, ['-j'], args)).rejects.toMatchObject({ name: 'UsageError' });
    });

  it('says ENOENT of an id that is not there', async () => {
    expect(() => world.ip('nexthop', 'show', 'id', '99')).toThrow();
    await expect(world.show(nexthopView, ['-j'], ['id', '99'])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
