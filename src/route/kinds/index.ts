import { type Bridge, bridge } from './bridge.ts';
import { type BridgePort, bridgePort } from './bridge-port.ts';
import type { Kind } from './kind.ts';
import { type Macvlan, macvlan, macvtap } from './macvlan.ts';
import { type Tun, tun } from './tun.ts';
import { type Vlan, vlan } from './vlan.ts';
import { type Vrf, vrf, vrfPort } from './vrf.ts';
import { type Vxlan, vxlan } from './vxlan.ts';

export type { Bridge } from './bridge.ts';
export type { BridgePort } from './bridge-port.ts';
export type { Kind } from './kind.ts';
export type { Macvlan } from './macvlan.ts';
export type { Tun } from './tun.ts';
export type { QosMapping, Vlan } from './vlan.ts';
export type { Vrf } from './vrf.ts';
export type { Vxlan } from './vxlan.ts';

/** What a link has under the name of its kind: `{ kind: 'vxlan', vxlan: { id: 42 } }`. Other kinds have no data. */
export interface KindData {
  bridge?: Bridge;
  vxlan?: Vxlan;
  macvlan?: Macvlan;
  macvtap?: Macvlan;
  tun?: Tun;
  vlan?: Vlan;
  vrf?: Vrf;
}

/** What a link has as the port of its master. */
export interface PortData {
  bridgePort?: BridgePort;
  /** The routing table that the port is in by its master. */
  vrfPort?: Vrf;
}

/** Kinds with attributes of their own, by IFLA_INFO_KIND. A new kind is one file and one line here and above. */
export const KINDS: { readonly [K in keyof Required<KindData>]: Kind<Required<KindData>[K]> } = {
  bridge,
  vxlan,
  macvlan,
  macvtap,
  tun,
  vlan,
  vrf,
};

export const KIND_FIELDS = Object.keys(KINDS) as (keyof KindData)[];

/** Kinds of ports, by the field they have in a link; `kind` is the master's. */
export const PORT_KINDS: { readonly [K in keyof Required<PortData>]: Kind<Required<PortData>[K]> } = {
  bridgePort,
  vrfPort,
};

/** `kind` of a link as a field of {@link KindData}. */
export function kindField(kind: string): keyof KindData | undefined {
  return Object.hasOwn(KINDS, kind) ? (kind as keyof KindData) : undefined;
}

/** `portKind` of a link as a field of {@link PortData}. */
export function portField(portKind: string): keyof PortData | undefined {
  return portKind === 'bridge' ? 'bridgePort' : portKind === 'vrf' ? 'vrfPort' : undefined;
}
