import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type * as Attributes from '../../src/netlink/wire/attributes.ts';

/** Every attribute of every table in src has the number that the kernel's own headers give its name. */

interface Entry {
  readonly table: string;
  readonly name: string;
  readonly type: number;
}

const recorded = vi.hoisted(() => [] as Entry[]);

// Tables are made where they are used, and most are nobody else's business: this listens while they are made.
vi.mock('../../src/netlink/wire/attributes.ts', async (original) => {
  const real = await original<typeof Attributes>();
  const attributeTable: typeof real.attributeTable = (table, specs) => {
    for (const { name, type } of Object.values(specs)) recorded.push({ table, name, type });
    return real.attributeTable(table, specs);
  };
  return { ...real, attributeTable };
});

const HEADERS = [
  ...['rtnetlink', 'if_link', 'if_addr', 'if_addrlabel', 'if_bridge', 'if_tunnel', 'neighbour', 'nexthop'],
  ...['fib_rules', 'net_namespace', 'netconf', 'lwtunnel', 'mpls_iptunnel', 'seg6_iptunnel', 'seg6_local'],
  ...['rpl_iptunnel', 'ila', 'ioam6_iptunnel', 'gen_stats', 'pkt_sched', 'pkt_cls', 'genetlink', 'netlink'],
  ...[
    'ethtool_netlink',
    'veth',
    'can/vxcan',
    'amt',
    'wwan',
    'batman_adv',
    'xfrm',
    'if_bonding',
    'mpls',
    'devlink',
    'can/netlink',
    'netfilter/nfnetlink',
    'netfilter/nf_tables',
  ],
  ...['mirred', 'gact', 'vlan', 'skbedit', 'pedit', 'csum', 'ct', 'tunnel_key', 'mpls', 'bpf', 'sample'].map(
    (action) => `tc_act/tc_${action}`,
  ),
];

/** Names that the headers of Linux 6.1 lack, by the version that brought them. */
const NEWER: Readonly<Record<string, readonly string[]>> = {
  '6.2': [
    'ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT',
    'IFLA_BRPORT_MAB',
    'IFLA_DEVLINK_PORT',
    'MDBE_ATTR_SRC_LIST',
    'MDBE_ATTR_GROUP_MODE',
    'MDBE_ATTR_RTPROT',
    'MDBE_SRCATTR_ADDRESS',
    'MDBE_SRC_LIST_ENTRY',
  ],
  '6.3': [
    'ETHTOOL_A_RINGS_RX_PUSH',
    'ETHTOOL_A_PAUSE_STATS_SRC',
    'ETHTOOL_A_STATS_SRC',
    'ETHTOOL_A_COALESCE_TX_AGGR_MAX_BYTES',
    'ETHTOOL_A_COALESCE_TX_AGGR_MAX_FRAMES',
    'ETHTOOL_A_COALESCE_TX_AGGR_TIME_USECS',
    'IFLA_BRPORT_MCAST_N_GROUPS',
    'IFLA_BRPORT_MCAST_MAX_GROUPS',
    'IFLA_GSO_IPV4_MAX_SIZE',
    'IFLA_GRO_IPV4_MAX_SIZE',
    'BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS',
    'BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS',
  ],
  '6.4': [
    'TCA_MQPRIO_TC_ENTRY',
    'TCA_MQPRIO_TC_ENTRY_INDEX',
    'TCA_MQPRIO_TC_ENTRY_FP',
    'ETHTOOL_A_RINGS_TX_PUSH_BUF_LEN',
    'ETHTOOL_A_RINGS_TX_PUSH_BUF_LEN_MAX',
    'IFLA_BRPORT_NEIGH_VLAN_SUPPRESS',
    'BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS',
    'IFLA_MACVLAN_BC_CUTOFF',
    'MDBA_MDB_EATTR_DST',
    'MDBA_MDB_EATTR_DST_PORT',
    'MDBA_MDB_EATTR_VNI',
    'MDBA_MDB_EATTR_IFINDEX',
    'MDBA_MDB_EATTR_SRC_VNI',
    'MDBE_ATTR_DST',
    'MDBE_ATTR_DST_PORT',
    'MDBE_ATTR_VNI',
    'MDBE_ATTR_IFINDEX',
    'MDBE_ATTR_SRC_VNI',
  ],
  '6.5': ['IFLA_VXLAN_LOCALBYPASS'],
  '6.6': ['IFLA_BRPORT_BACKUP_NHID', 'TCA_NETEM_PRNG_SEED'],
  '6.7': [
    'IFLA_BR_FDB_N_LEARNED',
    'IFLA_BR_FDB_MAX_LEARNED',
    'IFLA_DPLL_PIN',
    'DPLL_A_PIN_ID',
    'IFLA_NETKIT_PRIMARY',
    'IFLA_NETKIT_POLICY',
    'IFLA_NETKIT_PEER_POLICY',
    'IFLA_NETKIT_MODE',
  ],
  '6.8': ['IFLA_VXLAN_LABEL_POLICY', 'MDBE_ATTR_STATE_MASK', 'TCA_MIRRED_BLOCKID'],
  '6.9': [
    'NHA_OP_FLAGS',
    'NHA_GROUP_STATS',
    'NHA_GROUP_STATS_ENTRY',
    'NHA_GROUP_STATS_ENTRY_ID',
    'NHA_GROUP_STATS_ENTRY_PACKETS',
    'NHA_GROUP_STATS_ENTRY_PACKETS_HW',
    'NHA_HW_STATS_ENABLE',
    'NHA_HW_STATS_USED',
  ],
  '6.10': ['IFLA_GTP_LOCAL', 'IFLA_GTP_LOCAL6', 'IFLA_HSR_INTERLINK'],
  '6.11': [
    'ETHTOOL_A_IRQ_MODERATION_USEC',
    'ETHTOOL_A_IRQ_MODERATION_PKTS',
    'ETHTOOL_A_IRQ_MODERATION_COMPS',
    'ETHTOOL_A_PROFILE_IRQ_MODERATION',
    'ETHTOOL_A_COALESCE_RX_PROFILE',
    'ETHTOOL_A_COALESCE_TX_PROFILE',
  ],
  '6.12': ['ETHTOOL_A_HEADER_PHY_INDEX', 'FRA_DSCP'],
  '6.13': ['IFLA_MAX_PACING_OFFLOAD_HORIZON', 'IFLA_NETKIT_SCRUB', 'IFLA_NETKIT_PEER_SCRUB'],
  '6.14': [
    'ETHTOOL_A_RINGS_HDS_THRESH',
    'ETHTOOL_A_RINGS_HDS_THRESH_MAX',
    'IFLA_VXLAN_RESERVED_BITS',
    'FRA_FLOWLABEL',
    'FRA_FLOWLABEL_MASK',
  ],
  '6.15': [
    'IFLA_GENEVE_PORT_RANGE',
    'IFLA_NETKIT_HEADROOM',
    'IFLA_NETKIT_TAILROOM',
    'IFLA_NETNS_IMMUTABLE',
    'FRA_SPORT_MASK',
    'FRA_DPORT_MASK',
    'FRA_DSCP_MASK',
  ],
  '6.17': [
    'IFLA_BOND_BROADCAST_NEIGH',
    'IFLA_VXLAN_MC_ROUTE',
    'NETCONFA_FORCE_FORWARDING',
    'IFLA_HEADROOM',
    'IFLA_TAILROOM',
  ],
  // Seen there; some are older.
  '7.3': [
    'IFLA_BOND_LACP_STRICT',
    'IFLA_BR_STP_MODE',
    'IFLA_BRPORT_NEIGH_FORWARD_GRAT',
    'IFLA_GENEVE_GRO_HINT',
    'IFLA_GENEVE_LOCAL',
    'IFLA_GENEVE_LOCAL6',
    'IFLA_NETKIT_PAIRING',
    'BRIDGE_VLANDB_ENTRY_NEIGH_FORWARD_GRAT',
  ],
};

/** Named by `tc` alone: the kernel's headers dropped it in 2.6.27, and kernels send it no more. */
const GONE = ['TCA_PRIO_MQ'];

const ABSENT = new Set([...Object.values(NEWER).flat(), ...GONE]);

/** Complaints in English; a compiler is none of a sanitizer's business. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C', LD_PRELOAD: '' };

const directory = mkdtempSync(join(tmpdir(), 'cofferdam-uapi-'));

/** `int main() { ... }` with the headers before it. */
function program(body: string): string {
  // What the C library declares itself the kernel's headers then leave out.
  const includes = ['stdio.h', 'netinet/in.h', 'sys/socket.h', ...HEADERS.map((name) => `linux/${name}.h`)];
  const file = join(directory, 'uapi.c');
  writeFileSync(
    file,
    `${includes.map((name) => `#include <${name}>\n`).join('')}int main(void) {\n${body}\n}\n`,
  );
  return file;
}

/** The numbers that the headers give these names; names that they do not know are missing. */
function numbers(names: readonly string[]): ReadonlyMap<string, number> {
  const line = (name: string) => `printf("%s %ld\\n", "${name}", (long)(${name}));`;
  const trial = spawnSync('cc', ['-fsyntax-only', '-fmax-errors=0', program(names.map(line).join('\n'))], {
    encoding: 'utf8',
    env: ENVIRONMENT,
  });
  const unknown = new Set([...trial.stderr.matchAll(/error: '(\w+)' undeclared/g)].map(([, name]) => name));
  const known = names.filter((name) => !unknown.has(name));
  const binary = join(directory, 'uapi');
  execFileSync('cc', ['-o', binary, program(known.map(line).join('\n'))], {
    stdio: 'pipe',
    env: ENVIRONMENT,
  });
  const output = execFileSync(binary, { encoding: 'utf8' });
  return new Map(
    output
      .trim()
      .split('\n')
      .map((text) => text.split(' '))
      .map(([name = '', number]) => [name, Number(number)]),
  );
}

/** What is wrong with them, a line each. */
function disagreements(entries: readonly Entry[], absent: ReadonlySet<string>): string[] {
  const known = numbers([...new Set(entries.map(({ name }) => name))]);
  return entries.flatMap(({ table, name, type }) => {
    const number = known.get(name);
    if (number === undefined) return absent.has(name) ? [] : [`${table}: the headers know no ${name}`];
    return number === type ? [] : [`${table}: ${name} is ${number}, not ${type}`];
  });
}

describe('attribute tables', () => {
  beforeAll(async () => {
    const src = fileURLToPath(new URL('../../src/', import.meta.url));
    for (const room of ['netlink', 'generic', 'route', 'nftables'])
      for (const file of readdirSync(join(src, room), { recursive: true, encoding: 'utf8' }))
        if (file.endsWith('.ts')) await import(join(src, room, file));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('agree with the kernel headers, name by name', () => {
    expect(recorded.length).toBeGreaterThan(500);
    expect(disagreements(recorded, ABSENT)).toEqual([]);
  });

  it('what is newer than the headers is in a table', () => {
    const names = new Set(recorded.map(({ name }) => name));
    expect([...ABSENT].filter((name) => !names.has(name))).toEqual([]);
  });

  it('notices a number that is wrong, and a name that is none', () => {
    const planted = [
      { table: 'IFLA', name: 'IFLA_MTU', type: 5 },
      { table: 'IFLA', name: 'IFLA_MTU', type: 4 },
      { table: 'IFLA', name: 'IFLA_NONESUCH', type: 4 },
      { table: 'IFLA', name: 'IFLA_NONESUCH_YET', type: 4 },
    ];
    expect(disagreements(planted, new Set(['IFLA_NONESUCH_YET']))).toEqual([
      'IFLA: IFLA_MTU is 4, not 5',
      'IFLA: the headers know no IFLA_NONESUCH',
    ]);
  });
});
