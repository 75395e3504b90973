import type {
  Cbs,
  Choke,
  ChokeStats,
  Etf,
  Hhf,
  HhfStats,
  Multiq,
  QfqClass,
  Sfb,
  SfbStats,
  Skbprio,
} from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatG, formatTime, rounded } from '../units.ts';
import { putRedFlags } from './simple.ts';

export function putChoke(sheet: TcSheet, choke: Choke): void {
  sheet.word('limit', choke.limit, 'p');
  sheet.word('min', choke.min, 'p');
  sheet.word('max', choke.max, 'p');
  putRedFlags(sheet, choke);
  if (!sheet.desk.options.details) return;
  const { probability = 0, scellLog = 0 } = choke;
  sheet.word('ewma', choke.ewma);
  if (probability !== 0) putFloat(sheet, 'probability', probability);
  else sheet.word('Plog', choke.plog);
  sheet.put('Scell_log', scellLog, `Scell_log ${scellLog}`);
}

function putFloat(sheet: TcSheet, key: string, value: number): void {
  sheet.put(key, rounded(value), `${key} ${formatG(value)} `);
}

export function putChokeStats(sheet: TcSheet, stats: ChokeStats): void {
  for (const key of ['marked', 'early', 'pdrop', 'other', 'matched'] as const)
    sheet.put(key, stats[key] ?? 0, `${key === 'marked' ? '  ' : ' '}${key} ${stats[key] ?? 0}`);
}

export function putHhf(sheet: TcSheet, hhf: Hhf): void {
  sheet.word('limit', hhf.limit, 'p');
  sheet.size('quantum', hhf.quantum);
  sheet.word('hh_limit', hhf.hhLimit);
  sheet.time('reset_timeout', hhf.resetTimeout);
  sheet.size('admit_bytes', hhf.admitBytes);
  sheet.time('evict_timeout', hhf.evictTimeout);
  sheet.word('non_hh_weight', hhf.nonHhWeight);
}

export function putHhfStats(sheet: TcSheet, stats: HhfStats): void {
  const put = (key: string, value: number | undefined, before = ' ') =>
    sheet.put(key, value ?? 0, `${before}${key} ${value ?? 0}`);
  put('drop_overlimit', stats.dropOverlimit, '  ');
  put('hh_overlimit', stats.hhOverlimit);
  put('tot_hh', stats.hhTotCount);
  put('cur_hh', stats.hhCurCount);
}

/** `tc` prints it as text only. */
export function putMultiq(sheet: TcSheet, { bands = 0, maxBands = 0 }: Multiq): void {
  sheet.say(`bands ${bands}/${maxBands} `);
}

export function putQfqClass(sheet: TcSheet, { weight, maxpkt }: QfqClass): void {
  sheet.word('weight', weight);
  sheet.word('maxpkt', maxpkt);
}

export function putSkbprio(sheet: TcSheet, { limit }: Skbprio): void {
  sheet.word('limit', limit);
}

export function putCbs(sheet: TcSheet, cbs: Cbs): void {
  for (const key of ['hicredit', 'locredit', 'sendslope', 'idleslope', 'offload'] as const)
    sheet.word(key, cbs[key]);
}

export function putEtf(sheet: TcSheet, { clockid = '', delta = 0, ...flags }: Etf): void {
  sheet.word('clockid', /^-?\d+$/.test(clockid) ? 'invalid' : clockid);
  const ns = Math.round(delta * 1000);
  // As an unsigned number in the JSON.
  sheet.put('delta', ns >>> 0, `delta ${ns} `);
  sheet.word('offload', flags.offload ? 'on' : 'off');
  sheet.word('deadline_mode', flags.deadlineMode ? 'on' : 'off');
  const check = flags.skipSockCheck ? 'on' : 'off';
  sheet.put('skip_sock_check', check, `skip_sock_check ${check}`);
}

const U32 = 2 ** 32;

export function putSfb(sheet: TcSheet, sfb: Sfb): void {
  const { rehash = 0, db = 0, increment = 0, decrement = 0 } = sfb;
  // tc has 32 bits for its microseconds.
  sheet.put('rehash', rehash % U32, `rehash ${formatTime(rehash % U32)} `);
  sheet.put('db', db % U32, `db ${formatTime(db % U32)} `);
  sheet.word('limit', sfb.limit, 'p');
  sheet.word('max', sfb.max, 'p');
  sheet.word('target', sfb.target, 'p');
  putFloat(sheet, 'increment', increment);
  putFloat(sheet, 'decrement', decrement);
  sheet.word('penalty_rate', sfb.penaltyRate, 'pps');
  sheet.word('penalty_burst', sfb.penaltyBurst, 'p');
}

const WHOLE = 0xffff;

export function putSfbStats(sheet: TcSheet, stats: SfbStats): void {
  for (const key of ['earlydrop', 'penaltydrop', 'bucketdrop', 'queuedrop', 'childdrop', 'marked'] as const)
    sheet.put(key, stats[key] ?? 0, `${key === 'earlydrop' ? '  ' : ' '}${key} ${stats[key] ?? 0}`);
  sheet.newline();
  sheet.put('maxqlen', stats.maxqlen ?? 0, `  maxqlen ${stats.maxqlen ?? 0}`);
  for (const key of ['maxprob', 'avgprob'] as const) {
    const value = (stats[key] ?? 0) / WHOLE;
    sheet.put(key, rounded(value), ` ${key} ${formatG(value)}`);
  }
}
