/** The threads of a socket: reading ahead and sending aside, and every way in which they can be cut short. */
import { readlinkSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type NativeNetlink, REPORT } from '../../src/handle/native.ts';
import { eventually } from '../support/cgroup.ts';
import {
  addonPath,
  closed,
  createNetns,
  errno,
  fdCount,
  must,
  openRoute,
  runScript,
  turns,
} from './support.ts';

const EBUSY = -16;
const EINPROGRESS = -115;
/** More than a ring holds. */
const MANY = 20_000;

const netns = createNetns();
afterAll(() => {
  netns.close();
});
const open = (): NativeNetlink => openRoute({ netnsFd: netns.fd });

/** RTM_NEWADDR of 10.x.x.x on lo, or RTM_GETADDR of all. */
function addressMessage(type: 20 | 22, flags: number, index: number): Uint8Array {
  const bytes = new Uint8Array(type === 20 ? 32 : 24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 1 | flags, true);
  view.setUint32(8, index, true);
  bytes[16] = 2;
  if (type === 22) return bytes;
  bytes[17] = 32;
  view.setUint32(20, 1, true);
  view.setUint16(24, 8, true);
  view.setUint16(26, 2, true);
  view.setUint32(28, 0x0a000000 + index);
  return bytes;
}
const send = (socket: NativeNetlink, bytes: Uint8Array): number => socket.send(bytes, 0, bytes.length);
const dump = addressMessage(22, 0x300, 7);

const filler = open();
for (let i = 1; i <= MANY; i++) send(filler, addressMessage(20, 0x400, i));
filler.close();

/** Sequence number and type of each message. */
function messages(bytes: Uint8Array): [number, number][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: [number, number][] = [];
  for (let at = 0; at < bytes.length; at += (view.getUint32(at, true) + 3) & ~3)
    found.push([view.getUint32(at + 8, true), view.getUint16(at + 4, true)]);
  return found;
}

/** Receives to the end of the dump 7; by the callback when there is nothing yet. */
async function receiveAll(
  socket: NativeNetlink,
  ring: Uint8Array,
): Promise<{ seen: [number, number][]; waits: number }> {
  const seen: [number, number][] = [];
  let waits = 0;
  let wake = () => {};
  socket.startPolling(() => wake());
  for (;;) {
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const length = socket.receive();
    if (length === EINPROGRESS || length === errno.EAGAIN) {
      waits++;
      await woken;
      continue;
    }
    expect(length).toBeGreaterThan(0);
    const { report } = socket;
    const memory = report[REPORT.ahead] === 1 ? ring : socket.buffer;
    const start = report[REPORT.place] as number;
    expect(start % 4).toBe(0);
    seen.push(...messages(memory.subarray(start, start + length)));
    if (seen.some(([seq, type]) => seq === 7 && type === 3)) return { seen, waits };
  }
}

describe('reading ahead', () => {
  it('brings all of a dump, in order, and gives the socket back', async () => {
    const socket = open();
    socket.ref();
    send(socket, dump);
    const ring = must(socket.readAhead());
    expect(socket.readAhead()).toBe(errno.EALREADY);
    expect(socket.exchange(dump, dump.length)).toBe(EBUSY);
    expect(socket.receiveMany(new Int32Array(9))).toBe(EBUSY);
    const { seen } = await receiveAll(socket, ring);
    expect(seen.filter(([seq, type]) => seq === 7 && type === 20)).toHaveLength(MANY);
    expect(seen.at(-1)).toEqual([7, 3]);
    expect(socket.receive()).toBe(errno.EAGAIN);
    expect(socket.report[REPORT.ahead]).toBe(0);
    // The same memory again.
    send(socket, dump);
    expect(must(socket.readAhead())).toBe(ring);
    await closed(socket);
  });

  it('leaves other answers in their place', async () => {
    const socket = open();
    socket.ref();
    send(socket, dump);
    const ring = must(socket.readAhead());
    for (let seq = 100; seq < 110; seq++) send(socket, addressMessage(20, 4, seq));
    const { seen } = await receiveAll(socket, ring);
    const others = seen.filter(([seq]) => seq !== 7);
    expect(others).toEqual(others.map((_, i) => [100 + i, 2]));
    expect(seen.filter(([seq, type]) => seq === 7 && type === 20)).toHaveLength(MANY);
    await closed(socket);
  });

  it('does not go on without its reader: the ring is bounded', async () => {
    const socket = open();
    send(socket, dump);
    const ring = must(socket.readAhead());
    let bytes = 0;
    // Busy machines, and whoever holds the kernel's locks, take their time.
    for (const until = performance.now() + 10_000; bytes < 100_000 && performance.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (let i = 0, length = 1; i < 10 && length > 0; i++) {
        length = socket.receive();
        if (length > 0) bytes += length;
      }
    }
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(ring.length);
    await closed(socket);
  });

  it('cut short by close: the number is gone at once, the fd when the thread is through', async () => {
    const before = fdCount();
    for (let round = 0; round < 200; round++) {
      const socket = open();
      const { fd } = socket;
      send(socket, dump);
      must(socket.readAhead());
      for (let i = 0; i < round % 4; i++) socket.receive();
      const done = closed(socket);
      expect(socket.fd).toBe(-1);
      expect(socket.receive()).toBe(errno.EBADF);
      await done;
      expect(() => readlinkSync(`/proc/self/fd/${fd}`)).toThrow('ENOENT');
    }
    await eventually('no fd more than before', () => fdCount() <= before);
  });

  it('cut short by close in the callback', async () => {
    const socket = open();
    let calls = 0;
    socket.startPolling(() => {
      calls++;
      socket.close();
    });
    send(socket, dump);
    must(socket.readAhead());
    while (socket.receive() !== EINPROGRESS && socket.report[REPORT.ahead] === 1);
    if (socket.receive() === EINPROGRESS) await turns(() => calls > 0);
    await closed(socket);
    expect(calls).toBeLessThanOrEqual(1);
  });

  it('writes to memory of its own, whatever becomes of the ring that it showed', async () => {
    const socket = open();
    send(socket, dump);
    let ring: Uint8Array | undefined = must(socket.readAhead());
    // Node 20 has nothing that would take it away.
    const shown = ring.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
    shown.transfer?.();
    if (shown.transfer !== undefined) expect(shown.byteLength).toBe(0);
    ring = undefined;
    globalThis.gc?.();
    let taken = 0;
    for (const until = performance.now() + 10_000; taken < 10 && performance.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (socket.receive() > 0) taken++;
    }
    expect(taken).toBeGreaterThan(0);
    await closed(socket);
  });
});

describe('sending aside', () => {
  it('sends in order and tells how it went, once', async () => {
    const socket = open();
    let calls = 0;
    socket.ref();
    socket.startPolling(() => calls++);
    for (let seq = 1; seq <= 5; seq++) expect(socket.sendAside(addressMessage(20, 4, seq))).toBe(0);
    expect(socket.sendAside(new Uint8Array(400_000))).toBe(0);
    const results: number[] = [];
    await turns(() => {
      const result = socket.sent();
      if (result !== EINPROGRESS) results.push(result);
      return results.length === 6;
    }, 100_000);
    expect(results.slice(0, 5)).toEqual([32, 32, 32, 32, 32]);
    // EMSGSIZE: more than the send buffer takes.
    expect(results[5]).toBe(-90);
    expect(socket.report[REPORT.took]).toBeGreaterThanOrEqual(0);
    expect(socket.sent()).toBe(EINPROGRESS);
    for (let seq = 1; seq <= 5; seq++) {
      const length = socket.receive();
      expect(messages(socket.buffer.subarray(0, length))).toEqual([[seq, 2]]);
    }
    expect(calls).toBeGreaterThan(0);
    await closed(socket);
    expect(socket.sendAside(dump)).toBe(errno.EBADF);
    expect(socket.sent()).toBe(errno.EBADF);
  });

  it('cut short by close leaves nothing open', async () => {
    const before = fdCount();
    for (let round = 0; round < 200; round++) {
      const socket = open();
      for (let seq = 1; seq <= 5; seq++) socket.sendAside(addressMessage(20, 0, seq));
      if (round % 2 === 0) socket.sent();
      await closed(socket);
    }
    await eventually('no fd more than before', () => fdCount() <= before);
  });

  it('wants bytes', () => {
    const socket = open();
    expect(() => socket.sendAside('x' as never)).toThrow(TypeError);
    expect(() => socket.exchange(new ArrayBuffer(1) as never, 1)).toThrow(TypeError);
    expect(() => socket.exchange(dump, 1.5)).toThrow(TypeError);
    expect(socket.exchange(dump, dump.length + 1)).toBe(errno.EINVAL);
    expect(socket.exchange(dump, -1)).toBe(errno.EINVAL);
    socket.close();
  });
});

describe('a loop that leaves its only CPU to nobody of its priority', () => {
  // As V8 makes it, which posts itself tasks until its own threads have swept; they never get to.
  const prefix = ['taskset', '-c', '0', 'chrt', '-f', '10'];
  const body = `
    const netns = addon.createNetns();
    const message = ${addressMessage.toString()};
    const s = open({ netnsFd: netns.fd });
    for (let i = 1; i <= 2000; i++) s.send(message(20, 0x400, i), 0, 32);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const until = async (done) => {
      for (const end = performance.now() + 20_000; performance.now() < end; await turn()) if (done()) return true;
      return false;
    };
    (async () => {
      s.send(message(22, 0x300, 7), 0, 24);
      s.readAhead();
      let datagrams = 0;
      const read = await until(() => {
        let length;
        while ((length = s.receive()) > 0) datagrams++;
        return length === -11;
      });
      s.sendAside(message(20, 4, 1));
      const sent = await until(() => s.sent() === 32);
      console.log(read && datagrams > 1, sent);
      process.exit();
    })();
  `;

  it('has a thread that reads ahead, and one that sends', async () => {
    const { code, stdout, stderr } = await runScript(body, { prefix });
    expect(stderr).toBe('');
    expect([code, stdout]).toEqual([0, 'true true\n']);
  });
});

describe('workers whose sockets have threads', () => {
  const inWorker = `
    const { parentPort } = require('node:worker_threads');
    const addon = require(process.env.TEST_ADDON);
    const netns = addon.createNetns();
    const open = () => addon.openNetlink({ protocol: 0, netnsFd: netns.fd, receiveBuffer: 0, datagramCapacity: 32768 });
    const message = ${addressMessage.toString()};
    const s = open();
    const dump = message(22, 0x300, 7);
    for (let i = 1; i <= 2000; i++) s.send(message(20, 0x400, i), 0, 32);
    s.ref();
    s.startPolling(() => { while (s.receive() > 0); for (let i = 0; i < 9; i++) s.sent(); });
  `;
  const script = (body: string, end: string) => `
    const { Worker } = require('node:worker_threads');
    const { readdirSync } = require('node:fs');
    const fds = () => readdirSync('/proc/self/fd').length;
    const source = ${JSON.stringify(inWorker)} + ${JSON.stringify(body)};
    (async () => {
      const one = () => new Promise((resolve, reject) => {
        const w = new Worker(source, { eval: true });
        w.on('error', reject);
        w.on('exit', resolve);
        ${end}
      });
      await Promise.all([one(), one()]);
      const before = fds();
      for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 4 }, one));
      console.log('fds', await moreThan(before, fds), 'handles', addon.openHandles());
    })();
  `;
  const terminate = `w.on('message', () => setTimeout(() => w.terminate(), Math.random() * 5));`;

  it.each([
    [
      'terminated while one reads ahead',
      `const again = () => { s.send(dump, 0, 24); s.readAhead(); setImmediate(again); };
       again(); parentPort.postMessage('ready');`,
      terminate,
    ],
    [
      'terminated while one reads ahead and nobody takes',
      `s.pausePolling(); s.send(dump, 0, 24); s.readAhead(); parentPort.postMessage('ready'); setInterval(() => {}, 1000);`,
      terminate,
    ],
    [
      'terminated while one sends',
      `const again = () => { for (let i = 1; i < 20; i++) s.sendAside(message(20, 4, i)); setImmediate(again); };
       again(); parentPort.postMessage('ready');`,
      terminate,
    ],
    [
      'that call process.exit meanwhile',
      `s.send(dump, 0, 24); s.readAhead(); s.sendAside(dump); process.exit(0);`,
      '',
    ],
    [
      'that end by themselves',
      `s.send(dump, 0, 24); s.readAhead(); s.sendAside(dump); s.close(() => {});`,
      '',
    ],
    [
      'that throw',
      `s.send(dump, 0, 24); s.readAhead(); s.sendAside(dump); throw new Error('wanted');`,
      `w.removeAllListeners('error'); w.on('error', () => {});`,
    ],
  ])(
    '%s leave nothing open',
    async (_what, body, end) => {
      const { code, signal, stdout, stderr } = await runScript(script(body, end), {
        env: { TEST_ADDON: addonPath },
      });
      expect(stderr).toBe('');
      expect([code, signal]).toEqual([0, null]);
      expect(stdout).toBe('fds 0 handles 0\n');
    },
    90_000,
  );

  it('and a process that exits in the middle', async () => {
    const { code, signal, stderr } = await runScript(`
      const netns = addon.createNetns();
      const message = ${addressMessage.toString()};
      const s = open({ netnsFd: netns.fd });
      for (let i = 1; i <= 2000; i++) s.send(message(20, 0x400, i), 0, 32);
      s.send(message(22, 0x300, 7), 0, 24);
      s.readAhead();
      s.sendAside(message(20, 0x400, 1));
      process.exit(5);
    `);
    expect([code, signal, stderr]).toEqual([5, null, '']);
  });
});
