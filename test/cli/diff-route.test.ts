import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeView } from '../../src/cli/show/route.ts';
import { inet6Routes, inetRoutes, LINKS, NEXTHOPS } from '../route/route-world.ts';
import { describe as inWords, World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { differByMoreThanSeconds, ROUTE_CLOCKS } from '../support/worlds/clocks.ts';

/** 10,000 routes of every kind that this kernel takes, shown by `ip` and by us. */

describe('cofferdam route show against ip route show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([...LINKS, ...NEXTHOPS]);
    world.batch([...inetRoutes(6000), ...inet6Routes(4000)]);
  }, 180_000);
  afterAll(async () => {
    console.log(`routes: ${world.objects} objects, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], atLeast = 0) =>
    it([...flags, 'route show', ...args].join(' '), async () => {
      const { differences, objects } = await world.compare(routeView, 'route', flags, args, {
        loose: ROUTE_CLOCKS,
        isReal: (one) => differByMoreThanSeconds(one.expected, one.actual),
      });
      expect(inWords(differences)).toBe('');
      expect(objects).toBeGreaterThanOrEqual(atLeast);
    });

  for (const flags of [['-j'], ['-d', '-j'], ['-s', '-j'], ['-N', '-d', '-j'], [], ['-d']])
    check(flags, ['table', 'all'], 10_000);
  for (const flags of [['-j'], ['-d', '-j'], ['-d', '-s', '-j'], ['-d', '-o']]) {
    check(['-4', ...flags], ['table', 'all'], 6000);
    check(['-6', ...flags], ['table', 'all'], 3900);
    check(flags, [], 3000);
    check(['-4', ...flags], [], 3000);
    check(['-6', ...flags], [], 3000);
  }
  check(['-s', '-d'], ['table', 'all'], 10_000);

  const FILTERS: readonly (readonly [filter: string, atLeast: number])[] = [
    ['table local', 20],
    ['table 3', 10],
    ['table 1003', 10],
    ['table 252', 10],
    ['table all root 20.1.0.0/16', 200],
    ['root 20.0.0.0/6', 3000],
    ['root default', 3000],
    ['match 20.0.3.7', 1],
    ['match default', 1],
    ['exact 20.0.3.0/24', 1],
    ['20.0.3.0/24', 1],
    ['to exact 20.0.4.1', 0],
    ['default', 1],
    ['any', 3000],
    ['via 10.0.0.2', 100],
    ['via 10.0.0.0/25', 100],
    ['via inet6 2001:db8::2', 100],
    ['via inet6 fe80::/10', 50],
    ['dev veth0', 500],
    ['oif veth1 table all', 100],
    ['src 10.0.1.1', 100],
    ['src 10.0.0.0/8 table all', 200],
    ['proto static table all', 100],
    ['proto bgp', 100],
    ['proto 38 table all', 1],
    ['proto all scope all', 3000],
    ['scope link', 300],
    ['scope 100', 100],
    ['scope host table local', 4],
    ['type blackhole', 10],
    ['type prohibit table all', 100],
    ['type throw', 10],
    ['type unicast', 3000],
    ['type local table all', 100],
    ['table all type brd', 100],
    ['tos 0x10', 10],
    ['dsfield 1c', 10],
    ['realms 7', 100],
    ['realms 8/2', 1],
    ['realms 8/', 1],
    ['realm 48/2', 1],
    ['metric 9', 100],
    ['priority 3', 1],
    ['preference 40', 1],
    ['mark 0', 3000],
    ['iif lo', 0],
    ['cached', 0],
    ['table cache', 0],
    ['cloned table all', 0],
    ['vrf default', 3000],
    ['dev veth0 proto boot scope link root 20.0.0.0/8', 50],
  ];
  for (const [filter, atLeast] of FILTERS) {
    check(['-d', '-j'], filter.split(' '), atLeast);
    check([], filter.split(' '), atLeast);
  }
  const FILTERS6: readonly (readonly [filter: string, atLeast: number])[] = [
    ['table local', 5],
    ['table 1002', 10],
    ['root 2001:db8:1000::/48', 20],
    ['match 2001:db8:1001:7::1', 1],
    ['exact 2001:db8:1000:3::/64', 0],
    ['default', 1],
    ['from root 2001:db8:1::/48', 5],
    ['from 2001:db8:2::/64', 1],
    ['from match 2001:db8:2::7', 100],
    ['via 2001:db8::2', 100],
    ['dev veth1', 100],
    ['src 2001:db8::1', 50],
    ['metric 1024', 500],
    ['proto kernel', 3],
    ['type unreachable', 50],
    ['type local table all', 10],
    ['cached', 0],
  ];
  for (const [filter, atLeast] of FILTERS6) {
    check(['-6', '-d', '-j'], filter.split(' '), atLeast);
  }

  const BAD: readonly (readonly string[])[] = [
    ['table', 'nonsense'],
    ['table'],
    ['proto', 'nonsense'],
    ['scope', 'nonsense'],
    ['type', 'nonsense'],
    ['type', '256'],
    ['tos', 'nonsense'],
    ['realms', 'nonsense'],
    ['metric', 'x'],
    ['mark', '-1x'],
    ['via', 'x'],
    ['src', '10.0.0.0/33'],
    ['vrf', 'nonsense'],
    ['nonsense'],
    ['root'],
    ['10.0.0.0/8/8'],
  ];
  for (const args of BAD) {
    it(`refuses ${args.join(' ')}, as ip does`, async () => {
      expect(() => world.ip('route', 'show', ...args)).toThrow();
      await expect(world.show(routeView, ['-j'], args)).rejects.toMatchObject({ name: 'UsageError' });
    });
  }

  it('says which device there is none of', async () => {
    expect(() => world.ip('route', 'show', 'dev', 'nothing')).toThrow('Cannot find device "nothing"');
    await expect(world.show(routeView, ['-j'], ['dev', 'nothing'])).rejects.toThrow(
      'Cannot find device "nothing"',
    );
  });
});

describe('exceptions that were learned, against ip route show cached', () => {
  const worlds: World[] = [];
  beforeAll(async () => {
    const [here, router, there] = [await World.open(), await World.open(), await World.open()];
    worlds.push(here, router, there);
    here.batch([
      'link set lo up',
      `link add eth0 type veth peer name eth0 netns ${router.name}`,
      'link set eth0 up',
      'addr add 10.1.0.1/24 dev eth0',
      'addr add 2001:db8:1::1/64 dev eth0 nodad',
    ]);
    router.batch([
      `link add eth1 mtu 1300 type veth peer name eth0 mtu 1300 netns ${there.name}`,
      'link set eth0 up',
      'link set eth1 up',
      'addr add 10.1.0.2/24 dev eth0',
      'addr add 10.2.0.2/24 dev eth1',
      'addr add 2001:db8:1::2/64 dev eth0 nodad',
      'addr add 2001:db8:2::2/64 dev eth1 nodad',
    ]);
    router.exec('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    router.exec('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
    here.batch(['route add default via 10.1.0.2', 'route add default via 2001:db8:1::2']);
    // Packets that do not fit beyond the router: it says so, and that is what is learned.
    const learn = async () => {
      for (const address of ['10.2.0.1', '10.2.0.7', '2001:db8:2::1', '2001:db8:2::7'])
        here.exec('bash', '-c', `head -c 1400 /dev/zero > /dev/udp/${address}/9 || true`);
      return await here.rt.route.list({ cached: true });
    };
    const learned = await lookUntil(learn, (list) => list.length >= 4);
    expect(learned.map(({ dst }) => dst).sort()).toEqual([
      ...['10.2.0.1', '10.2.0.7', '2001:db8:2::1', '2001:db8:2::7'],
    ]);
  });
  afterAll(async () => {
    for (const world of worlds) await world[Symbol.asyncDispose]();
  });

  for (const flags of [['-j'], ['-d', '-s', '-j'], [], ['-s'], ['-o', '-s']])
    for (const family of [[], ['-6']])
      it([...family, ...flags, 'route show cached'].join(' '), async () => {
        const here = worlds[0];
        if (here === undefined) throw new Error('no world');
        const { differences, objects } = await here.compare(
          routeView,
          'route',
          [...family, ...flags],
          ['cached'],
        );
        expect(inWords(differences)).toBe('');
        expect(objects).toBeGreaterThanOrEqual(2);
      });

  it('lists them with what was learned, and deletes those of IPv6', async () => {
    const { route } = worlds[0]?.rt ?? {};
    const cached = await route?.list({ cached: true, family: 'inet6' });
    expect(cached).toMatchObject([{ metrics: { mtu: 1300 } }, { metrics: { mtu: 1300 } }]);
    expect(cached?.map(({ dst }) => dst).sort()).toEqual(['2001:db8:2::1', '2001:db8:2::7']);
    for (const one of cached ?? []) await route?.del(one);
    expect(await route?.list({ cached: true, family: 'inet6' })).toEqual([]);
    expect(await route?.list({ dst: 'default', family: 'inet6' })).toHaveLength(1);
  });
});
