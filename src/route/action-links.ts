/** Links that actions speak of: by index on the wire, by name for whoever reads. */
import type { RequestOptions } from '../netlink/socket.ts';
import type { Action } from './action-list.ts';
import type { LinkNames } from './names.ts';

export function linksOfActions(actions: readonly Action[]): number[] {
  return actions.flatMap(({ mirred }) => (mirred?.ifindex === undefined ? [] : [mirred.ifindex]));
}

export function nameActions(actions: readonly Action[], linkNames: ReadonlyMap<number, string>): void {
  for (const { mirred } of actions) {
    const to = mirred?.ifindex === undefined ? undefined : linkNames.get(mirred.ifindex);
    if (mirred !== undefined && to !== undefined) mirred.dev = to;
  }
}

/** The same actions with indexes. */
export async function resolveActions(
  names: LinkNames,
  actions: readonly Action[],
  options: RequestOptions,
): Promise<Action[]> {
  const resolved: Action[] = [];
  for (const [i, action] of actions.entries()) {
    const dev = action?.mirred?.dev;
    if (action?.mirred === undefined || dev === undefined) resolved.push(action);
    else {
      const index = await names.index(dev, `actions.${i}.mirred.dev`, options);
      const { dev: _, ...mirred } = action.mirred;
      resolved.push({ ...action, mirred: { ...mirred, ifindex: index } });
    }
  }
  return resolved;
}
