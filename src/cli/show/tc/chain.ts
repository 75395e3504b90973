import type { TcChain } from '../../../route/chain.ts';
import type { View } from '../view.ts';
import { type FilterNews, filterSheet, isSomewhere, readPlace } from './filter.ts';
import { type TcDesk, type TcSheet, tcDesk } from './tc-desk.ts';

/** `tc chain show`. */
export const chainView: View = {
  names: ['chain'],
  usage: `[ dev DEVICE | block BLOCK_INDEX ] [ root | ingress | egress | parent CLASSID ]
        [ chain CHAIN_INDEX ]
cofferdam tc chain { add | del | get } { dev DEVICE | block BLOCK_INDEX }
        [ root | ingress | egress | parent CLASSID ] [ chain CHAIN_INDEX ]
        [ protocol PROTO ] [ flower TEMPLATE ]`,

  async run(args, context) {
    const { ifindex, block, parent, chain } = await readPlace(args, context);
    const asked = {
      ...(ifindex !== undefined && { ifindex }),
      ...(block !== undefined && { block }),
      ...(parent !== undefined && { parent }),
      ...(chain !== undefined && { chain }),
    };
    const desk = await tcDesk(context);
    const list = (await isSomewhere(asked, context))
      ? await context.rt.chain.list(block === undefined ? { parent: 'none', ...asked } : asked)
      : [];
    const sheets = list.map((one) => chainSheet(one, desk, asked));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },

  actions: async () => (await import('../../verbs/filter.ts')).chainActions,
};

/** One chain: a filter without pref, protocol and handle. */
export function chainSheet(
  { kind = '', parent, ...chain }: TcChain,
  desk: TcDesk,
  asked: Parameters<typeof filterSheet>[2],
  news?: FilterNews,
): TcSheet {
  const told = parent === undefined ? {} : { parent: disciplineOf(parent) };
  const filter = { ...chain, ...told, kind, protocol: '[0]', pref: 0 };
  return filterSheet(filter, desk, asked, { noun: 'chain', news });
}

/** What the kernel says of a chain's place, and tc shows. */
function disciplineOf(parent: string): string {
  return parent === 'ingress' || parent === 'egress'
    ? 'ffff:'
    : parent.replace(/^([0-9a-f]+:)[0-9a-f]+$/, '$1');
}
