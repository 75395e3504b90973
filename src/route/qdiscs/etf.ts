import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, s32, u32, ValueError } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

/** clockid_t by the words of `tc`; see clock_gettime(2). */
const CLOCKS = { 0: 'REALTIME', 1: 'MONOTONIC', 7: 'BOOTTIME', 11: 'TAI' } as const;
/** TC_ETF_*, uapi/linux/pkt_sched.h. */
const FLAGS = { deadlineMode: 1, offload: 2, skipSockCheck: 4 } as const;

/** A clock that is none of these is its number, which may be negative. */
const clock: Codec<string> = {
  size: 4,
  decode(view, start, end) {
    const number = s32.decode(view, start, end);
    return CLOCKS[number as keyof typeof CLOCKS] ?? String(number);
  },
  encode(writer, value) {
    const known = Object.entries(CLOCKS).find(([, name]) => name === value)?.[0];
    const number = known ?? (/^-?\d+$/.test(value) ? value : undefined);
    if (number === undefined) throw new ValueError(value, `one of ${Object.values(CLOCKS).join(', ')}`);
    s32.encode(writer, Number(number));
  },
};

const table = attributeTable('TCA_ETF', {
  parms: attribute(
    1,
    'TCA_ETF_PARMS',
    wholeStruct('tc_etf_qopt', {
      delta: s32,
      clockid: clock,
      flags: u32,
    }),
  ),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-etf. */
export interface Etf {
  /** `TAI`, `REALTIME`, `MONOTONIC`, `BOOTTIME`. */
  clockid?: string;
  /** Microseconds that a packet is taken out before its time. */
  delta?: number;
  deadlineMode?: boolean;
  offload?: boolean;
  skipSockCheck?: boolean;
  raw?: Wire['raw'];
}

export const etf: QdiscKind<Etf> = {
  kind: 'etf',
  always: true,
  qdisc: optionsBy<Wire, Etf>(tableCodec(table), {
    table,
    fields: ['clockid', 'delta', 'deadlineMode', 'offload', 'skipSockCheck', 'raw'],
    fromWire({ parms, raw }) {
      if (parms === undefined) throw new WireError('ETF without TCA_ETF_PARMS');
      const { clockid, delta, flags } = parms;
      const on = Object.entries(FLAGS).filter(([, bit]) => (flags & bit) !== 0);
      return {
        clockid,
        delta: delta / 1000,
        ...Object.fromEntries(on.map(([name]) => [name, true])),
        ...(raw && { raw }),
      };
    },
    toWire({ clockid, delta = 0, raw, ...flags }) {
      if (clockid === undefined)
        throw badField('clockid', clockid, `one of ${Object.values(CLOCKS).join(', ')}`);
      let bits = 0;
      for (const [name, bit] of Object.entries(FLAGS)) if (flags[name as keyof typeof FLAGS]) bits |= bit;
      return { parms: { delta: Math.round(delta * 1000), clockid, flags: bits }, ...(raw && { raw }) };
    },
  }),
};
