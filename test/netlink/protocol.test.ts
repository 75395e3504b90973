import { describe, expect, test } from 'vitest';
import { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import type { ProtocolEvent } from '../../src/netlink/protocol-event.ts';
import { encodeMessage, NLM_F, NLMSG } from '../../src/netlink/wire/message.ts';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import { WireView } from '../../src/netlink/wire/view.ts';
import { ack, data, done, errorMessage, hex, joined, NO_BYTES, PORT, receive } from './support.ts';

const request = { type: 18, flags: NLM_F.request | NLM_F.ack, payload: NO_BYTES, dump: false };
const dump = { type: 18, flags: NLM_F.request | NLM_F.dump, payload: NO_BYTES, dump: true };

/** Sends all that may be sent, and says which sequence numbers went out. */
function send(protocol: NetlinkProtocol): number[] {
  const seqs: number[] = [];
  for (let next = protocol.outgoing(); next !== undefined; next = protocol.outgoing()) {
    protocol.sent(next.seq);
    seqs.push(next.seq);
  }
  return seqs;
}

function started(protocol: NetlinkProtocol, options = request): number {
  const seq = protocol.start(options);
  send(protocol);
  return seq;
}

function kinds(events: readonly ProtocolEvent[]): string[] {
  return events.map((event) => event.kind);
}

describe('a request', () => {
  test('goes out with its sequence number and the port id', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = protocol.start({ ...request, payload: Uint8Array.of(1, 2, 3) });
    const bytes = protocol.outgoing()?.bytes ?? NO_BYTES;
    const view = new WireView(bytes);
    expect([view.u32(0), view.u16(4), view.u16(6), view.u32(8), view.u32(12)]).toEqual([
      19,
      18,
      5,
      seq,
      PORT,
    ]);
    expect(bytes.length).toBe(20);
  });

  test('ends at its acknowledgement, not at its data', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    expect(kinds(receive(protocol, data({ seq })))).toEqual(['message']);
    expect(receive(protocol, ack({ seq }))).toEqual([{ kind: 'done', seq, interrupted: false }]);
    expect(protocol.size).toBe(0);
  });

  test('ends with the errno of the kernel', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    expect(receive(protocol, errorMessage({ seq }, -19))).toEqual([{ kind: 'error', seq, errno: -19 }]);
  });

  test('interleaves with others: the answers come in any order', () => {
    const protocol = new NetlinkProtocol(PORT);
    const [a, b, c] = [protocol.start(request), protocol.start(request), protocol.start(request)];
    expect(send(protocol)).toEqual([a, b, c]);
    const events = receive(
      protocol,
      joined(ack({ seq: c }), data({ seq: a }), ack({ seq: b }), ack({ seq: a })),
    );
    expect(events.map((event) => 'seq' in event && event.seq)).toEqual([c, a, b, a]);
  });

  test('that is given up is answered in silence', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    protocol.abort(seq);
    expect(receive(protocol, joined(data({ seq }), ack({ seq })))).toEqual([]);
    expect(protocol.strays).toBe(2);
  });

  test('given up before it was sent is never sent', () => {
    const protocol = new NetlinkProtocol(PORT);
    protocol.abort(protocol.start(request));
    expect(protocol.outgoing()).toBeUndefined();
  });

  test('is not answered by a message for another port', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    expect(receive(protocol, ack({ seq, portId: PORT + 1 }))).toEqual([]);
    expect(kinds(receive(protocol, ack({ seq })))).toEqual(['done']);
  });

  test('does not take the news of what it did for its answer', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    const news = receive(protocol, data({ seq }), 1);
    expect(news).toMatchObject([{ kind: 'notification', group: 1, message: { seq, portId: PORT } }]);
    expect(kinds(receive(protocol, ack({ seq })))).toEqual(['done']);
  });

  test('keeps its payload when the receive buffer is used again', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    // What receive() was given is overwritten when it returns.
    const [event] = receive(protocol, data({ seq }, Uint8Array.of(1, 2, 3, 4)));
    expect(event).toMatchObject({ message: { payload: Uint8Array.of(1, 2, 3, 4) } });
  });

  test('tells a warning that comes with its acknowledgement', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    const code = Uint8Array.of(0, 0, 0, 0);
    const header = encodeMessage({ type: 16, flags: 5, seq, portId: PORT }, NO_BYTES);
    const warning = joined(hex('0b000100'), Buffer.from('deprec\0\0'));
    const flags = NLM_F.capped | NLM_F.ackTlvs;
    const bytes = encodeMessage(
      { type: NLMSG.error, flags, seq, portId: PORT },
      joined(code, header, warning),
    );
    expect(receive(protocol, bytes)).toEqual([
      { kind: 'done', seq, interrupted: false, extAck: { message: 'deprec' } },
    ]);
  });
});

describe('sequence numbers', () => {
  test('wrap around without 0', () => {
    const protocol = new NetlinkProtocol(PORT, 0xffff_fffd);
    const seqs = [1, 2, 3].map(() => protocol.start(request));
    expect(seqs).toEqual([0xffff_fffe, 0xffff_ffff, 1]);
  });

  test('pass over those in use', () => {
    // Four billion requests round is the space; a small one shows the same.
    const protocol = new NetlinkProtocol(PORT, 0, 4);
    const live = started(protocol);
    const others = [1, 2, 3, 4].map(() => {
      const seq = started(protocol);
      receive(protocol, ack({ seq }));
      return seq;
    });
    expect(live).toBe(1);
    expect(others).toEqual([2, 3, 4, 2]);
  });
});

describe('a dump', () => {
  test('brings its messages and ends at NLMSG_DONE', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    const flags = NLM_F.multi;
    expect(kinds(receive(protocol, joined(data({ seq, flags }), data({ seq, flags }))))).toEqual([
      'message',
      'message',
    ]);
    expect(receive(protocol, done({ seq }))).toEqual([{ kind: 'done', seq, interrupted: false }]);
  });

  test('waits for the one on the wire; requests do not', () => {
    const protocol = new NetlinkProtocol(PORT);
    const first = protocol.start(dump);
    const second = protocol.start(dump);
    const get = protocol.start(request);
    expect(send(protocol)).toEqual([first, get]);
    receive(protocol, done({ seq: first }));
    expect(send(protocol)).toEqual([second]);
  });

  test('tells that it was interrupted, wherever the flag was', () => {
    for (const where of ['message', 'done']) {
      const protocol = new NetlinkProtocol(PORT);
      const seq = started(protocol, dump);
      receive(protocol, data({ seq, flags: NLM_F.multi | (where === 'message' ? NLM_F.dumpIntr : 0) }));
      const events = receive(
        protocol,
        done({ seq, flags: NLM_F.multi | (where === 'done' ? NLM_F.dumpIntr : 0) }),
      );
      expect(events).toEqual([{ kind: 'done', seq, interrupted: true }]);
    }
  });

  test('fails with the errno inside NLMSG_DONE', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    expect(receive(protocol, done({ seq }, -22))).toEqual([{ kind: 'error', seq, errno: -22 }]);
  });

  test('refused outright leaves the wire to the next', () => {
    const protocol = new NetlinkProtocol(PORT);
    const first = protocol.start(dump);
    const second = protocol.start(dump);
    send(protocol);
    expect(kinds(receive(protocol, errorMessage({ seq: first }, -16)))).toEqual(['error']);
    expect(send(protocol)).toEqual([second]);
  });

  test('given up is swallowed to its end before the next starts', () => {
    const protocol = new NetlinkProtocol(PORT);
    const first = protocol.start(dump);
    const second = protocol.start(dump);
    send(protocol);
    protocol.abort(first);
    expect(protocol.draining).toBe(true);
    expect(receive(protocol, data({ seq: first }))).toEqual([]);
    expect(send(protocol)).toEqual([]);
    expect(receive(protocol, done({ seq: first }))).toEqual([]);
    expect(protocol.draining).toBe(false);
    expect(send(protocol)).toEqual([second]);
  });

  test('that nobody drains to its end can be written off', () => {
    const protocol = new NetlinkProtocol(PORT);
    const first = started(protocol, dump);
    protocol.abort(first);
    protocol.giveUpDraining();
    const second = protocol.start(dump);
    expect(send(protocol)).toEqual([second]);
    expect(receive(protocol, data({ seq: first }))).toEqual([]);
  });
});

describe('after an overrun', () => {
  test('a request without its answer is lost once nothing waits in the socket', () => {
    const protocol = new NetlinkProtocol(PORT);
    const [answered, lost] = [protocol.start(request), protocol.start(request)];
    send(protocol);
    expect(protocol.overrun()).toEqual([{ kind: 'overrun' }]);
    expect(kinds(receive(protocol, ack({ seq: answered })))).toEqual(['done']);
    expect(protocol.drained()).toEqual([{ kind: 'lost', seq: lost }]);
    expect(protocol.size).toBe(0);
  });

  test('a request sent later is not affected', () => {
    const protocol = new NetlinkProtocol(PORT);
    protocol.overrun();
    const seq = started(protocol);
    expect(protocol.drained()).toEqual([]);
    expect(kinds(receive(protocol, ack({ seq })))).toEqual(['done']);
  });

  test('a dump that goes on is not lost', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    protocol.overrun();
    receive(protocol, data({ seq }));
    expect(protocol.drained()).toEqual([]);
    expect(send(protocol)).toEqual([]);
    expect(kinds(receive(protocol, done({ seq })))).toEqual(['done']);
  });

  test('a silent dump is probed, and goes on if the probe woke the kernel', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    protocol.overrun();
    expect(protocol.drained()).toEqual([]);
    const [probe = 0] = send(protocol);
    expect(probe).toBeGreaterThan(0);
    expect(receive(protocol, ack({ seq: probe }))).toEqual([]);
    expect(kinds(receive(protocol, data({ seq })))).toEqual(['message']);
    expect(protocol.drained()).toEqual([]);
    expect(kinds(receive(protocol, done({ seq })))).toEqual(['done']);
  });

  test('a dump that is silent after the probe is lost, and the next may start', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    const next = protocol.start(dump);
    protocol.overrun();
    protocol.drained();
    const [probe = 0] = send(protocol);
    receive(protocol, ack({ seq: probe }));
    expect(protocol.drained()).toEqual([{ kind: 'lost', seq }]);
    expect(send(protocol)).toEqual([next]);
  });

  test('a probe that is lost itself is sent again', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    protocol.overrun();
    protocol.drained();
    const [first] = send(protocol);
    protocol.overrun();
    expect(protocol.drained()).toEqual([]);
    const [second = 0] = send(protocol);
    expect(second).not.toBe(first);
    receive(protocol, ack({ seq: second }));
    expect(protocol.drained()).toEqual([{ kind: 'lost', seq }]);
    expect(protocol.size).toBe(0);
  });

  test('an abandoned dump that fell silent frees the wire without a word', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    protocol.abort(seq);
    protocol.overrun();
    protocol.drained();
    const [probe = 0] = send(protocol);
    receive(protocol, ack({ seq: probe }));
    expect(protocol.drained()).toEqual([]);
    expect(protocol.draining).toBe(false);
  });

  test('NLMSG_OVERRUN counts as one', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    const bytes = encodeMessage({ type: NLMSG.overrun, flags: 0, seq: 0, portId: 0 }, NO_BYTES);
    expect(kinds(receive(protocol, bytes))).toEqual(['overrun']);
    expect(protocol.drained()).toEqual([{ kind: 'lost', seq }]);
  });

  test('a cut datagram fails the dump at once, and it is drained', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    const get = started(protocol);
    expect(protocol.truncated()).toEqual([{ kind: 'overrun' }, { kind: 'lost', seq }]);
    expect(protocol.draining).toBe(true);
    // Its data may have been in the cut datagram: an acknowledgement alone would look like "nothing found".
    expect(receive(protocol, ack({ seq: get }))).toEqual([{ kind: 'lost', seq: get }]);
    expect(receive(protocol, joined(data({ seq }), done({ seq })))).toEqual([]);
    expect(protocol.draining).toBe(false);
  });
});

describe('what is not as it should be', () => {
  const hostile: [string, Uint8Array][] = [
    ['a header cut short', hex('100000000200')],
    ['a length of 0', hex('00000000020000000100000000000000')],
    ['a length below the header', hex('0f000000020000000100000000000000')],
    ['a length beyond the datagram', hex('14000000020000000100000000000000')],
    ['a length of 4 GiB', hex('ffffffff020000000100000000000000')],
  ];
  for (const [what, bytes] of hostile) {
    test(`${what} ends the datagram with a typed error, and what came before counts`, () => {
      const protocol = new NetlinkProtocol(PORT);
      const seq = started(protocol);
      const events = receive(protocol, joined(ack({ seq }), bytes));
      expect(kinds(events)).toEqual(['done', 'malformed']);
      expect(events[1]).toMatchObject({ error: { code: 'ERR_COFFERDAM_WIRE' } });
    });
  }

  test('a malformed datagram fails the dump whose part it may have been', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    expect(kinds(receive(protocol, hex('00')))).toEqual(['malformed', 'lost']);
    expect(receive(protocol, done({ seq }))).toEqual([]);
  });

  test('an error without its errno, or with a positive one, loses the request rather than acknowledging it', () => {
    for (const payload of [hex(''), hex('0000'), hex('05000000')]) {
      const protocol = new NetlinkProtocol(PORT);
      const seq = started(protocol);
      const bytes = encodeMessage({ type: NLMSG.error, flags: 0, seq, portId: PORT }, payload);
      expect(kinds(receive(protocol, bytes))).toEqual(['malformed', 'lost']);
      expect(protocol.size).toBe(0);
    }
  });

  test('a bare NLMSG_DONE is an end', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol, dump);
    const bytes = encodeMessage({ type: NLMSG.done, flags: 2, seq, portId: PORT }, NO_BYTES);
    expect(kinds(receive(protocol, bytes))).toEqual(['done']);
  });

  test('ext-ack whose place is a lie is left out, and the errno stays', () => {
    for (const inner of ['ffffffff', '00000000', 'f0ffff7f', '00000080']) {
      const protocol = new NetlinkProtocol(PORT);
      const seq = started(protocol);
      const payload = joined(
        hex('ea ff ff ff'.replaceAll(' ', '')),
        hex(inner),
        new Uint8Array(12),
        hex('0800'),
      );
      const bytes = encodeMessage({ type: NLMSG.error, flags: NLM_F.ackTlvs, seq, portId: PORT }, payload);
      expect(receive(protocol, bytes)).toEqual([{ kind: 'error', seq, errno: -22 }]);
    }
  });

  test('NLMSG_NOOP, empty datagrams and strangers are passed over', () => {
    const protocol = new NetlinkProtocol(PORT);
    const seq = started(protocol);
    const noop = encodeMessage({ type: NLMSG.noop, flags: 0, seq, portId: PORT }, NO_BYTES);
    expect(receive(protocol, joined(noop, ack({ seq: seq + 7 })))).toEqual([]);
    expect(receive(protocol, NO_BYTES)).toEqual([]);
    expect(protocol.strays).toBe(1);
    expect(kinds(receive(protocol, ack({ seq })))).toEqual(['done']);
  });

  test('a buffer that starts at an odd address is refused: its words would be others', () => {
    expect(() => receiveBuffer(new Uint8Array(9).subarray(1))).toThrow('cannot start at byte 1');
  });
});

test('close forgets everything and names who waits', () => {
  const protocol = new NetlinkProtocol(PORT);
  const first = protocol.start(dump);
  const second = protocol.start(dump);
  const get = protocol.start(request);
  send(protocol);
  protocol.abort(first);
  expect(protocol.close()).toEqual([second, get]);
  expect(receive(protocol, joined(done({ seq: first }), ack({ seq: get })))).toEqual([]);
  expect(protocol.outgoing()).toBeUndefined();
});
