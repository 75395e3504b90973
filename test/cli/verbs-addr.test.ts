import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';
import { isRoot, runCli } from './run-cli.ts';

const LINKS = ['v0', 'v1', 'w0', 'w1'];
const SETUP = [
  'link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
  'link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04',
  'link property add dev w0 altname a-longer-name-for-w0',
  ...LINKS.map((name) => `link set ${name} addrgenmode none`),
  ...['lo', ...LINKS].map((name) => `link set ${name} up`),
];

/** One is a while younger than the other, and more so on a slow machine. */
const seconds = (one: unknown, other: unknown) => Math.abs(Number(one) - Number(other)) <= 10;
const OPTIONS = {
  show: ['addr show'],
  loose: { 'addr_info.valid_life_time': seconds, 'addr_info.preferred_life_time': seconds },
};

/** Each after the other, in both namespaces. */
const LINES = `
addr add 10.1.0.1/24 dev v0
addr add 10.1.0.1/24 dev v0
a a 10.1.0.2/24 dev v0
addr add 10.1.0.3 dev v0
addr add local 10.1.0.4/24 dev v0
addr add 10.1.1.1/24 brd + dev v0
addr add 10.1.2.1/24 broadcast - dev v0
addr add 10.1.3.1/24 brd 10.1.3.99 dev v0
addr add 10.1.4.1/31 brd + dev v0
addr add 10.1.5.1/32 brd + dev v0
addr add 10.1.6.1 peer 10.1.6.2 dev v0
addr add 10.1.7.1 peer 10.1.7.2/24 dev v0
addr add 10.1.8.1 remote 10.1.8.2/30 brd + dev v0
addr add 10.1.9.1/24 peer 10.1.9.2 dev v0
addr add 10.1.10.1/24 dev v0 label v0:x
addr add 10.1.11.1/24 dev v0 label other
addr add 10.1.13.1/24 dev v0 scope link
addr add 10.1.14.1/24 dev v0 scope host
addr add 10.1.15.1/24 dev v0 scope 77
addr add 10.1.15.2/24 dev v0 scope nonsense
addr add 10.1.16.1/24 dev v0 metric 200
addr add 10.1.17.1/24 dev v0 priority 300
addr add 10.1.18.1/24 dev v0 preference 0x10
addr add 10.1.19.1/24 dev v0 metric nonsense
addr add 10.1.20.1/24 dev v0 valid_lft 1000 preferred_lft 500
addr add 10.1.21.1/24 dev v0 valid_lft 1000
addr add 10.1.22.1/24 dev v0 preferred_lft 500
addr add 10.1.23.1/24 dev v0 valid_lft forever preferred_lft 700
addr add 10.1.24.1/24 dev v0 valid_lft 0 preferred_lft 0
addr add 10.1.24.1/24 dev v0 valid_lft 10 preferred_lft 20
addr add 10.1.24.1/24 dev v0 valid_lft nonsense
addr add 10.1.24.1/24 dev v0 valid_lft 50 valid_lft 60
addr add 10.1.25.1/24 dev v0 noprefixroute
addr add 10.1.26.1/24 dev v0 nodad
addr add 10.1.27.1/24 dev v0 secondary
addr add 10.1.28.1/24 dev v0 permanent
addr add 10.1.29.1/24 dev v0 autojoin
addr add 224.9.9.9/32 dev v0 autojoin
addr add 10.1.30.1/24 anycast 10.1.30.9 dev v0
addr add 127.9.0.1/8 dev v0
addr add 10.1.31.1/255.255.255.0 dev v0
addr add 10.1.32/24 dev v0
addr add 10.1.33.1/33 dev v0
addr add 300.1.1.1/24 dev v0
addr add nonsense dev v0
addr add 10.1.34.1/24 10.1.35.1/24 dev v0
addr add 10.1.34.1/24
addr add 10.1.34.1/24 dev nonsense
addr add 10.1.34.1/24 dev if9
addr add 10.1.34.1/24 dev a-longer-name-for-w0
addr add 10.1.34.1/24 dev
addr add 10.1.34.1/24 peer
addr add 10.1.34.1/24 peer fd01::1 dev v0
addr add 10.1.34.1/24 peer 10.1.34.2 peer 10.1.34.3 dev v0
addr add 10.1.34.1/24 brd + brd - dev v0
addr add fd01::1/64 dev v0
addr add fd01::1/64 dev v0
addr add fd01::2/64 dev v0 nodad
addr add fd01::3/64 dev v0 nodad home mngtmpaddr noprefixroute
addr add fd01::4 dev v0 nodad
addr add fd01::5/64 brd + dev v0
addr add fd01::6 peer fd01::7 dev v0 nodad
addr add fd01::8/64 peer fd01::9/64 dev v0 nodad
addr add fd01::a/64 dev v0 nodad valid_lft 5000 preferred_lft 4000
addr add fd01::b/64 dev v0 nodad metric 99
addr add fd01::c/64 dev v0 nodad optimistic
addr add fd01::d/64 dev v0 tentative nodad
addr add nodad fd01::e/64 dev v0
-6 addr add nodad fd01::f/64 dev v0
addr add fe80::99/64 dev v0 nodad
addr add ::1/128 dev v0
-6 addr add 10.1.36.1/24 dev v0
-4 addr add fd01::10/64 dev v0
addr change 10.1.1.1/24 dev v0 valid_lft 900 preferred_lft 800
addr chg 10.1.1.1/24 dev v0 valid_lft 901 preferred_lft 801
addr change 10.1.99.1/24 dev v0
addr replace 10.1.99.1/24 dev v0 metric 44
addr rep 10.1.98.1/24 dev v0
addr replace fd01::a/64 dev v0 valid_lft 6000 preferred_lft 600
addr replace fd01::20/64 dev v0 nodad
addr change fd01::21/64 dev v0 nodad
addr del 10.1.0.3/32 dev v0
addr del 10.1.0.3/32 dev v0
addr del 10.1.0.4 dev v0
addr del 10.1.1.1/25 dev v0
addr d 10.1.1.1/24 dev v0
addr delete 10.1.6.1 peer 10.1.6.2 dev v0
addr del 10.1.7.1/24 dev v0
addr del 10.1.7.1 peer 10.1.7.2/24 dev v0
addr del 10.1.10.1/24 dev v0 label other
addr del 10.1.10.1/24 dev v0 label v0:x
addr del fd01::1 dev v0
addr del fd01::1/64 dev v0
addr del fd01::4/128 dev v0
addr del fd01::6 peer fd01::7 dev v0
addr del fd01::77/64 dev v0
addr del 10.1.2.1/24 dev w0
addr del 10.1.2.1/24 brd + dev v0
addr del 10.1.3.1/24
addr frobnicate
addr add help
addr flush
-0 addr flush dev v0
addr flush dev nonsense
addr flush dev w0
-s addr flush dev w0
-s -s addr flush to 10.1.9.0/24
-s addr flush to 10.1.9.0/24
addr flush dev v0 label v0:*
addr flush dev v0 scope link
addr flush dev v0 scope nonsense
-s addr flush dev v0 dynamic
addr flush dev v0 primary to 10.1.0.0/24
-6 addr flush dev v0 home
-4 addr flush dev v0 permanent
-s -l 1 addr flush to fd01::/64
addr flush up
`;

describe.runIf(isRoot)('ip address', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
    // Whether an address is still being probed is a matter of the moment.
    twin.exec('sysctl', '-qw', ...LINKS.map((name) => `net.ipv6.conf.${name}.accept_dad=0`));
  });
  afterAll(() => twin[Symbol.dispose]());

  test('changes, word for word', { timeout: 180_000 }, async () => {
    await expectEqualLines(twin, LINES, OPTIONS);
    expect(twin.lines).toBeGreaterThan(100);
    expect(twin.refused).toBeLessThan(twin.lines / 2);
  });

  test('save and restore, each what the other wrote', { timeout: 240_000 }, async () => {
    const { ours, theirs } = twin;
    const lines = ['10.5.0.1/24', '10.5.0.2/24', 'fd05::1/64'].map((one) => `addr add ${one} dev w0`);
    for (const name of [ours, theirs])
      execFileSync('ip', ['-n', name, '-batch', '-'], { input: lines.join('\n') });
    const saved = execFileSync('ip', ['-n', theirs, 'addr', 'save', 'dev', 'w0']);
    const own = await runCli(['-n', ours, 'addr', 'save', 'dev', 'w0'], { encoding: 'latin1' });
    expect(own.stdout.length).toBe(saved.length);
    const shown = await runCli(['addr', 'showdump'], { input: saved });
    expect(shown).toMatchObject({
      code: 0,
      stdout: execFileSync('ip', ['addr', 'showdump'], { input: saved, encoding: 'utf8' }),
    });
    const json = await runCli(['-j', 'addr', 'showdump'], { input: saved });
    const expected = execFileSync('ip', ['-j', 'addr', 'showdump'], { input: saved, encoding: 'utf8' });
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(expected));
    await expectEqualLines(twin, 'addr flush dev w0', OPTIONS);
    // Each reads the other's stream.
    execFileSync('ip', ['-n', theirs, 'addr', 'restore'], { input: Buffer.from(own.stdout, 'latin1') });
    expect(await runCli(['-n', ours, 'addr', 'restore'], { input: saved })).toMatchObject({ code: 0 });
    await expectEqualLines(twin, 'addr del 10.5.0.9/24 dev w0', OPTIONS);
    // What is there already is told of, and no failure.
    const again = await runCli(['-n', ours, 'addr', 'restore'], { input: saved });
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(again.stderr).toContain('ipv4: Address already assigned.');
    const other = await runCli(['-n', ours, 'route', 'restore'], { input: saved });
    expect(other).toMatchObject({ code: 1, stderr: 'Magic mismatch (1 elems, 47361222 magic)\n' });
  });
});
