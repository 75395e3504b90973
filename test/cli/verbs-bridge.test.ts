import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

const SETUP = [
  'link add br0 address 02:00:00:00:00:0b type bridge mcast_snooping 1 mcast_igmp_version 3',
  'link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
  'link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04',
  'link add vx0 address 02:00:00:00:00:05 type vxlan id 42 dstport 4789 local 10.0.0.1 nolearning',
  'link set v1 master br0',
  'link set w1 master br0',
  ...['br0', 'v0', 'v1', 'w0', 'w1', 'vx0'].map((name) => `link set ${name} addrgenmode none`),
  ...['br0', 'v0', 'v1', 'w0', 'w1', 'vx0'].map((name) => `link set ${name} up`),
  'nexthop add id 11 via 192.0.2.11 fdb',
  'nexthop add id 12 group 11 fdb',
];

const FDB = `
fdb add 02:fd:00:00:00:01 dev v1 master
fdb add 02:fd:00:00:00:01 dev v1 master
fdb add 02:fd:00:00:00:02 dev v1 master static
fdb add to 02:fd:00:00:00:03 dev v1 master dynamic
fdb add 2:fd:0:0:0:4 dev v1 mas sticky loc
fdb a 02:fd:00:00:00:05 dev w1 master extern_learn
fdb add 02:fd:00:00:00:06 dev br0
fdb add 02:fd:00:00:00:07 dev v0
fdb add 02:fd:00:00:00:08 dev vx0 dst 192.0.2.1
fdb add 02:fd:00:00:00:09 dev vx0 dst 192.0.2.1 port 8472 vni 7 via v0 static
fdb add 02:fd:00:00:00:0a dev vx0 dst 2001:db8::1
fdb add 02:fd:00:00:00:0b dev vx0 nhid 12
fdb add 02:fd:00:00:00:0b dev vx0 nhid 12 dst 192.0.2.1
fdb add 02:fd:00:00:00:0c dev vx0 nhid 99
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.3 vni 9
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.3 vni 9
fdb replace 02:fd:00:00:00:02 dev w1 master dynamic
fdb replace 02:fd:00:00:00:08 dev vx0 dst 192.0.2.9
fdb add 02:fd:00:00:00:0d dev v1 master vlan 10
fdb add 02:fd:00:00:00:0d dev v1 master vlan 10 vlan 11
fdb add 02:fd:00:00:00:0d dev nonsense master
fdb add 02:fd:00:00:00:0d
fdb add dev v1
fdb add nonsense dev v1
fdb add 02:fd:00:00:00:0d 02:fd:00:00:00:0e dev v1
fdb add 02:fd:00:00:00:0d dev vx0 dst nonsense
fdb add 02:fd:00:00:00:0d dev vx0 dst 192.0.2.1 dst 192.0.2.2
fdb add 02:fd:00:00:00:0d dev vx0 dst 192.0.2.1 vni 16777216
fdb add 02:fd:00:00:00:0d dev vx0 dst 192.0.2.1 src_vni nonsense
fdb add 02:fd:00:00:00:0d dev vx0 dst 192.0.2.1 via nonsense
fdb add 02:fd:00:00:00:0d dev vx0 nhid nonsense
fdb add 02:fd:00:00:00:0d dev vx0
fdb add 02:fd:00:00:00:0d dev v0 master
fdb get 02:fd:00:00:00:01 br br0
fdb get 02:fd:00:00:00:01 dev v1
fdb get to 02:fd:00:00:00:08 dev vx0 self
fdb get 02:fd:00:00:00:01 dev v1 dynamic
fdb get 02:fd:00:00:00:01
fdb get br br0
fdb get nonsense br br0
fdb get 02:fd:00:00:00:01 br nonsense
fdb get 02:fd:00:00:00:01 dev nonsense
-j fdb get 02:fd:00:00:00:01 br br0
fdb del 02:fd:00:00:00:01 dev v1 master
fdb del 02:fd:00:00:00:01 dev v1 master
fdb del 02:fd:00:00:00:07 dev v0
fdb del 02:fd:00:00:00:08 dev vx0
fdb del 00:00:00:00:00:00 dev vx0 dst 192.0.2.3 vni 9
fdb flush dev br0 dynamic
fdb flush dev br0 brport w1 extern_learn
fdb flush dev br0 nopermanent nosticky
fdb flush dev br0 sticky
fdb flush dev vx0 nopermanent
fdb flush dev vx0 self
fdb flush dev nonsense
fdb flush dev br0 brport nonsense
fdb flush
fdb flush dev br0 vlan 4096
fdb flush dev br0 vlan 1 vlan 2
fdb flush dev v0
fdb frobnicate
`;

const MDB = `
mdb add dev br0 port v1 grp 239.1.1.1 permanent
mdb add dev br0 port v1 grp 239.1.1.1 permanent
mdb add dev br0 port w1 grp 239.1.2.1 temp
mdb add dev br0 port w1 grp 239.1.1.2
mdb add dev br0 port w1 grp 239.1.1.3 src 192.0.2.1 permanent
mdb add dev br0 port w1 grp ff0e::1 src 2001:db8::1
mdb add dev br0 port w1 grp ff0e::2
mdb add dev br0 port v1 grp 01:00:5e:aa:bb:cc permanent
mdb add dev br0 port br0 grp 239.1.1.4
mdb add dev br0 port br0 grp 239.1.1.5 permanent
mdb add dev br0 port v1 grp 224.0.0.1
mdb add dev br0 port v1 grp 10.0.0.1
mdb add dev br0 port v1 grp 239.1.1.6 src nonsense
mdb add dev br0 port v1 grp 239.1.1.6 src 2001:db8::1
mdb add dev br0 port nonsense grp 239.1.1.6
mdb add dev nonsense port v1 grp 239.1.1.6
mdb add dev br0 port v0 grp 239.1.1.6
mdb add dev v0 port v1 grp 239.1.1.6
mdb add dev br0 port v1
mdb add port v1 grp 239.1.1.6
mdb add dev br0 port v1 grp 239.1.1.6 vid 10
mdb del dev br0 port w1 grp 239.1.1.3 src 192.0.2.1
mdb del dev br0 port v1 grp 239.1.1.1 permanent
mdb del dev br0 port v1 grp 239.1.1.1
mdb d dev br0 port br0 grp 239.1.1.4
mdb frobnicate
`;

const LINK = `
link set dev v1 cost 5
link set dev v1 cost 0
link set dev v1 priority 16
link set dev v1 priority 64
link set dev v1 state learning
link set dev v1 state 3
link set dev v1 state blocking
link set dev v1 state nonsense
link set dev v1 guard on hairpin on fastleave on root_block on
link set dev v1 learning off flood off mcast_flood off bcast_flood off
link set dev v1 mcast_router 2 mcast_to_unicast on
link set dev v1 neigh_suppress on vlan_tunnel on isolated on locked on
link set dev v1 learning_sync on
link set dev v1 backup_port w1
link set dev v1 backup_port nonsense
link set dev v1 nobackup_port
link set dev v1 hwmode vepa
link set dev v1 hwmode veb
link set dev v1 hwmode nonsense
link set dev v1 cost 7 master
link set dev v1 cost 7 self
link change dev v1 cost 8
link set dev v0 cost 7
link set dev nonsense cost 7
link set cost 7
link set dev v1 frobnicate
link frobnicate
`;

// This kernel's bridges know no VLANs: what reaches it is refused, and told alike.
const VLAN = `
vlan add vid 10 dev v1
vlan add vid 10-20 dev v1 untagged
vlan add vid 10-20 dev v1 pvid
vlan add vid 20-10 dev v1
vlan add vid 4096 dev v1
vlan add vid 10 dev nonsense
vlan add vid 10
vlan add dev v1
vlan add vid 10 dev br0 self
vlan add vid 10 dev v1 tunnel_info id 1000
vlan add vid 10 dev v1 tunnel_info id nonsense
vlan add vid 10 dev v1 tunnel_info nonsense
vlan del vid 10 dev v1
vlan set vid 10 dev v1 state blocking
vlan set vid 10-20 dev v1 mcast_router 2
vlan set vid 10 dev v1 mcast_router nonsense
vlan set dev v1 state blocking
vlan global set vid 10 dev br0 mcast_snooping 1
vlan global set vid 10 dev br0 mcast_query_interval 100 mcast_igmp_version 2
vlan global set vid 10 dev br0 mcast_querier nonsense
vlan global set vid 10 mcast_querier 1
vlan show
vlan show dev v1
vlan show vid 10
vlan tunnelshow
-s vlan show
-j vlan show
vlan frobnicate
`;

describe.runIf(isRoot)('bridge', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP, 'bridge');
  });
  afterAll(() => twin[Symbol.dispose]());

  test.each([
    // Addresses that links have or have joined come and go by themselves; the rest is told in the kernel's order.
    ['fdb', FDB, ['fdb show br br0', 'fdb show dev vx0', 'fdb show dev v0'], 60],
    ['mdb', MDB, ['mdb show'], 25],
    ['link', LINK, ['link show'], 25],
    ['vlan', VLAN, [], 25],
  ])('%s changes, word for word', { timeout: 180_000 }, async (_object, lines, show, least) => {
    const before = twin.lines;
    await expectEqualLines(twin, lines, { show });
    expect(twin.lines - before).toBeGreaterThan(least);
  });

  // Refusals for which bridge has exit codes of its own.
  test.each([
    ['fdb get 02:fd:00:00:00:99 br br0', 'RTNETLINK answers: No such file or directory|Fdb entry not found'],
    ['link set dev v1 guard maybe', 'argument of "guard" must be one of "off", "on", not "maybe"'],
    ['mdb add dev br0 port v1 grp nonsense', 'Invalid address "nonsense"'],
    ['vlan global show', 'Operation not supported'],
    ['fdb show frobnicate', 'Argument "frobnicate" is unknown'],
    ['vlan show frobnicate', 'Argument "frobnicate" is unknown'],
  ])('%s', async (line, complaint) => {
    const { code, stdout, stderr } = await twin.runOurs(line.split(' '));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(complaint));
  });
});

const LABELS = `
addrlabel add prefix 2001:db8::/32 label 7
addrlabel add prefix 2001:db8::/32 label 8
addrlabel add prefix 2001:db8:1::/48 dev v0 label 0x10
addrlabel a prefix 2001:db8:2::1 label 9
addrlabel add prefix 2001:db8:3::/129 label 9
addrlabel add prefix nonsense label 9
addrlabel add prefix 2001:db8:3::/48 label 4294967295
addrlabel add prefix 2001:db8:3::/48 label nonsense
addrlabel add prefix 2001:db8:3::/48
addrlabel add label 9
addrlabel add prefix 2001:db8:3::/48 dev nonsense label 9
addrlabel del prefix 2001:db8::/32 label 7
addrlabel del prefix 2001:db8::/32 label 7
addrlabel del prefix 2001:db8:2::1/128
addrlabel list frobnicate
addrlabel show
-j addrlabel
addrlabel flush frobnicate
addrlabel flush
addrlabel list
addrlabel frobnicate
netconf show dev v0
netconf show dev nonsense
-4 netconf
netconf frobnicate
`;

describe.runIf(isRoot)('ip addrlabel, ip netconf', () => {
  test('word for word', { timeout: 180_000 }, async () => {
    using twin = new Twin(SETUP);
    await expectEqualLines(twin, LABELS, { show: ['addrlabel list'] });
    expect(twin.lines).toBeGreaterThan(20);
  });
});
