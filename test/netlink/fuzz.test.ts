/** Bytes of any kind and answers in any order: typed events, no loop, nothing lost, nothing told twice. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeExtAck, resolveAttributePath } from '../../src/netlink/ext-ack.ts';
import { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import type { ProtocolEvent } from '../../src/netlink/protocol-event.ts';
import {
  attribute,
  attributeTable,
  nest,
  repeated,
  walkAttributes,
} from '../../src/netlink/wire/attributes.ts';
import { string, u16, u32, u64 } from '../../src/netlink/wire/codec.ts';
import { NLM_F, walkMessages } from '../../src/netlink/wire/message.ts';
import { WireError, WireView, WireWriter } from '../../src/netlink/wire/view.ts';
import { ack, data, done, errorMessage, joined, NO_BYTES, PORT, receive } from './support.ts';

const RUNS = { numRuns: 2000 };

const inner = attributeTable('INNER', {
  a: attribute(1, 'A', u32),
  b: attribute(2, 'B', u64),
  list: repeated(3, 'LIST', u16),
});
const table = attributeTable('OUTER', {
  name: attribute(1, 'NAME', string),
  inner: nest(2, 'INNER', inner),
  number: attribute(3, 'NUMBER', u16),
});

/** Random bytes, and better: well-formed messages with a few bytes changed. */
function mangled(wellFormed: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(wellFormed.length - 1), fc.integer({ min: 0, max: 255 })), {
    maxLength: 6,
  });
  const cut = fc.nat(wellFormed.length);
  return fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(changes, cut, fc.boolean()).map(([edits, length, whole]) => {
      const bytes = wellFormed.slice(0, whole ? wellFormed.length : length);
      for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
      return bytes;
    }),
  );
}

function encoded(value: Parameters<typeof table.encode>[1]): Uint8Array {
  const writer = new WireWriter();
  table.encode(writer, value);
  return writer.bytes.slice();
}

const sample = encoded({ name: 'eth0', inner: { a: 7, b: 9n, list: [1, 2, 3] }, number: 5 });

/** Puts bytes where reading beyond them, before or after, would hit other memory: at a random place of a buffer. */
function placed(bytes: Uint8Array, shift: number): Uint8Array {
  const buffer = new Uint8Array(bytes.length + shift + 64).fill(0x04);
  buffer.set(bytes, shift);
  return buffer.subarray(shift, shift + bytes.length);
}

describe('hostile bytes', () => {
  test('walkMessages visits disjoint ranges in order, or throws a WireError', () => {
    const wellFormed = joined(data({ seq: 1 }, sample), ack({ seq: 2 }), done({ seq: 3 }));
    fc.assert(
      fc.property(mangled(wellFormed), fc.nat(7), (raw, shift) => {
        const bytes = placed(raw, shift);
        let last = 0;
        try {
          walkMessages(bytes, (_header, start, end) => {
            expect(start).toBeGreaterThanOrEqual(last + 16);
            expect(end).toBeGreaterThanOrEqual(start);
            expect(end).toBeLessThanOrEqual(bytes.length);
            last = end;
          });
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      RUNS,
    );
  });

  test('walkAttributes likewise', () => {
    fc.assert(
      fc.property(mangled(sample), fc.nat(7), (raw, shift) => {
        const bytes = placed(raw, shift);
        let last = 0;
        try {
          walkAttributes(new WireView(bytes), 0, bytes.length, (_type, start, end) => {
            expect(start).toBeGreaterThanOrEqual(last + 4);
            expect(end).toBeGreaterThanOrEqual(start);
            expect(end).toBeLessThanOrEqual(bytes.length);
            last = end;
          });
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      RUNS,
    );
  });

  test('a table decodes or throws a WireError; what it decoded it can encode, and reads the same again', () => {
    fc.assert(
      fc.property(mangled(sample), fc.nat(7), (raw, shift) => {
        const bytes = placed(raw, shift);
        let value: ReturnType<typeof table.decode>;
        try {
          value = table.decode(new WireView(bytes), 0, bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
          return;
        }
        const again = encoded(value);
        expect(table.decode(new WireView(again), 0, again.length)).toEqual(value);
      }),
      RUNS,
    );
  });

  test('the protocol answers any datagram with events, and each request ends at most once', () => {
    const wellFormed = joined(
      data({ seq: 1 }, sample),
      errorMessage({ seq: 1, flags: NLM_F.ackTlvs }, -22),
      data({ seq: 2, flags: NLM_F.multi }),
      done({ seq: 2 }, -5),
      ack({ seq: 3 }),
    );
    fc.assert(
      fc.property(fc.array(mangled(wellFormed), { maxLength: 4 }), fc.nat(3), (datagrams, shift) => {
        const protocol = new NetlinkProtocol(PORT);
        for (const dump of [false, true, false])
          protocol.sent(protocol.start({ type: 18, flags: 1, payload: NO_BYTES, dump }));
        const ends = new Map<number, number>();
        for (const datagram of datagrams) {
          for (const event of receive(protocol, placed(datagram, shift))) {
            if (event.kind !== 'done' && event.kind !== 'error' && event.kind !== 'lost') continue;
            ends.set(event.seq, (ends.get(event.seq) ?? 0) + 1);
          }
        }
        for (const count of ends.values()) expect(count).toBe(1);
      }),
      RUNS,
    );
  });

  test('ext-ack and attribute paths never throw', () => {
    fc.assert(
      fc.property(mangled(sample), fc.integer(), fc.option(fc.nat(99)), (bytes, offset, missing) => {
        decodeExtAck(new WireView(bytes), 0, bytes.length);
        const extAck = missing === null ? { offset } : { offset, missingType: missing, missingNest: offset };
        resolveAttributePath(extAck, bytes, { name: 'X', headerSize: 0, attributes: table }, 0);
      }),
      RUNS,
    );
  });
});

test('a table reads what it wrote', () => {
  const value = fc.record(
    {
      name: fc.stringMatching(/^[a-z0-9]{0,20}$/),
      inner: fc.record(
        {
          a: fc.integer({ min: 0, max: 0xffff_ffff }),
          b: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
          list: fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 9 }),
        },
        { requiredKeys: [] },
      ),
      number: fc.integer({ min: 0, max: 0xffff }),
      raw: fc.array(
        fc.record({
          type: fc.integer({ min: 50, max: 0x3fff }),
          hex: fc.uint8Array({ maxLength: 9 }).map(toHex),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(value, (object) => {
      const bytes = encoded(object as Parameters<typeof encoded>[0]);
      expect(bytes.length % 4).toBe(0);
      expect(table.decode(new WireView(bytes), 0, bytes.length)).toEqual(object);
    }),
    RUNS,
  );
});

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What a kernel would do: one dump at a time, answers in order of each request, but interleaved. */
class Kernel {
  readonly #answers: Uint8Array[][] = [];
  dumps = 0;
  busy = false;

  take(seq: number, dump: boolean, messages: number, errno: number): void {
    const flags = dump ? NLM_F.multi : 0;
    const parts = Array.from({ length: messages }, (_, i) => data({ seq, flags }, Uint8Array.of(i, 0, 0, 0)));
    parts.push(dump ? done({ seq }, errno) : errno === 0 ? ack({ seq }) : errorMessage({ seq }, errno));
    this.#answers.push(parts);
    if (!dump) return;
    expect(this.dumps).toBe(0);
    this.dumps++;
  }

  /** One datagram of up to `size` messages, each of a request that `pick` chooses. */
  give(size: number, pick: (choices: number) => number): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    while (parts.length < size && this.#answers.length > 0) {
      const from = pick(this.#answers.length);
      const answer = this.#answers[from];
      const part = answer?.shift();
      if (part !== undefined) parts.push(part);
      if (answer?.length === 0) {
        this.#answers.splice(from, 1);
        if (part?.[4] === 3) this.dumps--;
      }
    }
    return parts.length === 0 ? undefined : joined(...parts);
  }
}

test('whatever interleaves: each request gets its own messages in order and ends once, dumps one by one', () => {
  const action = fc.oneof(
    fc.record({
      do: fc.constant('start' as const),
      dump: fc.boolean(),
      messages: fc.nat(4),
      fails: fc.boolean(),
    }),
    fc.record({
      do: fc.constant('receive' as const),
      size: fc.integer({ min: 1, max: 5 }),
      pick: fc.nat(99),
    }),
    fc.record({ do: fc.constant('abort' as const), which: fc.nat(99) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const protocol = new NetlinkProtocol(PORT, 0xffff_fff0);
      const kernel = new Kernel();
      const asked = new Map<number, { dump: boolean; messages: number; errno: number }>();
      const heard = new Map<number, number>();
      const ended = new Map<number, ProtocolEvent>();
      const aborted = new Set<number>();
      const send = () => {
        for (let next = protocol.outgoing(); next !== undefined; next = protocol.outgoing()) {
          protocol.sent(next.seq);
          const about = asked.get(next.seq);
          if (about !== undefined) kernel.take(next.seq, about.dump, about.messages, about.errno);
        }
      };
      const deliver = (size: number, pick: number) => {
        const datagram = kernel.give(size, (choices) => pick % choices);
        if (datagram === undefined) return false;
        for (const event of receive(protocol, datagram)) {
          if (event.kind !== 'message' && event.kind !== 'done' && event.kind !== 'error')
            throw new Error(`unexpected ${event.kind}`);
          expect(aborted.has(event.seq)).toBe(false);
          expect(ended.has(event.seq)).toBe(false);
          if (event.kind === 'message') {
            const index = heard.get(event.seq) ?? 0;
            expect(event.message.payload[0]).toBe(index);
            heard.set(event.seq, index + 1);
          } else ended.set(event.seq, event);
        }
        send();
        return true;
      };
      for (const step of actions) {
        if (step.do === 'start') {
          const errno = step.fails ? -19 : 0;
          const flags = NLM_F.request;
          const seq = protocol.start({ type: 18, flags, payload: NO_BYTES, dump: step.dump });
          expect(seq).not.toBe(0);
          expect(asked.has(seq)).toBe(false);
          asked.set(seq, { dump: step.dump, messages: step.messages, errno });
          send();
        } else if (step.do === 'receive') deliver(step.size, step.pick);
        else {
          const seq = [...asked.keys()].filter((one) => !ended.has(one))[step.which];
          if (seq === undefined) continue;
          protocol.abort(seq);
          aborted.add(seq);
          send();
        }
      }
      while (deliver(3, 1));
      for (const [seq, { messages, errno }] of asked) {
        if (aborted.has(seq)) continue;
        expect(heard.get(seq) ?? 0).toBe(messages);
        expect(ended.get(seq)).toMatchObject(errno === 0 ? { kind: 'done' } : { kind: 'error', errno });
      }
      expect(protocol.size).toBe(0);
      expect(protocol.draining).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('after any overrun everything pending ends, and the wire is free', () => {
  const ask = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
  // For each datagram the kernel would send: is it dropped?
  const drops = fc.array(fc.boolean(), { maxLength: 60 });
  fc.assert(
    fc.property(ask, drops, fc.array(fc.nat(7)), (dumps, dropped, aborts) => {
      const protocol = new NetlinkProtocol(PORT);
      const kernel = new Kernel();
      const asked = new Map<number, boolean>();
      const ended = new Map<number, number>();
      const note = (events: readonly ProtocolEvent[]) => {
        for (const event of events)
          if (event.kind === 'done' || event.kind === 'error' || event.kind === 'lost')
            ended.set(event.seq, (ended.get(event.seq) ?? 0) + 1);
      };
      for (const dump of dumps)
        asked.set(protocol.start({ type: 18, flags: 1, payload: NO_BYTES, dump }), dump);
      const aborted = new Set<number>();
      let next = 0;
      let rounds = 0;
      for (;;) {
        // The bound of the whole: each round ends a request, or sends a probe that ends one in the next.
        expect(++rounds).toBeLessThan(400);
        for (let out = protocol.outgoing(); out !== undefined; out = protocol.outgoing()) {
          protocol.sent(out.seq);
          kernel.dumps = 0;
          kernel.take(out.seq, asked.get(out.seq) ?? false, 1, 0);
        }
        const abort = aborts.shift();
        const victim = abort === undefined ? undefined : [...asked.keys()][abort];
        if (victim !== undefined && !ended.has(victim)) {
          protocol.abort(victim);
          aborted.add(victim);
        }
        const datagram = kernel.give(1, () => 0);
        if (datagram !== undefined) {
          if (dropped[next++]) note(protocol.overrun());
          else note(receive(protocol, datagram));
          continue;
        }
        note(protocol.drained());
        if (protocol.outgoing() === undefined) break;
      }
      for (const seq of asked.keys()) expect(ended.get(seq) ?? 0).toBe(aborted.has(seq) ? 0 : 1);
      expect(protocol.size).toBe(0);
      expect(protocol.draining).toBe(false);
    }),
    { numRuns: 1000 },
  );
});
