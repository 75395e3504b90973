import type { RequestNames } from '../netlink/socket.ts';
import { addressType } from './address.ts';
import { addressLabelType } from './address-label.ts';
import { bridgePortType } from './bridge-port.ts';
import { bridgeVlanType } from './bridge-vlan.ts';
import { chainType } from './chain.ts';
import { classType } from './class.ts';
import { fdbType } from './fdb.ts';
import { filterType } from './filter.ts';
import { linkType } from './link.ts';
import { mdbType } from './mdb.ts';
import { neighbourType } from './neighbour.ts';
import { netconfType } from './netconf.ts';
import { netnsIdType } from './netns-id.ts';
import { nexthopType } from './nexthop.ts';
import type { ObjectName, ObjectType } from './object.ts';
import { qdiscType } from './qdisc.ts';
import { routeType } from './route.ts';
import { ruleType } from './rule.ts';

/**
 * All kinds of objects, to find a message's by its number. Where kinds share numbers, the one that names the attributes
 * of requests comes first.
 */
export const OBJECT_TYPES = [
  linkType,
  addressType,
  routeType,
  ruleType,
  neighbourType,
  nexthopType,
  netconfType,
  netnsIdType,
  addressLabelType,
  qdiscType,
  classType,
  filterType,
  chainType,
  mdbType,
  fdbType,
  bridgePortType,
  bridgeVlanType,
] as unknown as readonly ObjectType<object>[];

/** How the kernel calls in its message types what we call otherwise. */
const NOUNS: { readonly [Name in ObjectName]?: string } = {
  neighbour: 'NEIGH',
  address: 'ADDR',
  bridgeVlan: 'VLAN',
  netnsId: 'NSID',
  addressLabel: 'ADDRLABEL',
  class: 'TCLASS',
  filter: 'TFILTER',
};

const RTM_SETLINK = 19;

/** RTM_NEWLINK and its attributes by message type, so that the kernel's complaints can be put in words. */
export function requestNames(type: number): RequestNames | undefined {
  for (const { name, messages, headerSize, attributes } of OBJECT_TYPES) {
    for (const [verb, number] of Object.entries(messages)) {
      if (number !== type) continue;
      return {
        name: `RTM_${verb.toUpperCase()}${NOUNS[name] ?? name.toUpperCase()}`,
        headerSize,
        attributes,
      };
    }
  }
  // Asked of bridges and their ports only; all other links are set by RTM_NEWLINK.
  const { headerSize, attributes } = bridgePortType;
  return type === RTM_SETLINK ? { name: 'RTM_SETLINK', headerSize, attributes } : undefined;
}
