import type { Codel, Fifo, Fq, FqCodel, FqPie, Pie, Prio } from '../../../route/qdiscs/index.ts';
import { parseUnsigned, UsageError, type Words } from '../../args.ts';
import { parseTimeNs } from '../../show/tc/unit-words.ts';
import {
  any,
  illegal,
  number,
  parseDecimal,
  type Row,
  rate32,
  readRows,
  says,
  size,
  time,
  word,
} from './rows.ts';

/** The words of fair and of managed queues: man 8 tc-fq, tc-fq_codel, tc-codel, tc-pie, tc-fq_pie, tc-pfifo, tc-prio. */

const FQ: readonly Row<Fq>[] = [
  word('limit', number('limit')),
  word('flow_limit', number('flowLimit')),
  word('buckets', number('buckets', { zero: false })),
  word('maxrate', rate32('maxrate')),
  word('low_rate_threshold', rate32('lowRateThreshold')),
  word('ce_threshold', time('ceThreshold')),
  word('timer_slack', any('timerSlack', parseTimeNs)),
  word('horizon_drop', says('horizonDrop', true)),
  word('horizon_cap', says('horizonDrop', false)),
  word('horizon', time('horizon')),
  word('defrate', rate32('defrate')),
  word('quantum', number('quantum')),
  word('initial_quantum', number('initialQuantum')),
  word('orphan_mask', number('orphanMask')),
  word('refill_delay', time('refillDelay')),
  word('pacing', says('pacing', true)),
  word('nopacing', says('pacing', false)),
];
export const readFq = (words: Words): Fq => readRows(words, FQ);

const PLAIN = { zero: false };
const NEVER = 0xffffffff;

/** 4294967295 is the same as not to say anything. */
function unlessNever<T>(field: keyof T & string, row: Row<T>): Row<T> {
  return {
    ...row,
    take(words, settings) {
      row.take(words, settings);
      if (settings[field] === (NEVER as unknown)) delete settings[field];
    },
  };
}

const FQ_CODEL: readonly Row<FqCodel>[] = [
  word('limit', number('limit', PLAIN)),
  word('flows', number('flows', PLAIN)),
  word('quantum', number('quantum', PLAIN)),
  word('drop_batch', number('dropBatch', PLAIN)),
  word('target', time('target', PLAIN)),
  unlessNever('ceThreshold', word('ce_threshold', time('ceThreshold'))),
  word('ce_threshold_selector', takeSelector),
  unlessNever('memoryLimit', word('memory_limit', size('memoryLimit'))),
  word('interval', time('interval', PLAIN)),
  word('ecn', says('ecn', true)),
  word('noecn', says('ecn', false)),
];
export const readFqCodel = (words: Words): FqCodel => readRows(words, FQ_CODEL);

function takeSelector(words: Words, settings: FqCodel): void {
  const [selector = '', mask] = words.next().split(/\/(.*)/s);
  if (mask === undefined) throw new UsageError('Missing mask for "ce_threshold_selector"');
  const [value, bits] = [parseUnsigned(selector, 0xff), parseUnsigned(mask, 0xff)];
  if (bits === undefined) throw new UsageError('Illegal mask for "ce_threshold_selector"');
  if (value === undefined) throw illegal('ce_threshold_selector');
  settings.ceThresholdSelector = value;
  settings.ceThresholdMask = bits;
}

const CODEL: readonly Row<Codel>[] = [
  word('limit', number('limit', PLAIN)),
  word('target', time('target', PLAIN)),
  unlessNever('ceThreshold', word('ce_threshold', time('ceThreshold'))),
  word('interval', time('interval', PLAIN)),
  word('ecn', says('ecn', true)),
  word('noecn', says('ecn', false)),
];
export const readCodel = (words: Words): Codel => readRows(words, CODEL);

const upTo32 = (given: string) => parseUnsigned(given, 32);

const PIE: readonly Row<Pie & FqPie>[] = [
  word('limit', number('limit', PLAIN)),
  word('target', time('target', PLAIN)),
  word('tupdate', time('tupdate', PLAIN)),
  word('alpha', any('alpha', upTo32, PLAIN)),
  word('beta', any('beta', upTo32, PLAIN)),
  word('ecn', says('ecn', true)),
  word('noecn', says('ecn', false)),
  word('bytemode', says('bytemode', true)),
  word('nobytemode', says('bytemode', false)),
  word('dq_rate_estimator', says('dqRateEstimator', true)),
  word('no_dq_rate_estimator', says('dqRateEstimator', false)),
];
export const readPie = (words: Words): Pie => readRows(words, PIE);

const FQ_PIE: readonly Row<Pie & FqPie>[] = [
  ...PIE,
  word('flows', number('flows', PLAIN)),
  word('quantum', size('quantum', PLAIN)),
  word('memory_limit', size('memoryLimit', PLAIN)),
  word(
    'ecn_prob',
    any('ecnProb', (given) => parseUnsigned(given, 99), PLAIN),
  ),
];
export const readFqPie = (words: Words): FqPie => readRows(words, FQ_PIE);

/** Nothing said is nothing sent. */
export function readFifo(words: Words): Fifo | undefined {
  return words.more ? readRows<Fifo>(words, [word('limit', size('limit'))]) : undefined;
}

const DEFAULT_BANDS = 3;

export function readPrio(words: Words): Prio {
  const prio: Prio & { bands: number } = { bands: DEFAULT_BANDS };
  while (words.more) {
    const given = words.next();
    if (given === 'bands') {
      const bands = parseDecimal(words.next());
      if (bands === undefined) throw illegal('bands');
      prio.bands = bands;
    } else if (given === 'priomap' && prio.priomap === undefined) prio.priomap = [];
    else if (given === 'multiqueue') prio.multiqueue = true;
    else if (prio.priomap !== undefined) {
      const band = parseDecimal(given);
      if (band === undefined) throw new UsageError('Illegal "priomap" element');
      if (band >= prio.bands) throw new UsageError('"priomap" element is out of bands');
      if (prio.priomap.length > 15) throw new UsageError('"priomap" index > TC_PRIO_MAX=15');
      prio.priomap.push(band);
    } else throw new UsageError(`What is "${given}"?`);
  }
  return prio;
}
