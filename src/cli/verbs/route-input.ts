import type { MetricName, RouteInput, RouteMetrics, RouteNexthop } from '../../route/route.ts';
import { matches, UsageError, Words, wrongArgument } from '../args.ts';
import { familyWord, parseRealms, routeTypeNumber, vrfTable } from '../route-words.ts';
import type { ShowContext } from '../show/view.ts';
import { takeEncap } from './encap.ts';
import { addressText, FamilyGuess, familyOfText, nextNamed, nextNumber, nextOf } from './words.ts';

/** The words of `ip route add` and its kin, man 8 ip-route. */

/** RTN_*. */
const TYPE = { unspec: 0, unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, nat: 10 } as const;
const LOCAL_TYPES: readonly number[] = [TYPE.local, TYPE.broadcast, TYPE.nat, TYPE.anycast];
/** RT_SCOPE_*. */
const SCOPE = { global: 0, link: 253, host: 254, nowhere: 255 } as const;
/** RT_TABLE_*. */
const TABLE = { main: 254, local: 255 } as const;

const PREFERENCES = { low: 'low', medium: 'medium', high: 'high' };

/** What the words say, before the defaults that hang on each other. */
interface Draft {
  readonly purpose: 'new' | 'del';
  readonly guess: FamilyGuess;
  readonly input: Partial<RouteInput>;
  readonly metrics: RouteMetrics;
  readonly locks: MetricName[];
  type: number | undefined;
  scope: number | undefined;
  device: string | undefined;
  gateway: boolean;
}

/** Reads the words behind the verb. Every default is `ip`'s, and filled in, so that the library has none to add. */
export async function readRoute(
  args: readonly string[],
  context: ShowContext,
  purpose: 'new' | 'del',
): Promise<RouteInput> {
  const words = new Words(args);
  const draft: Draft = {
    purpose,
    guess: new FamilyGuess(context.options.family),
    input: {},
    metrics: {},
    locks: [],
    type: undefined,
    scope: undefined,
    device: undefined,
    gateway: false,
  };
  while (words.more) {
    if (words.peek === 'nexthop') break;
    if (takeMetric(words, draft)) continue;
    if (takePlainWord(words, draft, context)) continue;
    if (words.takeAbbreviated('vrf')) draft.input.table = await vrfTable(words.next(), context);
    else if (words.take('dev', 'oif')) draft.device = words.next();
    else if (words.takeAbbreviated('pref')) draft.input.pref = nextPreference(words);
    else if (words.take('encap')) draft.input.encap = await takeEncap(words, context);
    else if (words.take('ttl-propagate')) draft.input.ttlPropagate = nextPropagation(words);
    else if (words.takeAbbreviated('fastopen_no_cookie'))
      draft.metrics.fastopenNoCookie = nextBit(words, 'fastopen_no_cookie');
    else takeDestination(words, draft);
  }
  if (draft.input.dst === undefined) throw new UsageError('Error: a destination is required. Try "help".');
  if (draft.device !== undefined) draft.input.oif = await context.linkIndex(draft.device);
  if (Object.keys(draft.metrics).length > 0) {
    draft.input.metrics = { ...draft.metrics, ...(draft.locks.length > 0 && { lock: draft.locks }) };
  }
  if (words.more) draft.input.nexthops = await takeNexthops(words, draft.guess, context);
  return complete(draft);
}

function complete({ purpose, guess, input, type, scope, gateway }: Draft): RouteInput {
  const family = guess.family ?? 'inet';
  const kind = type ?? (purpose === 'del' && family !== 'mpls' ? TYPE.unspec : TYPE.unicast);
  const table = input.table ?? (LOCAL_TYPES.includes(kind) ? TABLE.local : TABLE.main);
  let reach = scope;
  if (reach === undefined) {
    reach = purpose === 'new' ? SCOPE.global : SCOPE.nowhere;
    if (family === 'inet6' || family === 'mpls') reach = SCOPE.global;
    else if (kind === TYPE.local || kind === TYPE.nat) reach = SCOPE.host;
    else if (kind === TYPE.broadcast || kind === TYPE.multicast || kind === TYPE.anycast) reach = SCOPE.link;
    else if (kind === TYPE.unicast || kind === TYPE.unspec) {
      const direct = !gateway && input.nexthops === undefined && (input.nexthopId ?? 0) === 0;
      if (purpose === 'new' && direct) reach = SCOPE.link;
    }
  }
  return {
    ...input,
    dst: input.dst ?? 'default',
    family: FAMILY_WORDS[family],
    table,
    type: String(kind),
    scope: String(reach),
  };
}

/** ROUTE_FAMILIES of the library has no words for the last two: no kernel has routes of theirs. */
const FAMILY_WORDS = { inet: 'inet', inet6: 'inet6', mpls: 'mpls', link: '17', bridge: '7' } as const;

/** Metrics that are plain numbers: how `ip` compares the word, and how it calls the value when it is wrong. */
const NUMBER_METRICS: readonly {
  readonly word: string;
  readonly field: MetricName;
  readonly full?: true;
  readonly max?: number;
  readonly called?: string;
}[] = [
  { word: 'mtu', field: 'mtu', full: true },
  { word: 'hoplimit', field: 'hoplimit', full: true, max: 255 },
  { word: 'advmss', field: 'advmss', full: true, called: 'mss' },
  { word: 'reordering', field: 'reordering' },
  { word: 'window', field: 'window' },
  { word: 'cwnd', field: 'cwnd' },
  { word: 'initcwnd', field: 'initcwnd' },
  { word: 'initrwnd', field: 'initrwnd' },
  { word: 'ssthresh', field: 'ssthresh' },
];

/** Words that `ip` compares before the metrics, so that an abbreviation of one is none of a metric. */
function comesFirst(word: string): boolean {
  return matches(word, 'dsfield') || matches(word, 'metric') || matches(word, 'priority');
}

function takeMetric(words: Words, draft: Draft): boolean {
  const word = words.need();
  if (comesFirst(word)) return false;
  const { metrics, locks } = draft;
  const lockable = (field: MetricName) => {
    if (words.take('lock')) locks.push(field);
  };
  // The order of the comparisons is `ip`'s: `r` is reordering, not rtt.
  const plain = NUMBER_METRICS.find(({ word: name, full }) => (full ? word === name : matches(word, name)));
  if (plain !== undefined) {
    words.next();
    lockable(plain.field);
    const complaint = `"${plain.called ?? plain.word}" value is invalid\n`;
    Object.assign(metrics, { [plain.field]: nextNumber(words, complaint, plain.max) });
  } else if (words.take('rtt')) {
    lockable('rtt');
    metrics.rtt = nextTime(words, 'rtt', 8);
  } else if (words.take('rto_min')) {
    locks.push('rtoMin');
    metrics.rtoMin = nextTime(words, 'rto_min', 1);
  } else if (words.takeAbbreviated('features'))
    metrics.features = [nextOf(words, { ecn: 'ecn' }, '"features" value not valid\n')];
  else if (words.takeAbbreviated('quickack')) metrics.quickack = nextBit(words, 'quickack');
  else if (words.takeAbbreviated('congctl')) {
    lockable('congctl');
    metrics.congctl = words.next();
  } else if (words.takeAbbreviated('rttvar')) {
    lockable('rttvar');
    metrics.rttvar = nextTime(words, 'rttvar', 4);
  } else return false;
  return true;
}

function nextBit(words: Words, name: string): number {
  const word = words.need();
  const value = nextNumber(words, `"${name}" value is invalid\n`);
  if (value > 1) throw wrongArgument(word, `"${name}" value should be 0 or 1\n`);
  return value;
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  secs: 1000,
  ms: 1,
  msec: 1,
  msecs: 1,
};

/** In milliseconds; a number without a unit is in the kernel's own, `scale` of which make one. */
function nextTime(words: Words, name: string, scale: number): number {
  const word = words.next();
  const parts = /^(0x[0-9a-f]+|\d*\.\d*|\d+)([a-z]*)$/i.exec(word);
  const number = Number(parts?.[1] === '.' ? Number.NaN : parts?.[1]);
  const unit = parts?.[2] ?? '';
  const factor = unit === '' ? 1 : TIME_UNITS[unit.toLowerCase()];
  if (parts === null || !Number.isFinite(number) || factor === undefined)
    throw wrongArgument(word, `"${name}" value is invalid\n`);
  const whole = Math.ceil(number * factor);
  return unit === '' ? whole / scale : whole;
}

/** Words that take no look at the kernel. */
function takePlainWord(words: Words, draft: Draft, { names }: ShowContext): boolean {
  const { guess, input } = draft;
  if (words.take('src')) input.prefsrc = guess.address(words.next());
  else if (words.take('as')) {
    words.take('to');
    input.newdst = guess.address(words.next());
  } else if (words.peek === 'via') {
    if (draft.gateway) throw wrongArgument('via', 'use nexthop syntax to specify multiple via\n');
    words.next();
    draft.gateway = true;
    input.via = nextGateway(words, guess);
  } else if (words.take('from')) {
    const { text, none } = guess.prefix(words.next());
    if (!none) input.from = text;
  } else if (words.take('tos') || words.takeAbbreviated('dsfield'))
    input.tos = nextNamed(words, (word) => names.dsfieldId(word), '"tos" value is invalid\n');
  else if (words.take('expires')) input.expires = nextNumber(words, '"expires" value is invalid\n');
  else if (words.takeAbbreviated('metric', 'priority') || words.take('preference'))
    input.metric = nextNumber(words, '"metric" value is invalid\n');
  else if (words.take('scope'))
    draft.scope = nextNamed(words, (word) => names.scopeId(word), 'invalid "scope" value\n');
  else if (words.takeAbbreviated('realms')) input.realms = nextRealms(words, names);
  else if (words.take('onlink')) input.flags = ['onlink'];
  else if (words.take('nhid')) input.nexthopId = nextNumber(words, '"id" value is invalid\n');
  else if (words.takeAbbreviated('protocol'))
    input.protocol = nextNamed(words, (word) => names.protocolId(word), '"protocol" value is invalid\n');
  else if (words.takeAbbreviated('table'))
    input.table = nextNamed(words, (word) => names.tableId(word), '"table" value is invalid\n');
  else return false;
  return true;
}

/** `via [FAMILY] ADDRESS`: an address of another family only where that is said. */
export function nextGateway(words: Words, guess: FamilyGuess): string {
  const family = familyWord(words.need());
  if (family !== undefined) words.next();
  const text = addressText(words.next(), family ?? guess.family);
  guess.family ??= familyOfText(text);
  return text;
}

export function nextRealms(words: Words, names: ShowContext['names']): { from: number; to: number } {
  const value = nextNamed(words, (word) => parseRealms(word, names), '"realm" value is invalid\n');
  return { from: value >>> 16, to: value & 0xffff };
}

function nextPreference(words: Words): string {
  const word = words.need();
  if (Object.hasOwn(PREFERENCES, word)) return words.next();
  return String(nextNumber(words, '"pref" value is invalid\n', 255));
}

function nextPropagation(words: Words): boolean {
  const word = words.next();
  if (matches(word, 'enabled')) return true;
  if (matches(word, 'disabled')) return false;
  throw wrongArgument(word, '"ttl-propagate" value is invalid\n');
}

/** `[to] [TYPE] PREFIX`: whatever is no other word. */
function takeDestination(words: Words, draft: Draft): void {
  words.take('to');
  const word = words.need();
  const type = /^\d/.test(word) ? undefined : routeTypeNumber(word);
  if (type !== undefined) {
    words.next();
    draft.type = type;
  }
  const target = words.next();
  if (draft.input.dst !== undefined)
    throw new UsageError(`Error: either "to" is duplicate, or "${target}" is a garbage.`);
  draft.input.dst = draft.guess.prefix(target).text;
}

async function takeNexthops(words: Words, guess: FamilyGuess, context: ShowContext): Promise<RouteNexthop[]> {
  const list: RouteNexthop[] = [];
  while (words.more) {
    const word = words.next();
    if (word !== 'nexthop')
      throw new UsageError(`Error: "nexthop" or end of line is expected instead of "${word}"`);
    if (!words.more) throw new UsageError('Error: unexpected end of line after "nexthop"');
    list.push(await takeNexthop(words, guess, context));
  }
  return list;
}

async function takeNexthop(words: Words, guess: FamilyGuess, context: ShowContext): Promise<RouteNexthop> {
  const nexthop: RouteNexthop = {};
  while (words.more) {
    if (words.take('via')) nexthop.via = nextGateway(words, guess);
    else if (words.take('dev')) nexthop.oif = await context.linkIndex(words.next());
    else if (words.take('weight')) {
      const word = words.need();
      nexthop.weight = nextNumber(words, '"weight" is invalid\n', 256);
      if (nexthop.weight === 0) throw wrongArgument(word, '"weight" is invalid\n');
    } else if (words.take('onlink')) nexthop.flags = ['onlink'];
    else if (words.takeAbbreviated('realms')) nexthop.realms = nextRealms(words, context.names);
    else if (words.take('encap')) nexthop.encap = await takeEncap(words, context);
    else if (words.take('as')) {
      words.take('to');
      nexthop.newdst = addressText(words.next(), guess.family);
    } else break;
  }
  return nexthop;
}
