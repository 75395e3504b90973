/** RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH of AF_BRIDGE: uapi/linux/neighbour.h, man 8 bridge. */

import { InvalidArgumentError } from '../handle/errors.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload, type RawAttribute } from '../netlink/wire/attributes.ts';
import { flagNames } from '../netlink/wire/codec.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { fieldFlags } from './field-flags.ts';
import { NEIGHBOUR_FLAGS, NEIGHBOUR_STATES, ndmsg, neighbourAttributes } from './neighbour-message.ts';
import { type RouteProtocol, refuseUnknownFields } from './route-words.ts';

/** As `bridge` says it; hexadecimal digits for any other state. */
export type FdbState = 'permanent' | 'static' | 'dynamic' | 'stale' | (string & {});
export type FdbFlag = keyof typeof NEIGHBOUR_FLAGS | (string & {});

/** An entry of the forwarding table of a bridge, a VXLAN, or a link that filters by address. man 8 bridge. */
export interface FdbEntry {
  mac: string;
  /** The link that the address is behind. */
  ifindex: number;
  dev?: string;
  vlan?: number;
  /** The VXLAN tunnel's end, its UDP port and VNI, and the VNI that packets came with. */
  dst?: string;
  port?: number;
  vni?: number;
  srcVni?: number;
  /** The link that leads to the tunnel's end. */
  viaIfindex?: number;
  via?: string;
  /** The namespace, by its id here, that `viaIfindex` is in. */
  linkNetnsid?: number;
  /** Id of a nexthop group with the tunnel's ends. */
  nhid?: number;
  /** `permanent`: an address of the host's own. `static`: does not age. `dynamic`: does. `stale`: has. */
  state: FdbState;
  /** `self`: the link's own table, `master`: that of its bridge; `router`, `extern_learn`, `sticky`, `offload`, ... */
  flags: FdbFlag[];
  /** The bridge in whose table it is. */
  masterIndex?: number;
  master?: string;
  protocol?: RouteProtocol;
  /** Activity is to be told (FDB_NOTIFY_BIT, 1), or was and is no more (FDB_NOTIFY_INACTIVE_BIT, 2). */
  activityNotify?: number;
  /** Writing the entry does not count as activity. */
  dontRefresh?: boolean;
  /** How long ago, in hundredths of a second: last use, last change. */
  used?: number;
  updated?: number;
  confirmed?: number;
  refcnt?: number;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What `add`, `append`, `replace` and `del` take: an {@link FdbEntry} as it was listed, or less. */
export interface FdbInput extends Partial<FdbEntry> {
  mac: string;
}

const { PERMANENT, NOARP, REACHABLE, STALE } = NEIGHBOUR_STATES;

function stateWord(bits: number): FdbState {
  if ((bits & PERMANENT) !== 0) return 'permanent';
  if ((bits & NOARP) !== 0) return 'static';
  if ((bits & STALE) !== 0) return 'stale';
  if ((bits & REACHABLE) !== 0) return 'dynamic';
  return `0x${bits.toString(16)}`;
}

/** What says a state to the drivers of all kinds: VXLAN wants PERMANENT or REACHABLE, bridges look at NOARP. */
const STATE_BITS: Readonly<Record<string, number>> = {
  permanent: NOARP | PERMANENT,
  static: NOARP | REACHABLE,
  dynamic: REACHABLE,
  // A bridge tells of it only; written it is an entry that ages.
  stale: REACHABLE,
};

export function decodeFdb(payload: Uint8Array): FdbEntry {
  const view = new WireView(payload);
  const header = ndmsg.decodeAt(view, 0);
  const wire = neighbourAttributes.decode(view, ndmsg.size, view.length);
  const { lladdr, cacheinfo, fdb, flagsExt, vlan, dst, port, vni, srcVni, viaIfindex, raw } = wire;
  const { linkNetnsid, nhid, masterIndex, protocol } = wire;
  return {
    mac: lladdr ?? '',
    ifindex: header.ifindex,
    // 0 is no VLAN: drivers other than bridges say it so.
    ...defined({ vlan: vlan || undefined, dst, port, vni, srcVni, viaIfindex, linkNetnsid, nhid }),
    state: stateWord(header.state),
    flags: flagNames(header.flags + (flagsExt ?? 0) * 0x100, NEIGHBOUR_FLAGS),
    ...defined({ masterIndex, protocol }),
    ...defined({ activityNotify: fdb?.activityNotify, dontRefresh: fdb?.dontRefresh }),
    ...defined({
      used: cacheinfo?.used,
      updated: cacheinfo?.updated,
      confirmed: cacheinfo?.confirmed,
      refcnt: cacheinfo?.refcnt,
      raw,
    }),
  };
}

const FIELDS: ReadonlySet<string> = new Set<keyof FdbEntry>([
  'mac',
  'ifindex',
  'dev',
  'vlan',
  'dst',
  'port',
  'vni',
  'srcVni',
  'viaIfindex',
  'via',
  'linkNetnsid',
  'nhid',
  'state',
  'flags',
  'masterIndex',
  'master',
  'protocol',
  'activityNotify',
  'dontRefresh',
  'used',
  'updated',
  'confirmed',
  'refcnt',
  'raw',
]);
const HINTS = {
  lladdr: 'the address as mac',
  address: 'the address as mac',
  to: 'the address as mac',
  vid: 'it as vlan',
  src_vni: 'it as srcVni',
  self: "flags: ['self']",
  br: 'the bridge as master',
} as const;

const MAC = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

export function checkFdbInput(input: FdbInput): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'fdb');
  const { mac, flags, nhid } = input;
  if (typeof mac !== 'string' || !MAC.test(mac))
    throw new InvalidArgumentError(
      'mac',
      mac,
      mac === undefined ? 'is missing' : 'is no address',
      'six hex octets joined by colons, such as 52:54:00:12:34:56',
    );
  if (flags !== undefined) fieldFlags('flags', flags, NEIGHBOUR_FLAGS);
  if (nhid === undefined) return;
  for (const field of ['dst', 'port', 'vni'] as const) {
    if (input[field] !== undefined)
      throw new InvalidArgumentError(field, input[field], 'excludes nhid', 'one of them');
  }
}

function stateBits(state: FdbState | undefined): number {
  if (state === undefined) return NOARP | PERMANENT;
  const bits = STATE_BITS[state] ?? (/^0x[0-9a-f]{1,4}$/i.test(String(state)) ? Number(state) : undefined);
  if (bits === undefined)
    throw new InvalidArgumentError('state', state, 'is no state', 'permanent, static or dynamic');
  return bits;
}

/** Whose table is meant: said, or that of the bridge that the entry was listed with, or the link's own. */
function tableOf(input: FdbInput, ifindex: number): FdbFlag[] {
  const { flags = [], masterIndex, master } = input;
  if (flags.includes('self') || flags.includes('master')) return [];
  // A bridge's entries for itself have it as their master.
  const own = masterIndex === ifindex || (master !== undefined && master === input.dev);
  return own || (masterIndex === undefined && master === undefined) ? ['self'] : ['master'];
}

/** Flags that the kernel only tells. */
const TOLD: readonly string[] = ['offload', 'locked'];
const EXT_SHIFT = 8;

/** The payload of RTM_NEWNEIGH: without ages, which the kernel counts by itself. */
export function encodeFdb(input: FdbInput, ifindex: number): Uint8Array {
  checkFdbInput(input);
  const { mac, vlan, dst, port, vni, srcVni, viaIfindex, linkNetnsid, nhid, protocol, raw } = input;
  const { activityNotify, dontRefresh } = input;
  const fdb = defined({ activityNotify, dontRefresh });
  const words = [...(input.flags ?? []), ...tableOf(input, ifindex)].filter((word) => !TOLD.includes(word));
  const flags = fieldFlags('flags', words, NEIGHBOUR_FLAGS);
  const flagsExt = flags >>> EXT_SHIFT;
  return encodePayload((writer) => {
    ndmsg.encode(writer, { family: AF.bridge, ifindex, state: stateBits(input.state), flags: flags & 0xff });
    neighbourAttributes.encode(writer, {
      ...defined({ dst, lladdr: mac, vlan, port, vni, srcVni, viaIfindex, linkNetnsid, nhid, protocol, raw }),
      ...(Object.keys(fdb).length === 0 ? {} : { fdb }),
      ...(flagsExt === 0 ? {} : { flagsExt }),
    });
  });
}

/** The payload of RTM_DELNEIGH: what tells the entry from others, and the state, which links without a table check. */
export function encodeFdbKey(input: FdbInput, ifindex: number): Uint8Array {
  checkFdbInput(input);
  const { mac, vlan, dst, port, vni, srcVni, viaIfindex, nhid } = input;
  const asked = (input.flags ?? []).filter((word) => word === 'self' || word === 'master');
  const flags = fieldFlags('flags', [...asked, ...tableOf(input, ifindex)], NEIGHBOUR_FLAGS);
  return encodePayload((writer) => {
    ndmsg.encode(writer, { family: AF.bridge, ifindex, state: stateBits(input.state), flags });
    neighbourAttributes.encode(
      writer,
      defined({ dst, lladdr: mac, vlan, port, vni, srcVni, viaIfindex, nhid }),
    );
  });
}

/** What a lookup needs: one entry of a link's table, or of a bridge's. */
export function encodeFdbGet(input: FdbInput, ifindex: number, bridge: number): Uint8Array {
  checkFdbInput(input);
  const { mac, vlan, vni } = input;
  const asked = (input.flags ?? []).filter((word) => word === 'self' || word === 'master');
  // Without a link only the bridge's table can be meant.
  const words = ifindex === 0 ? asked : [...asked, ...tableOf(input, ifindex)];
  return encodePayload((writer) => {
    ndmsg.encode(writer, {
      family: AF.bridge,
      ifindex,
      flags: fieldFlags('flags', words, NEIGHBOUR_FLAGS),
    });
    neighbourAttributes.encode(writer, {
      ...defined({ lladdr: mac, vlan, vni }),
      ...(bridge === 0 ? {} : { masterIndex: bridge }),
    });
  });
}
