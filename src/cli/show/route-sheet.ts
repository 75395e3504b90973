import { numberOf, ROUTE_PROTOCOLS, ROUTE_SCOPES } from '../../route/route-words.ts';
import type { Names } from '../names.ts';
import type { Paint } from '../text.ts';
import type { JsonObject, JsonValue, LinkNames, ShowOptions } from './view.ts';

/** What the views of routes and nexthops need while they print. */
export interface Desk {
  readonly options: ShowOptions;
  readonly names: Names;
  readonly links: LinkNames;
  readonly paint: Paint;
}

/** One record under way: its JSON, and its text beside it. A key that comes again replaces, as it does in `jq`. */
export class Sheet {
  readonly json: JsonObject = {};
  text = '';

  /** A member, and how the text spells it; without `text` only in the JSON. */
  put(key: string, value: JsonValue, text = ''): void {
    this.json[key] = value;
    this.text += text;
  }

  /** Text that has no member. */
  say(text: string): void {
    this.text += text;
  }
}

export function protocolName(desk: Desk, protocol: string): string {
  return desk.names.protocolName(numberOf(ROUTE_PROTOCOLS, protocol));
}

export function scopeName(desk: Desk, scope: string): string {
  return desk.names.scopeName(numberOf(ROUTE_SCOPES, scope));
}

/** An address in its family's colour, and a space. */
export function paintAddress(desk: Desk, address: string): string {
  const spaced = `${address} `;
  return address.includes(':') ? desk.paint.inet6(spaced) : desk.paint.inet(spaced);
}

export function putDevice(sheet: Sheet, desk: Desk, key: string, index: number): void {
  const name = desk.links.nameOf(index);
  sheet.put(key, name, `${key} ${desk.paint.ifname(`${name} `)}`);
}

/** The flags that `ip` prints, in its order. */
const FLAGS = [
  'dead',
  'onlink',
  'pervasive',
  'offload',
  'trap',
  'notify',
  'linkdown',
  'unresolved',
  'rt_offload',
  'rt_trap',
  'rt_offload_failed',
];

export function putFlags(sheet: Sheet, flags: readonly string[]): void {
  const shown = FLAGS.filter((flag) => flags.includes(flag));
  sheet.put('flags', shown, shown.map((flag) => `${flag} `).join(''));
}

/** printf's %g: six digits, and an exponent where it is shorter. */
export function formatG(value: number): string {
  if (value === 0) return '0';
  const exponent = Number(value.toExponential(5).split('e')[1]);
  if (exponent >= -4 && exponent < 6) return String(Number(value.toPrecision(6)));
  const [digits = '', power = '0'] = value.toExponential(5).split('e');
  const sign = power.startsWith('-') ? '-' : '+';
  return `${Number(digits)}e${sign}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
}

/** A number of seconds as both forms of `ip` round it. */
export function putSeconds(sheet: Sheet, key: string, seconds: number): void {
  const text = formatG(seconds);
  sheet.put(key, Number(text), `${key} ${text} `);
}
