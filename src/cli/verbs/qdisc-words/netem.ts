import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Netem, NetemSlot } from '../../../route/qdiscs/index.ts';
import { FindingError, parseInteger, parseUnsigned, UsageError, type Words } from '../../args.ts';
import { parsePercent, parseRate, parseSize, parseTime, parseTimeNs } from '../../show/tc/unit-words.ts';
import { illegal, next, type Row, readRows, says, short, size } from './rows.ts';

/** The words of man 8 tc-netem. */

/** Whether the next word is a number, which may be left out. */
function numberNext(words: Words, signed = false): boolean {
  const word = words.peek ?? '';
  return /^\d/.test(word) || (signed && word.startsWith('-'));
}

function percent(words: Words, what: string): number {
  return next(words, what, parsePercent);
}

function maybePercent(words: Words, what: string): number | undefined {
  return numberNext(words) ? percent(words, what) : undefined;
}

/** A probability, and a correlation if there is one. */
function chance(field: 'reorder' | 'corrupt' | 'duplicate'): Row<Netem>['take'] {
  return (words, netem) => {
    netem[field] = percent(words, field);
    const correlation = maybePercent(words, field);
    if (correlation !== undefined) netem[`${field}Correlation`] = correlation;
  };
}

const ROWS: readonly Row<Netem>[] = [
  short('limit', size('limit')),
  short(['latency', 'delay'], takeDelay),
  short(['loss', 'drop'], takeLoss),
  short('ecn', says('ecn', true)),
  short('reorder', chance('reorder')),
  short('corrupt', chance('corrupt')),
  short('gap', (words, netem) => {
    netem.gap = next(words, 'gap', (given) => parseUnsigned(given));
  }),
  short('duplicate', chance('duplicate')),
  short('distribution', (words, netem) => {
    netem.distribution = readDistribution(words.next());
  }),
  short('rate', takeRate),
  short('slot', takeSlot),
];

function takeDelay(words: Words, netem: Netem): void {
  netem.delay = next(words, 'latency', parseTime);
  if (!numberNext(words)) return;
  netem.jitter = next(words, 'latency', parseTime);
  const correlation = maybePercent(words, 'latency');
  if (correlation !== undefined) netem.delayCorrelation = correlation;
}

function takeLoss(words: Words, netem: Netem): void {
  if (netem.loss || netem.lossState !== undefined || netem.lossGemodel !== undefined)
    throw illegal('duplicate loss argument\n');
  if (words.take('state')) takeStates(words, netem);
  else if (words.take('gemodel')) takeGemodel(words, netem);
  else {
    if (!words.take('random') && !numberNext(words))
      throw new UsageError(`Unknown loss parameter: ${words.next()}`);
    netem.loss = percent(words, 'loss percent');
    const correlation = maybePercent(words, 'loss correlation');
    if (correlation !== undefined) netem.lossCorrelation = correlation;
  }
}

function takeStates(words: Words, netem: Netem): void {
  const p13 = percent(words, 'loss p13');
  const state = { p13, p31: 1 - p13, p32: 0, p23: 1, p14: 0 };
  netem.lossState = state;
  for (const key of ['p31', 'p32', 'p23', 'p14'] as const) {
    const given = maybePercent(words, `loss ${key}`);
    if (given === undefined) return;
    state[key] = given;
  }
}

function takeGemodel(words: Words, netem: Netem): void {
  const p = percent(words, 'loss gemodel p');
  const model = { p, r: 1 - p, h: 0, k1: 0 };
  netem.lossGemodel = model;
  for (const key of ['r', 'h', 'k1'] as const) {
    const given = maybePercent(words, `loss gemodel ${key}`);
    if (given === undefined) return;
    // The word is 1-h, the kernel's is h.
    model[key] = key === 'h' ? 1 - given : given;
  }
}

function takeRate(words: Words, netem: Netem): void {
  const rate = { rate: next(words, 'rate', parseRate), packetOverhead: 0, cellSize: 0, cellOverhead: 0 };
  netem.rate = rate;
  if (numberNext(words, true)) rate.packetOverhead = next(words, 'rate', (given) => parseInteger(given));
  if (numberNext(words)) rate.cellSize = next(words, 'rate', (given) => parseUnsigned(given));
  if (numberNext(words, true)) rate.cellOverhead = next(words, 'rate', (given) => parseInteger(given));
}

function takeSlot(words: Words, netem: Netem): void {
  const slot: NetemSlot = {};
  netem.slot = slot;
  if (numberNext(words)) {
    slot.minDelay = next(words, 'slot min_delay', parseTimeNs);
    slot.maxDelay = numberNext(words) ? next(words, 'slot max_delay', parseTimeNs) : slot.minDelay;
    if (slot.maxDelay < slot.minDelay) throw illegal('slot max_delay');
  } else if (words.take('distribution')) {
    netem.slotDistribution = readDistribution(words.next());
    slot.distDelay = next(words, 'slot delay', parseTimeNs);
    slot.distJitter = next(words, 'slot jitter', parseTimeNs);
    if (slot.distJitter <= 0) throw new UsageError('Non-positive jitter');
  } else throw new UsageError(`Unknown slot parameter: ${words.next()}`);
  if (words.takeAbbreviated('packets'))
    slot.maxPackets = next(words, 'slot packets', (given) => parseInteger(given));
  if (words.takeAbbreviated('bytes')) slot.maxBytes = next(words, 'slot bytes', parseSize);
}

const MAX_SAMPLES = 16 * 1024;

/** Where distributions may install their tables: iproute2's own default first. */
function tablePlaces(): string[] {
  const own = process.env.TC_LIB_DIR;
  if (own !== undefined) return [own];
  const lib = '/usr/lib';
  const architectures = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return [`${lib}/tc`, '/usr/lib64/tc', ...architectures.map((name) => join(lib, name, 'tc'))];
}

/** A table of iproute2: comments, and numbers. */
function readDistribution(name: string): number[] {
  const file = tablePlaces()
    .map((place) => join(place, `${name}.dist`))
    .find((path) => existsSync(path));
  if (file === undefined || name.includes('/')) throw new FindingError(`No distribution data for ${name}`);
  const samples: number[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('#')) continue;
    for (const field of line.split(/\s+/)) {
      const sample = field === '' ? undefined : parseInteger(field, 0x7fff);
      if (sample === undefined) continue;
      if (samples.length === MAX_SAMPLES) throw new FindingError(`${file}: too much data`);
      samples.push(sample);
    }
  }
  return samples;
}

export function readNetem(words: Words): Netem {
  const netem = readRows(words, ROWS);
  if (netem.reorder && !netem.delay)
    throw new UsageError('reordering not possible without specifying some delay');
  if (!netem.reorder && netem.gap) throw new UsageError('gap specified without reorder probability');
  if (netem.ecn && !netem.loss && netem.lossState === undefined && netem.lossGemodel === undefined)
    throw new UsageError('ecn requested without loss model');
  if (netem.distribution !== undefined && (!netem.delay || !netem.jitter))
    throw new UsageError('distribution specified but no latency and jitter values');
  return netem;
}
