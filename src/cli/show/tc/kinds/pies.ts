import type { FqPie, FqPieStats, Pie, PieStats } from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatG, formatTime, rounded } from '../units.ts';

const U64_MAX = 2 ** 64;

function putSwitches(sheet: TcSheet, pie: Pie | FqPie): void {
  sheet.flag('ecn', pie.ecn);
  sheet.flag('bytemode', pie.bytemode);
  sheet.flag('dq_rate_estimator', pie.dqRateEstimator);
}

export function putPie(sheet: TcSheet, pie: Pie): void {
  sheet.word('limit', pie.limit, 'p');
  sheet.time('target', pie.target);
  sheet.time('tupdate', pie.tupdate);
  sheet.word('alpha', pie.alpha);
  sheet.word('beta', pie.beta);
  putSwitches(sheet, pie);
}

export function putPieStats(sheet: TcSheet, stats: PieStats): void {
  const put = (key: string, value: number, before = ' ') => sheet.put(key, value, `${before}${key} ${value}`);
  const prob = Number(stats.prob ?? 0n) / U64_MAX;
  sheet.put('prob', rounded(prob), `  prob ${formatG(prob)}`);
  sheet.put('delay', stats.delay ?? 0, ` delay ${formatTime(stats.delay ?? 0)}`);
  if (stats.dqRateEstimating) put('avg_dq_rate', stats.avgDqRate ?? 0);
  sheet.newline();
  put('pkts_in', stats.packetsIn ?? 0, '  ');
  put('overlimit', stats.overlimit ?? 0);
  put('dropped', stats.dropped ?? 0);
  put('maxq', stats.maxq ?? 0);
  put('ecn_mark', stats.ecnMark ?? 0);
}

export function putFqPie(sheet: TcSheet, pie: FqPie): void {
  sheet.word('limit', pie.limit, 'p');
  sheet.word('flows', pie.flows);
  sheet.time('target', pie.target);
  sheet.time('tupdate', pie.tupdate);
  sheet.word('alpha', pie.alpha);
  sheet.word('beta', pie.beta);
  sheet.size('quantum', pie.quantum);
  sheet.size('memory_limit', pie.memoryLimit);
  sheet.word('ecn_prob', pie.ecnProb);
  putSwitches(sheet, pie);
}

export function putFqPieStats(sheet: TcSheet, stats: FqPieStats): void {
  const put = (key: string, value: number | undefined, before = ' ') =>
    sheet.put(key, value ?? 0, `${before}${key} ${value ?? 0}`);
  put('pkts_in', stats.packetsIn, '  ');
  put('overlimit', stats.overlimit);
  put('overmemory', stats.overmemory);
  put('dropped', stats.dropped);
  put('ecn_mark', stats.ecnMark);
  sheet.newline();
  put('new_flow_count', stats.newFlowCount, '  ');
  put('new_flows_len', stats.newFlowsLen);
  put('old_flows_len', stats.oldFlowsLen);
  put('memory_used', stats.memoryUsage);
}
