/** RTM_NEWNSID, RTM_DELNSID, RTM_GETNSID: uapi/linux/net_namespace.h, man 8 ip-netns. */

import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, type RawAttribute } from '../netlink/wire/attributes.ts';
import { reserved, s32, u8, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { type NetnsReference, resolveNetns } from '../netns/index.ts';
import { defined } from './defined.ts';
import type { LinkNames } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';

/** The id by which one network namespace knows another: what `linkNetnsid` of a link holds. */
export interface NetnsId {
  /** In this namespace, or in that of `targetNsid`. -1: has none. */
  nsid: number;
  /** In this namespace, where `targetNsid` was asked for. -1: has none. */
  currentNsid?: number;
  raw?: RawAttribute[];
}

/** NETNSA_NSID_NOT_ASSIGNED: has none; in a request, the kernel chooses. */
const NOT_ASSIGNED = -1;

/** struct rtgenmsg, padded. */
const rtgenmsg = struct('rtgenmsg', { family: u8, padding: reserved(3) });

export const netnsIdAttributes = attributeTable('NETNSA', {
  nsid: attribute(1, 'NETNSA_NSID', s32),
  pid: attribute(2, 'NETNSA_PID', u32),
  fd: attribute(3, 'NETNSA_FD', u32),
  targetNsid: attribute(4, 'NETNSA_TARGET_NSID', s32),
  currentNsid: attribute(5, 'NETNSA_CURRENT_NSID', s32),
});

export function decodeNetnsId(payload: Uint8Array): NetnsId {
  const view = new WireView(payload);
  rtgenmsg.decodeAt(view, 0);
  const { nsid, currentNsid, raw } = netnsIdAttributes.decode(view, rtgenmsg.size, view.length);
  return { nsid: nsid ?? NOT_ASSIGNED, ...defined({ currentNsid, raw }) };
}

export const netnsIdType: ObjectType<NetnsId> = {
  name: 'netnsId',
  messages: { new: 88, del: 89, get: 90 },
  groups: [28], // RTNLGRP_NSID
  headerSize: rtgenmsg.size,
  attributes: netnsIdAttributes,
  decode: decodeNetnsId,
  key: ({ nsid }) => String(nsid),
};

export interface NetnsIdFilter {
  /** The ids that the namespace of this id knows, each with the id that it has here as `currentNsid`. */
  targetNsid?: number;
}
/** Which namespace: by its id, or as namespaces are named elsewhere. */
export interface NetnsIdTarget extends NetnsIdFilter {
  nsid?: number;
  /** A name as `ip netns` has it, a path, a pid, a Netns, an fd. */
  netns?: NetnsReference;
}

const FILTERS: ReadonlySet<string> = new Set<keyof NetnsIdFilter>(['targetNsid']);
const FIELDS: ReadonlySet<string> = new Set<keyof NetnsIdTarget>(['nsid', 'netns', 'targetNsid']);
const HINTS = {
  pid: 'it as netns',
  fd: 'netns: { fd }',
  name: 'it as netns',
  'target-nsid': 'it as targetNsid',
};
const ENOENT = 2;

/** Ids of network namespaces: `rt.netnsId`. man 8 ip-netns. */
export class NetnsIdService extends ObjectService<NetnsId, NetnsIdFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(netnsIdType, port, names);
  }

  protected override resolve(filter: NetnsIdFilter): NetnsIdFilter {
    refuseUnknownFields(filter, FILTERS, HINTS, '', 'filter');
    return filter;
  }

  protected override dumpPayload({ targetNsid }: NetnsIdFilter): Uint8Array {
    return encodePayload((writer) => {
      rtgenmsg.encode(writer, { family: AF.unspec });
      netnsIdAttributes.encode(writer, defined({ targetNsid }));
    });
  }

  protected override matches(): boolean {
    return true;
  }

  /**
   * The id of a namespace: `nsid` is -1 where it has none. ENOENT for an `nsid` that nobody has; EINVAL for a
   * `targetNsid` that nobody has.
   */
  async get(target: NetnsIdTarget, options: RequestOptions = {}): Promise<NetnsId> {
    refuseUnknownFields(target, FIELDS, HINTS, '', 'target');
    const { nsid, netns, targetNsid } = target;
    const found =
      netns === undefined
        ? await this.fetch(request(defined({ nsid: required(nsid), targetNsid })), options)
        : await this.#withFd(netns, async (fd) => this.fetch(request(defined({ fd, targetNsid })), options));
    if (found === undefined) throw systemError(ENOENT, 'RTM_GETNSID', defined({ nsid }));
    return found;
  }

  /**
   * Gives a namespace an id, which it keeps as long as it exists: EEXIST when it has one, or another has
   * this one. Without `nsid` the kernel chooses. Resolves with the id.
   */
  async add(input: { netns: NetnsReference; nsid?: number }, options: RequestOptions = {}): Promise<number> {
    refuseUnknownFields(input, FIELDS, HINTS, '', 'netnsId');
    const { netns, nsid = NOT_ASSIGNED } = input;
    if (netns === undefined)
      throw new InvalidArgumentError(
        'netns',
        netns,
        'is missing',
        'a name, a path, a pid, a Netns or { fd }',
      );
    return this.#withFd(netns, async (fd) => {
      await this.write('set', request({ fd, nsid }), options);
      if (nsid !== NOT_ASSIGNED) return nsid;
      return (await this.fetch(request({ fd }), options))?.nsid ?? NOT_ASSIGNED;
    });
  }

  async #withFd<T>(netns: NetnsReference, use: (fd: number) => Promise<T>): Promise<T> {
    using resolved = await resolveNetns(netns);
    return await use(resolved.netns.fd);
  }
}

function required(nsid: number | undefined): number {
  if (nsid === undefined || nsid < 0)
    throw new InvalidArgumentError(
      'nsid',
      nsid,
      'names no namespace',
      'an id from 0 on, or the namespace as netns',
    );
  return nsid;
}

function request(attributes: Parameters<typeof netnsIdAttributes.encode>[1]): Uint8Array {
  return encodePayload((writer) => {
    rtgenmsg.encode(writer, { family: AF.unspec });
    netnsIdAttributes.encode(writer, attributes);
  });
}
