import { opendirSync } from 'node:fs';
import { SystemError } from '../../handle/errors.ts';
import type { RouteSocket } from '../../route/socket.ts';
import { Sheet } from './route-sheet.ts';
import type { ShowContext, Shown, View } from './view.ts';

const USAGE = `
 cofferdam netns add NAME
 cofferdam netns set NAME NETNSID
 cofferdam [ -all ] netns delete [ NAME ]
 cofferdam netns identify [ PID ]
 cofferdam netns pids NAME
 cofferdam netns list-id [ target-nsid POSITIVE-INT ] [ nsid POSITIVE-INT ]
NETNSID := auto | POSITIVE-INT`;

export const NETNS_DIRECTORY = '/run/netns';

/** `ip netns list`. */
export const netnsView: View = {
  names: ['netns'],
  usage: USAGE,
  async run(_args: readonly string[], { rt }: ShowContext): Promise<Shown> {
    const sheets: Sheet[] = [];
    for (const name of netnsNames()) {
      const sheet = new Sheet();
      sheet.put('name', name, name);
      const id = await idOf(rt, name);
      if (id !== undefined) sheet.put('id', id, ` (id: ${id})`);
      sheet.say('\n');
      sheets.push(sheet);
    }
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
  actions: async () => (await import('../verbs/netns.ts')).netnsActions,
};

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
