import { InvalidArgumentError } from '../handle/errors.ts';
import { type NetnsReference, type ResolvedNetns, resolveNetns } from '../netns/index.ts';
import type { LinkWire } from './link-object.ts';
import type { Resolved } from './link-settings.ts';
import { ALT_IFNAME_MAX, IFNAME_MAX, type LinkReference } from './names.ts';

/** A link by name, altname or index, or one that was listed, which means the one with its index. */
export type LinkTarget = LinkReference | { readonly ifindex: number } | { readonly ifname: string };

/** How a request says which link it means: by index in the header, or by an attribute with the name. */
export function addressed(
  target: LinkTarget,
  field: string,
): { header: { ifindex?: number }; name: Pick<LinkWire, 'ifname' | 'altIfname'> } {
  if (typeof target === 'object' && target !== null)
    return addressed('ifindex' in target ? target.ifindex : target.ifname, field);
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
