import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';
import { isRoot, runCli } from './run-cli.ts';

const SETUP = [
  'link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
  'link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04',
  'link set lo up',
  // Addresses that the kernel makes come when they come.
  ...['v0', 'v1', 'w0', 'w1'].map((name) => `link set ${name} addrgenmode none`),
  ...['v0', 'v1', 'w0', 'w1'].map((name) => `link set ${name} up`),
  'addr add 10.1.0.1/24 dev v0',
  'addr add 10.2.0.1/24 dev w0',
  'addr add fd01::1/64 dev v0 nodad',
  'addr add fd02::1/64 dev w0 nodad',
  'nexthop add id 7 via 10.1.0.77 dev v0',
  'nexthop add id 8 via fd01::77 dev v0',
];

const SHOW = { show: ['route show table all'] };
/** One is a while younger than the other, and more so on a slow machine. */
const LOOSE = {
  loose: {
    expires: (one: unknown, other: unknown) => Math.abs(Number(one) - Number(other)) <= 10,
  },
};

/**
 * Each after the other, in both namespaces. The kernel keeps `notify` in the cached route of the nexthop and the CPU
 * that asked for it, so it stands behind all that asks for the same route.
 */
const LINES = `
route add 10.9.1.0/24 via 10.1.0.2
route add 10.9.1.0/24 via 10.1.0.2
r a 10.9.2.0/24 dev v0
ro ad 10.9.3.1 dev v0
route add to 10.9.4.0/24 dev v0 scope link
route add 10.9.5.0/24 dev v0 scope host
route add 10.9.5.0/24 dev v0 scope nonsense
route add 10.9.6.0/24 via 10.1.0.2 metric 5
route add 10.9.6.0/24 via 10.1.0.3 metric 6
route add 10.9.6.0/24 via 10.1.0.3 priority 7
route add 10.9.6.0/24 via 10.1.0.3 preference 8
route add 10.9.6.0/24 via 10.1.0.3 metric x
route add 10.9.7.0/24 via 10.1.0.2 proto static
route add 10.9.8.0/24 via 10.1.0.2 proto 99
route add 10.9.8.1/32 via 10.1.0.2 proto nonsense
route add 10.9.9.0/24 via 10.1.0.2 table 100
route add 10.9.9.0/24 via 10.1.0.2 table 1000
route add 10.9.9.0/24 via 10.1.0.2 table local
route add 10.9.9.0/24 via 10.1.0.2 table nonsense
route add 10.9.10.0/24 via 10.1.0.2 src 10.2.0.1
route add 10.9.11.0/24 via 10.1.0.2 src 10.3.0.1
route add 10.9.12.0/24 via 10.1.0.2 tos 0x10
route add 10.9.12.0/24 via 10.1.0.2 dsfield 8
route add 10.9.12.0/24 via 10.1.0.2 tos 0x100
route add 10.9.13.0/24 via 10.1.0.2 mtu 1400
route add 10.9.14.0/24 via 10.1.0.2 mtu lock 1400 window 3000 rtt 40 rttvar 20ms ssthresh 5 cwnd 10 advmss 1200
route add 10.9.15.0/24 via 10.1.0.2 reordering 5 hoplimit 64 initcwnd 11 features ecn rto_min 300ms initrwnd 12
route add 10.9.16.0/24 via 10.1.0.2 quickack 1 congctl cubic fastopen_no_cookie 1
route add 10.9.17.0/24 via 10.1.0.2 congctl lock reno rtt 1s rttvar 1.5s rto_min 1sec
route add 10.9.18.0/24 via 10.1.0.2 congctl nonsense
route add 10.9.18.0/24 via 10.1.0.2 hoplimit 256
route add 10.9.18.0/24 via 10.1.0.2 quickack 2
route add 10.9.18.0/24 via 10.1.0.2 features nonsense
route add 10.9.18.0/24 via 10.1.0.2 rtt 5x
route add 10.9.18.0/24 via 10.1.0.2 mtu
route add 10.9.18.0/24 via
route add
route add via 10.1.0.2
route add 10.9.18.0/33 dev v0
route add 10.9.18.1/24 dev v0
route add 300.1.1.1 dev v0
route add 10.9.18.0/24 dev nonsense
route add 10.9.18.0/24 dev if3
route add 10.9.19.0/24 via 10.1.0.2 dev v0 onlink
route add 10.9.20.0/24 via 192.168.77.1 dev v0 onlink
route add 10.9.21.0/24 via 192.168.77.1 dev v0
route add 10.9.22.0/24 via 10.1.0.2 dev w0
route add 10.9.23.0/24 via inet6 fd01::2 dev v0
route add 10.9.24.0/24 via fd01::2 dev v0
route add 10.9.24.0/24 via 10.1.0.2 via 10.1.0.3
route add fd09:1::/64 via inet 10.1.0.2
route add 10.9.25.0/24 nhid 7
route add 10.9.25.0/24 nhid 99
route add 10.9.24.0/24 nhid 7 dev v0
route add 10.9.24.0/24 nhid 7 via 10.1.0.77
route add fd09:2:2::/64 nhid 8 via fd01::77
route del 10.9.25.0/24 nhid 7 dev v0
route add 10.9.25.0/24 nhid x
route add fd09:2::/64 nhid 8
route add blackhole 10.9.26.0/24
route add unreachable 10.9.27.0/24
route add prohibit 10.9.28.0/24
route add throw 10.9.29.0/24
route add local 10.9.30.1 dev v0
route add broadcast 10.9.31.255 dev v0
route add brd 10.9.32.255 dev v0
route add multicast 224.9.0.0/16 dev v0
route add anycast 10.9.33.1 dev v0
route add nat 10.9.34.0/24 dev v0
route add unicast 10.9.35.0/24 dev v0
route add blackhole
route add blackhole default metric 9999
route add default via 10.1.0.2 metric 50
route add 0.0.0.0/0 via 10.1.0.2 metric 51
route add any via 10.1.0.2 metric 52
route add 10.9/16 dev v0
route add 10.9.36.0/255.255.255.0 dev v0
route add 10.9.37.0/24 realms 3/4 via 10.1.0.2
route add 10.9.38.0/24 realms 5 via 10.1.0.2
route add 10.9.39.0/24 realms x/ via 10.1.0.2
route add 10.9.40.0/24 nexthop via 10.1.0.2 weight 3 nexthop via 10.2.0.2 dev w0
route add 10.9.41.0/24 nexthop via 10.1.0.2 onlink dev v0 nexthop dev w0 weight 256
route add 10.9.42.0/24 nexthop via 10.1.0.2 weight 0
route add 10.9.42.0/24 nexthop via 10.1.0.2 weight 257
route add 10.9.42.0/24 nexthop
route add 10.9.42.0/24 nexthop via 10.1.0.2 nonsense
route add 10.9.42.0/24 nexthop via inet6 fd01::3 dev v0 nexthop via 10.1.0.3 realms 1/2
route add 10.9.43.0/24 via 10.1.0.2 10.9.44.0/24
route add 10.9.45.0/24 via 10.1.0.2 expires 100
route add 10.9.46.0/24 via 10.1.0.2 pref high
route add fd09:3::/64 via fd01::2
route add fd09:3::/64 via fd01::2
route add fd09:4::/64 dev v0 metric 77
route add fd09:5::/64 via fd01::2 pref high
route add fd09:6::/64 via fd01::2 pref low
route add fd09:7::/64 via fd01::2 pref medium
route add fd09:7::/64 via fd01::2 pref nonsense
route add fd09:8::/64 via fd01::2 expires 1000
route add fd09:9::/64 nexthop via fd01::2 nexthop via fd02::2 weight 5
route add fd09:a::/64 from fd0f::/64 via fd01::2
route add default via fd01::2
route add default from fd0e::/48 via fd01::2 metric 5
-6 route add default via fd02::2 metric 2000
-6 route add 10.9.47.0/24 dev v0
-4 route add fd09:b::/64 dev v0
-6 route add blackhole fd09:c::/64
-6 route add unreachable default metric 4000
route add fd09:d::/64 via fe80::1 dev v0
route add fd09:e::/64 via fe80::1
route add local fd09:f::1 dev v0
route add anycast fd09:10::1 dev v0
route add 10.9.50.0/24 encap ip id 7 dst 10.1.0.9 ttl 9 tos 4 key csum seq dev v0
route add 10.9.51.0/24 encap ip6 id 8 dst fd01::9 src fd01::1 hoplimit 9 tc 4 dev v0
route add 10.9.52.0/24 encap ip id 7 id 8 dst 10.1.0.9 dev v0
route add 10.9.52.0/24 encap ip ttl 300 dev v0
route add 10.9.52.0/24 encap nonsense 1 dev v0
route add 10.9.52.0/24 encap ip
route add fd09:11::/64 encap seg6 mode encap segs fd01::a,fd01::b dev v0
route add fd09:12::/64 encap seg6 mode inline segs fd01::a dev v0
route add fd09:13::/64 encap seg6 segs fd01::a mode inline dev v0
route add fd09:13::/64 encap seg6 mode nonsense segs fd01::a dev v0
route add fd09:14::/64 encap seg6local action End.DT6 table 100 dev v0
route add fd09:15::/64 encap seg6local action End.X nh6 fd01::2 dev v0
route add fd09:16::/64 encap seg6local action End.X nh6 fd01::2 count dev v0
route add fd09:17::/64 encap seg6local action End flavors psp dev v0
route add fd09:18::/64 encap seg6local action End.B6.Encaps srh segs fd01::a,fd01::b dev v0
route add fd09:19::/64 encap seg6local action nonsense dev v0
route add fd09:19::/64 encap seg6local table 5 dev v0
route add 10.9.53.0/24 encap seg6 mode encap segs fd01::a dev v0
route change 10.9.2.0/24 dev w0
route change 10.9.199.0/24 dev w0
route chg 10.9.2.0/24 dev v0
route replace 10.9.2.0/24 dev w0
route replace 10.9.60.0/24 via 10.1.0.2
route rep 10.9.60.0/24 via 10.1.0.3
route append 10.9.60.0/24 via 10.1.0.4
route append 10.9.60.0/24 via 10.1.0.4
route prepend 10.9.60.0/24 via 10.1.0.5
route test 10.9.60.0/24 via 10.1.0.5
route test 10.9.61.0/24 via 10.1.0.5
route append fd09:20::/64 via fd01::2
route append fd09:20::/64 via fd01::3
route replace fd09:20::/64 via fd01::4
route change fd09:20::/64 via fd01::5
route change fd09:99::/64 via fd01::5
route del 10.9.1.0/24
route del 10.9.1.0/24
route del 10.9.6.0/24 metric 6
route del 10.9.6.0/24 via 10.1.0.2
route delete 10.9.9.0/24 table 1000
route d 10.9.9.0/24 table 100
route del 10.9.9.0/24 table 4242
route del blackhole 10.9.26.0/24
route del unreachable 10.9.28.0/24
route del 10.9.27.0/24
route del local 10.9.30.1
route del broadcast 10.9.31.255 dev v0
route del 10.9.7.0/24 proto static
route del 10.9.8.0/24 proto static
route del 10.9.40.0/24
route del 10.9.41.0/24 dev v0
route del 10.9.42.0/24 nexthop via inet6 fd01::3 dev v0 nexthop via 10.1.0.3
route del fd09:3::/64
route del fd09:9::/64 nexthop via fd02::2
route del fd09:4::/64 metric 76
route del fd09:4::/64 dev w0
route del fd09:4::/64 dev v0 metric 77
route del default
-6 route del default
route del default metric 9999
route del 10.9.25.0/24 nhid 7
route del 10.9.16.0/24 scope host
route del 10.9.12.0/24 tos 0x10
route del nonsense
route del
route frobnicate
route add nonsense
route add 10.9.70.0/24 dev v0 nonsense 5
route add 10.9.70.0/24 via nonsense
route add 10.9.70.0/24 vrf v0 dev v0
route add 10.9.70.0/24 vrf nonsense dev v0
route add 10.9.70.0/24 vrf default dev v0
route add 10.9.71.0/24 via 10.1.0.2 ttl-propagate enabled
route add 10.9.72.0/24 via 10.1.0.2 ttl-propagate nonsense
-echo route add 10.9.80.0/24 via 10.1.0.2 metric 7
-echo route add 10.9.80.0/24 via 10.1.0.2 metric 7
-d -echo route replace 10.9.80.0/24 via 10.1.0.3 metric 7
-echo route del 10.9.80.0/24
-echo route add fd09:80::/64 via fd01::2
-echo route del fd09:80::/64
-echo addr add 10.7.0.1/24 dev v0
-echo addr del 10.7.0.1/24 dev v0
-echo rule add pref 77 table 7
-echo rule del pref 77
-echo nexthop add id 9 dev v0
-echo nexthop replace id 9 via 10.1.0.9 dev v0
nexthop del id 9
route get 10.9.60.1
-j route get 10.9.60.1
-d route get 10.9.60.1
-d -j route get 10.9.60.1
-d route get fibmatch 10.9.60.1
-j route get fibmatch 10.9.60.1
route get 10.1.0.1
route get 127.0.0.1
route get 10.9.60.1 from 10.2.0.1
route get 10.9.60.1 from 10.99.0.1
route get 10.9.60.1 from 10.1.0.2 iif v0
route get 10.9.60.1 from 10.2.0.2 iif w0
route get 10.9.60.1 uid 1000
route get 10.9.60.1 uid x
route get 10.9.60.1 mark 0x20
route get 10.9.60.1 mark 7 tos 0x10 ipproto tcp sport 5 dport 443
route get 10.9.60.1 ipproto udp dport 70000
route get 10.9.60.1 ipproto nonsense
route get 10.9.60.1 oif v0
route get 10.9.60.1 dev w0
route get 10.9.60.1 dev nonsense
route get 10.9.60.0/24
route get to 10.9.60.9/32
route get 10.9.60.1 notify
route get 10.9.27.1
route get 10.9.28.1
route get 10.9.29.1
route get 240.0.0.1
route get 255.255.255.255
route get 224.9.1.1
route get fd01::9
-j route get fd01::9
-d route get fd09:5::1
route get fd01::9 from fd02::1
route get fd09:c::1
route get ff02::1 dev v0
-6 route get 10.1.0.9
route get nonsense
route get
route flush
route flush 10.9.50.0/24
route flush table 4242
route flush proto static
route flush dev w0 proto boot
route flush via 10.1.0.2 dev v0
-6 route flush fd09:5::/64
route flush table all type blackhole
route flush root 10.9.0.0/16
route flush cache
`;

/** `ip` goes over the stream three times: it must be a file. */
function restoreTheirs(name: string, stream: Buffer): void {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-routes-'));
  try {
    writeFileSync(join(directory, 'stream'), stream);
    const fd = openSync(join(directory, 'stream'), 'r');
    execFileSync('ip', ['-n', name, 'route', 'restore'], { stdio: [fd, 'pipe', 'pipe'] });
    closeSync(fd);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.runIf(isRoot)('ip route', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
  });
  afterAll(() => twin[Symbol.dispose]());

  test('changes, word for word', { timeout: 180_000 }, async () => {
    await expectEqualLines(twin, LINES, { ...SHOW, ...LOOSE });
    expect(twin.lines).toBeGreaterThan(150);
    // Half of them must have done something.
    expect(twin.refused).toBeLessThan(twin.lines / 2);
  });

  test('save and restore, each what the other wrote', { timeout: 240_000 }, async () => {
    const { ours, theirs } = twin;
    const lines = [
      'route flush table 100',
      'route add 10.6.0.0/24 via 10.1.0.2 table 100 mtu 1400 metric 7',
      'route add 10.6.1.0/24 dev v0 table 100 src 10.1.0.1',
      'route add 10.6.2.0/24 nexthop via 10.1.0.2 weight 2 nexthop via 10.2.0.2 table 100',
      'route add blackhole 10.6.3.0/24 table 100',
      'route add fd06::/64 via fd01::2 table 100 expires 1000',
    ];
    await expectEqualLines(twin, lines.join('\n'), { ...SHOW, ...LOOSE });
    const saved = [['-4'], ['-6']].map((family) =>
      execFileSync('ip', ['-n', theirs, ...family, 'route', 'save', 'table', '100']),
    );
    for (const [i, family] of ['-4', '-6'].entries()) {
      const stream = saved[i] ?? Buffer.alloc(0);
      const own = await runCli(['-n', ours, family, 'route', 'save', 'table', '100'], { encoding: 'latin1' });
      expect(own.stdout.length).toBe(stream.length);
      const shown = await runCli(['-n', ours, '-d', 'route', 'showdump'], { input: stream });
      expect(shown).toMatchObject({
        code: 0,
        stdout: execFileSync('ip', ['-n', theirs, '-d', 'route', 'showdump'], {
          input: stream,
          encoding: 'utf8',
        }),
      });
      execFileSync('ip', ['-n', theirs, family, 'route', 'flush', 'table', '100']);
      restoreTheirs(theirs, Buffer.from(own.stdout, 'latin1'));
      await runCli(['-n', ours, family, 'route', 'flush', 'table', '100']);
      const restored = await runCli(['-n', ours, 'route', 'restore'], { input: stream });
      expect(restored).toMatchObject({ code: 0, stderr: '' });
    }
    // The time that a route has left is in the stream; only one of us writes it back.
    const noTime = { loose: {}, extra: ['expires'] };
    await expectEqualLines(twin, 'route add 10.6.9.0/24 dev v0 table 100', { ...SHOW, ...noTime });
  });

  test('more than a handful are flushed in one go', { timeout: 240_000 }, async () => {
    const many = Array.from(
      { length: 2000 },
      (_, i) => `route add 10.30.${i >> 8}.${i & 255} dev v0 table 200`,
    );
    for (const name of [twin.ours, twin.theirs])
      execFileSync('ip', ['-n', name, '-batch', '-'], { input: many.join('\n') });
    // From the test before: `ip` does not restore how long a route has left.
    const loose = { ...SHOW, extra: ['expires'] };
    await expectEqualLines(twin, '-s route flush table 200\n-s route flush table 200', loose);
  });
});
