import type { Fq, FqStats } from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatTimeNs } from '../units.ts';

const U32_MAX = 0xffffffff;

export function putFq(sheet: TcSheet, fq: Fq): void {
  sheet.word('limit', fq.limit, 'p');
  sheet.word('flow_limit', fq.flowLimit, 'p');
  sheet.word('buckets', fq.buckets);
  sheet.word('orphan_mask', fq.orphanMask);
  if (fq.pacing === false) sheet.put('pacing', false, 'nopacing ');
  sheet.size('quantum', fq.quantum);
  sheet.size('initial_quantum', fq.initialQuantum);
  if (fq.maxrate !== U32_MAX) sheet.rate('maxrate', fq.maxrate);
  if (fq.defrate) sheet.rate('defrate', fq.defrate);
  if (fq.lowRateThreshold) sheet.rate('low_rate_threshold', fq.lowRateThreshold);
  sheet.time('refill_delay', fq.refillDelay);
  if (fq.ceThreshold !== U32_MAX) sheet.time('ce_threshold', fq.ceThreshold);
  if (fq.timerSlack !== undefined)
    sheet.put('timer_slack', nanoseconds(fq.timerSlack), `timer_slack ${formatTimeNs(fq.timerSlack)} `);
  sheet.time('horizon', fq.horizon);
  if (fq.horizonDrop !== undefined) {
    const word = fq.horizonDrop ? 'horizon_drop' : 'horizon_cap';
    sheet.put(word, null, `${word} `);
  }
}

function nanoseconds(us: number): number {
  return Math.round(us * 1000);
}

export function putFqStats(sheet: TcSheet, stats: FqStats): void {
  const put = (key: string, value: number | bigint, before = ' ', word = key, after = '') =>
    sheet.put(key, value, `${before}${word} ${value}${after}`);
  const { timeNextDelayedFlow: delay = 0, unthrottleLatency: latency = 0 } = stats;
  put('flows', stats.flows ?? 0, '  ');
  put('inactive', stats.inactiveFlows ?? 0, ' (');
  put('throttled', stats.throttledFlows ?? 0, ' ', 'throttled', ')');
  if (delay > 0)
    sheet.put('next_packet_delay', nanoseconds(delay), ` next_packet_delay ${formatTimeNs(delay)}`);
  sheet.newline();
  put('gc', stats.gcFlows ?? 0n, '  ');
  put('highprio', stats.highprioPackets ?? 0n);
  if (stats.tcpRetrans) put('retrans', stats.tcpRetrans);
  put('throttled', stats.throttled ?? 0n);
  if (latency !== 0) sheet.put('latency', nanoseconds(latency), ` latency ${formatTimeNs(latency)}`);
  if (stats.ceMark) put('ce_mark', stats.ceMark);
  if (stats.flowsPlimit) put('flows_plimit', stats.flowsPlimit);
  const { pktsTooLong, allocationErrors, horizonDrops, horizonCaps } = stats;
  if (!pktsTooLong && !allocationErrors && !horizonDrops && !horizonCaps) return;
  sheet.newline();
  if (pktsTooLong) put('pkts_too_long', pktsTooLong);
  if (allocationErrors) put('alloc_errors', allocationErrors);
  if (horizonDrops) put('horizon_drops', horizonDrops);
  if (horizonCaps) put('horizon_caps', horizonCaps, '  ');
}
