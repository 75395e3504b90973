import type { TcFilter, TcFilterFilter } from '../../../route/filter.ts';
import { protocolNumber, protocolWord } from '../../../route/tc-protocol.ts';
import { duplicateArgument, parseUnsigned, UsageError, Words, wrongArgument } from '../../args.ts';
import type { ShowContext, View } from '../view.ts';
import { filterPrinter } from './filter-kinds.ts';
import { nextClassId, unknownWord } from './handle-words.ts';
import { putTcStats } from './stats.ts';
import { type TcDesk, TcSheet, tcDesk } from './tc-desk.ts';

/** `tc filter show`. */
export const filterView: View = {
  names: ['filter'],
  usage: `[ dev DEVICE | block BLOCK_INDEX ] [ root | ingress | egress | parent CLASSID ]
        [ pref PRIO ] [ protocol PROTO ] [ chain CHAIN_INDEX ]
cofferdam tc filter { add | replace | change | del | get } { dev DEVICE | block BLOCK_INDEX }
        [ root | ingress | egress | parent CLASSID ] [ pref PRIO ] [ protocol PROTO ]
        [ chain CHAIN_INDEX ] [ handle FILTERID ] [ FILTER_TYPE [ OPTIONS ] ]
FILTER_TYPE := { u32 | flower | matchall | bpf | basic | fw }`,

  async run(args, context) {
    const wanted = await readPlace(args, context);
    const desk = await tcDesk(context);
    const list = await listFilters(wanted, context);
    const sheets = list.map((filter) => filterSheet(filter, desk, wanted));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },

  actions: async () => (await import('../../verbs/filter.ts')).filterActions,
};

/** Without a link `tc` asks for the filters of none; without a place for those of the root. */
async function listFilters(wanted: TcFilterFilter, context: ShowContext): Promise<TcFilter[]> {
  return (await isSomewhere(wanted, context))
    ? context.rt.filter.list(wanted.block === undefined ? { parent: 'none', ...wanted } : wanted)
    : [];
}

/** Whether a link or a block is named; a block has to be in use. */
export async function isSomewhere(wanted: TcFilterFilter, context: ShowContext): Promise<boolean> {
  if (wanted.ifindex === undefined && wanted.block === undefined) return false;
  if (wanted.block !== undefined) {
    const { block } = wanted;
    const used = (await context.rt.qdisc.list()).some(
      ({ ingressBlock, egressBlock }) => ingressBlock === block || egressBlock === block,
    );
    if (!used) throw new UsageError(`Cannot find block "${block}"`);
  }
  return true;
}

/** The words of `show`: of filters and of chains. */
export async function readPlace(args: readonly string[], context: ShowContext): Promise<TcFilterFilter> {
  const words = new Words(args);
  const filter: TcFilterFilter = {};
  let device: string | undefined;
  const place = (parent: string) => {
    if (filter.parent !== undefined) throw new UsageError(`Error: "${parent}" is duplicate parent ID`);
    filter.parent = parent;
  };
  while (words.more) {
    const word = words.peek ?? '';
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
      filter.parent = nextClassId(words, 'invalid parent ID');
    } else if (words.take('handle'))
      words.next(); // It is read, and passed over.
    else if (words.takeAbbreviated('preference', 'priority')) filter.pref = nextPref(words);
    else if (words.takeAbbreviated('protocol')) filter.protocol = nextProtocol(words);
    else if (words.takeAbbreviated('chain')) filter.chain = nextChain(words);
    else throw unknownWord(word, 'filter');
  }
  if (device !== undefined && filter.block !== undefined)
    throw new UsageError('Error: "dev" cannot be used in the same time as "block"');
  if (device !== undefined) filter.ifindex = await context.linkIndex(device);
  return filter;
}

export function nextBlock(words: Words): number {
  const word = words.next();
  const block = parseUnsigned(word);
  if (!block) throw wrongArgument(word, 'invalid block index value');
  return block;
}

export function nextPref(words: Words): number {
  const word = words.next();
  const pref = parseUnsigned(word, 0xffff);
  if (pref === undefined) throw wrongArgument(word, 'invalid priority value');
  return pref;
}

export function nextProtocol(words: Words): string {
  const word = words.next();
  const number = protocolNumber(word);
  if (number === undefined) throw wrongArgument(word, 'invalid protocol');
  return protocolWord(number);
}

export function nextChain(words: Words): number {
  const word = words.next();
  const chain = parseUnsigned(word);
  if (chain === undefined) throw wrongArgument(word, 'invalid chain index value');
  return chain;
}

/** What became of it, as a monitor tells. */
export type FilterNews = 'deleted' | 'replaced' | 'added';

/** One filter as `tc filter show` has it: what was asked for is not said again. */
export function filterSheet(
  filter: TcFilter,
  desk: TcDesk,
  asked: TcFilterFilter = {},
  { noun = 'filter', news }: { noun?: 'filter' | 'chain'; news?: FilterNews | undefined } = {},
): TcSheet {
  const { kind, protocol, pref, chain, stats, block, ifindex = 0, parent } = filter;
  const sheet = new TcSheet(desk);
  if (news !== undefined) sheet.flag(news, true);
  sheet.say(`${noun} `);
  if (block !== undefined) {
    if (asked.block !== block) sheet.word('block', block);
  } else {
    if (asked.ifindex !== ifindex) {
      const dev = desk.links.nameOf(ifindex);
      sheet.put('dev', dev, `dev ${dev} `);
    }
    if (asked.parent === undefined || asked.parent !== parent) putParent(sheet, parent);
  }
  if (pref !== 0 || protocol !== '[0]') {
    if (asked.protocol !== protocol && protocol !== '[0]') sheet.word('protocol', protocol);
    if (asked.pref !== pref && pref !== 0) sheet.word('pref', pref);
  }
  if (kind !== '') sheet.put('kind', kind, `${kind} `);
  if (chain !== undefined && asked.chain !== chain) sheet.word('chain', chain);
  const print = filterPrinter(kind);
  if (print !== undefined && hasOptions(filter)) sheet.inside('options', (options) => print(options, filter));
  sheet.newline();
  if (desk.options.stats > 0 && stats !== undefined) {
    putTcStats(sheet, stats);
    sheet.newline();
  }
  return sheet;
}

/** The entry of a pref by itself comes without options. */
function hasOptions(filter: TcFilter): boolean {
  return filter[filter.kind as 'u32'] !== undefined || filter.options !== undefined;
}

function putParent(sheet: TcSheet, parent: string | undefined): void {
  if (parent === 'root' || parent === 'ingress' || parent === 'egress') sheet.flag(parent, true);
  else sheet.word('parent', parent ?? 'none');
}
