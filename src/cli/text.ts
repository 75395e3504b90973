import type { ShowOptions } from './show/view.ts';

/** Small pieces of `ip`'s text layout. */

/** What ends a line inside a record: `\` with -o. The record itself always ends with a line break. */
export function lineBreak(options: Pick<ShowOptions, 'oneline'>): string {
  return options.oneline ? '\\' : '\n';
}

/** printf's %-16s: columns are counted in bytes, so that a name beyond ASCII has fewer blanks behind it. */
export function padBytes(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - Buffer.byteLength(text)));
}

/** What `ip` colours. */
export interface Paint {
  ifname(text: string): string;
  mac(text: string): string;
  inet(text: string): string;
  inet6(text: string): string;
  up(text: string): string;
  down(text: string): string;
}

// SGR numbers for ifname, mac, inet, inet6, up, down.
const LIGHT = [36, 33, 35, 34, 32, 31];

/** The last number of COLORFGBG is the background: 0 to 6 and 8 are dark. */
function isDarkBackground(value: string | undefined): boolean {
  const last = value?.split(';');
  return last !== undefined && last.length > 1 && /^[0-68]$/.test(last.at(-1) ?? '');
}

/** Colours as `ip -c` gives them, bold on a dark background; or none. */
export function paint(color: boolean, environment: NodeJS.ProcessEnv = process.env): Paint {
  const bold = isDarkBackground(environment.COLORFGBG) ? '1;' : '';
  const brush = (index: number) => (text: string) =>
    color ? `\u001b[${bold}${LIGHT[index]}m${text}\u001b[0m` : text;
  return { ifname: brush(0), mac: brush(1), inet: brush(2), inet6: brush(3), up: brush(4), down: brush(5) };
}

/** `1.50k` as `ip -h` prints counters: three digits, powers of 1000, or with -iec of 1024 and an `i` behind. */
export function humanNumber(value: number | bigint, iec = false): string {
  const number = BigInt(value);
  const base = iec ? 1024n : 1000n;
  if (number < base) return number.toString();
  let power = base;
  let unit = 0;
  while (number / base >= power && unit < 5) {
    power *= base;
    unit++;
  }
  const whole = number / power;
  const digits = whole < 10n ? 2 : whole < 100n ? 1 : 0;
  return `${(Number(number) / Number(power)).toFixed(digits)}${'kMGTPE'[unit]}${iec ? 'i' : ''}`;
}

/** A counter as the options want it. */
export function counter(value: number | bigint, options: Pick<ShowOptions, 'human' | 'iec'>): string {
  return options.human ? humanNumber(value, options.iec) : value.toString();
}
