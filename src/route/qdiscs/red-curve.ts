import { transmitTicks } from '../tc-units.ts';
import { badField } from './kind.ts';

/** What RED's drop curve is made of: constants that the kernel wants worked out. man 8 tc-red */

const MAX_LOG = 32;

/** The weight of a packet in the average queue, as -log2, so that `burst` packets pass before marking begins. */
export function ewmaLog(min: number, burst: number, avpkt: number): number {
  const room = burst + 1 - min / avpkt;
  let weight = 0.5;
  for (let log = 1; room >= 1 && log < MAX_LOG; log++, weight /= 2)
    if (room <= (1 - (1 - weight) ** burst) / weight) return log;
  throw badField('burst', burst, `a burst of ${1 + Math.floor(min / avpkt)} packets or more`);
}

/** -log2 of the probability by which it grows with each byte between both thresholds. */
export function probabilityLog(min: number, max: number, probability: number): number {
  if (max === min) return 0;
  let grown = probability / (max - min);
  if (max > min) for (let log = 0; log < MAX_LOG; log++, grown *= 2) if (grown > 1) return log;
  throw badField('probability', probability, 'min below max, and a probability above 0');
}

const SLOTS = 256;
/** More halvings than this leave nothing of an average. */
const MOST = 31;

/** By how many halvings the average shrinks while the queue is idle, by cells of time. */
export function idleDamping(
  log: number,
  avpkt: number,
  bandwidth: number,
): { cellLog: number; table: number[] } {
  const perTick = -Math.log(1 - 1 / 2 ** log) / transmitTicks(bandwidth, avpkt);
  let cellLog = 0;
  while (cellLog < MAX_LOG && MOST / perTick / 2 ** cellLog >= 512) cellLog++;
  if (cellLog === MAX_LOG || !Number.isFinite(perTick))
    throw badField('bandwidth', bandwidth, 'a bandwidth in bytes per second that is not that low');
  const table = Array.from({ length: SLOTS }, (_, slot) =>
    slot === SLOTS - 1 ? MOST : Math.min(MOST, Math.floor(slot * 2 ** cellLog * perTick)),
  );
  return { cellLog, table };
}

/** The table for a cell that was told: the speed it was made for is not, and any that makes this cell will do. */
export function dampingByCell(cellLog: number): number[] {
  const perTick = MOST / (384 * 2 ** cellLog);
  return Array.from({ length: SLOTS }, (_, slot) =>
    slot === SLOTS - 1 ? MOST : Math.min(MOST, Math.floor(slot * 2 ** cellLog * perTick)),
  );
}

const WHOLE = 2 ** 32;
/** A probability as a part of 2 ** 32, in which RED has it. */
export function probabilityPart(probability: number): number {
  const part = typeof probability === 'number' ? Math.floor(probability * WHOLE) : Number.NaN;
  if (!(part >= 0 && part < WHOLE))
    throw badField('probability', probability, 'a probability from 0 to below 1');
  return part;
}
export function partProbability(part: number): number {
  return part / WHOLE;
}

/** TC_RED_*, uapi/linux/pkt_sched.h. */
export const RED_FLAGS = { ecn: 1, harddrop: 2, adaptive: 4, nodrop: 8 } as const;
type RedFlag = keyof typeof RED_FLAGS;

/** The flags that are on, each as a field. */
export function redFlags(bits: number): { [F in RedFlag]?: true } {
  const on = Object.entries(RED_FLAGS).filter(([, bit]) => (bits & bit) !== 0);
  return Object.fromEntries(on.map(([name]) => [name, true]));
}
export function redBits(value: { [F in RedFlag]?: boolean }): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(RED_FLAGS)) if (value[name as RedFlag]) bits |= bit;
  return bits;
}
