/** One batch on its way: encodes the items in order, keeps the pipeline busy, and notes what becomes of each. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ClosedError,
  CofferdamError,
  InvalidArgumentError,
  SystemError,
  systemError,
  TimeoutError,
} from '../handle/errors.ts';
import { OverrunError } from '../netlink/error.ts';
import type { PipelineListener, PipelinePort } from '../netlink/pipeline.ts';
import type { MessageState, RequestWindow, WindowOutcome } from '../netlink/pipeline-window.ts';
import type { NetlinkRequest, RequestOptions, RequestPort } from '../netlink/socket.ts';
import {
  type BatchFailure,
  type BatchItems,
  type BatchMethod,
  type BatchResult,
  BatchStoppedError,
} from './batch.ts';
import { BatchLinkNames, BatchPort, type BatchQueue } from './batch-port.ts';
import { PLAIN_ROUTE_BYTES, putPlainRoute } from './batch-route.ts';
import { routeType } from './route.ts';
import type { RouteInput } from './route-object.ts';
import { VERB_FLAGS, type Verb } from './service.ts';
import { createServices, type Services } from './services.ts';

const OK: BatchResult = Object.freeze({ ok: true });
/** Milliseconds that encoding goes on before the event loop gets its turn. */
const SLICE = 2;
/** -ECANCELED: not sent, because of what was refused before. */
const CANCELED = -125;

export interface BatchRunOptions {
  readonly items: BatchItems;
  readonly pipeline: PipelinePort;
  /** The socket beside the pipeline, and the services over it. */
  readonly socket: RequestPort;
  readonly direct: Services;
  /** Of a silence, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** Nothing is sent after the first item that fails. */
  readonly stopAtFailure: boolean;
}

interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

/** Services over a port that knows whose request it carries. Used for one item after the other. */
interface Lane {
  readonly port: BatchPort;
  readonly services: Services;
}

type Method = (...args: unknown[]) => Promise<unknown>;

export class BatchRun implements BatchQueue, PipelineListener {
  readonly #options: BatchRunOptions;
  readonly #results: (BatchResult | undefined)[];
  readonly #names: BatchLinkNames;
  /** What the services are called with. */
  readonly #callOptions: RequestOptions;
  /** Being filled. */
  #window: RequestWindow;
  /** Requests of services whose calls wait for them, by item. In a window their tags are `~item`. */
  readonly #pending = new Map<number, Pending>();
  readonly #idleLanes: Lane[] = [];
  /** Items whose services were called and have not come back, each in its lane; links have none. */
  readonly #calls = new Map<number, Lane | undefined>();
  /** The item that is waited for before the next one has its turn; -1 for none. */
  #turn = -1;
  #advance: (() => void) | undefined;
  #waiters: { readonly ready: () => boolean; readonly resolve: () => void }[] = [];
  #ended: Error | undefined;
  #giveUp = (): void => {};
  #timer: NodeJS.Timeout | undefined;
  /** When something was answered, or the first window was sent after a pause. */
  #heardAt = 0;
  #turnAt = performance.now();

  constructor(options: BatchRunOptions) {
    this.#options = options;
    const { items, pipeline, socket, signal, timeout } = options;
    this.#results = new Array<BatchResult | undefined>(items.length).fill(undefined);
    this.#names = new BatchLinkNames(socket);
    this.#callOptions = { timeout, ...(signal === undefined ? {} : { signal }) };
    this.#window = pipeline.window();
    pipeline.listen(this);
  }

  /** Once. Resolves with what has become of each item. */
  async run(): Promise<BatchResult[]> {
    const givenUp = new Promise<void>((resolve) => {
      this.#giveUp = resolve;
    });
    try {
      await this.#feed();
      // The services of answered requests have yet to hear of it.
      if (this.#ended !== undefined) await givenUp;
    } finally {
      clearTimeout(this.#timer);
    }
    const error = this.#ended ?? new ClosedError();
    return this.#results.map(
      (result, item) => result ?? this.#failure(item, this.#mayBeSent(item) ? 'unknown' : 'unsent', error),
    );
  }

  /**
   * Ends the batch: nothing more is sent, and what is not known to be done is judged.
   *
   * @param begun what is to be said of messages that the thread has taken and not answered
   */
  end(error: Error, begun: MessageState = 'unknown'): void {
    if (this.#ended !== undefined) return;
    // What has been answered meanwhile may end it for another reason.
    const left = this.#options.pipeline.giveUp();
    if (this.#ended === undefined) this.#ended = error;
    for (const { window, begun: taken } of left) this.#abandon(window, taken ? begun : 'unsent');
    this.#abandon(this.#window, 'unsent');
    this.#wake();
    this.#advance?.();
    setImmediate(() => this.#giveUp());
  }

  // ── Encoding ──

  async #feed(): Promise<void> {
    const { items, pipeline, stopAtFailure } = this.#options;
    for (let item = 0; item < items.length && this.#ended === undefined; ) {
      item = this.#feedPlain(item);
      if (item < items.length && this.#window.fits(PLAIN_ROUTE_BYTES)) {
        await this.#feedOne(item);
        if (stopAtFailure && this.#results[item]?.ok === false) await this.#stopAfter(item);
        item++;
      } else this.#flush();
      if (pipeline.busy) await this.#until(() => !pipeline.busy);
      else if (performance.now() - this.#turnAt > SLICE) {
        await nextTurn();
        this.#turnAt = performance.now();
      }
    }
    await this.settled();
  }

  /** Encodes plain routes from this item on, until one is not, or the window is full. Returns that item. */
  #feedPlain(from: number): number {
    const { methods } = this.#options.items;
    const window = this.#window;
    let item = from;
    for (; item < methods.length; item++) {
      const { object, verb } = methods[item] as BatchMethod;
      if (object !== 'route' || !window.fits(PLAIN_ROUTE_BYTES)) break;
      const input = this.#options.items.first(item) as RouteInput;
      const end = putPlainRoute(window, input, verb === 'del' ? 'del' : 'new', this.#names.known);
      if (end === 0) break;
      if (verb === 'del') window.commit(routeType.messages.del, 0, end, item);
      // Routes have no verbs but these.
      else window.commit(routeType.messages.new, VERB_FLAGS[verb as Verb], end, item);
    }
    return item;
  }

  /** Has the item's service encode it. Resolves when its first request is queued, or its call has come back. */
  async #feedOne(item: number): Promise<void> {
    const { items, direct } = this.#options;
    const { object, verb } = items.methods[item] as BatchMethod;
    // Links take several requests each, and change the names that others use: one after the other.
    const alone = object === 'link';
    if (alone) await this.settled();
    if (this.#ended !== undefined) return;
    const lane = alone ? undefined : this.#lane(item);
    const service: Partial<Record<string, unknown>> = (lane?.services ?? direct)[object] as object;
    const advanced = new Promise<void>((resolve) => {
      this.#advance = resolve;
    });
    this.#turn = item;
    this.#calls.set(item, lane);
    this.#call(service, service[verb] as Method, items.args(item)).then(
      () => this.#returned(item, OK),
      (error: unknown) => this.#returned(item, this.#failureOf(item, error)),
    );
    await advanced;
    this.#turn = -1;
    if (alone) this.#names.forget();
  }

  #lane(item: number): Lane {
    let lane = this.#idleLanes.pop();
    if (lane === undefined) {
      const port = new BatchPort(this, this.#options.socket);
      lane = { port, services: createServices(port, this.#names) };
    }
    lane.port.begin(item);
    return lane;
  }

  async #call(service: object, method: Method, args: unknown[]): Promise<void> {
    // The options come after all that has no default.
    args[Math.max(args.length, method.length)] = this.#callOptions;
    await method.apply(service, args);
  }

  #returned(item: number, result: BatchResult): void {
    const lane = this.#calls.get(item);
    if (lane !== undefined) this.#idleLanes.push(lane);
    this.#calls.delete(item);
    this.#pending.delete(item);
    this.#results[item] ??= result;
    if (this.#turn === item) this.#advance?.();
    // Its answer did not come, and nobody else's will.
    if (!result.ok && result.error instanceof TimeoutError) this.end(result.error);
    this.#wake();
  }

  /** Of an item without a result. */
  #mayBeSent(item: number): boolean {
    return this.#calls.has(item) && this.#calls.get(item)?.port.sent !== false;
  }

  // ── The queue that services write to ──

  enqueue(item: number, { type, flags = 0, payload }: NetlinkRequest): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (!this.#window.fits(payload.length)) this.#flush();
    this.#window.add(type, flags, payload, ~item);
    const lane = this.#calls.get(item);
    if (lane !== undefined) lane.port.sent = true;
    return new Promise((resolve, reject) => {
      this.#pending.set(item, { resolve, reject });
      if (this.#turn === item) this.#advance?.();
    });
  }

  async before(item: number): Promise<void> {
    await this.#idle(this.#calls.has(item) ? 1 : 0);
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Everything is answered, and every call has come back; or the batch has ended. */
  settled(): Promise<void> {
    return this.#idle(0);
  }

  async #idle(calls: number): Promise<void> {
    this.#flush();
    const { pipeline } = this.#options;
    await this.#until(() => pipeline.inFlight === 0 && this.#calls.size <= calls);
  }

  #flush(): void {
    if (this.#window.count === 0 || this.#ended !== undefined) return;
    const { pipeline, timeout } = this.#options;
    const window = this.#window;
    pipeline.submit(window);
    this.#window = pipeline.window();
    if (pipeline.inFlight === 1) this.#heardAt = performance.now();
    this.#timer ??= setTimeout(() => this.#silence(), timeout).unref();
  }

  #until(ready: () => boolean): Promise<void> | void {
    if (this.#ended !== undefined || ready()) return;
    return new Promise((resolve) => {
      this.#waiters.push({ ready, resolve });
    });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#ended !== undefined || waiter.ready()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  // ── Answers ──

  answered(window: RequestWindow, outcome: WindowOutcome): void {
    this.#turnAt = this.#heardAt = performance.now();
    let stopper = -1;
    if (outcome.isWhole(window)) {
      for (let i = 0; i < window.count; i++) this.#done(window.tags[i] as number);
    } else {
      for (let i = 0; i < window.count; i++) {
        const tag = window.tags[i] as number;
        const state = outcome.state(i);
        if (state === 'done') this.#done(tag);
        else {
          const item = tag < 0 ? ~tag : tag;
          this.#fail(item, state, this.#explain(window, outcome, i, state, stopper));
          if (stopper < 0) stopper = item;
        }
      }
    }
    // The thread sends nothing after what was refused, whatever it has taken.
    if (stopper >= 0 && this.#options.stopAtFailure) this.end(new BatchStoppedError(stopper), 'unsent');
    this.#wake();
  }

  closed(): void {
    this.end(new ClosedError('the netlink socket was closed'));
  }

  #explain(
    window: RequestWindow,
    outcome: WindowOutcome,
    position: number,
    state: MessageState,
    stopper: number,
  ): Error {
    const refusal = outcome.refusals.get(position);
    if (refusal !== undefined) return this.#options.pipeline.refusal(window, position, refusal);
    if (state === 'unknown') return new OverrunError('a request of a batch');
    if (stopper >= 0 && this.#options.stopAtFailure) return new BatchStoppedError(stopper);
    return systemError(outcome.status === 0 ? CANCELED : outcome.status, 'sendmsg');
  }

  #done(tag: number): void {
    if (tag >= 0) this.#results[tag] = OK;
    else this.#pending.get(~tag)?.resolve();
  }

  #fail(item: number, state: BatchFailure['state'], error: Error): void {
    this.#results[item] ??= this.#failure(item, state, error);
    this.#pending.get(item)?.reject(error);
  }

  #abandon(window: RequestWindow, state: MessageState): void {
    const error = this.#ended ?? new ClosedError();
    for (let i = 0; i < window.count; i++) {
      const tag = window.tags[i] as number;
      this.#fail(tag < 0 ? ~tag : tag, state as BatchFailure['state'], error);
    }
  }

  /** A call came back with an error before, or besides, the answer to what it had queued. */
  #failureOf(item: number, thrown: unknown): BatchFailure {
    const error =
      thrown instanceof Error ? thrown : new CofferdamError('ERR_COFFERDAM_BATCH', String(thrown));
    if (error instanceof SystemError) return this.#failure(item, 'refused', error);
    const known = error instanceof CofferdamError || error.name === 'AbortError';
    // An InvalidArgumentError, or what a value so odd that nobody looked for it makes an encoder throw.
    if (error instanceof InvalidArgumentError || !known) return this.#failure(item, 'invalid', error);
    return this.#failure(item, this.#mayBeSent(item) ? 'unknown' : 'unsent', error);
  }

  #failure(item: number, state: BatchFailure['state'], error: Error): BatchFailure {
    const { items } = this.#options;
    const { object, verb } = items.methods[item] as BatchFailure;
    return { ok: false, state, error, index: item, object, verb, args: items.args(item) };
  }

  /** An item failed before it was sent. Those before it have their turn. */
  async #stopAfter(item: number): Promise<void> {
    await this.settled();
    this.end(new BatchStoppedError(item), 'unsent');
  }

  #silence(): void {
    this.#timer = undefined;
    const { pipeline, timeout } = this.#options;
    // A program that was busy runs its timers before its polls: the answer may have been there all along.
    pipeline.collect();
    if (this.#ended !== undefined || pipeline.inFlight === 0) return;
    const left = this.#heardAt + timeout - performance.now();
    // setTimeout may be a millisecond early.
    if (left < 1) this.end(new TimeoutError('a window of a batch', timeout));
    else this.#timer ??= setTimeout(() => this.#silence(), left).unref();
  }
}
