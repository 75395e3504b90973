import { InvalidArgumentError } from '../handle/errors.ts';
import {
  type AttributesOf,
  encodePayload,
  type NamingTable,
  type RawAttribute,
  writeAttribute,
} from '../netlink/wire/attributes.ts';
import { hex, ValueError } from '../netlink/wire/codec.ts';
import { toHex, WireError, WireView, type WireWriter } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { FILTER_KINDS, type FilterData, type Flower, filterField, filterKind } from './filters/index.ts';
import type { FilterParts } from './filters/kind.ts';
import type { LinkReference } from './names.ts';
import { refuseUnknownFields } from './route-words.ts';
import { classId, formatClassId } from './tc-handle.ts';
import { type Estimator, statsOf, TCA_OPTIONS, type TcStats, tcAttributes, tcmsg } from './tc-message.ts';
import { protocolNumber, protocolWord } from './tc-protocol.ts';

/** A filter of traffic control: a classifier with its settings, at a place, in an order. man 8 tc; for each kind tc-KIND. */
export interface TcFilter extends FilterParts, FilterData {
  /** Its link; or the number of a block that several links share. */
  ifindex?: number;
  dev?: string;
  block?: number;
  /** `ingress` and `egress` of a clsact discipline, a discipline (`1:`) or a class (`1:10`). */
  parent?: string;
  /** `all`, `ip`, `ipv6`, `arp`, `802.1Q`, ...: which packets are shown to it. */
  protocol: string;
  /** Lower ones are asked first. 0 of a new one lets the kernel choose. */
  pref: number;
  kind: string;
  chain?: number;
  /** Which one among those of one pref: `0x1`; of u32 `800::800`. */
  handle?: string;
  estimator?: Estimator;
  /** In hex: settings of a kind that is not known here. */
  options?: string;
  stats?: TcStats;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What the verbs take: a {@link TcFilter} as it was listed, or less. What only the kernel tells is passed over. */
export interface TcFilterInput extends Partial<Omit<TcFilter, 'dev' | 'handle' | 'protocol'>> {
  /** The link, by name or index; or `ifindex`, or `block`. */
  dev?: LinkReference;
  handle?: string | number;
  /** Default of a new one: `all`. */
  protocol?: string | number;
}

const PARTS = ['classid', 'actions', 'indev', 'flags'] as const satisfies (keyof FilterParts)[];
const KIND_FIELDS = Object.keys(FILTER_KINDS) as (keyof FilterData)[];

const FIELDS: ReadonlySet<string> = new Set<keyof TcFilter>([
  ...(['ifindex', 'dev', 'block', 'parent', 'protocol', 'pref', 'kind', 'chain', 'handle'] as const),
  ...(['estimator', 'options', 'stats', 'raw'] as const),
  ...PARTS,
  ...KIND_FIELDS,
]);
const HINTS = {
  type: '"kind"',
  prio: '"pref"',
  priority: '"pref"',
  flowid: '"classid"',
  ingress: 'parent: "ingress"',
  egress: 'parent: "egress"',
  root: 'parent: "root"',
  action: '"actions", a list',
} as const;

/** TC_H_CLSACT with TC_H_MIN_INGRESS, TC_H_MIN_EGRESS; what stands for a block in place of a link's index. */
export const FILTER_PARENTS = { root: 0xffffffff, none: 0, ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
const BLOCK = -1;

function formatParent(handle: number): string {
  if (handle === FILTER_PARENTS.ingress) return 'ingress';
  if (handle === FILTER_PARENTS.egress) return 'egress';
  return formatClassId(handle);
}

export function parentHandle(field: string, text: string): number {
  return classId(field, text, FILTER_PARENTS);
}

/** `0x1`; `800::800` of u32. */
function formatHandle(kind: string, handle: number): string {
  const field = filterField(kind);
  const spelled = field && filterKind(field).handle;
  return spelled === undefined ? `0x${handle.toString(16)}` : spelled.format(handle);
}

function parseHandle(kind: string | undefined, handle: string | number): number {
  const field = kind === undefined ? undefined : filterField(kind);
  const spelled = field && filterKind(field).handle;
  const plain = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(String(handle)) ? Number(handle) : undefined;
  const found = typeof handle === 'string' && spelled !== undefined ? spelled.parse(handle) : plain;
  if (found === undefined || found > 0xffff_ffff)
    throw new InvalidArgumentError(
      'handle',
      handle,
      `is no handle of ${kind ?? 'a filter'}`,
      spelled === undefined ? 'a number such as 0x1' : 'one such as "800::800"',
    );
  return found;
}

/** htons: the protocol lies in network order in the lower half of the header's word. */
const swapped = (number: number) => ((number & 0xff) << 8) | (number >>> 8);

export function decodeFilter(payload: Uint8Array): TcFilter {
  const view = new WireView(payload);
  const header = tcmsg.decodeAt(view, 0);
  const wire = tcAttributes.decode(view, tcmsg.size, view.length);
  const { kind = '', options, chain, estimator, stats2, raw } = wire;
  const place =
    header.ifindex === BLOCK
      ? { block: header.parent }
      : {
          ifindex: header.ifindex,
          ...(header.parent === 0 ? {} : { parent: formatParent(header.parent) }),
        };
  return {
    ...place,
    protocol: protocolWord(swapped(header.info & 0xffff)),
    pref: header.info >>> 16,
    kind,
    ...defined({ chain }),
    ...(header.handle === 0 ? {} : { handle: formatHandle(kind, header.handle) }),
    ...settingsOf(kind, options),
    ...defined({ estimator, stats: stats2 && statsOf(stats2), raw }),
  };
}

/** TCA_OPTIONS as the field of its kind with the parts that all kinds have, or as `options` in hex. */
function settingsOf(kind: string, options: Uint8Array | undefined): Partial<TcFilter> {
  if (options === undefined) return {};
  const field = filterField(kind);
  if (field !== undefined) {
    try {
      const { parts, value } = filterKind(field).decode(new WireView(options), 0, options.length);
      return { ...parts, [field]: value };
    } catch (error) {
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
    }
  }
  return options.length === 0 ? {} : { options: toHex(options) };
}

export function checkFilter(input: TcFilterInput, noun: 'filter' | 'chain' = 'filter'): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', noun);
  const own = input.kind === undefined ? undefined : filterField(input.kind);
  for (const field of KIND_FIELDS) {
    if (field === own || input[field] === undefined) continue;
    throw new InvalidArgumentError(
      field,
      input[field],
      input.kind === undefined
        ? 'is for a kind that is not said'
        : `is nothing that a filter of kind ${input.kind} has`,
      `kind: '${field}', or other settings`,
    );
  }
  if (own !== undefined && input[own] !== undefined)
    refuseUnknownFields(input[own], filterKind(own).fields, {}, `${own}.`);
}

/** tcm_info and the rest of the header. `protocolDefault` where none is given. */
function headerOf(input: TcFilterInput, protocolDefault: number) {
  const { ifindex = 0, block, parent, kind, handle, pref = 0, protocol } = input;
  const number = protocol === undefined ? protocolDefault : protocolNumber(protocol);
  if (number === undefined)
    throw new InvalidArgumentError(
      'protocol',
      protocol,
      'is not known',
      'ip, ipv6, arp, 802.1Q, all, or a number',
    );
  if (!Number.isInteger(pref) || pref < 0 || pref > 0xffff)
    throw new InvalidArgumentError('pref', pref, 'is out of range', '0 to 65535');
  if (block !== undefined && !(Number.isInteger(block) && block > 0 && block <= 0xffff_ffff))
    throw new InvalidArgumentError('block', block, 'is no block', 'a number from 1 on');
  return {
    ifindex: block === undefined ? ifindex : BLOCK,
    handle: handle === undefined ? 0 : parseHandle(kind, handle),
    parent: block ?? (parent === undefined ? 0 : parentHandle('parent', parent)),
    info: pref * 0x10000 + swapped(number),
  };
}

export const ETH_P_ALL = 3;

/** The payload of RTM_NEWTFILTER and RTM_NEWCHAIN; `protocol` is that of an input without one. */
export function encodeFilter(input: TcFilterInput, protocol: number): Uint8Array {
  const { kind, chain, estimator, raw } = input;
  return encodePayload((writer) => {
    tcmsg.encode(writer, headerOf(input, protocol));
    tcAttributes.encode(writer, defined({ kind, chain }));
    encodeSettings(writer, input);
    tcAttributes.encode(writer, defined({ estimator, raw }));
  });
}

/** The payload of RTM_DELTFILTER and RTM_GETTFILTER: which one is meant. */
export function encodeFilterReference(input: TcFilterInput): Uint8Array {
  const { kind, chain } = input;
  return encodePayload((writer) => {
    tcmsg.encode(writer, headerOf(input, 0));
    tcAttributes.encode(writer, defined({ kind, chain }));
  });
}

/** The payload of a dump: filters of one place. */
export function encodeFilterDump(input: TcFilterInput): Uint8Array {
  const { chain } = input;
  return encodePayload((writer) => {
    tcmsg.encode(writer, headerOf(input, 0));
    tcAttributes.encode(writer, defined({ chain }));
  });
}

function encodeSettings(writer: WireWriter, input: TcFilterInput): void {
  const { kind, options } = input;
  const field = kind === undefined ? undefined : filterField(kind);
  if (field === undefined || (options !== undefined && input[field] === undefined)) {
    if (options !== undefined)
      within('options', () => writeAttribute(writer, TCA_OPTIONS, false, () => hex.encode(writer, options)));
    return;
  }
  const parts: Partial<AttributesOf<Record<never, never>>> & FilterParts = {};
  for (const part of PARTS) if (input[part] !== undefined) Object.assign(parts, { [part]: input[part] });
  // A classifier by itself, as `tc` sends it where it is given no words.
  if (input[field] === undefined && Object.keys(parts).length === 0) return;
  const value = withEthType(input, (input[field] ?? {}) as Flower);
  // Not marked as nested, as `tc` has it: old kernels know no such mark here.
  writeAttribute(writer, TCA_OPTIONS, false, () => {
    try {
      filterKind(field).encode(writer, parts, value);
    } catch (error) {
      // Parts stand beside the settings of the kind in an object, and among them on the wire.
      if (error instanceof ValueError && !PARTS.includes(error.path[0] as never)) error.path.unshift(field);
      throw error;
    }
  });
}

/** ETH_P_8021Q and ETH_P_8021AD. */
const VLANS: readonly (number | undefined)[] = [0x8100, 0x88a8];

/**
 * flower looks at no field of a protocol that it was not told of, whatever packets it is shown. Of frames with a VLAN tag
 * it wants to be told the tag's type, and tells what is behind it.
 */
function withEthType({ kind, protocol }: TcFilterInput, value: Flower): Flower {
  if (kind !== 'flower' || protocol === undefined) return value;
  const number = protocolNumber(protocol);
  const { ethType, vlanEthType, cvlanEthType } = value;
  const behind = VLANS.includes(number) && ethType !== undefined && ethType === (cvlanEthType ?? vlanEthType);
  if (number === undefined || number === ETH_P_ALL || ('ethType' in value && !behind)) return value;
  return { ...value, ethType: protocolWord(number) };
}

function within(field: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift(field);
    throw error;
  }
}

/** For naming attributes: with the table of the kind for the settings. */
export const filterNaming: NamingTable = {
  ...tcAttributes,
  narrow(view, start, end) {
    const { kind = '' } = tcAttributes.decode(view, start, end);
    const field = filterField(kind);
    if (field === undefined) return tcAttributes;
    const { options } = tcAttributes.specs;
    return {
      ...tcAttributes,
      specs: { ...tcAttributes.specs, options: { ...options, table: filterKind(field).table } },
    };
  },
};
