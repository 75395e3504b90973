import { flagNames } from '../netlink/wire/codec.ts';
import { WireView } from '../netlink/wire/view.ts';
import { ifinfomsg, linkAttributes, spellAddress } from './link-attributes.ts';
import type { Link, LinkWire } from './link-object.ts';
import { LINK_FLAGS, linkTypeName } from './link-words.ts';

/** Fields that go into a link in another form, or under a condition. */
export const REWRITTEN: ReadonlySet<string> = new Set<string>([
  'ifname',
  'linkInfo',
  'properties',
  'stats32',
  'address',
  'broadcast',
  'permaddr',
  'devlinkPort',
  'dpllPin',
] satisfies (keyof LinkWire)[]);

/** Kernels tell every link of them; of most there is nothing to tell. */
export function addParent<F extends 'devlinkPort' | 'dpllPin'>(
  link: Link,
  field: F,
  value: NonNullable<Link[F]>,
): void {
  if (Object.keys(value).length > 0) link[field] = value;
}

export function decodeLink(payload: Uint8Array): Link {
  const view = new WireView(payload);
  const header = ifinfomsg.decodeAt(view, 0);
  const wire = linkAttributes.decode(view, ifinfomsg.size, view.length);
  const { ifname = '', linkInfo, properties, stats32, address, broadcast, permaddr } = wire;
  const { devlinkPort, dpllPin } = wire;
  const linkType = linkTypeName(header.type);
  const link: Link = {
    ifindex: header.ifindex,
    ifname,
    ...linkInfo,
    flags: flagNames(header.flags, LINK_FLAGS),
    linkType,
  };
  if (address !== undefined) link.address = spellAddress(address, linkType);
  if (broadcast !== undefined) link.broadcast = spellAddress(broadcast, linkType);
  if (permaddr !== undefined) link.permaddr = spellAddress(permaddr, linkType);
  if (properties?.altnames !== undefined) link.altnames = properties.altnames;
  if (devlinkPort !== undefined) addParent(link, 'devlinkPort', devlinkPort);
  if (dpllPin !== undefined) addParent(link, 'dpllPin', dpllPin);
  // Key by key: spreading some forty of them twice took longer than decoding them.
  const fields: Record<string, unknown> = wire;
  const target: Record<string, unknown> = link as object as Record<string, unknown>;
  for (const field in fields) if (!REWRITTEN.has(field)) target[field] = fields[field];
  // The same counters once more, cut to 32 bits: only worth keeping where the others are missing.
  if (stats32 !== undefined && wire.stats64 === undefined) link.stats32 = stats32;
  return link;
}
