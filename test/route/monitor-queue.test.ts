/** The monitor's queue and what is made of it, on datagrams made by hand. */
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../src/netlink/wire/message.ts';
import { addressType } from '../../src/route/address.ts';
import type { MonitorEvent } from '../../src/route/monitor.ts';
import { MonitorFeed } from '../../src/route/monitor-feed.ts';
import { MonitorQueue } from '../../src/route/monitor-queue.ts';

/** Hands datagrams over as a socket does: one behind the other, in memory that is overwritten afterwards. */
function give(queue: MonitorQueue, datagrams: readonly Uint8Array[], group = 5, nsid = -1): void {
  const buffer = new Uint8Array(128 * 1024);
  const table = new Int32Array(3 * datagrams.length);
  let used = 0;
  for (const [row, bytes] of datagrams.entries()) {
    buffer.set(bytes, used);
    table.set([bytes.length, group, nsid], row * 3);
    used += (bytes.length + 3) & ~3;
  }
  queue.datagrams(buffer, used, table, datagrams.length);
  buffer.fill(0xff);
  table.fill(-7);
}

const numbered = (value: number, size = 40) => new Uint8Array(size).fill(value & 0xff);

/** What is taken out until nothing is left. */
function drain(queue: MonitorQueue): (string | number)[] {
  const out: (string | number)[] = [];
  for (;;) {
    const datagram = queue.take();
    if (datagram === undefined) return out;
    if (datagram === 'loss') out.push('loss');
    else {
      const { buffer, start, end } = datagram;
      expect(start % 4).toBe(0);
      expect(new Set(buffer.bytes.subarray(start, end)).size).toBe(1);
      out.push(buffer.bytes[start] as number);
    }
  }
}

describe('the queue of a monitor', () => {
  it('gives back what came, in order, however much, with losses where they were', () => {
    const queue = new MonitorQueue(1_000_000);
    const expected: (string | number)[] = [];
    let value = 0;
    for (let round = 0; round < 300; round++) {
      const count = 1 + ((round * 7) % 50);
      const datagrams = Array.from({ length: count }, () => numbered(++value, 20 + ((value * 13) % 900)));
      give(queue, datagrams);
      expected.push(...datagrams.map((bytes) => bytes[0] as number));
      if (round % 40 === 0) {
        queue.lost();
        expected.push('loss');
      }
    }
    expect(queue.length).toBe(value);
    expect(queue.received).toBe(value);
    expect(drain(queue)).toEqual(expected);
    expect(queue.length).toBe(0);
    // And again, in the memory that was used before.
    give(queue, [numbered(1), numbered(2)]);
    expect(drain(queue)).toEqual([1, 2]);
  });

  it('takes the longest datagram, and many of the shortest', () => {
    const queue = new MonitorQueue(1_000_000);
    give(queue, [numbered(1, 65_536)]);
    give(queue, [numbered(2, 65_536)]);
    give(queue, [numbered(3, 65_535)]);
    for (let round = 0; round < 10; round++)
      give(
        queue,
        Array.from({ length: 1024 }, () => numbered(4, 16)),
      );
    const out = drain(queue);
    expect(out.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(out).toHaveLength(3 + 10_240);
  });

  it('says when it is full, and when it has room again', () => {
    const queue = new MonitorQueue(10);
    give(
      queue,
      Array.from({ length: 9 }, () => numbered(1)),
    );
    expect([queue.full, queue.roomy]).toEqual([false, false]);
    give(queue, [numbered(1)]);
    expect(queue.full).toBe(true);
    for (let i = 0; i < 5; i++) queue.take();
    expect([queue.full, queue.roomy]).toEqual([false, true]);
    // Large ones count by their bytes.
    const heavy = new MonitorQueue(1_000_000);
    for (let i = 0; i < 1100; i++) give(heavy, [numbered(i, 65_536)]);
    expect(heavy.full).toBe(true);
  });

  it('skips to the last loss, and says how many that were', () => {
    const queue = new MonitorQueue(100);
    give(queue, [numbered(1)]);
    queue.lost();
    give(queue, [numbered(2), numbered(3)]);
    queue.lost();
    give(queue, [numbered(4)]);
    expect(queue.skipToLastLoss()).toBe(3);
    expect(drain(queue)).toEqual([4]);
    give(queue, [numbered(5)]);
    expect(queue.skipToLastLoss()).toBe(0);
    expect(drain(queue)).toEqual([5]);
  });

  it('ends with what is in it, or at once with an error, which it tells once', async () => {
    const ended = new MonitorQueue(100);
    give(ended, [numbered(1)]);
    ended.end();
    give(ended, [numbered(2)]);
    expect(await ended.arrival()).toBe(true);
    expect(drain(ended)).toEqual([1]);
    expect(await ended.arrival()).toBe(false);

    const failed = new MonitorQueue(100);
    const waiting = failed.arrival();
    give(failed, [numbered(1)]);
    failed.failed(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(await failed.arrival()).toBe(false);
    expect(drain(failed)).toEqual([]);
  });
});

describe('what is made of it', () => {
  /** ifaddrmsg of lo, and IFA_LOCAL. */
  const address = (last: number, type = 20, flags = 0) =>
    encodeMessage(
      { type, flags, seq: 0, portId: 0 },
      Uint8Array.from([2, 32, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 10, 0, 0, last]),
    );

  async function events(datagrams: readonly Uint8Array[], listed: number[][] = [], resync = false) {
    const queue = new MonitorQueue(1000);
    const lists = [...listed];
    const snapshot = async () =>
      (lists.shift() ?? []).map((last) => addressType.decode(address(last).subarray(16)));
    const feed = new MonitorFeed(queue, {
      watches: [{ name: 'address', source: { type: addressType, snapshot }, families: 'all' }],
      rawGroups: new Set([5]),
      resync,
      resume: () => {},
    });
    await feed.seed();
    for (const bytes of datagrams)
      if (bytes.length === 0) queue.lost();
      else give(queue, [bytes]);
    queue.end();
    const out: MonitorEvent[] = [];
    for await (const batch of feed.batches()) out.push(...batch);
    const told = out.map((event) => {
      if ('object' in event && event.object === 'address') return `${event.type} ${event.value.local}`;
      return event.type;
    });
    return { told, counts: feed.counts };
  }
  const LOSS = new Uint8Array(0);

  it('is an event for each message, also of several in one datagram', async () => {
    const both = new Uint8Array([...address(1), ...address(2, 21)]);
    const { told } = await events([
      both,
      address(3),
      encodeMessage({ type: 99, flags: 0, seq: 0, portId: 0 }, LOSS),
    ]);
    expect(told).toEqual(['new 10.0.0.1', 'del 10.0.0.2', 'new 10.0.0.3', 'message']);
  });

  it('is an overrun where datagrams are none, and what follows is told', async () => {
    for (const broken of [
      address(1).subarray(0, 10),
      address(1).map((byte, at) => (at === 0 ? 7 : byte)),
      address(1).map((byte, at) => (at === 1 ? 7 : byte)),
      encodeMessage({ type: 20, flags: 0, seq: 0, portId: 0 }, Uint8Array.from([2, 32])),
    ]) {
      const { told, counts } = await events([broken, address(2)]);
      expect(told).toEqual(['overrun', 'new 10.0.0.2']);
      expect(counts).toMatchObject({ malformed: 1, overruns: 1 });
    }
  });

  it('is what differs after a loss, and not what came between two of them', async () => {
    const { told, counts } = await events(
      [address(1), LOSS, address(7), LOSS, address(9)],
      [[5], [2, 1]],
      true,
    );
    expect(told).toEqual([
      'new 10.0.0.1',
      'overrun',
      'del 10.0.0.5',
      'new 10.0.0.2',
      'resynced',
      'new 10.0.0.9',
    ]);
    expect(counts).toMatchObject({ overruns: 1, resyncs: 1, discarded: 1 });
  });
});
