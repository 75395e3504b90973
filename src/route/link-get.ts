import { isLinux } from '../handle/linux.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { patchU32 } from '../netlink/wire/view.ts';
import { ifinfomsg, linkRequestAttributes } from './link-attributes.ts';
import { addressed, type LinkTarget } from './link-target.ts';

/** RTEXT_FILTER_*, uapi/linux/rtnetlink.h. */
const EXT_MASK = { vf: 1, skipStats: 8 } as const;

/** How much to be told of each link. */
export interface LinkDetail {
  /**
   * IPv6's own counters, `afSpec.inet6.stats` and `icmp6stats`, which take the kernel long to add up. Default false;
   * from Linux 6.19 on they come unasked, because without them there would be no `stats64` either.
   */
  mib?: boolean;
  /** Virtual functions, as `vfinfoList`. Default false: they can make a message very long. */
  vf?: boolean;
}

/** Later kernels skip what every link counts as well, IFLA_STATS64: seen in 7.3, not yet in 6.18. */
const SKIPS_TOO_MUCH = isLinux('6.19');

export function extMask({ mib = false, vf = false }: LinkDetail): number {
  return (mib || SKIPS_TOO_MUCH ? 0 : EXT_MASK.skipStats) | (vf ? EXT_MASK.vf : 0);
}

/** A request whose index and mask are still to be filled in. */
const BY_INDEX = encodePayload((writer) => {
  ifinfomsg.encode(writer, {});
  linkRequestAttributes.encode(writer, { extMask: 0 });
}).slice();
const INDEX_AT = 4;

/** The payload of RTM_GETLINK for one link. */
export function encodeLinkGet(target: LinkTarget, mask: number): Uint8Array {
  const { header, name } = addressed(target, 'link');
  if (header.ifindex !== undefined) {
    // How links are mostly asked for: no need for a writer.
    const payload = BY_INDEX.slice();
    patchU32(payload, INDEX_AT, header.ifindex);
    patchU32(payload, payload.length - 4, mask);
    return payload;
  }
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, header);
    linkRequestAttributes.encode(writer, { ...name, extMask: mask });
  });
}
