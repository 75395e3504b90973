import type { Mqprio, Red, Sfq } from '../../../route/qdiscs/index.ts';
import { matches, parseInteger, parseUnsigned, UsageError, type Words, wrongArgument } from '../../args.ts';
import { parseRate } from '../../show/tc/unit-words.ts';
import {
  any,
  next,
  number,
  parseDecimal,
  parseFloat64,
  type Row,
  rate32,
  readRows,
  says,
  short,
  size,
  word,
} from './rows.ts';

/** The words of man 8 tc-sfq, tc-red, tc-mqprio. */

const SFQ: readonly Row<Sfq>[] = [
  word('quantum', size('quantum')),
  word(
    'perturb',
    any('perturb', (given) => parseInteger(given)),
  ),
  word('limit', any('limit', atLeastTwo)),
  word('divisor', number('divisor')),
  word('flows', number('flows')),
  word('depth', number('depth')),
  word('headdrop', says('headdrop', true)),
  word('redflowlimit', number('redflowlimit')),
  word('min', number('min')),
  word('max', number('max')),
  word('burst', number('burst')),
  word('avpkt', size('avpkt')),
  word('probability', any('probability', parseFloat64)),
  word('ecn', says('ecn', true)),
  word('harddrop', says('harddrop', true)),
];

function atLeastTwo(given: string): number | undefined {
  const limit = parseUnsigned(given);
  if (limit !== undefined && limit < 2) throw new UsageError('Illegal "limit", must be > 1');
  return limit;
}

/** Nothing said is nothing sent. */
export function readSfq(words: Words): Sfq | undefined {
  return words.more ? readRows(words, SFQ) : undefined;
}

const RED: readonly Row<Red>[] = [
  word('limit', size('limit')),
  word('min', size('min')),
  word('max', size('max')),
  word('burst', number('burst')),
  word('avpkt', size('avpkt')),
  word('probability', any('probability', parseFloat64)),
  word('bandwidth', rate32('bandwidth')),
  word('ecn', says('ecn', true)),
  word('harddrop', says('harddrop', true)),
  word('nodrop', says('nodrop', true)),
  word(['adaptative', 'adaptive'], says('adaptive', true)),
  short('qevent', takeEvent),
];

function takeEvent(words: Words, red: Red): void {
  const event = words.next();
  const field = event === 'early_drop' ? 'earlyDropBlock' : event === 'mark' ? 'markBlock' : undefined;
  if (field === undefined) throw new UsageError(`Unknown qevent \`${event}'`);
  if (red[field] !== undefined) throw new UsageError('Duplicate qevent');
  if (!words.take('block')) throw new UsageError('Unspecified qevent block index');
  const block = parseDecimal(words.next());
  if (!block) throw new UsageError('Illegal qevent block index');
  red[field] = block;
}

export function readRed(words: Words): Red {
  const red = readRows(words, RED);
  if (!red.limit || !red.avpkt) throw new UsageError('RED: Required parameter (limit, avpkt) is missing');
  return red;
}

const QUEUES = 16;

/** As many words as `parse` reads. */
function list<V>(words: Words, parse: (word: string) => V | undefined): V[] {
  const values: V[] = [];
  while (values.length < QUEUES && words.peek !== undefined) {
    const value = parse(words.peek);
    if (value === undefined) break;
    words.next();
    values.push(value);
  }
  return values;
}

function parseQueue(given: string): { count: number; offset: number } | undefined {
  const [count, offset] = given.split('@').map((part) => parseDecimal(part, 0xffff));
  return count === undefined || offset === undefined ? undefined : { count, offset };
}

export function readMqprio(words: Words): Mqprio {
  const mqprio: Mqprio & { numTc: number; hw: number } = { numTc: 8, hw: 1 };
  const byte = (given: string) => parseDecimal(given, 0xff);
  while (words.more) {
    const given = words.next();
    const shaped = mqprio.shaper === 'bw_rlimit';
    if (given === 'num_tc') mqprio.numTc = next(words, 'num_tc', byte);
    else if (given === 'map') mqprio.map = list(words, byte);
    else if (given === 'queues') mqprio.queues = list(words, parseQueue);
    else if (given === 'hw') mqprio.hw = next(words, 'hw', byte);
    else if (given === 'mode' && mqprio.hw !== 0) takeWord(words, mqprio, 'mode', ['dcb', 'channel']);
    else if (given === 'shaper' && mqprio.hw !== 0) takeWord(words, mqprio, 'shaper', ['dcb', 'bw_rlimit']);
    else if (given === 'min_rate' && shaped) mqprio.minRate = list(words, parseRate);
    else if (given === 'max_rate' && shaped) mqprio.maxRate = list(words, parseRate);
    else throw wrongArgument(given, 'unknown argument');
  }
  const { queues = [], numTc } = mqprio;
  if (queues.length > numTc)
    throw new UsageError(
      `queues count/offset pair count ${queues.length} can not be higher than given num_tc ${numTc}`,
    );
  return mqprio;
}

/** One of two words, of which the first is what is meant by default. */
function takeWord(
  words: Words,
  mqprio: Mqprio,
  field: 'mode' | 'shaper',
  choices: readonly [string, string],
): void {
  const given = words.next();
  const chosen = choices.find((choice) => matches(given, choice));
  if (chosen === undefined) throw new UsageError(`Illegal ${field} (${given})`);
  if (chosen === choices[0]) delete mqprio[field];
  else mqprio[field] = chosen;
}
