import type { NexthopBucket, NexthopBucketFilter } from '../../route/nexthop.ts';
import { FindingError, matches, UsageError, unsigned, Words, wrongArgument } from '../args.ts';
import { putFlags, putSeconds, Sheet } from '../show/route-sheet.ts';
import type { ShowContext, Shown } from '../show/view.ts';

const HELP = 'Try "cofferdam nexthop help".';
const INDEX_MAX = 0xffff;

/** `ip nexthop bucket [ show | get ]`. */
export async function nexthopBucket(args: readonly string[], context: ShowContext): Promise<Shown> {
  const [verb = 'show', ...rest] = args;
  if (['list', 'show', 'lst'].some((full) => matches(verb, full))) return await showBuckets(rest, context);
  if (matches(verb, 'get')) return await getBucket(rest, context);
  if (matches(verb, 'help')) throw new UsageError(HELP);
  throw new UsageError(`Command "${verb}" is unknown, try "cofferdam nexthop help".`);
}

async function device(word: string, message: string, context: ShowContext): Promise<number> {
  try {
    return await context.linkIndex(word);
  } catch (error) {
    if (error instanceof FindingError) throw wrongArgument(word, message);
    throw error;
  }
}

async function showBuckets(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  const filter: NexthopBucketFilter = {};
  while (words.more) {
    if (words.takeAbbreviated('dev'))
      filter.dev = await device(words.next(), 'Device does not exist\n', context);
    else if (words.takeAbbreviated('master'))
      filter.master = await device(words.next(), 'Device does not exist\n', context);
    else if (words.takeAbbreviated('vrf'))
      filter.master = await device(words.next(), 'Invalid VRF\n', context);
    else if (words.take('id')) filter.id = unsigned(words.next(), 'invalid id value');
    else if (words.take('nhid')) filter.nhid = unsigned(words.next(), 'invalid id value');
    else if (words.takeAbbreviated('help')) throw new UsageError(HELP);
    else throw wrongArgument(words.next(), '');
  }
  return print(await context.rt.nexthop.buckets(filter));
}

async function getBucket(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  let id = 0;
  let index: number | undefined;
  while (words.more) {
    if (words.take('id')) id = unsigned(words.next(), 'invalid id value');
    else if (words.take('index')) index = unsigned(words.next(), 'invalid bucket index value', INDEX_MAX);
    else throw new UsageError(HELP);
  }
  if (id === 0 || index === undefined) throw new UsageError(HELP);
  return print([await context.rt.nexthop.getBucket({ id, index })]);
}

function print(buckets: readonly NexthopBucket[]): Shown {
  const sheets = buckets.map(({ id, index, idleTime, nhid, flags = [] }) => {
    const sheet = new Sheet();
    sheet.put('id', id, `id ${id} `);
    const inner = new Sheet();
    inner.put('index', index, `index ${index} `);
    putSeconds(inner, 'idle_time', idleTime);
    inner.put('nhid', nhid, `nhid ${nhid} `);
    sheet.put('bucket', inner.json, inner.text);
    putFlags(sheet, flags);
    sheet.say('\n');
    return sheet;
  });
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}
