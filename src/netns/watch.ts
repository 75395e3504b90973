/** News of network namespaces: names that come and go, and ids. */
import { performance } from 'node:perf_hooks';
import { checkFields, checkSignal } from '../handle/checks.ts';
import { abortError, BaseCore, KernelHandle } from '../handle/index.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { NameView, type NetnsNameEvent } from './name-view.ts';
import { NETNS_DIRECTORY } from './names.ts';

/** Who tells of ids: a RouteSocket, in the namespace that numbers others. */
export interface NetnsIdSource {
  monitor(objects: readonly 'netnsId'[], options: { resync: boolean }): Promise<NetnsIdMonitor>;
}

/** What is used of its Monitor. */
export interface NetnsIdMonitor
  extends AsyncIterable<{ readonly type: string; readonly object?: string; readonly value?: object }> {
  readonly closed: Promise<void>;
  close(): void;
}

export interface NetnsWatchOptions {
  /** Begins with a 'new' for each name that there is. Default false. */
  readonly existing?: boolean;
  /** A RouteSocket: tells also when its namespace gives another one an id, or loses one. */
  readonly numberedBy?: NetnsIdSource;
  /** Ends it: the iterator rejects with an AbortError. */
  readonly signal?: AbortSignal;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof NetnsWatchOptions>(['existing', 'numberedBy', 'signal']);

/** A namespace got an id here, or is gone with the id that it had. */
export interface NetnsIdEvent {
  readonly type: 'new' | 'del';
  readonly object: 'nsid';
  readonly value: { readonly nsid: number };
}

export type NetnsEvent = NetnsNameEvent | NetnsIdEvent;

/** See {@link Netns.watch}. Several loops over one watch share what comes. */
export class NetnsWatch extends KernelHandle<WatchCore> implements AsyncIterable<NetnsEvent> {
  /** @internal */
  constructor(options: NetnsWatchOptions = {}) {
    super(new WatchCore(options));
  }

  /** Ends the iteration as well: what was noticed and not read yet is dropped. */
  override close(): void {
    super.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NetnsEvent, void, void> {
    for (;;) {
      const event = await this.core.next();
      if (event === undefined) return;
      yield event;
    }
  }
}

class WatchCore extends BaseCore {
  readonly kind = 'netns-watch';
  readonly #directory: DirectoryWatch;
  readonly #view = new NameView();
  readonly #found: NetnsEvent[] = [];
  readonly #ids: Promise<NetnsIdMonitor> | undefined;
  #idAsked = false;
  /** Something may have changed since the last look. */
  #stale = true;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Those who wait for an event, each after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #unsubscribe = (): void => {};

  constructor(options: NetnsWatchOptions) {
    super();
    checkFields('', options, OPTIONS);
    const { existing = false, numberedBy, signal } = options;
    checkSignal(signal);
    if (signal?.aborted) throw abortError(signal);
    // Watched first, looked at second: what comes in between is found by the next look.
    this.#directory = new DirectoryWatch(NETNS_DIRECTORY, () => this.#changed());
    try {
      const { events } = this.#view.look(performance.now());
      if (existing) this.#found.push(...events);
      this.#ids = numberedBy?.monitor(['netnsId'], { resync: true });
    } catch (error) {
      this.#directory.close();
      throw error;
    }
    // It is told to whoever reads.
    this.#ids?.catch(() => {});
    if (signal !== undefined) {
      const abort = () => this.#fail(abortError(signal));
      signal.addEventListener('abort', abort, { once: true });
      this.#unsubscribe = () => signal.removeEventListener('abort', abort);
    }
  }

  /** None of its own: the inotify instance is the thread's. */
  get fd(): number {
    return -1;
  }

  /** The next event; undefined at the end. */
  next(): Promise<NetnsEvent | undefined> {
    const result = this.#last.then(() => this.#next());
    this.#last = result.catch(() => {});
    return result;
  }

  async #next(): Promise<NetnsEvent | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.state !== 'open') return undefined;
      if (this.#stale) this.#look();
      const event = this.#found.shift();
      if (event !== undefined) return event;
      await this.#news();
    }
  }

  /** Looks, however much or little has happened: what came and went in between has not been. */
  #look(): void {
    this.#stale = false;
    clearTimeout(this.#timer);
    this.#directory.follow();
    const { events, again } = this.#view.look(performance.now());
    this.#found.push(...events);
    // Whoever waits keeps the event loop alive already.
    if (again !== undefined) this.#timer = setTimeout(() => this.#changed(), again).unref();
  }

  async #news(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#directory.setRef(true);
    void this.#askForIds();
    await woken;
    this.#wake = undefined;
    if (this.state === 'open') this.#directory.setRef(false);
  }

  /** One event at a time: the rest waits in the monitor, which knows how to lose some and make up for it. */
  async #askForIds(): Promise<void> {
    if (this.#ids === undefined || this.#idAsked) return;
    this.#idAsked = true;
    try {
      const events = (await this.#ids)[Symbol.asyncIterator]();
      const asked = events.next();
      // An open loop keeps the event loop alive. That is done by those who wait here, for as long as they do.
      void events.return?.();
      const { done, value } = await asked;
      // Its socket was closed.
      if (done === true) this.close();
      else if (value.object === 'netnsId' && value.value !== undefined && 'nsid' in value.value) {
        const type = value.type === 'del' ? 'del' : 'new';
        this.#found.push({ type, object: 'nsid', value: { nsid: Number(value.value.nsid) } });
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#idAsked = false;
    this.#wake?.();
  }

  #changed(): void {
    this.#stale = true;
    this.#wake?.();
  }

  #fail(error: unknown): void {
    if (this.state !== 'open') return;
    this.#failure = { error };
    this.close();
  }

  protected closeNative(done: () => void): void {
    clearTimeout(this.#timer);
    this.#unsubscribe();
    this.#directory.close();
    if (this.#ids === undefined) done();
    else void endMonitor(this.#ids).then(done);
  }

  protected override onClosing(): void {
    this.#found.length = 0;
    this.#wake?.();
  }
}

/** Closes it, or will when it has been opened. */
async function endMonitor(opening: Promise<NetnsIdMonitor>): Promise<void> {
  const monitor = await opening.catch(() => undefined);
  monitor?.close();
  await monitor?.closed;
}
