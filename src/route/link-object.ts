import { AF } from '../netlink/wire/address.ts';
import type { AttributesOf } from '../netlink/wire/attributes.ts';
import { KINDS, type Kind, kindField, PORT_KINDS, portField } from './kinds/index.ts';
import { ifinfomsg, linkAttributes } from './link-attributes.ts';
import { decodeLink } from './link-decode.ts';
import type { LinkInfo } from './link-info.ts';
import { readLink } from './link-read.ts';
import type { LinkFlag } from './link-words.ts';
import type { ObjectType } from './object.ts';

/** IFLA_* as they are on the wire. */
export type LinkWire = AttributesOf<(typeof linkAttributes)['specs']>;

/** Attributes that no link is listed with, or that it is listed with in another form. */
type NotListed = 'ifname' | 'linkInfo' | 'properties' | 'altIfname' | 'extMask' | 'netnsPid' | 'netnsFd';

/** A network device: man 8 ip-link, uapi/linux/if_link.h. */
export interface Link extends Omit<LinkWire, NotListed>, LinkInfo {
  ifindex: number;
  ifname: string;
  /** IFF_* without the prefix: UP, LOWER_UP, ... */
  flags: LinkFlag[];
  /** ARPHRD_* in the words of `ip`: ether, loopback, ... */
  linkType: string;
  /** Name of the link that this one sits on, or of a veth's other end; absent if it is in another namespace. */
  link?: string;
  /** Name of the bridge, bond or vrf that this link belongs to. */
  master?: string;
  /** Alternative names. */
  altnames?: string[];
}

export const linkType: ObjectType<Link> = {
  name: 'link',
  messages: { new: 16, del: 17, get: 18 },
  groups: [1], // RTNLGRP_LINK
  headerSize: ifinfomsg.size,
  attributes: linkAttributes,
  // AF_BRIDGE speaks of ports: its RTM_DELLINK is a port that left its bridge, not a link that went.
  concerns: (payload) => payload[0] !== AF.bridge,
  decode: decodeLink,
  read: readLink,
  key: (link) => String(link.ifindex),
  // Counters, and what holds timers or counters among its fields.
  volatile: [
    'stats64',
    'stats32',
    'xstats',
    'afSpec',
    'event',
    'carrierChanges',
    'bridge',
    'bridgePort',
    'hsr',
  ],
};

type Data = Record<string, unknown>;

/** Kinds that name other links in their data: most do not, and cost nothing here. */
const naming = (kinds: Readonly<Record<string, Kind>>) =>
  new Set(Object.keys(kinds).filter((field) => Object.keys(kinds[field]?.links ?? {}).length > 0));
const NAMING_KINDS = naming(KINDS);
const NAMING_PORTS = naming(PORT_KINDS);

const NONE: readonly { kind: Kind; data: Data }[] = [];

/** The data of the link's kind and of its master's, where these speak of links by index. */
function namingParts(link: Link): readonly { kind: Kind; data: Data }[] {
  const own = link.kind === undefined ? undefined : kindField(link.kind);
  const port = link.portKind === undefined ? undefined : portField(link.portKind);
  if (own === undefined && port === undefined) return NONE;
  const parts: { kind: Kind; data: Data }[] = [];
  if (own !== undefined && NAMING_KINDS.has(own) && link[own] !== undefined)
    parts.push({ kind: KINDS[own], data: link[own] as Data });
  if (port !== undefined && NAMING_PORTS.has(port) && link[port] !== undefined)
    parts.push({ kind: PORT_KINDS[port], data: link[port] as Data });
  return parts;
}

/** Links that the object speaks of by index, in its own namespace. */
export function linksOfLink(link: Link): number[] {
  const indexes: number[] = [];
  const { linkIndex, masterIndex } = link;
  if (masterIndex !== undefined && masterIndex > 0) indexes.push(masterIndex);
  if (linkIndex !== undefined && linkIndex > 0 && link.linkNetnsid === undefined) indexes.push(linkIndex);
  for (const { kind, data } of namingParts(link))
    for (const field of Object.values(kind.links)) {
      const index = data[field];
      if (typeof index === 'number' && index > 0) indexes.push(index);
    }
  return indexes;
}

/** Gives the link the names of the links it speaks of. */
export function nameLinks(link: Link, names: ReadonlyMap<number, string>): Link {
  const { linkIndex, masterIndex } = link;
  const on = linkIndex === undefined || link.linkNetnsid !== undefined ? undefined : names.get(linkIndex);
  if (on !== undefined) link.link = on;
  const master = masterIndex === undefined ? undefined : names.get(masterIndex);
  if (master !== undefined) link.master = master;
  for (const { kind, data } of namingParts(link))
    for (const [name, index] of Object.entries(kind.links)) {
      const value = names.get(data[index] as number);
      if (value !== undefined) data[name] = value;
    }
  return link;
}
