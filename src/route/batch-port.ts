/** What the services of a batch write to and look names up in. */
import type {
  MessageSink,
  NetlinkMessage,
  NetlinkRequest,
  RequestOptions,
  RequestPort,
} from '../netlink/socket.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { LinkNames, type LinkReference } from './names.ts';

/** Where the requests of a batch go. */
export interface BatchQueue {
  /** A request that is merely acknowledged. Resolves with its acknowledgement, rejects as a request of its own. */
  enqueue(item: number, request: NetlinkRequest): Promise<void>;
  /** Resolves when all items before this one are done; rejects when the batch ends before. */
  before(item: number): Promise<void>;
}

/**
 * The port of one item at a time.
 *
 * An item's first request is queued if it is to change something. What answers with more than an acknowledgement goes
 * to the real socket after all that was queued before: it sees what it would see without a batch. Further requests of
 * the same item go there too.
 */
export class BatchPort implements RequestPort {
  readonly #queue: BatchQueue;
  readonly #socket: RequestPort;
  item = -1;
  /** Something has been sent, or will be. */
  sent = false;
  #queued = false;

  constructor(queue: BatchQueue, socket: RequestPort) {
    this.#queue = queue;
    this.#socket = socket;
  }

  begin(item: number): void {
    this.item = item;
    this.sent = false;
    this.#queued = false;
  }

  async request(request: NetlinkRequest, options?: RequestOptions): Promise<NetlinkMessage[]> {
    const plain = request.idempotent !== true && ((request.flags ?? 0) & NLM_F.echo) === 0;
    if (plain && !this.#queued) {
      this.#queued = true;
      await this.#queue.enqueue(this.item, request);
      return [];
    }
    await this.#turn();
    if (request.idempotent !== true) this.sent = true;
    return this.#socket.request(request, options);
  }

  async *dump(
    request: NetlinkRequest,
    options?: RequestOptions,
  ): AsyncGenerator<NetlinkMessage, undefined, void> {
    await this.#turn();
    yield* this.#socket.dump(request, options);
    return undefined;
  }

  async dumpAll(request: NetlinkRequest, options?: RequestOptions): Promise<NetlinkMessage[]> {
    await this.#turn();
    return this.#socket.dumpAll(request, options);
  }

  async *dumpInto(
    request: NetlinkRequest,
    sink: MessageSink,
    options?: RequestOptions,
  ): AsyncGenerator<void, undefined, void> {
    await this.#turn();
    yield* this.#socket.dumpInto(request, sink, options);
    return undefined;
  }

  async #turn(): Promise<void> {
    if (!this.#queued) await this.#queue.before(this.item);
  }
}

/**
 * Links' indexes, each name asked for once in a batch: asking for each of 100,000 routes would take longer than adding
 * them. Whoever renames or replaces links meanwhile has the batch use the index that the name had at first.
 */
export class BatchLinkNames extends LinkNames {
  readonly #known = new Map<string, number>();

  /** The index of a name that has been asked for. */
  readonly known = (name: string): number | undefined => this.#known.get(name);

  override async index(link: LinkReference, field: string, options: RequestOptions): Promise<number> {
    const known = typeof link === 'string' ? this.#known.get(link) : undefined;
    if (known !== undefined) return known;
    const index = await super.index(link, field, options);
    if (typeof link === 'string') this.#known.set(link, index);
    return index;
  }

  /** Links have changed. */
  forget(): void {
    this.#known.clear();
  }
}
