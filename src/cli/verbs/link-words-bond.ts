import { parseInteger, wrongArgument } from '../args.ts';
import {
  addressOf,
  choice,
  device,
  exact,
  hardwareAddress,
  type KindWords,
  number,
  type Option,
  option,
  says,
  truth,
  U8,
  U16,
} from './link-options.ts';

const named = { numbered: true };

/** Addresses joined by commas. */
function targets(word: string, field: string, family: 'inet' | 'inet6'): Option {
  return option(word, (words, data) => {
    data[field] = words.more
      ? words
          .next()
          .split(',')
          .filter((one) => one !== '')
          .slice(0, 16)
          .map((one) => addressOf(one, family))
      : [];
  });
}

/** `ip link add type bond`. */
export const bondWords: KindWords = {
  options: [
    choice(
      'mode',
      ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'],
      named,
    ),
    device('active_slave', 'activeSlaveIndex'),
    says('clear_active_slave', { activeSlaveIndex: 0 }),
    number('miimon'),
    number('updelay'),
    number('downdelay'),
    number('peer_notify_delay'),
    truth('use_carrier'),
    number('arp_interval'),
    targets('arp_ip_target', 'arpIpTarget', 'inet'),
    exact(targets('ns_ip6_target', 'nsIp6Target', 'inet6')),
    choice(
      'arp_validate',
      ['none', 'active', 'backup', 'all', 'filter', 'filter_active', 'filter_backup'],
      named,
    ),
    choice('arp_all_targets', ['any', 'all'], named),
    exact(number('arp_missed_max', U8)),
    device('primary', 'primaryIndex'),
    choice('primary_reselect', ['always', 'better', 'failure'], named),
    choice('fail_over_mac', ['none', 'active', 'follow'], named),
    choice(
      'xmit_hash_policy',
      ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'],
      named,
    ),
    number('resend_igmp'),
    number(['num_grat_arp', 'num_unsol_na'], U8, 'numPeerNotif'),
    truth('all_slaves_active'),
    number('min_links'),
    number('lp_interval'),
    number('packets_per_slave'),
    choice('lacp_rate', ['slow', 'fast'], { ...named, field: 'adLacpRate' }),
    exact(choice('lacp_active', ['off', 'on'], { ...named, field: 'adLacpActive' })),
    choice('ad_select', ['stable', 'bandwidth', 'count'], named),
    number('ad_user_port_key', U16),
    number('ad_actor_sys_prio', U16),
    option('ad_actor_system', (words, data) => {
      data.adActorSystem = hardwareAddress(words.next());
    }),
    truth('tlb_dynamic_lb'),
  ],
};

/** `ip link set type bond_slave`. */
export const bondPortWords: KindWords = {
  options: [
    number('queue_id', U16),
    exact(
      option('prio', (words, data) => {
        const word = words.next();
        const prio = parseInteger(word);
        if (prio === undefined) throw wrongArgument(word, 'prio is invalid');
        data.prio = prio;
      }),
    ),
  ],
};
