import type { Link, LinkFilter } from '../../route/link.ts';
import type { RouteSocket } from '../../route/socket.ts';
import { type Words, wrongArgument } from '../args.ts';
import type { LinkNames, ShowContext } from './view.ts';

/** The words of `ip link show` and `ip address show` that choose links. */
export interface LinkShowFilter {
  /** One link only. */
  ifindex?: number;
  up?: true;
  group?: number;
  /** null: without a master. */
  master?: number | null;
  kind?: string;
  /** `type bridge_slave`: ports of masters of that kind. */
  slaveKind?: string;
}

/** Takes one condition from the words, if the next one begins one. */
export async function takeLinkWord(
  words: Words,
  filter: LinkShowFilter,
  { rt, names, linkNames }: Pick<ShowContext, 'rt' | 'names' | 'linkNames'>,
): Promise<boolean> {
  if (words.take('up')) filter.up = true;
  else if (words.take('group')) {
    const word = words.next();
    const group = names.groupId(word);
    if (group === undefined) throw wrongArgument(word, 'Invalid "group" value\n');
    filter.group = group;
  } else if (words.take('master'))
    filter.master = masterIndex(words.next(), await linkNames(), 'Device does not exist\n');
  else if (words.take('vrf')) filter.master = await vrfIndex(words.next(), await linkNames(), rt);
  else if (words.take('nomaster')) filter.master = null;
  else if (words.take('type')) {
    const type = words.next();
    if (type.endsWith('_slave')) filter.slaveKind = type.slice(0, -'_slave'.length);
    else filter.kind = type;
  } else return false;
  return true;
}

function masterIndex(word: string, links: LinkNames, message: string): number {
  const index = links.indexOf(word);
  if (index === undefined) throw wrongArgument(word, message);
  return index;
}

async function vrfIndex(word: string, links: LinkNames, rt: RouteSocket): Promise<number> {
  const index = masterIndex(word, links, 'Not a valid VRF name\n');
  if ((await rt.link.get(index)).kind !== 'vrf') throw wrongArgument(word, 'Not a valid VRF name\n');
  return index;
}

/** What of the filter `ip` leaves to the kernel. */
export function kernelFilter({ master, kind }: LinkShowFilter): LinkFilter {
  return { ...(master !== undefined && { master }), ...(kind !== undefined && { kind }) };
}

/** What of the filter `ip` checks itself, link by link: in its JSON an empty object stands for those that fail. */
export function passes(link: Link, { ifindex, up, group, master, kind, slaveKind }: LinkShowFilter): boolean {
  return (
    (ifindex === undefined || link.ifindex === ifindex) &&
    (up === undefined || link.flags.includes('UP')) &&
    (group === undefined || link.group === undefined || link.group === group) &&
    // Without a master is for the kernel to check, which it does only when it lists.
    (master === undefined || master === null || link.masterIndex === master) &&
    (kind === undefined || link.kind === kind) &&
    (slaveKind === undefined || (link.portKind === slaveKind && link.portKind !== undefined))
  );
}
