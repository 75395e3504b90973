import { opendirSync } from 'node:fs';
import { SystemError } from '../handle/errors.ts';
import type { RouteSocket } from '../route/socket.ts';

/** Names of network namespaces as `ip netns` finds them. */

export const NETNS_DIRECTORY = '/run/netns';

/** In the order that the directory gives them, which is `ip`'s. */
export function netnsNames(): string[] {
  const names: string[] = [];
  try {
    using directory = disposable(opendirSync(NETNS_DIRECTORY));
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync())
      names.push(entry.name);
  } catch (error) {
    // Nobody has named a namespace since the host started.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return names;
}

function disposable(directory: ReturnType<typeof opendirSync>) {
  return Object.assign(directory, { [Symbol.dispose]: () => directory.closeSync() });
}

/** The id by which this namespace knows one that has a name; undefined for a name that no namespace is behind. */
export async function idOf(rt: RouteSocket, name: string): Promise<number | undefined> {
  try {
    const { nsid } = await rt.netnsId.get({ netns: `${NETNS_DIRECTORY}/${name}` });
    return nsid < 0 ? undefined : nsid;
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
