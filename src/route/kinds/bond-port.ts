import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { enumeration, flagSet, lladdr, s32, u8, u16, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** LACP_STATE_*, uapi/linux/if_bonding.h, in the words of `ip`. */
export const PORT_STATE = {
  active: 1,
  short_timeout: 2,
  aggregating: 4,
  in_sync: 8,
  collecting: 16,
  distributing: 32,
  defaulted: 64,
  expired: 128,
} as const;

/** IFLA_BOND_SLAVE_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_BOND_SLAVE', {
  state: attribute(1, 'IFLA_BOND_SLAVE_STATE', enumeration(u8, { 0: 'ACTIVE', 1: 'BACKUP' })),
  miiStatus: attribute(
    2,
    'IFLA_BOND_SLAVE_MII_STATUS',
    enumeration(u8, { 0: 'UP', 1: 'GOING_DOWN', 2: 'DOWN', 3: 'GOING_BACK' }),
  ),
  linkFailureCount: attribute(3, 'IFLA_BOND_SLAVE_LINK_FAILURE_COUNT', u32),
  permHwaddr: attribute(4, 'IFLA_BOND_SLAVE_PERM_HWADDR', lladdr),
  queueId: attribute(5, 'IFLA_BOND_SLAVE_QUEUE_ID', u16),
  adAggregatorId: attribute(6, 'IFLA_BOND_SLAVE_AD_AGGREGATOR_ID', u16),
  adActorOperPortState: attribute(7, 'IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE', flagSet(u8, PORT_STATE)),
  /** 16 bits, of which LACP defines 8. */
  adPartnerOperPortState: attribute(
    8,
    'IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE',
    flagSet(u16, PORT_STATE),
  ),
  /** For choosing the active port: the highest wins. */
  prio: attribute(9, 'IFLA_BOND_SLAVE_PRIO', s32),
  actorPortPrio: attribute(10, 'IFLA_BOND_SLAVE_ACTOR_PORT_PRIO', u16),
});

/** Settings and state of a bond's port. */
export type BondPort = AttributesOf<(typeof table)['specs']>;

export const bondPort = defineKind<typeof table, BondPort>('bond', table, {
  // Bonds whose mode knows no active port refuse (EACCES) even the priority that every port has.
  withoutDefaults({ queueId, prio, ...rest }) {
    return {
      ...rest,
      ...(queueId !== undefined && queueId !== 0 && { queueId }),
      ...(prio !== undefined && prio !== 0 && { prio }),
    };
  },
  readings: [
    'state',
    'miiStatus',
    'linkFailureCount',
    'permHwaddr',
    'adAggregatorId',
    'adActorOperPortState',
    'adPartnerOperPortState',
  ],
});
