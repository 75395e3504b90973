import { numberOf, ROUTE_TYPES } from '../route/route-words.ts';
import { matches, parseUnsigned, wrongArgument } from './args.ts';
import type { Names } from './names.ts';
import type { ShowContext, ShowFamily } from './show/view.ts';

/** Words of `ip route` that showing, changing and other objects share. */

const EXACT_TYPES: Readonly<Record<string, string>> = {
  local: 'local',
  nat: 'nat',
  brd: 'broadcast',
  throw: 'throw',
};
const ABBREVIATED_TYPES = [
  ...['broadcast', 'anycast', 'multicast', 'prohibit', 'unreachable', 'blackhole', 'xresolve', 'unicast'],
];

/** The words that `ip` takes for a type, some in full only, and numbers; undefined for any other. */
export function routeTypeNumber(word: string): number | undefined {
  const name = EXACT_TYPES[word] ?? ABBREVIATED_TYPES.find((type) => matches(word, type));
  return name === undefined ? parseUnsigned(word, 255) : numberOf(ROUTE_TYPES, name);
}

/** `FROM/TO`, `TO`, `FROM/`, or one number for both; undefined for what is none of them. */
export function parseRealms(word: string, names: Names): number | undefined {
  const slash = word.indexOf('/');
  const from = slash < 0 ? 0 : names.realmId(word.slice(0, slash));
  const rest = word.slice(slash + 1);
  const to = rest === '' && slash >= 0 ? 0 : names.realmId(rest);
  return from !== undefined && to !== undefined ? ((from << 16) | to) >>> 0 : parseUnsigned(word);
}

/** `via inet6 ADDRESS`: the words that name a family. */
export function familyWord(word: string | undefined): ShowFamily | undefined {
  const families: readonly ShowFamily[] = ['inet', 'inet6', 'link', 'mpls', 'bridge'];
  return families.find((family) => family === word);
}

const MAIN = 254;

/** The table of a VRF, by the name of its link. */
export async function vrfTable(name: string, context: ShowContext): Promise<number> {
  if (name === 'default') return MAIN;
  const index = (await context.linkNames()).indexOf(name);
  const link = index === undefined ? undefined : await context.rt.link.get(index);
  if (link?.vrf?.table !== undefined) return link.vrf.table;
  throw wrongArgument(name, 'Invalid VRF\n');
}
