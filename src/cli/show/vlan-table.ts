import { duplicateArgument, Words } from '../args.ts';
import { linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import { padBytes, paint } from '../text.ts';
import type { Desk, Sheet } from './route-sheet.ts';
import type { JsonObject, ShowContext, Shown } from './view.ts';

/** What all that `bridge vlan` shows has in common: the words that select, and a table of ports and VLANs. */

export interface VlanSelection {
  readonly dev?: number;
  readonly vid?: number;
}

export async function readVlanFilter(args: readonly string[], context: ShowContext): Promise<VlanSelection> {
  const words = new Words(args);
  let dev: string | undefined;
  let vid: number | undefined;
  while (words.more) {
    if (words.take('dev')) {
      const word = words.next();
      if (dev !== undefined) throw duplicateArgument('dev', word);
      dev = word;
    } else if (words.take('vid')) {
      const word = words.next();
      if (vid !== undefined) throw duplicateArgument('vid', word);
      vid = vlanId(word);
    } else throw unknownWord('vlan', words.next());
  }
  return {
    ...(dev === undefined ? {} : { dev: await linkNamed(dev, context) }),
    ...(vid === undefined || vid === 0 ? {} : { vid }),
  };
}

export async function vlanDesk({ options, names, linkNames }: ShowContext): Promise<Desk> {
  return { options, names, links: await linkNames(), paint: paint(options.color) };
}

/** IFNAMSIZ and the width of two VLAN ids with a hyphen. */
const NAME = 16;
export const RANGE = 9;
export const INDENT = ' '.repeat(NAME);
export const PORT_HEAD = `${'port'.padEnd(NAME)}  `;
export const HEAD = `${PORT_HEAD}${'vlan-id'.padEnd(RANGE)}`;

/** Records in the order of their links: the first of each has the link's name before it. */
export function byLink<T extends { ifindex: number }>(
  records: readonly T[],
  desk: Desk,
  member: string,
  sheetOf: (record: T) => Sheet,
): Shown {
  const json: JsonObject[] = [];
  let text = '';
  let last: number | undefined;
  let list: JsonObject[] = [];
  for (const record of records) {
    const sheet = sheetOf(record);
    if (record.ifindex === last) text += `${INDENT}  `;
    else {
      const name = desk.links.nameOf(record.ifindex);
      list = [];
      json.push({ ifname: name, [member]: list });
      text += desk.paint.ifname(`${padBytes(name, NAME)}  `);
      last = record.ifindex;
    }
    list.push(sheet.json);
    text += sheet.text;
  }
  return { json, text };
}

/** Puts a range under `name` and `nameEnd`; returns how wide its text is. */
export function putRange(sheet: Sheet, name: string, first: number, last = first): number {
  const text = first === last ? String(first) : `${first}-${last}`;
  sheet.put(name, first);
  if (first !== last) sheet.put(`${name}End`, last);
  sheet.say(text);
  return text.length;
}

/** Whether a VLAN, or a range that it is in, was asked for. */
export function passes(
  { vid, vidEnd = vid }: { vid: number; vidEnd?: number },
  wanted: number | undefined,
): boolean {
  return wanted === undefined || (vid <= wanted && wanted <= vidEnd);
}
