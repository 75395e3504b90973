import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleView } from '../../src/cli/show/rule.ts';
import { compareText, describe as inWords, World } from '../support/diff.ts';
import { inet6Rules, inetRules } from '../support/worlds/rules.ts';

/** 200 rules, with every selector and every action that this kernel takes, shown by `ip` and by us. */

describe('cofferdam rule show against ip rule show', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add veth0 type veth peer name veth1', ...inetRules()]);
    world.batch(inet6Rules(), '-6');
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
