import type { ActionReference } from '../../route/action.ts';
import { UsageError, Words } from '../args.ts';
import { nextKind, tablesShown } from '../show/tc/action-table.ts';
import { tcDesk } from '../show/tc/tc-desk.ts';
import type { Action, Actions } from '../show/view.ts';
import { readActions } from './filter-words/action.ts';
import { next, parseDecimal } from './qdisc-words/rows.ts';

/** The verbs of `tc actions` besides `list`, man 8 tc-actions. */
export const actionActions: Actions = {
  add: making('add'),
  change: making('replace'),
  replace: making('replace'),
  async delete(args, context) {
    await context.rt.action.del(readReferences(args));
    return undefined;
  },
  async get(args, context) {
    const actions = await Promise.all(readReferences(args).map((one) => context.rt.action.get(one)));
    return tablesShown([{ actions }], await tcDesk(context), 1);
  },
  async flush(args, context) {
    const words = new Words(args);
    const kind = nextKind(words);
    if (words.more) throw new UsageError(`What is "${words.peek}"?`);
    await context.rt.action.flush(kind);
    return undefined;
  },
};

function making(verb: 'add' | 'replace'): Action {
  return async (args, context) => {
    const words = new Words(args);
    const actions = readActions(words);
    if (words.more) throw new UsageError(`What is "${words.peek}"?`);
    await context.rt.action[verb](actions);
    return undefined;
  };
}

/** `action KIND index INDEX [ action KIND index INDEX ]...`, the words `action` as you please. */
function readReferences(args: readonly string[]): ActionReference[] {
  const words = new Words(args);
  const found: ActionReference[] = [];
  while (words.more) {
    if (words.take('action')) continue;
    const kind = words.next();
    if (!words.takeAbbreviated('index')) throw new UsageError(`Error: no index specified action: ${kind}`);
    found.push({ kind, index: next(words, 'index', parseDecimal) });
  }
  if (found.length === 0) throw new UsageError('Which action? give its kind and its index');
  return found;
}
