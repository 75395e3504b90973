import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { enumeration, u16 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { control } from '../tc-control.ts';
import { wholeStruct } from '../tc-struct.ts';
import { defineAction, tcGen, times } from './kind.ts';

/** PGACT_*. */
const RANDOM = { 0: 'none', 1: 'netrand', 2: 'determ' } as const;

/** TCA_GACT_*, uapi/linux/tc_act/tc_gact.h. */
const table = attributeTable('TCA_GACT', {
  tm: times(1, 'TCA_GACT_TM'),
  parms: attribute(2, 'TCA_GACT_PARMS', wholeStruct('tc_gact', tcGen)),
  random: attribute(
    3,
    'TCA_GACT_PROB',
    wholeStruct('tc_gact_p', { type: enumeration(u16, RANDOM), value: u16, control }),
  ),
});

/** The generic action: does nothing but decide. */
export interface Gact {
  /** At random, or every `value`th time (`determ`), something else is decided. `value` is in parts of 10,000 for `netrand`. */
  random?: { type: string; value: number; control: string };
}

export const gact = defineAction<typeof table, Gact>('gact', table, {
  fields: ['random'],
  control: 'pass',
  fromWire({ tm, parms, random }) {
    if (parms === undefined) throw new WireError('gact without TCA_GACT_PARMS');
    return { gen: parms, times: tm, value: random === undefined ? {} : { random } };
  },
  toWire: (gen, { random }) => ({ parms: gen, ...(random && { random }) }),
});
