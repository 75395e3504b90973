import { InvalidArgumentError } from '../handle/errors.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { flagBits, ValueError } from '../netlink/wire/codec.ts';
import { KIND_FIELDS, KINDS, type Kind, PAIRED, PORT_FIELDS, PORT_KINDS } from './kinds/index.ts';
import { ifinfomsg, linkAttributes } from './link-attributes.ts';
import type { LinkInfoSettings } from './link-info.ts';
import type { LinkWire } from './link-object.ts';
import {
  BIRTH,
  LATER,
  type LinkInput,
  type LinkSettings,
  MOMENTARY,
  type PeerInput,
  PLAIN,
  type Resolved,
  SWITCHES,
} from './link-settings.ts';
import { LINK_FLAGS } from './link-words.ts';

/** What of a listed link's flags is a setting (net/core/dev.c, __dev_change_flags); the rest is state. */
const SETTABLE_FLAGS = flagBits(
  [
    'UP',
    'NOARP',
    'MULTICAST',
    'ALLMULTI',
    'PROMISC',
    'DYNAMIC',
    'NOTRAILERS',
    'DEBUG',
    'PORTSEL',
    'AUTOMEDIA',
  ],
  LINK_FLAGS,
);

interface Flags {
  flags: number;
  change: number;
}

function switches(input: object, start: Flags = { flags: 0, change: 0 }): Flags {
  const given = input as Record<string, unknown>;
  let { flags, change } = start;
  for (const [field, { flag, when }] of Object.entries(SWITCHES)) {
    const value = given[field];
    if (value === undefined) continue;
    if (typeof value !== 'boolean')
      throw new InvalidArgumentError(field, value, 'is no switch', 'true or false');
    const bit = LINK_FLAGS[flag];
    change |= bit;
    if (value === when) flags |= bit;
    else flags &= ~bit;
  }
  return { flags: flags >>> 0, change: change >>> 0 };
}

function pick(input: object, fields: readonly (keyof LinkWire)[]): LinkWire {
  const given: LinkWire = input;
  const out: Record<string, unknown> = {};
  for (const field of fields) if (given[field] !== undefined) out[field] = given[field];
  return out as LinkWire;
}

/** One RTM_NEWLINK or RTM_DELLINK. */
export function encodeLink(header: { ifindex?: number } & Partial<Flags>, wire: LinkWire): Uint8Array {
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, header);
    try {
      linkAttributes.encode(writer, wire);
    } catch (error) {
      // Kind and kind's data are fields of the link itself, not of a field of its own.
      if (error instanceof ValueError && error.path[0] === 'linkInfo') error.path.shift();
      throw error;
    }
  });
}

type Data = Record<string, unknown>;

/** A kind's data as a setting: readings left out, names of links replaced by their indexes. */
function writable(kind: Kind, data: object, indexes: Resolved['kindLinks'] = {}, restoring: boolean): object {
  const out: Data = { ...(restoring ? kind.withoutDefaults(data) : data) };
  for (const field of kind.readings) delete out[field];
  if (restoring) for (const field of kind.momentary) delete out[field];
  for (const [name, index] of Object.entries(kind.links)) {
    delete out[name];
    if (indexes[index] !== undefined) out[index] = indexes[index];
  }
  return out;
}

function kindInfo(input: LinkSettings, resolved: Resolved, restoring: boolean): LinkInfoSettings {
  const info: Data = {};
  const field = KIND_FIELDS.find((one) => input[one] !== undefined);
  const kind = input.kind ?? field;
  if (kind !== undefined) info.kind = kind;
  if (input.kindData !== undefined) info.kindData = input.kindData;
  if (field !== undefined) {
    if (kind !== field)
      throw new InvalidArgumentError(
        field,
        input[field],
        `does not go with kind ${kind}`,
        `kind ${field}, or no ${field}`,
      );
    info[field] = writable(KINDS[field], input[field] as object, resolved.kindLinks, restoring);
  }
  return info;
}

function isSettable(kind: Kind): boolean {
  return [...kind.fields].some((field) => field !== 'raw' && !kind.readings.has(field));
}

function portInfo(input: LinkSettings, resolved: Resolved, restoring: boolean): LinkInfoSettings | undefined {
  // Of ports whose kind the kernel only tells of (vrf) there is nothing to say.
  const field = PORT_FIELDS.find((one) => input[one] !== undefined && isSettable(PORT_KINDS[one]));
  if (field !== undefined) {
    const kind = PORT_KINDS[field];
    const data = writable(kind, input[field] as object, resolved.portLinks, restoring);
    // Of a port that was listed there may be nothing to say again.
    if (restoring && Object.keys(data).length === 0) return undefined;
    return { portKind: kind.kind, [field]: data };
  }
  return input.portData === undefined
    ? undefined
    : { portKind: input.portKind ?? '', portData: input.portData };
}

/** The messages that change a link, in this order; those that have nothing to say are left out. */
export interface Change {
  /** All but what depends on it. */
  readonly main?: (header: { ifindex?: number }, name?: LinkWire) => Uint8Array;
  /** Port settings, which only the new master understands. */
  readonly port?: (header: { ifindex?: number }, name?: LinkWire) => Uint8Array;
}

/** `rt.link.set()`. */
export function encodeChange(settings: LinkSettings, resolved: Resolved): Change {
  const port = portInfo(settings, resolved, false);
  const linkInfo = kindInfo(settings, resolved, false);
  const apart = port !== undefined && resolved.masterIndex !== undefined;
  const wire: LinkWire = {
    ...pick(settings, ['ifname', ...PLAIN, ...LATER, ...MOMENTARY, 'raw']),
    ...(resolved.masterIndex !== undefined && { masterIndex: resolved.masterIndex }),
    ...(resolved.netnsFd !== undefined && { netnsFd: resolved.netnsFd }),
  };
  const info = { ...linkInfo, ...(apart ? {} : port) };
  if (Object.keys(info).length > 0) wire.linkInfo = info;
  const flags = switches(settings);
  const empty = flags.change === 0 && Object.keys(wire).length === 0;
  return {
    ...(!empty && { main: (header, name) => encodeLink({ ...header, ...flags }, { ...wire, ...name }) }),
    ...(apart && { port: (header, name) => encodeLink(header, { ...name, linkInfo: port }) }),
  };
}

/** The messages that make a link; the second and third are for what cannot be said before it is there. */
export interface Creation {
  readonly create: Uint8Array;
  readonly settle?: (ifindex: number) => Uint8Array;
  /** Brings a veth's peer up, by its index: the kernel refuses (ENOTCONN) while only one end is there. */
  readonly raisePeer?: (ifindex: number) => Uint8Array;
  /** Up last: IPv6 gives the link its address at that moment, and has to know how by then. */
  readonly raise?: (ifindex: number) => Uint8Array;
  readonly altnames: readonly string[];
}

function peerPayload({ up: _, ...peer }: PeerInput, resolved: Resolved): Uint8Array {
  const { flags, change } = switches(peer);
  try {
    return encodeLink(
      { ...(peer.index !== undefined && { ifindex: peer.index }), flags, change },
      {
        ...pick(peer, ['ifname', ...PLAIN, ...BIRTH]),
        ...(resolved.peerNetnsFd !== undefined && { netnsFd: resolved.peerNetnsFd }),
      },
    );
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`peer.${error.field}`, error.value, 'is not valid', error.remedy);
  }
}

/** The other end of a pair: as given, or, of a listed link, under the name that it had. */
function peerOf(input: LinkInput): PeerInput | undefined {
  if (!PAIRED.has(input.kind ?? '')) return undefined;
  return input.peer ?? (typeof input.link === 'string' ? { ifname: input.link } : undefined);
}

/** What a link was listed with is made again with some care; what somebody asks for is sent as it is. */
function isListed(input: LinkInput): boolean {
  return input.ifindex !== undefined || input.flags !== undefined;
}

/** `rt.link.add()`. */
export function encodeCreation(input: LinkInput, resolved: Resolved): Creation {
  const restoredFlags = flagsOf(input);
  const flags = switches(input, restoredFlags);
  const later = pick(input, LATER);
  // Only some drivers know the reason for being down at all; "no" is what a link starts with.
  if (later.protoDown === false) delete later.protoDown;
  if (later.afSpec !== undefined) {
    const afSpec = writableAfSpec(later.afSpec);
    if (afSpec === undefined) delete later.afSpec;
    else later.afSpec = afSpec;
  }
  const port = portInfo(input, resolved, isListed(input));
  const settled: LinkWire = { ...later, ...(port !== undefined && { linkInfo: port }) };
  const needsSettling = Object.keys(settled).length > 0;
  const linkInfo: LinkInfoSettings = kindInfo(input, resolved, isListed(input));
  const peer = peerOf(input);
  if (peer !== undefined) linkInfo.peer = peerPayload(peer, resolved);
  const wire: LinkWire = {
    // Without `raw`: what a newer kernel tells besides is more likely a reading than a setting, and refused as such.
    ...pick(input, ['ifname', ...PLAIN, ...BIRTH]),
    ...(!PAIRED.has(input.kind ?? '') && {
      ...(resolved.linkIndex !== undefined && { linkIndex: resolved.linkIndex }),
      ...(input.linkNetnsid !== undefined && { linkNetnsid: input.linkNetnsid }),
    }),
    ...(resolved.masterIndex !== undefined && { masterIndex: resolved.masterIndex }),
    ...(resolved.netnsFd !== undefined && { netnsFd: resolved.netnsFd }),
    linkInfo,
  };
  // A bridge that never had a port is listed with no address, which none can be made with.
  if (typeof wire.address === 'string' && /^[0:]*$/.test(wire.address)) delete wire.address;
  const altnames = input.altnames ?? [];
  if (resolved.netnsFd !== undefined && (needsSettling || altnames.length > 0 || peer?.up === true)) {
    const fields = [...Object.keys(later), ...PORT_FIELDS, 'portData', 'altnames'];
    const field = fields.find((name) => (input as object as Data)[name] !== undefined) ?? 'peer.up';
    throw new InvalidArgumentError(
      'netns',
      input.netns,
      `cannot be given together with ${field}, which is set when the link is there`,
      'it to the RouteSocket instead',
    );
  }
  const index = input.index === undefined ? {} : { ifindex: input.index };
  return {
    create: encodeLink({ ...index, ...(needsSettling ? {} : flags) }, wire),
    ...(needsSettling && { settle: (ifindex) => encodeLink({ ifindex }, settled) }),
    ...(needsSettling && flags.change !== 0 && { raise: (ifindex) => encodeLink({ ifindex, ...flags }, {}) }),
    ...(peer?.up === true && {
      raisePeer: (ifindex: number) => encodeLink({ ifindex, ...switches({ up: true }) }, {}),
    }),
    altnames,
  };
}

/** Of a listed link's flags, those that are settings. */
function flagsOf(input: LinkInput): Flags {
  if (input.flags === undefined) return { flags: 0, change: 0 };
  try {
    return { flags: (flagBits(input.flags, LINK_FLAGS) & SETTABLE_FLAGS) >>> 0, change: SETTABLE_FLAGS };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new InvalidArgumentError('flags', input.flags, 'is not valid', error.remedy);
  }
}

/** Of what IPv4 and IPv6 tell of a link, the part that can be told them. */
function writableAfSpec(afSpec: NonNullable<LinkWire['afSpec']>): LinkWire['afSpec'] {
  // What is no object, the encoder refuses.
  if (typeof afSpec !== 'object' || afSpec === null) return afSpec;
  const { addrGenMode, token } = afSpec.inet6 ?? {};
  const inet6 = {
    ...(addrGenMode !== undefined && { addrGenMode }),
    // Without a token there is nothing to set, and the kernel refuses it where routers are not listened to.
    ...(token !== undefined && token !== '::' && { token }),
  };
  return Object.keys(inet6).length > 0 ? { inet6 } : undefined;
}
