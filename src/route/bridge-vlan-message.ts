/** RTM_NEWVLAN, RTM_DELVLAN, RTM_GETVLAN: uapi/linux/if_bridge.h, man 8 bridge. */

import { InvalidArgumentError } from '../handle/errors.ts';
import { AF } from '../netlink/wire/address.ts';
import {
  type AttributesOf,
  attribute,
  attributeTable,
  encodePayload,
  nest,
  type RawAttribute,
  repeatedNest,
} from '../netlink/wire/attributes.ts';
import { bool8, enumeration, flagNames, reserved, u8, u16, u32, u64 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { vlanBits } from './bridge-port-message.ts';
import {
  type BridgeVlanGlobal,
  GLOBAL_FIELDS,
  globalFromWire,
  globalOptions,
  globalToWire,
  type VlanGlobalOptions,
} from './bridge-vlan-global.ts';
import { type BridgeVlanFlag, VLAN_FLAGS, VLAN_INFO, VLAN_MAX, type VlanRange } from './bridge-vlan-range.ts';
import { defined } from './defined.ts';
import { PORT_STATES } from './kinds/bridge-port.ts';
import { ownPath } from './own-path.ts';
import { refuseUnknownFields } from './route-words.ts';

/** Packets and bytes of a VLAN on a port. */
export interface BridgeVlanStats {
  rxBytes: bigint;
  rxPackets: bigint;
  txBytes: bigint;
  txPackets: bigint;
}

/** A VLAN of a port, or several in a row that are alike. man 8 bridge. */
export interface BridgeVlan extends VlanRange {
  /** The port, or the bridge itself. */
  ifindex: number;
  dev?: string;
  /** `pvid`: of packets without a tag that come in; `untagged`: packets go out without. */
  flags: BridgeVlanFlag[];
  /** The tunnel (VNI) that the VLAN goes through; those after it in a row go through the next ones. */
  tunnelId?: number;
  state?: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking' | (string & {});
  /** 0 never, 1 as learned, 2 always forwards multicast here. */
  mcastRouter?: number;
  mcastNGroups?: number;
  /** 0: no limit. */
  mcastMaxGroups?: number;
  neighSuppress?: boolean;
  /** Gratuitous ARPs and unsolicited advertisements pass even where neighbours are suppressed. */
  neighForwardGrat?: boolean;
  stats?: BridgeVlanStats;
  raw?: RawAttribute[];
}

/** struct br_vlan_msg. */
export const brVlanMsg = struct('br_vlan_msg', { family: u8, reserved: reserved(3), ifindex: u32 });

/** BRIDGE_VLANDB_TINFO_CMD takes the types of messages. */
const SET_TUNNEL = 19;
const DELETE_TUNNEL = 17;

const entryAttributes = attributeTable('BRIDGE_VLANDB_ENTRY', {
  info: attribute(1, 'BRIDGE_VLANDB_ENTRY_INFO', struct('bridge_vlan_info', { flags: u16, vid: u16 })),
  range: attribute(2, 'BRIDGE_VLANDB_ENTRY_RANGE', u16),
  state: attribute(3, 'BRIDGE_VLANDB_ENTRY_STATE', enumeration(u8, PORT_STATES)),
  tunnel: nest(
    4,
    'BRIDGE_VLANDB_ENTRY_TUNNEL_INFO',
    attributeTable('BRIDGE_VLANDB_TINFO', {
      id: attribute(1, 'BRIDGE_VLANDB_TINFO_ID', u32),
      command: attribute(2, 'BRIDGE_VLANDB_TINFO_CMD', u32),
    }),
  ),
  stats: nest(
    5,
    'BRIDGE_VLANDB_ENTRY_STATS',
    attributeTable('BRIDGE_VLANDB_STATS', {
      rxBytes: attribute(1, 'BRIDGE_VLANDB_STATS_RX_BYTES', u64),
      rxPackets: attribute(2, 'BRIDGE_VLANDB_STATS_RX_PACKETS', u64),
      txBytes: attribute(3, 'BRIDGE_VLANDB_STATS_TX_BYTES', u64),
      txPackets: attribute(4, 'BRIDGE_VLANDB_STATS_TX_PACKETS', u64),
    }),
  ),
  mcastRouter: attribute(6, 'BRIDGE_VLANDB_ENTRY_MCAST_ROUTER', u8),
  mcastNGroups: attribute(7, 'BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS', u32),
  mcastMaxGroups: attribute(8, 'BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS', u32),
  neighSuppress: attribute(9, 'BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS', bool8),
  neighForwardGrat: attribute(10, 'BRIDGE_VLANDB_ENTRY_NEIGH_FORWARD_GRAT', bool8),
});
type WireEntry = AttributesOf<(typeof entryAttributes)['specs']>;

export const bridgeVlanAttributes = attributeTable('BRIDGE_VLANDB', {
  entries: repeatedNest(1, 'BRIDGE_VLANDB_ENTRY', entryAttributes),
  global: repeatedNest(2, 'BRIDGE_VLANDB_GLOBAL_OPTIONS', globalOptions),
});

/** What a message tells: of VLANs of a port or, if it was asked for that, of the bridge as a whole. */
export function decodeBridgeVlans(payload: Uint8Array): (BridgeVlan | BridgeVlanGlobal)[] {
  const view = new WireView(payload);
  const { ifindex } = brVlanMsg.decodeAt(view, 0);
  const { entries = [], global = [] } = bridgeVlanAttributes.decode(view, brVlanMsg.size, view.length);
  return [
    ...entries.map((entry) => vlanFromWire(ifindex, entry)),
    ...global.map((options) => globalFromWire(ifindex, options)),
  ];
}

function vlanFromWire(ifindex: number, wire: WireEntry): BridgeVlan {
  const { info: { flags = 0, vid = 0 } = {}, range, tunnel, stats, ...rest } = wire;
  const { rxBytes = 0n, rxPackets = 0n, txBytes = 0n, txPackets = 0n } = stats ?? {};
  return {
    ifindex,
    vid,
    ...(range === undefined || range === vid ? {} : { vidEnd: range }),
    flags: flagNames(flags, VLAN_FLAGS),
    ...defined({ tunnelId: tunnel?.id }),
    ...rest,
    ...(stats === undefined ? {} : { stats: { rxBytes, rxPackets, txBytes, txPackets } }),
  };
}

/** BRIDGE_VLANDB_DUMP_FLAGS and its bits. */
const dumpAttributes = attributeTable('BRIDGE_VLANDB_DUMP', {
  flags: attribute(1, 'BRIDGE_VLANDB_DUMP_FLAGS', u32),
});
export const VLAN_DUMP = { stats: 1, global: 2 } as const;

export function encodeVlanDump(ifindex: number, flags: number): Uint8Array {
  return encodePayload((writer) => {
    brVlanMsg.encode(writer, { family: AF.bridge, ifindex });
    if (flags !== 0) dumpAttributes.encode(writer, { flags });
  });
}

const FIELDS: ReadonlySet<string> = new Set([
  ...['ifindex', 'dev', 'vid', 'vidEnd', 'flags', 'tunnelId', 'state', 'mcastRouter', 'mcastNGroups'],
  ...['mcastMaxGroups', 'neighSuppress', 'neighForwardGrat', 'stats', 'raw', 'command', 'global'],
]);
const HINTS = {
  vlan: 'it as vid',
  tunnel: 'its id as tunnelId',
  pvid: "flags: ['pvid']",
  untagged: "flags: ['untagged']",
  self: "command: 'self'",
  master: "command: 'master'",
} as const;

/** What `add`, `set` and `del` take, less the link. */
export interface VlanChange extends VlanRange {
  flags?: BridgeVlanFlag[];
  /** null: none any more. */
  tunnelId?: number | null;
  state?: BridgeVlan['state'];
  mcastRouter?: number;
  mcastMaxGroups?: number;
  neighSuppress?: boolean;
  neighForwardGrat?: boolean;
  raw?: RawAttribute[];
}

export function checkVlan(
  vlan: VlanRange & { global?: VlanGlobalOptions; flags?: unknown; tunnelId?: number | null },
): void {
  refuseUnknownFields(vlan, FIELDS, HINTS, '', 'bridgeVlan');
  const { vid, vidEnd, global, flags = [], tunnelId } = vlan;
  if (!isVid(vid))
    throw new InvalidArgumentError('vid', vid, 'is no VLAN', `an integer from 1 to ${VLAN_MAX - 1}`);
  if (vidEnd !== undefined && !(isVid(vidEnd) && vidEnd >= vid))
    throw new InvalidArgumentError('vidEnd', vidEnd, 'ends no range', `an integer from ${vid} on`);
  if (!Array.isArray(flags)) throw new InvalidArgumentError('flags', flags, 'is no list', 'a list of words');
  if ((vidEnd ?? vid) !== vid && flags.includes('pvid'))
    throw new InvalidArgumentError('flags', flags, 'make several VLANs the one that is', 'pvid to one VLAN');
  if (
    tunnelId !== undefined &&
    tunnelId !== null &&
    !(Number.isInteger(tunnelId) && tunnelId >= 0 && tunnelId < 1 << 24)
  )
    throw new InvalidArgumentError('tunnelId', tunnelId, 'is no tunnel', 'an integer of 24 bits');
  if (global !== undefined) refuseUnknownFields(global, GLOBAL_FIELDS, {}, 'global.');
}

function isVid(vid: unknown): boolean {
  return typeof vid === 'number' && Number.isInteger(vid) && vid > 0 && vid < VLAN_MAX;
}

/** The payload of RTM_NEWVLAN and RTM_DELVLAN. `only`: the VLAN is there, and its flags stay. */
export function encodeVlan(ifindex: number, vlan: VlanChange, only: 'key' | 'options' | 'all'): Uint8Array {
  const { vid, vidEnd, flags = [], tunnelId, state, mcastRouter, mcastMaxGroups, raw } = vlan;
  const { neighSuppress, neighForwardGrat } = vlan;
  return encodePayload((writer) => {
    brVlanMsg.encode(writer, { family: AF.bridge, ifindex });
    const bits = only === 'options' ? VLAN_INFO.onlyOpts : only === 'all' ? vlanBits(flags) : 0;
    const tunnel = tunnelId === null ? { command: DELETE_TUNNEL } : { id: tunnelId, command: SET_TUNNEL };
    ownPath(['entries', 'info'], () =>
      bridgeVlanAttributes.encode(writer, {
        entries: [
          {
            info: { flags: bits, vid },
            ...(vidEnd === undefined || vidEnd === vid ? {} : { range: vidEnd }),
            ...(only === 'key'
              ? {}
              : {
                  ...defined({ state, mcastRouter, mcastMaxGroups, neighSuppress, neighForwardGrat, raw }),
                  ...(tunnelId === undefined ? {} : { tunnel: defined(tunnel) }),
                }),
          },
        ],
      }),
    );
  });
}

/** The payload of RTM_NEWVLAN for the bridge as a whole. */
export function encodeVlanGlobal(
  ifindex: number,
  vlan: VlanRange & { global: VlanGlobalOptions },
): Uint8Array {
  return encodePayload((writer) => {
    brVlanMsg.encode(writer, { family: AF.bridge, ifindex });
    bridgeVlanAttributes.encode(writer, { global: [globalToWire(vlan)] });
  });
}
