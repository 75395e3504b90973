import { unsigned } from '../args.ts';
import {
  device,
  hardwareAddress,
  type KindWords,
  number,
  onOff,
  option,
  says,
  truth,
  U8,
  U16,
} from './link-options.ts';
import { vlanProtocol } from './link-words-stacked.ts';

const exactTruth = (word: string) => ({ ...truth(word), exact: true as const });

/** `ip link add type bridge`. Times are in hundredths of a second. */
export const bridgeWords: KindWords = {
  options: [
    number('forward_delay'),
    number('hello_time'),
    number('max_age'),
    number('ageing_time'),
    number('stp_state'),
    number('priority', U16),
    truth('vlan_filtering'),
    option('vlan_protocol', (words, data) => {
      data.vlanProtocol = vlanProtocol(words.next());
    }),
    number('group_fwd_mask', U16),
    option('group_address', (words, data) => {
      data.groupAddr = hardwareAddress(words.next());
    }),
    exactTruth('no_linklocal_learn'),
    says('fdb_flush', { fdbFlush: true }),
    number('vlan_default_pvid', U16),
    truth('vlan_stats_enabled'),
    truth('vlan_stats_per_port'),
    number('mcast_router', U8),
    truth('mcast_snooping'),
    exactTruth('mcast_vlan_snooping'),
    truth('mcast_query_use_ifaddr'),
    truth('mcast_querier'),
    number('mcast_hash_elasticity'),
    number('mcast_hash_max'),
    number('mcast_last_member_count', undefined, 'mcastLastMemberCnt'),
    number('mcast_startup_query_count', undefined, 'mcastStartupQueryCnt'),
    ...['last_member', 'membership', 'querier', 'query', 'query_response', 'startup_query'].map((name) =>
      interval(name),
    ),
    truth('mcast_stats_enabled'),
    number('mcast_igmp_version', U8),
    number('mcast_mld_version', U8),
    truth('nf_call_iptables'),
    truth('nf_call_ip6tables'),
    truth('nf_call_arptables'),
  ],
};

function interval(name: string) {
  const field = `mcast_${name}`.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return option(`mcast_${name}_interval`, (words, data) => {
    data[`${field}Intvl`] = unsigned(words.next(), `invalid mcast_${name}_interval`, Number.MAX_SAFE_INTEGER);
  });
}

/** `ip link set type bridge_slave`. */
export const bridgePortWords: KindWords = {
  options: [
    says('fdb_flush', { fdbFlush: true }),
    option('state', (words, data) => {
      data.state = String(unsigned(words.next(), 'state is invalid', U8));
    }),
    number('priority', U16),
    number('cost'),
    onOff('hairpin'),
    onOff('guard'),
    onOff('root_block'),
    onOff('fastleave'),
    onOff('learning'),
    onOff('flood'),
    onOff('mcast_flood'),
    onOff('bcast_flood'),
    onOff('mcast_to_unicast'),
    onOff('proxy_arp'),
    onOff('proxy_arp_wifi'),
    number('mcast_router', U8),
    onOff('mcast_fast_leave', 'fastleave'),
    onOff('neigh_suppress'),
    number('group_fwd_mask', U16),
    onOff('vlan_tunnel'),
    onOff('isolated'),
    onOff('locked'),
    device('backup_port', 'backupPortIndex'),
    says('nobackup_port', { backupPortIndex: 0 }),
  ],
};
