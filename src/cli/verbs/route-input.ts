import type { MetricName, RouteInput, RouteMetrics, RouteNexthop } from '../../route/route.ts';
import { ROUTE_SCOPES, ROUTE_TYPES, wordOf } from '../../route/route-words.ts';
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
  readonly input: RouteInput;
  metrics: RouteMetrics | undefined;
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
    input: { dst: '' },
    metrics: undefined,
    locks: [],
    type: undefined,
    scope: undefined,
    device: undefined,
    gateway: false,
  };
  while (words.more) {
    const take = keyword(words.need());
    if (take === 'nexthops') break;
    if (take === undefined) takeDestination(words, draft);
    else {
      words.next();
      const pending = take(words, draft, context);
      if (pending !== undefined) await pending;
    }
  }
  const { input, metrics, locks } = draft;
  if (input.dst === '') throw new UsageError('Error: a destination is required. Try "help".');
  if (draft.device !== undefined) input.oif = await context.linkIndex(draft.device);
  if (metrics !== undefined) {
    if (locks.length > 0) metrics.lock = locks;
    input.metrics = metrics;
  }
  if (words.more) input.nexthops = await takeNexthops(words, draft.guess, context);
  const { via, oif, encap, nexthops } = input;
  if (input.nexthopId && [via, oif, encap, nexthops].some((part) => part !== undefined)) throw twoPaths();
  complete(draft);
  return input;
}

/** The kernel's words: the library, which takes routes as they were listed, would leave the path out. */
function twoPaths(): UsageError {
  return new UsageError('Error: Nexthop specification and nexthop id are mutually exclusive.');
}

/** Fills in what was not said. */
function complete({ purpose, guess, input, type, scope, gateway }: Draft): void {
  const family = guess.family ?? 'inet';
  const kind = type ?? (purpose === 'del' && family !== 'mpls' ? TYPE.unspec : TYPE.unicast);
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
  input.family = FAMILY_WORDS[family];
  input.table ??= LOCAL_TYPES.includes(kind) ? TABLE.local : TABLE.main;
  // As words where there are any: everyday routes then take the short way through a batch.
  if (kind !== TYPE.unspec) input.type = wordOf(ROUTE_TYPES, kind);
  input.scope = wordOf(ROUTE_SCOPES, reach);
}

/** ROUTE_FAMILIES of the library has no words for the last two: no kernel has routes of theirs. */
const FAMILY_WORDS = { inet: 'inet', inet6: 'inet6', mpls: 'mpls', link: '17', bridge: '7' } as const;

/** Reads what stands behind its word. */
type Take = (words: Words, draft: Draft, context: ShowContext) => void | Promise<void>;

function metricsOf(draft: Draft): RouteMetrics {
  draft.metrics ??= {};
  return draft.metrics;
}

/** What a word says goes into one field. */
function field<K extends keyof RouteInput>(
  name: K,
  read: (words: Words, draft: Draft, context: ShowContext) => RouteInput[K],
): Take {
  return (words, draft, context) => {
    draft.input[name] = read(words, draft, context);
  };
}

function metric<K extends MetricName>(name: K, read: (words: Words) => RouteMetrics[K]): Take {
  return (words, draft) => {
    metricsOf(draft)[name] = read(words);
  };
}

function lockable<K extends MetricName>(name: K, read: (words: Words) => RouteMetrics[K]): Take {
  return (words, draft) => {
    if (words.take('lock')) draft.locks.push(name);
    metricsOf(draft)[name] = read(words);
  };
}

const number = (called: string, max?: number) => (words: Words) =>
  nextNumber(words, `"${called}" value is invalid\n`, max);

const takeTos = field('tos', (words, _draft, { names }) =>
  nextNamed(words, (word) => names.dsfieldId(word), '"tos" value is invalid\n'),
);
const takePriority = field('metric', number('metric'));
const takeDevice: Take = (words, draft) => {
  draft.device = words.next();
};

/** In the order in which `ip` compares them: `r` is reordering, `m` is metric. */
const KEYWORDS: readonly (readonly [name: string, how: 'full' | 'short', take: Take | 'nexthops'])[] = [
  ['src', 'full', field('prefsrc', (words, { guess }) => guess.address(words.next()))],
  ['as', 'full', takeNewDestination],
  ['via', 'full', takeVia],
  ['from', 'full', takeFrom],
  ['tos', 'full', takeTos],
  ['dsfield', 'short', takeTos],
  ['expires', 'full', field('expires', number('expires'))],
  ['metric', 'short', takePriority],
  ['priority', 'short', takePriority],
  ['preference', 'full', takePriority],
  ['scope', 'full', takeScope],
  ['mtu', 'full', lockable('mtu', number('mtu'))],
  ['hoplimit', 'full', lockable('hoplimit', number('hoplimit', 255))],
  ['advmss', 'full', lockable('advmss', number('mss'))],
  ['reordering', 'short', lockable('reordering', number('reordering'))],
  ['rtt', 'full', lockable('rtt', (words) => nextTime(words, 'rtt', 8))],
  ['rto_min', 'full', takeRtoMin],
  ['window', 'short', lockable('window', number('window'))],
  ['cwnd', 'short', lockable('cwnd', number('cwnd'))],
  ['initcwnd', 'short', lockable('initcwnd', number('initcwnd'))],
  ['initrwnd', 'short', lockable('initrwnd', number('initrwnd'))],
  ['features', 'short', metric('features', nextFeatures)],
  ['quickack', 'short', metric('quickack', (words) => nextBit(words, 'quickack'))],
  ['congctl', 'short', lockable('congctl', (words) => words.next())],
  ['rttvar', 'short', lockable('rttvar', (words) => nextTime(words, 'rttvar', 4))],
  ['ssthresh', 'short', lockable('ssthresh', number('ssthresh'))],
  ['realms', 'short', field('realms', (words, _draft, { names }) => nextRealms(words, names))],
  ['onlink', 'full', field('flags', () => ['onlink'])],
  ['nexthop', 'full', 'nexthops'],
  ['nhid', 'full', field('nexthopId', number('id'))],
  ['protocol', 'short', field('protocol', nextProtocol)],
  ['table', 'short', field('table', nextTable)],
  ['vrf', 'short', takeVrf],
  ['dev', 'full', takeDevice],
  ['oif', 'full', takeDevice],
  ['pref', 'short', field('pref', nextPreference)],
  ['encap', 'full', takeTunnel],
  ['ttl-propagate', 'full', field('ttlPropagate', nextPropagation)],
  [
    'fastopen_no_cookie',
    'short',
    metric('fastopenNoCookie', (words) => nextBit(words, 'fastopen_no_cookie')),
  ],
];

function takeNewDestination(words: Words, { guess, input }: Draft): void {
  words.take('to');
  input.newdst = guess.address(words.next());
}

function takeVia(words: Words, draft: Draft): void {
  if (draft.gateway) throw wrongArgument('via', 'use nexthop syntax to specify multiple via\n');
  draft.gateway = true;
  draft.input.via = nextGateway(words, draft.guess);
}

function takeFrom(words: Words, { guess, input }: Draft): void {
  const { text, none } = guess.prefix(words.next());
  if (!none) input.from = text;
}

function takeScope(words: Words, draft: Draft, { names }: ShowContext): void {
  draft.scope = nextNamed(words, (word) => names.scopeId(word), 'invalid "scope" value\n');
}

function takeRtoMin(words: Words, draft: Draft): void {
  draft.locks.push('rtoMin');
  metricsOf(draft).rtoMin = nextTime(words, 'rto_min', 1);
}

async function takeVrf(words: Words, { input }: Draft, context: ShowContext): Promise<void> {
  input.table = await vrfTable(words.next(), context);
}

async function takeTunnel(words: Words, { input }: Draft, context: ShowContext): Promise<void> {
  input.encap = await takeEncap(words, context);
}

function nextProtocol(words: Words, _draft: Draft, { names }: ShowContext): number {
  return nextNamed(words, (word) => names.protocolId(word), '"protocol" value is invalid\n');
}

function nextTable(words: Words, _draft: Draft, { names }: ShowContext): number {
  return nextNamed(words, (word) => names.tableId(word), '"table" value is invalid\n');
}

function nextFeatures(words: Words): string[] {
  return [nextOf(words, { ecn: 'ecn' }, '"features" value not valid\n')];
}

/** Keywords that have been met: the lines of a batch have few of them, and thousands of times. */
const met = new Map<string, Take | 'nexthops'>();
const LOWER_A = 0x61;

/** Undefined for whatever is no keyword, which is a destination. */
function keyword(word: string): Take | 'nexthops' | undefined {
  // No keyword begins with a digit, and most destinations do.
  if (word.charCodeAt(0) < LOWER_A) return undefined;
  let take = met.get(word);
  if (take === undefined) {
    const found = KEYWORDS.find(([name, how]) => (how === 'full' ? word === name : matches(word, name)));
    take = found?.[2];
    // Destinations are met once.
    if (take !== undefined) met.set(word, take);
  }
  return take;
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
  if (draft.input.dst !== '')
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
