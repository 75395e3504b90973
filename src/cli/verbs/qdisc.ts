import type { QdiscInput } from '../../route/qdisc.ts';
import { duplicateArgument, parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import { nextClassId, nextQdiscHandle } from '../show/tc/handle-words.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { readQdiscSettings } from './qdisc-words/index.ts';
import { readEstimator, readSizeTable } from './tc-line.ts';

type Verb = 'add' | 'replace' | 'change' | 'link' | 'del';

/** The verbs of `tc qdisc` besides `show`, man 8 tc. */
export const qdiscActions: Actions = {
  add: acting('add'),
  replace: acting('replace'),
  change: acting('change'),
  link: acting('link'),
  delete: acting('del'),
};

function acting(verb: Verb): Action {
  return async (args, context) => {
    await context.rt.qdisc[verb](await readQdisc(args, context));
    return undefined;
  };
}

/** Words of places that bring their kind. */
const PLACES = { clsact: 'a duplicate', ingress: 'a duplicate' } as const;

async function readQdisc(args: readonly string[], context: ShowContext): Promise<QdiscInput> {
  const words = new Words(args);
  const qdisc: QdiscInput = {};
  let device: string | undefined;
  while (words.more && qdisc.kind === undefined) {
    if (words.take('dev')) {
      if (device !== undefined) throw duplicateArgument('dev', words.next());
      device = words.next();
    } else takeWord(words, qdisc);
  }
  if (qdisc.kind !== undefined) Object.assign(qdisc, readQdiscSettings(qdisc.kind, words));
  if (device === undefined) return qdisc;
  return { ...qdisc, ifindex: await context.linkIndex(device) };
}

function takeWord(words: Words, qdisc: QdiscInput): void {
  const word = words.peek ?? '';
  if (words.take('handle')) {
    if (qdisc.handle !== undefined) throw duplicateArgument('handle', words.next());
    qdisc.handle = nextQdiscHandle(words, 'invalid qdisc ID');
  } else if (words.take('root')) {
    if (qdisc.parent !== undefined) throw new UsageError('Error: "root" is duplicate parent ID');
    qdisc.parent = 'root';
  } else if (words.take('clsact', 'ingress')) {
    if (qdisc.parent !== undefined)
      throw new UsageError(`Error: "${word}" is ${PLACES[word as keyof typeof PLACES]} parent ID`);
    qdisc.parent = 'ingress';
    qdisc.handle = 'ffff:';
    qdisc.kind = word;
  } else if (words.take('parent')) {
    if (qdisc.parent !== undefined) throw duplicateArgument('parent', words.next());
    qdisc.parent = nextClassId(words, 'invalid parent ID');
  } else if (words.takeAbbreviated('estimator')) qdisc.estimator = readEstimator(words, qdisc.estimator);
  else if (words.takeAbbreviated('stab')) qdisc.stab = readSizeTable(words);
  else if (words.takeAbbreviated('ingress_block')) qdisc.ingressBlock = nextBlock(words, 'ingress');
  else if (words.takeAbbreviated('egress_block')) qdisc.egressBlock = nextBlock(words, 'egress');
  else qdisc.kind = words.next();
}

function nextBlock(words: Words, which: string): number {
  const given = words.next();
  const block = parseUnsigned(given);
  if (!block) throw wrongArgument(given, `invalid ${which} block index value`);
  return block;
}
