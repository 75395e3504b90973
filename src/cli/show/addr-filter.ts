import { parseIp } from '../../netlink/wire/address.ts';
import type { Address } from '../../route/address.ts';
import { numberOf, ROUTE_SCOPES } from '../../route/route-words.ts';
import {
  duplicateOrGarbage,
  FindingError,
  type InetPrefix,
  inetPrefix,
  sharesPrefix,
  Words,
  wrongArgument,
} from '../args.ts';
import { ADDRESS_FLAGS } from './address-flags.ts';
import { fileNameMatches } from './file-name-match.ts';
import { type LinkShowFilter, takeLinkWord } from './link-filter.ts';
import type { LinkNames, ShowContext, ShowFamily } from './view.ts';

/** The words after `ip address show`. */
export interface AddressShowFilter {
  /** Which links; `ip` checks some of it for links only. */
  readonly link: LinkShowFilter;
  family: ShowFamily | undefined;
  to?: InetPrefix;
  scope?: number;
  /** A pattern of glob(7), for the label, or where there is none for the link's name. */
  label?: string;
  /** Flags that must be set, or must not. One bit has two names: `temporary` is in here as `secondary`. */
  readonly flags: Map<string, boolean>;
}

const FLAGS: ReadonlySet<string> = new Set(ADDRESS_FLAGS);
const OPPOSITES: Readonly<Record<string, string>> = { dynamic: 'permanent', primary: 'secondary' };

/** `tentative`, `-tentative`, `dynamic`, ...: takes the word if it is one. */
function takeFlag(words: Words, flags: Map<string, boolean>): boolean {
  const word = words.peek ?? '';
  let wanted = !word.startsWith('-');
  let flag = wanted ? word : word.slice(1);
  const opposite = OPPOSITES[flag];
  if (opposite !== undefined) {
    flag = opposite;
    wanted = !wanted;
  }
  if (!FLAGS.has(flag)) return false;
  words.next();
  flags.set(flag === 'temporary' ? 'secondary' : flag, wanted);
  return true;
}

export async function parseAddressFilter(
  args: readonly string[],
  context: ShowContext,
): Promise<AddressShowFilter> {
  const { names, options } = context;
  const filter: AddressShowFilter = { link: {}, family: options.family, flags: new Map() };
  const words = new Words(args);
  let device: string | undefined;
  while (words.more) {
    if (words.take('to')) {
      filter.to = inetPrefix(words.next(), filter.family);
      filter.family ??= filter.to.family;
    } else if (words.take('scope')) {
      const word = words.next();
      const scope = names.scopeId(word);
      if (scope !== undefined) filter.scope = scope;
      else if (word === 'all') delete filter.scope;
      else throw wrongArgument(word, 'invalid "scope"\n');
    } else if (takeFlag(words, filter.flags)) {
      // A flag of addresses.
    } else if (words.take('label')) {
      filter.label = words.next();
    } else if (!(await takeLinkWord(words, filter.link, context))) {
      words.take('dev');
      const word = words.next();
      if (device !== undefined) throw duplicateOrGarbage('dev', word);
      device = word;
    }
  }
  if (device !== undefined) {
    const index = (await context.linkNames()).indexOf(device);
    if (index === undefined) throw new FindingError(`Device "${device}" does not exist.`);
    filter.link.ifindex = index;
  }
  return filter;
}

function hasFlag(address: Address, flag: string): boolean {
  return address.flags.includes(flag) || (flag === 'secondary' && address.flags.includes('temporary'));
}

export function passesAddressFilter(address: Address, filter: AddressShowFilter, links: LinkNames): boolean {
  const { family, scope, label, to, flags } = filter;
  return (
    (family === undefined || address.family === family) &&
    (scope === undefined || numberOf(ROUTE_SCOPES, address.scope) === scope) &&
    [...flags].every(([flag, wanted]) => hasFlag(address, flag) === wanted) &&
    (label === undefined || fileNameMatches(label, address.label ?? links.nameOf(address.ifindex))) &&
    (to === undefined || matchesPrefix(address.local, to))
  );
}

function matchesPrefix(local: string, to: InetPrefix): boolean {
  if (to.length === 0) return true;
  const bytes = parseIp(local);
  return bytes !== undefined && bytes.length === to.bytes.length && sharesPrefix(bytes, to.bytes, to.length);
}
