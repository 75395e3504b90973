import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import {
  be16,
  be32,
  bool8,
  type Codec,
  enumeration,
  flag,
  ipv4,
  ipv6,
  u8,
  u16,
  u32,
} from '../../netlink/wire/codec.ts';
import { isUnspecified } from './families.ts';
import { defineKind } from './kind.ts';
import { encapFlags, encapType, type Flow, flowinfoOf, flowOf, ip6TunnelFlags, tunnelKey } from './tunnel.ts';

/** IFLA_GRE_*, uapi/linux/if_tunnel.h: over IPv4, or over IPv6. */
function greTable(address: Codec<string>) {
  return attributeTable('IFLA_GRE', {
    /** The link that the tunnel's packets leave by. */
    linkIndex: attribute(1, 'IFLA_GRE_LINK', u32),
    iflags: attribute(2, 'IFLA_GRE_IFLAGS', be16),
    oflags: attribute(3, 'IFLA_GRE_OFLAGS', be16),
    ikey: attribute(4, 'IFLA_GRE_IKEY', tunnelKey),
    okey: attribute(5, 'IFLA_GRE_OKEY', tunnelKey),
    local: attribute(6, 'IFLA_GRE_LOCAL', address),
    remote: attribute(7, 'IFLA_GRE_REMOTE', address),
    /** 0: that of the packet inside. */
    ttl: attribute(8, 'IFLA_GRE_TTL', u8),
    /** 1: that of the packet inside. */
    tos: attribute(9, 'IFLA_GRE_TOS', u8),
    pmtudisc: attribute(10, 'IFLA_GRE_PMTUDISC', bool8),
    encapLimit: attribute(11, 'IFLA_GRE_ENCAP_LIMIT', u8),
    flowinfo: attribute(12, 'IFLA_GRE_FLOWINFO', be32),
    flags: attribute(13, 'IFLA_GRE_FLAGS', ip6TunnelFlags),
    encapType: attribute(14, 'IFLA_GRE_ENCAP_TYPE', encapType),
    encapFlags: attribute(15, 'IFLA_GRE_ENCAP_FLAGS', encapFlags),
    encapSport: attribute(16, 'IFLA_GRE_ENCAP_SPORT', be16),
    encapDport: attribute(17, 'IFLA_GRE_ENCAP_DPORT', be16),
    /** IFLA_GRE_COLLECT_METADATA: the routes say where to, not the link. */
    external: attribute(18, 'IFLA_GRE_COLLECT_METADATA', flag),
    ignoreDf: attribute(19, 'IFLA_GRE_IGNORE_DF', bool8),
    fwmark: attribute(20, 'IFLA_GRE_FWMARK', u32),
    erspanIndex: attribute(21, 'IFLA_GRE_ERSPAN_INDEX', u32),
    erspanVer: attribute(22, 'IFLA_GRE_ERSPAN_VER', u8),
    erspanDir: attribute(23, 'IFLA_GRE_ERSPAN_DIR', enumeration(u8, { 0: 'ingress', 1: 'egress' })),
    erspanHwid: attribute(24, 'IFLA_GRE_ERSPAN_HWID', u16),
  });
}
type Table = ReturnType<typeof greTable>;
type Wire = AttributesOf<Table['specs']>;

/** GRE_*, uapi/linux/if_tunnel.h. */
const KEY = 0x2000;
const SEQ = 0x1000;
const CSUM = 0x8000;

/** Settings of a GRE tunnel, over IPv4 or IPv6, that carries packets or (tap) frames (man 8 ip-link). */
export type Gre = Omit<Wire, 'iflags' | 'oflags' | 'ikey' | 'okey' | 'flowinfo'> &
  Flow & {
    /** The name of the link with `linkIndex`. */
    link?: string;
    /** What packets have to bring, `192.0.2.1` or a number; set() takes it away with `null`. */
    ikey?: string | number | null;
    /** What packets are sent with. */
    okey?: string | number | null;
    iseq?: boolean;
    oseq?: boolean;
    icsum?: boolean;
    ocsum?: boolean;
    /** Bits of the headers' flags that have no field here. */
    iflags?: number;
    oflags?: number;
  };

interface Direction {
  key?: string | number | null | undefined;
  seq?: boolean | undefined;
  csum?: boolean | undefined;
  rest?: number | undefined;
}

function readFlags(flags: number | undefined, key: string | undefined): Direction {
  if (flags === undefined) return {};
  const rest = flags & ~(KEY | SEQ | CSUM);
  return {
    ...((flags & KEY) !== 0 && { key }),
    seq: (flags & SEQ) !== 0,
    csum: (flags & CSUM) !== 0,
    ...(rest !== 0 && { rest }),
  };
}

/** Without any of them nothing is said of the direction. */
function writeFlags({ key, seq, csum, rest }: Direction): { flags?: number; key?: string } {
  if (key === undefined && seq === undefined && csum === undefined && rest === undefined) return {};
  const hasKey = key !== undefined && key !== null;
  return {
    flags: (hasKey ? KEY : 0) | (seq === true ? SEQ : 0) | (csum === true ? CSUM : 0) | (rest ?? 0),
    key: hasKey ? String(key) : '0',
  };
}

/** The fields of `value` that are not undefined, under the names of the direction. */
function named(direction: 'i' | 'o', { key, seq, csum, rest }: Direction): Partial<Gre> {
  return {
    ...(key !== undefined && { [`${direction}key`]: key }),
    ...(seq !== undefined && { [`${direction}seq`]: seq }),
    ...(csum !== undefined && { [`${direction}csum`]: csum }),
    ...(rest !== undefined && { [`${direction}flags`]: rest }),
  };
}

function defineGre(kind: string, address: Codec<string>) {
  return defineKind<Table, Gre>(kind, greTable(address), {
    whole: true,
    // Those with frames inside are listed with no remote as zeros, and refused with them (EINVAL).
    withoutDefaults({ remote, ...rest }) {
      return remote === undefined || isUnspecified(remote) ? rest : { ...rest, remote };
    },
    links: { link: 'linkIndex' },
    fields: ['iseq', 'oseq', 'icsum', 'ocsum', 'tclass', 'flowlabel'],
    hidden: ['flowinfo'],
    fromWire: ({ iflags, oflags, ikey, okey, flowinfo, ...rest }) => ({
      ...rest,
      ...named('i', readFlags(iflags, ikey)),
      ...named('o', readFlags(oflags, okey)),
      ...flowOf(flowinfo),
    }),
    toWire(value) {
      const { ikey, iseq, icsum, iflags, okey, oseq, ocsum, oflags, tclass, flowlabel, ...others } = value;
      const { link: _link, ...rest } = others;
      const input = writeFlags({ key: ikey, seq: iseq, csum: icsum, rest: iflags });
      const output = writeFlags({ key: okey, seq: oseq, csum: ocsum, rest: oflags });
      return {
        ...rest,
        ...(input.flags !== undefined && { iflags: input.flags }),
        ...(input.key !== undefined && { ikey: input.key }),
        ...(output.flags !== undefined && { oflags: output.flags }),
        ...(output.key !== undefined && { okey: output.key }),
        ...flowinfoOf({
          ...(tclass !== undefined && { tclass }),
          ...(flowlabel !== undefined && { flowlabel }),
        }),
      };
    },
  });
}

export const gre = defineGre('gre', ipv4);
export const gretap = defineGre('gretap', ipv4);
export const erspan = defineGre('erspan', ipv4);
export const ip6gre = defineGre('ip6gre', ipv6);
export const ip6gretap = defineGre('ip6gretap', ipv6);
export const ip6erspan = defineGre('ip6erspan', ipv6);
