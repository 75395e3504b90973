/** RTM_NEWLINK, RTM_SETLINK, RTM_GETLINK of AF_BRIDGE: uapi/linux/if_link.h, if_bridge.h, man 8 bridge. */

import { AF } from '../netlink/wire/address.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  type RawAttribute,
  repeated,
  repeatedNest,
} from '../netlink/wire/attributes.ts';
import {
  type Codec,
  enumeration,
  flagNames,
  lladdr,
  s32,
  string,
  u8,
  u16,
  u32,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import {
  type BridgeVlanFlag,
  joinRanges,
  VLAN_FLAGS,
  VLAN_INFO,
  type VlanRange,
} from './bridge-vlan-range.ts';
import { defined } from './defined.ts';
import { fieldFlags } from './field-flags.ts';
import { type BridgePort, bridgePort, PORT_STATES } from './kinds/bridge-port.ts';
import { ifinfomsg } from './link-attributes.ts';
import { LINK_FLAGS, type LinkFlag, OPERSTATES } from './link-words.ts';
import { ownPath } from './own-path.ts';

/** BRIDGE_FLAGS_*: whom a change is for, the bridge or the link's own hardware. */
const FOR_WHOM = { master: 1, self: 2 } as const;
export type BridgeCommand = keyof typeof FOR_WHOM;

/** VLANs of a port. */
export interface BridgePortVlan extends VlanRange {
  flags: BridgeVlanFlag[];
}
/** Which tunnels (VNIs) the VLANs of a port go through, in a row. */
export interface BridgePortTunnel extends VlanRange {
  tunnelId: number;
}
/** State of the port in an instance of MSTP. */
export interface BridgePortMst {
  msti: number;
  state: string;
}

/** A port as its bridge sees it. */
export interface BridgePortLink {
  ifindex: number;
  dev?: string;
  flags: LinkFlag[];
  mtu?: number;
  address?: string;
  operstate?: string;
  /** The link that this one sits on, or a veth's other end. */
  linkIndex?: number;
  link?: string;
  linkNetnsid?: number;
  masterIndex?: number;
  master?: string;
  /** Settings and state; absent where a bridge tells of itself. */
  bridgePort?: BridgePort;
  /** How hardware bridges: `veb`, or `vepa`, by way of the switch that it is connected to. */
  mode?: 'veb' | 'vepa' | (string & {});
  vlans?: BridgePortVlan[];
  tunnels?: BridgePortTunnel[];
  mst?: BridgePortMst[];
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

const vlanInfo = struct('bridge_vlan_info', { flags: u16, vid: u16 });

/** IFLA_BRIDGE_*, in IFLA_AF_SPEC. Nests without their mark, as `bridge` writes them. */
const bridgeSpec = attributeTable('IFLA_BRIDGE', {
  flags: attribute(0, 'IFLA_BRIDGE_FLAGS', u16),
  mode: attribute(1, 'IFLA_BRIDGE_MODE', enumeration(u16, { 0: 'veb', 1: 'vepa' })),
  vlans: repeated(2, 'IFLA_BRIDGE_VLAN_INFO', vlanInfo),
  tunnels: repeatedNest(
    3,
    'IFLA_BRIDGE_VLAN_TUNNEL_INFO',
    attributeTable('IFLA_BRIDGE_VLAN_TUNNEL', {
      id: attribute(1, 'IFLA_BRIDGE_VLAN_TUNNEL_ID', u32),
      vid: attribute(2, 'IFLA_BRIDGE_VLAN_TUNNEL_VID', u16),
      flags: attribute(3, 'IFLA_BRIDGE_VLAN_TUNNEL_FLAGS', u16),
    }),
    { mark: false },
  ),
  mst: nest(
    6,
    'IFLA_BRIDGE_MST',
    attributeTable('IFLA_BRIDGE_MST', {
      entries: repeatedNest(
        1,
        'IFLA_BRIDGE_MST_ENTRY',
        attributeTable('IFLA_BRIDGE_MST_ENTRY', {
          msti: attribute(1, 'IFLA_BRIDGE_MST_ENTRY_MSTI', u16),
          state: attribute(2, 'IFLA_BRIDGE_MST_ENTRY_STATE', enumeration(u8, PORT_STATES)),
        }),
      ),
    }),
  ),
});

const protinfo: Codec<BridgePort> = {
  decode: (view, start, end) => bridgePort.decode(view, start, end),
  encode: (writer, value) => bridgePort.encode(writer, value),
};

export const bridgeLinkAttributes = attributeTable('IFLA', {
  address: attribute(1, 'IFLA_ADDRESS', lladdr),
  ifname: attribute(3, 'IFLA_IFNAME', string),
  mtu: attribute(4, 'IFLA_MTU', u32),
  linkIndex: attribute(5, 'IFLA_LINK', u32),
  masterIndex: attribute(10, 'IFLA_MASTER', u32),
  bridgePort: {
    ...attribute(12, 'IFLA_PROTINFO', protinfo),
    table: bridgePort.table,
    nested: true as const,
  },
  operstate: attribute(16, 'IFLA_OPERSTATE', enumeration(u8, OPERSTATES)),
  spec: nest(26, 'IFLA_AF_SPEC', bridgeSpec, { mark: false }),
  extMask: attribute(29, 'IFLA_EXT_MASK', u32),
  linkNetnsid: attribute(37, 'IFLA_LINK_NETNSID', s32),
});

export function decodeBridgePort(payload: Uint8Array): BridgePortLink {
  const view = new WireView(payload);
  const header = ifinfomsg.decodeAt(view, 0);
  const wire = bridgeLinkAttributes.decode(view, ifinfomsg.size, view.length);
  const { ifname, bridgePort: settings, spec = {}, address, mtu, operstate, raw } = wire;
  const { linkIndex, linkNetnsid, masterIndex } = wire;
  const vlans = spec.vlans && joinRanges(spec.vlans.map(wireVlan), vlanOf);
  const tunnels = spec.tunnels && joinRanges(spec.tunnels.filter(isTunnel), tunnelOf);
  const mst = spec.mst?.entries?.map(({ msti = 0, state = 'disabled' }) => ({ msti, state }));
  return {
    ifindex: header.ifindex,
    ...defined({ dev: ifname }),
    flags: flagNames(header.flags, LINK_FLAGS),
    ...defined({ mtu, address, operstate, linkIndex, linkNetnsid, masterIndex, bridgePort: settings }),
    ...defined({ mode: spec.mode, vlans, tunnels, mst, raw }),
  };
}

const NOT_OF_THE_VLAN = ~(VLAN_INFO.rangeBegin | VLAN_INFO.rangeEnd);
type WireVlan = { flags: number; vid: number };
type WireTunnel = { flags: number; vid: number; id: number };

function wireVlan({ flags = 0, vid = 0 }: Partial<WireVlan>): WireVlan {
  return { flags, vid };
}

function vlanOf(first: WireVlan, last: WireVlan): BridgePortVlan {
  const flags = flagNames(last.flags & NOT_OF_THE_VLAN, VLAN_FLAGS);
  return { vid: first.vid, ...(last.vid === first.vid ? {} : { vidEnd: last.vid }), flags };
}

/** Without its VLAN a tunnel says nothing. */
function isTunnel(wire: { flags?: number; vid?: number; id?: number }): wire is WireTunnel {
  wire.flags ??= 0;
  wire.id ??= 0;
  return wire.vid !== undefined;
}

function tunnelOf(first: WireTunnel, last: WireTunnel): BridgePortTunnel {
  return { vid: first.vid, ...(last.vid === first.vid ? {} : { vidEnd: last.vid }), tunnelId: first.id };
}

/** RTEXT_FILTER_*: what a dump is to tell besides. */
export const BRIDGE_DETAILS = { vlans: 1 << 1, compressed: 1 << 2, mst: 1 << 7 } as const;

export function encodeBridgeDump(extMask: number): Uint8Array {
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, { family: AF.bridge });
    if (extMask !== 0) bridgeLinkAttributes.encode(writer, { extMask });
  });
}

type Spec = Parameters<typeof bridgeSpec.encode>[1];

/** A change of a port's settings, the payload of RTM_SETLINK. */
export function encodeBridgePort(
  ifindex: number,
  settings: BridgePort,
  commands: readonly BridgeCommand[],
  { mode, mst }: Pick<BridgePortLink, 'mode' | 'mst'>,
): Uint8Array {
  const spec: Spec = {
    ...commandFlags(commands),
    ...defined({ mode }),
    ...(mst === undefined ? {} : { mst: { entries: mst } }),
  };
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, { family: AF.bridge, ifindex });
    ownPath(['spec'], () =>
      bridgeLinkAttributes.encode(writer, {
        bridgePort: settings,
        ...(Object.keys(spec).length === 0 ? {} : { spec }),
      }),
    );
  });
}

function commandFlags(commands: readonly BridgeCommand[]): { flags?: number } {
  if (commands.length === 0) return {};
  return { flags: commands.reduce((bits, command) => bits | FOR_WHOM[command], 0) };
}

/** VLANs to add to or remove from a port, the payload of RTM_SETLINK and RTM_DELLINK. */
export function encodePortVlans(
  ifindex: number,
  vlan: VlanRange & { flags?: BridgeVlanFlag[]; tunnelId?: number },
  commands: readonly BridgeCommand[],
): Uint8Array {
  const { vid, vidEnd, flags, tunnelId } = vlan;
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, { family: AF.bridge, ifindex });
    const bits = flags === undefined ? 0 : vlanBits(flags);
    const { rangeBegin, rangeEnd } = VLAN_INFO;
    const isRange = vidEnd !== undefined && vidEnd !== vid;
    bridgeLinkAttributes.encode(writer, {
      spec: {
        ...commandFlags(commands),
        // A tunnel alone is one for VLANs that are there: to mention them would change their flags.
        ...(tunnelId !== undefined && flags === undefined
          ? {}
          : {
              vlans: isRange
                ? [
                    { flags: bits | rangeBegin, vid },
                    { flags: bits | rangeEnd, vid: vidEnd },
                  ]
                : [{ flags: bits, vid }],
            }),
        ...(tunnelId === undefined
          ? {}
          : {
              tunnels: isRange
                ? [
                    { id: tunnelId, vid, flags: rangeBegin },
                    { id: tunnelId + vidEnd - vid, vid: vidEnd, flags: rangeEnd },
                  ]
                : [{ id: tunnelId, vid, flags: 0 }],
            }),
      },
    });
  });
}

/** The bits of a VLAN's words. */
export function vlanBits(flags: BridgeVlanFlag[]): number {
  return fieldFlags('flags', flags, VLAN_FLAGS);
}
