import fc from 'fast-check';
import type { AttributeSpec, NamingTable } from '../../src/netlink/wire/attributes.ts';
import { writeAttribute } from '../../src/netlink/wire/attributes.ts';
import { bool8 } from '../../src/netlink/wire/codec.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';
import type { KindData, PortData } from '../../src/route/kinds/index.ts';
import { clock } from '../../src/route/kinds/kind.ts';
import { linkTypeNumber } from '../../src/route/link-words.ts';

/** Messages about links of any kind, with attributes at random: for what no kernel at hand would tell. */

/** How `ip` 6.1 and the kernel use an attribute where random bytes would be none of its values. */
interface Layout {
  /** Of each attribute, by kernel name: bytes instead of random ones of the codec's size. */
  readonly values?: Readonly<Record<string, fc.Arbitrary<Uint8Array>>>;
  /** Attributes that `ip` expects: without them it reads from nowhere. */
  readonly always?: readonly string[];
}

export const bytes = (length: number) =>
  fc.oneof(
    fc.uint8Array({ minLength: length, maxLength: length }),
    // Small numbers, in either order of bytes: enumerations, indexes of links that are there.
    fc.tuple(fc.nat(9), fc.boolean()).map(([value, big]) => {
      const out = new Uint8Array(length);
      out[big ? length - 1 : 0] = value;
      return out;
    }),
  );
const list = (item: fc.Arbitrary<Uint8Array>, most: number) =>
  fc.array(item, { minLength: 1, maxLength: most });
export const hexes = (...values: string[]) =>
  fc.constantFrom(...values.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))));
export const nestOf = (attributes: fc.Arbitrary<(readonly [number, Uint8Array])[]>) =>
  attributes.map((given) => {
    const writer = new WireWriter();
    for (const [type, value] of given) writeAttribute(writer, type, false, () => writer.raw(value));
    return Uint8Array.from(writer.bytes);
  });
const numbered = (item: fc.Arbitrary<Uint8Array>) =>
  nestOf(list(item, 16).map((items) => items.map((one, i) => [i, one] as const)));
export const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const encap = ['ENCAP_TYPE', 'ENCAP_FLAGS', 'ENCAP_SPORT', 'ENCAP_DPORT'];

const IPTUN: Layout = {
  always: [
    ...encap.map((name) => `IFLA_IPTUN_${name}`),
    'IFLA_IPTUN_6RD_PREFIX',
    'IFLA_IPTUN_6RD_RELAY_PREFIX',
    'IFLA_IPTUN_6RD_PREFIXLEN',
    'IFLA_IPTUN_6RD_RELAY_PREFIXLEN',
  ],
};
const GRE: Layout = { always: encap.map((name) => `IFLA_GRE_${name}`) };

const MACVLAN: Layout = {
  values: {
    IFLA_MACVLAN_MACADDR: mac,
    IFLA_MACVLAN_MACADDR_DATA: nestOf(list(mac, 5).map((all) => all.map((one) => [4, one]))),
  },
};
/** CAN_CTRLMODE_*: bits that `ip` 6.1 has words for. */
const modes = (count: number) =>
  fc
    .array(fc.nat(0x7ff), { minLength: count, maxLength: count })
    .map((all) => Uint8Array.from(new Uint8Array(Uint32Array.from(all).buffer)));
/** A sample point is below 1, in thousandths. */
const timing = fc
  .tuple(bytes(4), fc.nat(999), bytes(24))
  .map(([bitrate, point, rest]) =>
    Uint8Array.from([...bitrate, ...new Uint8Array(Uint32Array.of(point).buffer), ...rest]),
  );
const controller = bytes(32).map((rest) =>
  Uint8Array.from([...Buffer.from('flexcan'.padEnd(16, '\0')), ...rest]),
);
const mappings = nestOf(list(bytes(8), 4).map((all) => all.map((one) => [1, one])));

/** Every kind; those that this kernel has are shown to `ip` in other tests as well. */
export const KIND_LAYOUTS: { readonly [K in keyof KindData]-?: Layout } = {
  amt: { values: { IFLA_AMT_MODE: hexes('00000000', '01000000') } },
  bareudp: { values: { IFLA_BAREUDP_ETHERTYPE: hexes('0800', '86dd', '8847', '8848') } },
  bond: {
    values: {
      IFLA_BOND_ARP_IP_TARGET: numbered(bytes(4)),
      IFLA_BOND_NS_IP6_TARGET: numbered(bytes(16)),
      IFLA_BOND_AD_ACTOR_SYSTEM: mac,
      IFLA_BOND_AD_INFO: nestOf(
        fc.tuple(bytes(2), bytes(2), bytes(2), bytes(2), mac).map((all) => all.map((one, i) => [i + 1, one])),
      ),
    },
  },
  batadv: { values: { IFLA_BATADV_ALGO_NAME: hexes('4241544d414e5f5600') } },
  bridge: {
    values: {
      IFLA_BR_VLAN_PROTOCOL: hexes('8100', '88a8'),
      IFLA_BR_ROOT_ID: bytes(8),
      IFLA_BR_BRIDGE_ID: bytes(8),
      IFLA_BR_GROUP_ADDR: mac,
      IFLA_BR_MCAST_QUERIER_STATE: nestOf(
        fc.tuple(bytes(4), bytes(4)).map((all) => all.map((one, i) => [i + 1, one])),
      ),
    },
    // It is what `ip` spells the root's id with.
    always: ['IFLA_BR_BRIDGE_ID'],
  },
  can: {
    values: {
      IFLA_CAN_CTRLMODE: modes(2),
      IFLA_CAN_BITTIMING: timing,
      IFLA_CAN_DATA_BITTIMING: timing,
      IFLA_CAN_BITTIMING_CONST: controller,
      IFLA_CAN_DATA_BITTIMING_CONST: controller,
      IFLA_CAN_TERMINATION_CONST: list(bytes(2), 4).map((all) => Uint8Array.from(Buffer.concat(all))),
      IFLA_CAN_BITRATE_CONST: list(bytes(4), 9).map((all) => Uint8Array.from(Buffer.concat(all))),
      IFLA_CAN_DATA_BITRATE_CONST: list(bytes(4), 9).map((all) => Uint8Array.from(Buffer.concat(all))),
      IFLA_CAN_TDC: nestOf(
        fc
          .tuple(...Array.from({ length: 9 }, () => fc.option(bytes(4), { nil: undefined })))
          .map((all) => all.flatMap((one, i) => (one === undefined ? [] : [[i + 1, one] as const]))),
      ),
      IFLA_CAN_CTRLMODE_EXT: nestOf(modes(1).map((one) => [[1, one] as const])),
    },
  },
  dsa: {},
  erspan: GRE,
  geneve: {},
  gre: GRE,
  gretap: GRE,
  gtp: {},
  hsr: { values: { IFLA_HSR_SUPERVISION_ADDR: mac } },
  ip6erspan: GRE,
  ip6gre: GRE,
  ip6gretap: GRE,
  ip6tnl: IPTUN,
  ipip: IPTUN,
  ipoib: {},
  ipvlan: {},
  ipvtap: {},
  macsec: {
    values: { IFLA_MACSEC_CIPHER_SUITE: hexes('010000010000c280', '01000001c2800000', '0400000100c28000') },
  },
  macvlan: MACVLAN,
  macvtap: MACVLAN,
  netkit: {},
  rmnet: {},
  sit: IPTUN,
  tun: {
    values: { IFLA_TUN_OWNER: hexes('00000000', '39300000'), IFLA_TUN_GROUP: hexes('00000000', '39300000') },
  },
  vlan: {
    values: {
      IFLA_VLAN_PROTOCOL: hexes('8100', '88a8'),
      IFLA_VLAN_EGRESS_QOS: mappings,
      IFLA_VLAN_INGRESS_QOS: mappings,
    },
  },
  vrf: {},
  vti: {},
  vti6: {},
  vxlan: { values: { IFLA_VXLAN_RESERVED_BITS: bytes(8) } },
  wwan: {},
  xfrm: {},
};

export const PORT_LAYOUTS: { readonly [K in keyof PortData]-?: Layout } = {
  bridgePort: { values: { IFLA_BRPORT_ROOT_ID: bytes(8), IFLA_BRPORT_BRIDGE_ID: bytes(8) } },
  bondPort: { values: { IFLA_BOND_SLAVE_PERM_HWADDR: mac } },
  vrfPort: {},
};

/** Attributes of a table: each of them, or not, with values that its codec can hold. */
export function attributesFor(
  table: NamingTable,
  { values = {}, always = [] }: Layout,
): fc.Arbitrary<Uint8Array> {
  const specs: readonly AttributeSpec<unknown>[] = Object.values(table.specs);
  return nestOf(
    fc
      .tuple(
        ...specs.map(({ type, name, codec }) => {
          const size = codec.size;
          if (values[name] === undefined && size === undefined) throw new TypeError(`${name} needs a layout`);
          // A clock of the kernel's stays far below what a double can tell apart.
          const time = bytes(4).map((one) => Uint8Array.from([...one, 0, 0, 0, 0]));
          const plain = codec === bool8 ? hexes('00', '01') : codec === clock ? time : bytes(size ?? 0);
          const value = (values[name] ?? plain).map((one) => [type, one] as const);
          return always.includes(name) ? value : fc.option(value, { nil: undefined, freq: 4 });
        }),
      )
      .map((all) => all.filter((one) => one !== undefined)),
  );
}

interface Crafted {
  readonly ifindex: number;
  readonly type: string;
  readonly kind?: string;
  readonly data?: Uint8Array;
  readonly xstats?: Uint8Array;
  readonly portKind?: string;
  readonly portData?: Uint8Array;
  /** More attributes of the link. */
  readonly extra?: readonly (readonly [number, Uint8Array])[];
}

const IFLA = { ifname: 3, txqlen: 13, linkinfo: 18 } as const;

export function message({
  ifindex,
  type,
  kind,
  data,
  xstats,
  portKind,
  portData,
  extra,
}: Crafted): Uint8Array {
  const writer = new WireWriter();
  writer.u16(0);
  writer.u16(linkTypeNumber(type) ?? 0);
  writer.s32(ifindex);
  writer.u32(0x1043);
  writer.u32(0);
  const text = (value: string) => () => writer.raw(Buffer.from(`${value}\0`));
  writeAttribute(writer, IFLA.ifname, false, text(`link${ifindex}`));
  // Without it `ip` would ask the kernel.
  writeAttribute(writer, IFLA.txqlen, false, () => writer.u32(ifindex));
  const info = kind !== undefined || portKind !== undefined;
  const writeInfo = () => {
    if (kind !== undefined) writeAttribute(writer, 1, false, text(kind));
    if (data !== undefined) writeAttribute(writer, 2, true, () => writer.raw(data));
    if (xstats !== undefined) writeAttribute(writer, 3, false, () => writer.raw(xstats));
    if (portKind !== undefined) writeAttribute(writer, 4, false, text(portKind));
    if (portData !== undefined) writeAttribute(writer, 5, true, () => writer.raw(portData));
  };
  if (info) writeAttribute(writer, IFLA.linkinfo, true, writeInfo);
  for (const [type, value] of extra ?? []) writeAttribute(writer, type, false, () => writer.raw(value));
  return Uint8Array.from(writer.bytes);
}
