import { InvalidArgumentError } from '../handle/errors.ts';
import { messageTypeFilter } from '../netlink/message-filter.ts';
import type { NewsSocket } from '../netlink/news.ts';
import type { NetlinkMessage, NetlinkSocket } from '../netlink/socket.ts';
import type { Address } from './address.ts';
import type { AddressLabel } from './address-label.ts';
import type { BridgePortLink } from './bridge-port.ts';
import type { AnyBridgeVlan } from './bridge-vlan.ts';
import type { TcChain } from './chain.ts';
import type { TcClass } from './class.ts';
import type { FdbEntry } from './fdb.ts';
import type { TcFilter } from './filter.ts';
import type { Link } from './link.ts';
import type { Mdb } from './mdb.ts';
import { MonitorFeed, type Source, type Watch } from './monitor-feed.ts';
import { type MonitorGroup, sortWanted, type Wanted, watchedFamilies } from './monitor-groups.ts';
import { EventBuffer } from './monitor-iterator.ts';
import { MonitorQueue } from './monitor-queue.ts';
import type { Neighbour } from './neighbour.ts';
import type { Netconf } from './netconf.ts';
import type { NetnsId } from './netns-id.ts';
import type { Nexthop } from './nexthop.ts';
import { OBJECT_NAMES, type ObjectName } from './object.ts';
import type { Qdisc } from './qdisc.ts';
import type { Route } from './route.ts';
import type { Rule } from './rule.ts';

/** The type of each kind of object. */
export interface Objects {
  link: Link;
  address: Address;
  route: Route;
  rule: Rule;
  neighbour: Neighbour;
  nexthop: Nexthop;
  fdb: FdbEntry;
  netconf: Netconf;
  netnsId: NetnsId;
  addressLabel: AddressLabel;
  qdisc: Qdisc;
  class: TcClass;
  filter: TcFilter;
  chain: TcChain;
  mdb: Mdb;
  bridgePort: BridgePortLink;
  bridgeVlan: AnyBridgeVlan;
}

/**
 * An object appeared, changed or went. Without `resync` the kernel's word is taken as it is: every RTM_NEW* is
 * 'new'. With it the monitor knows what was there before, and tells 'change' from 'new'.
 *
 * The object is as the kernel sent it: links are told by index only. Names change hands, so who wants them keeps the
 * links that it hears of by 'link'.
 *
 * `nsid`: the namespace that it happened in, as `ip netns list-id` numbers it from here; left out for the monitor's own.
 */
export type ObjectEvent = {
  [Name in ObjectName]: { type: 'new' | 'change' | 'del'; object: Name; value: Objects[Name]; nsid?: number };
}[ObjectName];

export type MonitorEvent =
  | ObjectEvent
  /** A message of a group that was asked for by group, and of no kind of object known here; or any, with `raw`. */
  | { type: 'message'; group: number; message: NetlinkMessage; nsid?: number }
  /** News were lost: the kernel dropped them (ENOBUFS), because they came faster than they were read. */
  | { type: 'overrun' }
  /** After an overrun, everything was read anew and what differed has been told: the view is whole again. */
  | { type: 'resynced' };

export interface MonitorOptions {
  /**
   * After an overrun, read everything again and tell the difference as events. Only of the monitor's own namespace:
   * what `allNsid` brings of others is told as it comes. Default false.
   */
  resync?: boolean;
  /**
   * Datagrams kept for a consumer that is behind, at most 64 MiB. What comes then stays in the kernel's buffer, and when
   * that is full, too, it is an overrun. Default 65,536.
   */
  queue?: number;
  /**
   * SO_RCVBUF of its socket in bytes. A small message takes about 1 KiB of it. Only a privileged socket may have more
   * than net.core.rmem_max. Default 32 MiB, of which no more is used than waits there.
   */
  receiveBuffer?: number;
  /** Every message as it is, undecoded, as a 'message' event. Not with `resync`. Default false. */
  raw?: boolean;
  /** News of all namespaces that the monitor's own has a number for (`ip netns list-id`). Default false. */
  allNsid?: boolean;
  /** Ends the monitor: its iterator rejects with an AbortError. */
  signal?: AbortSignal;
}

/** What a monitor did so far. */
export interface MonitorStats {
  /** Datagrams that arrived. */
  received: number;
  /** Events handed out, those of resyncs among them. */
  events: number;
  /** Datagrams that wait to be read. */
  queued: number;
  /** Datagrams that the kernel could not deliver: it counts each. */
  dropped: number;
  /** Datagrams that arrived and were not told, because a resync was about to tell of their objects anyway. */
  discarded: number;
  /** 'overrun' and 'resynced' events. */
  overruns: number;
  resyncs: number;
  /** Datagrams that were no netlink: the rest of them counts as lost. */
  malformed: number;
}

const DEFAULT_QUEUE = 65_536;
const DEFAULT_RECEIVE_BUFFER = 32 * 1024 * 1024;

export type Sources = { readonly [Name in ObjectName]: Source<Objects[Name]> };

/** What is to be watched, with types forgotten: from now on a name goes with its own source only. */
function watches(sources: Sources, wanted: Wanted): Watch[] {
  return OBJECT_NAMES.flatMap((name) => {
    const source = sources[name] as unknown as Source<object>;
    const families = watchedFamilies(name, source.type.groups, wanted);
    return families === undefined ? [] : [{ name, source, families }];
  });
}

/**
 * News of the kernel's objects, from a socket of its own. Iterate it event by event, or by {@link batches}; close() ends
 * the iteration after the events that had arrived.
 */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable, AsyncDisposable {
  readonly #socket: NewsSocket;
  readonly #queue: MonitorQueue;
  readonly #feed: MonitorFeed;
  readonly #events: EventBuffer;

  private constructor(socket: NewsSocket, queue: MonitorQueue, feed: MonitorFeed) {
    this.#socket = socket;
    this.#queue = queue;
    this.#feed = feed;
    const stream = feed.batches();
    this.#events = new EventBuffer({
      next: async () => (await stream.next()).value ?? undefined,
      setRef: (on) => this.#setRef(on),
    });
  }

  /**
   * Joins the groups of what is named, by a socket in the namespace of `netlink`. `sources` lists what can be watched.
   * Keeps nothing where it fails.
   */
  static async start(
    netlink: NetlinkSocket,
    sources: Sources,
    names: readonly (ObjectName | MonitorGroup | number)[],
    options: MonitorOptions,
  ): Promise<Monitor> {
    const { resync = false, raw = false, queue: capacity = DEFAULT_QUEUE, allNsid } = options;
    if (raw && resync)
      throw new InvalidArgumentError('raw', raw, 'cannot be resynced', 'either raw or resync');
    if (!(Number.isInteger(capacity) && capacity > 0))
      throw new InvalidArgumentError('queue', capacity, 'is no number of datagrams', '1 or more');
    const wanted = sortWanted(names);
    const watched = watches(sources, wanted);
    const groups = new Set([...watched.flatMap(({ source }) => ownGroups(source, wanted)), ...wanted.groups]);
    const types = watched.flatMap(({ source: { type } }) => [type.messages.new, type.messages.del]);
    const queue = new MonitorQueue(capacity);
    const socket = netlink.news(
      {
        groups: [...groups],
        receiveBuffer: options.receiveBuffer ?? DEFAULT_RECEIVE_BUFFER,
        // Groups carry more than one kind of object: the others should not even wake us.
        filter: wanted.groups.size === 0 ? messageTypeFilter([...new Set(types)]) : undefined,
        tellGroups: raw || wanted.groups.size > 0,
        allNsid,
      },
      queue,
    );
    try {
      const feed = new MonitorFeed(queue, {
        watches: raw ? [] : watched,
        rawGroups: raw ? groups : wanted.groups,
        resync,
        resume: () => socket.resume(),
      });
      // Subscribed first, read second: nothing that happens in between is missed.
      await feed.seed();
      socket.closed.then(() => queue.end());
      return new Monitor(socket, queue, feed);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#socket.fd;
  }
  get closed(): Promise<void> {
    return this.#socket.closed;
  }
  get stats(): MonitorStats {
    const { length: queued, received } = this.#queue;
    return { received, queued, dropped: this.#socket.drops, ...this.#feed.counts };
  }
  /** Idempotent. Frees the socket at once and ends the iteration. */
  close(): void {
    this.#queue.end();
    this.#socket.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  /** @internal Ends the iteration with an error. */
  fail(error: unknown): void {
    this.#queue.end(error);
    this.#socket.close();
  }

  /**
   * Several events at a time, as many as there are: for who wants tens of thousands a second. A loop over these and one
   * over single events share what comes: run one at a time.
   */
  async *batches(): AsyncGenerator<readonly MonitorEvent[], void, void> {
    this.#setRef(true);
    try {
      for (;;) {
        const events = await this.#events.several();
        if (events === undefined) return;
        yield events;
      }
    } finally {
      this.#setRef(false);
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<MonitorEvent, undefined> {
    return this.#events.iterate();
  }

  #setRef(on: boolean): void {
    if (this.#socket.state !== 'open') return;
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }
}

/** Of an object that was asked for by name all groups, of others those that were asked for. */
function ownGroups({ type }: Source<object>, wanted: Wanted): readonly number[] {
  return wanted.objects.has(type.name) ? type.groups : [];
}
