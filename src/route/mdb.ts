import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import {
  checkMdbFlush,
  checkMdbInput,
  encodeMdb,
  encodeMdbFlush,
  encodeMdbGet,
  encodeMdbKey,
  type MdbFlush,
  type MdbInput,
  mdbRequestAttributes,
} from './mdb-encode.ts';
import { brPortMsg, decodeMdb, type Mdb, type MdbEntry, type MdbRouterPort } from './mdb-message.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export type { MdbFlush, MdbInput } from './mdb-encode.ts';
export type {
  Mdb,
  MdbEntry,
  MdbFilterMode,
  MdbFlag,
  MdbRouterPort,
  MdbRouterType,
  MdbSource,
  MdbState,
} from './mdb-message.ts';

const NEW_MDB = 84;
const GET_MDB = 86;

export const mdbType: ObjectType<Mdb> = {
  name: 'mdb',
  messages: { new: NEW_MDB, del: 85, get: GET_MDB },
  // Bridges answer a dump with the type of the request.
  answer: GET_MDB,
  groups: [26], // RTNLGRP_MDB
  headerSize: brPortMsg.size,
  attributes: mdbRequestAttributes,
  decodeAll: decodeMdb,
  decode(payload) {
    const [first] = decodeMdb(payload);
    return (
      first ?? { ifindex: brPortMsg.decodeAt(new WireView(payload), 0).ifindex, portIndex: 0, router: {} }
    );
  },
  key(one) {
    const { ifindex, portIndex } = one;
    if ('router' in one) return `router ${ifindex} ${portIndex} ${one.router.vid ?? ''}`;
    const { grp, src = '', vid = 0, dst = '', dstPort = '', vni = '', srcVni = '', viaIndex = '' } = one;
    return `${ifindex} ${portIndex} ${grp} ${src} ${vid} ${srcVni} ${dst} ${dstPort} ${vni} ${viaIndex}`;
  },
  volatile: ['timer', 'sources', 'router'],
};

/** Which entries to list: all conditions hold. The kernel filters by none. */
export interface MdbFilter {
  /** The bridge or VXLAN. */
  dev?: LinkReference;
  port?: LinkReference;
  vid?: number;
  grp?: string;
}
/** Which of the two kinds: entries, unless said. */
interface Sought extends MdbFilter {
  router?: boolean;
}

const FILTERS: ReadonlySet<string> = new Set<keyof Sought>(['dev', 'port', 'vid', 'grp', 'router']);

/** Who listens to which multicast groups on bridges, and where VXLANs send them: `rt.mdb`. man 8 bridge. */
export class MdbService extends ObjectService<Mdb, MdbFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(mdbType, port, names);
  }

  protected override async resolve(filter: Sought, options: RequestOptions): Promise<Sought> {
    refuseUnknownFields(filter, FILTERS, { group: 'it as grp', vlan: 'it as vid' }, '', 'filter');
    const { dev, port } = filter;
    return {
      ...filter,
      ...(dev === undefined ? {} : { dev: await this.names.index(dev, 'dev', options) }),
      ...(port === undefined ? {} : { port: await this.names.index(port, 'port', options) }),
    };
  }

  protected override dumpPayload(): Uint8Array {
    return encodePayload((writer) => brPortMsg.encode(writer, { family: AF.bridge }));
  }

  protected override matches(one: Mdb, { dev, port, vid, grp, router = false }: Sought): boolean {
    const isRouter = 'router' in one;
    const ofVlan = isRouter ? one.router.vid : one.vid;
    return (
      router === isRouter &&
      (dev === undefined || one.ifindex === dev) &&
      (port === undefined || one.portIndex === port) &&
      (vid === undefined || (ofVlan ?? 0) === vid) &&
      (grp === undefined || (!isRouter && one.grp === grp))
    );
  }

  protected override linksOf(one: Mdb): readonly number[] {
    const via = 'router' in one ? 0 : (one.viaIndex ?? 0);
    return [one.ifindex, one.portIndex, via].filter((index) => index > 0);
  }

  protected override complete(one: Mdb, linkNames: ReadonlyMap<number, string>): Mdb {
    const { ifindex, portIndex, ...rest } = one;
    const head = {
      ifindex,
      ...defined({ dev: linkNames.get(ifindex) }),
      portIndex,
      ...defined({ port: linkNames.get(portIndex) }),
    };
    if ('router' in rest) return { ...head, ...rest };
    const via = rest.viaIndex === undefined ? undefined : linkNames.get(rest.viaIndex);
    return { ...head, ...rest, ...defined({ via }) };
  }

  /** All entries that pass the filter. */
  override async list(filter: MdbFilter = {}, options: RequestOptions = {}): Promise<MdbEntry[]> {
    return (await super.list(filter, options)) as MdbEntry[];
  }

  override async *dump(
    filter: MdbFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<MdbEntry, void, void> {
    yield* super.dump(filter, options) as AsyncGenerator<MdbEntry, void, void>;
  }

  /** Of both kinds. */
  override async snapshot(options: RequestOptions = {}): Promise<Mdb[]> {
    try {
      return await super.snapshot(options);
    } catch (error) {
      // Without the bridge's module nobody answers, and there is nothing to watch.
      if (error instanceof SystemError && error.code === 'EOPNOTSUPP') return [];
      throw error;
    }
  }

  /** Ports with multicast routers behind them, that pass the filter. */
  async routerPorts(
    filter: Omit<MdbFilter, 'grp'> = {},
    options: RequestOptions = {},
  ): Promise<MdbRouterPort[]> {
    const sought: Sought = { ...filter, router: true };
    return (await super.list(sought, options)) as MdbRouterPort[];
  }

  /** All ports' entries for one group: by `grp`, `src`, `vid` (`srcVni` of VXLANs). ENOENT where it has none. Linux 6.8. */
  async get(entry: MdbInput, options: RequestOptions = {}): Promise<MdbEntry[]> {
    checkMdbInput(entry);
    const payload = encodeMdbGet(entry, await this.#device(entry, options));
    const messages = await this.port.request({ type: GET_MDB, payload, idempotent: true }, options);
    const found = messages
      .filter(({ type }) => type === NEW_MDB)
      .flatMap((message) => decodeMdb(message.payload));
    const entries = found.filter((one) => !('router' in one));
    const names = await this.names.of(
      entries.flatMap((one) => this.linksOf(one)),
      options,
    );
    return (names === undefined ? entries : entries.map((one) => this.complete(one, names))) as MdbEntry[];
  }

  /** Adds an entry; EEXIST where the port has it. Default: `temp`, gone after the bridge's mcastMembershipInterval. */
  add(entry: MdbInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', entry, options);
  }
  /** Adds an entry, or changes the sources, mode and protocol of the one that is there. Linux 6.3. */
  replace(entry: MdbInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', entry, options);
  }

  /** Removes an entry; ENOENT or EINVAL when there is none. */
  async del(entry: MdbInput, options: RequestOptions = {}): Promise<void> {
    const { ifindex, portIndex, input } = await this.#resolveLinks(entry, options);
    await this.remove(encodeMdbKey(input, ifindex, portIndex), options);
  }

  /** Removes all entries that meet the conditions, in one request. Linux 6.8. */
  async flush(flush: MdbFlush, options: RequestOptions = {}): Promise<void> {
    checkMdbFlush(flush);
    const ifindex = await this.#device(flush, options);
    const { port } = flush;
    const portIndex = port === undefined ? 0 : await this.names.index(port, 'port', options);
    const payload = encodeMdbFlush(flush, ifindex, portIndex);
    await this.port.request({ type: this.type.messages.del, flags: NLM_F.bulk, payload }, options);
  }

  async #write(verb: Verb, entry: MdbInput, options: RequestOptions): Promise<void> {
    const { ifindex, portIndex, input } = await this.#resolveLinks(entry, options);
    await this.write(verb, encodeMdb(input, ifindex, portIndex), options);
  }

  async #device(
    { dev, ifindex }: { dev?: string; ifindex?: number },
    options: RequestOptions,
  ): Promise<number> {
    const link = dev ?? ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', dev, 'is missing', 'the name of the bridge or VXLAN');
    return this.names.index(link, 'dev', options);
  }

  async #resolveLinks(
    entry: MdbInput,
    options: RequestOptions,
  ): Promise<{ ifindex: number; portIndex: number; input: MdbInput }> {
    // What is wrong in itself is said before anything is asked.
    checkMdbInput(entry);
    const port = entry.port ?? entry.portIndex;
    if (port === undefined)
      throw new InvalidArgumentError(
        'port',
        port,
        'is missing',
        'the name of the port, or of the bridge itself',
      );
    const ifindex = await this.#device(entry, options);
    const portIndex = await this.names.index(port, 'port', options);
    const { via } = entry;
    if (via === undefined) return { ifindex, portIndex, input: entry };
    const viaIndex = await this.names.index(via, 'via', options);
    return { ifindex, portIndex, input: { ...entry, viaIndex } };
  }
}
