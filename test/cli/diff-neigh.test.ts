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

/**
 * 500 neighbours of both families in every state, proxies, and forwarding entries, shown by `ip` and by us. Ages run
 * on while we look: they may differ by a second, and by nothing else.
 */

const STATES = ['permanent', 'permanent', 'reachable', 'stale', 'noarp', 'permanent', 'none', 'failed'];
const EXTRAS = ['', 'router', '', 'extern_learn', 'proto static', '', 'router proto bgp', 'proto 77', ''];

const mac = (n: number) => `52:54:00:${[n >> 16, n >> 8, n].map((b) => (b & 255).toString(16)).join(':')}`;

function* neighbours(count: number, address: (n: number) => string): Generator<string> {
  for (let i = 1; i <= count; i++) {
    const state = STATES[i % STATES.length];
    const extra = EXTRAS[i % EXTRAS.length];
    const lladdr = state === 'none' || state === 'failed' ? '' : `lladdr ${mac(i)}`;
    yield `neighbour add ${address(i)} dev ${i % 3 === 0 ? 'veth2' : 'veth0'} ${lladdr} nud ${state} ${extra}`;
  }
}

const second = (expected: unknown, actual: unknown) => Math.abs(Number(expected) - Number(actual)) <= 1;
const AGES = { used: second, confirmed: second, updated: second };
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
    world.batch([
      'link add veth0 type veth peer name veth1',
      'link add veth2 type veth peer name veth3',
      'link add br0 type bridge',
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1 dev veth0',
      'link set veth1 master br0',
      'tuntap add dev tun0 mode tun',
      ...['lo', 'br0', 'veth0', 'veth1', 'veth2', 'veth3', 'vx0', 'tun0'].map((dev) => `link set ${dev} up`),
      'address add 10.0.0.1/8 dev veth0',
      'address add 2001:db8::1/64 dev veth0 nodad',
      'address add 10.200.0.1/24 dev tun0',
    ]);
    // Timers that never fire: the states stay what they were made.
    for (const family of ['ipv4', 'ipv6'])
      for (const dev of ['veth0', 'veth2'])
        for (const timer of [
          'delay_first_probe_time',
          'retrans_time_ms',
          'base_reachable_time_ms',
          'gc_stale_time',
        ])
          world.exec(
            'sysctl',
            '-qw',
            `net.${family}.neigh.${dev}.${timer}=${timer.endsWith('ms') ? 2000000 : 2000}`,
          );
    world.batch([
      ...neighbours(300, (n) => `10.1.${n >> 8}.${n & 255}`),
      ...neighbours(240, (n) => `2001:db8::a:${n.toString(16)}`),
      'neighbour add 10.2.0.1 dev veth0 use',
      'neighbour add 10.2.0.2 dev veth0 managed',
      'neighbour add 10.2.0.3 dev veth0 nud incomplete',
      'neighbour add 10.2.0.4 dev veth0 nud probe lladdr 52:54:00:00:00:04',
      'neighbour add 10.2.0.5 dev veth0 nud stale lladdr 52:54:00:00:00:05',
      'neighbour add 10.2.0.6 dev veth2 nud stale lladdr 52:54:00:00:00:06 extern_learn managed',
      'neighbour add 2001:db8::2:1 dev veth0 nud probe lladdr 52:54:00:00:00:07',
      'neighbour add 10.200.0.2 dev tun0 nud permanent',
      ...Array.from({ length: 15 }, (_, n) => `neighbour add proxy 10.3.0.${n} dev veth${n % 2 ? 0 : 2}`),
      ...Array.from({ length: 15 }, (_, n) => `neighbour add proxy 2001:db8::3:${n} dev veth0`),
      'neighbour add proxy 10.3.1.1',
      'neighbour add proxy 10.3.1.2 dev veth0 proto static',
    ]);
    // A packet to a stale neighbour makes it DELAY.
    world.exec('bash', '-c', 'echo > /dev/udp/10.2.0.5/9');
    for (const words of [
      'fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.1',
      'fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2 vni 7 port 8472 via veth2',
      'fdb add 02:00:00:00:00:01 dev vx0 dst 192.0.2.3',
      'fdb add 02:00:00:00:00:02 dev veth1 master static',
      'fdb add 02:00:00:00:00:03 dev veth1 master sticky dynamic',
      'fdb add 02:00:00:00:00:04 dev veth1 self',
    ])
      world.exec('bridge', ...words.split(' '));
  });
  afterAll(async () => {
    console.log(`neighbours: ${world.objects} objects, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], least = 0) =>
    it([...flags, 'neighbour show', ...args].join(' '), async () => {
      let looks = 0;
      let found: { objects: number; differences: readonly Difference[] };
      do {
        found = await world.compare(neighbourView, 'neighbour', flags, args, { loose: AGES, attempts: 1 });
        if (!flags.includes('-j')) found = { ...found, differences: found.differences.filter(beyondAges) };
        // The kernel may clear away a failed or unused neighbour between our look and the other.
      } while (found.differences.length > 0 && ++looks < 4);
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
    const warned = world.ip('-B', '-j', 'neighbour', 'show', 'master', 'br0');
    const expected = parseIpJson(warned.replace(/\nWARNING: .*\n\n/g, ''));
    const actual = parseIpJson(await world.show(neighbourView, ['-B', '-j'], ['master', 'br0']));
    const { differences } = compareJson(expected, actual);
    expect(inWords(differences)).toBe('');
    expect(expected.length).toBeGreaterThanOrEqual(3);
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
