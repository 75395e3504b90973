import type { Cake, CakeStats, CakeTin } from '../../../../route/qdiscs/index.ts';
import type { JsonObject } from '../../view.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatHex, formatRate, formatSize, formatTime } from '../units.ts';

function putMode(sheet: TcSheet, key: string, mode: string | undefined): void {
  if (mode === undefined) return;
  if (/^\d+$/.test(mode)) sheet.put(key, 'unknown', `(?${key}?)`);
  else sheet.put(key, mode, `${mode} `);
}

/** Either word, and a boolean in the JSON. */
function putEither(sheet: TcSheet, key: string, value: boolean, yes: string, no: string): void {
  sheet.put(key, value, value ? yes : no);
}

const ACK_FILTERS: Readonly<Record<string, readonly [string, string]>> = {
  aggressive: ['aggressive', 'ack-filter-aggressive '],
  enabled: ['enabled', 'ack-filter '],
};

export function putCake(sheet: TcSheet, cake: Cake): void {
  const { bandwidth, rtt = 0, overhead = 0, mpu = 0, memlimit = 0, fwmark = 0 } = cake;
  if (bandwidth === 0) sheet.word('bandwidth', 'unlimited');
  else sheet.rate('bandwidth', bandwidth);
  if (cake.autorate) sheet.put('autorate', 'autorate-ingress', 'autorate-ingress ');
  putMode(sheet, 'diffserv', cake.diffserv);
  putMode(sheet, 'flowmode', cake.flowmode);
  putEither(sheet, 'nat', cake.nat ?? false, 'nat ', 'nonat ');
  putEither(sheet, 'wash', cake.wash ?? false, 'wash ', 'nowash ');
  putEither(sheet, 'ingress', cake.ingress ?? false, 'ingress ', '');
  const [filter, filterWord] = ACK_FILTERS[cake.ackFilter ?? ''] ?? ['disabled', 'no-ack-filter '];
  sheet.put('ack-filter', filter, filterWord);
  putEither(sheet, 'split_gso', cake.splitGso ?? false, 'split-gso ', 'no-split-gso ');
  sheet.put('rtt', rtt, rtt === 0 ? '' : `rtt ${formatTime(rtt)} `);
  const raw = cake.rawOverhead ?? false;
  putEither(sheet, 'raw', raw, 'raw ', '');
  if (cake.atm === 'atm' || cake.atm === 'ptm') sheet.put('atm', cake.atm, `${cake.atm} `);
  else if (!raw) sheet.put('atm', 'noatm', 'noatm ');
  sheet.word('overhead', overhead);
  if (mpu !== 0) sheet.word('mpu', mpu);
  if (memlimit !== 0) sheet.size('memlimit', memlimit);
  sheet.put('fwmark', formatHex(fwmark), fwmark === 0 ? '' : `fwmark 0x${fwmark.toString(16)} `);
}

export function putCakeStats(sheet: TcSheet, stats: CakeStats): void {
  const { memoryUsed: used, memoryLimit: limit, minNetlen, maxNetlen, minAdjlen, maxAdjlen } = stats;
  if (used !== undefined && limit !== undefined) {
    sheet.put('memory_used', used, ` memory used: ${formatSize(used)} of ${formatSize(limit)}\n`);
    sheet.put('memory_limit', limit);
  }
  if (stats.capacityEstimate !== undefined) {
    const spelled = formatRate(stats.capacityEstimate, sheet.desk.options);
    sheet.put('capacity_estimate', stats.capacityEstimate, ` capacity estimate: ${spelled}\n`);
  }
  if (minNetlen !== undefined && maxNetlen !== undefined) {
    sheet.put('min_network_size', minNetlen, ` min/max network layer size: ${wide(minNetlen)}`);
    sheet.put('max_network_size', maxNetlen, ` /${wide(maxNetlen, 8)}\n`);
  }
  if (minAdjlen !== undefined && maxAdjlen !== undefined) {
    sheet.put('min_adj_size', minAdjlen, ` min/max overhead-adjusted size: ${wide(minAdjlen, 8)}`);
    sheet.put('max_adj_size', maxAdjlen, ` /${wide(maxAdjlen, 8)}\n`);
  }
  if (stats.avgNetoff !== undefined)
    sheet.put('avg_hdr_offset', stats.avgNetoff, ` average network hdr offset: ${wide(stats.avgNetoff)}\n\n`);
  putFlow(sheet, stats);
  if (stats.tins !== undefined && stats.tins.length > 0) putTins(sheet, stats.tins);
}

/** Of one flow, which is a class. */
function putFlow(sheet: TcSheet, stats: CakeStats): void {
  const { deficit, cobaltCount, dropNext, pDrop, blueTimer } = stats;
  if (deficit !== undefined) sheet.put('deficit', deficit, `  deficit ${deficit}`);
  if (cobaltCount !== undefined) sheet.put('count', cobaltCount, ` count ${cobaltCount}`);
  if (stats.dropping) {
    sheet.put('dropping', true, ' dropping');
    if (dropNext !== undefined) putMoment(sheet, 'drop_next', dropNext, formatTime(Math.abs(dropNext)));
  }
  if (pDrop === undefined) return;
  sheet.put('blue_prob', pDrop, ` blue_prob ${pDrop}`);
  // tc spells what has passed as the unsigned number behind its minus.
  if (blueTimer !== undefined) putMoment(sheet, 'blue_timer', blueTimer, formatTime(blueTimer >>> 0));
}

/** A moment that has passed is in no JSON. */
function putMoment(sheet: TcSheet, key: string, moment: number, spelled: string): void {
  if (moment < 0) sheet.say(` ${key} -${spelled}`);
  else sheet.put(key, moment, ` ${key} ${spelled}`);
}

function wide(value: number | bigint | string, width = 12): string {
  return String(value).padStart(width);
}

/** Key in the JSON, label in the text where it has one, field, and how the text spells it. */
const ROWS: readonly (readonly [string, string | undefined, keyof CakeTin, ('rate' | 'time' | 'size')?])[] = [
  ['threshold_rate', 'thresh  ', 'thresholdRate', 'rate'],
  ['target_us', 'target  ', 'target', 'time'],
  ['interval_us', 'interval', 'interval', 'time'],
  ['peak_delay_us', 'pk_delay', 'peakDelay', 'time'],
  ['avg_delay_us', 'av_delay', 'avgDelay', 'time'],
  ['base_delay_us', 'sp_delay', 'baseDelay', 'time'],
  ['backlog_bytes', 'backlog ', 'backlogBytes', 'size'],
  ['sent_packets', 'pkts    ', 'sentPackets'],
  ['sent_bytes', 'bytes   ', 'sentBytes'],
  ['way_indirect_hits', 'way_inds', 'wayIndirectHits'],
  ['way_misses', 'way_miss', 'wayMisses'],
  ['way_collisions', 'way_cols', 'wayCollisions'],
  ['drops', 'drops   ', 'droppedPackets'],
  ['ecn_mark', 'marks   ', 'ecnMarkedPackets'],
  ['ack_drops', 'ack_drop', 'acksDroppedPackets'],
  ['sparse_flows', 'sp_flows', 'sparseFlows'],
  ['bulk_flows', 'bk_flows', 'bulkFlows'],
  ['unresponsive_flows', 'un_flows', 'unresponsiveFlows'],
  ['max_pkt_len', 'max_len ', 'maxSkblen'],
  ['flow_quantum', 'quantum ', 'flowQuantum'],
];

const TITLES: Readonly<Record<number, string>> = {
  3: '                   Bulk  Best Effort        Voice\n',
  4: '                   Bulk  Best Effort        Video        Voice\n',
};

function putTins(sheet: TcSheet, tins: readonly CakeTin[]): void {
  const list = tins.map((tin) => {
    const object: JsonObject = {};
    for (const [key, , field] of ROWS) {
      const value = tin[field];
      if (typeof value === 'number' || typeof value === 'bigint') object[key] = value;
    }
    return object;
  });
  sheet.put('tins', list);
  const title = TITLES[tins.length];
  if (title !== undefined) sheet.say(title);
  else {
    sheet.say(`          ${tins.map((_, i) => `        Tin ${i}`).join('')}`);
    sheet.newline();
  }
  for (const [, label, field, unit] of ROWS) {
    if (tins[0]?.[field] === undefined) continue;
    sheet.say(`  ${label}`);
    for (const tin of tins) sheet.say(` ${wide(spell(sheet, tin[field] as number | bigint, unit))}`);
    sheet.newline();
  }
}

function spell(sheet: TcSheet, value: number | bigint, unit: 'rate' | 'time' | 'size' | undefined): string {
  if (unit === 'rate') return formatRate(value, sheet.desk.options);
  if (unit === 'time') return formatTime(Number(value));
  return unit === 'size' ? formatSize(Number(value)) : String(value);
}
