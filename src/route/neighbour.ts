import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import type { LinkNames } from './names.ts';
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourKey,
  type Neighbour,
  type NeighbourInput,
  type NeighbourState,
  ndmsg,
  neighbourAttributes,
  parseNeighbourInput,
} from './neighbour-message.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export type { Neighbour, NeighbourFlag, NeighbourInput, NeighbourState } from './neighbour-message.ts';

/** Which neighbours to list: all conditions hold. The kernel filters by family, link, master and proxy. */
export interface NeighbourFilter {
  /** Default: `inet` and `inet6`. `bridge` lists the forwarding tables of bridges and VXLANs. */
  family?: 'inet' | 'inet6' | 'bridge';
  /** The link, by name or by index; the name wins when both are given. */
  dev?: string;
  ifindex?: number;
  /** Neighbours of the links of this bridge or VRF; `null`: of links that have no master. */
  master?: string | number | null;
  /** In one of these states; `NONE` is one too. */
  state?: NeighbourState | NeighbourState[];
  /** The proxy entries instead of the neighbours. */
  proxy?: boolean;
}

const FILTERS: ReadonlySet<string> = new Set<keyof NeighbourFilter>([
  'family',
  'dev',
  'ifindex',
  'master',
  'state',
  'proxy',
]);

const PROXY = 0x08;

export const neighbourType: ObjectType<Neighbour> = {
  name: 'neighbour',
  messages: { new: 28, del: 29, get: 30 },
  groups: [3], // RTNLGRP_NEIGH
  headerSize: ndmsg.size,
  attributes: neighbourAttributes,
  // AF_BRIDGE's are forwarding entries.
  concerns: (payload) => payload[0] !== AF.bridge,
  decode: decodeNeighbour,
  key: (one) =>
    one.family === 'bridge'
      ? `bridge ${one.ifindex} ${one.lladdr} ${one.vlan ?? ''} ${one.srcVni ?? ''} ${one.dst ?? ''} ${one.masterIndex ?? ''}`
      : `${one.family} ${one.ifindex} ${one.dst}${one.flags.includes('proxy') ? ' proxy' : ''}`,
  volatile: ['used', 'confirmed', 'updated', 'refcnt', 'probes'],
};

const ENOENT = 2;

/** Neighbours of links (ARP, NDP), proxies for them, and forwarding entries: `rt.neighbour`. man 8 ip-neighbour. */
export class NeighbourService extends ObjectService<Neighbour, NeighbourFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(neighbourType, port, names);
  }

  protected override async resolve(
    filter: NeighbourFilter,
    options: RequestOptions,
  ): Promise<NeighbourFilter> {
    refuseUnknownFields(filter, FILTERS, { nud: 'it as state' }, '', 'filter');
    const { dev, master } = filter;
    return {
      ...filter,
      ...(dev === undefined ? {} : { ifindex: await this.names.index(dev, 'dev', options) }),
      ...(master === undefined || master === null
        ? {}
        : { master: await this.names.index(master, 'master', options) }),
    };
  }

  protected override dumpPayload({ family, ifindex, master, proxy }: NeighbourFilter): Uint8Array {
    return encodePayload((writer) => {
      ndmsg.encode(writer, { family: AF[family ?? 'unspec'], flags: proxy ? PROXY : 0 });
      neighbourAttributes.encode(writer, {
        ...defined({ viaIfindex: ifindex }),
        // -1 asks for those without a master.
        ...(typeof master === 'number'
          ? { masterIndex: master }
          : master === null
            ? { masterIndex: -1 }
            : {}),
      });
    });
  }

  protected override matches(one: Neighbour, filter: NeighbourFilter): boolean {
    const { family, ifindex, state } = filter;
    return (
      (family === undefined || one.family === family) &&
      (ifindex === undefined || one.ifindex === ifindex) &&
      (state === undefined || hasState(one, state)) &&
      (one.family === 'bridge' || one.flags.includes('proxy') === (filter.proxy ?? false))
    );
  }

  protected override linksOf(one: Neighbour): readonly number[] {
    return [one.ifindex, one.masterIndex ?? 0].filter((index) => index > 0);
  }

  protected override complete(one: Neighbour, linkNames: ReadonlyMap<number, string>): Neighbour {
    const { family, ifindex, ...rest } = one;
    const dev = linkNames.get(ifindex);
    const master = one.masterIndex === undefined ? undefined : linkNames.get(one.masterIndex);
    return { family, ifindex, ...defined({ dev }), ...rest, ...defined({ master }) };
  }

  /** One neighbour, by `dst` and link; with `flags: ['proxy']` a proxy entry. Rejects with ENOENT. */
  async get(neighbour: NeighbourInput, options: RequestOptions = {}): Promise<Neighbour> {
    const ifindex = await this.#link(neighbour, options);
    const found = await this.fetch(encodeNeighbourKey('get', neighbour, ifindex), options);
    if (found === undefined) throw systemError(ENOENT, 'RTM_GETNEIGH', { dst: neighbour.dst });
    return found;
  }

  /** Adds an entry, permanent unless `state` says otherwise; EEXIST when the link has it. */
  add(neighbour: NeighbourInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', neighbour, options);
  }
  /** Adds an entry or changes the one that is there. */
  replace(neighbour: NeighbourInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', neighbour, options);
  }
  /** Changes an entry; ENOENT when there is none. */
  change(neighbour: NeighbourInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('change', neighbour, options);
  }

  /** Removes an entry; ENOENT when there is none. With `flags: ['proxy']` it is the proxy entry that goes. */
  async del(neighbour: NeighbourInput, options: RequestOptions = {}): Promise<void> {
    const ifindex = await this.#link(neighbour, options);
    await this.remove(encodeNeighbourKey('del', neighbour, ifindex), options);
  }

  async #write(verb: Verb, neighbour: NeighbourInput, options: RequestOptions): Promise<void> {
    const ifindex = await this.#link(neighbour, options);
    await this.write(verb, encodeNeighbour(neighbour, ifindex), options);
  }

  async #link(neighbour: NeighbourInput, options: RequestOptions): Promise<number> {
    // What is wrong in itself is said before anything is asked.
    parseNeighbourInput(neighbour);
    const { dev, ifindex, flags } = neighbour;
    if (dev !== undefined) return this.names.index(dev, 'dev', options);
    // A proxy entry may hold for all links, and is listed with index 0 then.
    if ((ifindex ?? 0) === 0 && flags?.includes('proxy')) return 0;
    if (ifindex === undefined)
      throw new InvalidArgumentError('dev', dev, 'is missing', 'the name of the link, or its ifindex');
    return this.names.index(ifindex, 'ifindex', options);
  }
}

function hasState(one: Neighbour, state: NeighbourState | readonly NeighbourState[]): boolean {
  const words = typeof state === 'string' ? [state] : state;
  return words.some((word) => {
    const wanted = word.toUpperCase();
    return wanted === 'NONE' ? one.state.length === 0 : one.state.includes(wanted);
  });
}
