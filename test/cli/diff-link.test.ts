import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkView } from '../../src/cli/show/link.ts';
import { Netns } from '../../src/netns/index.ts';
import { links } from '../route/link-world.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import {
  compareJson,
  compareText,
  type Difference,
  describe as inWords,
  parseIpJson,
  World,
} from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { LINK_CLOCKS, running } from '../support/worlds/clocks.ts';

/** Two hundred mixed links, shown by `ip` and by us. */

describe('cofferdam link show against ip link show', () => {
  let world: World;
  let elsewhere: string | undefined;
  let nameless: Netns | undefined;

  beforeAll(async () => {
    world = await World.open();
    // Nobody answers, and the counters should stand still.
    world.exec('sysctl', '-qw', 'net.ipv6.conf.default.router_solicitations=0');
    world.batch(links());
    // Other ends elsewhere: in a namespace with a name, and in one that nobody can name.
    const name = `${world.name}-elsewhere`;
    execFileSync('ip', ['netns', 'add', name]);
    elsewhere = name;
    nameless = await Netns.create();
    for (let i = 0; i < 6; i++) {
      await world.rt.link.add({
        kind: 'veth',
        ifname: `far${i}`,
        peer: { ifname: `f${i}`, netns: name },
      });
      await world.rt.link.add({ kind: 'veth', ifname: `no${i}`, up: true, peer: { netns: nameless } });
    }
    // A macvlan whose lower link stayed behind.
    world.batch([`link set mv0 netns ${name}`]);
    world.batch(['link add mvback link va1 type macvlan mode bridge']);
  }, 180_000);

  afterAll(async () => {
    console.log(`links: ${world.objects} objects, ${world.fields} fields compared`);
    nameless?.close();
    if (elsewhere !== undefined) execFileSync('ip', ['netns', 'del', elsewhere]);
    await world[Symbol.asyncDispose]();
  });

  const check = (flags: readonly string[], args: readonly string[] = [], atLeast = 0) =>
    it([...flags, 'link show', ...args].join(' '), async () => {
      const { differences, objects } = await world.compare(linkView, 'link', flags, args, {
        loose: LINK_CLOCKS,
      });
      expect(inWords(differences)).toBe('');
      expect(objects).toBeGreaterThanOrEqual(atLeast);
    });

  for (const flags of [
    ['-j'],
    ['-d', '-j'],
    ['-s', '-j'],
    ['-s', '-s', '-j'],
    ['-d', '-s', '-s', '-j'],
    ['-br', '-j'],
    ['-N', '-d', '-j'],
    ['-4', '-j'],
    ['-6', '-d', '-j'],
    ['-o', '-j'],
    [],
    ['-s'],
    ['-s', '-s'],
    ['-h', '-s', '-s'],
    ['-h', '-iec', '-s'],
    ['-br'],
    ['-o'],
    ['-o', '-s'],
    ['-N'],
  ])
    check(flags, [], 200);

  for (const filter of [
    'dev va0',
    'va0',
    'dev alternative-name-number-3',
    'alt4',
    'up',
    'master br0',
    'master br2 up',
    'nomaster',
    'nomaster dev va0',
    'master br0 dev va1',
    'type veth',
    'type bridge',
    'type vxlan',
    'type macvlan',
    'type tun',
    'type ifb',
    'type bridge_slave',
    'type vrf_slave',
    'type veth master br0',
    'group 1003',
    'group default',
    'group 1003 dev va3',
    'dev va0 up',
    'up va1',
    'permanent',
    'scope link',
    'label x',
  ]) {
    check(['-d', '-j'], filter.split(' '));
    check([], filter.split(' '));
  }
  for (const flags of [['-br'], ['-br', '-j'], ['-s'], ['-o', '-d', '-s']]) check(flags, ['dev', 'mv14'], 1);

  it('-d link show: text with running timers', async () => {
    // Every line but for the timers, which do not stand still.
    const still = (text: string) => text.replace(/(_timer) +\d+\.\d+/g, '$1');
    const isReal = ({ expected, actual }: Difference) => still(String(expected)) !== still(String(actual));
    for (const flags of [['-d'], ['-d', '-o'], ['-d', '-s', '-s']]) {
      const { differences } = await world.compare(linkView, 'link', flags, [], { isReal });
      expect(inWords(differences)).toBe('');
    }
  });

  it('the timers tell the same time, to a second or so', async () => {
    const timers = (text: string) =>
      [...text.matchAll(/(\w+_timer) +(\d+\.\d+)/g)].map(([, name, value]) => ({
        name,
        value: Number(value),
      }));
    const look = async () => {
      const expected = timers(world.ip('-d', 'link', 'show', 'type', 'bridge'));
      const actual = timers(await world.show(linkView, ['-d'], ['type', 'bridge']));
      expect(actual.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
      expect(expected.length).toBe(40);
      return expected.flatMap(({ name, value }, i) =>
        running(value, actual[i]?.value) ? [] : [`${name} ${value}, ours ${actual[i]?.value}`],
      );
    };
    expect(await lookUntil(look, (apart) => apart.length === 0)).toEqual([]);
  });

  it('refuses what ip refuses', async () => {
    for (const args of [
      ['dev', 'bogus'],
      ['va0', 'va1'],
      ['master', 'bogus'],
      ['vrf', 'br0'],
      ['vrf', 'bogus'],
      ['group', 'bogus'],
      ['scope', 'bogus'],
      ['to', '10.0.0.0/8'],
      ['dev'],
      ['type'],
    ]) {
      expect(() => world.ip('link', 'show', ...args), `ip link show ${args.join(' ')}`).toThrow();
      await expect(linkView.run(args, world.context([])), args.join(' ')).rejects.toThrow();
    }
  });

  it('a kind that the kernel does not know has no links; ip shows as many empty objects as there are links', async () => {
    expect(parseIpJson(await world.show(linkView, ['-j'], ['type', 'nonesuch']))).toEqual([]);
  });

  it('colours as ip does', async () => {
    const environment = { ...process.env };
    delete environment.COLORFGBG;
    const look = async () => {
      const expected = execFileSync('ip', ['-n', world.name, '-c=always', 'link', 'show'], {
        encoding: 'utf8',
        env: environment,
      });
      return inWords(compareText(expected, await world.show(linkView, ['-c=always'], [])).differences);
    };
    expect(await lookUntil(look, (differences) => differences === '')).toBe('');
  });

  it('notices a value that was altered, a key that is missing, an object too many', async () => {
    const args = ['-d', '-j', 'link', 'show', 'type', 'vxlan'];
    const text = world.ip(...args);
    const expected = parseIpJson(text);
    expect(compareJson(expected, parseIpJson(text)).differences).toEqual([]);
    const altered = text.replace('"id":1101', '"id":1102');
    expect(altered).not.toBe(text);
    expect(compareJson(expected, parseIpJson(altered)).differences).toEqual([
      { path: '[1].linkinfo.info_data.id', expected: 1101, actual: 1102 },
    ]);
    const missing = text.replace('"learning":true,', '');
    expect(compareJson(expected, parseIpJson(missing)).differences).toHaveLength(1);
    expect(compareJson(parseIpJson(missing), expected).differences).toHaveLength(1);
    expect(compareJson(expected, expected.slice(1)).differences.length).toBeGreaterThan(0);
    // Beyond what a double can tell apart.
    expect(
      compareJson(
        parseIpJson('[{"bytes":18446744073709551615}]'),
        parseIpJson('[{"bytes":18446744073709551614}]'),
      ).differences,
    ).toHaveLength(1);
  });

  it('through the compiled command line', async () => {
    // Without counters: they go on counting while a process starts.
    for (const flags of [['-j', '-d'], ['-br'], ['-o']]) {
      const main = compiledUrl('cli/main.js');
      const source = `process.argv.splice(1, 0, 'cofferdam'); await import(${JSON.stringify(main)});`;
      const look = async () => {
        const expected = world.ip(...flags, 'link', 'show');
        const { code, stdout, stderr } = await runModule(source, {
          arguments: ['-n', world.name, ...flags, 'link', 'show'],
        });
        expect(stderr).toBe('');
        expect(code).toBe(0);
        return inWords(
          (flags.includes('-j')
            ? compareJson(parseIpJson(expected), parseIpJson(stdout), { loose: LINK_CLOCKS })
            : compareText(expected, stdout)
          ).differences,
        );
      };
      expect(await lookUntil(look, (differences) => differences === '')).toBe('');
    }
  }, 180_000);
});
