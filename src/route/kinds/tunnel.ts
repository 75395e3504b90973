import { type Codec, enumeration, flagSet, ipv4, u16, u32, ValueError } from '../../netlink/wire/codec.ts';

/** What the IP tunnels have in common. uapi/linux/if_tunnel.h, ip6_tunnel.h */

/** A tunnel's key, spelled like an IPv4 address; taken as a number, too. */
export const tunnelKey: Codec<string> = {
  size: 4,
  decode: (view, start, end) => ipv4.decode(view, start, end),
  encode(writer, value) {
    const digits = typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value));
    const number = digits ? Number(value) : undefined;
    if (number === undefined) ipv4.encode(writer, value);
    else if (Number.isInteger(number) && number >= 0 && number <= 0xffffffff) writer.be32(number);
    else throw new ValueError(value, 'a key from 0 to 4294967295, or spelled like an IPv4 address');
  },
};

/** enum tunnel_encap_types: what the tunnel's packets are wrapped into. */
export const encapType = enumeration(u16, { 0: 'none', 1: 'fou', 2: 'gue', 3: 'mpls' });

/** TUNNEL_ENCAP_FLAG_*. */
export const encapFlags = flagSet(u16, { csum: 1, csum6: 2, remcsum: 4 });

/** IP6_TNL_F_*: the "use_orig" ones take from the packet inside; the "cap" ones only tell what is possible. */
export const ip6TunnelFlags = flagSet(u32, {
  ign_encap_limit: 0x1,
  use_orig_tclass: 0x2,
  use_orig_flowlabel: 0x4,
  mip6_dev: 0x8,
  rcv_dscp_copy: 0x10,
  use_orig_fwmark: 0x20,
  allow_local_remote: 0x40,
  cap_xmit: 0x10000,
  cap_rcv: 0x20000,
  cap_per_packet: 0x40000,
});

/** Two fields of the object for one attribute, as the IPv6 header has them: 8 bits and 20. */
export interface Flow {
  tclass?: number;
  flowlabel?: number;
}

export function flowOf(flowinfo: number | undefined): Flow {
  return flowinfo === undefined ? {} : { tclass: (flowinfo >>> 20) & 0xff, flowlabel: flowinfo & 0xfffff };
}

export function flowinfoOf({ tclass, flowlabel }: Flow): { flowinfo?: number } {
  if (tclass === undefined && flowlabel === undefined) return {};
  return {
    flowinfo: ((within('tclass', tclass, 0xff) << 20) | within('flowlabel', flowlabel, 0xfffff)) >>> 0,
  };
}

function within(field: keyof Flow, value: number | undefined, most: number): number {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  const error = new ValueError(value, `an integer from 0 to ${most}`);
  error.path.unshift(field);
  throw error;
}
