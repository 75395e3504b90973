import {
  type AttributeSpec,
  attribute,
  attributeTable,
  type NamingTable,
  nest,
  walkAttributes,
  writeAttribute,
} from '../netlink/wire/attributes.ts';
import { type Codec, flagBits, flagNames, hex, string, u32, ValueError } from '../netlink/wire/codec.ts';
import { toHex, WireError, WireView } from '../netlink/wire/view.ts';
import { ACTION_KINDS, type ActionCommon, type ActionData, actionField } from './actions/index.ts';
import type { ActionKind } from './actions/kind.ts';
import { bytes } from './route-words.ts';
import { statsAttributes, statsOf, type TcStats } from './tc-message.ts';
import { wholeStruct } from './tc-struct.ts';

/** An action of a filter, or one that stands by itself. man 8 tc-actions. */
export interface Action extends ActionCommon, ActionData {
  kind: string;
  /** In hex: parameters of a kind that is not known here. */
  options?: string;
  stats?: TcStats;
  /** Up to 16 bytes of the program's own, in hex. */
  cookie?: string;
  /** `no_percpu`, `skip_hw`, `skip_sw`; and from the kernel `bind`, ... */
  flags?: string[];
  /** Which counters of hardware are wanted: `immediate`, `delayed`; none of them is `disabled`. Left out for any. */
  hwStats?: string[];
  usedHwStats?: string[];
  inHwCount?: number;
}

/** TCA_ACT_FLAGS_*, TCA_ACT_HW_STATS_*, uapi/linux/pkt_cls.h. */
const FLAGS = { no_percpu: 1, skip_hw: 2, skip_sw: 4 } as const;
const HW_STATS = { immediate: 1, delayed: 2 } as const;

const bitfield32 = wholeStruct('nla_bitfield32', { value: u32, selector: u32 });

const ACT_OPTIONS = 2;

const actAttributes = attributeTable('TCA_ACT', {
  kind: attribute(1, 'TCA_ACT_KIND', string),
  options: attribute(ACT_OPTIONS, 'TCA_ACT_OPTIONS', bytes),
  index: attribute(3, 'TCA_ACT_INDEX', u32),
  stats: nest(4, 'TCA_ACT_STATS', statsAttributes),
  cookie: attribute(6, 'TCA_ACT_COOKIE', hex),
  hwStats: attribute(8, 'TCA_ACT_HW_STATS', bitfield32),
  usedHwStats: attribute(9, 'TCA_ACT_USED_HW_STATS', bitfield32),
  flags: attribute(7, 'TCA_ACT_FLAGS', bitfield32),
  inHwCount: attribute(10, 'TCA_ACT_IN_HW_COUNT', u32),
});

const FIELDS: ReadonlySet<string> = new Set<keyof Action>([
  ...(['kind', 'index', 'control', 'ref', 'bind', 'times', 'options', 'stats', 'cookie', 'flags'] as const),
  ...(['hwStats', 'usedHwStats', 'inHwCount'] as const),
  ...(Object.keys(ACTION_KINDS) as (keyof ActionData)[]),
]);

/** For naming what the kernel complains of: with the table of the kind for its parameters. */
const naming: NamingTable = {
  ...actAttributes,
  narrow(view, start, end) {
    const { kind = '' } = actAttributes.decode(view, start, end);
    const field = actionField(kind);
    if (field === undefined) return actAttributes;
    const { options } = actAttributes.specs;
    const { table } = ACTION_KINDS[field];
    return { ...actAttributes, specs: { ...actAttributes.specs, options: { ...options, table } } };
  },
};

function kindOf(field: keyof ActionData): ActionKind<object> {
  return ACTION_KINDS[field] as unknown as ActionKind<object>;
}

/** One action: the attributes of TCA_ACT. */
export const actionCodec: Codec<Action> = {
  decode(view, start, end) {
    const wire = actAttributes.decode(view, start, end);
    const { kind, options, index, stats, cookie, hwStats, usedHwStats, flags, inHwCount } = wire;
    if (kind === undefined) throw new WireError('an action without TCA_ACT_KIND');
    const names = (bits: { value: number; selector: number }, words: Readonly<Record<string, number>>) =>
      flagNames((bits.value & bits.selector) >>> 0, words);
    const flagWords = flags === undefined ? [] : names(flags, FLAGS);
    return {
      kind,
      ...(index !== undefined && { index }),
      ...parametersOf(kind, options),
      ...(stats && { stats: statsOf(stats) }),
      ...(cookie !== undefined && { cookie }),
      ...(flagWords.length > 0 && { flags: flagWords }),
      ...(hwStats && { hwStats: names(hwStats, HW_STATS) }),
      ...(usedHwStats && { usedHwStats: names(usedHwStats, HW_STATS) }),
      ...(inHwCount !== undefined && { inHwCount }),
    };
  },
  encode(writer, action) {
    if (typeof action !== 'object' || action === null || typeof action.kind !== 'string')
      throw new ValueError(action, "an action such as { kind: 'gact', control: 'drop' }");
    const strange = Object.keys(action).find((field) => !FIELDS.has(field));
    if (strange !== undefined)
      throw named(strange, action[strange as 'kind'], `one of ${[...FIELDS].join(', ')}`);
    const { kind, cookie, flags, hwStats } = action;
    actAttributes.encode(writer, { kind });
    encodeParameters(writer, action);
    actAttributes.encode(writer, {
      ...(cookie !== undefined && { cookie }),
      ...(hwStats && { hwStats: selected('hwStats', hwStats, HW_STATS) }),
      ...(flags && { flags: selected('flags', flags, FLAGS) }),
    });
  },
};

/** What is malformed stays as hex, like the parameters of an unknown kind. */
function parametersOf(kind: string, options: Uint8Array | undefined): Partial<Action> {
  if (options === undefined) return {};
  const field = actionField(kind);
  if (field !== undefined) {
    try {
      const { common, value } = kindOf(field).decode(new WireView(options), 0, options.length);
      return { ...common, [field]: value };
    } catch (error) {
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
    }
  }
  return { options: toHex(options) };
}

function encodeParameters(writer: Parameters<typeof actionCodec.encode>[0], action: Action): void {
  const { kind, options, index, control } = action;
  const field = actionField(kind);
  for (const other of Object.keys(ACTION_KINDS) as (keyof ActionData)[])
    if (other !== field && action[other] !== undefined)
      throw named(other, action[other], `what an action of kind ${kind} has, or kind: '${other}'`);
  if (field === undefined || (options !== undefined && action[field] === undefined)) {
    if (options === undefined)
      throw named('options', options, `the parameters in hex: ${kind} is not known here`);
    within('options', () => writeAttribute(writer, ACT_OPTIONS, true, () => hex.encode(writer, options)));
    return;
  }
  const value = action[field] ?? {};
  const known = kindOf(field);
  const strange = Object.keys(value).find((name) => !known.fields.has(name) && name !== 'raw');
  if (strange !== undefined)
    throw named(`${field}.${strange}`, value[strange as never], `one of ${[...known.fields].join(', ')}`);
  const common = { ...(index !== undefined && { index }), ...(control !== undefined && { control }) };
  within(field, () => writeAttribute(writer, ACT_OPTIONS, true, () => known.encode(writer, common, value)));
}

function selected(field: string, words: readonly string[], bits: Readonly<Record<string, number>>) {
  try {
    const value = flagBits(words, bits);
    return { value, selector: value };
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift(field);
    throw error;
  }
}

function named(field: string, value: unknown, remedy: string): ValueError {
  const error = new ValueError(value, remedy);
  error.path.unshift(field);
  return error;
}

function within(field: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift(field);
    throw error;
  }
}

/** The kernel's limit: TCA_ACT_MAX_PRIO. */
const MOST = 32;

/** A list of actions as an attribute: nests that are numbered from 1 in their order. */
export function actionList(type: number, name: string): AttributeSpec<Action[]> {
  const codec: Codec<Action[]> = {
    decode(view, start, end) {
      const found: { place: number; action: Action }[] = [];
      walkAttributes(view, start, end, (place, from, to) =>
        found.push({ place, action: actionCodec.decode(view, from, to) }),
      );
      return found.sort((one, other) => one.place - other.place).map(({ action }) => action);
    },
    encode(writer, actions) {
      if (!Array.isArray(actions) || actions.length > MOST)
        throw new ValueError(actions, `a list of up to ${MOST} actions`);
      for (const [i, action] of (actions as readonly Action[]).entries()) {
        try {
          writeAttribute(writer, i + 1, false, () => actionCodec.encode(writer, action));
        } catch (error) {
          if (error instanceof ValueError) error.path.unshift(String(i));
          throw error;
        }
      }
    },
  };
  const places = Array.from({ length: MOST }, (_, i) => [
    String(i + 1),
    { ...attribute(i + 1, String(i + 1), codec), table: naming },
  ]);
  return {
    type,
    name,
    codec,
    table: attributeTable('TCA_ACT_TAB', Object.fromEntries(places)),
  };
}
