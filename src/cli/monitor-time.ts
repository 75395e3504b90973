/** Times as iproute2 prints them, in local time. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function split(microseconds: bigint): { date: Date; rest: number } {
  return { date: new Date(Number(microseconds / 1000n)), rest: Number(microseconds % 1_000_000n) };
}

function clock(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

/** asctime(3), without the line break. */
function longDate(date: Date): string {
  const day = String(date.getDate()).padStart(3);
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]}${day} ${clock(date)} ${date.getFullYear()}`;
}

/** What a recording's own times print as. */
export function recordedTime(microseconds: bigint): string {
  const { date, rest } = split(microseconds);
  return `Timestamp: ${longDate(date)} ${rest} us\n`;
}

/** What -t and -ts put before each message. */
export function arrivalTime(microseconds: bigint, short: boolean): string {
  const { date, rest } = split(microseconds);
  if (!short) return `Timestamp: ${longDate(date)} ${rest} usec\n`;
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return `[${date.getFullYear()}-${month}-${day}T${clock(date)}.${String(rest).padStart(6, '0')}] `;
}

/** For JSON: `2026-11-21T18:30:00.123456Z`. */
export function isoTime(microseconds: bigint): string {
  const { date, rest } = split(microseconds);
  return date.toISOString().replace(/\.\d{3}Z$/, `.${String(rest).padStart(6, '0')}Z`);
}

export function now(): bigint {
  return BigInt(Date.now()) * 1000n;
}
