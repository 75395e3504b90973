import { abortError, ClosedError } from '../handle/errors.ts';
import type { HandleState } from '../handle/handle-info.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../netlink/socket.ts';
import type { NetnsReference } from '../netns/index.ts';
import type { ActionService } from './action.ts';
import type { AddressService } from './address.ts';
import type { AddressLabelService } from './address-label.ts';
import type { BatchOptions, BatchResult, BatchServices } from './batch.ts';
import { type BatchHost, callBatch } from './batch-call.ts';
import type { BridgePortService } from './bridge-port.ts';
import type { BridgeVlanService } from './bridge-vlan.ts';
import type { ChainService } from './chain.ts';
import type { ClassService } from './class.ts';
import type { FdbService } from './fdb.ts';
import type { FilterService } from './filter.ts';
import type { LinkService } from './link.ts';
import type { MdbService } from './mdb.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import type { MonitorGroup } from './monitor-groups.ts';
import { LinkNames } from './names.ts';
import type { NeighbourService } from './neighbour.ts';
import type { NetconfService } from './netconf.ts';
import type { NetnsIdService } from './netns-id.ts';
import type { NexthopService } from './nexthop.ts';
import { OBJECT_NAMES, type ObjectName } from './object.ts';
import { requestNames } from './object-types.ts';
import type { QdiscService } from './qdisc.ts';
import { Recording } from './recording.ts';
import { refuseUnknownFields } from './route-words.ts';
import type { RuleService } from './rule.ts';
import { createServices } from './services.ts';
import { SocketRouteService } from './sync.ts';

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
  'raw',
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
  readonly #batches: BatchHost;
  readonly link: LinkService;
  readonly address: AddressService;
  readonly route: SocketRouteService;
  readonly rule: RuleService;
  readonly neighbour: NeighbourService;
  readonly nexthop: NexthopService;
  readonly fdb: FdbService;
  readonly bridgePort: BridgePortService;
  readonly bridgeVlan: BridgeVlanService;
  readonly mdb: MdbService;
  readonly netconf: NetconfService;
  readonly netnsId: NetnsIdService;
  readonly addressLabel: AddressLabelService;
  readonly qdisc: QdiscService;
  readonly class: ClassService;
  readonly filter: FilterService;
  readonly action: ActionService;
  readonly chain: ChainService;

  private constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
    const names = new LinkNames(netlink);
    const services = createServices(netlink, names);
    const closedError = () => new ClosedError('the netlink socket is closed');
    this.#batches = { netlink, services, running: new Set(), closedError };
    this.link = services.link;
    this.address = services.address;
    this.route = new SocketRouteService(netlink, names, (callback, options) => this.batch(callback, options));
    this.rule = services.rule;
    this.neighbour = services.neighbour;
    this.nexthop = services.nexthop;
    this.fdb = services.fdb;
    this.bridgePort = services.bridgePort;
    this.bridgeVlan = services.bridgeVlan;
    this.mdb = services.mdb;
    this.netconf = services.netconf;
    this.netnsId = services.netnsId;
    this.addressLabel = services.addressLabel;
    this.qdisc = services.qdisc;
    this.class = services.class;
    this.filter = services.filter;
    this.action = services.action;
    this.chain = services.chain;
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

  /**
   * Writes the news of these objects and groups (all objects, unless named) into a file, as rtmon(8) does: first what is
   * there, then what happens, each with its time. `ip monitor file` reads it, and {@link replay}. Classes, filters and
   * groups have no beginning in it. Rejects with Node's error where the file cannot be made; it is emptied if it exists.
   */
  async record(
    file: string,
    objects: readonly (ObjectName | MonitorGroup | number)[] = OBJECT_NAMES,
    options: Pick<MonitorOptions, 'receiveBuffer' | 'signal'> = {},
  ): Promise<Recording> {
    const monitor = await this.monitor(objects, { ...options, raw: true });
    return await Recording.start(file, monitor, this.#netlink, objects);
  }

  /**
   * Many changes at once: what `callback` asks of its services is noted down, sent in the order of the calls, up to 512
   * requests in one sendmsg(2), and answered with one result for each call, in that order.
   *
   * ```ts
   * const results = await rt.batch((b) => routes.map((route) => b.route.add(route)));
   * const failures = results.filter((result) => !result.ok);
   * ```
   *
   * A refused or invalid item is a result, not a rejection, and keeps no other from being done. An abort, a deadline or
   * close() end the batch, and the results say what was not done, and of what that is not known. The batch rejects only
   * where nothing was sent: the callback threw (with what it threw), the signal was aborted before, the socket is closed,
   * an option is wrong, or there is no fd or thread to be had.
   *
   * The callback may be async; what it returns does not matter. The objects are read while the batch is on its way: leave
   * them alone until then. A name of a link is asked for once, the first time that it is met; calls of `b.link` wait for
   * what is before them, and those after them wait for them and ask for names again. man 7 netlink.
   */
  batch(callback: (b: BatchServices) => unknown, options: BatchOptions = {}): Promise<BatchResult[]> {
    return callBatch(this.#batches, callback, options);
  }

  /** Idempotent: `fd` reads -1 at once, what is pending rejects with a ClosedError, monitors end. */
  close(): void {
    // First: they know what has been answered already.
    for (const batch of this.#batches.running) batch.end(this.#batches.closedError());
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
