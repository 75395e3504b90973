import type { Bond, BondPort } from '../../route/link.ts';
import type { LinkDesk } from './link-desk.ts';
import { putLink, putNumber, putOneOf, putWord } from './link-kinds-words.ts';
import { Sheet } from './route-sheet.ts';

const MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
];
const ARP_VALIDATE = ['none', 'active', 'backup', 'all', 'filter', 'filter_active', 'filter_backup'];
const HASH_POLICIES = ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'];

export function putBond(sheet: Sheet, b: Bond, desk: LinkDesk): void {
  putOneOf(sheet, 'mode', b.mode, MODES);
  putLink(sheet, desk, 'active_slave', b.activeSlaveIndex);
  putNumber(sheet, 'miimon', b.miimon);
  putNumber(sheet, 'updelay', b.updelay);
  putNumber(sheet, 'downdelay', b.downdelay);
  putNumber(sheet, 'peer_notify_delay', b.peerNotifyDelay);
  putNumber(sheet, 'use_carrier', b.useCarrier);
  putNumber(sheet, 'arp_interval', b.arpInterval);
  putNumber(sheet, 'arp_missed_max', b.arpMissedMax);
  putTargets(sheet, 'arp_ip_target', b.arpIpTarget);
  putTargets(sheet, 'ns_ip6_target', b.nsIp6Target);
  if (b.arpValidate === 'none') sheet.put('arp_validate', null, 'arp_validate none ');
  else putOneOf(sheet, 'arp_validate', b.arpValidate, ARP_VALIDATE);
  putOneOf(sheet, 'arp_all_targets', b.arpAllTargets, ['any', 'all']);
  putLink(sheet, desk, 'primary', b.primaryIndex);
  putOneOf(sheet, 'primary_reselect', b.primaryReselect, ['always', 'better', 'failure']);
  putOneOf(sheet, 'fail_over_mac', b.failOverMac, ['none', 'active', 'follow']);
  putOneOf(sheet, 'xmit_hash_policy', b.xmitHashPolicy, HASH_POLICIES);
  putNumber(sheet, 'resend_igmp', b.resendIgmp);
  putNumber(sheet, 'num_peer_notif', b.numPeerNotif, 'num_grat_arp');
  putNumber(sheet, 'all_slaves_active', b.allSlavesActive);
  putNumber(sheet, 'min_links', b.minLinks);
  putNumber(sheet, 'lp_interval', b.lpInterval);
  putNumber(sheet, 'packets_per_slave', b.packetsPerSlave);
  putOneOf(sheet, 'ad_lacp_active', b.adLacpActive, ['off', 'on'], { word: 'lacp_active' });
  putOneOf(sheet, 'ad_lacp_rate', b.adLacpRate, ['slow', 'fast'], { word: 'lacp_rate' });
  putOneOf(sheet, 'ad_select', b.adSelect, ['stable', 'bandwidth', 'count']);
  if (b.adInfo !== undefined) {
    const info = new Sheet();
    putNumber(info, 'aggregator', b.adInfo.aggregator, 'ad_aggregator');
    putNumber(info, 'num_ports', b.adInfo.numPorts, 'ad_num_ports');
    putNumber(info, 'actor_key', b.adInfo.actorKey, 'ad_actor_key');
    putNumber(info, 'partner_key', b.adInfo.partnerKey, 'ad_partner_key');
    putWord(info, 'partner_mac', b.adInfo.partnerMac, 'ad_partner_mac');
    sheet.put('ad_info', info.json, info.text);
  }
  putNumber(sheet, 'ad_actor_sys_prio', b.adActorSysPrio);
  putNumber(sheet, 'ad_user_port_key', b.adUserPortKey);
  putWord(sheet, 'ad_actor_system', b.adActorSystem);
  putNumber(sheet, 'tlb_dynamic_lb', b.tlbDynamicLb);
}

function putTargets(sheet: Sheet, key: string, targets: readonly string[] | undefined): void {
  if (targets !== undefined && targets.length > 0)
    sheet.put(key, [...targets], `${key} ${targets.join(',')} `);
}

export function putBondPort(sheet: Sheet, p: BondPort): void {
  putState(sheet, 'state', p.state);
  putState(sheet, 'mii_status', p.miiStatus);
  // `ip` prints it with a sign.
  if (p.linkFailureCount !== undefined) putNumber(sheet, 'link_failure_count', p.linkFailureCount | 0);
  putWord(sheet, 'perm_hwaddr', p.permHwaddr);
  putNumber(sheet, 'queue_id', p.queueId);
  putNumber(sheet, 'prio', p.prio);
  putNumber(sheet, 'ad_aggregator_id', p.adAggregatorId);
  putPortState(sheet, 'ad_actor_oper_port_state', p.adActorOperPortState);
  putPortState(sheet, 'ad_partner_oper_port_state', p.adPartnerOperPortState);
}

function putState(sheet: Sheet, key: string, state: string | undefined): void {
  if (state === undefined) return;
  if (/^\d+$/.test(state)) sheet.put(`${key}_index`, Number(state), `${key} ${state} `);
  else putWord(sheet, key, state);
}

/** LACP_STATE_*, from the lowest bit on. */
const PORT_STATE = [
  'active',
  'short_timeout',
  'aggregating',
  'in_sync',
  'collecting',
  'distributing',
  'defaulted',
  'expired',
];

function putPortState(sheet: Sheet, key: string, names: readonly string[] | undefined): void {
  if (names === undefined) return;
  // Of the partner's 16 bits `ip` 6.1 looks at these eight.
  const known = PORT_STATE.filter((name) => names.includes(name));
  const bits = known.reduce((sum, name) => sum + (1 << PORT_STATE.indexOf(name)), 0);
  sheet.put(key, bits, `${key} ${bits} `);
  sheet.put(`${key}_str`, known, `${key}_str <${known.join(',')}> `);
}
