import type { MessageReader, NetlinkMessage, RequestOptions, RequestPort } from '../netlink/socket.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { LinkNaming } from './link-naming.ts';
import type { LinkNames } from './names.ts';
import type { ObjectType } from './object.ts';
import { type Judge, ObjectSink } from './object-sink.ts';

/** NLM_F_* that make a "new" request an `ip` verb: man 8 ip-route explains the words. */
export const VERB_FLAGS = {
  add: NLM_F.create | NLM_F.excl,
  replace: NLM_F.create | NLM_F.replace,
  change: NLM_F.replace,
  append: NLM_F.create | NLM_F.append,
  prepend: NLM_F.create,
  /** Adds nothing: the kernel says whether there is one (EEXIST) or not (ENOENT). */
  test: NLM_F.excl,
  /** Changes what is there, without flags: how links are set. */
  set: 0,
} as const;
export type Verb = keyof typeof VERB_FLAGS;

/** Whether a message of this type tells of one object that was asked for. A chain comes with the number of the request. */
function tells(messages: ObjectType<object>['messages'], type: number): boolean {
  return type === messages.new || type === messages.get;
}

/** The object of a message where it lies; undefined where it is another kind of message. */
function objectReader<T extends object>(of: ObjectType<T>): MessageReader<T | undefined> {
  return (type, buffer, start, end) => {
    if (!tells(of.messages, type)) return undefined;
    return of.read === undefined ? of.decode(buffer.bytes.subarray(start, end)) : of.read(buffer, start, end);
  };
}

/**
 * Reading one kind of object: what all services share. `Filter` names what the kernel can filter by; every object
 * is held against it here once more, because kernels ignore filters that they do not know.
 */
export abstract class ObjectService<T extends object, Filter extends object> {
  protected readonly port: RequestPort;
  protected readonly names: LinkNames;
  readonly type: ObjectType<T>;
  readonly #read: MessageReader<T | undefined>;

  constructor(type: ObjectType<T>, port: RequestPort, names: LinkNames) {
    this.type = type;
    this.port = port;
    this.names = names;
    this.#read = objectReader(type);
  }

  /** A filter's names of links as indexes, before anything else sees the filter. Default: as it is. */
  protected resolve(filter: Filter, _options: RequestOptions): Filter | Promise<Filter> {
    return filter;
  }
  /** The payload of the dump request, with as much of the filter as the kernel understands. */
  protected abstract dumpPayload(filter: Filter): Uint8Array | Promise<Uint8Array>;
  /** Whether the object passes the filter; for what the kernel may have let through. */
  protected abstract matches(object: T, filter: Filter): boolean;
  /** Adds what takes other objects to know: the names of links. Default: nothing. */
  protected complete(object: T, _linkNames: ReadonlyMap<number, string>): T {
    return object;
  }
  /** Indexes of the links whose names {@link complete} wants. Default: none. */
  protected linksOf(_object: T): readonly number[] {
    return [];
  }

  /**
   * The object with the names of the links it speaks of; undefined where one is not known yet, and is wanted from now
   * on. Default: what {@link linksOf} and {@link complete} say.
   */
  protected named(object: T, naming: LinkNaming): T | undefined {
    const links = this.linksOf(object);
    if (links.length === 0) return object;
    let known = true;
    for (const index of links) known = naming.knows(index) && known;
    return known ? this.complete(object, naming.names) : undefined;
  }

  /** All objects that pass the filter. An interrupted dump is repeated; see NetlinkSocket.dumpAll. */
  async list(filter: Filter = {} as Filter, options: RequestOptions = {}): Promise<T[]> {
    const { request, sink, naming } = await this.#reading(filter, options);
    for await (const _ of this.port.dumpInto(request, sink, options)) await naming.askEach(options, true);
    await naming.askAll(options);
    return sink.take();
  }

  /** Every object as the kernel sent it, without the names of links: what a monitor compares its news with. */
  async snapshot(options: RequestOptions = {}): Promise<T[]> {
    const payload = await this.dumpPayload({} as Filter);
    const sink = new ObjectSink(this.type, {
      concerns: this.type.concerns,
      matches: () => true,
      named: (object: T) => object,
    });
    for await (const _ of this.port.dumpInto({ type: this.type.messages.get, payload }, sink, options));
    return sink.take();
  }

  /** The same as {@link list}, each object with the message that it came in, for those who keep those; no names of links. */
  async listMessages(
    filter: Filter = {} as Filter,
    options: RequestOptions = {},
  ): Promise<{ object: T; message: NetlinkMessage }[]> {
    const wanted = await this.resolve(filter, options);
    const payload = await this.dumpPayload(wanted);
    const messages = await this.port.dumpAll({ type: this.type.messages.get, payload }, options);
    return messages
      .filter((message) => message.type === this.type.messages.new)
      .map((message) => ({ object: this.type.decode(message.payload), message }))
      .filter(({ object }) => this.matches(object, wanted));
  }

  /**
   * The same as {@link list}, some hundred or thousand objects at a time, as the kernel sends them. While the consumer
   * is busy the kernel waits: memory stays small however many there are. Leaving the loop early is safe. Changes
   * meanwhile end it with a DumpInterruptedError, unless they show before the first objects.
   */
  async *batches(
    filter: Filter = {} as Filter,
    options: RequestOptions = {},
  ): AsyncGenerator<T[], void, void> {
    const { request, sink, naming } = await this.#reading(filter, options);
    for await (const _ of this.port.dumpInto(request, sink, options)) {
      // While names are asked for more of the dump may come, and want more names.
      while (naming.wanting) await naming.askEach(options);
      if (sink.length > 0) yield await sink.take();
    }
  }

  /** The same as {@link batches}, object by object. */
  async *dump(filter: Filter = {} as Filter, options: RequestOptions = {}): AsyncGenerator<T, void, void> {
    for await (const batch of this.batches(filter, options)) yield* batch;
  }

  async #reading(filter: Filter, options: RequestOptions) {
    const wanted = await this.resolve(filter, options);
    const payload = await this.dumpPayload(wanted);
    const naming = new LinkNaming(this.names);
    const judge: Judge<T> = {
      matches: (object) => this.matches(object, wanted),
      named: (object) => this.named(object, naming),
    };
    const request = { type: this.type.messages.get, payload };
    return { request, naming, sink: new ObjectSink(this.type, judge) };
  }

  /** Sends a "new" message as the verb says; resolves when the kernel has acknowledged it. */
  protected async write(verb: Verb, payload: Uint8Array, options: RequestOptions): Promise<void> {
    await this.port.request({ type: this.type.messages.new, flags: VERB_FLAGS[verb], payload }, options);
  }

  protected async remove(payload: Uint8Array, options: RequestOptions): Promise<void> {
    await this.port.request({ type: this.type.messages.del, payload }, options);
  }

  /**
   * One object by a "get" request that is not a dump. Mostly the answer is there at once: then no promise is made that
   * the caller does not make.
   */
  protected fetch(payload: Uint8Array, options: RequestOptions): T | undefined | Promise<T | undefined> {
    const { port } = this;
    const request = { type: this.type.messages.get, payload, idempotent: true, single: true };
    const answer = port.ask ? port.ask(request, this.#read, options) : port.request(request, options);
    return answer instanceof Promise
      ? answer.then((messages) => this.#fetched(messages, options))
      : this.#withNames(answer, options);
  }

  #fetched(messages: readonly NetlinkMessage[], options: RequestOptions) {
    const found = messages.find(({ type }) => tells(this.type.messages, type));
    return this.#withNames(found && this.type.decode(found.payload), options);
  }

  #withNames(object: T | undefined, options: RequestOptions): T | undefined | Promise<T> {
    if (object === undefined) return undefined;
    const links = this.linksOf(object);
    if (links.length === 0) return object;
    const names = new Map<number, string>();
    if (this.names.tellAll(links, names).size === 0) return this.complete(object, names);
    return this.names.of(links, options).then((asked) => this.complete(object, asked ?? names));
  }
}
