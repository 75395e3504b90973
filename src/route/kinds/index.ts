import { type Amt, amt } from './amt.ts';
import { type Bareudp, bareudp } from './bareudp.ts';
import { type Batadv, batadv } from './batadv.ts';
import { type Bond, bond } from './bond.ts';
import { type BondPort, bondPort } from './bond-port.ts';
import { type Bridge, bridge } from './bridge.ts';
import { type BridgePort, bridgePort } from './bridge-port.ts';
import { type Can, can } from './can.ts';
import { type Dsa, dsa } from './dsa.ts';
import { type Geneve, geneve } from './geneve.ts';
import { erspan, type Gre, gre, gretap, ip6erspan, ip6gre, ip6gretap } from './gre.ts';
import { type Gtp, gtp } from './gtp.ts';
import { type Hsr, hsr } from './hsr.ts';
import { type Ip6Tunnel, type IpTunnel, ip6tnl, ipip, sit } from './ip-tunnel.ts';
import { type Ipoib, ipoib } from './ipoib.ts';
import { type Ipvlan, ipvlan, ipvtap } from './ipvlan.ts';
import type { Kind } from './kind.ts';
import { type Macsec, macsec } from './macsec.ts';
import { type Macvlan, macvlan, macvtap } from './macvlan.ts';
import { type Netkit, netkit } from './netkit.ts';
import { type Rmnet, rmnet } from './rmnet.ts';
import { type Tun, tun } from './tun.ts';
import { type Vlan, vlan } from './vlan.ts';
import { type Vrf, vrf, vrfPort } from './vrf.ts';
import { type Vti, vti, vti6 } from './vti.ts';
import { type Vxlan, vxlan } from './vxlan.ts';
import { type Wwan, wwan } from './wwan.ts';
import { type Xfrm, xfrm } from './xfrm.ts';

export type { Amt } from './amt.ts';
export type { Bareudp } from './bareudp.ts';
export type { Batadv } from './batadv.ts';
export type { Bond } from './bond.ts';
export type { BondPort } from './bond-port.ts';
export type { Bridge } from './bridge.ts';
export type { BridgePort } from './bridge-port.ts';
export type { Can } from './can.ts';
export type { Dsa } from './dsa.ts';
export type { Geneve } from './geneve.ts';
export type { Gre } from './gre.ts';
export type { Gtp } from './gtp.ts';
export type { Hsr } from './hsr.ts';
export type { Ip6Tunnel, IpTunnel } from './ip-tunnel.ts';
export type { Ipoib } from './ipoib.ts';
export type { Ipvlan } from './ipvlan.ts';
export type { Kind } from './kind.ts';
export type { Macsec } from './macsec.ts';
export type { Macvlan } from './macvlan.ts';
export type { Netkit } from './netkit.ts';
export type { Rmnet } from './rmnet.ts';
export type { Tun } from './tun.ts';
export type { QosMapping, Vlan } from './vlan.ts';
export type { Vrf } from './vrf.ts';
export type { Vti } from './vti.ts';
export type { Vxlan } from './vxlan.ts';
export type { Wwan } from './wwan.ts';
export type { Xfrm } from './xfrm.ts';

/** What a link has under the name of its kind: `{ kind: 'vxlan', vxlan: { id: 42 } }`. Other kinds have no data. */
export interface KindData {
  amt?: Amt;
  bareudp?: Bareudp;
  batadv?: Batadv;
  bond?: Bond;
  bridge?: Bridge;
  can?: Can;
  dsa?: Dsa;
  geneve?: Geneve;
  gre?: Gre;
  gretap?: Gre;
  erspan?: Gre;
  ip6gre?: Gre;
  ip6gretap?: Gre;
  ip6erspan?: Gre;
  gtp?: Gtp;
  hsr?: Hsr;
  ip6tnl?: Ip6Tunnel;
  ipip?: IpTunnel;
  sit?: IpTunnel;
  ipoib?: Ipoib;
  ipvlan?: Ipvlan;
  ipvtap?: Ipvlan;
  macsec?: Macsec;
  macvlan?: Macvlan;
  macvtap?: Macvlan;
  netkit?: Netkit;
  rmnet?: Rmnet;
  tun?: Tun;
  vlan?: Vlan;
  vrf?: Vrf;
  vti?: Vti;
  vti6?: Vti;
  vxlan?: Vxlan;
  wwan?: Wwan;
  xfrm?: Xfrm;
}

/** What a link has as the port of its master. */
export interface PortData {
  bridgePort?: BridgePort;
  bondPort?: BondPort;
  /** The routing table that the port is in by its master. */
  vrfPort?: Vrf;
}

/** Kinds with attributes of their own, by IFLA_INFO_KIND. A new kind is one file and one line here and above. */
export const KINDS: { readonly [K in keyof Required<KindData>]: Kind<Required<KindData>[K]> } = {
  amt,
  bareudp,
  batadv,
  bond,
  bridge,
  can,
  dsa,
  geneve,
  gre,
  gretap,
  erspan,
  ip6gre,
  ip6gretap,
  ip6erspan,
  gtp,
  hsr,
  ip6tnl,
  ipip,
  sit,
  ipoib,
  ipvlan,
  ipvtap,
  macsec,
  macvlan,
  macvtap,
  netkit,
  rmnet,
  tun,
  vlan,
  vrf,
  vti,
  vti6,
  vxlan,
  wwan,
  xfrm,
};

export const KIND_FIELDS = Object.keys(KINDS) as (keyof KindData)[];

/** Kinds of ports, by the field they have in a link; `kind` is the master's. */
export const PORT_KINDS: { readonly [K in keyof Required<PortData>]: Kind<Required<PortData>[K]> } = {
  bridgePort,
  bondPort,
  vrfPort,
};

export const PORT_FIELDS = Object.keys(PORT_KINDS) as (keyof PortData)[];

/** Kinds of links that come in pairs: what `peer` and, in a listed link, `link` mean. */
export const PAIRED: ReadonlySet<string> = new Set(['veth', 'vxcan', 'netkit']);

/** `kind` of a link as a field of {@link KindData}. */
export function kindField(kind: string): keyof KindData | undefined {
  return Object.hasOwn(KINDS, kind) ? (kind as keyof KindData) : undefined;
}

/** `portKind` of a link as a field of {@link PortData}. */
export function portField(portKind: string): keyof PortData | undefined {
  const field = `${portKind}Port`;
  return Object.hasOwn(PORT_KINDS, field) ? (field as keyof PortData) : undefined;
}
