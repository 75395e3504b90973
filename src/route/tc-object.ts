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
import { type KindStats, kindField, kindOf, optionsOf } from './qdiscs/index.ts';
import { refuseUnknownFields } from './route-words.ts';
import { type Estimator, statsOf, TCA_OPTIONS, type TcStats, tcAttributes, tcmsg } from './tc-message.ts';
import type { SizeTable } from './tc-rate.ts';

/** What disciplines and classes have in common. */
export interface TcObject {
  /** Its link. */
  ifindex: number;
  /** The name of that link. */
  dev?: string;
  kind: string;
  /** Only where one is told; the kernel seldom does. */
  estimator?: Estimator;
  stab?: SizeTable;
  /** In hex: settings of a kind that is not known here. */
  options?: string;
  /** Counters; those that only its kind has under the name of the kind. */
  stats?: TcStats & KindStats;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

type Wire = AttributesOf<(typeof tcAttributes)['specs']>;
type Of = 'qdisc' | 'class';

/** Runs a kind's decoder; what is malformed stays as hex, like the settings of an unknown kind. */
function tryDecode<T>(
  decode: (view: WireView, start: number, end: number) => T,
  bytes: Uint8Array,
): T | undefined {
  try {
    return decode(new WireView(bytes), 0, bytes.length);
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The header, the attributes that are no kind's own, and the rest as fields of an object. */
export function decodeTc(payload: Uint8Array, of: Of) {
  const view = new WireView(payload);
  const header = tcmsg.decodeAt(view, 0);
  const wire = tcAttributes.decode(view, tcmsg.size, view.length);
  const { kind = '', estimator, stab, raw } = wire;
  const field = kindField(kind);
  const settings = decodeOptions(wire, of);
  const stats = wire.stats2 && decodeStats(wire.stats2, kind);
  const moved = field === undefined ? [] : (kindOf(field).counters ?? []);
  const own = field === undefined ? undefined : (settings as Record<string, Record<string, unknown>>)[field];
  if (field !== undefined && own !== undefined && moved.some((counter) => own[counter] !== undefined)) {
    const counted: Record<string, unknown> = {};
    for (const counter of moved) {
      counted[counter] = own[counter];
      delete own[counter];
    }
    const told: TcStats & KindStats = stats ?? {};
    Object.assign(told, { [field]: { ...(told as Record<string, object>)[field], ...counted } });
    return { header, wire, common: { kind, estimator, stab, raw }, settings, stats: told };
  }
  return { header, wire, common: { kind, estimator, stab, raw }, settings, stats };
}

/** TCA_OPTIONS as the field of its kind, or as `options` in hex. */
function decodeOptions({ kind = '', options }: Wire, of: Of): object {
  // Disciplines without settings come with an empty nest.
  if (options === undefined || options.length === 0) return {};
  const field = kindField(kind);
  const codec = field && optionsOf(field, of);
  const value = codec && tryDecode((view, start, end) => codec.decode(view, start, end), options);
  return field === undefined || value === undefined ? { options: toHex(options) } : { [field]: value };
}

function decodeStats(wire: NonNullable<Wire['stats2']>, kind: string): TcStats & KindStats {
  const stats: TcStats & KindStats = statsOf(wire);
  if (wire.app === undefined) return stats;
  const field = kindField(kind);
  const codec = field && kindOf(field).stats;
  const own = codec && tryDecode((view, start, end) => codec.decode(view, start, end), wire.app);
  if (field !== undefined && own !== undefined) Object.assign(stats, { [field]: own });
  else if (wire.app.length > 0) stats.app = toHex(wire.app);
  return stats;
}

/** Header and attributes of a request; `value` has the settings under the name of its kind. */
export function encodeTc(
  of: Of,
  header: { ifindex: number; handle: number; parent: number },
  attributes: Omit<Wire, 'options' | 'kind'>,
  kind: string,
  value: object,
): Uint8Array {
  return encodePayload((writer) => {
    tcmsg.encode(writer, header);
    tcAttributes.encode(writer, { kind, ...attributes });
    encodeOptions(writer, of, kind, value as Record<string, unknown>);
  });
}

const WHAT = { qdisc: 'discipline', class: 'class' } as const;

function encodeOptions(writer: WireWriter, of: Of, kind: string, value: Record<string, unknown>): void {
  const field = kindField(kind);
  const codec = field && optionsOf(field, of);
  const always = field !== undefined && (of === 'class' || kindOf(field).always === true);
  const given = field && value[field];
  if (field !== undefined && codec === undefined && given !== undefined)
    throw new InvalidArgumentError(field, given, `is nothing that a ${WHAT[of]} of kind ${kind} has`, 'none');
  const settings = given ?? (always && value.options === undefined ? {} : undefined);
  if (field !== undefined && codec !== undefined && settings !== undefined) {
    refuseUnknownFields(settings as object, codec.fields, {}, `${field}.`);
    within(field, () =>
      writeAttribute(writer, TCA_OPTIONS, codec.nested, () =>
        codec.encode(writer, settings as Record<string, unknown>),
      ),
    );
  } else if (value.options !== undefined) {
    const { options } = value;
    within('options', () =>
      writeAttribute(writer, TCA_OPTIONS, false, () => hex.encode(writer, options as string)),
    );
  }
}

function within(field: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift(field);
    throw error;
  }
}

/** Refuses settings of another kind than the object's. */
export function checkKind(value: { kind?: string }, fields: readonly string[], what: string): void {
  const { kind } = value;
  const own = kind === undefined ? undefined : kindField(kind);
  for (const field of fields) {
    if (field === own || (value as Record<string, unknown>)[field] === undefined) continue;
    throw new InvalidArgumentError(
      field,
      (value as Record<string, unknown>)[field],
      kind === undefined ? 'is for a kind that is not said' : `is nothing that a ${what} of kind ${kind} has`,
      `kind: '${kindOf(field as never).kind}', or other settings`,
    );
  }
}

/** For naming attributes: with the table of the kind for the settings. */
export function namingOf(of: Of): NamingTable {
  return {
    ...tcAttributes,
    narrow(view, start, end) {
      const { kind = '' } = tcAttributes.decode(view, start, end);
      const field = kindField(kind);
      const table = field && optionsOf(field, of)?.table;
      if (table === undefined) return tcAttributes;
      const { options } = tcAttributes.specs;
      return { ...tcAttributes, specs: { ...tcAttributes.specs, options: { ...options, table } } };
    },
  };
}
