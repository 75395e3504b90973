import { parsePrefix } from '../../netlink/wire/address.ts';
import type { NumberRange, Rule } from '../../route/rule.ts';
import { type InetPrefix, inetPrefix, sharesPrefix, unsigned, Words, wrongArgument } from '../args.ts';
import type { Names } from '../names.ts';
import type { IpProtocols } from './ip-protocols.ts';

/** The words after `ip rule show`. Zero and absent are the same to `ip` where a number is asked for. */
export interface RuleShowFilter {
  priority?: number;
  not?: boolean;
  src?: InetPrefix;
  dst?: InetPrefix;
  tos?: number;
  fwmark?: number;
  fwmask?: number;
  iif?: string;
  oif?: string;
  l3mdev?: boolean;
  uidrange?: NumberRange;
  tunId?: bigint;
  table?: number;
  ipproto?: number;
  sport?: NumberRange;
  dport?: NumberRange;
  /** Of `flush` only. */
  protocol?: number;
}

/** sscanf("%u-%u") reads as far as it makes sense. */
function scanRange(word: string): { start: number; end: number | undefined } | undefined {
  const found = /^\s*(\d+)(?:-\s*(\d+))?/.exec(word);
  if (found === null) return undefined;
  return { start: Number(found[1]), end: found[2] === undefined ? undefined : Number(found[2]) };
}

/** `80` or `80-90`, each 16 bits of what is written. */
export function nextPortRange(words: Words, message: string): NumberRange {
  const word = words.next();
  const range = scanRange(word);
  if (range === undefined) throw wrongArgument(word, message);
  return { start: range.start & 0xffff, end: (range.end ?? range.start) & 0xffff };
}

/** `1000-2000`: both ends have to be said. */
export function nextUidRange(words: Words, message: string): NumberRange {
  const word = words.next();
  const range = scanRange(word);
  if (range?.end === undefined) throw wrongArgument(word, message);
  return { start: range.start, end: range.end };
}

export function requireIfname(word: string, message: string): string {
  if (word.length > 15 || word === '' || /[\s/]/.test(word)) throw wrongArgument(word, message);
  return word;
}

function known(value: number | undefined, word: string, message: string): number {
  if (value === undefined) throw wrongArgument(word, message);
  return value;
}

export function parseRuleFilter(
  args: readonly string[],
  family: 'inet' | 'inet6',
  names: Names,
  protocols: IpProtocols,
): RuleShowFilter {
  const filter: RuleShowFilter = {};
  const words = new Words(args);
  while (words.more) {
    if (words.takeAbbreviated('preference', 'order', 'priority')) {
      filter.priority = unsigned(words.next(), 'preference value is invalid');
    } else if (words.take('not')) {
      filter.not = true;
    } else if (words.take('tos', 'dsfield')) {
      const word = words.next();
      filter.tos = known(names.dsfieldId(word), word, 'TOS value is invalid');
    } else if (words.take('fwmark')) {
      const [mark = '', mask] = words.next().split(/\/(.*)/s);
      filter.fwmark = unsigned(mark, 'fwmark value is invalid');
      if (mask !== undefined) filter.fwmask = unsigned(mask, 'fwmask value is invalid');
    } else if (words.take('dev', 'iif')) {
      filter.iif = requireIfname(words.next(), '"iif"/"dev" not a valid ifname');
    } else if (words.take('oif')) {
      filter.oif = requireIfname(words.next(), '"oif" not a valid ifname');
    } else if (words.take('l3mdev')) {
      filter.l3mdev = true;
    } else if (words.take('uidrange')) {
      filter.uidrange = nextUidRange(words, 'invalid UID range');
    } else if (words.takeAbbreviated('tun_id')) {
      const word = words.next();
      if (!/^(0x[0-9a-f]+|\d+)$/i.test(word)) throw wrongArgument(word, '"tun_id" value is invalid');
      filter.tunId = BigInt(/^0\d/.test(word) ? `0o${word.slice(1)}` : word);
    } else if (words.takeAbbreviated('lookup', 'table')) {
      const word = words.next();
      filter.table = known(names.tableId(word), word, 'table id value is invalid');
    } else if (words.takeAbbreviated('from', 'src')) {
      filter.src = inetPrefix(words.next(), family);
    } else if (words.takeAbbreviated('protocol')) {
      // `ip` reads it, and applies it to `flush` only.
      const word = words.next();
      if (word !== 'all') filter.protocol = known(names.protocolId(word), word, 'invalid "protocol"');
    } else if (words.take('ipproto')) {
      const word = words.next();
      filter.ipproto = known(protocols.numberOf(word), word, 'Invalid "ipproto" value');
    } else if (words.take('sport')) {
      filter.sport = nextPortRange(words, 'invalid port range');
    } else if (words.take('dport')) {
      filter.dport = nextPortRange(words, 'invalid dport range');
    } else {
      words.takeAbbreviated('dst', 'to');
      filter.dst = inetPrefix(words.next(), family);
    }
  }
  return filter;
}

/** Whether the rule's prefix lies within the one asked for. */
function within(value: string | undefined, wanted: InetPrefix): boolean {
  const prefix = value === undefined ? undefined : parsePrefix(value);
  if (wanted.length > (prefix?.length ?? 0)) return false;
  return prefix === undefined || sharesPrefix(prefix.bytes, wanted.bytes, wanted.length);
}

function sameRange(one: NumberRange | undefined, wanted: NumberRange): boolean {
  return one !== undefined && one.start === wanted.start && one.end === wanted.end;
}

export function passesRuleFilter(rule: Rule, ipproto: number, filter: RuleShowFilter): boolean {
  const { src, dst, uidrange, sport, dport } = filter;
  return (
    (filter.priority === undefined || rule.priority === filter.priority) &&
    (!filter.not || rule.not === true) &&
    (src === undefined || within(rule.src, src)) &&
    (dst === undefined || within(rule.dst, dst)) &&
    (filter.tos === undefined || (rule.tos ?? 0) === filter.tos) &&
    (!filter.fwmark || (rule.fwmark ?? 0) === filter.fwmark) &&
    (!filter.fwmask || (rule.fwmask ?? 0) === filter.fwmask) &&
    (filter.iif === undefined || rule.iif === filter.iif) &&
    (filter.oif === undefined || rule.oif === filter.oif) &&
    (!filter.l3mdev || rule.l3mdev === true) &&
    (uidrange === undefined || sameRange(rule.uidrange, uidrange)) &&
    (!filter.ipproto || ipproto === filter.ipproto) &&
    (!sport?.start || sameRange(rule.sport, sport)) &&
    (!dport?.start || sameRange(rule.dport, dport)) &&
    (!filter.tunId || rule.tunId === filter.tunId) &&
    (!filter.table || rule.table === filter.table)
  );
}
