import { idOf, netnsNames } from '../netns-names.ts';
import { Sheet } from './route-sheet.ts';
import type { ShowContext, Shown, View } from './view.ts';

const USAGE = `cofferdam netns [ list ]
 cofferdam netns add NAME
 cofferdam netns attach NAME PID
 cofferdam netns set NAME NETNSID
 cofferdam [ -all ] netns delete [ NAME ]
 cofferdam netns identify [ PID ]
 cofferdam netns pids NAME
 cofferdam [ -all ] netns exec [ NAME ] COMMAND...
 cofferdam netns monitor
 cofferdam netns holders [ NAME | INODE ] [ sockets ]
 cofferdam netns list-id [ target-nsid POSITIVE-INT ] [ nsid POSITIVE-INT ]
NETNSID := auto | POSITIVE-INT`;

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
