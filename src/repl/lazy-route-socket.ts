import { ClosedError } from '../handle/index.ts';
import { ActionService } from '../route/action.ts';
import { AddressService } from '../route/address.ts';
import { AddressLabelService } from '../route/address-label.ts';
import { BridgePortService } from '../route/bridge-port.ts';
import { BridgeVlanService } from '../route/bridge-vlan.ts';
import { ChainService } from '../route/chain.ts';
import { ClassService } from '../route/class.ts';
import { FdbService } from '../route/fdb.ts';
import { FilterService } from '../route/filter.ts';
import { LinkService } from '../route/link.ts';
import { MdbService } from '../route/mdb.ts';
import type { Monitor } from '../route/monitor.ts';
import { NeighbourService } from '../route/neighbour.ts';
import { NetconfService } from '../route/netconf.ts';
import { NetnsIdService } from '../route/netns-id.ts';
import { NexthopService } from '../route/nexthop.ts';
import type { ObjectName } from '../route/object.ts';
import { QdiscService } from '../route/qdisc.ts';
import { RouteService } from '../route/route.ts';
import { RuleService } from '../route/rule.ts';
import { RouteSocket, type RouteSocketOptions } from '../route/socket.ts';
import { READING_VERBS, ReadOnlyError, VERBS } from './read-only.ts';

/**
 * A stand-in for a RouteSocket that opens one when something is first asked of it. Looking at it, completing its
 * names and printing it make no system call: all its members are plain functions, none is a getter or a proxy.
 */

type Verb = (...args: unknown[]) => unknown;
type Service = Readonly<Record<string, Verb>>;

const SERVICES: Readonly<Record<ObjectName | 'action', { readonly prototype: object }>> = {
  link: LinkService,
  address: AddressService,
  route: RouteService,
  rule: RuleService,
  neighbour: NeighbourService,
  nexthop: NexthopService,
  fdb: FdbService,
  bridgePort: BridgePortService,
  bridgeVlan: BridgeVlanService,
  mdb: MdbService,
  netconf: NetconfService,
  netnsId: NetnsIdService,
  addressLabel: AddressLabelService,
  qdisc: QdiscService,
  class: ClassService,
  filter: FilterService,
  action: ActionService,
  chain: ChainService,
};

/** Verbs that are iterated rather than awaited. */
const ITERATING: ReadonlySet<string> = new Set(['dump', 'batches']);

/** The verbs that a service has, those it inherits included. What else is on its prototype is its own business. */
function verbsOf(prototype: object): string[] {
  return VERBS.filter((verb) => typeof (prototype as Record<string, unknown>)[verb] === 'function');
}

export interface LazyOptions {
  readonly open: RouteSocketOptions;
  readonly allowWrite: boolean;
  /** How errors name it: 'rt'. */
  readonly name: string;
}

export class LazyRouteSocket {
  readonly link: Service;
  readonly address: Service;
  readonly route: Service;
  readonly rule: Service;
  readonly neighbour: Service;
  readonly nexthop: Service;
  readonly fdb: Service;
  readonly bridgePort: Service;
  readonly bridgeVlan: Service;
  readonly mdb: Service;
  readonly netconf: Service;
  readonly netnsId: Service;
  readonly addressLabel: Service;
  readonly qdisc: Service;
  readonly class: Service;
  readonly filter: Service;
  readonly action: Service;
  readonly chain: Service;
  /** News of these objects, or of all: `for await (const event of await rt.monitor(['link'])) console.log(event)`. */
  readonly monitor: (objects?: readonly ObjectName[], options?: object) => Promise<Monitor>;
  /** Closes what has been opened; nothing can be asked any more. */
  readonly close: () => void;
  readonly #options: LazyOptions;
  #opening: Promise<RouteSocket> | undefined;
  #socket: RouteSocket | undefined;
  #closed = false;

  constructor(options: LazyOptions, opened?: RouteSocket) {
    this.#options = options;
    this.#socket = opened;
    if (opened !== undefined) this.#opening = Promise.resolve(opened);
    this.link = this.#service('link');
    this.address = this.#service('address');
    this.route = this.#service('route');
    this.rule = this.#service('rule');
    this.neighbour = this.#service('neighbour');
    this.nexthop = this.#service('nexthop');
    this.fdb = this.#service('fdb');
    this.bridgePort = this.#service('bridgePort');
    this.bridgeVlan = this.#service('bridgeVlan');
    this.mdb = this.#service('mdb');
    this.netconf = this.#service('netconf');
    this.netnsId = this.#service('netnsId');
    this.addressLabel = this.#service('addressLabel');
    this.qdisc = this.#service('qdisc');
    this.class = this.#service('class');
    this.filter = this.#service('filter');
    this.action = this.#service('action');
    this.chain = this.#service('chain');
    this.monitor = async (objects, settings = {}) => (await this.#open()).monitor(objects, settings);
    this.close = () => this.#close();
  }

  /** What the console shows of it. */
  describe(): string {
    const socket = this.#socket;
    const state = this.#closed ? 'closed' : (socket?.state ?? 'opens when first asked');
    const access = this.#options.allowWrite ? 'reads and writes' : 'only reads';
    const where = socket === undefined || this.#closed ? '' : `, fd ${socket.fd}`;
    return `RouteSocket <${state}${where}, ${access}>`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await (await this.#opening?.catch(() => undefined))?.closed;
  }

  #service(object: ObjectName | 'action'): Service {
    const service: Record<string, Verb> = {};
    for (const verb of verbsOf(SERVICES[object].prototype)) {
      service[verb] = ITERATING.has(verb) ? this.#iterate(object, verb) : this.#call(object, verb);
    }
    return Object.freeze(service);
  }

  #call(object: ObjectName | 'action', verb: string): Verb {
    const invoke = async (args: unknown[]) => {
      const service = (await this.#open())[object] as unknown as Service;
      return service[verb]?.(...args);
    };
    return (...args) => {
      // Thrown rather than rejected: whoever forgot to await sees it all the same.
      if (!this.#options.allowWrite && !READING_VERBS.has(verb)) {
        throw new ReadOnlyError(`${this.#options.name}.${object}.${verb}`);
      }
      return invoke(args);
    };
  }

  #iterate(object: ObjectName | 'action', verb: string): Verb {
    const open = () => this.#open();
    return async function* (...args) {
      const service = (await open())[object] as unknown as Service;
      yield* service[verb]?.(...args) as AsyncIterable<unknown>;
    };
  }

  #open(): Promise<RouteSocket> {
    if (this.#closed) return Promise.reject(new ClosedError('the console closed this socket'));
    this.#opening ??= RouteSocket.open(this.#options.open).then(
      (socket) => {
        this.#socket = socket;
        // Closed while it opened.
        if (this.#closed) socket.close();
        return socket;
      },
      (error: unknown) => {
        // The next call tries again: whatever was missing may be there by then.
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  #close(): void {
    this.#closed = true;
    this.#socket?.close();
  }
}
