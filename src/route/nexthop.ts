import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import { getBucket, listBuckets, type NexthopBucket, type NexthopBucketFilter } from './nexthop-bucket.ts';
import {
  checkNexthop,
  decodeNexthop,
  encodeNexthop,
  type Nexthop,
  type NexthopInput,
  nexthopAttributes,
  nhmsg,
} from './nexthop-message.ts';
import type { ObjectType } from './object.ts';
import {
  numberOf,
  ROUTE_FAMILIES,
  ROUTE_PROTOCOLS,
  type RouteFamily,
  type RouteProtocol,
  refuseUnknownFields,
  wordOf,
} from './route-words.ts';
import { ObjectService } from './service.ts';

export type { NexthopBucket, NexthopBucketFilter } from './nexthop-bucket.ts';
export type {
  Nexthop,
  NexthopGroupMember,
  NexthopGroupType,
  NexthopInput,
  NexthopStats,
  ResilientGroup,
} from './nexthop-message.ts';

/** Which nexthops to list: all conditions hold. The kernel filters by link, master, groups, fdb and family. */
export interface NexthopFilter {
  family?: RouteFamily;
  id?: number;
  /** A link: its name or its index. */
  dev?: string;
  oif?: number;
  /** Only groups. */
  groups?: boolean;
  /** On links under this one (a bridge, a VRF): its name or index. */
  master?: LinkReference;
  /** Only those of forwarding tables. */
  fdb?: boolean;
  protocol?: RouteProtocol | number;
  /** With the packets that members of groups got; `hw`: those of hardware, too. Linux 6.9. */
  stats?: boolean | 'hw';
}

const FILTERS = new Set(['family', 'id', 'dev', 'oif', 'groups', 'master', 'fdb', 'protocol', 'stats']);

export const nexthopType: ObjectType<Nexthop> = {
  name: 'nexthop',
  messages: { new: 104, del: 105, get: 106 },
  groups: [32], // RTNLGRP_NEXTHOP
  headerSize: nhmsg.size,
  attributes: nexthopAttributes,
  decode: decodeNexthop,
  key: (nexthop) => String(nexthop.id),
  volatile: ['unbalancedTime', 'stats', 'hwStatsUsed'],
};

/** Nexthop objects, since Linux 5.3: `rt.nexthop`. man 8 ip-nexthop. */
export class NexthopService extends ObjectService<Nexthop, NexthopFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(nexthopType, port, names);
  }

  protected override async resolve(filter: NexthopFilter, options: RequestOptions): Promise<NexthopFilter> {
    refuseUnknownFields(
      filter,
      FILTERS,
      {
        proto: 'it as protocol',
        group: 'it as groups',
        vrf: 'it as master',
      },
      '',
      'filter',
    );
    const oif = filter.dev === undefined ? filter.oif : await this.names.index(filter.dev, 'dev', options);
    const { master, protocol } = filter;
    return {
      ...filter,
      ...defined({ oif }),
      ...(master === undefined ? {} : { master: await this.names.index(master, 'master', options) }),
      ...(protocol === undefined ? {} : { protocol: wordOf(ROUTE_PROTOCOLS, protocol) }),
    };
  }

  protected override dumpPayload(filter: NexthopFilter): Uint8Array {
    const { oif, groups, master, fdb } = filter;
    return encodePayload((writer) => {
      nhmsg.encode(writer, {
        family: filter.family === undefined ? AF.unspec : numberOf(ROUTE_FAMILIES, filter.family),
      });
      nexthopAttributes.encode(writer, {
        ...defined({ oif }),
        ...(groups === true ? { groups } : {}),
        ...(typeof master === 'number' ? { master } : {}),
        ...(fdb === true ? { fdb } : {}),
        ...statsFlags(filter.stats),
      });
    });
  }

  protected override matches(nexthop: Nexthop, filter: NexthopFilter): boolean {
    return (
      (filter.family === undefined || nexthop.family === filter.family) &&
      (filter.id === undefined || nexthop.id === filter.id) &&
      (filter.oif === undefined || nexthop.oif === filter.oif) &&
      (filter.groups !== true || nexthop.group !== undefined) &&
      (filter.fdb !== true || nexthop.fdb === true) &&
      (filter.protocol === undefined || nexthop.protocol === filter.protocol)
    );
  }

  protected override linksOf(nexthop: Nexthop): readonly number[] {
    return nexthop.oif === undefined ? [] : [nexthop.oif];
  }

  protected override complete(nexthop: Nexthop, linkNames: ReadonlyMap<number, string>): Nexthop {
    const dev = nexthop.oif === undefined ? undefined : linkNames.get(nexthop.oif);
    if (dev !== undefined) nexthop.dev = dev;
    return nexthop;
  }

  /** A nexthop by its id, or as it was listed. Rejects with ENOENT when there is none. */
  async get(nexthop: number | { id: number }, options: RequestOptions = {}): Promise<Nexthop> {
    const id = idOf(nexthop);
    const found = await this.fetch(byId(id), options);
    if (found === undefined) throw new SystemError(-2, 'RTM_GETNEXTHOP', { id });
    return found;
  }

  /**
   * Adds a nexthop or a group; EEXIST when the id is taken. Resolves with the id, which the kernel chooses where
   * none is given.
   */
  async add(nexthop: NexthopInput, options: RequestOptions = {}): Promise<number> {
    const payload = encodeNexthop(await this.#resolveLinks(nexthop, options));
    if (nexthop.id !== undefined && nexthop.id !== 0) {
      await this.write('add', payload, options);
      return nexthop.id;
    }
    const flags = NLM_F.create | NLM_F.excl | NLM_F.echo;
    const answers = await this.port.request({ type: this.type.messages.new, flags, payload }, options);
    const made = answers.find((message) => message.type === this.type.messages.new);
    return made === undefined ? 0 : decodeNexthop(made.payload).id;
  }

  /** Adds a nexthop or a group, or takes the place of the one with this id; routes follow. */
  async replace(nexthop: NexthopInput & { id: number }, options: RequestOptions = {}): Promise<void> {
    await this.write('replace', encodeNexthop(await this.#resolveLinks(nexthop, options)), options);
  }

  /** Removes a nexthop, by its id or as it was listed, and with it the routes that use it; ENOENT when there is none. */
  async del(nexthop: number | { id: number }, options: RequestOptions = {}): Promise<void> {
    await this.remove(byId(idOf(nexthop)), options);
  }

  /** Buckets of resilient groups, since Linux 5.13: where their flows go. */
  buckets(filter: NexthopBucketFilter = {}, options: RequestOptions = {}): Promise<NexthopBucket[]> {
    return listBuckets(this.port, this.names, filter, options);
  }

  /** One bucket of a resilient group. ENOENT when there is no such group, or it has fewer buckets. */
  getBucket(bucket: { id: number; index: number }, options: RequestOptions = {}): Promise<NexthopBucket> {
    return getBucket(this.port, bucket, options);
  }

  async #resolveLinks(nexthop: NexthopInput, options: RequestOptions): Promise<NexthopInput> {
    checkNexthop(nexthop);
    if (nexthop.dev === undefined) return nexthop;
    return { ...nexthop, oif: await this.names.index(nexthop.dev, 'dev', options) };
  }
}

/** NHA_OP_FLAG_DUMP_STATS, NHA_OP_FLAG_DUMP_HW_STATS. */
function statsFlags(stats: NexthopFilter['stats']): { opFlags?: number } {
  if (stats === undefined || stats === false) return {};
  return { opFlags: stats === 'hw' ? 3 : 1 };
}

function idOf(nexthop: number | { id: number }): number {
  return typeof nexthop === 'object' && nexthop !== null ? nexthop.id : nexthop;
}

/** A request for one nexthop. */
function byId(id: number): Uint8Array {
  if (!Number.isInteger(id) || id < 1 || id > 0xffffffff)
    throw new InvalidArgumentError('id', id, 'is no id', 'an integer from 1 to 4294967295');
  return encodePayload((writer) => {
    nhmsg.encode(writer, {});
    nexthopAttributes.encode(writer, { id });
  });
}
