import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { defined } from './defined.ts';
import { checkFdbFlush, encodeFdbFlush, type FdbFlush } from './fdb-flush.ts';
import {
  checkFdbInput,
  decodeFdb,
  encodeFdb,
  encodeFdbGet,
  encodeFdbKey,
  type FdbEntry,
  type FdbInput,
  type FdbState,
} from './fdb-message.ts';
import type { LinkNames, LinkReference } from './names.ts';
import { ndmsg, neighbourAttributes } from './neighbour-message.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export type { FdbFlush, FdbFlushFlag, FdbFlushState } from './fdb-flush.ts';
export type { FdbEntry, FdbFlag, FdbInput, FdbState } from './fdb-message.ts';

/** Which entries to list: all conditions hold. The kernel filters by bridge and by link. */
export interface FdbFilter {
  /** Entries of this bridge and of its ports. */
  br?: LinkReference;
  /** Entries behind this link: a port, a VXLAN, the bridge itself. */
  dev?: LinkReference;
  vlan?: number;
  /** In one of these states. */
  state?: FdbState | FdbState[];
  mac?: string;
}

const FILTERS: ReadonlySet<string> = new Set<keyof FdbFilter>(['br', 'dev', 'vlan', 'state', 'mac']);
const HINTS = {
  brport: 'the port as dev',
  dynamic: "state: ['dynamic', 'static', 'stale']",
  master: 'it as br',
};

export const fdbType: ObjectType<FdbEntry> = {
  name: 'fdb',
  messages: { new: 28, del: 29, get: 30 },
  groups: [3], // RTNLGRP_NEIGH
  headerSize: ndmsg.size,
  attributes: neighbourAttributes,
  concerns: (payload) => payload[0] === AF.bridge,
  decode: decodeFdb,
  key: fdbKey,
  volatile: ['used', 'updated', 'confirmed', 'refcnt'],
};

/**
 * A bridge knows an address once for each VLAN, on whichever port it was seen last; a link's own table may know
 * it several times, with different remote ends.
 */
function fdbKey(entry: FdbEntry): string {
  const { mac, vlan = 0, masterIndex, ifindex } = entry;
  if (masterIndex !== undefined) return `master ${masterIndex} ${mac} ${vlan}`;
  const { dst = '', port = '', vni = '', srcVni = '', viaIfindex = '', nhid = '' } = entry;
  return `self ${ifindex} ${mac} ${vlan} ${srcVni} ${dst} ${port} ${vni} ${viaIfindex} ${nhid}`;
}

const ENOENT = 2;

/** Forwarding tables of bridges, VXLANs and links that filter by address: `rt.fdb`. man 8 bridge. */
export class FdbService extends ObjectService<FdbEntry, FdbFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(fdbType, port, names);
  }

  protected override async resolve(filter: FdbFilter, options: RequestOptions): Promise<FdbFilter> {
    refuseUnknownFields(filter, FILTERS, HINTS, '', 'filter');
    const { br, dev, mac } = filter;
    return {
      ...filter,
      ...(br === undefined ? {} : { br: await this.names.index(br, 'br', options) }),
      ...(dev === undefined ? {} : { dev: await this.names.index(dev, 'dev', options) }),
      ...(typeof mac === 'string' ? { mac: mac.toLowerCase() } : {}),
    };
  }

  protected override dumpPayload({ br, dev }: FdbFilter): Uint8Array {
    return encodePayload((writer) => {
      ndmsg.encode(writer, { family: AF.bridge, ...(typeof dev === 'number' ? { ifindex: dev } : {}) });
      neighbourAttributes.encode(writer, typeof br === 'number' ? { masterIndex: br } : {});
    });
  }

  protected override matches(entry: FdbEntry, { br, dev, vlan, state, mac }: FdbFilter): boolean {
    return (
      // Entries of a port's own table don't name the bridge.
      (br === undefined || entry.masterIndex === undefined || entry.masterIndex === br) &&
      (dev === undefined || entry.ifindex === dev) &&
      (vlan === undefined || (entry.vlan ?? 0) === vlan) &&
      (mac === undefined || entry.mac === mac) &&
      (state === undefined || (typeof state === 'string' ? [state] : state).includes(entry.state))
    );
  }

  protected override linksOf(entry: FdbEntry): readonly number[] {
    const via = entry.linkNetnsid === undefined ? (entry.viaIfindex ?? 0) : 0;
    return [entry.ifindex, entry.masterIndex ?? 0, via].filter((index) => index > 0);
  }

  protected override complete(entry: FdbEntry, linkNames: ReadonlyMap<number, string>): FdbEntry {
    const { mac, ifindex, ...rest } = entry;
    const nameOf = (index: number | undefined) => (index === undefined ? undefined : linkNames.get(index));
    const via = entry.linkNetnsid === undefined ? nameOf(entry.viaIfindex) : undefined;
    return {
      mac,
      ifindex,
      ...defined({ dev: nameOf(ifindex) }),
      ...rest,
      ...defined({ via, master: nameOf(entry.masterIndex) }),
    };
  }

  /**
   * One entry: by `mac` (and `vlan`, `vni`), and a port of a bridge, or with `master` alone the bridge; with
   * `flags: ['self']` the link's own table. Rejects with ENOENT.
   */
  async get(entry: FdbInput, options: RequestOptions = {}): Promise<FdbEntry> {
    checkFdbInput(entry);
    const { dev, ifindex, master, masterIndex, flags } = entry;
    const own = flags?.includes('self') === true;
    const bridge = own ? undefined : (master ?? masterIndex);
    const link = dev ?? ifindex;
    // A bridge's entry for itself is asked for by the bridge alone.
    const port = link === bridge || (ifindex !== undefined && ifindex === masterIndex) ? undefined : link;
    if (bridge === undefined && port === undefined)
      throw new InvalidArgumentError('dev', dev, 'is missing', 'the link, or the bridge as master');
    const index =
      port === undefined || bridge !== undefined ? 0 : await this.names.index(port, 'dev', options);
    const bridgeIndex = bridge === undefined ? 0 : await this.names.index(bridge, 'master', options);
    const found = await this.fetch(encodeFdbGet(entry, index, bridgeIndex), options);
    if (found === undefined) throw systemError(ENOENT, 'RTM_GETNEIGH', { mac: entry.mac });
    return found;
  }

  /** Adds an entry; EEXIST where the table has one for this address. Default: permanent, in the link's own table. */
  add(entry: FdbInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', entry, options);
  }
  /** Adds an entry or takes the place of the one that is there. */
  replace(entry: FdbInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', entry, options);
  }
  /** Adds one more remote end for an address of a VXLAN. */
  append(entry: FdbInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('append', entry, options);
  }

  /**
   * Removes an entry; ENOENT when there is none. On a bridge that filters by VLAN an entry without `vlan` stands for
   * those of all VLANs of the port: the kernel adds and removes them together.
   */
  async del(entry: FdbInput, options: RequestOptions = {}): Promise<void> {
    const { ifindex, input } = await this.#resolveLinks(entry, options);
    await this.remove(encodeFdbKey(input, ifindex), options);
  }

  /** Removes all entries that meet the conditions, in one request. */
  async flush(flush: FdbFlush, options: RequestOptions = {}): Promise<void> {
    checkFdbFlush(flush);
    const link = flush.dev ?? flush.ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name of the bridge or VXLAN');
    const ifindex = await this.names.index(link, 'dev', options);
    const { brport } = flush;
    const port = brport === undefined ? undefined : await this.names.index(brport, 'brport', options);
    const payload = encodeFdbFlush(flush, ifindex, port);
    await this.port.request({ type: this.type.messages.del, flags: NLM_F.bulk, payload }, options);
  }

  async #write(verb: Verb, entry: FdbInput, options: RequestOptions): Promise<void> {
    const { ifindex, input } = await this.#resolveLinks(entry, options);
    await this.write(verb, encodeFdb(input, ifindex), options);
  }

  async #resolveLinks(
    entry: FdbInput,
    options: RequestOptions,
  ): Promise<{ ifindex: number; input: FdbInput }> {
    // What is wrong in itself is said before anything is asked.
    checkFdbInput(entry);
    const link = entry.dev ?? entry.ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name of the link, or its ifindex');
    const ifindex = await this.names.index(link, 'dev', options);
    const { via } = entry;
    if (via === undefined) return { ifindex, input: entry };
    return { ifindex, input: { ...entry, viaIfindex: await this.names.index(via, 'via', options) } };
  }
}
