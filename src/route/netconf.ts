/** RTM_NEWNETCONF, RTM_DELNETCONF, RTM_GETNETCONF: uapi/linux/netconf.h, man 8 ip-netconf. */

import { SystemError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF, familyName } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, type RawAttribute } from '../netlink/wire/attributes.ts';
import { enumeration, reserved, s32, u8 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { bool32 } from './bool32.ts';
import { defined } from './defined.ts';
import { fieldWord } from './field-word.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';

const FAMILIES = ['inet', 'inet6', 'mpls'] as const;
export type NetconfFamily = (typeof FAMILIES)[number];

/** NETCONFA_IFINDEX_ALL and NETCONFA_IFINDEX_DEFAULT. */
const ALL = -1;
const DEFAULT = -2;

/** How one family forwards on one link: a part of /proc/sys/net/FAMILY/conf/DEV. man 8 ip-netconf. */
export interface Netconf {
  family: NetconfFamily | (string & {});
  /** -1: all links; -2: what new links begin with. */
  ifindex: number;
  /** The link's name, or `all`, or `default`. */
  dev?: string;
  forwarding?: boolean;
  /** Whether a source address must be reachable: by this link (`strict`) or by any (`loose`). */
  rpFilter?: 'off' | 'strict' | 'loose' | (string & {});
  mcForwarding?: boolean;
  bcForwarding?: boolean;
  /** proxy_arp, proxy_ndp. */
  proxyNeigh?: boolean;
  ignoreRoutesWithLinkdown?: boolean;
  /** MPLS packets are taken in. */
  input?: boolean;
  /** IPv6 forwards what comes on this link, whatever the others say. Linux 6.17. */
  forceForwarding?: boolean;
  raw?: RawAttribute[];
}

/** struct netconfmsg, padded. */
const netconfmsg = struct('netconfmsg', { family: u8, padding: reserved(3) });

export const netconfAttributes = attributeTable('NETCONFA', {
  ifindex: attribute(1, 'NETCONFA_IFINDEX', s32),
  forwarding: attribute(2, 'NETCONFA_FORWARDING', bool32),
  rpFilter: attribute(3, 'NETCONFA_RP_FILTER', enumeration(s32, { 0: 'off', 1: 'strict', 2: 'loose' })),
  mcForwarding: attribute(4, 'NETCONFA_MC_FORWARDING', bool32),
  proxyNeigh: attribute(5, 'NETCONFA_PROXY_NEIGH', bool32),
  ignoreRoutesWithLinkdown: attribute(6, 'NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN', bool32),
  input: attribute(7, 'NETCONFA_INPUT', bool32),
  bcForwarding: attribute(8, 'NETCONFA_BC_FORWARDING', bool32),
  forceForwarding: attribute(9, 'NETCONFA_FORCE_FORWARDING', bool32),
});

export function decodeNetconf(payload: Uint8Array): Netconf {
  const view = new WireView(payload);
  const { family } = netconfmsg.decodeAt(view, 0);
  const { ifindex = 0, ...rest } = netconfAttributes.decode(view, netconfmsg.size, view.length);
  const special = ifindex === ALL ? 'all' : ifindex === DEFAULT ? 'default' : undefined;
  return { family: familyName(family), ifindex, ...defined({ dev: special }), ...rest };
}

export const netconfType: ObjectType<Netconf> = {
  name: 'netconf',
  messages: { new: 80, del: 81, get: 82 },
  groups: [24, 25, 29], // RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_MPLS_NETCONF
  headerSize: netconfmsg.size,
  attributes: netconfAttributes,
  decode: decodeNetconf,
  key: ({ family, ifindex }) => `${family} ${ifindex}`,
  // News tell only the setting that changed.
  merge: (known, news) => ({ ...known, ...news }),
};

export interface NetconfFilter {
  /** Default: all that the kernel has. */
  family?: NetconfFamily;
  /** A link by name or index, or `all`, or `default`. */
  dev?: LinkReference;
}
const FILTERS: ReadonlySet<string> = new Set<keyof NetconfFilter>(['family', 'dev']);

function checkFilter(filter: NetconfFilter): void {
  refuseUnknownFields(filter, FILTERS, { ifindex: 'the link as dev' }, '', 'filter');
}
const ENOENT = 2;

/** What families forward on which links: `rt.netconf`. The kernel only tells; /proc/sys/net sets. */
export class NetconfService extends ObjectService<Netconf, NetconfFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(netconfType, port, names);
  }

  protected override async resolve(filter: NetconfFilter, options: RequestOptions): Promise<NetconfFilter> {
    checkFilter(filter);
    const { family, dev } = filter;
    if (family !== undefined) fieldWord('family', family, FAMILIES);
    return dev === undefined ? filter : { ...filter, dev: await this.#index(dev, options) };
  }

  protected override dumpPayload({ family = 'inet' }: NetconfFilter): Uint8Array {
    return encodePayload((writer) => netconfmsg.encode(writer, { family: AF[family] }));
  }

  protected override matches(netconf: Netconf, { family, dev }: NetconfFilter): boolean {
    return (
      (family === undefined || netconf.family === family) && (dev === undefined || netconf.ifindex === dev)
    );
  }

  protected override linksOf({ ifindex }: Netconf): readonly number[] {
    return ifindex > 0 ? [ifindex] : [];
  }

  protected override complete(netconf: Netconf, linkNames: ReadonlyMap<number, string>): Netconf {
    const { family, ifindex, ...rest } = netconf;
    return { family, ifindex, ...defined({ dev: linkNames.get(ifindex) }), ...rest };
  }

  override async list(filter: NetconfFilter = {}, options: RequestOptions = {}): Promise<Netconf[]> {
    checkFilter(filter);
    if (filter.family !== undefined) return super.list(filter, options);
    const all: Netconf[] = [];
    // The kernel dumps one family at a time.
    for (const family of FAMILIES) {
      try {
        all.push(...(await super.list({ ...filter, family }, options)));
      } catch (error) {
        if (!isAbsentFamily(error)) throw error;
      }
    }
    return all;
  }

  override async snapshot(options: RequestOptions = {}): Promise<Netconf[]> {
    return this.list({}, options);
  }

  override async *dump(
    filter: NetconfFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<Netconf, void, void> {
    checkFilter(filter);
    if (filter.family !== undefined) {
      yield* super.dump(filter, options);
      return;
    }
    for (const family of FAMILIES) {
      try {
        yield* super.dump({ ...filter, family }, options);
      } catch (error) {
        if (!isAbsentFamily(error)) throw error;
      }
    }
  }

  /** One family on one link, or on `all` of them, or on new ones (`default`). */
  async get(
    target: { family: NetconfFamily; dev: LinkReference },
    options: RequestOptions = {},
  ): Promise<Netconf> {
    const ifindex = await this.#index(target.dev, options);
    fieldWord('family', target.family, FAMILIES);
    const payload = encodePayload((writer) => {
      netconfmsg.encode(writer, { family: AF[target.family] });
      netconfAttributes.encode(writer, { ifindex });
    });
    const found = await this.fetch(payload, options);
    if (found === undefined) throw systemError(ENOENT, 'RTM_GETNETCONF', { ifindex });
    return found;
  }

  async #index(dev: LinkReference, options: RequestOptions): Promise<number> {
    if (dev === 'all' || dev === ALL) return ALL;
    if (dev === 'default' || dev === DEFAULT) return DEFAULT;
    return this.names.index(dev, 'dev', options);
  }
}

/** A family that this kernel was built without, or whose module is not loaded. */
function isAbsentFamily(error: unknown): boolean {
  return error instanceof SystemError && error.code === 'EOPNOTSUPP';
}
