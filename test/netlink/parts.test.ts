import { describe, expect, test } from 'vitest';
import { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import { NLM_F, walkMessages } from '../../src/netlink/wire/message.ts';
import { ack, errorMessage, NO_BYTES, PORT, receive } from './support.ts';

/** A request of several messages in one datagram: the protocol alone. */

const part = (flags = 0, payload = NO_BYTES) => ({ type: 0xa00, flags: NLM_F.request | flags, payload });

function started(protocol: NetlinkProtocol, count = 3) {
  const parts = Array.from({ length: count }, (_, i) =>
    part(i === count - 2 ? NLM_F.ack : 0, Uint8Array.of(i)),
  );
  const seq = protocol.start({ ...part(), type: 16, dump: false, parts });
  const bytes = protocol.outgoing()?.bytes ?? NO_BYTES;
  protocol.sent(seq);
  const seqs: number[] = [];
  walkMessages(bytes, (header) => void seqs.push(header.seq));
  return { seq, seqs, bytes };
}

describe('a request of several messages', () => {
  test('goes out as one datagram, each message with a number of its own', () => {
    const { seq, seqs, bytes } = started(new NetlinkProtocol(PORT));
    expect(seqs).toEqual([seq, seq + 1, seq + 2, seq + 3]);
    const seen: unknown[] = [];
    walkMessages(bytes, ({ type, flags, portId }, start, end) =>
      seen.push([type, flags, portId, [...bytes.subarray(start, end)]]),
    );
    expect(seen).toEqual([
      [16, NLM_F.request, PORT, []],
      [0xa00, NLM_F.request, PORT, [0]],
      [0xa00, NLM_F.request | NLM_F.ack, PORT, [1]],
      [0xa00, NLM_F.request, PORT, [2]],
    ]);
  });

  test('ends with the one acknowledgement that was asked for', () => {
    const protocol = new NetlinkProtocol(PORT);
    const { seq, seqs } = started(protocol);
    expect(receive(protocol, ack({ seq: seqs[2] as number }))).toEqual([
      { kind: 'done', seq, interrupted: false },
    ]);
    expect(protocol.size).toBe(0);
  });

  test('ends with the first refusal, and says whose it is', () => {
    const protocol = new NetlinkProtocol(PORT);
    const { seq, seqs } = started(protocol);
    expect(receive(protocol, errorMessage({ seq: seqs[1] as number }, -2))).toEqual([
      { kind: 'error', seq, errno: -2, part: 0 },
    ]);
    // The kernel goes on to judge the others.
    expect(receive(protocol, errorMessage({ seq: seqs[2] as number }, -22))).toEqual([]);
    expect(receive(protocol, ack({ seq: seqs[3] as number }))).toEqual([]);
    expect(protocol.strays).toBe(2);
  });

  test('that is refused as a whole says no part', () => {
    const protocol = new NetlinkProtocol(PORT);
    const { seq } = started(protocol);
    expect(receive(protocol, errorMessage({ seq }, -1))).toEqual([{ kind: 'error', seq, errno: -1 }]);
  });

  test('keeps its numbers to itself until it ends', () => {
    const protocol = new NetlinkProtocol(PORT, 0, 6);
    const { seqs } = started(protocol);
    expect(seqs).toEqual([1, 2, 3, 4]);
    expect([protocol.nextSeq(), protocol.nextSeq(), protocol.nextSeq()]).toEqual([5, 6, 5]);
    receive(protocol, ack({ seq: 3 }));
    expect(protocol.nextSeq()).toBe(6);
    expect(protocol.nextSeq()).toBe(1);
  });

  test('that is given up, or lost in an overrun, leaves nothing', () => {
    const protocol = new NetlinkProtocol(PORT);
    const given = started(protocol);
    protocol.abort(given.seq);
    expect(receive(protocol, ack({ seq: given.seqs[2] as number }))).toEqual([]);
    const lost = started(protocol);
    protocol.overrun();
    expect(protocol.drained()).toEqual([{ kind: 'lost', seq: lost.seq }]);
    expect(receive(protocol, ack({ seq: lost.seqs[2] as number }))).toEqual([]);
    expect(protocol.size).toBe(0);
  });
});
