import { abortError } from '../handle/errors.ts';
import type { HandleState } from '../handle/handle-info.ts';
import { NETLINK_ROUTE, NetlinkSocket, type RequestNames } from '../netlink/socket.ts';
import type { NetnsReference } from '../netns/index.ts';
import { type AddressService, addressType } from './address.ts';
import { type AddressLabelService, addressLabelType } from './address-label.ts';
import { type ClassService, classType } from './class.ts';
import type { FdbService } from './fdb.ts';
import { type LinkService, linkType } from './link.ts';
import { type MdbService, mdbType } from './mdb.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import type { MonitorGroup } from './monitor-groups.ts';
import { LinkNames } from './names.ts';
import { type NeighbourService, neighbourType } from './neighbour.ts';
import { type NetconfService, netconfType } from './netconf.ts';
import { type NetnsIdService, netnsIdType } from './netns-id.ts';
import { type NexthopService, nexthopType } from './nexthop.ts';
import { OBJECT_NAMES, type ObjectName, type ObjectType } from './object.ts';
import { type QdiscService, qdiscType } from './qdisc.ts';
import { type RouteService, routeType } from './route.ts';
import { refuseUnknownFields } from './route-words.ts';
import { type RuleService, ruleType } from './rule.ts';
import { createServices } from './services.ts';

export interface RouteSocketOptions {
  /** The network namespace to work in: a name as `ip netns` has it, a path, a pid, a Netns. Default: the process's own. */
  netns?: NetnsReference;
  /** Deadline of each call in milliseconds, unless the call gives its own. Default 5000. */
  timeout?: number;
  /** SO_RCVBUF in bytes. Default: the kernel's. */
  receiveBuffer?: number;
  /** Gives the opening up. */
  signal?: AbortSignal;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof RouteSocketOptions>([
  'netns',
  'timeout',
  'receiveBuffer',
  'signal',
]);
const MONITOR_OPTIONS: ReadonlySet<string> = new Set<keyof MonitorOptions>([
  'resync',
  'queue',
  'receiveBuffer',
  'allNsid',
  'signal',
]);

/**
 * A rtnetlink socket (man 7 rtnetlink): links, addresses, routes, rules, neighbours and nexthops of one network
 * namespace. Closing it rejects what is pending with a ClosedError and ends its monitors.
 */
export class RouteSocket implements Disposable, AsyncDisposable {
  readonly #netlink: NetlinkSocket;
  /** Weakly: a monitor that its user forgot must be found as the leak it is. */
  readonly #monitors = new Set<WeakRef<Monitor>>();
  readonly link: LinkService;
  readonly address: AddressService;
  readonly route: RouteService;
  readonly rule: RuleService;
  readonly neighbour: NeighbourService;
  readonly nexthop: NexthopService;
  readonly fdb: FdbService;
  readonly mdb: MdbService;
  readonly netconf: NetconfService;
  readonly netnsId: NetnsIdService;
  readonly addressLabel: AddressLabelService;
  readonly qdisc: QdiscService;
  readonly class: ClassService;

  private constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
    const services = createServices(netlink, new LinkNames(netlink));
    this.link = services.link;
    this.address = services.address;
    this.route = services.route;
    this.rule = services.rule;
    this.neighbour = services.neighbour;
    this.nexthop = services.nexthop;
    this.fdb = services.fdb;
    this.mdb = services.mdb;
    this.netconf = services.netconf;
    this.netnsId = services.netnsId;
    this.addressLabel = services.addressLabel;
    this.qdisc = services.qdisc;
    this.class = services.class;
  }

  /** Opens a socket. Rejects with a SystemError (EMFILE, ENOENT of the netns, EPERM to enter it, ...) and keeps nothing. */
  static async open(options: RouteSocketOptions = {}): Promise<RouteSocket> {
    // A misspelt `netns` would be work done in the wrong namespace.
    refuseUnknownFields(options, OPTIONS, {}, '', 'options');
    return new RouteSocket(
      await NetlinkSocket.open({ ...options, protocol: NETLINK_ROUTE, attributeNames: requestNames }),
    );
  }

  get kind(): string {
    return this.#netlink.kind;
  }
  /** The fd's number, -1 from close() on. */
  get fd(): number {
    return this.#netlink.fd;
  }
  get state(): HandleState {
    return this.#netlink.state;
  }
  /** Resolves when nothing of the socket is left. */
  get closed(): Promise<void> {
    return this.#netlink.closed;
  }

  /**
   * News of these objects (all, unless named), from a second socket in the same namespace. It is subscribed when the
   * promise resolves: list afterwards, and nothing is missed. Besides objects it takes groups, by name ('ipv4-route') or
   * number (RTNLGRP_*): what they carry that is no object comes as a message.
   */
  async monitor(
    objects: readonly (ObjectName | MonitorGroup | number)[] = OBJECT_NAMES,
    options: MonitorOptions = {},
  ): Promise<Monitor> {
    refuseUnknownFields(options, MONITOR_OPTIONS, {}, '', 'options');
    const { signal, ...rest } = options;
    if (signal?.aborted) throw abortError(signal);
    const monitor = await Monitor.start(this.#netlink, this, objects, rest);
    if (this.state !== 'open') monitor.close();
    const weak = new WeakRef(monitor);
    this.#monitors.add(weak);
    const monitors = this.#monitors;
    const onAbort = () => signal !== undefined && weak.deref()?.fail(abortError(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    // On the socket's own promise, with nothing in the closure that leads to the monitor.
    monitor.closed.then(() => {
      monitors.delete(weak);
      signal?.removeEventListener('abort', onAbort);
    });
    return monitor;
  }

  /** Idempotent: `fd` reads -1 at once, what is pending rejects with a ClosedError, monitors end. */
  close(): void {
    this.#netlink.close();
    for (const monitor of this.#monitors) monitor.deref()?.close();
    this.#monitors.clear();
  }
  [Symbol.dispose](): void {
    this.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }
}

const TYPES: readonly Pick<ObjectType<object>, 'name' | 'messages' | 'headerSize' | 'attributes'>[] = [
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
  mdbType,
];

/** How the kernel calls in its message types what we call otherwise. */
const NOUNS: { readonly [Name in ObjectName]?: string } = {
  neighbour: 'NEIGH',
  address: 'ADDR',
  netnsId: 'NSID',
  addressLabel: 'ADDRLABEL',
  class: 'TCLASS',
};

/** RTM_NEWLINK and its attributes by message type, so that the kernel's complaints can be put in words. */
function requestNames(type: number): RequestNames | undefined {
  for (const { name, messages, headerSize, attributes } of TYPES) {
    for (const [verb, number] of Object.entries(messages)) {
      if (number !== type) continue;
      return {
        name: `RTM_${verb.toUpperCase()}${NOUNS[name] ?? name.toUpperCase()}`,
        headerSize,
        attributes,
      };
    }
  }
  return undefined;
}
