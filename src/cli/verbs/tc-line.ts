import type { Estimator } from '../../route/tc-message.ts';
import type { SizeTable } from '../../route/tc-rate.ts';
import { duplicateArgument, UsageError, type Words, wrongArgument } from '../args.ts';
import { parseTime } from '../show/tc/unit-words.ts';
import { parseDecimal, parseLinkLayer, parseSigned } from './qdisc-words/rows.ts';

/** Words that stand before the kind, of disciplines and of classes. */

/** `estimator INTERVAL TIME_CONSTANT`, the word itself taken. */
export function readEstimator(words: Words, before: Estimator | undefined): Estimator {
  if (before !== undefined) throw duplicateArgument('estimator', words.next());
  const time = (what: string) => {
    const value = parseTime(words.next());
    if (value === undefined) throw wrongArgument('estimator', what);
    return value;
  };
  const interval = time('invalid estimator interval');
  const timeConstant = time('invalid estimator time constant');
  return { interval, timeConstant };
}

const NUMBERS = { mtu: parseDecimal, mpu: parseDecimal, overhead: parseSigned, tsize: parseDecimal } as const;

/** `stab [ mtu BYTES ] ...`, the word itself taken: up to a word that is none of these. */
export function readSizeTable(words: Words): SizeTable {
  const stab: SizeTable = {};
  for (;;) {
    const name = (['mtu', 'mpu', 'overhead', 'tsize'] as const).find((one) => words.takeAbbreviated(one));
    if (name !== undefined) {
      const given = words.next();
      if (stab[name]) throw duplicateArgument(name, given);
      const value = NUMBERS[name](given);
      if (value === undefined)
        throw wrongArgument(name, name === 'tsize' ? 'invalid table size' : `invalid ${name}`);
      stab[name] = value;
    } else if (words.takeAbbreviated('linklayer')) {
      const given = words.next();
      if (stab.linklayer !== undefined) throw duplicateArgument('linklayer', given);
      const layer = parseLinkLayer(given);
      if (layer === undefined) throw wrongArgument('linklayer', 'invalid linklayer');
      stab.linklayer = layer;
    } else break;
  }
  if (stab.linklayer === undefined && !stab.mpu && !stab.overhead)
    throw new UsageError('stab needs a linklayer, an mpu or an overhead');
  return stab;
}
