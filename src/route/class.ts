import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { NetlinkMessage, RequestOptions, RequestPort } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { WireView } from '../netlink/wire/view.ts';
import {
  checkClass,
  decodeClass,
  encodeClass,
  encodeClassReference,
  type TcClass,
  type TcClassInput,
} from './class-message.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { qdiscType, TC_GROUP } from './qdisc.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';
import {
  classId,
  formatClassId,
  formatQdiscHandle,
  HANDLE_WORDS,
  parseClassId,
  qdiscHandle,
} from './tc-handle.ts';
import { tcmsg } from './tc-message.ts';
import { namingOf } from './tc-object.ts';

export type { TcClass, TcClassInput } from './class-message.ts';

/** Which classes to list: those that have all of this. The kernel filters by link and discipline. */
export interface TcClassFilter {
  /** A link: its name or its index. Without one, all links that have classes are asked, one after the other. */
  dev?: LinkReference;
  ifindex?: number;
  kind?: string;
  classid?: string;
  /** Those right below this one; `root`: right below the discipline. */
  parent?: string;
  /** Those of this discipline: `1:`. */
  qdisc?: string;
}

const FILTERS: ReadonlySet<string> = new Set<keyof TcClassFilter>([
  'dev',
  'ifindex',
  'kind',
  'classid',
  'parent',
  'qdisc',
]);

export const classType: ObjectType<TcClass> = {
  name: 'class',
  messages: { new: 40, del: 41, get: 42 },
  groups: [TC_GROUP],
  headerSize: tcmsg.size,
  attributes: namingOf('class'),
  decode: decodeClass,
  key: ({ ifindex, classid }) => `${ifindex} ${classid}`,
  volatile: ['stats'],
};

const ENOENT = 2;

/**
 * Classes of queueing disciplines: `rt.class`. man 8 tc. Units are those of `rt.qdisc`.
 *
 * ```ts
 * await rt.class.add({ dev: 'eth0', parent: '1:', classid: '1:30', kind: 'htb', htb: { rate: 625_000 } });
 * ```
 */
export class ClassService extends ObjectService<TcClass, TcClassFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(classType, port, names);
  }

  protected override async resolve(filter: TcClassFilter, options: RequestOptions): Promise<TcClassFilter> {
    refuseUnknownFields(filter, FILTERS, { handle: 'it as classid or qdisc' }, '', 'filter');
    const { dev, ifindex, classid, parent, qdisc, ...rest } = filter;
    return {
      ...rest,
      ...defined({ ifindex: dev === undefined ? ifindex : await this.names.index(dev, 'dev', options) }),
      ...(classid === undefined ? {} : { classid: formatClassId(classId('classid', classid)) }),
      ...(parent === undefined ? {} : { parent: formatClassId(classId('parent', parent)) }),
      ...(qdisc === undefined ? {} : { qdisc: formatQdiscHandle(qdiscHandle('qdisc', qdisc)) }),
    };
  }

  protected override dumpPayload({ ifindex, parent, qdisc }: TcClassFilter): Uint8Array {
    // The kernel goes by the major of the parent: what it calls a filter by parent is one by discipline.
    const below = qdisc ?? (parent === 'root' ? undefined : parent);
    const handle = below === undefined ? 0 : (parseClassId(below, HANDLE_WORDS) ?? 0);
    return encodePayload((writer) => tcmsg.encode(writer, { ...defined({ ifindex }), parent: handle }));
  }

  protected override matches(one: TcClass, filter: TcClassFilter): boolean {
    const { ifindex, kind, classid, parent, qdisc } = filter;
    return (
      (ifindex === undefined || one.ifindex === ifindex) &&
      (kind === undefined || one.kind === kind) &&
      (classid === undefined || one.classid === classid) &&
      (parent === undefined || one.parent === parent) &&
      (qdisc === undefined || one.classid.startsWith(qdisc))
    );
  }

  protected override linksOf({ ifindex }: TcClass): readonly number[] {
    return [ifindex];
  }

  protected override complete(one: TcClass, linkNames: ReadonlyMap<number, string>): TcClass {
    const dev = linkNames.get(one.ifindex);
    if (dev !== undefined) one.dev = dev;
    return one;
  }

  /** The filter for each link: the kernel dumps the classes of one link only. */
  async #perLink(filter: TcClassFilter, options: RequestOptions): Promise<TcClassFilter[]> {
    const wanted = await this.resolve(filter, options);
    if (wanted.ifindex !== undefined) return [wanted];
    const payload = encodePayload((writer) => tcmsg.encode(writer, {}));
    const links = new Set<number>();
    for (const message of await this.port.dumpAll({ type: qdiscType.messages.get, payload }, options)) {
      if (message.type !== qdiscType.messages.new) continue;
      const { handle, ifindex } = tcmsg.decodeAt(new WireView(message.payload), 0);
      // What the kernel made by itself has no handle, and nobody can have given it classes.
      if (handle !== 0) links.add(ifindex);
    }
    return [...links].map((ifindex) => ({ ...wanted, ifindex }));
  }

  override async list(filter: TcClassFilter = {}, options: RequestOptions = {}): Promise<TcClass[]> {
    const lists: TcClass[][] = [];
    for (const one of await this.#perLink(filter, options)) lists.push(await super.list(one, options));
    return lists.flat();
  }

  override async listMessages(
    filter: TcClassFilter = {},
    options: RequestOptions = {},
  ): Promise<{ object: TcClass; message: NetlinkMessage }[]> {
    const lists: { object: TcClass; message: NetlinkMessage }[][] = [];
    for (const one of await this.#perLink(filter, options))
      lists.push(await super.listMessages(one, options));
    return lists.flat();
  }

  override async snapshot(options: RequestOptions = {}): Promise<TcClass[]> {
    return (await this.listMessages({}, options)).map(({ object }) => object);
  }

  override async *batches(
    filter: TcClassFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<TcClass[], void, void> {
    for (const one of await this.#perLink(filter, options)) yield* super.batches(one, options);
  }

  /** The first that fits, such as `{ dev: 'eth0', classid: '1:10' }`. Rejects with ENOENT when there is none. */
  async get(filter: TcClassFilter, options: RequestOptions = {}): Promise<TcClass> {
    const [one] = await this.list(filter, options);
    if (one === undefined) throw systemError(ENOENT, 'RTM_GETTCLASS', { class: filter });
    return one;
  }

  /** Adds a class; EEXIST when the classid is taken. The kernel chooses one below `parent` where none is given. */
  async add(one: TcClassInput, options: RequestOptions = {}): Promise<void> {
    await this.write('add', await this.#payload(one, options), options);
  }

  /** Adds a class, or changes the one with this classid. */
  async replace(one: TcClassInput, options: RequestOptions = {}): Promise<void> {
    await this.write('replace', await this.#payload(one, options), options);
  }

  /** Changes the class with this classid; ENOENT when there is none. */
  async change(one: TcClassInput, options: RequestOptions = {}): Promise<void> {
    await this.write('set', await this.#payload(one, options), options);
  }

  /** Removes a class; EBUSY while it has classes below it, or filters that lead to it. */
  async del(one: TcClassInput, options: RequestOptions = {}): Promise<void> {
    checkClass(one);
    await this.remove(encodeClassReference(await this.#located(one, options)), options);
  }

  async #payload(one: TcClassInput, options: RequestOptions): Promise<Uint8Array> {
    checkClass(one);
    const { kind } = one;
    if (typeof kind !== 'string')
      throw new InvalidArgumentError(
        'kind',
        kind,
        'is no kind of class',
        'that of the discipline, such as "htb"',
      );
    return encodeClass({ ...(await this.#located(one, options)), kind });
  }

  async #located(one: TcClassInput, options: RequestOptions): Promise<TcClassInput & { ifindex: number }> {
    const link = one.dev ?? one.ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name or index of a link');
    return { ...one, ifindex: await this.names.index(link, 'dev', options) };
  }
}
