import { SystemError } from '../../handle/errors.ts';
import type { Nexthop, NexthopGroupMember, NexthopInput, ResilientGroup } from '../../route/nexthop.ts';
import { FindingError, matches, parseUnsigned, UsageError, unsigned, Words, wrongArgument } from '../args.ts';
import { describeFailure } from '../exit.ts';
import { familyWord } from '../route-words.ts';
import { listNexthops, printNexthops, selectNexthops } from '../show/nexthop.ts';
import type { Actions, ShowContext, Shown } from '../show/view.ts';
import { takeEncap } from './encap.ts';
import { nexthopBucket } from './nexthop-bucket.ts';
import { addressText, familyOfText, nextNamed, nextNumber } from './words.ts';

/** The verbs of `ip nexthop` besides `show`, man 8 ip-nexthop. */
export const nexthopActions: Actions = {
  add: async (args, context) => {
    await context.rt.nexthop.add(await readPath(args, context));
    return undefined;
  },
  replace: async (args, context) => {
    const nexthop = await readPath(args, context);
    await context.rt.nexthop.replace({ ...nexthop, id: requireId(nexthop.id) });
    return undefined;
  },
  delete: async (args, context) => {
    const { id, family: _, ...others } = await readNexthop(args, context);
    // The kernel refuses whatever else is said: who says it may mean another one.
    const other = Object.keys(others)[0];
    if (other !== undefined)
      throw new UsageError(
        `Error: a nexthop is deleted by its id alone, not by its ${WORDS[other] ?? other}.`,
      );
    await context.rt.nexthop.del(requireId(id));
    return undefined;
  },
  get: getNexthop,
  flush: flushNexthops,
  bucket: nexthopBucket,
};

/** What the words of fields are that are called otherwise. */
const WORDS: Readonly<Record<string, string>> = { oif: 'dev', flags: 'onlink', groupType: 'type' };

function requireId(id: number | undefined): number {
  if (id === undefined || id === 0) throw new UsageError('Error: argument "id" is required');
  return id;
}

/** What leads somewhere has a family; the kernel's words for what has none. */
async function readPath(args: readonly string[], context: ShowContext): Promise<NexthopInput> {
  const nexthop = await readNexthop(args, context);
  if (nexthop.family === undefined && nexthop.group === undefined)
    throw new UsageError('Error: Invalid address family.');
  return nexthop;
}

async function readNexthop(args: readonly string[], context: ShowContext): Promise<NexthopInput> {
  const words = new Words(args);
  const input: NexthopInput = {};
  let family = context.options.family;
  while (words.more) {
    if (words.take('id')) input.id = nextId(words);
    else if (words.take('dev')) {
      input.oif = await nextDevice(words, context);
      family ??= 'inet';
    } else if (words.take('via')) {
      const said = familyWord(words.need());
      if (said !== undefined) words.next();
      const word = words.next();
      input.via = addressText(word, said ?? family);
      const own = familyOfText(input.via);
      if (family !== undefined && family !== own) throw wrongArgument(word, 'address family mismatch\n');
      family = own;
    } else if (words.take('encap')) input.encap = await takeEncap(words, context);
    else if (words.take('blackhole')) {
      input.blackhole = true;
      family ??= 'inet';
    } else if (words.take('fdb')) input.fdb = true;
    else if (words.take('onlink')) input.flags = ['onlink'];
    else if (words.take('group')) input.group = nextGroup(words);
    else if (words.take('type')) takeType(words, input);
    else if (words.takeAbbreviated('protocol')) {
      const protocol = (word: string) => context.names.protocolId(word);
      input.protocol = nextNamed(words, protocol, '"protocol" value is invalid\n');
    } else if (words.take('help')) throw new UsageError('Try "cofferdam nexthop help".');
    else throw wrongArgument(words.next(), '');
  }
  if (family === 'inet' || family === 'inet6') input.family = family;
  return input;
}

function nextId(words: Words): number {
  return nextNumber(words, 'invalid id value');
}

async function nextDevice(words: Words, context: ShowContext): Promise<number> {
  const word = words.next();
  try {
    return await context.linkIndex(word);
  } catch (error) {
    if (error instanceof FindingError) throw wrongArgument(word, 'Device does not exist\n');
    throw error;
  }
}

/** `1/2,20/3`: ids, each with a weight where it has one. */
function nextGroup(words: Words): NexthopGroupMember[] {
  const word = words.next();
  return word.split('/').map((part) => {
    const [digits = '', share] = part.split(/,(.*)/s);
    const id = parseUnsigned(digits);
    if (id === undefined) throw wrongArgument(word, '"group" value is invalid\n');
    if (share === undefined) return { id };
    const weight = unsigned(share, '"weight" is invalid\n', 256);
    if (weight === 0) throw wrongArgument(share, '"weight" is invalid\n');
    return { id, weight };
  });
}

/** In hundredths of a second the timers must fit into 32 bits. */
const TIMER_MAX = Math.ceil(0xffff_ffff / 100) - 1;

function takeType(words: Words, input: NexthopInput): void {
  const type = words.next();
  if (type !== 'mpath' && type !== 'resilient') throw wrongArgument(type, '"type" value is invalid\n');
  input.groupType = type;
  if (type === 'mpath' || !words.more) return;
  const settings: ResilientGroup = {};
  for (;;) {
    if (words.take('buckets')) settings.buckets = nextNumber(words, 'invalid buckets value', 0xffff);
    else if (words.take('idle_timer'))
      settings.idleTimer = nextNumber(words, 'invalid idle timer value', TIMER_MAX);
    else if (words.take('unbalanced_timer'))
      settings.unbalancedTimer = nextNumber(words, 'invalid unbalanced timer value', TIMER_MAX);
    else break;
  }
  input.resilient = settings;
}

async function getNexthop(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  let id = 0;
  while (words.more) {
    if (!words.take('id')) throw wrongArgument(words.next(), '');
    id = nextId(words);
  }
  return await printNexthops([await context.rt.nexthop.get(requireId(id))], context);
}

/** `ip nexthop flush SELECTOR`. Without words all of them go, groups first: their members go with them otherwise. */
async function flushNexthops(args: readonly string[], context: ShowContext): Promise<undefined> {
  if (args.some((word) => matches(word, 'help') && word.length > 1))
    throw new UsageError('Try "cofferdam nexthop help".');
  const { rt } = context;
  const selection = await selectNexthops(args, context);
  if (selection.id !== undefined) {
    await rt.nexthop.del(requireId(selection.id));
    return undefined;
  }
  let flushed = 0;
  const all = args.length === 0;
  for (const filter of all ? [{ ...selection.filter, groups: true }, selection.filter] : [selection.filter])
    for (const nexthop of await listNexthops({ ...selection, filter }, context)) {
      // Kernels list the others too, whatever they are asked for.
      if (filter.fdb && !nexthop.fdb) continue;
      if (await removeOne(nexthop, context)) flushed++;
    }
  context.write(flushed === 0 ? 'Nothing to flush\n' : `Flushed ${flushed} nexthops\n`);
  return undefined;
}

/** One that is refused, or gone already with another one, does not keep the rest. */
async function removeOne(nexthop: Nexthop, { rt }: ShowContext): Promise<boolean> {
  try {
    await rt.nexthop.del(nexthop.id);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    process.stderr.write(`${describeFailure(error, false).text}\n`);
    return false;
  }
}
