import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twin } from '../support/twin.ts';
import { LINK_CLOCKS } from '../support/worlds/clocks.ts';
import { isRoot } from './run-cli.ts';

/** `ip link` in one namespace and `cofferdam link` in another: afterwards `ip` sees the same in both. */

/** Addresses that the kernel makes up, and what follows from them. */
const made = (expected: unknown, actual: unknown) =>
  typeof expected === 'string' && typeof actual === 'string';
const LOOSE = {
  ...LINK_CLOCKS,
  address: made,
  'linkinfo.info_data.bridge_id': made,
  'linkinfo.info_data.root_id': made,
  'linkinfo.info_slave_data.bridge_id': made,
  'linkinfo.info_slave_data.root_id': made,
};

const LINES: readonly string[] = [
  // What any link has.
  'link add d0 type ifb',
  'link add name d1 mtu 1400 txqueuelen 7 address 02:00:00:00:00:11 numtxqueues 2 numrxqueues 2 type ifb',
  'link add d2 index 777 up arp off multicast off allmulticast on promisc on type ifb',
  'link add dev d3 group 7 type ifb',
  'link set d0 up',
  'link set dev d0 mtu 1450 txqlen 33 alias hello-world',
  'link set d0 name d9',
  'link set d9 down arp off promisc on dynamic on trailers off',
  'link set d9 arp on promisc off dynamic off trailers on',
  'link set d9 group 1003',
  'link set d9 addrgenmode none',
  'link set d9 gso_max_size 32768 gso_max_segs 1000 gro_max_size 30000',
  'link set d9 addr 02:00:00:00:00:22 brd ff:ff:ff:ff:ff:fe',
  'link set d9 mode dormant',
  'link set d9 state dormant',
  'link set group 7 up',
  'link set group 7 mtu 1234',
  'link property add dev d9 altname one altname two',
  'link property del dev d9 altname one',
  'link property add dev d9 altname two',
  'link set two alias by-altname',
  'link delete d9',
  'link del dev d1 type ifb',
  'link delete group 7',
  // Pairs.
  'link add va type veth peer name vb',
  'link add va type veth',
  'link add vc mtu 1300 type veth peer name vd mtu 1280 address 02:00:00:00:00:44',
  'link add ve type veth peer vf numtxqueues 3',
  'link set va up',
  'link set vb up',
  // Bridges and their ports.
  'link add br0 type bridge forward_delay 400 hello_time 150 max_age 1200 ageing_time 6000 priority 4096',
  'link add br1 type bridge mcast_router 2 mcast_query_use_ifaddr 1 mcast_querier 1 mcast_hash_max 512 mcast_last_member_count 3 mcast_startup_query_count 4 mcast_last_member_interval 200',
  'link add br2 type bridge group_fwd_mask 0x4008 group_address 01:80:c2:00:00:05 no_linklocal_learn 1 ageing_time 0 nf_call_iptables 1 mcast_snooping 0',
  'link set br0 type bridge stp_state 1 priority 8192 mcast_stats_enabled 1',
  'link set va master br0',
  'link set va type bridge_slave cost 77 priority 9 hairpin on guard on root_block on fastleave on learning off flood off',
  'link set vc master br0 mtu 1290',
  'link set va type bridge_slave backup_port vc isolated on neigh_suppress on group_fwd_mask 0x4004 mcast_router 2',
  'link set va type bridge_slave nobackup_port vlan_tunnel on mcast_to_unicast on bcast_flood off proxy_arp on locked on',
  'link set va nomaster',
  'link set vc master br1',
  'link change br1 type bridge ageing_time 700',
  'link replace br7 type bridge ageing_time 900',
  // VXLAN
  'link add vx0 type vxlan id 100 remote 192.0.2.1 dstport 4789',
  'link add vx1 type vxlan id 101 group 239.1.1.1 dev va dstport 4790 ttl 7',
  'link add vx2 type vxlan id 102 remote 2001:db8::1 local 2001:db8::2 dstport 4791 udp6zerocsumtx udp6zerocsumrx flowlabel 0x12345',
  'link add vx3 type vxlan external dstport 4792',
  'link add vx4 type vxlan id 103 nolearning proxy rsc l2miss l3miss dstport 4794 noudpcsum tos inherit ttl inherit df set',
  'link add vx5 type vxlan id 104 remote 192.0.2.9 ageing 77 maxaddress 4096 dstport 4795 gbp remcsumtx remcsumrx srcport 32000 33000',
  'link add vx6 type vxlan external vnifilter dstport 4796',
  'link set vx0 type vxlan ageing 55 nolearning',
  'link set vx0 type vxlan id 100 remote 192.0.2.77',
  // macvlan
  'link add mv0 link vb type macvlan mode bridge bcqueuelen 2000',
  'link add mv1 link vd type macvlan mode passthru nopromisc',
  'link add mv2 link vf type macvlan mode source nodst',
  'link set mv2 type macvlan macaddr set 02:00:00:00:01:01 02:00:00:00:01:02',
  'link set mv2 type macvlan macaddr add 02:00:00:00:01:03',
  'link set mv2 type macvlan macaddr del 02:00:00:00:01:01',
  'link set mv0 protodown on',
  'link set mv0 protodown_reason 3 on',
  'link set mv0 protodown_reason 3 off',
  'link set mv0 protodown off',
  'link set mv2 type macvlan macaddr flush',
  'link add mt0 link vb type macvtap mode vepa',
  // What the kernel refuses.
  'link add br0 type bridge',
  'link add bond0 type bond mode active-backup',
  'link add t0 type gre remote 192.0.2.1',
  'link add x0 type nonesuch',
  'link set lo type bridge ageing_time 7',
  'link set va mtu 7',
  'link set lo master br0',
  'link del lo',
  // What we refuse as ip does.
  'link set nonesuch up',
  'link delete nonesuch',
  'link add x1 type vxlan',
  'link add x1 type vxlan id 20000000',
  'link add x1 type vxlan group 192.0.2.1',
  'link add x1 link nonesuch type macvlan',
  'link add x1 type bridge ageing_time x',
  'link set va mtu x',
  'link set va mtu 1400 mtu 1500',
  'link set va mode nonesuch',
  'link set va state nonesuch',
  'link set va addrgenmode nonesuch',
  'link set va group nonesuch',
  'link set va master nonesuch',
  'link set va vrf br0',
  'link set va name vz index 7',
  'link set',
  'link set up',
  'link property',
  'link property add altname x',
  // Counters
  'link xstats type bridge',
  'link xstats type bridge stp',
  'link xstats type bridge_slave',
  'link xstats type bridge igmp dev br0',
  'link afstats',
];

/** Words that both refuse, `ip` with an exit code that its refusals of words do not have elsewhere. */
const WRONG: readonly string[] = [
  'link set va address 02:00',
  'link add',
  'link add x1',
  'link add x1 type vxlan id 7 group 239.1.1.1',
  'link add x1 type vxlan id 7 external',
  'link add x1 type macvlan mode nonesuch',
  'link add x1 type bridge nonesuch 7',
  'link add x1 type dummy nonesuch',
  'link set va arp maybe',
  'link property nonesuch dev va',
  'link xstats',
  'link xstats type nonesuch',
  'link xstats type veth',
];

describe.runIf(isRoot)('the verbs of link', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(['link set lo up']);
    // Nobody answers, and the counters should stand still.
    twin.exec('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
  });
  afterAll(() => {
    console.log(`link verbs: ${twin.lines} lines, ${twin.refused} of them refused, compared`);
    twin[Symbol.dispose]();
  });

  for (const line of LINES)
    it(line, async () => {
      expect(await twin.differs(line, { show: ['link show'], loose: LOOSE })).toBeUndefined();
    });

  it('link replace changes what is there, which the kernel refuses to ip', async () => {
    const words = 'link replace br1 type bridge ageing_time 800'.split(' ');
    expect(twin.runTheirs(words).stderr).toContain('Operation not supported');
    expect(await twin.runOurs(words)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(
      await twin.differs('link change br1 type bridge ageing_time 800', {
        show: ['link show'],
        loose: LOOSE,
      }),
    ).toBeUndefined();
  });

  for (const line of WRONG)
    it(`${line}: refused`, async () => {
      const words = line.split(' ');
      expect(twin.runTheirs(words).code).not.toBe(0);
      const { code, stdout, stderr } = await twin.runOurs(words);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toBe('');
      expect(await twin.differs('link show lo', { show: ['link show'], loose: LOOSE })).toBeUndefined();
    });

  it('moves links to a namespace by name, by path, by a process in it', async () => {
    const other = `cofferdam-test-${process.pid}-moved`;
    execFileSync('ip', ['netns', 'add', other]);
    try {
      for (const [name, netns] of [
        ['n0', other],
        ['n1', `/run/netns/${other}`],
      ])
        for (const line of [
          `link add ${name} type ifb`,
          `link set ${name} netns ${netns} name moved-${name}`,
        ])
          expect((await twin.runOurs(line.split(' '))).stderr).toBe('');
      expect((await twin.runOurs(`link add n2 netns ${other} type ifb`.split(' '))).stderr).toBe('');
      expect(
        (await twin.runOurs(`link add n3 type veth peer name n4 netns ${other}`.split(' '))).stderr,
      ).toBe('');
      const there = JSON.parse(execFileSync('ip', ['-n', other, '-j', 'link', 'show'], { encoding: 'utf8' }));
      expect(there.map(({ ifname }: { ifname: string }) => ifname).sort()).toEqual([
        'lo',
        'moved-n0',
        'moved-n1',
        'n2',
        'n4',
      ]);
      // By the id of a process that is there. iproute2 runs the program in its own place, so that its id is known.
      const sleeper = spawn('ip', ['netns', 'exec', other, 'sleep', '60'], { stdio: 'ignore' });
      try {
        const { ino } = statSync(`/run/netns/${other}`);
        await expect.poll(() => statSync(`/proc/${sleeper.pid}/ns/net`).ino).toBe(ino);
        await twin.runOurs(['link', 'add', 'n5', 'type', 'ifb']);
        const moved = await twin.runOurs(['link', 'set', 'n5', 'netns', String(sleeper.pid)]);
        expect(moved.stderr).toBe('');
        execFileSync('ip', ['-n', other, 'link', 'show', 'n5']);
      } finally {
        sleeper.kill('SIGKILL');
        await once(sleeper, 'close');
      }
    } finally {
      execFileSync('ip', ['netns', 'del', other]);
    }
  });
});
