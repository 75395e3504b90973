/**
 * Links where they lie in the receive buffer: what {@link decodeLink} says, several times as quick. It knows the
 * attributes that every link has, and leaves those that some have to the table; a message that is not like that goes
 * to decodeLink.
 */
import { endianness } from 'node:os';
import { flagNames } from '../netlink/wire/codec.ts';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';
import { readText } from '../netlink/wire/text.ts';
import { WireError, type WireView } from '../netlink/wire/view.ts';
import { ifinfomsg, linkAttributes, spellAddress } from './link-attributes.ts';
import { addParent, decodeLink, REWRITTEN } from './link-decode.ts';
import type { Link } from './link-object.ts';
import { readAfSpec, readMap, readStats64 } from './link-read-parts.ts';
import { LINK_FLAGS, LINK_MODES, linkTypeName, OPERSTATES } from './link-words.ts';

const LITTLE = endianness() === 'LE';

const { specs, byType } = linkAttributes;

/** Bytes of an attribute with its header. */
const U8 = 5;
const U16 = 6;
const U32 = 8;
const ANY = 1;

/** By IFLA_*: how long an attribute is that is read here; {@link ANY}, or 0 for one that is left to the table. */
const LENGTHS = new Uint16Array(70);
/** Attributes that every link has had since Linux 4.19. */
const EVERY: number[] = [];

function every(type: number, length: number): number {
  EVERY.push(type);
  return some(type, length);
}
function some(type: number, length: number): number {
  LENGTHS[type] = length;
  return type;
}

const ADDRESS = every(specs.address.type, ANY);
const BROADCAST = every(specs.broadcast.type, ANY);
const IFNAME = every(specs.ifname.type, ANY);
const MTU = every(specs.mtu.type, U32);
const QDISC = every(specs.qdisc.type, ANY);
const TXQLEN = every(specs.txqlen.type, U32);
const MAP = every(specs.map.type, 36);
const OPERSTATE = every(specs.operstate.type, U8);
const LINKMODE = every(specs.linkmode.type, U8);
const STATS64 = every(specs.stats64.type, 204);
const AF_SPEC = every(specs.afSpec.type, ANY);
const GROUP = every(specs.group.type, U32);
const PROMISCUITY = every(specs.promiscuity.type, U32);
const NUM_TX_QUEUES = every(specs.numTxQueues.type, U32);
const NUM_RX_QUEUES = every(specs.numRxQueues.type, U32);
const CARRIER = every(specs.carrier.type, U8);
const CARRIER_CHANGES = every(specs.carrierChanges.type, U32);
const PROTO_DOWN = every(specs.protoDown.type, U8);
const GSO_MAX_SEGS = every(specs.gsoMaxSegs.type, U32);
const GSO_MAX_SIZE = every(specs.gsoMaxSize.type, U32);
const XDP = every(specs.xdp.type, ANY);
const CARRIER_UP_COUNT = every(specs.carrierUpCount.type, U32);
const CARRIER_DOWN_COUNT = every(specs.carrierDownCount.type, U32);
const MIN_MTU = every(specs.minMtu.type, U32);
const MAX_MTU = every(specs.maxMtu.type, U32);

/** The same counters as in STATS64, cut to 32 bits. */
some(specs.stats32.type, ANY);
const LINK_INDEX = some(specs.linkIndex.type, U32);
const MASTER_INDEX = some(specs.masterIndex.type, U32);
const LINK_INFO = some(specs.linkInfo.type, ANY);
const GRO_MAX_SIZE = some(specs.groMaxSize.type, U32);
const TSO_MAX_SIZE = some(specs.tsoMaxSize.type, U32);
const TSO_MAX_SEGS = some(specs.tsoMaxSegs.type, U32);
const ALLMULTI = some(specs.allmulti.type, U32);
const DEVLINK_PORT = some(specs.devlinkPort.type, ANY);
const GSO_IPV4_MAX_SIZE = some(specs.gsoIpv4MaxSize.type, U32);
const GRO_IPV4_MAX_SIZE = some(specs.groIpv4MaxSize.type, U32);
const DPLL_PIN = some(specs.dpllPin.type, ANY);
const HORIZON = some(specs.maxPacingOffloadHorizon.type, U32);
const NETNS_IMMUTABLE = some(specs.netnsImmutable.type, U8);
const HEADROOM = some(specs.headroom.type, U16);
const TAILROOM = some(specs.tailroom.type, U16);

/** Of the message that is being read: by IFLA_*, the index of the attribute's first word; 0 where there is none. */
const places = new Int32Array(LENGTHS.length);
const FOR_THE_TABLE = -1;
/** The same of those for the table. */
let others: number[] = [];

const NLA_TYPE_MASK = 0x3fff;

/** Finds the attributes. False for a message that is not worth reading here. */
function locate(words: Int32Array, start: number, end: number): boolean {
  places.fill(0);
  if (others.length > 0) others = [];
  let at = (start + ifinfomsg.size) >> 2;
  const last = end >> 2;
  while (at < last) {
    const head = words[at] as number;
    const length = head & 0xffff;
    if (length < 4 || (at << 2) + length > end) return false;
    const type = (head >>> 16) & NLA_TYPE_MASK;
    if (type >= LENGTHS.length) return false;
    const wanted = LENGTHS[type] as number;
    // Said twice: the last one counts, but the table keeps a malformed one beside it.
    if (places[type] !== 0) return false;
    if (wanted === length || wanted === ANY) places[type] = at;
    else {
      places[type] = FOR_THE_TABLE;
      others.push(at);
    }
    at += (length + 3) >> 2;
  }
  for (const type of EVERY) if ((places[type] as number) <= 0) return false;
  return true;
}

/** The message of whose attributes {@link places} tells. */
let words: Int32Array = new Int32Array(0);

function u32(type: number): number {
  return (words[(places[type] as number) + 1] as number) >>> 0;
}
function u16(type: number): number {
  return (words[(places[type] as number) + 1] as number) & 0xffff;
}
function u8(type: number): number {
  return (words[(places[type] as number) + 1] as number) & 0xff;
}
function startOf(type: number): number {
  return ((places[type] as number) + 1) << 2;
}
function endOf(type: number): number {
  const at = places[type] as number;
  return (at << 2) + ((words[at] as number) & 0xffff);
}

function wordsFor(names: Readonly<Record<number, string>>): readonly string[] {
  return Array.from({ length: 0x100 }, (_, number) => names[number] ?? String(number));
}
const OPERSTATE_WORDS = wordsFor(OPERSTATES);
const LINK_MODE_WORDS = wordsFor(LINK_MODES);

/** See route-make.ts: room for properties that follow. */
const ROOM = undefined as object | undefined;

const IFLA_INFO_KIND = 1;

/** The kind, where IFLA_LINKINFO says nothing else. */
function plainKind({ bytes }: WireView): string | undefined {
  const start = startOf(LINK_INFO);
  const end = endOf(LINK_INFO);
  if (end - start < 4) return undefined;
  const head = words[start >> 2] as number;
  const length = head & 0xffff;
  if (
    head >>> 16 !== IFLA_INFO_KIND ||
    length < 4 ||
    length > end - start ||
    ((length + 3) & ~3) < end - start
  )
    return undefined;
  return readText(bytes, start + 4, start + length);
}

const NO_XDP = 0x0002_0005;

function readXdp(view: WireView): NonNullable<Link['xdp']> {
  const start = startOf(XDP);
  const end = endOf(XDP);
  // No program: IFLA_XDP_ATTACHED alone, and 0.
  if (end - start === 8 && words[start >> 2] === NO_XDP && view.bytes[start + 4] === 0)
    return { attached: 'none' };
  return specs.xdp.codec.decode(view, start, end);
}

/** The link of a located message. Throws a WireError where the table would keep an attribute as bytes. */
function make({ bytes, view }: ReceiveBuffer, start: number): Link {
  const header = start >> 2;
  const linkType = linkTypeName((words[header] as number) >>> 16);
  const kind = places[LINK_INFO] === 0 ? undefined : plainKind(view);
  const link = {
    ifindex: words[header + 1],
    ifname: readText(bytes, startOf(IFNAME), endOf(IFNAME)),
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
  } as Link;
  if (kind !== undefined) link.kind = kind;
  else if (places[LINK_INFO] !== 0)
    Object.assign(link, specs.linkInfo.codec.decode(view, startOf(LINK_INFO), endOf(LINK_INFO)));
  link.flags = flagNames((words[header + 2] as number) >>> 0, LINK_FLAGS);
  link.linkType = linkType;
  link.address = spellAddress(specs.address.codec.decode(view, startOf(ADDRESS), endOf(ADDRESS)), linkType);
  link.broadcast = spellAddress(
    specs.broadcast.codec.decode(view, startOf(BROADCAST), endOf(BROADCAST)),
    linkType,
  );
  link.txqlen = u32(TXQLEN);
  link.operstate = OPERSTATE_WORDS[u8(OPERSTATE)] as string;
  link.linkmode = LINK_MODE_WORDS[u8(LINKMODE)] as string;
  link.mtu = u32(MTU);
  link.minMtu = u32(MIN_MTU);
  link.maxMtu = u32(MAX_MTU);
  link.group = u32(GROUP);
  link.promiscuity = u32(PROMISCUITY);
  link.numTxQueues = u32(NUM_TX_QUEUES);
  link.gsoMaxSegs = u32(GSO_MAX_SEGS);
  link.gsoMaxSize = u32(GSO_MAX_SIZE);
  link.numRxQueues = u32(NUM_RX_QUEUES);
  link.carrier = u8(CARRIER) !== 0;
  link.carrierChanges = u32(CARRIER_CHANGES);
  link.carrierUpCount = u32(CARRIER_UP_COUNT);
  link.carrierDownCount = u32(CARRIER_DOWN_COUNT);
  link.protoDown = u8(PROTO_DOWN) !== 0;
  link.stats64 = readStats64(view, startOf(STATS64));
  link.xdp = readXdp(view);
  link.qdisc = readText(bytes, startOf(QDISC), endOf(QDISC));
  link.afSpec = readAfSpec(view, words, startOf(AF_SPEC), endOf(AF_SPEC));
  link.map = readMap(view, startOf(MAP));
  addNewer(link, view);
  if (places[LINK_INDEX] !== 0) link.linkIndex = u32(LINK_INDEX);
  if (places[MASTER_INDEX] !== 0) link.masterIndex = u32(MASTER_INDEX);
  return link;
}

/** What not every kernel tells, but all that do tell it of every link. */
function addNewer(link: Link, view: WireView): void {
  if (places[NETNS_IMMUTABLE] !== 0) link.netnsImmutable = u8(NETNS_IMMUTABLE) !== 0;
  if (places[ALLMULTI] !== 0) link.allmulti = u32(ALLMULTI);
  if (places[GRO_MAX_SIZE] !== 0) link.groMaxSize = u32(GRO_MAX_SIZE);
  if (places[GSO_IPV4_MAX_SIZE] !== 0) link.gsoIpv4MaxSize = u32(GSO_IPV4_MAX_SIZE);
  if (places[GRO_IPV4_MAX_SIZE] !== 0) link.groIpv4MaxSize = u32(GRO_IPV4_MAX_SIZE);
  if (places[TSO_MAX_SIZE] !== 0) link.tsoMaxSize = u32(TSO_MAX_SIZE);
  if (places[TSO_MAX_SEGS] !== 0) link.tsoMaxSegs = u32(TSO_MAX_SEGS);
  if (places[HORIZON] !== 0) link.maxPacingOffloadHorizon = u32(HORIZON) === 0 ? 0n : BigInt(u32(HORIZON));
  if (places[HEADROOM] !== 0) link.headroom = u16(HEADROOM);
  if (places[TAILROOM] !== 0) link.tailroom = u16(TAILROOM);
  // Empty for most links.
  if (places[DEVLINK_PORT] !== 0 && startOf(DEVLINK_PORT) < endOf(DEVLINK_PORT))
    addParent(
      link,
      'devlinkPort',
      specs.devlinkPort.codec.decode(view, startOf(DEVLINK_PORT), endOf(DEVLINK_PORT)),
    );
  if (places[DPLL_PIN] !== 0 && startOf(DPLL_PIN) < endOf(DPLL_PIN))
    addParent(link, 'dpllPin', specs.dpllPin.codec.decode(view, startOf(DPLL_PIN), endOf(DPLL_PIN)));
}

/** Adds what only some links have. False for what decodeLink puts in another form, or keeps as bytes. */
function addOthers(link: Link, view: WireView): boolean {
  for (const at of others) {
    const head = words[at] as number;
    const field = byType.get((head >>> 16) & NLA_TYPE_MASK) as keyof typeof specs | undefined;
    if (field === undefined || REWRITTEN.has(field)) return false;
    const start = (at + 1) << 2;
    const value = specs[field].codec.decode(view, start, (at << 2) + (head & 0xffff));
    (link as object as Record<string, unknown>)[field] = value;
  }
  return true;
}

/** Undefined for a message that the reader does not know how to read. */
export function readUsual(buffer: ReceiveBuffer, start: number, end: number): Link | undefined {
  words = buffer.words;
  if (end - start < ifinfomsg.size || !locate(words, start, end)) return undefined;
  try {
    const link = make(buffer, start);
    return addOthers(link, buffer.view) ? link : undefined;
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A link's message where it lies: {@link decodeLink}, and for most links much quicker. */
export function readLink(buffer: ReceiveBuffer, start: number, end: number): Link {
  const link = LITTLE ? readUsual(buffer, start, end) : undefined;
  return link ?? decodeLink(buffer.bytes.slice(start, end));
}
