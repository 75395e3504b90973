import { lineBreak, type Paint, paint } from '../../text.ts';
import { Sheet } from '../route-sheet.ts';
import type { JsonObject, JsonValue, LinkNames, ShowContext, ShowOptions } from '../view.ts';
import { formatRate, formatSize, formatTime } from './units.ts';

/** What the views of traffic control need while they print. */
export interface TcDesk {
  readonly options: ShowOptions;
  readonly links: LinkNames;
  readonly paint: Paint;
}

export async function tcDesk(context: ShowContext): Promise<TcDesk> {
  const { options } = context;
  return { options, links: await context.linkNames(), paint: paint(options.color) };
}

/** A record under way, with the manners of `tc`: what is not there is not said. */
export class TcSheet extends Sheet {
  readonly desk: TcDesk;

  constructor(desk: TcDesk) {
    super();
    this.desk = desk;
  }

  /** `WORD value `, the value as it is; nothing for undefined. */
  word(key: string, value: number | bigint | string | undefined, suffix = '', word = key): void {
    if (value !== undefined) this.put(key, value, `${word} ${value}${suffix} `);
  }

  size(key: string, bytes: number | undefined, word = key): void {
    if (bytes !== undefined) this.put(key, bytes, `${word} ${formatSize(bytes)} `);
  }

  rate(key: string, rate: number | undefined, word = key): void {
    if (rate !== undefined) this.put(key, rate, `${word} ${formatRate(rate, this.desk.options)} `);
  }

  /** Microseconds. */
  time(key: string, us: number | undefined, word = key): void {
    if (us !== undefined) this.put(key, us, `${word} ${formatTime(us)} `);
  }

  /** `WORD ` where it is so. */
  flag(key: string, value: boolean | undefined, word = key): void {
    if (value) this.put(key, true, `${word} `);
  }

  /** Only in the JSON. */
  json1(key: string, value: JsonValue): void {
    this.put(key, value);
  }

  /** The end of a line within the record. */
  newline(): void {
    this.say(lineBreak(this.desk.options));
  }

  /** A record inside of this one. */
  inside(key: string, write: (sheet: TcSheet) => void): void {
    const inner = new TcSheet(this.desk);
    write(inner);
    this.put(key, inner.json as JsonObject, inner.text);
  }
}
