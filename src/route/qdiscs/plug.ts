import { enumeration, s32, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, optionsBy, type QdiscKind } from './kind.ts';

/** TCQ_PLUG_*, uapi/linux/pkt_sched.h, by the words of `tc`. */
const ACTIONS = { 0: 'block', 1: 'release', 2: 'release_indefinite', 3: 'limit' } as const;
const qopt = wholeStruct('tc_plug_qopt', { action: enumeration(s32, ACTIONS), limit: u32 });

/** A queue that is stopped and let go. A command; never told. */
export interface Plug {
  action?: (typeof ACTIONS)[keyof typeof ACTIONS] | (string & {});
  /** Packets, with the action `limit`. */
  limit?: number;
}

export const plug: QdiscKind<Plug> = {
  kind: 'plug',
  qdisc: optionsBy<{ action: string; limit: number }, Plug>(qopt, {
    fields: ['action', 'limit'],
    fromWire: ({ action, limit }) => ({ action, limit }),
    toWire({ action, limit = 0 }) {
      if (action === undefined)
        throw badField('action', action, `one of ${Object.values(ACTIONS).join(', ')}`);
      return { action, limit };
    },
  }),
};
