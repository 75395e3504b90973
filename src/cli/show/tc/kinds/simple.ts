import type {
  DrrClass,
  DrrStats,
  Ets,
  EtsClass,
  Fifo,
  Mqprio,
  Prio,
  Red,
  RedStats,
  Sfq,
  SfqStats,
} from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatG, formatRate, formatSize, rounded } from '../units.ts';

export function putPacketFifo(sheet: TcSheet, { limit = 0 }: Fifo): void {
  sheet.put('limit', limit, `limit ${limit}p`);
}

export function putByteFifo(sheet: TcSheet, { limit = 0 }: Fifo): void {
  sheet.put('limit', limit, `limit ${formatSize(limit)}`);
}

export function putPrio(sheet: TcSheet, { bands = 0, priomap = [], multiqueue = false }: Prio): void {
  sheet.word('bands', bands);
  sheet.put('priomap', priomap, `priomap${priomap.map((band) => ` ${band}`).join('')}`);
  if (multiqueue) sheet.say(' multiqueue: on ');
  sheet.json1('multiqueue', multiqueue);
}

export function putEts(sheet: TcSheet, { bands, strict, quanta, priomap }: Ets): void {
  sheet.word('bands', bands);
  sheet.word('strict', strict);
  if (quanta !== undefined) putList(sheet, 'quanta', quanta);
  if (priomap !== undefined) putList(sheet, 'priomap', priomap);
}

function putList(sheet: TcSheet, key: string, values: number[]): void {
  sheet.put(key, values, `${key}${values.map((value) => ` ${value}`).join('')} `);
}

export function putEtsClass(sheet: TcSheet, { quantum }: EtsClass): void {
  sheet.word('quantum', quantum);
}

export function putDrrClass(sheet: TcSheet, { quantum }: DrrClass): void {
  sheet.size('quantum', quantum);
}

export function putDrrStats(sheet: TcSheet, { deficit = 0 }: DrrStats): void {
  sheet.put('deficit', deficit, ` deficit ${formatSize(deficit)} `);
}

/** In the JSON each flag is told, on or off. */
export function putRedFlags(
  sheet: TcSheet,
  flags: Pick<Red, 'ecn' | 'harddrop' | 'adaptive' | 'nodrop'>,
): void {
  for (const name of ['ecn', 'harddrop', 'adaptive', 'nodrop'] as const)
    sheet.put(name, flags[name] ?? false, flags[name] ? `${name} ` : '');
}

export function putRed(sheet: TcSheet, red: Red): void {
  sheet.size('limit', red.limit);
  sheet.size('min', red.min);
  sheet.size('max', red.max);
  putRedFlags(sheet, red);
  if (sheet.desk.options.details) {
    const { probability = 0, scellLog = 0 } = red;
    sheet.word('ewma', red.ewma);
    if (probability !== 0)
      sheet.put('probability', rounded(probability), `probability ${formatG(probability)} `);
    else sheet.word('Plog', red.plog);
    sheet.put('Scell_log', scellLog, `Scell_log ${scellLog}`);
  }
  const blocks = (
    [
      ['early_drop', red.earlyDropBlock],
      ['mark', red.markBlock],
    ] as const
  ).flatMap(([kind, block]) => (block ? [{ kind, block }] : []));
  if (blocks.length > 0)
    sheet.put('qevents', blocks, blocks.map(({ kind, block }) => `qevent ${kind} block ${block} `).join(''));
}

export function putRedStats(sheet: TcSheet, stats: RedStats): void {
  const { marked = 0, early = 0, pdrop = 0, other = 0 } = stats;
  sheet.put('marked', marked, `  marked ${marked} `);
  sheet.word('early', early);
  sheet.word('pdrop', pdrop);
  sheet.word('other', other);
}

export function putSfq(sheet: TcSheet, sfq: Sfq, stats: SfqStats | undefined): void {
  sheet.word('limit', sfq.limit, 'p');
  sheet.size('quantum', sfq.quantum);
  if (sfq.depth) sheet.word('depth', sfq.depth);
  sheet.flag('headdrop', sfq.headdrop);
  if (sheet.desk.options.details) sheet.word('flows', sfq.flows);
  sheet.word('divisor', sfq.divisor);
  if (sfq.perturb) sheet.word('perturb', sfq.perturb, 'sec');
  if (!sfq.min) return;
  const { probability = 0 } = sfq;
  sheet.word('ewma', sfq.ewma);
  sheet.size('min', sfq.min);
  sheet.size('max', sfq.max);
  sheet.put('probability', rounded(probability), `probability ${formatG(probability)} `);
  putRedFlags(sheet, sfq);
  if (sheet.desk.options.stats === 0) return;
  const put = (key: string, value: number | undefined, before = ' ') =>
    sheet.put(key, value ?? 0, `${before}${key} ${value ?? 0}`);
  sheet.newline();
  put('prob_mark', stats?.probMark, '  ');
  put('prob_mark_head', stats?.probMarkHead);
  put('prob_drop', stats?.probDrop);
  sheet.newline();
  put('forced_mark', stats?.forcedMark, '  ');
  put('forced_mark_head', stats?.forcedMarkHead);
  put('forced_drop', stats?.forcedDrop);
}

export function putSfqStats(sheet: TcSheet, { allot = 0 }: SfqStats): void {
  sheet.put('allot', allot, `  allot ${allot}`);
}

const INDENT = '\n             ';

export function putMqprio(sheet: TcSheet, mqprio: Mqprio): void {
  const { numTc = 0, map = [], queues = [], mode, shaper, minRate, maxRate } = mqprio;
  sheet.word('tc', numTc);
  sheet.put('map', map, `map ${map.map((one) => `${one} `).join('')}`);
  const ranges = queues.map(({ count, offset }) => [offset, (offset + count - 1) >>> 0]);
  sheet.put('queues', ranges, `${INDENT}queues:${ranges.map(([from, to]) => `(${from}:${to}) `).join('')}`);
  // Kernels that tell more than the struct tell no mode or shaper where these are the plain ones.
  const told = mode !== undefined || shaper !== undefined || minRate !== undefined || maxRate !== undefined;
  if (!told && mqprio.entries === undefined && mqprio.raw === undefined) return;
  if (mode === undefined || mode === 'channel')
    sheet.put('mode', mode ?? 'dcb', `${INDENT}mode:${mode ?? 'dcb'}`);
  if (shaper === undefined || shaper === 'bw_rlimit')
    sheet.put('shaper', shaper ?? 'dcb', `${INDENT}shaper:${shaper ?? 'dcb'}`);
  putRates(sheet, 'min_rate', minRate);
  putRates(sheet, 'max_rate', maxRate);
}

function putRates(sheet: TcSheet, key: string, rates: number[] | undefined): void {
  if (rates === undefined) return;
  const spelled = rates.map((rate) => `${formatRate(rate, sheet.desk.options)} `).join('');
  sheet.put(key, rates, `\t${key}:${spelled}`);
}
