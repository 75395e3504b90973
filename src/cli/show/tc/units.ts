import { ticksToWholeTime, timeToTicks } from '../../../route/tc-units.ts';
import type { ShowOptions } from '../view.ts';

/** Rates, sizes and times in the spelling of `tc`. */

/** printf's %.{digits}g. */
export function formatG(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return String(value).toLowerCase().replace('infinity', 'inf');
  const [mantissa = '', power = '0'] = rounding(Math.abs(value), digits - 1).split('e');
  const exponent = Number(power);
  const sign = value < 0 ? '-' : '';
  const [whole = '0', fraction = ''] = mantissa.split('.');
  if (exponent < -4 || exponent >= digits) {
    const short = withoutZeros(whole, fraction);
    return `${sign}${short}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const all = whole + fraction;
  if (exponent < 0) return sign + withoutZeros('0', '0'.repeat(-exponent - 1) + all);
  return sign + withoutZeros(all.slice(0, exponent + 1), all.slice(exponent + 1));
}

function withoutZeros(whole: string, fraction: string): string {
  const rest = fraction.replace(/0+$/, '');
  return rest === '' ? whole : `${whole}.${rest}`;
}

/** toExponential() but for ties, which C rounds to the even digit. */
function rounding(value: number, decimals: number): string {
  const [mantissa = '', power = ''] = value.toExponential(40).split('e');
  const [kept, rest] = [mantissa.slice(0, 2 + decimals), mantissa.slice(2 + decimals)];
  const tie = /^50*$/.test(rest) && /[02468]\.?$/.test(kept);
  return tie ? `${kept}e${power}` : value.toExponential(decimals);
}

/** A number as JSON of `tc` has it, which rounds to six digits. */
export function rounded(value: number): number {
  return Number(formatG(value));
}

const RATE_UNITS = ['', 'K', 'M', 'G', 'T'];

/** `5Mbit`; with -iec `5Mibit`, in powers of 1024. */
export function formatRate(bytesPerSecond: number | bigint, { iec }: Pick<ShowOptions, 'iec'>): string {
  const kilo = iec ? 1024n : 1000n;
  let rate = BigInt(bytesPerSecond) * 8n;
  let unit = 0;
  while (unit < RATE_UNITS.length - 1) {
    if (rate < kilo || (rate % kilo !== 0n && rate < 1000n * kilo)) break;
    rate /= kilo;
    unit++;
  }
  return `${Number(rate).toFixed(0)}${RATE_UNITS[unit]}${iec && unit > 0 ? 'i' : ''}bit`;
}

const KILO = 1024;
const MEGA = KILO * KILO;

/** rint(3): halves go to the even one. */
function rint(value: number): number {
  const rest = value - Math.floor(value);
  return rest === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

/** `4Kb`, `1540b`. */
export function formatSize(bytes: number): string {
  if (bytes >= MEGA && Math.abs(MEGA * rint(bytes / MEGA) - bytes) < KILO)
    return `${formatG(rint(bytes / MEGA))}Mb`;
  if (bytes >= KILO && Math.abs(KILO * rint(bytes / KILO) - bytes) < 16)
    return `${formatG(rint(bytes / KILO))}Kb`;
  return `${bytes}b`;
}

/** Whole microseconds: `5ms`, `1.5s`. */
export function formatTime(us: number): string {
  if (us >= 1_000_000) return `${formatG(us / 1_000_000, 3)}s`;
  if (us >= 1000) return `${formatG(us / 1000, 3)}ms`;
  return `${us}us`;
}

/** Microseconds of which the nanoseconds count: `10us`, `500ns`. */
export function formatTimeNs(us: number): string {
  const ns = Math.round(us * 1000);
  if (ns >= 1_000_000_000) return `${formatG(ns / 1_000_000_000, 3)}s`;
  if (ns >= 1_000_000) return `${formatG(ns / 1_000_000, 3)}ms`;
  if (ns >= 1000) return `${formatG(ns / 1000, 3)}us`;
  return `${ns}ns`;
}

const U32_MAX = 0xffffffff;

/** A time that the kernel told in ticks, in the whole microseconds that `tc` makes of them. */
export function wholeTime(us: number): number {
  return ticksToWholeTime(Math.min(timeToTicks(us), U32_MAX));
}

/** printf's %#x: 0 has no 0x. */
export function formatHex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}
