import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { bool8, enumeration, flag, u8, u16, u32 } from '../../netlink/wire/codec.ts';
import { bridgeId, clock, defineKind } from './kind.ts';

/** BR_STATE_*, uapi/linux/if_bridge.h. */
export const PORT_STATES = {
  0: 'disabled',
  1: 'listening',
  2: 'learning',
  3: 'forwarding',
  4: 'blocking',
} as const;

/** IFLA_BRPORT_*, uapi/linux/if_link.h, by the words of `ip link set ... type bridge_slave`. */
const table = attributeTable('IFLA_BRPORT', {
  state: attribute(1, 'IFLA_BRPORT_STATE', enumeration(u8, PORT_STATES)),
  priority: attribute(2, 'IFLA_BRPORT_PRIORITY', u16),
  cost: attribute(3, 'IFLA_BRPORT_COST', u32),
  hairpin: attribute(4, 'IFLA_BRPORT_MODE', bool8),
  guard: attribute(5, 'IFLA_BRPORT_GUARD', bool8),
  rootBlock: attribute(6, 'IFLA_BRPORT_PROTECT', bool8),
  fastleave: attribute(7, 'IFLA_BRPORT_FAST_LEAVE', bool8),
  learning: attribute(8, 'IFLA_BRPORT_LEARNING', bool8),
  flood: attribute(9, 'IFLA_BRPORT_UNICAST_FLOOD', bool8),
  proxyArp: attribute(10, 'IFLA_BRPORT_PROXYARP', bool8),
  learningSync: attribute(11, 'IFLA_BRPORT_LEARNING_SYNC', bool8),
  proxyArpWifi: attribute(12, 'IFLA_BRPORT_PROXYARP_WIFI', bool8),
  rootId: attribute(13, 'IFLA_BRPORT_ROOT_ID', bridgeId),
  bridgeId: attribute(14, 'IFLA_BRPORT_BRIDGE_ID', bridgeId),
  designatedPort: attribute(15, 'IFLA_BRPORT_DESIGNATED_PORT', u16),
  designatedCost: attribute(16, 'IFLA_BRPORT_DESIGNATED_COST', u16),
  id: attribute(17, 'IFLA_BRPORT_ID', u16),
  no: attribute(18, 'IFLA_BRPORT_NO', u16),
  topologyChangeAck: attribute(19, 'IFLA_BRPORT_TOPOLOGY_CHANGE_ACK', bool8),
  configPending: attribute(20, 'IFLA_BRPORT_CONFIG_PENDING', bool8),
  messageAgeTimer: attribute(21, 'IFLA_BRPORT_MESSAGE_AGE_TIMER', clock),
  forwardDelayTimer: attribute(22, 'IFLA_BRPORT_FORWARD_DELAY_TIMER', clock),
  holdTimer: attribute(23, 'IFLA_BRPORT_HOLD_TIMER', clock),
  /** Forgets the addresses learned on this port; a command, never told. */
  fdbFlush: attribute(24, 'IFLA_BRPORT_FLUSH', flag),
  mcastRouter: attribute(25, 'IFLA_BRPORT_MULTICAST_ROUTER', u8),
  mcastFlood: attribute(27, 'IFLA_BRPORT_MCAST_FLOOD', bool8),
  mcastToUnicast: attribute(28, 'IFLA_BRPORT_MCAST_TO_UCAST', bool8),
  vlanTunnel: attribute(29, 'IFLA_BRPORT_VLAN_TUNNEL', bool8),
  bcastFlood: attribute(30, 'IFLA_BRPORT_BCAST_FLOOD', bool8),
  groupFwdMask: attribute(31, 'IFLA_BRPORT_GROUP_FWD_MASK', u16),
  neighSuppress: attribute(32, 'IFLA_BRPORT_NEIGH_SUPPRESS', bool8),
  isolated: attribute(33, 'IFLA_BRPORT_ISOLATED', bool8),
  /** 0 takes it away. */
  backupPortIndex: attribute(34, 'IFLA_BRPORT_BACKUP_PORT', u32),
  mrpRingOpen: attribute(35, 'IFLA_BRPORT_MRP_RING_OPEN', bool8),
  mrpInOpen: attribute(36, 'IFLA_BRPORT_MRP_IN_OPEN', bool8),
  mcastEhtHostsLimit: attribute(37, 'IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT', u32),
  mcastEhtHostsCnt: attribute(38, 'IFLA_BRPORT_MCAST_EHT_HOSTS_CNT', u32),
  locked: attribute(39, 'IFLA_BRPORT_LOCKED', bool8),
  mab: attribute(40, 'IFLA_BRPORT_MAB', bool8),
  mcastNGroups: attribute(41, 'IFLA_BRPORT_MCAST_N_GROUPS', u32),
  mcastMaxGroups: attribute(42, 'IFLA_BRPORT_MCAST_MAX_GROUPS', u32),
  neighVlanSuppress: attribute(43, 'IFLA_BRPORT_NEIGH_VLAN_SUPPRESS', bool8),
  backupNhid: attribute(44, 'IFLA_BRPORT_BACKUP_NHID', u32),
  /** Gratuitous ARPs and unsolicited advertisements pass even a port with `neighSuppress`. */
  neighForwardGrat: attribute(45, 'IFLA_BRPORT_NEIGH_FORWARD_GRAT', bool8),
});

/** Settings and state of a bridge's port. */
export type BridgePort = AttributesOf<(typeof table)['specs']> & {
  /** The name of the link with `backupPortIndex`. */
  backupPort?: string;
};

export const bridgePort = defineKind<typeof table, BridgePort>('bridge', table, {
  links: { backupPort: 'backupPortIndex' },
  readings: [
    'rootId',
    'bridgeId',
    'designatedPort',
    'designatedCost',
    'id',
    'no',
    'topologyChangeAck',
    'configPending',
    'messageAgeTimer',
    'forwardDelayTimer',
    'holdTimer',
    'mrpRingOpen',
    'mrpInOpen',
    'mcastEhtHostsCnt',
    'mcastNGroups',
  ],
  // The state follows from the link and the spanning tree: ENETDOWN on a port that is down, EBUSY under STP.
  momentary: ['state', 'fdbFlush'],
});
