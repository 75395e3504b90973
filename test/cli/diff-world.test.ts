import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { links } from '../route/link-world.ts';
import { inet6Routes, inetRoutes, NEXTHOPS, LINKS as ROUTE_LINKS } from '../route/route-world.ts';
import {
  type CompareOptions,
  compareBetween,
  compareJson,
  describe as inWords,
  parseIpJson,
  World,
} from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { addressWorld } from '../support/worlds/addresses.ts';
import { ADDRESS_CLOCKS, LINK_CLOCKS, NEIGHBOUR_CLOCKS } from '../support/worlds/clocks.ts';
import { neighbourWorld } from '../support/worlds/neighbours.ts';
import { manyNexthops } from '../support/worlds/nexthops.ts';
import { inet6Rules, inetRules } from '../support/worlds/rules.ts';
import { runCli } from './run-cli.ts';

/**
 * Everything at once: one network namespace with links, addresses, routes, rules, neighbours and nexthops of all
 * sorts, shown by `ip` and by the compiled command line, each in a process of its own.
 */

type Loose = NonNullable<CompareOptions['loose']>;
const NO_CLOCKS: Loose = {};
const LINK_AND_ADDRESS_CLOCKS: Loose = { ...ADDRESS_CLOCKS, ...LINK_CLOCKS };

/** What is shown, the words for it, how many there are at least, and what runs on meanwhile. */
const SHOWN: readonly (readonly [words: string, atLeast: number, loose: Loose])[] = [
  ['link show', 200, LINK_CLOCKS],
  ['address show', 200, LINK_AND_ADDRESS_CLOCKS],
  ['route show table all', 10_000, NO_CLOCKS],
  ['-6 route show table all', 4000, NO_CLOCKS],
  ['-4 rule show', 120, NO_CLOCKS],
  ['-6 rule show', 80, NO_CLOCKS],
  ['neighbour show nud all', 470, NEIGHBOUR_CLOCKS],
  ['neighbour show proxy', 30, NEIGHBOUR_CLOCKS],
  ['nexthop show', 400, NO_CLOCKS],
];

const FLAGS = [['-j'], ['-d', '-j'], ['-s', '-d', '-j']] as const;

/** `value` with its `at`th scalar altered, and what the scalar was. */
function altered(value: readonly unknown[], at: number): unknown[] {
  let left = at;
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one === 'object' && one !== null)
      return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]));
    if (left-- !== 0) return one;
    // Further off than any clock may be.
    if (typeof one === 'number') return one + 1_000_003;
    return typeof one === 'boolean' ? !one : `${String(one)}x`;
  };
  return value.map(walk);
}

describe('cofferdam -j against ip -j, everything at once', () => {
  let world: World;
  let objects = 0;
  let fields = 0;
  /** By the words of SHOWN: our last answer. */
  const shownByUs = new Map<string, unknown[]>();

  beforeAll(async () => {
    world = await World.open();
    // Nobody answers, and the counters should stand still.
    world.sysctl(['net.ipv6.conf.default.router_solicitations=0']);
    const addresses = addressWorld({ prefix: 'a', inet: 30, inet6: '2001:dba' });
    const neighbours = neighbourWorld({ prefix: 'n', inet: 40, inet6: '2001:dbb' });
    world.batch([...links(), ...addresses.links, ...neighbours.links]);
    world.sysctl([...addresses.sysctls, ...neighbours.sysctls]);
    world.batch([...ROUTE_LINKS, ...NEXTHOPS, ...manyNexthops(), ...addresses.addresses]);
    world.batch([...inetRoutes(6000), ...inet6Routes(4000), ...neighbours.neighbours]);
    // Rules last: the kernel asks them where a gateway is.
    world.batch(inetRules());
    world.batch(inet6Rules(), '-6');
    // Duplicate address detection takes a second or two; what it says stays.
    const failed = () => world.ip('address', 'show', 'dadfailed');
    await lookUntil(failed, (text) => text.includes('2001:dba:ffff::1'));
    await world.settle();
  }, 180_000);

  afterAll(async () => {
    console.log(`everything at once: ${objects} objects, ${fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const ours = async (words: readonly string[]): Promise<unknown[]> => {
    const { code, stdout, stderr } = await runCli(['-n', world.name, ...words]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return parseIpJson(stdout);
  };

  it('is as large as it should be', () => {
    const count = (...words: string[]) => parseIpJson(world.ip('-j', ...words)).length;
    const withAddresses = parseIpJson(world.ip('-j', 'address', 'show')) as { addr_info: unknown[] }[];
    const counts = {
      links: count('link', 'show'),
      addresses: withAddresses.reduce((sum, { addr_info }) => sum + addr_info.length, 0),
      routes: count('route', 'show', 'table', 'all'),
      rules: count('-4', 'rule', 'show') + count('-6', 'rule', 'show'),
      neighbours: count('neighbour', 'show', 'nud', 'all'),
      nexthops: count('nexthop', 'show'),
    };
    const inShort = Object.entries(counts).map(([name, number]) => `${number} ${name}`);
    console.log(`in one namespace: ${inShort.join(', ')} to be compared`);
    expect(counts.links).toBeGreaterThanOrEqual(200);
    expect(counts.addresses).toBeGreaterThanOrEqual(2000);
    expect(counts.routes).toBeGreaterThanOrEqual(10_000);
    expect(counts.rules).toBeGreaterThanOrEqual(200);
    expect(counts.neighbours).toBeGreaterThanOrEqual(500);
    expect(counts.nexthops).toBeGreaterThanOrEqual(400);
  });

  for (const [shown, atLeast, loose] of SHOWN)
    for (const flags of FLAGS)
      it(`${flags.join(' ')} ${shown}`, async () => {
        const words = [...flags, ...shown.split(' ')];
        // A steady difference stays one. But the kernel may clear away a neighbour, and fifteen seconds after its
        // first port a bridge begins to forward: then it has a carrier, and for two seconds new addresses and routes.
        const look = async () => {
          const before = parseIpJson(world.ip(...words));
          const actual = await ours(words);
          const once = compareJson(before, actual, { loose });
          if (once.differences.length === 0) return { actual, found: once };
          const after = parseIpJson(world.ip(...words));
          return { actual, found: compareBetween(before, actual, after, { loose }) };
        };
        const { actual, found } = await lookUntil(look, (seen) => seen.found.differences.length === 0);
        shownByUs.set(shown, actual);
        objects += found.objects;
        fields += found.fields;
        expect(inWords(found.differences)).toBe('');
        expect(found.objects).toBeGreaterThanOrEqual(atLeast);
      }, 180_000);

  it('notices any value of ours that is altered, and an object that is missing', () => {
    expect(shownByUs.size).toBe(SHOWN.length);
    for (const [shown, , loose] of SHOWN) {
      const actual = shownByUs.get(shown)?.slice(-500) ?? [];
      const scalars = compareJson(actual, actual).fields;
      for (const at of [0, scalars / 3, scalars / 2, scalars - 1].map(Math.trunc)) {
        const { differences } = compareBetween(actual, altered(actual, at), actual, { loose });
        expect(differences, `${shown}, value ${at}`).toHaveLength(1);
      }
      const { differences } = compareBetween(actual, actual.slice(0, -1), actual, { loose });
      expect(differences, shown).toEqual([
        { path: '.length', expected: actual.length, actual: actual.length - 1 },
      ]);
    }
  });
});
