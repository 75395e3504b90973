/** Rules on their way to the kernel: what `ip rule add` takes in words, as RTM_NEWRULE and RTM_DELRULE. */
import { InvalidArgumentError } from '../handle/errors.ts';
import { parsePrefix } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import { fieldFlags } from './field-flags.ts';
import type { Realms } from './route-nexthops.ts';
import { refuseUnknownFields, tableNumber } from './route-words.ts';
import {
  fibRuleHdr,
  INVERT,
  type NumberRange,
  REPORTED,
  RULE_FLAGS,
  type Rule,
  type RuleInput,
  ruleAttributes,
} from './rule-message.ts';

const TABLE_MAIN = 254;

const FIELDS: ReadonlySet<string> = new Set<keyof Rule>([
  'family',
  'priority',
  'not',
  'src',
  'dst',
  'tos',
  'dscp',
  'dscpMask',
  'fwmark',
  'fwmask',
  'iif',
  'oif',
  'l3mdev',
  'uidrange',
  'ipproto',
  'sport',
  'sportMask',
  'dport',
  'dportMask',
  'tunId',
  'flowlabel',
  'flowlabelMask',
  'action',
  'table',
  'goto',
  'suppressPrefixlength',
  'suppressIfgroup',
  'realms',
  'protocol',
  'flags',
  'raw',
]);
const HINTS = {
  from: '"src"',
  to: '"dst"',
  pref: '"priority"',
  preference: '"priority"',
  lookup: '"table"',
  type: '"action"',
  invert: '"not: true"',
  dev: '"iif" or "oif"',
  mark: '"fwmark"',
  proto: '"protocol"',
} as const;

/** Refuses what is no object and fields that no rule has. `what` is the object's name for the message. */
export function checkFields(input: object, what: string): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', what);
}

function parseRange(field: string, value: number | string | NumberRange | undefined, max: number) {
  if (value === undefined) return undefined;
  let range: NumberRange;
  if (typeof value === 'number') range = { start: value, end: value };
  else if (typeof value === 'string') {
    const [start, end] = value.split('-', 2).map((word) => (/^\d+$/.test(word) ? Number(word) : Number.NaN));
    range = { start: start ?? Number.NaN, end: end ?? start ?? Number.NaN };
  } else range = value ?? { start: Number.NaN, end: Number.NaN };
  const inside = (end: number) => Number.isInteger(end) && end >= 0 && end <= max;
  if (!inside(range.start) || !inside(range.end) || range.start > range.end)
    throw new InvalidArgumentError(
      field,
      value,
      'is no range',
      `a number up to ${max}, "80-90", or { start: 80, end: 90 }`,
    );
  return range;
}

function parseMark(mark: number | string | undefined, mask: number | undefined) {
  if (typeof mark !== 'string') return defined({ fwmark: mark, fwmask: mask });
  const words = mark
    .split('/')
    .map((word) => (/^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN));
  if (words.length > 2 || words.some(Number.isNaN))
    throw new InvalidArgumentError('fwmark', mark, 'is no mark', 'a number, or "0x10/0xff" with a mask');
  return defined({ fwmark: words[0], fwmask: words[1] ?? mask });
}

function parseSelector(field: 'src' | 'dst', value: string | undefined) {
  if (value === undefined || value === 'all' || value === 'any' || value === 'default') return undefined;
  const prefix = parsePrefix(value);
  if (prefix === undefined)
    throw new InvalidArgumentError(field, value, 'is no prefix', 'a prefix such as 10.0.0.0/8, or all');
  return prefix;
}

/** Both prefixes of a rule, and its family: IPv4 unless something says otherwise, as in `ip rule`. */
function parsePrefixes(input: RuleInput) {
  const src = parseSelector('src', input.src);
  const dst = parseSelector('dst', input.dst);
  const family = input.family ?? src?.family ?? dst?.family ?? 'inet';
  const base = family === 'ipmr' ? 'inet' : family === 'ip6mr' ? 'inet6' : family;
  for (const [field, prefix] of [
    ['src', src],
    ['dst', dst],
  ] as const) {
    if (prefix !== undefined && prefix.family !== base)
      throw new InvalidArgumentError(field, prefix.address, `is not of ${base}`, `a prefix of ${base}`);
  }
  return { src, dst, family };
}

/**
 * The payload of RTM_NEWRULE (`add`) or RTM_DELRULE (`del`): a deletion leaves out what was not said, and the
 * kernel deletes the first rule that fits the rest.
 */
export function encodeRule(verb: 'add' | 'del', input: RuleInput): Uint8Array {
  checkFields(input, 'rule');
  const { src, dst, family } = parsePrefixes(input);
  const action = input.action ?? (input.goto !== undefined ? 'goto' : verb === 'add' ? 'lookup' : 'unspec');
  let table = input.table === undefined ? undefined : tableNumber(input.table);
  if (verb === 'add' && table === undefined && action === 'lookup' && input.l3mdev !== true)
    table = TABLE_MAIN;
  const { realms } = input;
  const flags = Array.isArray(input.flags)
    ? input.flags.filter((flag) => !REPORTED.includes(flag))
    : (input.flags ?? []);
  return encodePayload((writer) => {
    fibRuleHdr.encode(writer, {
      family,
      dstLength: dst?.length ?? 0,
      srcLength: src?.length ?? 0,
      tos: input.tos ?? 0,
      // A byte has no room for more: the kernel puts RT_TABLE_COMPAT (252) there, and the number into FRA_TABLE.
      table: table === undefined ? 0 : table < 256 ? table : 252,
      action,
      flags: fieldFlags('flags', flags, RULE_FLAGS) | (input.not ? INVERT : 0),
    });
    ruleAttributes.encode(writer, {
      ...defined({ dst: dst?.address, src: src?.address, table }),
      ...parseMark(input.fwmark, input.fwmask),
      ...defined({
        iif: input.iif,
        goto: input.goto,
        priority: input.priority,
        flow: realms === undefined ? undefined : realmNumber('realms', realms),
        tunId: parseTunId(input.tunId),
        suppressIfgroup: input.suppressIfgroup,
        suppressPrefixlength: input.suppressPrefixlength,
        oif: input.oif,
        l3mdev: input.l3mdev === true ? true : undefined,
        uidrange: parseRange('uidrange', input.uidrange, 0xfffffffe),
        protocol: input.protocol,
        ipproto: input.ipproto === undefined ? undefined : String(input.ipproto),
        sport: parseRange('sport', input.sport, 0xffff),
        dport: parseRange('dport', input.dport, 0xffff),
        dscp: input.dscp,
        flowlabel: input.flowlabel,
        // The kernel wants the mask said.
        flowlabelMask: input.flowlabelMask ?? (input.flowlabel === undefined ? undefined : 0xfffff),
        sportMask: input.sportMask,
        dportMask: input.dportMask,
        dscpMask: input.dscpMask,
        raw: input.raw,
      }),
    });
  });
}

function parseTunId(id: RuleInput['tunId']): bigint | undefined {
  if (id === undefined || typeof id === 'bigint') return id;
  try {
    return BigInt(id);
  } catch {
    throw new InvalidArgumentError('tunId', id, 'is no tunnel id', 'an integer, or its digits');
  }
}

function realmNumber(field: string, realms: Realms): number {
  const { from = 0, to } = realms ?? { to: Number.NaN };
  const inside = (realm: number) => Number.isInteger(realm) && realm >= 0 && realm <= 0xffff;
  if (!inside(from) || !inside(to))
    throw new InvalidArgumentError(field, realms, 'are no realms', '{ from, to } with numbers up to 65535');
  return from * 0x10000 + to;
}
