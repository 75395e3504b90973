import type { Nexthop, NexthopFilter } from '../../route/nexthop.ts';
import { numberOf, ROUTE_PROTOCOLS } from '../../route/route-words.ts';
import { UsageError, unsigned, Words, wrongArgument } from '../args.ts';
import { paint } from '../text.ts';
import { printNexthop } from './nexthop-print.ts';
import type { Desk } from './route-sheet.ts';
import type { ShowContext, Shown, View } from './view.ts';

const USAGE = `[ SELECTOR ]
SELECTOR := [ id ID ] [ dev DEVICE ] [ vrf NAME ] [ master DEVICE ]
            [ groups ] [ fdb ] [ protocol NUMBER ]
cofferdam nexthop { add | replace } [ id ID ] NEXTHOP [ protocol PROTOCOL ]
NEXTHOP := { blackhole | [ via [ FAMILY ] ADDRESS ] [ dev DEVICE ] [ onlink ] [ encap ENCAP ] [ fdb ] |
             group ID[,WEIGHT][/ID[,WEIGHT]...] [ fdb ] [ type { mpath | resilient RESILIENT } ] }
RESILIENT := [ buckets NUMBER ] [ idle_timer SECONDS ] [ unbalanced_timer SECONDS ]
cofferdam nexthop { get | del } id ID
cofferdam nexthop flush [ SELECTOR ]
cofferdam nexthop bucket [ show ] [ id ID ] [ nhid ID ] [ dev DEVICE ] [ vrf NAME ] [ master DEVICE ]
cofferdam nexthop bucket get id ID index INDEX`;

async function device(word: string, message: string, context: ShowContext): Promise<number> {
  const index = (await context.linkNames()).indexOf(word);
  if (index === undefined) throw wrongArgument(word, message);
  return index;
}

async function vrf(word: string, context: ShowContext): Promise<number> {
  const index = (await context.linkNames()).indexOf(word);
  const link = index === undefined ? undefined : await context.rt.link.get(index);
  if (index === undefined || link?.kind !== 'vrf') throw wrongArgument(word, 'Invalid VRF\n');
  return index;
}

export interface NexthopSelection {
  /** One nexthop, whatever else was said. */
  id?: number;
  filter: NexthopFilter;
  /** By number; 0 for any. */
  protocol: number;
}

export async function selectNexthops(
  args: readonly string[],
  context: ShowContext,
): Promise<NexthopSelection> {
  const words = new Words(args);
  const filter: NexthopFilter = {};
  const { family } = context.options;
  if (family !== undefined) filter.family = family === 'link' ? '17' : family === 'bridge' ? '7' : family;
  let protocol = 0;
  while (words.more) {
    if (words.takeAbbreviated('dev'))
      filter.oif = await device(words.next(), 'Device does not exist\n', context);
    else if (words.takeAbbreviated('groups')) filter.groups = true;
    else if (words.takeAbbreviated('master'))
      filter.master = await device(words.next(), 'Device does not exist\n', context);
    else if (words.takeAbbreviated('vrf')) filter.master = await vrf(words.next(), context);
    else if (words.take('id')) return { id: unsigned(words.next(), 'invalid id value'), filter, protocol };
    else if (words.takeAbbreviated('protocol')) protocol = unsigned(words.next(), 'invalid protocol value');
    else if (words.takeAbbreviated('fdb')) filter.fdb = true;
    else if (words.takeAbbreviated('help')) throw new UsageError(USAGE);
    else throw wrongArgument(words.next(), '');
  }
  return { filter, protocol };
}

/** What passes the selection. */
export async function listNexthops(
  { filter, protocol }: NexthopSelection,
  { rt }: ShowContext,
): Promise<Nexthop[]> {
  const list = await rt.nexthop.list(filter);
  return list.filter((one) => protocol === 0 || numberOf(ROUTE_PROTOCOLS, one.protocol) === protocol);
}

/** Nexthops in the order given. */
export async function printNexthops(list: readonly Nexthop[], context: ShowContext): Promise<Shown> {
  const desk: Desk = {
    options: context.options,
    names: context.names,
    links: await context.linkNames(),
    paint: paint(context.options.color),
  };
  const sheets = list.map((one) => printNexthop(one, desk));
  return {
    json: sheets.map((sheet) => sheet.json),
    text: sheets.map((sheet) => `${sheet.text}\n`).join(''),
  };
}

/** `ip nexthop show`. */
export const nexthopView: View = {
  names: ['nexthop'],
  usage: USAGE,
  async run(args: readonly string[], context: ShowContext): Promise<Shown> {
    const selection = await selectNexthops(args, context);
    const { id } = selection;
    const list =
      id === undefined ? await listNexthops(selection, context) : [await context.rt.nexthop.get(id)];
    return await printNexthops(list, context);
  },
  actions: async () => (await import('../verbs/nexthop.ts')).nexthopActions,
};
