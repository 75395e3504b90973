import type {
  Cbs,
  Choke,
  Etf,
  Hhf,
  Multiq,
  Plug,
  QfqClass,
  Sfb,
  Skbprio,
} from '../../../route/qdiscs/index.ts';
import { parseInteger, UsageError, type Words } from '../../args.ts';
import {
  any,
  decimal,
  next,
  number,
  parseFloat64,
  type Row,
  rate32,
  readRows,
  says,
  short,
  size,
  time,
  word,
} from './rows.ts';

/** The words of kinds that are seldom met: man 8 tc-choke, tc-cbs, tc-etf, tc-sfb, tc-skbprio. */

const PLAIN = { zero: false };

const CHOKE: readonly Row<Choke>[] = [
  word('limit', number('limit')),
  word('bandwidth', rate32('bandwidth')),
  word('ecn', says('ecn', true)),
  word('min', number('min')),
  word('max', number('max')),
  word('burst', number('burst')),
  word('avpkt', size('avpkt')),
  word('probability', any('probability', parseFloat64)),
];

export function readChoke(words: Words): Choke {
  const choke = readRows(words, CHOKE);
  if (!choke.bandwidth || !choke.limit)
    throw new UsageError('Required parameter (bandwidth, limit) is missing');
  return choke;
}

const HHF: readonly Row<Hhf>[] = [
  word('limit', number('limit', PLAIN)),
  word('quantum', number('quantum', PLAIN)),
  word('hh_limit', number('hhLimit', PLAIN)),
  word('reset_timeout', time('resetTimeout', PLAIN)),
  word('admit_bytes', number('admitBytes', PLAIN)),
  word('evict_timeout', time('evictTimeout', PLAIN)),
  word('non_hh_weight', number('nonHhWeight', PLAIN)),
];
export const readHhf = (words: Words): Hhf => readRows(words, HHF);

export const readMultiq = (words: Words): Multiq => readRows<Multiq>(words, []);

const QFQ: readonly Row<QfqClass>[] = [
  short('weight', decimal('weight')),
  short('maxpkt', decimal('maxpkt')),
];
export const readQfqClass = (words: Words): QfqClass => readRows(words, QFQ);

export function readQfq(words: Words): undefined {
  readRows(words, []);
}

/** Nothing said is nothing sent. */
export function readSkbprio(words: Words): Skbprio | undefined {
  return words.more ? readRows<Skbprio>(words, [word('limit', size('limit'))]) : undefined;
}

/** A number that may be said once. */
function once(field: keyof Omit<Cbs, 'raw'>): Row<Cbs>['take'] {
  return (words, cbs) => {
    if (cbs[field]) throw new UsageError(`cbs: duplicate "${field}" specification`);
    cbs[field] = next(words, field, (given) => parseInteger(given));
  };
}
const CBS: readonly Row<Cbs>[] = (['offload', 'hicredit', 'locredit', 'sendslope', 'idleslope'] as const).map(
  (field) => short<Cbs>(field, once(field)),
);
export const readCbs = (words: Words): Cbs => readRows(words, CBS);

const CLOCKS = ['REALTIME', 'TAI', 'BOOTTIME', 'MONOTONIC'];

function parseClock(given: string): string | undefined {
  const name = given.toUpperCase().replace(/^CLOCK_/, '');
  return CLOCKS.find((clock) => clock === name);
}

const ETF: readonly Row<Etf>[] = [
  short('offload', says('offload', true)),
  short('deadline_mode', says('deadlineMode', true)),
  short('delta', (words, etf) => {
    etf.delta = next(words, 'delta', (given) => parseInteger(given)) / 1000;
  }),
  short('clockid', any('clockid', parseClock)),
  word('skip_sock_check', says('skipSockCheck', true)),
];
/** Without a clock the kernel refuses it. */
export const readEtf = (words: Words): Etf => readRows<Etf>(words, ETF, { clockid: '-1' });

function probability(given: string): number | undefined {
  const value = /^[\d.]/.test(given) ? Number.parseFloat(given) : Number.NaN;
  return value >= 0 && value <= 1 ? value : undefined;
}

/** Milliseconds. */
function milliseconds(field: 'rehash' | 'db'): Row<Sfb>['take'] {
  return (words, sfb) => {
    const draft: { given?: number } = {};
    number<typeof draft>('given', { what: field })(words, draft);
    sfb[field] = (draft.given ?? 0) * 1000;
  };
}

const SFB: readonly Row<Sfb>[] = [
  word('rehash', milliseconds('rehash')),
  word('db', milliseconds('db')),
  word('limit', number('limit')),
  word('max', number('max', PLAIN)),
  word('target', number('target', PLAIN)),
  word('increment', any('increment', probability)),
  word('decrement', any('decrement', probability)),
  word('penalty_rate', number('penaltyRate')),
  word('penalty_burst', number('penaltyBurst')),
];
export const readSfb = (words: Words): Sfb => readRows(words, SFB);

const PLUG: readonly Row<Plug>[] = [
  word('block', says('action', 'block')),
  word('release', says('action', 'release')),
  word('release_indefinite', says('action', 'release_indefinite')),
  word('limit', (words, plug) => {
    plug.action = 'limit';
    size<Plug>('limit')(words, plug);
  }),
];

/** Nothing said is nothing sent. */
export function readPlug(words: Words): Plug | undefined {
  return words.more ? readRows(words, PLUG) : undefined;
}
