import type { TcClass, TcClassFilter } from '../../../route/class.ts';
import { duplicateArgument, UsageError, Words } from '../../args.ts';
import type { ShowContext, View } from '../view.ts';
import { nextClassId, nextQdiscHandle, unknownWord } from './handle-words.ts';
import { putClassOptions, putKindStats } from './kinds/index.ts';
import { putTcStats } from './stats.ts';
import { type TcDesk, TcSheet, tcDesk } from './tc-desk.ts';

/** `tc class show`. `tc` 6.1 has text only; the JSON is that of later versions. */
export const classView: View = {
  names: ['class'],
  usage: `dev DEVICE [ qdisc QHANDLE ] [ classid CLASSID ] [ root | parent CLASSID ]
cofferdam tc class { add | replace | change | del } dev DEVICE
        [ classid CLASSID ] [ root | parent CLASSID ] [ estimator INTERVAL TIME_CONSTANT ]
        [ KIND [ OPTIONS ] ]
KIND := { htb | hfsc | drr | ets }`,

  async run(args, context) {
    const wanted = await readWords(args, context);
    // Without a link tc asks for the classes of none.
    if (wanted.filter.ifindex === undefined) return { json: [], text: '' };
    const desk = await tcDesk(context);
    const list = await context.rt.class.list(wanted.filter);
    const sheets = list.map((one) => classSheet(one, desk, { withLink: false, minors: wanted.minors }));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },

  actions: async () => (await import('../../verbs/class.ts')).classActions,
};

interface Wanted {
  readonly filter: TcClassFilter;
  /** Classes of one discipline are named by their minors only. */
  readonly minors: boolean;
}

async function readWords(args: readonly string[], context: ShowContext): Promise<Wanted> {
  const words = new Words(args);
  const filter: TcClassFilter = {};
  let device: string | undefined;
  let qdisc: string | undefined;
  let below: string | undefined;
  while (words.more) {
    const word = words.peek ?? '';
    if (words.take('dev')) {
      if (device !== undefined) throw duplicateArgument('dev', words.next());
      device = words.next();
    } else if (words.take('qdisc')) {
      if (qdisc !== undefined) throw duplicateArgument('qdisc', words.next());
      qdisc = nextQdiscHandle(words, 'invalid qdisc ID');
    } else if (words.take('classid')) {
      if (filter.classid !== undefined) throw duplicateArgument('classid', words.next());
      filter.classid = nextClassId(words, 'invalid class ID');
    } else if (words.take('root')) {
      if (below !== undefined) throw new UsageError('Error: "root" is duplicate parent ID');
      below = 'root';
    } else if (words.take('parent')) {
      if (below !== undefined) throw duplicateArgument('parent', words.next());
      below = nextClassId(words, 'invalid parent ID');
    } else throw unknownWord(word, 'class');
  }
  if (qdisc !== undefined && qdisc !== '0:') filter.qdisc = qdisc;
  if (filter.classid === 'none') delete filter.classid;
  if (device !== undefined) filter.ifindex = await context.linkIndex(device);
  if (below !== undefined && below !== 'none') filter.qdisc = disciplineOf(below, filter.qdisc);
  return { filter, minors: qdisc !== undefined && qdisc !== '0:' };
}

/** The kernel goes by the major of a parent, and `tc` leaves it at that; no discipline is `root`'s. */
function disciplineOf(parent: string, qdisc: string | undefined): string {
  const own = parent === 'root' ? 'ffff:' : `${parent.split(':')[0] || '0'}:`;
  return qdisc === undefined || qdisc === own ? own : 'ffff:';
}

/** One class as `tc class show` has it. */
export function classSheet(
  one: TcClass,
  desk: TcDesk,
  { withLink, minors, deleted = false }: { withLink: boolean; minors: boolean; deleted?: boolean },
): TcSheet {
  const { options } = desk;
  const { kind, classid, parent, leaf, stats } = one;
  const named = (handle: string) => (minors ? handle.replace(/^[^:]*/, '') || handle : handle);
  const sheet = new TcSheet(desk);
  sheet.flag('deleted', deleted);
  sheet.put('class', kind, `class ${kind} `);
  const handle = classid === 'none' ? '' : shortened(named(classid));
  sheet.put('handle', handle, `${handle} `);
  if (withLink) {
    const dev = desk.links.nameOf(one.ifindex);
    sheet.put('dev', dev, `dev ${dev} `);
  }
  if (parent === 'root') sheet.put('root', true, 'root ');
  else sheet.word('parent', parent === undefined ? 'none' : shortened(named(parent)));
  if (leaf !== undefined) sheet.word('leaf', leaf);
  if (one.options === undefined) putClassOptions(sheet, one);
  sheet.say('\n');
  if (options.stats > 0) {
    if (stats !== undefined) {
      putTcStats(sheet, stats);
      sheet.say('\n');
      if (putKindStats(sheet, stats)) sheet.say('\n');
    }
  }
  return sheet;
}

/** A minor of 0 is no class. */
function shortened(handle: string): string {
  return handle === ':' ? 'none' : handle;
}
