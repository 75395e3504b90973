import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { s32, u32, ValueError } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { defineAction, tcGen, times } from './kind.ts';

/** TCA_MIRRED_*, uapi/linux/tc_act/tc_mirred.h. */
const table = attributeTable('TCA_MIRRED', {
  tm: times(1, 'TCA_MIRRED_TM'),
  parms: attribute(2, 'TCA_MIRRED_PARMS', wholeStruct('tc_mirred', { ...tcGen, eaction: s32, ifindex: u32 })),
  /** Linux 6.8: a block of links in place of one. */
  block: attribute(4, 'TCA_MIRRED_BLOCKID', u32),
});

/** man 8 tc-mirred: the packet, or a copy of it, goes to another link. */
export interface Mirred {
  direction: 'egress' | 'ingress';
  action: 'redirect' | 'mirror';
  /** The link, by index and name; on input the name wins. */
  ifindex?: number;
  dev?: string;
  /** In place of a link, a block of links. */
  block?: number;
}

const EACTIONS = {
  1: 'egress redirect',
  2: 'egress mirror',
  3: 'ingress redirect',
  4: 'ingress mirror',
} as const;

function eactionOf({ direction, action }: Mirred): number {
  const wanted = `${direction} ${action}`;
  for (const [number, words] of Object.entries(EACTIONS)) if (words === wanted) return Number(number);
  const [field, value] = ['egress', 'ingress'].includes(direction)
    ? ['action', action]
    : ['direction', direction];
  const error = new ValueError(value, field === 'action' ? 'redirect or mirror' : 'egress or ingress');
  error.path.unshift(String(field));
  throw error;
}

export const mirred = defineAction<typeof table, Mirred>('mirred', table, {
  fields: ['direction', 'action', 'ifindex', 'dev', 'block'],
  control: 'stolen',
  fromWire({ tm, parms, block }) {
    if (parms === undefined) throw new WireError('mirred without TCA_MIRRED_PARMS');
    const { eaction, ifindex, ...gen } = parms;
    const words = EACTIONS[eaction as keyof typeof EACTIONS];
    if (words === undefined) throw new WireError(`mirred with action ${eaction}`);
    const [direction, action] = words.split(' ') as [Mirred['direction'], Mirred['action']];
    const value: Mirred = {
      direction,
      action,
      ...(ifindex !== 0 && { ifindex }),
      ...(block !== undefined && { block }),
    };
    return { gen, times: tm, value };
  },
  toWire(gen, value) {
    const { ifindex = 0, block } = value;
    return { parms: { ...gen, eaction: eactionOf(value), ifindex }, ...(block !== undefined && { block }) };
  },
});
