/**
 * Two hundred links of every kind that a kernel without modules has, as lines of `ip -batch`: every option of `ip`
 * 6.1 on at least one link, in combinations that differ from link to link.
 */

const range = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i));
/** Walks through a list, again and again. */
const turn = <T>(list: readonly [T, ...T[]], index: number): T => list[index % list.length] ?? list[0];
const hex = (value: number) => value.toString(16).padStart(2, '0');

const BRIDGE_OPTIONS: readonly [string, ...string[]] = [
  '',
  'forward_delay 400 hello_time 150 max_age 1200 ageing_time 6000 priority 4096',
  'stp_state 1 priority 8192',
  'mcast_snooping 0',
  'mcast_router 2 mcast_query_use_ifaddr 1 mcast_querier 1 mcast_hash_max 512 mcast_last_member_count 3',
  'mcast_startup_query_count 4 mcast_last_member_interval 200 mcast_membership_interval 30000',
  'mcast_querier_interval 20000 mcast_query_interval 10000 mcast_query_response_interval 900',
  'mcast_startup_query_interval 2500 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2',
  'group_fwd_mask 0x4008 group_address 01:80:c2:00:00:05 no_linklocal_learn 1 ageing_time 0',
  'nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1 mcast_router 0',
];

/** Ten bridges, of which most are up. */
export function bridges(): string[] {
  return range(10, (i) => [
    `link add br${i} type bridge ${turn(BRIDGE_OPTIONS, i)}`,
    ...(i % 4 === 3 ? [] : [`link set br${i} up`]),
  ]).flat();
}

const PORT_OPTIONS: readonly [string, ...string[]] = [
  'cost 77 priority 9',
  'hairpin on guard on root_block on',
  'fastleave on learning off flood off',
  'proxy_arp on proxy_arp_wifi on mcast_router 2',
  'mcast_flood off bcast_flood off mcast_to_unicast on',
  'neigh_suppress on isolated on locked on',
  'group_fwd_mask 0x4008 vlan_tunnel on',
  'group_fwd_mask 0x4004 mcast_router 0',
];

/** Fifty pairs of veth; the first end of every second one is a port of a bridge. */
export function veths(): string[] {
  return range(50, (i) => [
    `link add va${i} ${i % 5 === 0 ? 'numtxqueues 4 numrxqueues 3 ' : ''}type veth peer name vb${i}`,
    ...(i % 3 === 0 ? [`link set vb${i} up`] : []),
    ...(i % 2 === 0
      ? [
          `link set va${i} master br${i % 10}`,
          `link set va${i} type bridge_slave ${turn(PORT_OPTIONS, i / 2)}`,
        ]
      : []),
    ...(i % 4 !== 1 ? [`link set va${i} up`] : []),
  ])
    .flat()
    .concat(
      'link set va0 type bridge_slave backup_port va20',
      'link set va10 type bridge_slave backup_port va30',
    );
}

const VXLANS: readonly [string, ...string[]] = [
  'id 100 remote 192.0.2.1 dstport 4789',
  'id 101 group 239.1.1.1 dev vb0 dstport 4789 ttl 7',
  'id 102 remote 2001:db8::1 local 2001:db8::2 dstport 4790 udp6zerocsumtx udp6zerocsumrx',
  'id 103 group ff05::42 dev vb1 dstport 4791 ttl auto tos inherit',
  'id 104 local 192.0.2.7 remote 192.0.2.8 dstport 4792 srcport 32000 33000 tos 0x10 df set',
  'external dstport 4793',
  'id 105 nolearning proxy rsc l2miss l3miss dstport 4794 noudpcsum',
  'id 106 remote 192.0.2.9 ageing 0 maxaddress 4096 dstport 4795 ttl inherit df inherit',
  'id 107 remote 192.0.2.10 ageing 77 gbp dstport 4796 remcsumtx remcsumrx',
  'id 108 remote 2001:db8::9 flowlabel 0x12345 dstport 4797 df unset',
  'external gpe dstport 4798',
  'external vnifilter dstport 4799',
];

/** Thirty tunnels. */
export function vxlans(): string[] {
  return range(30, (i) => {
    const option = turn(VXLANS, i)
      .replace(/id (\d+)/, (_, id: string) => `id ${Number(id) + 1000 * i}`)
      // "external" needs a port of its own.
      .replace(/dstport (\d+)/, (_, port: string) => `dstport ${Number(port) + 100 * i}`);
    return [`link add vx${i} type vxlan ${option}`, ...(i % 3 === 0 ? [`link set vx${i} up`] : [])];
  }).flat();
}

/** Thirty macvlans on links of their own, one mode to a link: passthru wants its lower link for itself. */
export function macvlans(): string[] {
  const modes = ['private', 'vepa', 'bridge', 'passthru', 'source'] as const;
  return range(30, (i) => {
    const mode = turn(modes as unknown as readonly [string, ...string[]], i);
    const flags = mode === 'passthru' && i > 10 ? 'nopromisc' : i % 3 === 0 ? 'nodst' : '';
    const queue = i % 4 === 0 ? `bcqueuelen ${2000 + i}` : '';
    const sources = range(i / 2, (n) => `02:00:00:00:${hex(i)}:${hex(n)}`).join(' ');
    return [
      `link add mv${i} link vb${10 + i} type macvlan mode ${mode} ${flags} ${queue}`,
      ...(mode === 'source' && sources !== '' ? [`link set mv${i} type macvlan macaddr set ${sources}`] : []),
      ...(i % 2 === 0 ? [`link set mv${i} up`] : []),
    ];
  }).flat();
}

const TUNTAPS: readonly [string, ...string[]] = [
  'mode tun',
  'mode tap',
  'mode tap user 0 group 0',
  'mode tun user 54321 group 54321 one_queue',
  'mode tap multi_queue vnet_hdr',
  'mode tun pi',
];

/** Twelve tun and tap devices, twelve ifbs. */
export function tuntapsAndIfbs(): string[] {
  return range(12, (i) => [
    `tuntap add name tt${i} ${turn(TUNTAPS, i)}`,
    `link add ifb${i} ${i % 3 === 0 ? 'numtxqueues 2 ' : ''}type ifb`,
    ...(i % 2 === 0 ? [`link set tt${i} up`, `link set ifb${i} up`] : []),
  ]).flat();
}

/** What any link can have. */
export function properties(): string[] {
  return [
    ...range(20, (i) => `link set vb${i} alias "link ${i}: über \\ 'quoted' </tag>"`),
    ...range(10, (i) => `link property add dev va${i} altname alternative-name-number-${i} altname alt${i}`),
    'link property add dev lo altname loopback-by-another-name',
    ...range(12, (i) => `link set va${i} group ${1000 + i}`),
    ...range(8, (i) => `link set vb${i + 20} address 02:00:5e:00:00:${hex(i)}`),
    ...range(8, (i) => `link set vb${i + 2} broadcast 02:00:5e:ff:ff:${hex(i)}`),
    ...range(8, (i) => `link set va${i + 20} mtu ${1280 + 100 * i}`),
    ...range(8, (i) => `link set va${i + 12} txqueuelen ${500 * i}`),
    ...range(8, (i) => `link set vb${i + 4} addrgenmode ${turn(['none', 'random', 'eui64'], i)}`),
    'link set va1 mode dormant',
    'link set va2 promisc on',
    'link set va3 allmulticast on',
    'link set va4 arp off',
    'link set va5 multicast off',
    'link set va6 dynamic on',
    'link set va7 gso_max_size 32768 gso_max_segs 1000',
    'link set va8 gro_max_size 30000',
    'link set tt1 carrier off',
    'link set mv2 protodown on',
    'link set mv2 protodown_reason 0 on',
    'link set mv2 protodown_reason 4 on',
    'link set vx3 protodown on',
    'link set lo up',
  ];
}

/** All of it, in an order in which it works. */
export function links(): string[] {
  return [...bridges(), ...veths(), ...vxlans(), ...macvlans(), ...tuntapsAndIfbs(), ...properties()];
}
