import type { Netem } from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatG, formatRate, formatTime, formatTimeNs, rounded, wholeTime } from '../units.ts';

/** ` WORD 1%`; in the JSON from 0 to 1. */
function putPercent(sheet: TcSheet, key: string, value: number, word = ` ${key}`): void {
  sheet.put(key, rounded(value), `${word} ${formatG(100 * value)}%`);
}

/** The JSON always has it. */
function putCorrelation(sheet: TcSheet, value = 0): void {
  sheet.put('correlation', rounded(value), value === 0 ? '' : ` ${formatG(100 * value)}%`);
}

/** A part that has one probability and a correlation. */
function putChance(
  sheet: TcSheet,
  key: string,
  label: string,
  value: number | undefined,
  correlation?: number,
): void {
  if (!value) return;
  sheet.inside(key, (inner) => {
    putPercent(inner, label, value);
    putCorrelation(inner, correlation);
  });
}

const SECOND = 1_000_000;

function putDelay(sheet: TcSheet, { delay = 0, jitter = 0, delayCorrelation = 0 }: Netem): void {
  const [time, spread] = [wholeTime(delay), wholeTime(jitter)];
  sheet.inside('delay', (inner) => {
    inner.put('delay', rounded(time / SECOND), ` delay ${formatTime(time)}`);
    inner.put('jitter', rounded(spread / SECOND), jitter === 0 ? '' : `  ${formatTime(spread)}`);
    const shown = jitter !== 0 && delayCorrelation !== 0;
    const text = shown ? ` ${formatG(100 * delayCorrelation)}%` : '';
    inner.put('correlation', rounded(delayCorrelation), text);
  });
}

function putLossModels(sheet: TcSheet, { lossState, lossGemodel }: Netem): void {
  if (lossState !== undefined)
    sheet.inside('loss-state', (inner) => {
      putPercent(inner, 'p13', lossState.p13 ?? 0, ' loss state p13');
      for (const key of ['p31', 'p32', 'p23', 'p14'] as const) putPercent(inner, key, lossState[key] ?? 0);
    });
  if (lossGemodel !== undefined)
    sheet.inside('loss-gemodel', (inner) => {
      putPercent(inner, 'p', lossGemodel.p ?? 0, ' loss gemodel p');
      putPercent(inner, 'r', lossGemodel.r ?? 0);
      putPercent(inner, '1-h', 1 - (lossGemodel.h ?? 0));
      putPercent(inner, '1-k', lossGemodel.k1 ?? 0);
    });
}

/** The JSON has it always, the text where it is not 0. */
function putNumber(sheet: TcSheet, key: string, value = 0): void {
  sheet.put(key, value, value === 0 ? '' : ` ${key} ${value}`);
}

function putSlot(sheet: TcSheet, slot: NonNullable<Netem['slot']>): void {
  const put = (inner: TcSheet, key: string, value = 0, label = '') =>
    inner.put(key, rounded(value / SECOND), `${label} ${formatTimeNs(value)}`);
  sheet.inside('slot', (inner) => {
    if ((slot.distJitter ?? 0) > 0) {
      put(inner, 'distribution', slot.distDelay, ' slot distribution');
      put(inner, 'jitter', slot.distJitter);
    } else {
      put(inner, 'min-delay', slot.minDelay, ' slot');
      put(inner, 'max-delay', slot.maxDelay);
    }
    putNumber(inner, 'packets', slot.maxPackets);
    putNumber(inner, 'bytes', slot.maxBytes);
  });
}

export function putNetem(sheet: TcSheet, netem: Netem): void {
  const { limit = 0, delay = 0, rate, slot, gap = 0 } = netem;
  sheet.put('limit', limit, `limit ${limit}`);
  if (delay !== 0) putDelay(sheet, netem);
  putChance(sheet, 'loss-random', 'loss', netem.loss, netem.lossCorrelation);
  putLossModels(sheet, netem);
  putChance(sheet, 'duplicate', 'duplicate', netem.duplicate, netem.duplicateCorrelation);
  putChance(sheet, 'reorder', 'reorder', netem.reorder, netem.reorderCorrelation);
  putChance(sheet, 'corrupt', 'corrupt', netem.corrupt, netem.corruptCorrelation);
  if (rate !== undefined)
    sheet.inside('rate', (inner) => {
      inner.put('rate', rate.rate, ` rate ${formatRate(rate.rate, sheet.desk.options)}`);
      putNumber(inner, 'packetoverhead', rate.packetOverhead);
      putNumber(inner, 'cellsize', rate.cellSize);
      putNumber(inner, 'celloverhead', rate.cellOverhead);
    });
  if (slot !== undefined) putSlot(sheet, slot);
  const ecn = netem.ecn !== undefined;
  sheet.put('ecn', ecn, ecn ? ' ecn ' : '');
  sheet.put('gap', gap, gap === 0 ? '' : ` gap ${gap}`);
}
