import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveAttributePath } from '../../src/netlink/ext-ack.ts';
import { encodePayload, writeAttribute } from '../../src/netlink/wire/attributes.ts';
import { classType } from '../../src/route/class.ts';
import { encodeClass, type TcClass } from '../../src/route/class-message.ts';
import { qdiscType } from '../../src/route/qdisc.ts';
import { encodeQdisc, type Qdisc } from '../../src/route/qdisc-message.ts';
import { KIND_FIELDS, kindField, kindOf } from '../../src/route/qdiscs/index.ts';
import { tcmsg } from '../../src/route/tc-message.ts';
import { CLASSES, QDISCS } from '../support/tc-layouts.ts';
import { classHeader, messages, qdiscHeader } from '../support/tc-messages.ts';

/** Messages at random: what they say can be said again, and nothing in them throws. */

const RUNS = { numRuns: 150 };

/** Without what only the kernel tells. */
function settings({ stats: _, ...rest }: Qdisc | TcClass): object {
  const { refcnt: __, offloaded: ___, leaf: ____, ...own } = rest as Partial<Qdisc & TcClass>;
  // The table itself is made anew.
  if (own.stab !== undefined) {
    const { linklayer = 'unspec', overhead = 0, mpu = 0 } = own.stab;
    own.stab = { linklayer, overhead, mpu };
  }
  return JSON.parse(JSON.stringify(own, (key, value) => (TOLD.has(key) ? undefined : plain(value))));
}
const TOLD = new Set([
  ...['version', 'level'],
  // Where none are told, slots are as the mtu asks for.
  ...['cell', 'ccell', 'peakCell'],
]);
const plain = (value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** What no kernel tells, and would not take: such messages are passed over. */
const SENSIBLE: Readonly<Record<string, (qdisc: Qdisc) => boolean>> = {
  prio: ({ prio: { bands = 0, priomap = [] } = {} }) => priomap.every((band) => band < bands),
  pfifo_fast: () => false,
  ets: ({ ets: { bands = 0, strict = 1, quanta } = {} }) =>
    bands > 0 && bands <= 16 && strict > 0 && quanta !== undefined,
  netem: ({ netem: { delay, jitter, reorder, gap, ecn, loss, lossState, lossGemodel } = {} }) =>
    ecn !== false &&
    (delay !== undefined || (reorder === undefined && jitter === undefined)) &&
    (gap === undefined) === (reorder === undefined) &&
    (ecn === undefined || loss !== undefined || lossState !== undefined || lossGemodel !== undefined),
  red: ({ red: { probability } = {} }) => probability !== undefined,
  choke: ({ choke: { probability } = {} }) => probability !== undefined,
  multiq: () => false,
  sfq: ({ sfq: { redflowlimit = 0, min = 0, max = 0, ecn, harddrop } = {} }) =>
    (redflowlimit === 0 && min === 0 && !ecn && !harddrop) || (min > 0 && min < max && max <= redflowlimit),
  mqprio: ({ mqprio: { numTc = 0 } = {} }) => numTc <= 16,
  ingress: ({ parent }) => parent !== undefined,
  clsact: ({ parent }) => parent !== undefined,
};

describe('disciplines on the wire', () => {
  for (const [kind, layout] of Object.entries(QDISCS))
    it(`${kind}: what was told can be said again`, () => {
      let again = 0;
      fc.assert(
        fc.property(messages(kind, layout, qdiscHeader), (payload) => {
          const qdisc = qdiscType.decode(payload);
          if (SENSIBLE[kind]?.(qdisc) === false) return;
          if (qdisc.parent === undefined && qdisc.handle === '0:') return;
          // No table is that long.
          if (qdisc.stab !== undefined) Object.assign(qdisc.stab, { tsize: 64, mtu: 1500 });
          const second = qdiscType.decode(encodeQdisc(qdisc));
          expect(settings(second)).toEqual(settings(qdisc));
          again++;
        }),
        RUNS,
      );
      if (kind !== 'pfifo_fast' && kind !== 'multiq') expect(again).toBeGreaterThan(0);
    });

  for (const [kind, layout] of Object.entries(CLASSES))
    it(`a class of ${kind}: what was told can be said again`, () => {
      fc.assert(
        fc.property(messages(kind, layout, classHeader), (payload) => {
          const one = classType.decode(payload);
          if (
            one.htb !== undefined &&
            (!one.htb.rate || !one.htb.ceil || !one.htb.burstTime || !one.htb.cburstTime)
          )
            return;
          const { stab: _, ...told } = settings(one) as TcClass;
          expect(settings(classType.decode(encodeClass(one)))).toEqual(told);
        }),
        RUNS,
      );
    });

  it('reads what is cut short, or random, without an exception', () => {
    const any = fc
      .constantFrom(...Object.entries(QDISCS))
      .chain(([kind, layout]) => messages(kind, layout, qdiscHeader));
    fc.assert(
      fc.property(any, fc.nat(), fc.nat(), fc.nat(255), (payload, cut, at, byte) => {
        const bent = Uint8Array.from(payload);
        bent[tcmsg.size + (at % (bent.length - tcmsg.size))] = byte;
        for (const type of [qdiscType, classType]) {
          try {
            type.decode(bent.subarray(0, tcmsg.size + (cut % (bent.length - tcmsg.size + 1))));
          } catch (error) {
            // A chain of attributes that claims more than there is: the message as a whole is wrong.
            expect(error).toMatchObject({
              name: 'WireError',
              message: expect.stringMatching(/^attribute \d+ at/),
            });
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps settings that it cannot read as bytes, and writes them so', () => {
    const payload = encodePayload((writer) => {
      tcmsg.encode(writer, { ifindex: 3, handle: 0x10000, parent: 0xffffffff });
      writeAttribute(writer, 1, false, () => writer.raw(Buffer.from('tbf\0')));
      // Too short for struct tc_tbf_qopt.
      writeAttribute(writer, 2, false, () => writer.raw(Uint8Array.of(8, 0, 1, 0, 1, 2, 3, 4)));
      writeAttribute(writer, 99, false, () => writer.raw(Uint8Array.of(7)));
    });
    const qdisc = qdiscType.decode(payload);
    expect(qdisc).toEqual({
      ifindex: 3,
      kind: 'tbf',
      handle: '1:',
      parent: 'root',
      refcnt: 0,
      options: '0800010001020304',
      raw: [{ type: 99, hex: '07' }],
    });
    expect(qdiscType.decode(encodeQdisc(qdisc))).toEqual(qdisc);
  });

  it('keeps attributes that no kind knows, beside the settings', () => {
    const raw = [{ type: 77, hex: '01020304' }];
    for (const input of [
      { kind: 'tbf', tbf: { rate: 1000, burst: 1000, limit: 9, raw } },
      { kind: 'htb', htb: { raw } },
      { kind: 'fq', fq: { raw } },
      { kind: 'ets', ets: { bands: 2, raw } },
      { kind: 'red', red: { limit: 10_000, avpkt: 100, raw } },
      { kind: 'netem', netem: { raw } },
      { kind: 'mqprio', mqprio: { raw } },
      { kind: 'cake', cake: { raw } },
    ]) {
      const qdisc = qdiscType.decode(encodeQdisc({ ifindex: 3, parent: 'root', ...input }));
      const field = kindField(input.kind) as keyof Qdisc;
      expect(qdisc[field]).toMatchObject({ raw });
    }
  });

  it('names what the kernel complains of, in the words of the kind', () => {
    const payload = encodeQdisc({
      ifindex: 3,
      parent: 'root',
      handle: '1:',
      kind: 'htb',
      htb: { directQlen: 7 },
    });
    const names = { name: 'RTM_NEWQDISC', headerSize: tcmsg.size, attributes: qdiscType.attributes };
    // Behind the message header and tcmsg: the kind, the header of the options, TCA_HTB_INIT.
    const offset = 16 + tcmsg.size + 8 + 4 + 24;
    expect(resolveAttributePath({ offset }, payload, names, 16)).toBe('TCA_OPTIONS.TCA_HTB_DIRECT_QLEN');
  });

  it('has each kind under its own name in camelCase', () => {
    for (const field of KIND_FIELDS) {
      const { kind } = kindOf(field);
      expect(kind.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).toBe(field);
      expect(kindField(kind)).toBe(field);
    }
  });
});
