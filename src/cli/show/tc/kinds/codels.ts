import type { Codel, CodelStats, FqCodel, FqCodelStats } from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatHex, formatTime } from '../units.ts';

export function putCodel(sheet: TcSheet, codel: Codel): void {
  sheet.word('limit', codel.limit, 'p');
  sheet.time('target', codel.target);
  sheet.time('ce_threshold', codel.ceThreshold);
  sheet.time('interval', codel.interval);
  sheet.flag('ecn', codel.ecn);
}

/** A moment from now, which may have passed. */
function putDropNext(sheet: TcSheet, dropNext: number): void {
  const spelled = dropNext < 0 ? `-${formatTime(-dropNext)}` : formatTime(dropNext);
  sheet.put('drop_next', dropNext, ` drop_next ${spelled}`);
}

export function putCodelStats(sheet: TcSheet, stats: CodelStats): void {
  const { count = 0, lastcount = 0, ldelay = 0, maxpacket = 0, ecnMark = 0, dropOverlimit = 0 } = stats;
  sheet.put('count', count, `  count ${count}`);
  sheet.put('lastcount', lastcount, ` lastcount ${lastcount}`);
  sheet.put('ldelay', ldelay, ` ldelay ${formatTime(ldelay)}`);
  if (stats.dropping) sheet.put('dropping', true, ' dropping');
  putDropNext(sheet, stats.dropNext ?? 0);
  sheet.newline();
  sheet.put('maxpacket', maxpacket, `  maxpacket ${maxpacket}`);
  sheet.put('ecn_mark', ecnMark, ` ecn_mark ${ecnMark}`);
  sheet.put('drop_overlimit', dropOverlimit, ` drop_overlimit ${dropOverlimit}`);
  if (stats.ceMark) sheet.put('ce_mark', stats.ceMark, ` ce_mark ${stats.ceMark}`);
}

export function putFqCodel(sheet: TcSheet, fqCodel: FqCodel): void {
  const { ceThresholdSelector: selector = 0, ceThresholdMask: mask = 0 } = fqCodel;
  sheet.word('limit', fqCodel.limit, 'p');
  sheet.word('flows', fqCodel.flows);
  sheet.word('quantum', fqCodel.quantum);
  sheet.time('target', fqCodel.target);
  sheet.time('ce_threshold', fqCodel.ceThreshold);
  if (selector !== 0 || mask !== 0) {
    sheet.put('ce_threshold_selector', selector, `ce_threshold_selector ${formatHex(selector)}`);
    sheet.put('ce_threshold_mask', mask, `/${formatHex(mask)} `);
  }
  sheet.time('interval', fqCodel.interval);
  sheet.size('memory_limit', fqCodel.memoryLimit);
  sheet.flag('ecn', fqCodel.ecn);
  if (fqCodel.dropBatch) sheet.word('drop_batch', fqCodel.dropBatch);
}

export function putFqCodelStats(sheet: TcSheet, stats: FqCodelStats): void {
  const put = (key: string, value: number, before = ' ') => sheet.put(key, value, `${before}${key} ${value}`);
  if (stats.deficit === undefined) {
    put('maxpacket', stats.maxpacket ?? 0, '  ');
    put('drop_overlimit', stats.dropOverlimit ?? 0);
    put('new_flow_count', stats.newFlowCount ?? 0);
    put('ecn_mark', stats.ecnMark ?? 0);
    if (stats.ceMark) put('ce_mark', stats.ceMark);
    if (stats.memoryUsage) put('memory_used', stats.memoryUsage);
    if (stats.dropOvermemory) put('drop_overmemory', stats.dropOvermemory);
    sheet.newline();
    put('new_flows_len', stats.newFlowsLen ?? 0, '  ');
    put('old_flows_len', stats.oldFlowsLen ?? 0);
    return;
  }
  put('deficit', stats.deficit, '  ');
  put('count', stats.count ?? 0);
  put('lastcount', stats.lastcount ?? 0);
  sheet.put('ldelay', stats.ldelay ?? 0, ` ldelay ${formatTime(stats.ldelay ?? 0)}`);
  if (!stats.dropping) return;
  sheet.put('dropping', true, ' dropping');
  putDropNext(sheet, stats.dropNext ?? 0);
}
