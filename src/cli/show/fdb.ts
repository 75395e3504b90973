import { type FdbFilter, fdbType } from '../../route/fdb.ts';
import type { RouteSocket } from '../../route/socket.ts';
import { duplicateArgument, matches, parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import { bridgeNamed, linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import { printFdb } from './fdb-print.ts';
import type { ShowContext, View } from './view.ts';

const USAGE = `[ br BRDEV ] [ { brport | dev } DEV ] [ vlan VID ] [ state STATE ] [ dynamic ]
 cofferdam bridge fdb { add | append | replace | del } ADDR dev DEV
             [ self ] [ master ] [ use ] [ router ] [ extern_learn ] [ sticky ]
             [ local | static | dynamic ] [ vlan VID ]
             { [ dst IPADDR ] [ port PORT ] [ vni VNI ] | [ nhid NHID ] } [ via DEV ] [ src_vni VNI ]
 cofferdam bridge fdb get [ to ] LLADDR [ br BRDEV ] { brport | dev } DEV
             [ vlan VID ] [ vni VNI ] [ self ] [ master ] [ dynamic ]
 cofferdam bridge fdb flush dev DEV [ brport DEV ] [ vlan VID ] [ self ] [ master ]
             [ [no]permanent | [no]static | [no]dynamic ] [ [no]added_by_user ]
             [ [no]extern_learn ] [ [no]sticky ] [ [no]offloaded ]`;

/** `bridge fdb show`. */
export const fdbView: View = {
  names: ['fdb'],
  usage: USAGE,
  async run(args, context) {
    const { filter, states, dynamic } = await readFilter(args, context);
    const found = await context.rt.fdb.list(filter);
    const bits = states === 0 ? undefined : await stateBits(context.rt);
    const shown = found.filter(
      (entry) =>
        (bits === undefined || ((bits.get(fdbType.key(entry)) ?? 0) & states) !== 0) &&
        !(dynamic && entry.state === 'permanent'),
    );
    return await printFdb(shown, context, filter.dev !== undefined);
  },
  actions: async () => (await import('../verbs/fdb.ts')).fdbActions,
};

/** Words for states, and NUD_*. */
const WORDS: readonly (readonly [string, number])[] = [
  ['permanent', 0x80],
  ['static', 0x40],
  ['temp', 0x40],
  ['stale', 0x04],
  ['reachable', 0x02],
  ['dynamic', 0x02],
];

const NUD: Readonly<Record<string, number>> = { PERMANENT: 0x80, NOARP: 0x40, STALE: 0x04, REACHABLE: 0x02 };

/**
 * All bits of entries' states, of which an entry's word tells the first: `bridge` looks at any of them, and VXLANs have
 * several.
 */
async function stateBits(rt: RouteSocket): Promise<ReadonlyMap<string, number>> {
  const all = await rt.neighbour.list({ family: 'bridge' });
  return new Map(
    all.map(({ state, lladdr = '', ...rest }) => [
      fdbType.key({ ...rest, mac: lladdr, state: '', flags: [] }),
      state.reduce((bits, word) => bits | (NUD[word] ?? Number(word)), 0),
    ]),
  );
}

function nextState(words: Words): number {
  const word = words.next();
  const found = WORDS.find(([full]) => matches(word, full));
  const bits = found?.[1] ?? (word === 'all' ? 0xffff : parseUnsigned(word));
  if (bits === undefined) throw wrongArgument(word, 'invalid state');
  return bits;
}

interface Selection {
  readonly filter: FdbFilter;
  /** In one of these states; 0 for any. */
  readonly states: number;
  readonly dynamic: boolean;
}

async function readFilter(args: readonly string[], context: ShowContext): Promise<Selection> {
  const words = new Words(args);
  const filter: FdbFilter = {};
  let states = 0;
  let dynamic = false;
  let br: string | undefined;
  while (words.more) {
    if (words.take('brport', 'dev')) filter.dev = words.next();
    else if (words.take('br')) br = words.next();
    else if (words.take('vlan')) {
      const word = words.next();
      if (filter.vlan !== undefined) throw duplicateArgument('vlan', word);
      filter.vlan = vlanId(word);
    } else if (words.take('state')) states |= nextState(words);
    else if (words.take('dynamic')) dynamic = true;
    else if (words.takeAbbreviated('help')) throw new UsageError('Try "cofferdam bridge fdb help".');
    else throw unknownWord('fdb', words.next());
  }
  if (br !== undefined) filter.br = await bridgeNamed(br, context);
  if (typeof filter.dev === 'string') filter.dev = await linkNamed(filter.dev, context);
  // 0 is no condition.
  if (filter.vlan === 0) delete filter.vlan;
  return { filter, states, dynamic };
}
