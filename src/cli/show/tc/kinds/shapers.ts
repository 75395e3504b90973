import type {
  Hfsc,
  HfscClass,
  HfscStats,
  Htb,
  HtbClass,
  HtbStats,
  ServiceCurve,
  Tbf,
} from '../../../../route/qdiscs/index.ts';
import { linkLayerNumber } from '../../../../route/tc-rate.ts';
import { timeToTicks } from '../../../../route/tc-units.ts';
import type { TcSheet } from '../tc-desk.ts';
import { formatRate, formatSize, formatTime, wholeTime } from '../units.ts';

/** Bursts as the kernel keeps them, for -raw. */
function rawTicks(us: number | undefined): string {
  return timeToTicks(us ?? 0)
    .toString(16)
    .padStart(8, '0');
}

/** ATM is always said, the others with -d only. */
function linkLayerShown(sheet: TcSheet, layer: string): boolean {
  return linkLayerNumber(layer) > 1 || sheet.desk.options.details;
}

function linkLayerWord(layer: string): string {
  return /^\d+$/.test(layer) ? 'unknown' : layer;
}

export function putHtb(sheet: TcSheet, htb: Htb, stats: HtbStats | undefined): void {
  const { r2q = 0, default: minor = '0', version = 0, directQlen } = htb;
  const direct = stats?.directPackets ?? 0;
  sheet.put('r2q', r2q, `r2q ${r2q}`);
  sheet.put('default', String(minor), ` default ${minor}`);
  sheet.put('direct_packets_stat', direct, ` direct_packets_stat ${direct}`);
  if (sheet.desk.options.details) {
    const spelled = `${version >>> 16}.${version & 0xffff}`;
    sheet.put('ver', spelled, ` ver ${spelled}`);
  }
  if (directQlen !== undefined) sheet.put('direct_qlen', directQlen, ` direct_qlen ${directQlen}`);
  if (htb.offload) sheet.put('offload', null, ' offload');
}

/** `tc` 6.1 prints classes as text only; the keys are those of later versions. */
export function putHtbClass(sheet: TcSheet, htb: HtbClass): void {
  const { details } = sheet.desk.options;
  const {
    level = 0,
    prio = 0,
    quantum = 0,
    rate = 0,
    ceil = 0,
    linklayer = 'unspec',
    overhead = 0,
    mpu = 0,
  } = htb;
  if (level === 0) {
    sheet.word('prio', prio);
    if (details) sheet.word('quantum', quantum);
  }
  sheet.put('rate', rate, `rate ${formatRate(rate, sheet.desk.options)} `);
  if (overhead !== 0) sheet.word('overhead', overhead);
  sheet.put('ceil', ceil, `ceil ${formatRate(ceil, sheet.desk.options)} `);
  if (linkLayerShown(sheet, linklayer)) sheet.word('linklayer', linkLayerWord(linklayer));
  const { burst = 0, cburst = 0, cell = 1, ccell = 1, ceilMpu = mpu } = htb;
  if (details) {
    sheet.put('burst', burst, `burst ${formatSize(burst)}/${cell} mpu ${formatSize(mpu)} `);
    sheet.put('cburst', cburst, `cburst ${formatSize(cburst)}/${ccell} mpu ${formatSize(ceilMpu)} `);
    sheet.put('level', level, `level ${level} `);
  } else {
    sheet.size('burst', burst);
    sheet.size('cburst', cburst);
  }
  if (sheet.desk.options.raw)
    sheet.say(`buffer [${rawTicks(htb.burstTime)}] cbuffer [${rawTicks(htb.cburstTime)}] `);
}

export function putHtbStats(sheet: TcSheet, stats: HtbStats): void {
  const { lends = 0, borrows = 0, giants = 0, tokens = 0, ctokens = 0 } = stats;
  sheet.put('lended', lends, ` lended: ${lends}`);
  sheet.put('borrowed', borrows, ` borrowed: ${borrows}`);
  sheet.put('giants', giants, ` giants: ${giants}\n`);
  sheet.put('tokens', tokens, ` tokens: ${tokens}`);
  sheet.put('ctokens', ctokens, ` ctokens: ${ctokens}\n`);
}

export function putTbf(sheet: TcSheet, tbf: Tbf): void {
  const { details, raw } = sheet.desk.options;
  const { rate = 0, peakrate = 0, burst = 0, mtu = 0, mpu = 0, limit = 0, overhead = 0 } = tbf;
  const { cell = 1, peakCell = 1, linklayer = 'unspec' } = tbf;
  sheet.rate('rate', rate);
  if (details) {
    sheet.word('burst', `${formatSize(burst)}/${cell}`);
    sheet.size('mpu', mpu);
  } else sheet.size('burst', burst);
  if (raw)
    sheet.put('burst_raw', timeToTicks(tbf.burstTime ?? 0).toString(16), `[${rawTicks(tbf.burstTime)}] `);
  if (peakrate !== 0) {
    sheet.say(`peakrate ${formatRate(peakrate, sheet.desk.options)} `);
    const peakMpu = tbf.peakMpu ?? mpu;
    if ((tbf.mtuTime ?? 0) !== 0 || peakMpu !== 0) {
      if (details) {
        sheet.word('mtu', `${formatSize(mtu)}/${peakCell}`);
        sheet.size('mpu', peakMpu);
      } else sheet.size('minburst', mtu);
      if (raw)
        sheet.put('mtu_raw', timeToTicks(tbf.mtuTime ?? 0).toString(16), `[${rawTicks(tbf.mtuTime)}] `);
    }
  }
  const latency = Math.floor(latencyOf(tbf));
  // The text has but 32 bits for it.
  if (latency >= 0) sheet.put('lat', latency, `lat ${formatTime(latency % 2 ** 32)} `);
  if (raw || latency < 0) sheet.size('limit', limit);
  if (overhead !== 0) sheet.word('overhead', overhead);
  if (linkLayerShown(sheet, linklayer)) sheet.word('linklayer', linkLayerWord(linklayer));
}

/** How long a packet waits at most: what the limit holds less what the bucket gives at once. */
function latencyOf({ rate = 0, peakrate = 0, limit = 0, burstTime = 0, mtuTime = 0 }: Tbf): number {
  const sustained = 1_000_000 * (limit / rate) - wholeTime(burstTime);
  if (peakrate === 0) return sustained;
  return Math.max(sustained, 1_000_000 * (limit / peakrate) - wholeTime(mtuTime));
}

export function putHfsc(sheet: TcSheet, hfsc: Hfsc): void {
  const minor = Number(hfsc.default ?? 0);
  if (minor !== 0) sheet.say(`default ${minor.toString(16)} `);
}

export function putHfscClass(sheet: TcSheet, { rt, ls, ul }: HfscClass): void {
  if (rt !== undefined && ls !== undefined && rt.m1 === ls.m1 && rt.d === ls.d && rt.m2 === ls.m2)
    putCurve(sheet, 'sc', rt);
  else {
    if (rt !== undefined) putCurve(sheet, 'rt', rt);
    if (ls !== undefined) putCurve(sheet, 'ls', ls);
  }
  if (ul !== undefined) putCurve(sheet, 'ul', ul);
}

function putCurve(sheet: TcSheet, name: string, { m1 = 0, d = 0, m2 = 0 }: ServiceCurve): void {
  const { options } = sheet.desk;
  const text = `${name} m1 ${formatRate(m1, options)} d ${formatTime(d)} m2 ${formatRate(m2, options)} `;
  sheet.put(name, { m1, d, m2 }, text);
}

export function putHfscStats(sheet: TcSheet, stats: HfscStats): void {
  const { period = 0, work = 0n, rtwork = 0n, level = 0 } = stats;
  sheet.say(` period ${period} `);
  if (work !== 0n) sheet.say(`work ${work} bytes `);
  if (rtwork !== 0n) sheet.say(`rtwork ${rtwork} bytes `);
  sheet.say(`level ${level} \n`);
}
