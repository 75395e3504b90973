import {
  type AttributeSpec,
  attribute,
  attributeTable,
  type NamingTable,
  type RawAttribute,
  walkAttributes,
  writeAttribute,
} from '../netlink/wire/attributes.ts';
import { type Codec, hex, string, ValueError } from '../netlink/wire/codec.ts';
import { toHex, WireError, type WireView, type WireWriter } from '../netlink/wire/view.ts';
import { KINDS, type KindData, kindField, PORT_KINDS, type PortData, portField } from './kinds/index.ts';

/** IFLA_INFO_*, uapi/linux/if_link.h. */
const IFLA_INFO = { kind: 1, data: 2, xstats: 3, portKind: 4, portData: 5 } as const;

/** IFLA_LINKINFO: of what kind a link is, and what attributes go with that. */
export interface LinkInfo extends KindData, PortData {
  /** `veth`, `bridge`, ...; hardware has none. */
  kind?: string;
  /** The kind of the master, whose port this link is: `bridge`, `bond`, ... */
  portKind?: string;
  /** In hex: the data of a kind that is not known here. */
  kindData?: string;
  /** In hex: the port data of a kind that is not known here. */
  portData?: string;
  /** In hex: statistics of the kind's own (IFLA_INFO_XSTATS). */
  xstats?: string;
  /** IFLA_INFO_* that are not known. */
  kindRaw?: RawAttribute[];
}

/** What the encoder may write besides: the other end of a pair, which no link can tell of its peer. */
export interface LinkInfoSettings extends LinkInfo {
  /** A whole link message. */
  peer?: Uint8Array;
}

/** VETH_INFO_PEER, VXCAN_INFO_PEER, IFLA_NETKIT_PEER_INFO: the same number by good luck. */
const PEER = 1;

/** For naming attributes: with the tables of these kinds for the data. */
function namingFor(kind: string, portKind: string): NamingTable {
  const field = kindField(kind);
  const port = portField(portKind);
  const data = attribute(IFLA_INFO.data, 'IFLA_INFO_DATA', hex);
  const portData = attribute(IFLA_INFO.portData, 'IFLA_INFO_SLAVE_DATA', hex);
  return attributeTable('IFLA_INFO', {
    kind: attribute(IFLA_INFO.kind, 'IFLA_INFO_KIND', string),
    data: field === undefined ? data : { ...data, table: KINDS[field].table },
    xstats: attribute(IFLA_INFO.xstats, 'IFLA_INFO_XSTATS', hex),
    portKind: attribute(IFLA_INFO.portKind, 'IFLA_INFO_SLAVE_KIND', string),
    portData: port === undefined ? portData : { ...portData, table: PORT_KINDS[port].table },
  });
}

const naming: NamingTable = {
  ...namingFor('', ''),
  narrow(view, start, end) {
    const { kind = '', portKind = '' } = decode(view, start, end);
    return namingFor(kind, portKind);
  },
};

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Decodes with the kind's codec; what is malformed within stays as hex, like the data of an unknown kind. */
function tryDecode<T>(
  codec: Pick<Codec<T>, 'decode'>,
  view: WireView,
  { start, end }: Extent,
): T | undefined {
  try {
    return codec.decode(view, start, end);
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function decode(view: WireView, start: number, end: number): LinkInfo {
  const info: LinkInfo = {};
  let data: Extent | undefined;
  let portData: Extent | undefined;
  walkAttributes(view, start, end, (type, from, to, nested) => {
    if (type === IFLA_INFO.kind) info.kind = string.decode(view, from, to);
    else if (type === IFLA_INFO.portKind) info.portKind = string.decode(view, from, to);
    else if (type === IFLA_INFO.data) data = { start: from, end: to };
    else if (type === IFLA_INFO.portData) portData = { start: from, end: to };
    else if (type === IFLA_INFO.xstats) info.xstats = hex.decode(view, from, to);
    else {
      info.kindRaw ??= [];
      info.kindRaw.push({
        type,
        hex: toHex(view.bytes.subarray(from, to)),
        ...(nested && { nested: true as const }),
      });
    }
  });
  if (data !== undefined) {
    const field = kindField(info.kind ?? '');
    const value = field && tryDecode<object>(KINDS[field], view, data);
    if (field === undefined || value === undefined) info.kindData = hex.decode(view, data.start, data.end);
    else Object.assign(info, { [field]: value });
  }
  if (portData !== undefined) {
    const field = portField(info.portKind ?? '');
    const value = field && tryDecode<object>(PORT_KINDS[field], view, portData);
    if (field === undefined || value === undefined)
      info.portData = hex.decode(view, portData.start, portData.end);
    else Object.assign(info, { [field]: value });
  }
  return info;
}

/** Runs a kind's encoder; its errors get the path of the field. */
function within(field: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift(field);
    throw error;
  }
}

function encode(writer: WireWriter, info: LinkInfoSettings): void {
  if (info.kind !== undefined) {
    const { kind } = info;
    within('kind', () => writeAttribute(writer, IFLA_INFO.kind, false, () => string.encode(writer, kind)));
  }
  const field = kindField(info.kind ?? '');
  const value = field && info[field];
  const { peer } = info;
  if ((field !== undefined && value !== undefined) || peer !== undefined) {
    writeAttribute(writer, IFLA_INFO.data, true, () => {
      if (field !== undefined && value !== undefined) {
        const codec: { encode(writer: WireWriter, value: object): void } = KINDS[field];
        within(field, () => codec.encode(writer, value));
      }
      if (peer !== undefined) writeAttribute(writer, PEER, true, () => writer.raw(peer));
    });
  } else if (info.kindData !== undefined) {
    const { kindData } = info;
    within('kindData', () =>
      writeAttribute(writer, IFLA_INFO.data, true, () => hex.encode(writer, kindData)),
    );
  }
  if (info.portKind !== undefined) {
    const { portKind } = info;
    within('portKind', () =>
      writeAttribute(writer, IFLA_INFO.portKind, false, () => string.encode(writer, portKind)),
    );
  }
  const port = portField(info.portKind ?? '');
  const portValue = port && info[port];
  if (port !== undefined && portValue !== undefined) {
    const codec: { encode(writer: WireWriter, value: object): void } = PORT_KINDS[port];
    within(port, () =>
      writeAttribute(writer, IFLA_INFO.portData, true, () => codec.encode(writer, portValue)),
    );
  } else if (info.portData !== undefined) {
    const { portData } = info;
    within('portData', () =>
      writeAttribute(writer, IFLA_INFO.portData, true, () => hex.encode(writer, portData)),
    );
  }
}

/** IFLA_LINKINFO as an attribute. */
export function linkInfo(type: number): AttributeSpec<LinkInfoSettings> {
  return { type, name: 'IFLA_LINKINFO', codec: { decode, encode }, table: naming, nested: true };
}
