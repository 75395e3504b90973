import type { NetlinkMessage, RequestOptions, RequestPort } from '../netlink/socket.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import type { LinkNames } from './names.ts';
import type { ObjectType } from './object.ts';

/** NLM_F_* that make a "new" request an `ip` verb: man 8 ip-route explains the words. */
const VERB_FLAGS = {
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

/**
 * Reading one kind of object: what all services share. `Filter` names what the kernel can filter by; every object
 * is held against it here once more, because kernels ignore filters that they do not know.
 */
export abstract class ObjectService<T extends object, Filter extends object> {
  protected readonly port: RequestPort;
  protected readonly names: LinkNames;
  readonly type: ObjectType<T>;

  constructor(type: ObjectType<T>, port: RequestPort, names: LinkNames) {
    this.type = type;
    this.port = port;
    this.names = names;
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

  /** All objects that pass the filter. An interrupted dump is repeated; see NetlinkSocket.dumpAll. */
  async list(filter: Filter = {} as Filter, options: RequestOptions = {}): Promise<T[]> {
    const wanted = await this.resolve(filter, options);
    const payload = await this.dumpPayload(wanted);
    const messages = await this.port.dumpAll({ type: this.type.messages.get, payload }, options);
    const objects: T[] = [];
    for (const message of messages) {
      if (message.type !== this.type.messages.new) continue;
      const object = this.type.decode(message.payload);
      if (this.matches(object, wanted)) objects.push(object);
    }
    const names = await this.names.of(
      objects.flatMap((object) => this.linksOf(object)),
      options,
    );
    return names === undefined ? objects : objects.map((object) => this.complete(object, names));
  }

  /** Every object as the kernel sent it, without the names of links: what a monitor compares its news with. */
  async snapshot(options: RequestOptions = {}): Promise<T[]> {
    const payload = await this.dumpPayload({} as Filter);
    const messages = await this.port.dumpAll({ type: this.type.messages.get, payload }, options);
    return messages
      .filter((message) => message.type === this.type.messages.new)
      .map((message) => this.type.decode(message.payload));
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

  /** The same as {@link list}, object by object as the kernel sends them. Leaving the loop early is safe. */
  async *dump(filter: Filter = {} as Filter, options: RequestOptions = {}): AsyncGenerator<T, void, void> {
    const wanted = await this.resolve(filter, options);
    const payload = await this.dumpPayload(wanted);
    const names = new Map<number, string>();
    for await (const message of this.port.dump({ type: this.type.messages.get, payload }, options)) {
      if (message.type !== this.type.messages.new) continue;
      const object = this.type.decode(message.payload);
      if (!this.matches(object, wanted)) continue;
      const links = this.linksOf(object);
      // One by one: a dump of all names would wait for this dump to end, and this one for its reader.
      for (const index of links) {
        const name = names.has(index) ? undefined : await this.names.nameOf(index, options);
        if (name !== undefined) names.set(index, name);
      }
      yield links.length === 0 ? object : this.complete(object, names);
    }
  }

  /** Sends a "new" message as the verb says; resolves when the kernel has acknowledged it. */
  protected async write(verb: Verb, payload: Uint8Array, options: RequestOptions): Promise<void> {
    await this.port.request({ type: this.type.messages.new, flags: VERB_FLAGS[verb], payload }, options);
  }

  protected async remove(payload: Uint8Array, options: RequestOptions): Promise<void> {
    await this.port.request({ type: this.type.messages.del, payload }, options);
  }

  /** One object by a "get" request that is not a dump. */
  protected async fetch(payload: Uint8Array, options: RequestOptions): Promise<T | undefined> {
    const messages: NetlinkMessage[] = await this.port.request(
      { type: this.type.messages.get, payload, idempotent: true },
      options,
    );
    const found = messages.find((message) => message.type === this.type.messages.new);
    if (found === undefined) return undefined;
    const object = this.type.decode(found.payload);
    const names = await this.names.of(this.linksOf(object), options);
    return names === undefined ? object : this.complete(object, names);
  }
}
