import { parseIp } from '../../netlink/wire/address.ts';
import type { Neighbour, NeighbourInput, NeighbourService } from '../../route/neighbour.ts';
import { duplicateArgument, duplicateOrGarbage, FindingError, matches, UsageError, Words } from '../args.ts';
import { printNeighbours, readNeighbours } from '../show/neigh.ts';
import { nextNeighbourState, parseNeighbourFilter } from '../show/neigh-filter.ts';
import type { Action, Actions, ShowContext, Shown } from '../show/view.ts';
import { flush } from './flush.ts';
import { addressText, nextNamed } from './words.ts';

/** `ip neighbour add` and its kin, man 8 ip-neighbour. */

type Write = (service: NeighbourService, neighbour: NeighbourInput) => Promise<void>;

function writing(write: Write): Action {
  return async (args: readonly string[], context: ShowContext) => {
    await write(context.rt.neighbour, await readNeighbour(args, context));
    return undefined;
  };
}

/** The verbs of `ip neighbour` besides `show`. */
export const neighbourActions: Actions = {
  add: writing((service, neighbour) => service.add(neighbour)),
  change: writing((service, neighbour) => service.change(neighbour)),
  replace: writing((service, neighbour) => service.replace(neighbour)),
  delete: writing((service, neighbour) => service.del(neighbour)),
  get: getNeighbour,
  flush: flushNeighbours,
};

const STATES: readonly string[] = [
  ...['INCOMPLETE', 'REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'NOARP', 'PERMANENT'],
];

/** NUD_* by its bit. */
function stateWord(bits: number): string {
  return bits === 0 || bits === 0x100 ? 'NONE' : (STATES[Math.log2(bits)] ?? 'NONE');
}

/** The words that name an entry: `dev`, `proxy ADDRESS`, and the address by itself. */
interface Key {
  dst: string | undefined;
  device: string | undefined;
  proxy: boolean;
}

function takeProxy(words: Words, key: Key, context: ShowContext): boolean {
  if (!words.takeAbbreviated('proxy')) return false;
  const word = words.next();
  if (matches(word, 'help')) throw new UsageError('Try "cofferdam neighbour help".');
  if (key.dst !== undefined) throw duplicateArgument('address', word);
  key.dst = addressText(word, context.options.family);
  key.proxy = true;
  return true;
}

function takeAddress(words: Words, key: Key, context: ShowContext): void {
  words.take('to');
  const word = words.next();
  if (matches(word, 'help')) throw new UsageError('Try "cofferdam neighbour help".');
  if (key.dst !== undefined) throw duplicateOrGarbage('to', word);
  key.dst = addressText(word, context.options.family);
}

async function complete(key: Key, context: ShowContext, complaint: Error): Promise<NeighbourInput> {
  if (key.dst === undefined || (key.device === undefined && !key.proxy)) throw complaint;
  return {
    dst: key.dst,
    // A proxy entry without a link holds for all of them.
    ifindex: key.device === undefined ? 0 : await context.linkIndex(key.device),
  };
}

async function readNeighbour(args: readonly string[], context: ShowContext): Promise<NeighbourInput> {
  const words = new Words(args);
  const key: Key = { dst: undefined, device: undefined, proxy: false };
  const flags: string[] = [];
  const input: NeighbourInput = {};
  let lladdr: string | undefined;
  let state = 'PERMANENT';
  while (words.more) {
    if (words.takeAbbreviated('lladdr')) {
      const word = words.next();
      if (lladdr !== undefined) throw duplicateArgument('lladdr', word);
      lladdr = word;
    } else if (words.take('nud')) state = stateWord(nextNeighbourState(words));
    else if (takeProxy(words, key, context)) flags.push('proxy');
    else if (words.take('router')) flags.push('router');
    else if (words.take('use')) flags.push('use');
    else if (words.take('managed')) {
      flags.push('managed');
      state = 'NONE';
    } else if (words.takeAbbreviated('extern_learn')) flags.push('extern_learn');
    else if (words.take('dev')) key.device = words.next();
    else if (words.takeAbbreviated('protocol')) {
      const protocol = (word: string) => context.names.protocolId(word);
      input.protocol = String(nextNamed(words, protocol, '"protocol" value is invalid\n'));
    } else takeAddress(words, key, context);
  }
  const link = lladdr === undefined || lladdr === 'null' ? undefined : linkLayerAddress(lladdr);
  const complaint = new UsageError('Device and destination are required arguments.');
  return {
    ...(await complete(key, context, complaint)),
    ...input,
    state,
    flags,
    ...(link === undefined ? {} : { lladdr: link }),
  };
}

/** Bytes in hexadecimal between colons, or an IPv4 address for tunnels over it. */
function linkLayerAddress(word: string): string {
  if (word.includes('.')) {
    const bytes = parseIp(word);
    if (bytes === undefined || bytes.length !== 4) throw new FindingError(`"${word}" is invalid lladdr.`);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  }
  const parts = word.split(':');
  const wrong = parts.find((part) => !/^[0-9a-f]{1,2}$/i.test(part));
  if (wrong !== undefined) throw new FindingError(`"${wrong}" is invalid lladdr.`);
  return parts.map((part) => part.padStart(2, '0').toLowerCase()).join(':');
}

async function getNeighbour(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  const key: Key = { dst: undefined, device: undefined, proxy: false };
  while (words.more) {
    if (words.take('dev')) key.device = words.next();
    else if (!takeProxy(words, key, context)) takeAddress(words, key, context);
  }
  const complaint = new FindingError('Device and address are required arguments.');
  const wanted = await complete(key, context, complaint);
  if (key.proxy) wanted.flags = ['proxy'];
  return await printNeighbours([await context.rt.neighbour.get(wanted)], context);
}

const MAX_ROUNDS = 10;
const FAILED = 0x20;

/** `ip neighbour flush SELECTOR`: all but permanent ones and those without ARP, unless `nud` says otherwise. */
async function flushNeighbours(args: readonly string[], context: ShowContext): Promise<undefined> {
  if (args.length === 0) throw new FindingError('Flush requires arguments.');
  const { options, names } = context;
  const filter = parseNeighbourFilter(args, options.family, names, await context.linkNames(), 'flush');
  await flush<Neighbour>(
    {
      noun: 'entries',
      loops: MAX_ROUNDS,
      find: () => readNeighbours(filter, context),
      remove: (batch, neighbour) => void batch.neighbour.del(neighbour),
      // What was removed may be seen for a moment as failed.
      afterRound: () => {
        filter.states &= ~FAILED;
      },
      show: async (found) => (await printNeighbours(found, context, filter)).text,
    },
    context,
  );
  return undefined;
}
