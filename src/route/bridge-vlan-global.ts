import { type AttributesOf, attribute, attributeTable, nest, repeated } from '../netlink/wire/attributes.ts';
import { bool8, ipv4, ipv6, u8, u16, u32 } from '../netlink/wire/codec.ts';
import type { VlanRange } from './bridge-vlan-range.ts';
import { clock } from './kinds/kind.ts';
import { type MdbRouterPort, mdbRouterPort } from './mdb-message.ts';

/** BRIDGE_VLANDB_GOPTS_*. Times are in hundredths of a second. */
export const globalOptions = attributeTable('BRIDGE_VLANDB_GOPTS', {
  vid: attribute(1, 'BRIDGE_VLANDB_GOPTS_ID', u16),
  vidEnd: attribute(2, 'BRIDGE_VLANDB_GOPTS_RANGE', u16),
  mcastSnooping: attribute(3, 'BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING', bool8),
  mcastIgmpVersion: attribute(4, 'BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION', u8),
  mcastMldVersion: attribute(5, 'BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION', u8),
  mcastLastMemberCnt: attribute(6, 'BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT', u32),
  mcastStartupQueryCnt: attribute(7, 'BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT', u32),
  mcastLastMemberIntvl: attribute(8, 'BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL', clock),
  mcastMembershipIntvl: attribute(10, 'BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL', clock),
  mcastQuerierIntvl: attribute(11, 'BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL', clock),
  mcastQueryIntvl: attribute(12, 'BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL', clock),
  mcastQueryResponseIntvl: attribute(13, 'BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL', clock),
  mcastStartupQueryIntvl: attribute(14, 'BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL', clock),
  mcastQuerier: attribute(15, 'BRIDGE_VLANDB_GOPTS_MCAST_QUERIER', bool8),
  routerPorts: nest(
    16,
    'BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS',
    attributeTable('MDBA', {
      router: nest(
        2,
        'MDBA_ROUTER',
        attributeTable('MDBA_ROUTER', { ports: repeated(1, 'MDBA_ROUTER_PORT', mdbRouterPort) }),
      ),
    }),
  ),
  mcastQuerierState: nest(
    17,
    'BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE',
    attributeTable('BRIDGE_QUERIER', {
      ipAddress: attribute(1, 'BRIDGE_QUERIER_IP_ADDRESS', ipv4),
      ipPort: attribute(2, 'BRIDGE_QUERIER_IP_PORT', u32),
      ipOtherTimer: attribute(3, 'BRIDGE_QUERIER_IP_OTHER_TIMER', clock),
      ipv6Address: attribute(5, 'BRIDGE_QUERIER_IPV6_ADDRESS', ipv6),
      ipv6Port: attribute(6, 'BRIDGE_QUERIER_IPV6_PORT', u32),
      ipv6OtherTimer: attribute(7, 'BRIDGE_QUERIER_IPV6_OTHER_TIMER', clock),
    }),
  ),
  msti: attribute(18, 'BRIDGE_VLANDB_GOPTS_MSTI', u16),
});
type Wire = AttributesOf<(typeof globalOptions)['specs']>;

/** Settings and state of a VLAN for the whole bridge; the names are those of the bridge's own settings. */
export type VlanGlobalOptions = Omit<Wire, 'vid' | 'vidEnd' | 'routerPorts'> & {
  /** Ports with multicast routers behind them. Only told. */
  routerPorts?: Pick<MdbRouterPort, 'portIndex' | 'port' | 'router'>[];
};

/** A VLAN of a bridge, or several in a row. */
export interface BridgeVlanGlobal extends VlanRange {
  /** The bridge. */
  ifindex: number;
  dev?: string;
  global: VlanGlobalOptions;
}

/** What the kernel only tells. */
const READINGS: readonly string[] = ['routerPorts', 'mcastQuerierState'];
export const GLOBAL_FIELDS: ReadonlySet<string> = new Set(
  [...Object.keys(globalOptions.specs), 'raw'].filter((field) => field !== 'vid' && field !== 'vidEnd'),
);

export function globalFromWire(ifindex: number, wire: Wire): BridgeVlanGlobal {
  const { vid = 0, vidEnd, routerPorts, ...rest } = wire;
  return {
    ifindex,
    vid,
    ...(vidEnd === undefined || vidEnd === vid ? {} : { vidEnd }),
    global: {
      ...rest,
      ...(routerPorts === undefined ? {} : { routerPorts: routerPorts.router?.ports ?? [] }),
    },
  };
}

/** Without what cannot be set, so that what was listed can be written. */
export function globalToWire({ vid, vidEnd, global }: VlanRange & { global: VlanGlobalOptions }): Wire {
  const settings = Object.fromEntries(Object.entries(global).filter(([field]) => !READINGS.includes(field)));
  return { vid, ...(vidEnd === undefined ? {} : { vidEnd }), ...settings };
}
