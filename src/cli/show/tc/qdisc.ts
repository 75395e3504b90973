import type { Qdisc, QdiscFilter } from '../../../route/qdisc.ts';
import { Words, wrongArgument } from '../../args.ts';
import type { ShowContext, View } from '../view.ts';
import { nextClassId, nextQdiscHandle, unknownWord } from './handle-words.ts';
import { putKindStats, putQdiscOptions } from './kinds/index.ts';
import { putTcStats } from './stats.ts';
import { type TcDesk, TcSheet, tcDesk } from './tc-desk.ts';

/** `tc qdisc show`. */
export const qdiscView: View = {
  names: ['qdisc'],
  usage: `[ dev DEVICE ] [ QDISC_ID ] [ invisible ]
cofferdam tc qdisc { add | replace | change | link | del } dev DEVICE
        [ handle QHANDLE ] [ root | ingress | clsact | parent CLASSID ]
        [ estimator INTERVAL TIME_CONSTANT ] [ stab STAB_OPTIONS ]
        [ ingress_block BLOCK_INDEX ] [ egress_block BLOCK_INDEX ]
        [ KIND [ OPTIONS ] ]
QDISC_ID := { root | ingress | handle QHANDLE | parent CLASSID }
KIND := { [p|b]fifo | fq | fq_codel | cake | htb | tbf | netem | prio | sfq | red | ... }`,

  async run(args, context) {
    const filter = await readFilter(args, context);
    const desk = await tcDesk(context);
    const list = await context.rt.qdisc.list(filter);
    const sheets = list.map((qdisc) => qdiscSheet(qdisc, desk, filter.ifindex === undefined));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },

  actions: async () => (await import('../../verbs/qdisc.ts')).qdiscActions,
};

async function readFilter(args: readonly string[], context: ShowContext): Promise<QdiscFilter> {
  const words = new Words(args);
  const filter: QdiscFilter = {};
  let device: string | undefined;
  const unique = (word: string) => {
    if (filter.parent !== undefined) throw wrongArgument(word, 'parent is already specified');
    if (filter.handle !== undefined) throw wrongArgument(word, 'handle is already specified');
  };
  while (words.more) {
    const word = words.peek ?? '';
    if (words.take('dev')) device = words.next();
    else if (words.take('root')) {
      unique(word);
      filter.parent = 'root';
    } else if (words.take('ingress', 'clsact')) {
      unique(word);
      filter.parent = 'ingress';
    } else if (words.takeAbbreviated('parent')) {
      unique(word);
      filter.parent = nextClassId(words, 'invalid parent ID');
    } else if (words.takeAbbreviated('handle')) {
      unique(word);
      filter.handle = nextQdiscHandle(words, 'invalid handle ID');
    } else if (words.take('invisible')) filter.invisible = true;
    else throw unknownWord(word, 'qdisc');
  }
  // 0 is no filter.
  if (filter.parent === 'none') delete filter.parent;
  if (filter.handle === '0:') delete filter.handle;
  if (device !== undefined) filter.ifindex = await context.linkIndex(device);
  return filter;
}

/**
 * One discipline as `tc qdisc show` has it; `withLink`: the link is not known from what was asked; `news`: what became
 * of it.
 */
export function qdiscSheet(
  qdisc: Qdisc,
  desk: TcDesk,
  withLink: boolean,
  news?: 'deleted' | 'replaced' | 'added',
): TcSheet {
  const { options } = desk;
  const { kind, handle, parent, refcnt = 0, ingressBlock, egressBlock, stats } = qdisc;
  const sheet = new TcSheet(desk);
  if (news !== undefined) sheet.flag(news, true);
  sheet.put('kind', kind, `qdisc ${kind}`);
  const major = Number.parseInt(handle, 16);
  const raw = options.raw ? `[${(major * 0x10000).toString(16).padStart(8, '0')}]` : '';
  sheet.put('handle', handle, ` ${handle}${raw} `);
  if (withLink) {
    const dev = desk.links.nameOf(qdisc.ifindex);
    sheet.put('dev', dev, `dev ${desk.paint.ifname(`${dev} `)}`);
  }
  if (parent === 'root') sheet.put('root', true, 'root ');
  else if (parent !== undefined) sheet.word('parent', parent);
  if (refcnt !== 1) sheet.word('refcnt', refcnt);
  sheet.flag('offloaded', qdisc.offloaded);
  if (ingressBlock) sheet.word('ingress_block', ingressBlock);
  if (egressBlock) sheet.word('egress_block', egressBlock);
  sheet.inside('options', (inner) => putOptions(inner, qdisc));
  sheet.newline();
  if (options.details && qdisc.stab !== undefined) putSizeTable(sheet, qdisc.stab);
  if (options.stats > 0 && stats !== undefined) {
    putTcStats(sheet, stats);
    sheet.newline();
    if (putKindStats(sheet, stats)) sheet.newline();
  }
  return sheet;
}

function putOptions(sheet: TcSheet, qdisc: Qdisc): void {
  if (qdisc.kind === 'ingress') sheet.say('---------------- ');
  else if (qdisc.options !== undefined) sheet.say(`[Unknown qdisc, optlen=${qdisc.options.length / 2}] `);
  else putQdiscOptions(sheet, qdisc, qdisc.stats ?? {});
}

function putSizeTable(sheet: TcSheet, stab: NonNullable<Qdisc['stab']>): void {
  const { linklayer = 'unspec', overhead = 0, mpu = 0, mtu = 0, tsize = 0 } = stab;
  sheet.say(' ');
  sheet.inside('stab', (inner) => {
    if (linklayer !== 'unspec') inner.word('linklayer', /^\d+$/.test(linklayer) ? 'unknown' : linklayer);
    if (overhead !== 0) inner.word('overhead', overhead);
    if (mpu !== 0) inner.word('mpu', mpu);
    if (mtu !== 0) inner.word('mtu', mtu);
    if (tsize !== 0) inner.word('tsize', tsize);
  });
  sheet.newline();
}
