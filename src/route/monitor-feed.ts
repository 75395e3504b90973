import { setImmediate } from 'node:timers/promises';
import { MESSAGE_HEADER } from '../netlink/wire/message.ts';
import { firstHalf, type ReceiveBuffer, secondHalf } from '../netlink/wire/receive-buffer.ts';
import { align, WireError } from '../netlink/wire/view.ts';
import type { MonitorEvent, ObjectEvent } from './monitor.ts';
import type { Datagram, MonitorQueue } from './monitor-queue.ts';
import type { ObjectName, ObjectType } from './object.ts';
import { type Change, ObjectCache } from './object-cache.ts';

/** Events handed out at once. */
const BATCH = 256;
/** Milliseconds after which the event loop gets a turn, however much there still is to tell. */
const TURN = 2;

/** What the monitor needs of a service: its type, and reading all its objects. */
export interface Source<T extends object> {
  readonly type: ObjectType<T>;
  snapshot(): Promise<T[]>;
}

/** One kind of object to watch. */
export interface Watch {
  readonly name: ObjectName;
  readonly source: Source<object>;
  /** Only objects of these families are told of. */
  readonly families: 'all' | ReadonlySet<string>;
}

/** A kind of object with its memory: what the reader of the events knows. */
class Watched {
  readonly name: ObjectName;
  readonly type: ObjectType<object>;
  readonly cache: ObjectCache<object> | undefined;
  readonly #watch: Watch;

  constructor(watch: Watch, resync: boolean) {
    this.#watch = watch;
    this.name = watch.name;
    this.type = watch.source.type;
    this.cache = resync ? new ObjectCache(this.type) : undefined;
  }

  /** Reads all objects and tells how they differ from what is known; undefined in between, to breathe. */
  async differences(): Promise<Iterable<Change<object> | undefined>> {
    const { source, families } = this.#watch;
    const objects = await source.snapshot();
    const wanted =
      families === 'all'
        ? objects
        : objects.filter((object) => families.has((object as { family?: string }).family ?? ''));
    return this.cache?.replace(wanted) ?? [];
  }
}

interface Listener {
  readonly watched: Watched;
  readonly kind: 'new' | 'del';
}

export interface FeedOptions {
  readonly watches: readonly Watch[];
  /** Groups of which messages are told as they are, where they are of no watched kind. */
  readonly rawGroups: ReadonlySet<number>;
  readonly resync: boolean;
  /** The queue has room again. */
  readonly resume: () => void;
}

/**
 * Turns what is in the queue into events, when its reader asks for them. So the memory of what was there before is what
 * the reader knows, and nothing that was lost on the way to it. The feed does not know the Monitor.
 */
export class MonitorFeed {
  readonly #queue: MonitorQueue;
  readonly #options: FeedOptions;
  readonly #watched: readonly Watched[];
  /** By message type. */
  readonly #listeners: Listener[][] = [];
  #breath = performance.now();
  #events = 0;
  #overruns = 0;
  #resyncs = 0;
  #discarded = 0;
  #malformed = 0;

  constructor(queue: MonitorQueue, options: FeedOptions) {
    this.#queue = queue;
    this.#options = options;
    this.#watched = options.watches.map((watch) => new Watched(watch, options.resync));
    for (const watched of this.#watched) {
      const { messages } = watched.type;
      for (const kind of ['new', 'del'] as const) {
        this.#listeners[messages[kind]] ??= [];
        this.#listeners[messages[kind]]?.push({ watched, kind });
      }
    }
  }

  get counts() {
    return {
      events: this.#events,
      overruns: this.#overruns,
      resyncs: this.#resyncs,
      discarded: this.#discarded,
      malformed: this.#malformed,
    };
  }

  /** Reads what is there now, and tells nobody. */
  async seed(): Promise<void> {
    if (!this.#options.resync) return;
    for (const watched of this.#watched) {
      for (const change of await watched.differences()) if (change === undefined) await this.#breathe();
    }
  }

  /** The events, some at a time. Ends when the queue does; throws what it ended with. */
  async *batches(): AsyncGenerator<MonitorEvent[], void, void> {
    const queue = this.#queue;
    for (;;) {
      const { batch, loss } = this.#read();
      if (queue.roomy) this.#options.resume();
      this.#events += batch.length;
      if (batch.length > 0) yield batch;
      if (loss) yield* this.#makeUp();
      else if (batch.length === 0 && !(await queue.arrival())) return;
      await this.#breathe();
    }
  }

  /** Up to a batch of events, or to where news were lost. */
  #read(): { batch: MonitorEvent[]; loss: boolean } {
    const batch: MonitorEvent[] = [];
    while (batch.length < BATCH) {
      const datagram = this.#queue.take();
      if (datagram === undefined) break;
      if (datagram === 'loss') return { batch, loss: true };
      try {
        this.#walk(datagram, batch);
      } catch (error) {
        if (!(error instanceof WireError || error instanceof RangeError)) throw error;
        // What cannot be read has not been told.
        this.#malformed++;
        return { batch, loss: true };
      }
    }
    return { batch, loss: false };
  }

  #walk({ buffer, start, end, group, nsid }: Datagram, batch: MonitorEvent[]): void {
    const { words } = buffer;
    for (let at = start; at < end; ) {
      const left = end - at;
      const length = left < MESSAGE_HEADER ? 0 : (words[at >> 2] as number);
      if (length < MESSAGE_HEADER || length > left)
        throw new WireError(`a message of ${length} bytes in the ${left} that are left`);
      const kinds = words[(at >> 2) + 1] as number;
      this.#message(firstHalf(kinds), secondHalf(kinds), buffer, at, at + length, group, nsid, batch);
      at += align(length);
    }
  }

  #message(
    type: number,
    flags: number,
    buffer: ReceiveBuffer,
    start: number,
    end: number,
    group: number,
    nsid: number,
    batch: MonitorEvent[],
  ): void {
    const listeners = this.#listeners[type];
    if (listeners !== undefined) {
      const from = start + MESSAGE_HEADER;
      for (const { watched, kind } of listeners) {
        const { type: object } = watched;
        if (object.read !== undefined && object.concerns === undefined) {
          this.#tell(watched, kind, object.read(buffer, from, end), flags, nsid, batch);
          return;
        }
        const payload = buffer.bytes.subarray(from, end);
        if (object.concerns?.(payload) === false) continue;
        const values = object.decodeAll?.(payload) ?? [object.decode(payload)];
        for (const value of values) this.#tell(watched, kind, value, flags, nsid, batch);
        return;
      }
    }
    if (!this.#options.rawGroups.has(group)) return;
    const view = buffer.words;
    const message = {
      type,
      flags,
      seq: (view[(start >> 2) + 2] as number) >>> 0,
      portId: (view[(start >> 2) + 3] as number) >>> 0,
      // The block is used again.
      payload: buffer.bytes.slice(start + MESSAGE_HEADER, end),
    };
    batch.push({ type: 'message', group, message, ...(nsid >= 0 && { nsid }) });
  }

  #tell(
    watched: Watched,
    kind: 'new' | 'del',
    value: object,
    flags: number,
    nsid: number,
    batch: MonitorEvent[],
  ): void {
    const object = watched.name;
    if (nsid >= 0) batch.push({ type: kind, object, value, nsid } as ObjectEvent);
    else if (watched.cache === undefined) batch.push({ type: kind, object, value } as ObjectEvent);
    else {
      const change = watched.cache.apply(kind, value, flags);
      if (change !== undefined) batch.push({ type: change.type, object, value: change.value } as ObjectEvent);
    }
  }

  /** News were lost: says so and, if that is wanted, what it can find out of them. */
  async *#makeUp(): AsyncGenerator<MonitorEvent[], void, void> {
    this.#overruns++;
    yield [{ type: 'overrun' }];
    if (!this.#options.resync) return;
    // Reading anew tells all that came until now, lost or not.
    this.#discarded += this.#queue.skipToLastLoss();
    for (const watched of this.#watched) {
      let batch: MonitorEvent[] = [];
      for (const change of await watched.differences()) {
        if (change === undefined) await this.#breathe();
        else batch.push({ type: change.type, object: watched.name, value: change.value } as ObjectEvent);
        if (batch.length < BATCH) continue;
        this.#events += batch.length;
        yield batch;
        batch = [];
      }
      this.#events += batch.length;
      if (batch.length > 0) yield batch;
    }
    this.#resyncs++;
    yield [{ type: 'resynced' }];
  }

  /** Promises run before the event loop does: a reader that is always answered at once would never let it turn. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breath < TURN) return;
    await setImmediate();
    this.#breath = performance.now();
  }
}
