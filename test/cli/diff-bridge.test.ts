import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressLabelView } from '../../src/cli/show/addrlabel.ts';
import { bridgeLinkView } from '../../src/cli/show/bridge-link.ts';
import { bridgeVlanView } from '../../src/cli/show/bridge-vlan.ts';
import { fdbView } from '../../src/cli/show/fdb.ts';
import { mdbView } from '../../src/cli/show/mdb.ts';
import { netconfView } from '../../src/cli/show/netconf.ts';
import { netnsView } from '../../src/cli/show/netns.ts';
import type { View } from '../../src/cli/show/view.ts';
import {
  type Comparison,
  compareBetween,
  compareTextBetween,
  parseIpJson,
  describe as say,
  World,
} from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { isRoot } from './run-cli.ts';

/** What `bridge` and `ip` show of bridges and of what belongs to no link, and what we show of the same. */

const SETUP = [
  'link add br0 address 02:00:00:00:00:0b type bridge mcast_snooping 1 mcast_igmp_version 3 mcast_mld_version 2 mcast_querier 1',
  'link add br1 type bridge stp_state 1',
  ...[0, 1, 2, 3].map((i) => `link add v${i} type veth peer name w${i}`),
  'link set w0 master br0',
  'link set w1 master br0',
  'link set w2 master br1',
  'link set w3 master br1',
  'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1',
  'link add vx1 type vxlan dstport 4790 local 10.0.0.1 external vnifilter',
  'link set vx1 master br1',
  'link add mv0 link v3 type macvlan mode passthru',
  ...['br0', 'br1', 'v0', 'w0', 'v1', 'w1', 'v2', 'w2', 'v3', 'vx0', 'vx1', 'mv0'].map(
    (name) => `link set ${name} up`,
  ),
  // The other end is down: M-DOWN and NO-CARRIER.
  'link set w3 up',
  'link set v3 down',
  'nexthop add id 11 via 192.0.2.11 fdb',
  'nexthop add id 12 group 11 fdb',
  'addrlabel add prefix 2001:db8::/32 label 99',
  'addrlabel add prefix 2001:db8:1::/48 dev v0 label 100',
];

const BRIDGE = `
fdb add 02:fd:00:00:00:01 dev w0 master
fdb add 02:fd:00:00:00:02 dev w0 master static
fdb add 02:fd:00:00:00:03 dev w1 master dynamic
fdb add 02:fd:00:00:00:04 dev w1 master sticky static
fdb add 02:fd:00:00:00:05 dev w2 master extern_learn dynamic
fdb add 02:fd:00:00:00:06 dev br0 self
fdb add 02:fd:00:00:00:07 dev vx0 dst 192.0.2.1
fdb add 02:fd:00:00:00:08 dev vx0 dst 192.0.2.2 port 8472 vni 7 via v0
fdb add 02:fd:00:00:00:09 dev vx0 dst 192.0.2.2 dynamic router
fdb add 02:fd:00:00:00:0a dev vx0 nhid 12 static
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.3
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.4 vni 9
fdb add 02:fd:00:00:00:0b dev vx1 dst 192.0.2.5 src_vni 100 vni 200
fdb add 02:fd:00:00:00:0c dev mv0
fdb add 02:fd:00:00:00:0d dev v0 self
mdb add dev br0 port w0 grp 239.1.1.1 permanent
mdb add dev br0 port w1 grp 239.1.1.1 temp
mdb add dev br0 port w1 grp 239.1.1.2 src 192.0.2.1 permanent
mdb add dev br0 port w0 grp ff0e::1 src 2001:db8::1
mdb add dev br0 port w0 grp ff0e::2
mdb add dev br0 port w0 grp 01:00:5e:aa:bb:cc permanent
mdb add dev br0 port br0 grp 239.1.1.3
link set dev w0 cost 77 priority 5 hairpin on fastleave on learning off isolated on mcast_router 2
link set dev w1 guard on root_block on flood off mcast_flood off bcast_flood off mcast_to_unicast on
link set dev w1 neigh_suppress on vlan_tunnel on locked on backup_port w0
`
  .trim()
  .split('\n');

/** So that vitest does not take the flags for arguments. */
function each(list: readonly (readonly string[])[]): { flags: string[] }[] {
  return list.map((flags) => ({ flags: [...flags] }));
}

describe.runIf(isRoot)('bridge show, beside bridge', () => {
  let world: World;
  let objects = 0;
  beforeAll(async () => {
    world = await World.open();
    world.batch(SETUP);
    for (const line of BRIDGE) world.exec('bridge', ...line.split(' '));
    // What bridge 6.1 has no words for.
    await world.rt.mdb.add({
      ...{ dev: 'br0', port: 'w0', grp: '239.1.1.7', state: 'permanent', protocol: 'bgp' },
      filterMode: 'include',
      sources: [{ address: '192.0.2.1' }, { address: '192.0.2.2' }],
    });
    await world.rt.mdb.add({
      dev: 'vx0',
      port: 'vx0',
      grp: '239.1.1.8',
      state: 'permanent',
      dst: '192.0.2.9',
    });
    world.sysctl([
      'net.ipv4.conf.v0.forwarding=1',
      'net.ipv4.conf.v1.rp_filter=1',
      'net.ipv4.conf.v2.rp_filter=2',
      'net.ipv6.conf.v1.proxy_ndp=1',
      'net.ipv4.conf.default.ignore_routes_with_linkdown=1',
    ]);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  /** Timers move on: what differs must differ from the looks before and after. */
  async function compare(
    program: 'ip' | 'bridge',
    flags: string[],
    object: string,
    args: string[],
    view: View,
  ) {
    const look = () =>
      program === 'ip'
        ? world.ip(...flags, ...object.split(' '), ...args)
        : execFileSync('bridge', ['-n', world.name, ...flags, object, ...args], { encoding: 'utf8' });
    // `ip` prints one list for each family; "timer" is a number in a string.
    const parse = (text: string) =>
      parseIpJson(
        text
          .replaceAll(/\]\n?\[/g, (found) => (text.startsWith('[{"mdb"') ? found : ','))
          .replaceAll(/"timer":" *([\d.]+)"/g, '"timer":$1'),
      );
    const [verb = 'show', ...rest] = args;
    if (verb !== 'show') throw new Error(`no ${verb} here`);
    const between = async (): Promise<Comparison> => {
      const before = look();
      const ours = await world.show(view, flags, rest);
      return flags.includes('-j')
        ? compareBetween(parse(before), parse(ours), parse(look()))
        : compareTextBetween(before, ours, look());
    };
    const result = await lookUntil(between, ({ differences }) => differences.length === 0);
    objects += result.objects;
    expect(say(result.differences)).toBe('');
    return result;
  }

  const FLAGS = [[], ['-j'], ['-d', '-j'], ['-d'], ['-s', '-j'], ['-d', '-s', '-j'], ['-o'], ['-c=always']];

  test.each(each(FLAGS))('bridge $flags fdb show', async ({ flags }) => {
    const selections = [
      ...[[], ['br', 'br0'], ['dev', 'vx0'], ['brport', 'w0'], ['dynamic'], ['vlan', '5']],
      // Of VXLANs `bridge` looks at bits that are no part of the state that it shows.
      ...['static', 'perm', 'reach'].map((state) => ['state', state]),
      ['state', 'static', 'state', 'dyn'],
      ['brport', 'w1', 'state', 'stale'],
    ];
    for (const args of selections) await compare('bridge', flags, 'fdb', ['show', ...args], fdbView);
  });

  test.each(each([...FLAGS, ['-d', '-o']]))('bridge $flags mdb show', async ({ flags }) => {
    for (const args of [[], ['dev', 'br0'], ['dev', 'vx0'], ['vid', '5']])
      await compare('bridge', flags, 'mdb', ['show', ...args], mdbView);
  });

  test.each(each(FLAGS))('bridge $flags link show', async ({ flags }) => {
    for (const args of [[], ['dev', 'w1'], ['dev', 'v0']])
      await compare('bridge', flags, 'link', ['show', ...args], bridgeLinkView);
  });

  test.each(each([[], ['-j'], ['-s'], ['-s', '-j']]))('bridge $flags vlan show', async ({ flags }) => {
    await compare('bridge', flags, 'vlan', ['show'], bridgeVlanView);
  });

  test.each(each([[], ['-j'], ['-4', '-j'], ['-6', '-j'], ['-4'], ['-c=always']]))(
    'ip $flags netconf show',
    async ({ flags }) => {
      await compare('ip', flags, 'netconf', ['show'], netconfView);
      // With a family and a device `ip` waits for more of what never comes.
      if (!flags.includes('-4') && !flags.includes('-6'))
        await compare('ip', flags, 'netconf', ['show', 'dev', 'v0'], netconfView);
    },
  );

  test.each(each([[], ['-j'], ['-6', '-j'], ['-c=always']]))(
    'ip $flags addrlabel show',
    async ({ flags }) => {
      await compare('ip', flags, 'addrlabel', ['show'], addressLabelView);
    },
  );

  test.each(each([[], ['-j']]))('ip $flags netns show', async ({ flags }) => {
    await world.rt.netnsId.add({ netns: world.name, nsid: 3 }).catch(() => undefined);
    await compare('ip', flags, 'netns', ['show'], netnsView);
  });

  test('compared something', () => {
    expect(objects).toBeGreaterThan(500);
  });

  test('sees a difference where there is one', async () => {
    const theirs = execFileSync('bridge', ['-n', world.name, '-j', 'fdb', 'show'], { encoding: 'utf8' });
    const ours = await world.show(fdbView, ['-j'], ['dynamic']);
    const { differences } = compareBetween(parseIpJson(theirs), parseIpJson(ours), parseIpJson(theirs));
    expect(differences.length).toBeGreaterThan(0);
    const text = (ours: string) => compareTextBetween('a 1 b 7\n', ours, 'a 3 b 7\n').differences.length;
    expect(['a 1 b 7\n', 'a 2.5 b 7\n', 'a 3 b 7\n'].map(text)).toEqual([0, 0, 0]);
    const wrong = ['a 4 b 7\n', 'a 2 b 8\n', 'a 2 c 7\n', 'a 2 b 7 1\n', 'a x b 7\n', '', 'a 2 b 7\nmore\n'];
    expect(wrong.filter((ours) => text(ours) === 0)).toEqual([]);
  });
});
