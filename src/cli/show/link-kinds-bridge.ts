import type { Bridge, BridgePort } from '../../route/link.ts';
import type { LinkDesk } from './link-desk.ts';
import { putHex, putNumber, putOnOff, putTimer } from './link-kinds-words.ts';
import type { Sheet } from './route-sheet.ts';

/** `8000.52:54:0:12:34:56`: without leading zeros, as ether_ntoa(3) spells an address. */
function bridgeId(id: string): string {
  const [priority = '', address = ''] = id.split('.');
  return `${priority}.${address.replace(/(^|:)0(?=[0-9a-f])/g, '$1')}`;
}

export function putBridge(sheet: Sheet, b: Bridge): void {
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

export function putBridgePort(sheet: Sheet, p: BridgePort, desk: LinkDesk): void {
  if (p.state !== undefined) {
    if (/^\d+$/.test(p.state)) sheet.put('state_index', Number(p.state), `state (${p.state}) `);
    else sheet.put('state', p.state, `state ${p.state} `);
  }
  putNumber(sheet, 'priority', p.priority);
  // `ip` prints it with a sign.
  if (p.cost !== undefined) putNumber(sheet, 'cost', p.cost | 0);
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
