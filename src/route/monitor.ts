import { InvalidArgumentError } from '../handle/errors.ts';
import type { NetlinkMessage, NetlinkSocket } from '../netlink/socket.ts';
import type { Address } from './address.ts';
import { EventQueue } from './event-queue.ts';
import type { FdbEntry } from './fdb.ts';
import type { Link } from './link.ts';
import type { Neighbour } from './neighbour.ts';
import type { Nexthop } from './nexthop.ts';
import { OBJECT_NAMES, type ObjectName, type ObjectType } from './object.ts';
import { ObjectCache } from './object-cache.ts';
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
}

/**
 * An object appeared, changed or went. Without `resync` the kernel's word is taken as it is: every RTM_NEW* is
 * 'new'. With it the monitor knows what was there before, and tells 'change' from 'new'.
 */
export type ObjectEvent = {
  [Name in ObjectName]: { type: 'new' | 'change' | 'del'; object: Name; value: Objects[Name] };
}[ObjectName];

export type MonitorEvent =
  | ObjectEvent
  /** News were lost: the kernel dropped them (ENOBUFS), or nobody read the events in time. */
  | { type: 'overrun' }
  /** After an overrun, everything was read anew and what differed has been told: the view is whole again. */
  | { type: 'resynced' };

export interface MonitorOptions {
  /** After an overrun, read everything again and tell the difference as events. Default false. */
  resync?: boolean;
  /** Events kept for a consumer that is behind; more is an overrun. Default 65,536. */
  queue?: number;
  /** SO_RCVBUF of its socket in bytes. Default 1 MiB: news come in bursts. */
  receiveBuffer?: number;
  /** Ends the monitor: its iterator rejects with an AbortError. */
  signal?: AbortSignal;
}

const DEFAULT_QUEUE = 65_536;

/** One kind of object as the monitor sees it, with its type forgotten: the pair (type, cache) stays together. */
interface Watched {
  readonly name: ObjectName;
  readonly messages: ObjectType<object>['messages'];
  readonly groups: readonly number[];
  concerns(payload: Uint8Array): boolean;
  event(kind: 'new' | 'del', payload: Uint8Array): ObjectEvent | undefined;
  /** Reads all objects and returns what differs from what was known. */
  resync(): Promise<ObjectEvent[]>;
}

/** What the monitor needs of a service: its type, and reading all its objects. */
export interface Source<T extends object> {
  readonly type: ObjectType<T>;
  snapshot(): Promise<T[]>;
}

export type Sources = { readonly [Name in ObjectName]: Source<Objects[Name]> };

/** Which source a name means. The types are forgotten here: from now on a name goes with its own source only. */
function watch(sources: Sources, name: ObjectName, caching: boolean): Watched {
  if (!Object.hasOwn(sources, name)) {
    throw new InvalidArgumentError(
      'groups',
      name,
      'cannot be monitored',
      `some of ${OBJECT_NAMES.join(', ')}`,
    );
  }
  const source = sources[name] as unknown as Source<object>;
  const { type } = source;
  const cache = caching ? new ObjectCache(type) : undefined;
  const event = (kind: 'new' | 'change' | 'del', value: object) =>
    ({ type: kind, object: name, value }) as ObjectEvent;
  return {
    name,
    messages: type.messages,
    groups: type.groups,
    concerns: (payload) => type.concerns?.(payload) ?? true,
    event(kind, payload) {
      const value = type.decode(payload);
      if (cache === undefined) return event(kind, value);
      const change = cache.apply(kind, value);
      return change === undefined ? undefined : event(change.type, change.value);
    },
    async resync() {
      const objects = await source.snapshot();
      return (cache?.replace(objects) ?? []).map((change) => event(change.type, change.value));
    },
  };
}

/**
 * Turns a socket's notifications into events. It does not know the {@link Monitor}: a monitor that nobody holds any
 * more must be collectable, so that its socket is found leaked, while the socket's listeners live.
 */
class EventSource {
  readonly queue = new EventQueue<MonitorEvent>();
  readonly #watched: readonly Watched[];
  readonly #resync: boolean;
  readonly #capacity: number;
  #resyncing = false;
  #again = false;
  /** News were lost because the reader is behind; it was told so. */
  #spilled = false;
  /** News that came while the dumps ran: older or newer than these, and in order, so that the last word stays. */
  #held: NetlinkMessage[] = [];

  constructor(watched: readonly Watched[], options: MonitorOptions) {
    this.#watched = watched;
    this.#resync = options.resync ?? false;
    this.#capacity = options.queue ?? DEFAULT_QUEUE;
  }

  async seed(): Promise<void> {
    this.#resyncing = this.#resync;
    if (!this.#resync) return;
    for (const watched of this.#watched) await watched.resync();
    this.#release();
  }

  notify(message: NetlinkMessage): void {
    if (this.#resyncing) this.#held.push(message);
    else this.#tell(message);
    if (this.#held.length > this.#capacity) {
      this.#held = [];
      this.overrun();
    }
  }

  overrun(): void {
    this.queue.push({ type: 'overrun' });
    this.#readAnew();
  }

  /** The reader has read everything: time to make up for what was lost while it was behind. */
  caughtUp(): void {
    if (!this.#spilled) return;
    this.#spilled = false;
    this.#readAnew();
  }

  #readAnew(): void {
    if (!this.#resync) return;
    if (this.#resyncing) this.#again = true;
    else this.#run().catch((error: unknown) => this.queue.end(error));
  }

  async #run(): Promise<void> {
    this.#resyncing = true;
    do {
      this.#again = false;
      for (const watched of this.#watched) for (const event of await watched.resync()) this.queue.push(event);
    } while (this.#again);
    this.queue.push({ type: 'resynced' });
    this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#resyncing = false;
    for (const message of held) this.#tell(message);
    if (this.#again && !this.#resyncing) {
      this.#again = false;
      this.#run().catch((error: unknown) => this.queue.end(error));
    }
  }

  #tell(message: NetlinkMessage): void {
    for (const watched of this.#watched) {
      const kind =
        message.type === watched.messages.new
          ? 'new'
          : message.type === watched.messages.del
            ? 'del'
            : undefined;
      if (kind === undefined) continue;
      if (!watched.concerns(message.payload)) continue;
      // Lost before the cache has it: the cache is what the reader will know when it has read the queue, or reading
      // anew would find no difference.
      if (this.queue.length >= this.#capacity) {
        if (!this.#spilled) this.queue.push({ type: 'overrun' });
        this.#spilled = true;
        return;
      }
      const event = watched.event(kind, message.payload);
      if (event !== undefined) this.queue.push(event);
      return;
    }
  }
}

/**
 * Monitors whose reader waits for the next event. A waiting loop is reachable only from what it waits for, and that only
 * from the monitor's socket, which the registry does not hold: without this root the collector would take all of them
 * for a leak, in the middle of `for await`. Between two events nobody waits here, and a monitor that was read for a
 * while and then forgotten is found.
 */
const awaited = new Set<{ readonly monitor: Monitor }>();

/**
 * News of the kernel's objects, from a socket of its own. Iterate it once; close() ends the iteration after the
 * events that had arrived.
 */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable, AsyncDisposable {
  readonly #socket: NetlinkSocket;
  readonly #source: EventSource;

  private constructor(socket: NetlinkSocket, source: EventSource) {
    this.#socket = socket;
    this.#source = source;
  }

  /**
   * Joins the groups of the named objects on `socket`, which the monitor owns from here on, also if this fails.
   * `sources` lists what can be watched.
   */
  static async start(
    socket: NetlinkSocket,
    sources: Sources,
    names: readonly ObjectName[],
    options: MonitorOptions,
  ): Promise<Monitor> {
    try {
      checkRequest(names, options);
      const watched = names.map((name) => watch(sources, name, options.resync ?? false));
      const source = new EventSource(watched, options);
      const { queue } = source;
      socket.onNotification((message) => source.notify(message));
      socket.onOverrun(() => source.overrun());
      for (const { groups } of watched) for (const group of groups) socket.joinGroup(group);
      // Subscribed first, read second: nothing that happens in between is missed.
      await source.seed();
      socket.closed.then(() => queue.end());
      return new Monitor(socket, source);
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
  /** Idempotent. Frees the socket at once and ends the iteration. */
  close(): void {
    this.#source.queue.end();
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
    this.#source.queue.end(error);
    this.#socket.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MonitorEvent, void, void> {
    this.#socket.ref();
    try {
      for (;;) {
        const { done, value } = await this.#next();
        if (done === true) return;
        yield value;
      }
    } finally {
      if (this.#socket.state === 'open') this.#socket.unref();
    }
  }

  async #next(): Promise<IteratorResult<MonitorEvent, undefined>> {
    const wait = { monitor: this };
    awaited.add(wait);
    try {
      if (this.#source.queue.length === 0) this.#source.caughtUp();
      return await this.#source.queue.next();
    } finally {
      awaited.delete(wait);
    }
  }
}

function checkRequest(names: readonly ObjectName[], { queue }: MonitorOptions): void {
  if (!Array.isArray(names))
    throw new InvalidArgumentError('groups', names, 'is no list', "a list as ['link', 'route']");
  if (queue !== undefined && !(Number.isInteger(queue) && queue > 0))
    throw new InvalidArgumentError('queue', queue, 'is no number of events', '1 or more');
}
