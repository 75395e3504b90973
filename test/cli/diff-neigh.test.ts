import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { neighbourView } from '../../src/cli/show/neigh.ts';
import {
  compareJson,
  compareText,
  type Difference,
  describe as inWords,
  parseIpJson,
  World,
} from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { NEIGHBOUR_CLOCKS, second } from '../support/worlds/clocks.ts';
import { neighbourWorld } from '../support/worlds/neighbours.ts';

/**
 * 500 neighbours of both families in every state, proxies, and forwarding entries, shown by `ip` and by us. Ages run
 * on while we look: they may differ by a second, and by nothing else.
 */

const AGES_IN_TEXT = / used (\d+)\/(\d+)\/(\d+)/;

/** What still differs between lines when their ages may be a second apart. */
function beyondAges({ expected, actual }: Difference): boolean {
  const one = AGES_IN_TEXT.exec(String(expected));
  const other = AGES_IN_TEXT.exec(String(actual));
  if (one === null || other === null) return true;
  if (String(expected).replace(AGES_IN_TEXT, '') !== String(actual).replace(AGES_IN_TEXT, '')) return true;
  return ![1, 2, 3].every((group) => second(one[group], other[group]));
}

describe('cofferdam neighbour show against ip neighbour show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    const { links, sysctls, neighbours, fdb } = neighbourWorld();
    world.batch(links);
    world.sysctl(sysctls);
    world.batch(neighbours);
    // A packet to a stale neighbour makes it DELAY.
    world.exec('bash', '-c', 'echo > /dev/udp/10.2.0.5/9');
    for (const words of fdb) world.exec('bridge', ...words.split(' '));
  });
  afterAll(async () => {
    console.log(`neighbours: ${world.objects} objects, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], least = 0) =>
    it([...flags, 'neighbour show', ...args].join(' '), async () => {
      // The kernel may clear away a failed or unused neighbour between our look and the other.
      const found = await world.compare(neighbourView, 'neighbour', flags, args, {
        loose: NEIGHBOUR_CLOCKS,
        ...(!flags.includes('-j') && { isReal: beyondAges }),
      });
      expect(inWords(found.differences)).toBe('');
      expect(found.objects).toBeGreaterThanOrEqual(least);
    });

  for (const flags of [['-j'], ['-d', '-j'], ['-s', '-j'], ['-s', '-d', '-j'], ['-N', '-j'], ['-br', '-j']]) {
    check(flags, ['nud', 'all'], 420);
    check(['-4', ...flags], ['nud', 'all'], 220);
    check(['-6', ...flags], ['nud', 'all'], 180);
    check(flags, [], 300);
    check(flags, ['proxy'], 32);
    check(['-6', ...flags], ['proxy'], 15);
    check(['-B', ...flags], [], 10);
  }
  for (const flags of [[], ['-d'], ['-s'], ['-s', '-s'], ['-o'], ['-br'], ['-N']]) {
    check(flags, ['nud', 'all'], 420);
    check(flags, [], 300);
    check(flags, ['proxy'], 32);
    check(['-B', ...flags], [], 10);
  }
  for (const family of ['-0', '-M']) {
    it(`${family}: none`, async () => {
      expect(JSON.parse(world.ip(family, '-j', 'neighbour', 'show'))).toEqual([]);
      expect(await world.show(neighbourView, [family, '-j'], [])).toBe('[]');
    });
  }

  for (const state of [
    'permanent',
    'reachable',
    'stale',
    'noarp',
    'none',
    'failed',
    'incomplete',
    'probe',
    'delay',
  ])
    check(['-j'], ['nud', state], 1);
  const FILTERS: readonly (readonly string[])[] = [
    ['nud', 'perm'],
    ['nud', '0x80', 'nud', '4'],
    ['nud', 'none', 'nud', 'failed'],
    ['dev', 'veth0'],
    ['dev', 'veth2', 'nud', 'all'],
    ['to', '10.1.0.0/25'],
    ['10.1.0.0/25', 'dev', 'veth0'],
    ['to', '2001:db8::a:0/121', 'nud', 'all'],
    ['to', '10.1.0.1'],
    ['proxy', 'dev', 'veth2'],
    ['proxy', 'to', '10.3.1.1'],
    ['proto', 'static'],
    ['protocol', 'bgp'],
    ['protocol', '77'],
    ['protocol', 'all'],
    ['unused'],
    ['unused', 'nud', 'all'],
    ['master', 'br0', 'nud', 'all'],
    ['nomaster', 'nud', 'all'],
    ['nomaster', 'dev', 'veth2'],
  ];
  for (const filter of FILTERS) {
    check(['-j'], filter);
    check(['-s', '-j'], filter);
    check([], filter);
  }
  check(['-B', '-j'], ['dev', 'vx0'], 3);
  it('-B -j neighbour show master br0: as ip without its warning, which is not JSON', async () => {
    const look = async () => {
      const warned = world.ip('-B', '-j', 'neighbour', 'show', 'master', 'br0');
      const expected = parseIpJson(warned.replace(/\nWARNING: .*\n\n/g, ''));
      const actual = parseIpJson(await world.show(neighbourView, ['-B', '-j'], ['master', 'br0']));
      return compareJson(expected, actual);
    };
    const found = await lookUntil(look, ({ differences }) => differences.length === 0);
    expect(inWords(found.differences)).toBe('');
    expect(found.objects).toBeGreaterThanOrEqual(3);
  });

  it.each(['-br', '-o', '-d'])('%s in colour, as ip -c=always', async (flag) => {
    const context = world.context([flag]);
    const { text } = await neighbourView.run(['nud', 'permanent'], {
      ...context,
      options: { ...context.options, color: true },
    });
    const { differences } = compareText(
      world.ip('-c=always', flag, 'neighbour', 'show', 'nud', 'permanent'),
      text,
    );
    expect(inWords(differences)).toBe('');
  });

  const BAD: readonly (readonly string[])[] = [
    ['dev', 'nothere'],
    ['dev', 'veth0', 'dev', 'veth2'],
    ['master', 'nothere'],
    ['vrf', 'nothere'],
    ['vrf', 'br0'],
    ['nud', 'nonsense'],
    ['nud', '3'],
    ['nud'],
    ['protocol', 'nonsense'],
    ['nonsense'],
    ['to', '10.0.0.0/33'],
  ];
  for (const args of BAD) {
    it(`refuses ${args.join(' ')}, as ip does`, async () => {
      expect(() => world.ip('neighbour', 'show', ...args)).toThrow();
      await expect(world.show(neighbourView, ['-j'], args)).rejects.toMatchObject({
        name: expect.stringMatching(/^(Usage|Finding)Error$/),
      });
    });
  }
});
