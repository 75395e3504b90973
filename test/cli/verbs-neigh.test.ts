import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { captured, Twin } from '../support/twin.ts';
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
  // States that move on by themselves, on whichever links.
  show: ['neigh show nud permanent', 'neigh show nud stale', 'neigh show nud noarp', 'neigh show proxy'],
};

const LINES = `
neigh add 10.1.0.10 lladdr 02:00:00:00:01:01 dev v0
neigh add 10.1.0.10 lladdr 02:00:00:00:01:02 dev v0
n a 10.1.0.11 lladdr 02:00:00:00:01:03 dev v0 nud permanent
neigh add to 10.1.0.12 lladdr 2:0:0:0:1:3 dev v0 nud perm
neigh add 10.1.0.13 lladdr 02:00:00:00:01:04 dev v0 nud stale
neigh add 10.1.0.14 lladdr 02:00:00:00:01:05 dev v0 nud noarp
neigh add 10.1.0.15 lladdr 02:00:00:00:01:06 dev v0 nud reachable
neigh del 10.1.0.15 dev v0
neigh add 10.1.0.16 dev v0 nud failed
neigh add 10.1.0.17 dev v0 nud none
neigh add 10.1.0.18 lladdr 02:00:00:00:01:07 dev v0 nud 128
neigh add 10.1.0.18 lladdr 02:00:00:00:01:07 dev v0 nud 3
neigh add 10.1.0.18 lladdr 02:00:00:00:01:07 dev v0 nud nonsense
neigh add 10.1.0.19 dev v0
neigh add 10.1.0.20 lladdr null dev v0
neigh add 10.1.0.21 lladdr 02:00:00:00:01:08 dev v0 router
neigh add 10.1.0.22 lladdr 02:00:00:00:01:09 dev v0 extern_learn
neigh add 10.1.0.23 lladdr 02:00:00:00:01:0a dev v0 extern
neigh add 10.1.0.24 lladdr 02:00:00:00:01:0b dev v0 protocol static
neigh add 10.1.0.25 lladdr 02:00:00:00:01:0c dev v0 proto 99
neigh add 10.1.0.25 lladdr 02:00:00:00:01:0c dev v0 protocol nonsense
neigh add 10.1.0.26 lladdr 02:00:00:00:01 dev v0
neigh add 10.1.0.26 lladdr 02:00:00:00:01:xx dev v0
neigh add 10.1.0.26 lladdr nonsense dev v0
neigh add 10.1.0.26 lladdr 10.0.0.1 dev v0
neigh add 10.1.0.26 lladdr 10.0.0.300 dev v0
neigh add 10.1.0.27 lladdr 02:00:00:00:01:0d lladdr 02:00:00:00:01:0e dev v0
neigh add 10.1.0.27 10.1.0.28 lladdr 02:00:00:00:01:0d dev v0
neigh add 10.1.0.27 lladdr 02:00:00:00:01:0d
neigh add lladdr 02:00:00:00:01:0d dev v0
neigh add 10.1.0.27/24 lladdr 02:00:00:00:01:0d dev v0
neigh add 10.1.0.27 lladdr 02:00:00:00:01:0d dev nonsense
neigh add nonsense lladdr 02:00:00:00:01:0d dev v0
neigh add 10.1.0.28 lladdr 02:00:00:00:01:0d dev v0 managed
neigh add proxy 10.1.0.30 dev v0
neigh add proxy 10.1.0.30 dev v0
neigh add proxy 10.1.0.31
neigh add proxy 10.1.0.32 dev v0 router
neigh add proxy fd01::30 dev v0
neigh add proxy fd01::31 dev nonsense
neigh add proxy nonsense dev v0
neigh add 10.1.0.33 proxy 10.1.0.34 dev v0
neigh add fd01::10 lladdr 02:00:00:00:02:01 dev v0
neigh add fd01::11 lladdr 02:00:00:00:02:02 dev v0 nud stale router
neigh add fd01::12 lladdr 02:00:00:00:02:03 dev v0 nud noarp
neigh add fe80::12 lladdr 02:00:00:00:02:04 dev v0
-6 neigh add 10.1.0.40 lladdr 02:00:00:00:02:03 dev v0
-4 neigh add fd01::40 lladdr 02:00:00:00:02:03 dev v0
-6 neigh add fd01::40 lladdr 02:00:00:00:02:05 dev v0
neigh change 10.1.0.10 lladdr 02:00:00:00:01:77 dev v0
neigh chg 10.1.0.10 lladdr 02:00:00:00:01:78 dev v0
neigh change 10.1.0.99 lladdr 02:00:00:00:01:77 dev v0
neigh replace 10.1.0.99 lladdr 02:00:00:00:01:77 dev v0
neigh rep 10.1.0.99 lladdr 02:00:00:00:01:79 dev v0 nud stale
neigh del 10.1.0.99 dev v0
neigh del 10.1.0.99 lladdr 02:00:00:00:01:79 dev v0
neigh d 10.1.0.98 dev v0
neigh delete 10.1.0.11 dev w0
neigh del 10.1.0.11 dev v0 nud permanent
neigh del proxy 10.1.0.30 dev v0
neigh del proxy 10.1.0.30 dev v0
neigh del proxy 10.1.0.31
neigh del fd01::10 dev v0
neigh del 10.1.0.12
neigh del dev v0
neigh frobnicate
neigh get 10.1.0.10 dev v0
neigh get to 10.1.0.13 dev v0
neigh get fd01::11 dev v0
neigh get proxy 10.1.0.32 dev v0
neigh get 10.1.0.97 dev v0
neigh get 10.1.0.10 dev nonsense
neigh get 10.1.0.10
neigh get dev v0
neigh get 10.1.0.10 10.1.0.11 dev v0
neigh get nonsense dev v0
-s neigh get 10.1.0.97 dev v0
neigh flush
neigh flush dev nonsense
neigh flush dev w0
-s neigh flush dev w0
neigh flush nud nonsense
-s neigh flush to 10.1.0.13
neigh flush dev v0 nud noarp
neigh flush dev v0 nud permanent proto static
neigh flush dev v0 nud permanent to 10.1.0.16/29
neigh flush master br0
neigh flush proxy dev v0 to 10.1.0.0/24
-6 neigh flush dev v0
-6 neigh flush dev v0 nud all
neigh flush dev v0 nud all
`;

describe.runIf(isRoot)('ip neighbour', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
    // Timers that never fire: the states stay what they were made, in both.
    const timers = ['delay_first_probe_time=2000', 'base_reachable_time_ms=2000000', 'gc_stale_time=2000'];
    for (const family of ['ipv4', 'ipv6'])
      for (const name of ['lo', ...LINKS])
        twin.exec('sysctl', '-qw', ...timers.map((timer) => `net.${family}.neigh.${name}.${timer}`));
  });
  afterAll(() => twin[Symbol.dispose]());

  test('changes, word for word', { timeout: 180_000 }, async () => {
    await expectEqualLines(twin, LINES, OPTIONS);
    expect(twin.lines).toBeGreaterThan(90);
    expect(twin.refused).toBeLessThan(twin.lines / 2);
  });

  test('get answers in JSON, too, which ip does not', async () => {
    await captured(['-n', twin.ours, 'neigh', 'replace', '10.1.0.50', 'lladdr', '2:0:0:0:0:9', 'dev', 'v0']);
    const { code, stdout } = await captured([
      '-n',
      twin.ours,
      '-j',
      'neigh',
      'get',
      '10.1.0.50',
      'dev',
      'v0',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      { dst: '10.1.0.50', dev: 'v0', lladdr: '02:00:00:00:00:09', state: ['PERMANENT'] },
    ]);
  });
});
