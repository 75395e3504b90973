import type { AddressLabel } from '../../route/address-label.ts';
import { FindingError, parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import type { Actions, ShowContext } from '../show/view.ts';
import { prefixText } from './words.ts';

/** The verbs of `ip addrlabel` besides `list`, man 8 ip-addrlabel. */
export const addressLabelActions: Actions = {
  add: async (args, context) => {
    await context.rt.addressLabel.add(await readLabel(args, context));
    return undefined;
  },
  delete: async (args, context) => {
    await context.rt.addressLabel.del(await readLabel(args, context));
    return undefined;
  },
  flush: async (args, { rt }) => {
    if (args.length > 0) throw new FindingError('"ip addrlabel flush" does not allow extra arguments');
    for (const label of await rt.addressLabel.list()) await rt.addressLabel.del(label);
    return undefined;
  },
};

const LABEL_MAX = 0xffff_fffe;

async function readLabel(args: readonly string[], context: ShowContext): Promise<AddressLabel> {
  const words = new Words(args);
  let prefix: string | undefined;
  let label: number | undefined;
  let ifindex: number | undefined;
  while (words.more) {
    if (words.take('prefix')) {
      const { text, none } = prefixText(words.next(), context.options.family);
      prefix = none ? '::/0' : text;
    } else if (words.take('dev')) {
      const word = words.next();
      try {
        ifindex = await context.linkIndex(word);
      } catch (error) {
        if (error instanceof FindingError) throw wrongArgument(word, 'dev is invalid\n');
        throw error;
      }
    } else if (words.take('label')) {
      const word = words.next();
      label = parseUnsigned(word, LABEL_MAX);
      if (label === undefined) throw wrongArgument(word, 'label is invalid\n');
    } else throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam addrlabel help".`);
  }
  if (prefix === undefined) throw new FindingError('Not enough information: "prefix" argument is required.');
  if (label === undefined) throw new FindingError('Not enough information: "label" argument is required.');
  return { prefix, label, ...(ifindex === undefined ? {} : { ifindex }) };
}
