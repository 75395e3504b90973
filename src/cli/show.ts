import { RouteSocket } from '../route/socket.ts';
import { Names } from './names.ts';
import { loadView, resolveVerb, type ShownObject } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { formatJson } from './show/json.ts';
import type { LinkNames, ShowContext } from './show/view.ts';
import { objectUsage } from './usage.ts';

/** `cofferdam OBJECT [show] WORDS...`: what to print on stdout. */
export async function show(
  object: ShownObject,
  words: readonly string[],
  options: GlobalOptions,
): Promise<string> {
  const [verb, ...args] = words;
  const view = await loadView(object);
  if (resolveVerb(object, verb) === 'help') return objectUsage(view);
  await using rt = await RouteSocket.open({
    ...(options.netns !== undefined && { netns: options.netns }),
    ...(options.timeout !== undefined && { timeout: options.timeout }),
    ...(options.receiveBuffer !== undefined && { receiveBuffer: options.receiveBuffer }),
  });
  const shown = await view.run(args, showContext(rt, options));
  return options.json ? `${formatJson(shown.json, options.pretty)}\n` : shown.text;
}

export function showContext(rt: RouteSocket, options: ShowContext['options']): ShowContext {
  let links: Promise<LinkNames> | undefined;
  return {
    rt,
    options,
    names: new Names({ numeric: options.numeric }),
    linkNames: () => {
      links ??= readLinkNames(rt);
      return links;
    },
  };
}

async function readLinkNames(rt: RouteSocket): Promise<LinkNames> {
  const byIndex = new Map<number, { ifname: string; flags: readonly string[] }>();
  const byName = new Map<string, number>();
  for (const link of await rt.link.list()) {
    byIndex.set(link.ifindex, { ifname: link.ifname, flags: link.flags });
    byName.set(link.ifname, link.ifindex);
    for (const altname of link.altnames ?? []) byName.set(altname, link.ifindex);
  }
  return {
    nameOf: (index) => (index === 0 ? '*' : (byIndex.get(index)?.ifname ?? `if${index}`)),
    indexOf: (name) => {
      const spelled = /^if(\d+)$/.exec(name)?.[1];
      return byName.get(name) ?? (spelled === undefined ? undefined : Number(spelled) || undefined);
    },
    flagsOf: (index) => byIndex.get(index)?.flags,
  };
}
