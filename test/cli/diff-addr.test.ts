import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressView } from '../../src/cli/show/addr.ts';
import { compareText, type Difference, describe as inWords, World } from '../support/diff.ts';

/**
 * 2,000 addresses of every sort, shown by `ip` and by us. Lifetimes and the timers of bridges run on while we look:
 * they may differ by what two looks take, and by nothing else.
 */

const LINKS = ['veth0', 'veth1', 'veth2', 'br0', 'tun0', 'ifb0', 'lo'];

const INET = [
  (n: number) => `10.1.${n >> 8}.${n & 255}/24`,
  (n: number) => `10.2.${n >> 8}.${n & 255}/16 broadcast +`,
  (n: number) => `10.3.${n >> 8}.${n & 255}/20 broadcast -`,
  (n: number) => `10.4.${n >> 8}.${n & 255} peer 10.5.${n >> 8}.${n & 255}`,
  (n: number) => `10.6.${n >> 8}.${n & 255} peer 10.7.${n >> 8}.${n & 255}/30`,
  (n: number) => `10.8.${n >> 8}.${n & 255}/32 scope link`,
  (n: number) => `10.9.${n >> 8}.${n & 255}/28 scope host metric ${n}`,
  (n: number) => `10.10.${n >> 8}.${n & 255}/8 scope 77 noprefixroute`,
  (n: number) => `10.11.${n >> 8}.${n & 255}/24 valid_lft ${50_000 + n} preferred_lft ${40_000 + n}`,
  (n: number) => `10.12.${n >> 8}.${n & 255}/24 valid_lft forever preferred_lft ${30_000 + n}`,
  (n: number) => `10.13.${n >> 8}.${n & 255}/24 valid_lft 90000 preferred_lft 0`,
  (n: number) => `10.14.${n >> 8}.${n & 255}/31 broadcast 10.255.255.255 metric 4294967295`,
];
const INET6 = [
  (n: number) => `2001:db8:1::${n.toString(16)}/64 nodad`,
  (n: number) => `2001:db8:2::${n.toString(16)}/128 nodad home`,
  (n: number) => `2001:db8:3::${n.toString(16)} peer 2001:db8:4::${n.toString(16)} nodad`,
  (n: number) => `2001:db8:5:${n.toString(16)}::1/64 nodad noprefixroute`,
  (n: number) => `2001:db8:6::${n.toString(16)}/96 nodad metric ${n}`,
  (n: number) => `2001:db8:7::${n.toString(16)}/64 nodad valid_lft ${50_000 + n} preferred_lft ${40_000 + n}`,
  (n: number) => `2001:db8:8::${n.toString(16)}/64 nodad valid_lft 90000 preferred_lft 0`,
  (n: number) => `fec0::${n.toString(16)}/64 nodad`,
  (n: number) => `fe80::1:${n.toString(16)}/64 nodad`,
  (n: number) => `::ffff:10.200.${n >> 8}.${n & 255}/128 nodad`,
];

function* addresses(count: number, sorts: readonly ((n: number) => string)[], links: readonly string[]) {
  for (let i = 0; i < count; i++) {
    const dev = links[i % links.length];
    const label = sorts === INET && i % 5 === 0 ? ` label ${dev}:${i}` : '';
    yield `address add ${sorts[Math.trunc(i / links.length) % sorts.length]?.(i)} dev ${dev}${label}`;
  }
}

const near = (slack: number) => (expected: unknown, actual: unknown) =>
  typeof actual === 'number' &&
  expected !== 0xffffffff &&
  actual !== 0xffffffff &&
  Math.abs(Number(expected) - actual) <= slack;
const anyNumber = (_expected: unknown, actual: unknown) => typeof actual === 'number';
const CLOCKS = {
  'addr_info.valid_life_time': near(2),
  'addr_info.preferred_life_time': near(2),
  'linkinfo.info_data.gc_timer': anyNumber,
  'linkinfo.info_data.hello_timer': anyNumber,
};

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
    world.batch([
      'link add veth0 type veth peer name veth1',
      'link add veth2 type veth peer name veth3',
      'link add br0 type bridge',
      'link add ifb0 type ifb',
      'link add vx0 type vxlan id 7 dstport 4789 local 10.1.0.1',
      'link add mac0 link veth0 type macvlan mode bridge',
      'tuntap add dev tun0 mode tun',
      'link set veth3 master br0',
      'link set ifb0 group 5 alias "an alias"',
      'link property add dev br0 altname a-longer-name-for-the-bridge',
      'link set lo up',
    ]);
    for (const dev of ['veth0', 'veth1', 'veth2', 'veth3', 'br0', 'tun0', 'ifb0'])
      world.exec('sysctl', '-qw', `net.ipv6.conf.${dev}.addr_gen_mode=1`);
    world.exec('sysctl', '-qw', 'net.ipv6.conf.mac0.stable_secret=2001:db8::5ec:2e7');
    world.exec('sysctl', '-qw', 'net.ipv6.conf.veth1.use_tempaddr=2');
    world.exec('sysctl', '-qw', 'net.ipv6.conf.veth1.optimistic_dad=1');
    world.exec('sysctl', '-qw', 'net.ipv6.conf.vx0.disable_ipv6=1');
    // veth2 and mac0 stay down, and what is on them tentative.
    world.batch(['veth0', 'veth1', 'veth3', 'br0', 'tun0', 'ifb0'].map((dev) => `link set ${dev} up`));
    world.batch([
      ...addresses(1200, INET, LINKS),
      ...addresses(780, INET6, LINKS),
      'address add 239.1.2.3/32 dev veth0 autojoin',
      'address add ff05::1:3/128 dev veth0 autojoin',
      'address add 2001:db8:ffff::1/64 dev veth1 nodad',
      'address add 2001:db8:ffff::1/64 dev veth0',
      'address add 2001:db8:fffe::1/64 dev veth1 mngtmpaddr valid_lft 80000 preferred_lft 70000',
      'address add 2001:db8:fffd::1/64 dev veth2',
      'address add 2001:db8:fffc::1/64 dev veth2 home noprefixroute',
    ]);
    world.batch(['link set mac0 up']);
    // Duplicate address detection takes a second or two; what it says stays.
    for (let i = 0; i < 100 && !world.ip('address', 'show', 'dadfailed').includes('2001:db8:ffff::1'); i++)
      await sleep(100);
    await sleep(1500);
  });
  afterAll(async () => {
    console.log(`addresses: ${world.objects} links, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], least = 0) =>
    it([...flags, 'address show', ...args].join(' '), async () => {
      const found = await world.compare(addressView, 'address', flags, args, { loose: CLOCKS, attempts: 2 });
      const differences = flags.includes('-j') ? found.differences : found.differences.filter(beyondClocks);
      expect(inWords(differences)).toBe('');
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
    const context = world.context([flag]);
    const { text } = await addressView.run(['dev', 'veth0'], {
      ...context,
      options: { ...context.options, color: true },
    });
    const { differences } = compareText(world.ip('-c=always', flag, 'address', 'show', 'dev', 'veth0'), text);
    expect(inWords(differences.filter(beyondClocks))).toBe('');
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
