import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '../support/random.ts';
import { Twin } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

/**
 * Lines of words at random, most of them wrong: both command lines must take and refuse the same ones, and leave the
 * same behind. The seed is fixed; COFFERDAM_RANDOM_LINES and COFFERDAM_RANDOM_SEED make it more, and others.
 */

const LINES = Number(process.env.COFFERDAM_RANDOM_LINES ?? 40);

const SETUP = [
  'link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
  ...['v0', 'v1'].map((name) => `link set ${name} addrgenmode none`),
  ...['lo', 'v0', 'v1'].map((name) => `link set ${name} up`),
  'addr add 10.1.0.1/24 dev v0',
  'addr add fd01::1/64 dev v0 nodad',
];

/** What stands in a line: alternatives, of which each is some words; `?` before one that may be left out. */
const PREFIXES = ['10.9.0.0/16', '10.9.1.0/24', '10.9.1.1', 'fd09::/64', 'fd09::1', 'default', '10.9.1.1/24'];
const GATES = ['10.1.0.2', '10.1.0.3', 'fd01::2', '10.99.0.1', 'inet6 fd01::3'];
const DEVICES = ['dev v0', 'dev v1', 'dev lo', 'dev none'];

const GRAMMARS: Readonly<Record<string, { show: string[]; parts: readonly (readonly string[])[] }>> = {
  route: {
    show: ['route show table all'],
    parts: [
      ['add', 'add', 'replace', 'change', 'append', 'prepend', 'del', 'del', 'test'],
      ['?', '?', 'blackhole', 'local', 'unreachable', 'broadcast'],
      PREFIXES,
      ['?', ...GATES.map((gate) => `via ${gate}`)],
      ['?', ...DEVICES],
      ['?', '?', 'metric 7', 'metric 0x8', 'metric', 'table 100', 'table main', 'table 300', 'table none'],
      ['?', '?', 'proto static', 'proto 99', 'scope link', 'scope host', 'scope global', 'tos 8', 'onlink'],
      ['?', '?', '?', 'mtu 1400', 'mtu lock 1300', 'src 10.1.0.1', 'src fd01::1', 'pref low', 'nhid 5', 'x'],
    ],
  },
  addr: {
    show: ['addr show'],
    parts: [
      ['add', 'add', 'replace', 'change', 'del', 'del'],
      ['10.7.0.1/24', '10.7.0.2/24', '10.7.0.2', 'fd07::1/64', 'fd07::1', '10.7.0.3/31', '10.7/16'],
      ['?', '?', 'peer 10.7.0.9', 'peer 10.7.0.9/24', 'peer fd07::9', 'brd +', 'brd -', 'brd 10.7.0.255'],
      [
        '?',
        '?',
        'scope link',
        'scope host',
        'label v0:a',
        'label v0',
        'metric 5',
        'noprefixroute',
        'nodad',
        'x',
      ],
      [...DEVICES, 'dev v0', 'dev v0'],
    ],
  },
  rule: {
    show: ['rule show', '-6 rule show'],
    parts: [
      ['add', 'add', 'del', 'del'],
      ['?', '?', 'not'],
      ['?', 'from 10.9.0.0/16', 'from all', 'to 10.9.1.1', 'from fd09::/64', 'from 10.9.1.1/33'],
      [
        '?',
        '?',
        'fwmark 5',
        'fwmark 5/7',
        'iif v0',
        'oif lo',
        'tos 8',
        'ipproto tcp',
        'dport 80-90',
        'uidrange 1-2',
      ],
      ['?', 'pref 100', 'pref 101', 'pref 102', 'pref x'],
      ['?', 'table 100', 'table 300', 'lookup main', 'blackhole', 'nop', 'goto 500', 'x'],
    ],
  },
  neigh: {
    // Multicast entries come by themselves.
    show: ['permanent', 'noarp']
      .flatMap((state) => ['10.1.0.0/16', 'fd01::/64'].map((to) => `neigh show nud ${state} to ${to}`))
      .concat('neigh show proxy'),
    parts: [
      ['add', 'add', 'replace', 'change', 'del', 'del'],
      ['10.1.0.50', '10.1.0.51', 'fd01::50', 'proxy 10.1.0.52', 'proxy fd01::52', '10.1.0.50/24'],
      ['?', 'lladdr 02:00:00:00:00:09', 'lladdr 02:00:00:00:00:0a', 'lladdr 02:00', 'lladdr null'],
      ['?', '?', 'nud permanent', 'nud noarp', 'nud x', 'router', 'extern_learn', 'proto static'],
      [...DEVICES, 'dev v0', 'dev v0'],
    ],
  },
  nexthop: {
    show: ['nexthop show'],
    parts: [
      ['add', 'add', 'replace', 'del', 'del'],
      ['id 1', 'id 2', 'id 3', 'id 4', 'id 5', 'id x'],
      [
        '?',
        'via 10.1.0.2',
        'via fd01::2',
        'via 10.99.0.1',
        'blackhole',
        'group 1',
        'group 1/2',
        'group 2,5/3',
      ],
      ['?', 'dev v0', 'dev v0', 'dev v1', 'dev none'],
      ['?', '?', 'onlink', 'proto static', 'fdb', 'type mpath', 'type resilient buckets 4', 'x'],
    ],
  },
};

/** mulberry32: small, and the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe.runIf(isRoot)('words at random', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
    // Whether an address is being probed, and what came of it, is a matter of the moment.
    twin.exec('sysctl', '-qw', ...['lo', 'v0', 'v1'].map((name) => `net.ipv6.conf.${name}.accept_dad=0`));
  });
  afterAll(() => twin[Symbol.dispose]());

  test.each(Object.keys(GRAMMARS))('ip %s', { timeout: 600_000 }, async (object) => {
    const { show, parts } = GRAMMARS[object] ?? { show: [], parts: [] };
    const next = random(SEED);
    const found: string[] = [];
    for (let i = 0; i < LINES; i++) {
      const chosen = parts.map((part) => part[next(part.length)] ?? '').filter((words) => words !== '?');
      const line = [object, ...chosen].join(' ');
      const difference = await twin.differs(line, { show, words: 'any' });
      if (difference !== undefined) found.push(difference);
    }
    expect(found.join('\n\n')).toBe('');
  });
});
