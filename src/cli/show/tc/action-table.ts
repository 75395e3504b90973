import type { ActionTable } from '../../../route/action.ts';
import { parseUnsigned, UsageError, Words, wrongArgument } from '../../args.ts';
import type { JsonObject, View } from '../view.ts';
import { actionsSheet } from './actions.ts';
import { type TcDesk, TcSheet, tcDesk } from './tc-desk.ts';

/** `tc actions list`. */
export const actionsView: View = {
  names: ['actions'],
  usage: `list action KIND [ since MILLISECONDS ]
cofferdam tc actions { add | replace | change } action ACTION [ index INDEX ] [ action ACTION ... ]
cofferdam tc actions { del | get } action KIND index INDEX [ action KIND index INDEX ... ]
cofferdam tc actions flush action KIND
ACTION := { gact | mirred | police | vlan | skbedit } OPTIONS, or { pass | drop | pipe | ... }`,

  async run(args, context) {
    const words = new Words(args);
    const kind = nextKind(words);
    let since: number | undefined;
    if (words.take('since')) {
      const word = words.next();
      since = parseUnsigned(word);
      if (since === undefined) throw wrongArgument(word, 'dump time "since" is invalid');
    }
    if (words.more) throw new UsageError(`What is "${words.peek}"?`);
    const tables = await context.rt.action.tables(kind, since === undefined ? {} : { since });
    // In a dump the kernel counts from 0, in each message.
    return tablesShown(tables, await tcDesk(context), 0);
  },

  actions: async () => (await import('../../verbs/action.ts')).actionActions,
};

/** The kind, behind the word `action`, which tc takes whatever it is. */
export function nextKind(words: Words): string {
  words.next();
  if (!words.more) throw new UsageError('Which kind of action? gact, mirred, police, vlan, skbedit, ...');
  return words.next();
}

/** `first`: the number of a message's first action. */
export function tablesShown(tables: readonly ActionTable[], desk: TcDesk, first: 0 | 1) {
  const json: JsonObject[] = [];
  let text = '';
  for (const { actions, count = 0 } of tables) {
    const head = new TcSheet(desk);
    head.put('total acts', count, `total acts ${count}`);
    head.newline();
    const list = new TcSheet(desk);
    actionsSheet(list, actions, { first, bound: false });
    json.push(head.json, list.json);
    text += head.text + list.text;
  }
  return { json, text };
}
