import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressView } from '../../src/cli/show/addr.ts';
import { type Difference, describe as inWords, World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { addressWorld } from '../support/worlds/addresses.ts';
import { ADDRESS_CLOCKS } from '../support/worlds/clocks.ts';

/**
 * 2,000 addresses of every sort, shown by `ip` and by us. Lifetimes and the timers of bridges run on while we look:
 * they may differ by what two looks take, and by nothing else.
 */

/** What still differs between lines when their clocks may. */
function beyondClocks({ expected, actual }: Difference): boolean {
  const numbers = /(?<=_lft )\d+(?=sec)|(?<=(?:gc|hello)_timer +)[\d.]+/g;
  const one = String(expected);
  const other = String(actual);
  if (one.replace(numbers, '') !== other.replace(numbers, '')) return true;
  const found = (text: string) =>
    [...text.matchAll(/(?<=_lft )\d+(?=sec)/g)].map(([digits]) => Number(digits));
  const mine = found(other);
  return found(one).some((seconds, i) => Math.abs(seconds - (mine[i] ?? Number.NaN)) > 2);
}

describe('cofferdam address show against ip address show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    const { links, sysctls, addresses } = addressWorld();
    world.batch(links);
    world.sysctl(sysctls);
    world.batch(addresses);
    // Duplicate address detection takes a second or two; what it says stays.
    const failed = () => world.ip('address', 'show', 'dadfailed');
    await lookUntil(failed, (text) => text.includes('2001:db8:ffff::1'));
    await world.settle();
  });
  afterAll(async () => {
    console.log(`addresses: ${world.objects} links, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], least = 0) =>
    it([...flags, 'address show', ...args].join(' '), async () => {
      const found = await world.compare(addressView, 'address', flags, args, {
        loose: ADDRESS_CLOCKS,
        ...(!flags.includes('-j') && { isReal: beyondClocks }),
      });
      expect(inWords(found.differences)).toBe('');
      expect(found.fields).toBeGreaterThanOrEqual(least);
    });

  it('has addresses of all sorts', () => {
    const text = world.ip('address', 'show');
    for (const word of [
      ...['peer', 'brd', 'metric', 'scope host', 'scope 77', 'secondary', 'temporary', 'dadfailed', 'home'],
      ...['deprecated', 'tentative', 'dynamic', 'mngtmpaddr', 'noprefixroute', 'autojoin', 'stable-privacy'],
      ...['nodad', 'label', 'sec preferred_lft 0sec', 'veth0:', 'forever'].filter((word) => word !== 'label'),
    ])
      expect(text).toContain(word);
    expect(text.match(/^ {4}inet6? /gm)?.length).toBeGreaterThanOrEqual(1980);
  });

  const FLAG_SETS = [
    ['-j'],
    ['-d', '-j'],
    ['-s', '-j'],
    ['-s', '-s', '-j'],
    ['-br', '-j'],
    ['-o', '-j'],
    ['-N', '-j'],
  ];
  for (const flags of FLAG_SETS) {
    check(flags, [], 4000);
    for (const family of ['-4', '-6', '-0']) check([family, ...flags], [], family === '-0' ? 20 : 1500);
  }
  check(['-d', '-s', '-N', '-j']);
  check(['-br', '-o', '-j']);
  for (const flags of [
    [],
    ['-d'],
    ['-s'],
    ['-s', '-s'],
    ['-d', '-s'],
    ['-br'],
    ['-o'],
    ['-o', '-d'],
    ['-br', '-o'],
    ['-N'],
  ]) {
    check(flags, [], 9);
    for (const family of ['-4', '-6', '-0']) check([family, ...flags], [], 7);
  }
  for (const family of ['-B', '-M']) check([family, '-j']);

  const FILTERS: readonly (readonly string[])[] = [
    ['dev', 'veth0'],
    ['veth0'],
    ['a-longer-name-for-the-bridge'],
    ['dev', 'veth3'],
    ['dev', 'vx0'],
    ['up'],
    ['up', 'dev', 'veth2'],
    ['scope', 'host'],
    ['scope', 'link', 'dev', 'veth0'],
    ['scope', '77'],
    ['scope', 'all'],
    ['to', '10.1.0.0/16'],
    ['to', '10.1.0.0/16', 'dev', 'veth0'],
    ['to', '2001:db8:1::/64'],
    ['to', '10.5.0.0/16'],
    ['to', '0.0.0.0/0'],
    ['to', 'default'],
    ['label', 'veth0:*'],
    ['label', 'v*0'],
    ['label', 'veth[01]:?[05]'],
    ['label', '[!v]*'],
    ['label', 'nothing'],
    ['label', 'lo', 'up', 'dev', 'lo'],
    ['label', 'veth2', 'up'],
    ['type', 'veth'],
    ['type', 'bridge'],
    ['type', 'bridge_slave'],
    ['type', 'macvlan'],
    ['dev', 'veth0', 'type', 'bridge'],
    ['master', 'br0'],
    ['nomaster'],
    ['group', '5'],
    ['group', 'default'],
    ['group', '5', 'up'],
    ['permanent'],
    ['dynamic'],
    ['-dynamic'],
    ['-permanent'],
    ['primary'],
    ['secondary'],
    ['-secondary', 'dev', 'br0'],
    ['temporary'],
    ['tentative'],
    ['-tentative', 'up'],
    ['deprecated'],
    ['-deprecated', 'dynamic'],
    ['dadfailed'],
    ['nodad'],
    ['home', '-noprefixroute'],
    ['home', 'noprefixroute'],
    ['autojoin'],
    ['mngtmpaddr'],
    ['stable-privacy'],
    ['optimistic'],
    ['tentative', '-tentative'],
    ['scope', 'global', 'permanent', 'to', '10.0.0.0/8', 'up', 'type', 'veth'],
  ];
  for (const [i, filter] of FILTERS.entries()) {
    check(['-j'], filter);
    check([], filter);
    // The other layouts take turns: each filter meets some of them.
    const family = filter.includes('to') ? [] : [['-4'], ['-6'], ['-0'], []][i % 4];
    check([...(family ?? []), ...([['-br', '-j'], ['-o'], ['-s', '-d', '-j']][i % 3] ?? [])], filter);
    if (family?.length === 0) check(['-d', '-o', '-j'], filter);
  }
  check(['-4'], ['to', '10.1.0.0/16']);
  check(['-6'], ['to', '2001:db8:1::/64']);

  it.each(['-br', '-o', '-d'])('%s in colour, as ip -c=always', async (flag) => {
    const { differences } = await world.compare(
      addressView,
      'address',
      ['-c=always', flag],
      ['dev', 'veth0'],
      { isReal: beyondClocks },
    );
    expect(inWords(differences)).toBe('');
  });

  const BAD: readonly (readonly string[])[] = [
    ['dev', 'nothere'],
    ['nothere'],
    ['veth0', 'veth1'],
    ['to', 'nonsense'],
    ['to', '10.0.0.0/33'],
    ['to'],
    ['scope', 'nonsense'],
    ['group', 'nonsense'],
    ['master', 'nothere'],
    ['vrf', 'br0'],
    ['type'],
    ['-nonsense'],
  ];
  for (const args of BAD) {
    it(`refuses ${args.join(' ')}, as ip does`, async () => {
      expect(() => world.ip('address', 'show', ...args)).toThrow();
      await expect(world.show(addressView, ['-j'], args)).rejects.toMatchObject({
        name: expect.stringMatching(/^(Usage|Finding)Error$/),
      });
    });
  }
});
