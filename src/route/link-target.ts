import { InvalidArgumentError } from '../handle/errors.ts';
import { type NetnsReference, type ResolvedNetns, resolveNetns } from '../netns/index.ts';
import type { Kind } from './kinds/index.ts';
import type { LinkWire } from './link-object.ts';
import type { Resolved } from './link-settings.ts';
import { ALT_IFNAME_MAX, IFNAME_MAX, type LinkReference } from './names.ts';

/**
 * A link by name, altname or index, or one that was listed, which means the one with its index. Or all links of a
 * group, for what can be done to many at once.
 */
export type LinkTarget =
  | LinkReference
  | { readonly ifindex: number }
  | { readonly ifname: string }
  | { readonly group: number };

/** How a request says which link it means: by index in the header, or by an attribute with the name. */
export function addressed(
  target: LinkTarget,
  field: string,
): { header: { ifindex?: number }; name: Pick<LinkWire, 'ifname' | 'altIfname' | 'group'> } {
  if (typeof target === 'object' && target !== null) {
    if ('ifindex' in target) return addressed(target.ifindex, field);
    if ('ifname' in target) return addressed(target.ifname, field);
    return { header: {}, name: { group: target.group } };
  }
  if (typeof target === 'number') {
    if (Number.isInteger(target) && target > 0 && target <= 0x7fffffff)
      return { header: { ifindex: target }, name: {} };
    throw new InvalidArgumentError(
      field,
      target,
      'is no link',
      'the index of a link, a positive integer, or its name',
    );
  }
  const length = typeof target === 'string' ? Buffer.byteLength(target) : 0;
  if (length === 0 || length > ALT_IFNAME_MAX || /[\s/\0]/.test(target))
    throw new InvalidArgumentError(
      field,
      target,
      'is no name of a link',
      `a link's name: 1 to ${ALT_IFNAME_MAX} bytes, no spaces, no slash`,
    );
  // IFLA_IFNAME finds short altnames too; a longer name only fits the other attribute.
  return { header: {}, name: length > IFNAME_MAX ? { altIfname: target } : { ifname: target } };
}

/** The indexes of the links that a kind's data names, by the fields that they go into. */
export async function linkIndexes(
  kind: Kind,
  field: string,
  data: object | undefined,
  index: (link: LinkReference, field: string) => Promise<number>,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const given = (data ?? {}) as Readonly<Record<string, LinkReference | undefined>>;
  for (const [name, target] of Object.entries(kind.links)) {
    const link = given[name];
    if (link !== undefined) found[target] = await index(link, `${field}.${name}`);
  }
  return found;
}

/** Namespaces to put links in, open for as long as the request takes. */
export interface OpenNamespaces extends Disposable {
  readonly fds: Pick<Resolved, 'netnsFd' | 'peerNetnsFd'>;
}

export async function openNamespaces(netns?: NetnsReference, peer?: NetnsReference): Promise<OpenNamespaces> {
  const own: ResolvedNetns | undefined = netns === undefined ? undefined : await resolveNetns(netns);
  let other: ResolvedNetns | undefined;
  try {
    other = peer === undefined ? undefined : await resolveNetns(peer);
  } catch (error) {
    own?.[Symbol.dispose]();
    throw error;
  }
  return {
    fds: {
      ...(own !== undefined && { netnsFd: own.netns.fd }),
      ...(other !== undefined && { peerNetnsFd: other.netns.fd }),
    },
    [Symbol.dispose]() {
      own?.[Symbol.dispose]();
      other?.[Symbol.dispose]();
    },
  };
}
