import { readFileSync } from 'node:fs';
import type { Bridge, BridgePort, Link, Macvlan, QosMapping, Tun, Vlan, Vxlan } from '../../route/link.ts';
import { lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { Sheet } from './route-sheet.ts';

/** `linkinfo`: the kind of a link and of its master, and what each has to say. */
export function putLinkInfo(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const { kind, portKind } = link;
  if (kind === undefined && portKind === undefined) return;
  const info = new Sheet();
  const start = `${lineBreak(desk.options)}    `;
  if (kind !== undefined) {
    info.put('info_kind', kind, `${start}${kind} `);
    const data = kindSheet(link, desk);
    if (data !== undefined) info.put('info_data', data.json, data.text);
  }
  if (portKind !== undefined) {
    info.put('info_slave_kind', portKind, `${start}${portKind}_slave `);
    const data = portSheet(link, desk);
    if (data !== undefined) info.put('info_slave_data', data.json, data.text);
  }
  sheet.put('linkinfo', info.json, info.text);
}

function kindSheet(link: Link, desk: LinkDesk): Sheet | undefined {
  const sheet = new Sheet();
  switch (link.kind) {
    case 'bridge':
      if (link.bridge !== undefined) putBridge(sheet, link.bridge);
      return sheet;
    case 'vxlan':
      if (link.vxlan !== undefined) putVxlan(sheet, link.vxlan, desk);
      return sheet;
    case 'macvlan':
    case 'macvtap':
      putMacvlan(sheet, link[link.kind] ?? {});
      return sheet;
    case 'tun':
      if (link.tun !== undefined) putTun(sheet, link.tun);
      return sheet;
    case 'vlan':
      putVlan(sheet, link.vlan ?? {}, desk);
      return sheet;
    case 'vrf':
      putNumber(sheet, 'table', link.vrf?.table);
      return sheet;
    default:
      return undefined;
  }
}

function portSheet(link: Link, desk: LinkDesk): Sheet | undefined {
  const sheet = new Sheet();
  if (link.portKind === 'bridge') {
    if (link.bridgePort !== undefined) putBridgePort(sheet, link.bridgePort, desk);
    return sheet;
  }
  if (link.portKind === 'vrf') {
    putNumber(sheet, 'table', link.vrfPort?.table);
    return sheet;
  }
  return undefined;
}

/** A number, or a yes or no that `ip` prints as one. */
function putNumber(sheet: Sheet, key: string, value: number | boolean | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, Number(value), `${word} ${Number(value)} `);
}

function putOnOff(sheet: Sheet, key: string, value: boolean | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, value, `${word} ${value ? 'on' : 'off'} `);
}

/** printf's %#x. */
function hash(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

function putHex(sheet: Sheet, key: string, value: number | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, hash(value), `${word} ${hash(value)} `);
}

/** Hundredths of a second. */
function putTimer(sheet: Sheet, key: string, value: number | undefined): void {
  if (value === undefined) return;
  const whole = String(Math.floor(value / 100)).padStart(4);
  sheet.put(key, value / 100, `${key} ${whole}.${String(value % 100).padStart(2, '0')} `);
}

/** `8000.52:54:0:12:34:56`: without leading zeros, as ether_ntoa(3) spells an address. */
function bridgeId(id: string): string {
  const [priority = '', address = ''] = id.split('.');
  return `${priority}.${address.replace(/(^|:)0(?=[0-9a-f])/g, '$1')}`;
}

function protocol(name: string, desk: LinkDesk): string {
  if (!desk.options.numeric) return /^\d+$/.test(name) ? `[${name}]` : name;
  const number = { '802.1Q': 0x8100, '802.1ad': 0x88a8 }[name] ?? name;
  return `[${number}]`;
}

function putBridge(sheet: Sheet, b: Bridge): void {
  putNumber(sheet, 'forward_delay', b.forwardDelay);
  putNumber(sheet, 'hello_time', b.helloTime);
  putNumber(sheet, 'max_age', b.maxAge);
  putNumber(sheet, 'ageing_time', b.ageingTime);
  putNumber(sheet, 'stp_state', b.stpState);
  putNumber(sheet, 'priority', b.priority);
  putNumber(sheet, 'vlan_filtering', b.vlanFiltering);
  if (b.vlanProtocol !== undefined)
    sheet.put('vlan_protocol', b.vlanProtocol, `vlan_protocol ${b.vlanProtocol} `);
  const id = bridgeId(b.bridgeId ?? '');
  if (b.bridgeId !== undefined) sheet.put('bridge_id', id, `bridge_id ${id} `);
  // As `ip` 6.1 has it: the bridge's own id under the root's name.
  if (b.rootId !== undefined) sheet.put('root_id', id, `designated_root ${id} `);
  putNumber(sheet, 'root_port', b.rootPort);
  putNumber(sheet, 'root_path_cost', b.rootPathCost);
  putNumber(sheet, 'topology_change', b.topologyChange);
  putNumber(sheet, 'topology_change_detected', b.topologyChangeDetected);
  putTimer(sheet, 'hello_timer', b.helloTimer);
  putTimer(sheet, 'tcn_timer', b.tcnTimer);
  putTimer(sheet, 'topology_change_timer', b.topologyChangeTimer);
  putTimer(sheet, 'gc_timer', b.gcTimer);
  putNumber(sheet, 'vlan_default_pvid', b.vlanDefaultPvid);
  putNumber(sheet, 'vlan_stats_enabled', b.vlanStatsEnabled);
  putNumber(sheet, 'vlan_stats_per_port', b.vlanStatsPerPort);
  putHex(sheet, 'group_fwd_mask', b.groupFwdMask);
  if (b.groupAddr !== undefined) sheet.put('group_addr', b.groupAddr, `group_address ${b.groupAddr} `);
  putNumber(sheet, 'mcast_snooping', b.mcastSnooping);
  putNumber(sheet, 'no_linklocal_learn', b.noLinklocalLearn);
  putNumber(sheet, 'mcast_vlan_snooping', b.mcastVlanSnooping);
  putNumber(sheet, 'mcast_router', b.mcastRouter);
  putNumber(sheet, 'mcast_query_use_ifaddr', b.mcastQueryUseIfaddr);
  putNumber(sheet, 'mcast_querier', b.mcastQuerier);
  putNumber(sheet, 'mcast_hash_elasticity', b.mcastHashElasticity);
  putNumber(sheet, 'mcast_hash_max', b.mcastHashMax);
  putNumber(sheet, 'mcast_last_member_cnt', b.mcastLastMemberCnt, 'mcast_last_member_count');
  putNumber(sheet, 'mcast_startup_query_cnt', b.mcastStartupQueryCnt, 'mcast_startup_query_count');
  putNumber(sheet, 'mcast_last_member_intvl', b.mcastLastMemberIntvl, 'mcast_last_member_interval');
  putNumber(sheet, 'mcast_membership_intvl', b.mcastMembershipIntvl, 'mcast_membership_interval');
  putNumber(sheet, 'mcast_querier_intvl', b.mcastQuerierIntvl, 'mcast_querier_interval');
  putNumber(sheet, 'mcast_query_intvl', b.mcastQueryIntvl, 'mcast_query_interval');
  putNumber(sheet, 'mcast_query_response_intvl', b.mcastQueryResponseIntvl, 'mcast_query_response_interval');
  putNumber(sheet, 'mcast_startup_query_intvl', b.mcastStartupQueryIntvl, 'mcast_startup_query_interval');
  putNumber(sheet, 'mcast_stats_enabled', b.mcastStatsEnabled);
  putNumber(sheet, 'mcast_igmp_version', b.mcastIgmpVersion);
  putNumber(sheet, 'mcast_mld_version', b.mcastMldVersion);
  putNumber(sheet, 'nf_call_iptables', b.nfCallIptables);
  putNumber(sheet, 'nf_call_ip6tables', b.nfCallIp6tables);
  putNumber(sheet, 'nf_call_arptables', b.nfCallArptables);
}

/** Names of the group addresses 01:80:c2:00:00:0n that have one. */
const FORWARDED_GROUPS: Readonly<Record<number, string>> = { 0: 'stp', 2: 'lacp', 14: 'lldp' };

function forwardedGroups(mask: number): string {
  const bits = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => (mask & (1 << bit)) !== 0);
  if (bits.length === 0) return '0x0';
  return bits.map((bit) => FORWARDED_GROUPS[bit] ?? `0x${(1 << bit).toString(16)}`).join(',');
}

function putBridgePort(sheet: Sheet, p: BridgePort, desk: LinkDesk): void {
  if (p.state !== undefined) {
    if (/^\d+$/.test(p.state)) sheet.put('state_index', Number(p.state), `state (${p.state}) `);
    else sheet.put('state', p.state, `state ${p.state} `);
  }
  putNumber(sheet, 'priority', p.priority);
  putNumber(sheet, 'cost', p.cost);
  putOnOff(sheet, 'hairpin', p.hairpin);
  putOnOff(sheet, 'guard', p.guard);
  putOnOff(sheet, 'root_block', p.rootBlock);
  putOnOff(sheet, 'fastleave', p.fastleave);
  putOnOff(sheet, 'learning', p.learning);
  putOnOff(sheet, 'flood', p.flood);
  putHex(sheet, 'id', p.id, 'port_id');
  putHex(sheet, 'no', p.no, 'port_no');
  putNumber(sheet, 'designated_port', p.designatedPort);
  putNumber(sheet, 'designated_cost', p.designatedCost);
  if (p.bridgeId !== undefined)
    sheet.put('bridge_id', bridgeId(p.bridgeId), `designated_bridge ${bridgeId(p.bridgeId)} `);
  if (p.rootId !== undefined)
    sheet.put('root_id', bridgeId(p.rootId), `designated_root ${bridgeId(p.rootId)} `);
  putTimer(sheet, 'hold_timer', p.holdTimer);
  putTimer(sheet, 'message_age_timer', p.messageAgeTimer);
  putTimer(sheet, 'forward_delay_timer', p.forwardDelayTimer);
  putNumber(sheet, 'topology_change_ack', p.topologyChangeAck);
  putNumber(sheet, 'config_pending', p.configPending);
  putOnOff(sheet, 'proxy_arp', p.proxyArp);
  putOnOff(sheet, 'proxy_arp_wifi', p.proxyArpWifi);
  putNumber(sheet, 'multicast_router', p.mcastRouter, 'mcast_router');
  if (p.fastleave !== undefined) sheet.say(`mcast_fast_leave ${p.fastleave ? 'on' : 'off'} `);
  putOnOff(sheet, 'mcast_flood', p.mcastFlood);
  putOnOff(sheet, 'bcast_flood', p.bcastFlood);
  putOnOff(sheet, 'mcast_to_unicast', p.mcastToUnicast);
  putOnOff(sheet, 'neigh_suppress', p.neighSuppress);
  putHex(sheet, 'group_fwd_mask', p.groupFwdMask);
  if (p.groupFwdMask !== undefined) {
    const groups = forwardedGroups(p.groupFwdMask);
    sheet.put('group_fwd_mask_str', groups, `group_fwd_mask_str ${groups} `);
  }
  putOnOff(sheet, 'vlan_tunnel', p.vlanTunnel);
  putOnOff(sheet, 'isolated', p.isolated);
  putOnOff(sheet, 'locked', p.locked);
  if (p.backupPortIndex !== undefined) {
    const name = desk.links.nameOf(p.backupPortIndex);
    sheet.put('backup_port', name, `backup_port ${name} `);
  }
}

function putVxlan(sheet: Sheet, v: Vxlan, desk: LinkDesk): void {
  const six = (address: string) => (address.includes(':') ? '6' : '');
  const yes = (key: string, value: boolean | undefined, text: string) => {
    if (value === true) sheet.put(key, true, text);
  };
  const yesNo = (key: string, value: boolean | undefined, word: string) => {
    if (value !== undefined) sheet.put(key, value, `${value ? '' : 'no'}${word} `);
  };
  yes('external', v.external, 'external ');
  yes('vnifilter', v.vnifilter, 'vnifilter');
  putNumber(sheet, 'id', v.id);
  if (v.group !== undefined) sheet.put(`group${six(v.group)}`, v.group, `group ${v.group} `);
  if (v.remote !== undefined) sheet.put(`remote${six(v.remote)}`, v.remote, `remote ${v.remote} `);
  if (v.local !== undefined) sheet.put(`local${six(v.local)}`, v.local, `local ${v.local} `);
  if (v.linkIndex !== undefined && v.linkIndex !== 0) {
    const name = desk.links.nameOf(v.linkIndex);
    sheet.put('link', name, `dev ${name} `);
  }
  if (v.portRange !== undefined) {
    const { low = 0, high = 0 } = v.portRange;
    sheet.put('port_range', { low, high }, `srcport ${low} ${high} `);
  }
  putNumber(sheet, 'port', v.port, 'dstport');
  if (v.learning !== undefined) sheet.put('learning', v.learning, v.learning ? '' : 'nolearning ');
  yes('proxy', v.proxy, 'proxy ');
  yes('rsc', v.rsc, 'rsc ');
  yes('l2miss', v.l2miss, 'l2miss ');
  yes('l3miss', v.l3miss, 'l3miss ');
  if (v.tos !== undefined && v.tos !== 0)
    sheet.put('tos', hash(v.tos), `tos ${v.tos === 1 ? 'inherit' : hash(v.tos)} `);
  if (v.ttlInherit === true) sheet.say('ttl inherit ');
  else if (v.ttl !== undefined) sheet.put('ttl', v.ttl, `ttl ${v.ttl === 0 ? 'auto' : v.ttl} `);
  if (v.df !== undefined && ['unset', 'set', 'inherit'].includes(v.df))
    sheet.put('df', v.df, v.df === 'unset' ? '' : `df ${v.df} `);
  if (v.label !== undefined && v.label !== 0) putHex(sheet, 'label', v.label, 'flowlabel');
  if (v.ageing !== undefined) sheet.put('ageing', v.ageing, `ageing ${v.ageing === 0 ? 'none' : v.ageing} `);
  if (v.limit !== undefined && v.limit !== 0) putNumber(sheet, 'limit', v.limit, 'maxaddr');
  yesNo('udp_csum', v.udpCsum, 'udpcsum');
  yesNo('udp_zero_csum6_tx', v.udpZeroCsum6Tx, 'udp6zerocsumtx');
  yesNo('udp_zero_csum6_rx', v.udpZeroCsum6Rx, 'udp6zerocsumrx');
  yes('remcsum_tx', v.remcsumTx, 'remcsumtx ');
  yes('remcsum_rx', v.remcsumRx, 'remcsumrx ');
  yes('gbp', v.gbp, 'gbp ');
  yes('gpe', v.gpe, 'gpe ');
}

const MACVLAN_MODES = ['private', 'vepa', 'bridge', 'passthru', 'source'];

function putMacvlan(sheet: Sheet, m: Macvlan): void {
  if (m.mode === undefined) return;
  const mode = MACVLAN_MODES.includes(m.mode) ? m.mode : 'unknown';
  sheet.put('mode', mode, `mode ${mode} `);
  if (m.flags?.includes('nopromisc')) sheet.put('nopromisc', true, 'nopromisc ');
  if (m.flags?.includes('nodst')) sheet.put('nodst', true, 'nodst ');
  putNumber(sheet, 'bcqueuelen', m.bcqueuelen);
  putNumber(sheet, 'usedbcqueuelen', m.usedbcqueuelen);
  if (mode !== 'source' || m.macaddrCount === undefined) return;
  sheet.put('macaddr_count', m.macaddrCount, `remotes (${m.macaddrCount}) `);
  const addresses = m.macaddrData;
  if (addresses !== undefined)
    sheet.put('macaddr_data', addresses, addresses.map((address) => `${address} `).join(''));
}

function putTun(sheet: Sheet, t: Tun): void {
  if (t.type !== undefined) {
    const type = /^\d+$/.test(t.type) ? `UNKNOWN:${t.type}` : t.type;
    sheet.put('type', type, `type ${type} `);
  }
  putOnOff(sheet, 'pi', t.pi);
  putOnOff(sheet, 'vnet_hdr', t.vnetHdr);
  if (t.multiQueue === true) {
    sheet.put('multi_queue', true, 'multi_queue ');
    putNumber(sheet, 'numqueues', t.numqueues);
    putNumber(sheet, 'numdisabled', t.numdisabled);
  } else sheet.put('multi_queue', false);
  putOnOff(sheet, 'persist', t.persist);
  if (t.user !== undefined) {
    const name = accountName('/etc/passwd', t.user);
    sheet.put('user', name ?? t.user, `user ${name ?? t.user} `);
  }
  if (t.group !== undefined) {
    const name = accountName('/etc/group', t.group);
    sheet.put('group', name ?? t.group, `group ${name ?? t.group} `);
  }
}

/** The name of a uid in passwd(5), or of a gid in group(5). */
function accountName(file: string, id: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (number !== undefined && number !== '' && Number(number) === id) return name;
  }
  return undefined;
}

const VLAN_FLAGS = ['REORDER_HDR', 'GVRP', 'MVRP', 'LOOSE_BINDING', 'BRIDGE_BINDING'];

function putVlan(sheet: Sheet, v: Vlan, desk: LinkDesk): void {
  if (v.id === undefined) return;
  const name = v.protocol === undefined ? '802.1q' : protocol(v.protocol, desk);
  sheet.put('protocol', name, `protocol ${name} `);
  putNumber(sheet, 'id', v.id);
  if (v.flags !== undefined) {
    const known = VLAN_FLAGS.filter((flag) => v.flags?.includes(flag));
    const rest = v.flags.filter((flag) => flag.startsWith('0x')).map((flag) => flag.slice(2));
    const flags = [...known, ...rest];
    sheet.put('flags', flags, `<${flags.join(',')}> `);
  }
  putMapping(sheet, 'ingress_qos', 'ingress-qos-map', v.ingressQos, desk);
  putMapping(sheet, 'egress_qos', 'egress-qos-map', v.egressQos, desk);
}

function putMapping(
  sheet: Sheet,
  key: string,
  word: string,
  mappings: readonly QosMapping[] | undefined,
  desk: LinkDesk,
): void {
  if (mappings === undefined) return;
  const text = mappings.map(({ from, to }) => `${from}:${to} `).join('');
  sheet.put(
    key,
    mappings.map(({ from, to }) => ({ from, to })),
    `${lineBreak(desk.options)}      ${word} { ${text}} `,
  );
}
