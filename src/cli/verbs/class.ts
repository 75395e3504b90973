import type { TcClassInput } from '../../route/class.ts';
import { duplicateArgument, UsageError, Words } from '../args.ts';
import { nextClassId } from '../show/tc/handle-words.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { readClassSettings } from './qdisc-words/index.ts';
import { readEstimator } from './tc-line.ts';

type Verb = 'add' | 'replace' | 'change' | 'del';

/** The verbs of `tc class` besides `show`, man 8 tc. */
export const classActions: Actions = {
  add: acting('add'),
  replace: acting('replace'),
  change: acting('change'),
  delete: acting('del'),
};

function acting(verb: Verb): Action {
  return async (args, context) => {
    await context.rt.class[verb](await readClass(args, context));
    return undefined;
  };
}

async function readClass(args: readonly string[], context: ShowContext): Promise<TcClassInput> {
  const words = new Words(args);
  const one: TcClassInput = {};
  let device: string | undefined;
  while (words.more && one.kind === undefined) {
    if (words.take('dev')) {
      if (device !== undefined) throw duplicateArgument('dev', words.next());
      device = words.next();
    } else if (words.take('classid')) {
      if (one.classid !== undefined) throw duplicateArgument('classid', words.next());
      one.classid = nextClassId(words, 'invalid class ID');
    } else if (words.take('handle')) throw new UsageError('Error: try "classid" instead of "handle"');
    else if (words.take('root')) {
      if (one.parent !== undefined) throw new UsageError('Error: "root" is duplicate parent ID.');
      one.parent = 'root';
    } else if (words.take('parent')) {
      if (one.parent !== undefined) throw duplicateArgument('parent', words.next());
      one.parent = nextClassId(words, 'invalid parent ID');
    } else if (words.takeAbbreviated('estimator')) one.estimator = readEstimator(words, one.estimator);
    else one.kind = words.next();
  }
  if (one.kind !== undefined) Object.assign(one, readClassSettings(one.kind, words));
  return device === undefined ? one : { ...one, ifindex: await context.linkIndex(device) };
}
