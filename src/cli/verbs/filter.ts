import type { TcFilterInput } from '../../route/filter.ts';
import { parseU32Handle } from '../../route/filters/u32.ts';
import { formatClassId, HANDLE_WORDS, parseClassId } from '../../route/tc-handle.ts';
import { duplicateArgument, parseUnsigned, UsageError, Words } from '../args.ts';
import { chainSheet } from '../show/tc/chain.ts';
import { filterSheet, nextBlock, nextChain, nextPref, nextProtocol } from '../show/tc/filter.ts';
import { nextClassId } from '../show/tc/handle-words.ts';
import { tcDesk } from '../show/tc/tc-desk.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { readActions } from './filter-words/action.ts';
import { readFlowerWord, startFlower } from './filter-words/flower.ts';
import { endU32, readU32Word, startU32 } from './filter-words/u32.ts';
import { illegal } from './qdisc-words/rows.ts';
import { readEstimator } from './tc-line.ts';

type Verb = 'add' | 'replace' | 'change' | 'del';

/** The verbs of `tc filter` besides `show`, man 8 tc. */
export const filterActions: Actions = {
  add: acting('add'),
  replace: acting('replace'),
  change: acting('change'),
  delete: acting('del'),
  get,
};

/** The verbs of `tc chain`: the words of filters, of which a chain takes the place, the number and a template. */
export const chainActions: Actions = {
  add: actingOnChain('add'),
  delete: actingOnChain('del'),
  async get(args, context) {
    const { wanted, asked } = await readChain(args, context, 'get');
    const sheet = chainSheet(await context.rt.chain.get(wanted), await tcDesk(context), asked);
    return { json: [sheet.json], text: sheet.text };
  },
};

function actingOnChain(verb: 'add' | 'del'): Action {
  return async (args, context) => {
    await context.rt.chain[verb]((await readChain(args, context, verb)).wanted);
    return undefined;
  };
}

/** `asked`: what a sheet need not say again. */
async function readChain(args: readonly string[], context: ShowContext, verb: 'add' | 'del' | 'get') {
  const filter = await readFilter(args, context, verb === 'add' ? 'change' : verb);
  // Handles and prefs are read, and mean nothing here.
  const { pref: _, handle: __, flags: ___, chain = 0, ...rest } = filter;
  const { ifindex, block } = rest;
  const asked = { ...(ifindex !== undefined && { ifindex }), ...(block !== undefined && { block }) };
  return { wanted: { ...rest, chain }, asked };
}

function acting(verb: Verb): Action {
  return async (args, context) => {
    await context.rt.filter[verb](await readFilter(args, context, verb));
    return undefined;
  };
}

async function get(args: readonly string[], context: ShowContext) {
  const wanted = await readFilter(args, context, 'get');
  if (wanted.protocol === undefined) throw new UsageError('Must specify filter protocol');
  if (!wanted.pref) throw new UsageError('Must specify filter priority');
  if (wanted.parent === undefined) throw new UsageError('Must specify filter parent');
  if (wanted.kind === undefined) throw new UsageError('Must specify filter type');
  if (wanted.handle === undefined) throw new UsageError('Must specify filter "handle"');
  const sheet = filterSheet(await context.rt.filter.get(wanted), await tcDesk(context), {
    ...(wanted.ifindex !== undefined && { ifindex: wanted.ifindex }),
    ...(wanted.block !== undefined && { block: wanted.block }),
  });
  return { json: [sheet.json], text: sheet.text };
}

const KINDS = ['u32', 'flower', 'matchall', 'bpf', 'basic', 'fw'];

async function readFilter(
  args: readonly string[],
  context: ShowContext,
  verb: Verb | 'get',
): Promise<TcFilterInput> {
  const words = new Words(args);
  const filter: TcFilterInput = {};
  let device: string | undefined;
  let handle: string | undefined;
  const place = (parent: string) => {
    if (filter.parent !== undefined) throw new UsageError(`Error: "${parent}" is duplicate parent ID`);
    filter.parent = parent;
  };
  while (words.more && filter.kind === undefined) {
    if (words.take('dev')) {
      if (device !== undefined) throw duplicateArgument('dev', words.next());
      device = words.next();
    } else if (words.takeAbbreviated('block')) {
      if (filter.block !== undefined) throw duplicateArgument('block', words.next());
      filter.block = nextBlock(words);
    } else if (words.take('root')) place('root');
    else if (words.take('ingress')) place('ingress');
    else if (words.take('egress')) place('egress');
    else if (words.take('parent')) {
      if (filter.parent !== undefined) throw duplicateArgument('parent', words.next());
      filter.parent = nextClassId(words, 'Invalid parent ID');
    } else if (words.take('handle')) {
      if (handle !== undefined) throw duplicateArgument('handle', words.next());
      handle = words.next();
    } else if (words.takeAbbreviated('preference', 'priority')) filter.pref = nextPref(words);
    else if (words.takeAbbreviated('protocol')) filter.protocol = nextProtocol(words);
    else if (words.takeAbbreviated('chain')) filter.chain = nextChain(words);
    else if (words.takeAbbreviated('estimator')) filter.estimator = readEstimator(words, filter.estimator);
    else filter.kind = words.next();
  }
  if (device !== undefined && filter.block !== undefined)
    throw new UsageError('Error: "dev" and "block" are mutually exclusive');
  if (filter.kind !== undefined) {
    if (!KINDS.includes(filter.kind))
      throw new UsageError(
        `Unknown filter "${filter.kind}", hence option "${words.peek ?? ''}" is unparsable`,
      );
    const protocol = String(filter.protocol ?? (verb === 'del' ? '[0]' : 'all'));
    Object.assign(filter, readSettings(filter.kind, words, handle, protocol));
  } else if (handle !== undefined) throw new UsageError('Must specify filter type when using "handle"');
  if (device !== undefined) filter.ifindex = await context.linkIndex(device);
  return filter;
}

type Settings = Partial<TcFilterInput>;

/** What all kinds take: a class, actions, a link, flags; true where a word was taken. */
function readCommon(words: Words, settings: Settings): boolean {
  const flag = ['skip_hw', 'skip_sw'].find((name) => words.take(name));
  if (flag !== undefined) settings.flags = [...(settings.flags ?? []), flag];
  else if (words.takeAbbreviated('classid') || words.take('flowid')) {
    const handle = parseClassId(words.next(), HANDLE_WORDS);
    if (handle === undefined) throw illegal('classid');
    settings.classid = formatClassId(handle);
  } else if (words.takeAbbreviated('action')) settings.actions = readActions(words);
  else if (words.take('indev')) settings.indev = words.next();
  else return false;
  return true;
}

function endSettings(settings: Settings): Settings {
  if (settings.flags?.includes('skip_hw') && settings.flags.includes('skip_sw'))
    throw new UsageError('skip_hw and skip_sw are mutually exclusive');
  return settings;
}

function readSettings(kind: string, words: Words, handle: string | undefined, protocol: string): Settings {
  switch (kind) {
    case 'u32':
      return readU32(words, handle);
    case 'flower':
      return readFlower(words, handle, protocol);
    case 'bpf':
      return readBpf(words, handle);
    default:
      return readPlain(kind, words, handle);
  }
}

function numericHandle(handle: string | undefined): { handle?: number } {
  if (handle === undefined) return {};
  const value = parseUnsigned(handle);
  if (value === undefined) throw illegal('handle');
  return value === 0 ? {} : { handle: value };
}

const unknown = (words: Words) => new UsageError(`What is "${words.peek ?? ''}"?`);

function readU32(words: Words, handle: string | undefined): Settings {
  if (handle !== undefined && parseU32Handle(handle) === undefined) throw new UsageError('Illegal filter ID');
  const settings: Settings = {};
  if (!words.more) return handle === undefined ? {} : { handle };
  const reading = startU32();
  while (words.more)
    if (!readU32Word(words, reading, handle) && !readCommon(words, settings)) throw unknown(words);
  const terminal = settings.classid !== undefined || settings.actions !== undefined;
  return { ...endSettings(settings), ...endU32(reading, handle, terminal) };
}

function readFlower(words: Words, handle: string | undefined, protocol: string): Settings {
  const settings: Settings = { ...numericHandle(handle) };
  if (!words.more) return settings;
  const reading = startFlower(protocol);
  while (words.more) {
    if (words.takeAbbreviated('verbose')) settings.flags = [...(settings.flags ?? []), 'verbose'];
    else if (!readCommon(words, settings) && !readFlowerWord(words, reading)) throw unknown(words);
  }
  const { flower } = reading;
  return {
    flags: [],
    ...endSettings(settings),
    flower: { ...flower, ...(protocol !== 'all' && { ethType: protocol }) },
  };
}

/** `4,48 0 0 23,84 0 0 240,...`: how many, and the four numbers of each. */
function parseBytecode(word: string): string {
  const [count = '', ...rest] = word.split(',');
  const lines = rest.filter((line) => line.trim() !== '');
  if (Number(count) !== lines.length || lines.length === 0)
    throw new UsageError('Parsed program length differs from encoded length parameter!');
  const bytes = Buffer.alloc(8 * lines.length);
  for (const [i, line] of lines.entries()) {
    const numbers = line.trim().split(/\s+/).map(Number);
    const [code = Number.NaN, jt = Number.NaN, jf = Number.NaN, k = Number.NaN] = numbers;
    if (!(code <= 0xffff && jt <= 0xff && jf <= 0xff && k <= 0xffffffff))
      throw new UsageError(`Error at instruction ${i}!`);
    bytes.writeUInt16LE(code, 8 * i);
    bytes.writeUInt8(jt, 8 * i + 2);
    bytes.writeUInt8(jf, 8 * i + 3);
    bytes.writeUInt32LE(k, 8 * i + 4);
  }
  return bytes.toString('hex');
}

function readBpf(words: Words, handle: string | undefined): Settings {
  const settings: Settings = { ...numericHandle(handle) };
  if (!words.more) return settings;
  const bpf: NonNullable<TcFilterInput['bpf']> = {};
  while (words.more) {
    if (words.takeAbbreviated('run')) continue;
    if (words.takeAbbreviated('bytecode') || words.take('bc')) bpf.ops = parseBytecode(words.next());
    else if (words.takeAbbreviated('direct-action', 'da')) bpf.directAction = true;
    else if (words.take('object-file', 'obj', 'object-pinned', 'pinned', 'fd'))
      throw new UsageError('Loading programs is not supported here: give "bytecode", or the library an fd.');
    else if (!readCommon(words, settings)) throw unknown(words);
  }
  return { ...endSettings(settings), bpf };
}

function readPlain(kind: string, words: Words, handle: string | undefined): Settings {
  const [mark, mask] = (handle ?? '').split(/\/(.*)/s);
  const settings: Settings = { ...numericHandle(kind === 'fw' && handle !== undefined ? mark : handle) };
  const fw: NonNullable<TcFilterInput['fw']> = {};
  if (kind === 'fw' && mask !== undefined) {
    const value = parseUnsigned(mask);
    if (value === undefined) throw new UsageError('Illegal "handle" mask');
    fw.mask = value;
  }
  if (!words.more) return settings;
  while (words.more) if (!readCommon(words, settings)) throw unknown(words);
  return { ...endSettings(settings), ...(kind === 'fw' && { fw }) };
}
