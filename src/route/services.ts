import type { RequestPort } from '../netlink/socket.ts';
import { ActionService } from './action.ts';
import { AddressService } from './address.ts';
import { AddressLabelService } from './address-label.ts';
import { BridgePortService } from './bridge-port.ts';
import { BridgeVlanService } from './bridge-vlan.ts';
import { ChainService } from './chain.ts';
import { ClassService } from './class.ts';
import { FdbService } from './fdb.ts';
import { FilterService } from './filter.ts';
import { LinkService } from './link.ts';
import { MdbService } from './mdb.ts';
import type { LinkNames } from './names.ts';
import { NeighbourService } from './neighbour.ts';
import { NetconfService } from './netconf.ts';
import { NetnsIdService } from './netns-id.ts';
import { NexthopService } from './nexthop.ts';
import { QdiscService } from './qdisc.ts';
import { RouteService } from './route.ts';
import { RuleService } from './rule.ts';

/** A service for each object: over a socket they are those of a RouteSocket, over a queue those of a batch. */
export function createServices(port: RequestPort, names: LinkNames) {
  return {
    link: new LinkService(port, names),
    address: new AddressService(port, names),
    route: new RouteService(port, names),
    rule: new RuleService(port, names),
    neighbour: new NeighbourService(port, names),
    nexthop: new NexthopService(port, names),
    fdb: new FdbService(port, names),
    bridgePort: new BridgePortService(port, names),
    bridgeVlan: new BridgeVlanService(port, names),
    mdb: new MdbService(port, names),
    netconf: new NetconfService(port, names),
    netnsId: new NetnsIdService(port, names),
    addressLabel: new AddressLabelService(port, names),
    qdisc: new QdiscService(port, names),
    class: new ClassService(port, names),
    filter: new FilterService(port, names),
    action: new ActionService(port, names),
    chain: new ChainService(port, names),
  };
}
export type Services = ReturnType<typeof createServices>;
