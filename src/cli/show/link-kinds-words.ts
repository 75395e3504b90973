import type { LinkDesk } from './link-desk.ts';
import type { Sheet } from './route-sheet.ts';

/** How kinds of links spell their settings. */

/** A number, or a yes or no that `ip` prints as one. */
export function putNumber(sheet: Sheet, key: string, value: number | boolean | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, Number(value), `${word} ${Number(value)} `);
}

export function putOnOff(sheet: Sheet, key: string, value: boolean | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, value, `${word} ${value ? 'on' : 'off'} `);
}

/** printf's %#x. */
export function hash(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

export function putHex(sheet: Sheet, key: string, value: number | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, hash(value), `${word} ${hash(value)} `);
}

/** Hundredths of a second. */
export function putTimer(sheet: Sheet, key: string, value: number | undefined): void {
  if (value === undefined) return;
  const whole = String(Math.floor(value / 100)).padStart(4);
  sheet.put(key, value / 100, `${key} ${whole}.${String(value % 100).padStart(2, '0')} `);
}

/** Said only when it is so. */
export function putYes(sheet: Sheet, key: string, value: boolean | undefined, text: string): void {
  if (value === true) sheet.put(key, true, text);
}

/** `udpcsum`, `noudpcsum`. */
export function putYesNo(sheet: Sheet, key: string, value: boolean | undefined, word: string): void {
  if (value !== undefined) sheet.put(key, value, `${value ? '' : 'no'}${word} `);
}

export function putWord(sheet: Sheet, key: string, value: string | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, value, `${word} ${value} `);
}

/** One of the words, or `instead` for a value that has none in `ip` 6.1. */
export function putOneOf(
  sheet: Sheet,
  key: string,
  value: string | undefined,
  words: readonly string[],
  { word = key, instead = 'UNKNOWN' }: { word?: string; instead?: string } = {},
): void {
  if (value !== undefined) putWord(sheet, key, words.includes(value) ? value : instead, word);
}

/** A link by its index; 0 is none. */
export function putLink(
  sheet: Sheet,
  desk: LinkDesk,
  key: string,
  index: number | undefined,
  word = key,
): void {
  if (index === undefined || index === 0) return;
  putWord(sheet, key, desk.links.nameOf(index), word);
}

/** 1 is that of the packet inside; 0 says nothing. */
export function putTos(sheet: Sheet, tos: number | undefined): void {
  if (tos !== undefined && tos !== 0)
    sheet.put('tos', hash(tos), `tos ${tos === 1 ? 'inherit' : hash(tos)} `);
}
