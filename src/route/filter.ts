import { InvalidArgumentError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { linksOfActions, nameActions, resolveActions } from './action-links.ts';
import { defined } from './defined.ts';
import {
  checkFilter,
  decodeFilter,
  ETH_P_ALL,
  encodeFilter,
  encodeFilterDump,
  encodeFilterReference,
  filterNaming,
  parentHandle,
  type TcFilter,
  type TcFilterInput,
} from './filter-message.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { PlacedService } from './placed-service.ts';
import { TC_GROUP } from './qdisc.ts';
import { refuseUnknownFields } from './route-words.ts';
import { tcmsg } from './tc-message.ts';
import { protocolNumber, protocolWord } from './tc-protocol.ts';

export type { TcFilter, TcFilterInput } from './filter-message.ts';

/** Which filters to list: those that have all of this. The kernel filters by place, chain, pref and protocol. */
export interface TcFilterFilter {
  /** A link: its name or its index. Without one, all links that have disciplines are asked, one after the other. */
  dev?: LinkReference;
  ifindex?: number;
  block?: number;
  /** `ingress`, `egress`, `root`, a discipline or a class. Without one, all places of the link are asked. */
  parent?: string;
  kind?: string;
  protocol?: string | number;
  pref?: number;
  chain?: number;
  handle?: string;
}

const FILTERS: ReadonlySet<string> = new Set<keyof TcFilterFilter>([
  ...(['dev', 'ifindex', 'block', 'parent', 'kind', 'protocol', 'pref', 'chain', 'handle'] as const),
]);

export const filterType: ObjectType<TcFilter> = {
  name: 'filter',
  messages: { new: 44, del: 45, get: 46 },
  groups: [TC_GROUP],
  headerSize: tcmsg.size,
  attributes: filterNaming,
  decode: decodeFilter,
  key: ({ ifindex, block, parent, chain = 0, protocol, pref, handle }) =>
    `${ifindex ?? `block ${block}`} ${parent} ${chain} ${pref} ${protocol} ${handle}`,
  volatile: ['stats'],
};

/**
 * Filters of traffic control: `rt.filter`. man 8 tc. Units are those of `rt.qdisc`.
 *
 * ```ts
 * await rt.filter.add({
 *   dev: 'eth0', parent: 'ingress', protocol: 'ip', pref: 10, kind: 'flower',
 *   flower: { ipProto: 'tcp', dstPort: 80 }, actions: [{ kind: 'gact', control: 'drop' }],
 * });
 * ```
 */
export class FilterService extends PlacedService<TcFilter, TcFilterFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(filterType, port, names);
  }

  protected override async resolve(filter: TcFilterFilter, options: RequestOptions): Promise<TcFilterFilter> {
    refuseUnknownFields(filter, FILTERS, { prio: 'it as pref', priority: 'it as pref' }, '', 'filter');
    const { dev, ifindex, parent, protocol, ...rest } = filter;
    const number = protocol === undefined ? undefined : protocolNumber(protocol);
    if (protocol !== undefined && number === undefined)
      throw new InvalidArgumentError('protocol', protocol, 'is not known', 'ip, ipv6, arp, all, or a number');
    if (parent !== undefined) parentHandle('parent', parent);
    return {
      ...rest,
      ...defined({ ifindex: dev === undefined ? ifindex : await this.names.index(dev, 'dev', options) }),
      ...(parent === undefined ? {} : { parent }),
      ...(number === undefined ? {} : { protocol: protocolWord(number) }),
    };
  }

  protected override dumpPayload({
    ifindex,
    block,
    parent,
    chain,
    pref,
    protocol,
  }: TcFilterFilter): Uint8Array {
    return encodeFilterDump(defined({ ifindex, block, parent, chain, pref, protocol }));
  }

  protected override matches(one: TcFilter, filter: TcFilterFilter): boolean {
    const { kind, protocol, pref, chain, handle } = filter;
    // The kernel keeps a place's own entry for each pref besides, which has no handle.
    return (
      (kind === undefined || one.kind === kind) &&
      (protocol === undefined || one.protocol === protocol) &&
      (pref === undefined || one.pref === pref) &&
      (chain === undefined || (one.chain ?? 0) === chain) &&
      (handle === undefined || one.handle === handle)
    );
  }

  protected override linksOf(one: TcFilter): readonly number[] {
    const own = one.ifindex === undefined ? [] : [one.ifindex];
    return one.actions === undefined ? own : [...own, ...linksOfActions(one.actions)];
  }

  protected override complete(one: TcFilter, linkNames: ReadonlyMap<number, string>): TcFilter {
    const dev = one.ifindex === undefined ? undefined : linkNames.get(one.ifindex);
    if (dev !== undefined) one.dev = dev;
    nameActions(one.actions ?? [], linkNames);
    return one;
  }

  /** One filter: place, protocol, pref, kind and handle all count. Rejects with ENOENT where there is none. */
  async get(filter: TcFilterInput, options: RequestOptions = {}): Promise<TcFilter> {
    checkFilter(filter);
    const one = await this.fetch(encodeFilterReference(await this.#located(filter, options)), options);
    if (one === undefined)
      throw new InvalidArgumentError('filter', filter, 'was not told', 'one that is there');
    return one;
  }

  /** Adds a filter. EEXIST where the handle is taken. */
  async add(filter: TcFilterInput, options: RequestOptions = {}): Promise<void> {
    await this.write('add', await this.#payload(filter, options), options);
  }
  /** Adds a filter, or takes the place of the one with this handle. */
  async replace(filter: TcFilterInput, options: RequestOptions = {}): Promise<void> {
    await this.write('prepend', await this.#payload(filter, options), options);
  }
  /** Changes the filter with this handle; ENOENT where there is none. */
  async change(filter: TcFilterInput, options: RequestOptions = {}): Promise<void> {
    await this.write('set', await this.#payload(filter, options), options);
  }
  /** Removes a filter; without handle all of this pref, without pref all of the place. */
  async del(filter: TcFilterInput, options: RequestOptions = {}): Promise<void> {
    checkFilter(filter);
    await this.remove(encodeFilterReference(await this.#located(filter, options)), options);
  }

  async #payload(filter: TcFilterInput, options: RequestOptions): Promise<Uint8Array> {
    checkFilter(filter);
    if (typeof filter.kind !== 'string')
      throw new InvalidArgumentError('kind', filter.kind, 'is no kind of filter', 'one, such as "flower"');
    return encodeFilter(await this.#located(filter, options), ETH_P_ALL);
  }

  /** Names of links become indexes: the filter's own, and those that its actions send to. */
  async #located(filter: TcFilterInput, options: RequestOptions): Promise<TcFilterInput> {
    const { dev, ifindex, block, actions } = filter;
    const link = dev ?? ifindex;
    if (link === undefined && block === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name or index of a link, or a block');
    return {
      ...filter,
      ...(block === undefined &&
        link !== undefined && { ifindex: await this.names.index(link, 'dev', options) }),
      ...(Array.isArray(actions) && { actions: await resolveActions(this.names, actions, options) }),
    };
  }
}
