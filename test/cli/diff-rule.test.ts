import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleView } from '../../src/cli/show/rule.ts';
import { compareText, describe as inWords, World } from '../support/diff.ts';

/** 200 rules, with every selector and every action that this kernel takes, shown by `ip` and by us. */

const SELECTORS = [
  (n: number) => `from 10.${n}.0.0/16`,
  (n: number) => `from 10.0.${n}.1`,
  (n: number) => `to 172.16.${n}.0/24`,
  (n: number) => `from 10.${n}.0.0/16 to 192.0.2.${n}`,
  () => 'from 0.0.0.0/0',
  (n: number) => `tos 0x${(4 * (n % 8)).toString(16)}`,
  (n: number) => `fwmark ${n}`,
  (n: number) => `fwmark 0x${n.toString(16)}/0xff`,
  () => 'fwmark 0/0xf0',
  () => 'fwmark 0xffffffff/0xffffffff',
  () => 'iif lo',
  () => 'iif nothere',
  () => 'oif lo',
  () => 'oif nothere',
  () => 'iif lo oif veth0',
  (n: number) => `uidrange ${n}-${n + 1000}`,
  () => 'uidrange 0-4294967294',
  () => 'ipproto tcp',
  () => 'ipproto icmp',
  () => 'ipproto 200',
  (n: number) => `ipproto udp sport ${n}`,
  (n: number) => `sport ${n}-${n + 10} dport 443`,
  () => 'dport 1-65534',
  (n: number) => `tun_id ${n}`,
  () => 'tun_id 18446744073709551615',
  (n: number) => `not from 10.${n}.0.0/16`,
  () => 'not fwmark 7',
];
const ACTIONS = [
  () => 'table main',
  () => 'table 100',
  () => 'table 4000000000',
  () => 'table 252',
  () => 'prohibit',
  () => 'blackhole',
  () => 'unreachable',
  () => 'nop',
  (pref: number) => `goto ${pref + 1}`,
  () => 'goto 40000',
  () => 'table 7 suppress_prefixlength 0',
  () => 'table 7 suppress_prefixlength 24 suppress_ifgroup 5',
  () => 'table 8 suppress_ifgroup default',
  () => 'table 9 proto static',
  () => 'prohibit proto bgp',
  () => 'table 10 proto 77',
  () => 'l3mdev',
];
const REALMS = ['table 11 realms 3', 'table 11 realms 4/5', 'table 11 realms 0/6'];

function* rules(count: number, spell: (text: string) => string): Generator<string> {
  for (let i = 0; i < count; i++) {
    const pref = 100 + i;
    const selector = SELECTORS[i % SELECTORS.length]?.(i % 250) ?? '';
    const action = ACTIONS[i % ACTIONS.length]?.(pref) ?? '';
    yield `rule add pref ${pref} ${spell(selector)} ${action}`;
  }
}

const toIpv6 = (text: string) =>
  text
    .replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)/g, (_, a, b, c, d, length) =>
      Number(length) === 0 ? '::/0' : `2001:db8:${a}:${b}:${c}:${d}::/${2 * Number(length) + 32}`,
    )
    .replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)\b/g, '2001:db8::$1:$2:$3:$4');

describe('cofferdam rule show against ip rule show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 type veth peer name veth1',
      ...rules(120, (text) => text),
      ...REALMS.map((action, i) => `rule add pref ${1000 + i} ${action}`),
      'rule add goto 100',
      'rule add table 12',
    ]);
    world.batch([...rules(80, toIpv6)], '-6');
  });
  afterAll(async () => {
    console.log(`rules: ${world.objects} objects, ${world.fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  // A test each: what differs is named by the command that shows it.
  const check = (flags: readonly string[], args: readonly string[] = []) =>
    it([...flags, 'rule show', ...args].join(' '), async () => {
      const { differences, objects } = await world.compare(ruleView, 'rule', flags, args);
      expect(inWords(differences)).toBe('');
      if (args.length === 0) expect(objects).toBeGreaterThanOrEqual(flags.includes('-6') ? 82 : 128);
    });

  for (const family of [[], ['-4'], ['-6']]) {
    for (const flags of [['-j'], ['-d', '-j'], ['-s', '-j'], ['-N', '-j'], ['-d', '-N', '-j'], [], ['-d']])
      check([...family, ...flags]);
    check([...family, '-s']);
    check([...family, '-o']);
    check([...family, '-br', '-j']);
    check([...family, '-d', '-s', '-N', '-o']);
  }

  const FILTERS: readonly (readonly string[])[] = [
    ['from', '10/8'],
    ['from', '10.0.30.0/24'],
    ['from', 'all'],
    ['src', '10.27.0.0/16'],
    ['to', '172.16.0.0/12'],
    ['172.16.0.0/12'],
    ['dst', '192.0.2.3'],
    ['pref', '120'],
    ['priority', '0'],
    ['order', '0x70'],
    ['not'],
    ['tos', '0x10'],
    ['dsfield', '10'],
    ['fwmark', '7'],
    ['fwmark', '7/0xff'],
    ['fwmark', '0/0xf0'],
    ['fwmark', '0'],
    ['iif', 'lo'],
    ['dev', 'nothere'],
    ['oif', 'veth0'],
    ['iif', 'lo', 'oif', 'veth0'],
    ['l3mdev'],
    ['uidrange', '0-4294967294'],
    ['ipproto', 'tcp'],
    ['ipproto', 'UDP'],
    ['ipproto', '200'],
    ['sport', '20'],
    ['sport', '21-31'],
    ['dport', '443'],
    ['dport', '1-65534'],
    ['dport', '443', 'sport', '48-58'],
    ['tun_id', '0xffffffffffffffff'],
    ['tun_id', '50'],
    ['table', 'main'],
    ['lookup', '4000000000'],
    ['table', 'local'],
    ['table', '0'],
    ['protocol', 'static'],
    ['proto', 'all'],
    ['table', '100', 'not'],
  ];
  for (const filter of FILTERS) {
    check(['-j'], filter);
    check(['-d'], filter);
  }
  check(['-6', '-j'], ['from', '2001:db8::/32']);
  check(['-6', '-j'], ['from', '2001:db8:10::/48', 'table', '100']);
  check(['-6', '-j'], ['to', '::/0']);

  it.each(['-br', '-o', '-d'])('%s in colour, as ip -c=always', async (flag) => {
    const context = world.context([flag]);
    const { text } = await ruleView.run([], {
      ...context,
      options: { ...context.options, color: true },
    });
    const { differences } = compareText(world.ip('-c=always', flag, 'rule', 'show'), text);
    expect(inWords(differences)).toBe('');
  });

  const BAD: readonly (readonly string[])[] = [
    ['pref', 'x'],
    ['pref'],
    ['tos', 'nonsense'],
    ['fwmark', '1/x'],
    ['iif', 'a-name-that-is-too-long'],
    ['uidrange', '7'],
    ['ipproto', 'nonsense'],
    ['sport', 'x'],
    ['table', 'nonsense'],
    ['proto', 'nonsense'],
    ['from', '2001:db8::/32'],
    ['nonsense'],
    ['from', '10.0.0.0/33'],
  ];
  for (const args of BAD) {
    it(`refuses ${args.join(' ')}, as ip does`, async () => {
      expect(() => world.ip('rule', 'show', ...args)).toThrow();
      await expect(world.show(ruleView, ['-j'], args)).rejects.toMatchObject({ name: 'UsageError' });
    });
  }
});
