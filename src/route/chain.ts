import { InvalidArgumentError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { defined } from './defined.ts';
import {
  checkFilter,
  decodeFilter,
  encodeFilter,
  encodeFilterDump,
  encodeFilterReference,
  filterNaming,
  parentHandle,
  type TcFilter,
  type TcFilterInput,
} from './filter-message.ts';
import type { FilterData } from './filters/index.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { PlacedService } from './placed-service.ts';
import { TC_GROUP } from './qdisc.ts';
import { refuseUnknownFields } from './route-words.ts';
import { tcmsg } from './tc-message.ts';
import type { TcPlace } from './tc-places.ts';

/**
 * A chain of filters: those of one place with the same number. One that was made by itself, and not by its first filter,
 * stays when they are gone, and may have a template: the fields that its filters may look at. man 8 tc, `chain`.
 */
export interface TcChain extends FilterData, Pick<TcFilter, 'options' | 'raw'> {
  /** Its link; or the number of a block that several links share. */
  ifindex?: number;
  dev?: string;
  block?: number;
  /** `ingress` and `egress` of a clsact discipline, a discipline (`1:`) or a class (`1:10`). */
  parent?: string;
  chain: number;
  /** The kind of filter that the template is for; its fields are under this name. */
  kind?: string;
}

/** What the verbs take: a {@link TcChain} as it was listed, or less. */
export interface TcChainInput extends Omit<TcChain, 'dev'> {
  /** The link, by name or index; or `ifindex`, or `block`. */
  dev?: LinkReference;
  /** Of the packets that a flower template is for: `ip`, `ipv6`, `802.1Q`, ... */
  protocol?: string | number;
}

/** Which chains to list: those that have all of this. */
export interface TcChainFilter extends TcPlace {
  /** A link: its name or its index. Without one, all links that have disciplines are asked, one after the other. */
  dev?: LinkReference;
  chain?: number;
}

const FILTERS: ReadonlySet<string> = new Set<keyof TcChainFilter>([
  'dev',
  'ifindex',
  'block',
  'parent',
  'chain',
]);

export const chainType: ObjectType<TcChain> = {
  name: 'chain',
  messages: { new: 100, del: 101, get: 102 },
  groups: [TC_GROUP],
  headerSize: tcmsg.size,
  attributes: filterNaming,
  decode: decodeChain,
  key: ({ ifindex, block, parent, chain }) => `${ifindex ?? `block ${block}`} ${parent} ${chain}`,
};

/** Chains share the messages of filters, without pref, protocol and handle. */
function decodeChain(payload: Uint8Array): TcChain {
  const { pref: _, protocol: __, handle: ___, kind, chain = 0, ...rest } = decodeFilter(payload);
  return { ...rest, chain, ...(kind !== '' && { kind }) };
}

/**
 * The chain where it was asked for. The kernel tells its discipline alone, and takes that for no place of a clsact
 * discipline or a class.
 */
function placed(chain: TcChain, parent: string | undefined): TcChain {
  return parent === undefined || parent === 'none' || parent === 'root' ? chain : { ...chain, parent };
}

/**
 * Chains of filters: `rt.chain`. News of them have the discipline as their `parent`: the kernel does not say which place
 * of it.
 */
export class ChainService extends PlacedService<TcChain, TcChainFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(chainType, port, names);
  }

  protected override async resolve(filter: TcChainFilter, options: RequestOptions): Promise<TcChainFilter> {
    refuseUnknownFields(filter, FILTERS, {}, '', 'filter');
    const { dev, ifindex, parent, ...rest } = filter;
    if (parent !== undefined) parentHandle('parent', parent);
    return defined({
      ...rest,
      parent,
      ifindex: dev === undefined ? ifindex : await this.names.index(dev, 'dev', options),
    });
  }

  protected override dumpPayload(filter: TcChainFilter): Uint8Array {
    const { ifindex, block, parent, chain } = filter;
    return encodeFilterDump(defined({ ifindex, block, parent, chain }));
  }

  protected override matches({ chain }: TcChain, filter: TcChainFilter): boolean {
    return filter.chain === undefined || chain === filter.chain;
  }

  protected override linksOf({ ifindex }: TcChain): readonly number[] {
    return ifindex === undefined ? [] : [ifindex];
  }

  protected override complete(one: TcChain, linkNames: ReadonlyMap<number, string>): TcChain {
    const dev = one.ifindex === undefined ? undefined : linkNames.get(one.ifindex);
    if (dev !== undefined) one.dev = dev;
    return one;
  }

  protected override placed(chain: TcChain, { parent }: TcChainFilter): TcChain {
    return placed(chain, parent);
  }

  /** One chain of a place. Rejects with ENOENT or EINVAL where there is none. */
  async get(chain: TcChainInput, options: RequestOptions = {}): Promise<TcChain> {
    const payload = await this.#reference(chain, options);
    const one = await this.fetch(payload, options);
    if (one === undefined)
      throw new InvalidArgumentError('chain', chain, 'was not told', 'one that is there');
    return placed(one, chain.parent);
  }

  /** Makes a chain, with a template where `kind` and fields of the kind are given. EEXIST where there is one. */
  async add(chain: TcChainInput, options: RequestOptions = {}): Promise<void> {
    await this.write('add', encodeFilter(await this.#located(chain, options), 0), options);
  }

  /** Removes a chain with all its filters. */
  async del(chain: TcChainInput, options: RequestOptions = {}): Promise<void> {
    await this.remove(await this.#reference(chain, options), options);
  }

  /** Place and number: the template is of no concern. */
  async #reference(input: TcChainInput, options: RequestOptions): Promise<Uint8Array> {
    const { ifindex, block, parent, chain } = await this.#located(input, options);
    return encodeFilterReference(defined({ ifindex, block, parent, chain }));
  }

  /** A filter without what a chain lacks, its link by index. */
  async #located(chain: TcChainInput, options: RequestOptions): Promise<TcFilterInput> {
    checkFilter(chain, 'chain');
    const { dev, ifindex, block, chain: number } = chain;
    if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff)
      throw new InvalidArgumentError('chain', number, 'is no chain', 'its number, 0 to 4294967295');
    const link = dev ?? ifindex;
    if (link === undefined && block === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name or index of a link, or a block');
    return {
      ...chain,
      ...(block === undefined &&
        link !== undefined && { ifindex: await this.names.index(link, 'dev', options) }),
    };
  }
}
