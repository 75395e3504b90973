import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, ipv4, ipv6, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';
import { tunnelKey } from './tunnel.ts';

/** IFLA_VTI_*, uapi/linux/if_tunnel.h: over IPv4, or over IPv6. */
function vtiTable(address: Codec<string>) {
  return attributeTable('IFLA_VTI', {
    /** The link that the tunnel's packets leave by. */
    linkIndex: attribute(1, 'IFLA_VTI_LINK', u32),
    /** Marks of IPsec policies and states; 0: none. */
    ikey: attribute(2, 'IFLA_VTI_IKEY', tunnelKey),
    okey: attribute(3, 'IFLA_VTI_OKEY', tunnelKey),
    local: attribute(4, 'IFLA_VTI_LOCAL', address),
    remote: attribute(5, 'IFLA_VTI_REMOTE', address),
    fwmark: attribute(6, 'IFLA_VTI_FWMARK', u32),
  });
}
type Table = ReturnType<typeof vtiTable>;

/** Settings of a virtual tunnel interface for IPsec (man 8 ip-link). */
export type Vti = AttributesOf<Table['specs']> & {
  /** The name of the link with `linkIndex`. */
  link?: string;
};

function defineVti(kind: string, address: Codec<string>) {
  return defineKind<Table, Vti>(kind, vtiTable(address), { whole: true, links: { link: 'linkIndex' } });
}

export const vti = defineVti('vti', ipv4);
export const vti6 = defineVti('vti6', ipv6);
