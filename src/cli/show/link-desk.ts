import { Netns } from '../../netns/index.ts';
import type { Link } from '../../route/link.ts';
import type { Names } from '../names.ts';
import { type Paint, paint } from '../text.ts';
import type { LinkNames, ShowContext, ShowFamily, ShowOptions } from './view.ts';

/** What it takes to print links, for `ip link` and for `ip address`, which shows them too. */
export interface LinkDesk {
  readonly options: ShowOptions;
  readonly names: Names;
  readonly links: LinkNames;
  readonly paint: Paint;
  /** `ip link` rather than `ip address`: link mode, alias and counters belong to it. */
  readonly asLink: boolean;
  /** `ip address` with -4 or -6 leaves the link-layer addresses out. */
  readonly family: ShowFamily | undefined;
  /** Names in /run/netns by the id that this namespace knows them by. Only the text has them. */
  readonly netnsNames: ReadonlyMap<number, string>;
}

/** A desk for these links. `asLink`: for `ip link`, whose family is always "link". */
export async function linkDesk(
  context: ShowContext,
  links: readonly Link[],
  { asLink, family }: Pick<LinkDesk, 'asLink' | 'family'>,
): Promise<LinkDesk> {
  const { options, names } = context;
  const wanted =
    !options.json && links.some((link) => (link.linkNetnsid ?? -1) >= 0 || (link.newNetnsid ?? -1) >= 0);
  return {
    options,
    names,
    links: await context.linkNames(),
    paint: paint(options.color),
    asLink,
    family,
    netnsNames: wanted ? await readNetnsNames(context) : new Map(),
  };
}

/** Every name in /run/netns that this namespace has an id for. */
async function readNetnsNames({ rt }: ShowContext): Promise<ReadonlyMap<number, string>> {
  const names = new Map<number, string>();
  for (const { name } of await Netns.list()) {
    let netns: Netns;
    try {
      netns = await Netns.open(name);
    } catch {
      continue; // removed meanwhile, or a name that no namespace is behind
    }
    try {
      const id = await rt.link.netnsid(netns);
      if (id !== undefined && !names.has(id)) names.set(id, name);
    } finally {
      netns.close();
    }
  }
  return names;
}
