import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

const LINKS = ['v0', 'v1', 'w0', 'w1'];
const SETUP = [
  'link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
  'link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04',
  'link add br0 type bridge',
  'link set w0 master br0',
  ...LINKS.map((name) => `link set ${name} addrgenmode none`),
  ...['lo', ...LINKS].map((name) => `link set ${name} up`),
  'addr add 10.1.0.1/24 dev v0',
  'addr add fd01::1/64 dev v0 nodad',
];

const OPTIONS = {
  show: ['nexthop show'],
  // How long a group has been out of balance runs on.
  loose: { 'resilient_args.unbalanced_time': () => true },
};

const LINES = `
nexthop add id 1 via 10.1.0.2 dev v0
nexthop add id 1 via 10.1.0.2 dev v0
nex a id 2 via 10.1.0.3 dev v0 onlink
nexthop add id 3 dev v0
nexthop add id 4 dev v0 via fd01::2
nexthop add id 4 via fd01::2 dev v0
nexthop add id 5 via inet6 fd01::3 dev v0
nexthop add id 6 blackhole
-6 nexthop add id 7 blackhole
-6 nexthop add id 8 dev v0
nexthop add id 9 via 10.1.0.4 dev v0 proto static
nexthop add id 10 via 10.1.0.4 dev v0 protocol 99
nexthop add id 11 via 10.1.0.4 dev v0 protocol nonsense
nexthop add id 11 via 10.99.0.4 dev v0
nexthop add id 11 via 10.99.0.4 dev v0 onlink
nexthop add id 12 via nonsense dev v0
nexthop add id 12 via 10.1.0.5 dev nonsense
nexthop add id 12 via 10.1.0.5
nexthop add id nonsense via 10.1.0.5 dev v0
nexthop add id 12 nonsense
nexthop add id 12 fdb
nexthop replace id 12 onlink
nexthop add id 12
nexthop add id
nexthop add via 10.1.0.6 dev v0
nexthop add id 13 via 10.1.0.5 dev v0 blackhole
nexthop add id 14 via 10.1.0.5 dev w1
nexthop add id 15 encap ip id 5 dst 10.1.0.9 dev v0
nexthop add id 16 encap seg6 mode encap segs fd01::a via fd01::2 dev v0
nexthop add id 17 encap nonsense 5 dev v0
nexthop add id 18 fdb via 10.1.0.20
nexthop add id 19 via fd01::20 fdb
nexthop add id 20 dev br0
nexthop add id 100 group 1
nexthop add id 101 group 1/2
nexthop add id 102 group 1,5/2,10
nexthop add id 103 group 1,0/2
nexthop add id 103 group 1,257/2
nexthop add id 103 group nonsense
nexthop add id 103 group 1/1
nexthop add id 103 group 1/99
nexthop add id 103 group 100
nexthop add id 103 group 1/2 type mpath
nexthop add id 104 group 1/2 type nonsense
nexthop add id 104 group 1/2 type resilient
nexthop add id 105 group 1/2 type resilient buckets 8
nexthop add id 106 group 1/9 type resilient buckets 16 idle_timer 5 unbalanced_timer 60
nexthop add id 107 group 1/2 type resilient buckets 70000
nexthop add id 107 group 1/2 type resilient idle_timer nonsense
nexthop add id 107 group 1/2 type resilient buckets 8 unbalanced_timer 99999999
nexthop add id 108 group 18 fdb
nexthop add id 109 group 18/19 fdb
nexthop add id 109 group 6/1
nexthop add id 110 group 1 dev v0
nexthop replace id 1 via 10.1.0.22 dev v0
nexthop rep id 50 via 10.1.0.23 dev v0
nexthop replace id 102 group 1/2/50
nexthop replace id 105 group 1/2/50 type resilient idle_timer 7
nexthop replace id 1 group 2
nexthop replace id 100 via 10.1.0.2 dev v0
nexthop get id 1
-j nexthop get id 1
-d -j nexthop get id 106
nexthop get id 102
nexthop get id 999
nexthop get id 0
nexthop get
nexthop get 1
nexthop get id nonsense
nexthop del id 50
nexthop d id 50
nexthop delete id 100
nexthop del id nonsense
nexthop frobnicate
nexthop flush dev v1
nexthop flush proto 4
nexthop flush id 3
nexthop flush nonsense
nexthop flush dev nonsense
nexthop flush groups
nexthop flush master br0
-6 nexthop flush
nexthop flush
nexthop flush
`;

describe.runIf(isRoot)('ip nexthop', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
  });
  afterAll(() => twin[Symbol.dispose]());

  test('changes, word for word', { timeout: 180_000 }, async () => {
    await expectEqualLines(twin, LINES, OPTIONS);
    expect(twin.lines).toBeGreaterThan(80);
    expect(twin.refused).toBeLessThan(twin.lines * 0.6);
  });

  test('del takes an id and nothing else', async () => {
    for (const words of ['id 9 dev v0', 'id 9 proto static', 'id 9 group 1', 'id 9 onlink', 'dev v0', '']) {
      const line = ['nexthop', 'del', ...words.split(' ').filter((word) => word !== '')];
      expect(await twin.runOurs(line), words).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^Error: /),
      });
      expect(twin.runTheirs(line), words).toMatchObject({ code: 2 });
    }
  });

  test('flush fdb leaves all others alone, which ip does not', async () => {
    for (const line of ['id 1 via 10.1.0.2 dev v0', 'id 2 via 10.1.0.2 fdb'])
      expect(await twin.runOurs(['nexthop', 'add', ...line.split(' ')])).toMatchObject({ code: 0 });
    expect(await twin.runOurs(['nexthop', 'flush', 'fdb'])).toMatchObject({ stdout: 'Flushed 1 nexthops\n' });
    expect(await twin.runOurs(['nexthop', 'get', 'id', '1'])).toMatchObject({ code: 0 });
  });
});
