/** Dumps into a sink: the protocol's part with bytes by hand, and the socket's with the kernel. */
import { describe, expect, test } from 'vitest';
import type { MessageSink } from '../../src/netlink/message.ts';
import { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import type { ProtocolEvent } from '../../src/netlink/protocol-event.ts';
import { encodeMessage, NLM_F, NLMSG } from '../../src/netlink/wire/message.ts';
import type { ReceiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import {
  ack,
  data,
  done,
  dumpLinks,
  getLoopback,
  hex,
  joined,
  NO_BYTES,
  openWorld,
  PORT,
  receive,
} from './support.ts';

/** Notes what it gets, and throws at the nth message where it is told to. */
class Notes implements MessageSink {
  readonly seen: { type: number; flags: number; payload: number[] }[] = [];
  restarts: unknown[] = [];
  throwAt = Number.POSITIVE_INFINITY;

  message(type: number, flags: number, buffer: ReceiveBuffer, start: number, end: number): void {
    if (this.seen.length === this.throwAt) throw new Error('the sink is full');
    expect(start % 4).toBe(0);
    expect(buffer.words.buffer).toBe(buffer.bytes.buffer);
    this.seen.push({ type, flags, payload: [...buffer.bytes.subarray(start, end)] });
  }

  restart(problem: unknown): void {
    this.restarts.push(problem);
    this.seen.length = 0;
  }
}

function started(lastSeq = 0): { protocol: NetlinkProtocol; sink: Notes; seq: number } {
  const protocol = new NetlinkProtocol(PORT, lastSeq);
  const sink = new Notes();
  const flags = NLM_F.request | NLM_F.dump;
  const seq = protocol.start({ type: 18, flags, payload: NO_BYTES, dump: true, sink });
  protocol.sent(seq);
  return { protocol, sink, seq };
}

function kinds(events: readonly ProtocolEvent[]): string[] {
  return events.map((event) => event.kind);
}

describe('the protocol hands a sink', () => {
  // The second one has the highest bit, which makes a word negative.
  for (const lastSeq of [0, 0x8000_0000]) {
    test(`each message where it lies, and one event for the datagram (after ${lastSeq})`, () => {
      const { protocol, sink, seq } = started(lastSeq);
      const one = data({ seq, flags: NLM_F.multi }, Uint8Array.of(1, 2, 3), 24);
      const two = data({ seq, flags: NLM_F.multi | NLM_F.dumpFiltered }, Uint8Array.of(4, 5, 6, 7), 28);
      expect(receive(protocol, joined(one, two))).toEqual([{ kind: 'progress', seq }]);
      expect(sink.seen).toEqual([
        { type: 24, flags: 2, payload: [1, 2, 3] },
        { type: 28, flags: 0x22, payload: [4, 5, 6, 7] },
      ]);
      expect(receive(protocol, joined(one, done({ seq })))).toEqual([
        { kind: 'progress', seq },
        { kind: 'done', seq, interrupted: false },
      ]);
      expect(sink.seen.length).toBe(3);
    });
  }

  test('nothing of others: answers, strays and news in the same datagrams go where they went', () => {
    const { protocol, sink, seq } = started();
    const get = protocol.start({ type: 18, flags: 5, payload: NO_BYTES, dump: false });
    protocol.sent(get);
    const own = data({ seq }, Uint8Array.of(9));
    const events = receive(
      protocol,
      joined(
        own,
        data({ seq: get }),
        own,
        data({ seq: 77 }),
        data({ seq, portId: 5 }),
        ack({ seq: get }),
        own,
      ),
    );
    expect(kinds(events)).toEqual(['progress', 'message', 'progress', 'done', 'progress']);
    expect(sink.seen.length).toBe(3);
    expect(protocol.strays).toBe(2);
    // The echo of what this socket asked for is news, not an answer.
    expect(kinds(receive(protocol, own, 1))).toEqual(['notification']);
    expect(sink.seen.length).toBe(3);
  });

  test('no control messages', () => {
    const { protocol, sink, seq } = started();
    const noop = encodeMessage({ type: NLMSG.noop, flags: 0, seq, portId: PORT }, NO_BYTES);
    const reserved = encodeMessage({ type: 15, flags: 0, seq, portId: PORT }, NO_BYTES);
    expect(kinds(receive(protocol, joined(noop, reserved, data({ seq }), done({ seq }))))).toEqual([
      'progress',
      'done',
    ]);
    expect(sink.seen.length).toBe(1);
  });

  test('what came before bytes that are no message, and fails the dump', () => {
    for (const bad of ['00', '00000000180002000100000067120000', '40000000180002000100000067120000']) {
      const { protocol, sink, seq } = started();
      expect(kinds(receive(protocol, joined(data({ seq }), hex(bad))))).toEqual([
        'progress',
        'malformed',
        'lost',
      ]);
      expect(sink.seen.length).toBe(1);
      expect(receive(protocol, joined(data({ seq }), done({ seq })))).toEqual([]);
      expect(sink.seen.length).toBe(1);
      expect(protocol.size).toBe(0);
    }
  });

  test('nothing once the dump is given up, and sees its end', () => {
    const { protocol, sink, seq } = started();
    receive(protocol, data({ seq }));
    protocol.abort(seq);
    expect(receive(protocol, data({ seq }))).toEqual([]);
    expect(protocol.draining).toBe(true);
    expect(receive(protocol, joined(data({ seq }), done({ seq })))).toEqual([]);
    expect(protocol.draining).toBe(false);
    expect(sink.seen.length).toBe(1);
  });

  test('NLM_F_DUMP_INTR of any message', () => {
    const { protocol, seq } = started();
    receive(protocol, data({ seq, flags: NLM_F.multi | NLM_F.dumpIntr }));
    expect(receive(protocol, done({ seq }))).toEqual([{ kind: 'done', seq, interrupted: true }]);
  });

  test('no more after it threw, which ends the dump with that error; the rest is swallowed', () => {
    const { protocol, sink, seq } = started();
    sink.throwAt = 1;
    const events = receive(protocol, joined(data({ seq }), data({ seq }), data({ seq })));
    expect(events).toMatchObject([{ kind: 'failed', seq, error: { message: 'the sink is full' } }]);
    sink.throwAt = Number.POSITIVE_INFINITY;
    expect(protocol.draining).toBe(true);
    expect(receive(protocol, joined(data({ seq }), done({ seq })))).toEqual([]);
    expect(protocol.size).toBe(0);
    expect(sink.seen.length).toBe(1);
  });

  test('a sign of life that spares it the overrun judgement', () => {
    const { protocol, seq } = started();
    protocol.overrun();
    receive(protocol, data({ seq }));
    expect(protocol.drained()).toEqual([]);
    expect(protocol.outgoing()).toBeUndefined();
  });
});

describe('dumpInto of a socket', () => {
  test('brings what dumpAll brings, and ends', async () => {
    await using world = await openWorld();
    const sink = new Notes();
    let steps = 0;
    for await (const _ of world.socket.dumpInto(dumpLinks, sink)) steps++;
    expect(steps).toBeGreaterThan(0);
    const messages = await world.socket.dumpAll(dumpLinks);
    expect(sink.seen).toEqual(
      messages.map(({ type, flags, payload }) => ({ type, flags, payload: [...payload] })),
    );
    expect(sink.seen.length).toBeGreaterThan(0);
  });

  test('asks nothing before the first step, and can be left after one', async () => {
    await using world = await openWorld();
    const sink = new Notes();
    world.socket.dumpInto(dumpLinks, sink);
    for await (const _ of world.socket.dumpInto(dumpLinks, sink)) break;
    const { length } = sink.seen;
    expect(length).toBeGreaterThan(0);
    expect((await world.socket.request(getLoopback)).length).toBe(1);
    expect((await world.socket.dumpAll(dumpLinks)).length).toBe(length);
    expect(sink.seen.length).toBe(length);
  });

  test('fails with the error of its sink, and the socket goes on', async () => {
    await using world = await openWorld();
    const sink = new Notes();
    sink.throwAt = 0;
    const steps = world.socket.dumpInto(dumpLinks, sink);
    await expect(steps.next()).rejects.toThrow('the sink is full');
    expect(await steps.next()).toEqual({ done: true, value: undefined });
    expect((await world.socket.dumpAll(dumpLinks)).length).toBeGreaterThan(0);
  });

  test('fails as dumpAll where the kernel refuses', async () => {
    await using world = await openWorld();
    const request = { type: 18, payload: new Uint8Array(3) };
    await expect(world.socket.dumpInto(request, new Notes()).next()).rejects.toMatchObject({
      code: 'EINVAL',
    });
  });

  test('ends with a ClosedError or an AbortError like everything else', async () => {
    await using world = await openWorld();
    const steps = world.socket.dumpInto(dumpLinks, new Notes(), { signal: AbortSignal.abort() });
    await expect(steps.next()).rejects.toMatchObject({ name: 'AbortError' });
    const other = world.socket.dumpInto(dumpLinks, new Notes());
    world.socket.close();
    await expect(other.next()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });
});
