/** Sending while somebody holds the kernel's locks, and the short way of small requests, by a scripted socket. */
import { constants } from 'node:os';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ask } from '../../src/netlink/calls.ts';
import type { NetlinkCore } from '../../src/netlink/core.ts';
import { connect, dumpAll, holder, iterate, options, request, type ScriptedNetlink } from './scripted.ts';
import { ack, data, done, errorMessage, joined, NO_BYTES } from './support.ts';

const { EAGAIN, ECANCELED, EMSGSIZE, ENOBUFS } = constants.errno;

const answered = (seq: number, dump: boolean) => [joined(data({ seq }), dump ? done({ seq }) : ack({ seq }))];

/** What is slow is told by a clock that stands still unless we say so: the machine's may jump by a second at any time. */
let now = 0;
beforeEach(() => {
  now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});
const pass = (milliseconds: number) => {
  now += milliseconds;
};

/** A socket on which the last send took 20 ms. */
async function contended(answer = answered): Promise<{ native: ScriptedNetlink; core: NetlinkCore }> {
  const both = connect(answer);
  both.native.took = 20_000;
  await request(both.core);
  both.native.took = 0;
  expect(both.native.seqs).toEqual([1]);
  return both;
}

test('what the kernel takes long over is sent on a thread from the start, and what follows waits for it', async () => {
  const { native, core } = connect(answered);
  const slow = ask(core, { ...options, request: { ...options.request, aside: true } }, holder);
  const next = request(core);
  expect(native.seqs).toEqual([]);
  expect(native.aside).toHaveLength(2);
  native.finish();
  native.finish();
  expect((await Promise.all([slow, next])).map((messages) => messages[0]?.seq)).toEqual([1, 2]);
  await request(core);
  expect(native.seqs).toEqual([1, 2, 3]);
  native.threads = false;
  await ask(core, { ...options, request: { ...options.request, aside: true } }, holder);
  expect(native.seqs).toEqual([1, 2, 3, 4]);
});

describe('after a slow send', () => {
  test('others are sent on a thread, and answered in order', async () => {
    const { native, core } = await contended();
    const calls = [request(core), request(core), request(core)];
    await immediate();
    expect(native.seqs).toEqual([1]);
    expect(native.aside).toHaveLength(3);
    for (let i = 0; i < 3; i++) native.finish();
    expect((await Promise.all(calls)).map((messages) => messages[0]?.seq)).toEqual([2, 3, 4]);
  });

  test('an answer may come before the thread tells that it has sent', async () => {
    const { native, core } = await contended();
    const call = request(core);
    native.deliver(joined(data({ seq: 2 }), ack({ seq: 2 })));
    expect(await call).toHaveLength(1);
    native.answer = () => [];
    native.finish();
    const next = request(core);
    native.answer = answered;
    native.finish();
    expect((await next)[0]?.seq).toBe(3);
  });

  test('what is given up on its way is no trouble', async () => {
    const { native, core } = await contended();
    const controller = new AbortController();
    const call = ask(core, { ...options, signal: controller.signal }, holder);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    const next = request(core);
    native.finish();
    native.finish();
    expect((await next)[0]?.seq).toBe(3);
    expect(core.strays).toBe(2);
  });

  test('a deadline holds though the thread is stuck', async () => {
    const { native, core } = await contended();
    const call = request(core);
    pass(options.timeout + 50);
    await expect(call).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
    const next = request(core);
    native.finish();
    native.finish();
    await next;
  });

  test('close rejects what is on its way', async () => {
    const { core } = await contended();
    const call = request(core);
    core.close();
    await expect(call).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  test('what found no room is sent again, in order', async () => {
    const { native, core } = await contended();
    const calls = [request(core), request(core), request(core)];
    native.finish(-EAGAIN);
    native.finish(-ECANCELED);
    native.finish(-ECANCELED);
    while (native.aside.length === 0) await immediate();
    expect(native.aside).toHaveLength(3);
    for (let i = 0; i < 3; i++) native.finish();
    expect((await Promise.all(calls)).map((messages) => messages[0]?.seq)).toEqual([2, 3, 4]);
    expect(native.seqs).toEqual([1, 2, 3, 4]);
  });

  test('what is given up while it finds no room is not sent again', async () => {
    const { native, core } = await contended();
    const controller = new AbortController();
    const call = ask(core, { ...options, signal: controller.signal }, holder);
    const iterator = iterate(core);
    const step = iterator.next();
    controller.abort();
    await iterator.return();
    native.finish(-ENOBUFS);
    native.finish(-ECANCELED);
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect((await step).done).toBe(true);
    const next = dumpAll(core);
    while (native.aside.length === 0) await immediate();
    native.finish();
    expect((await next)[0]?.seq).toBe(4);
    expect(native.seqs).toEqual([1, 4]);
  });

  test('a refusal for good fails that request alone', async () => {
    const { native, core } = await contended();
    const calls = [request(core), request(core)];
    native.finish(-EMSGSIZE);
    native.finish();
    await expect(calls[0]).rejects.toMatchObject({ code: 'EMSGSIZE', syscall: 'sendmsg' });
    expect(await calls[1]).toHaveLength(1);
  });

  test('a dump left while it is on its way is drained', async () => {
    const { native, core } = await contended();
    const iterator = iterate(core);
    const step = iterator.next();
    await iterator.return();
    const next = dumpAll(core);
    expect(native.aside).toHaveLength(1);
    native.finish();
    while (native.aside.length === 0) await immediate();
    native.finish();
    expect((await step).done).toBe(true);
    expect((await next)[0]?.seq).toBe(3);
  });

  test('an overrun is not held against what the kernel has not got yet', async () => {
    const { native, core } = await contended();
    const calls = [request(core), dumpAll(core)];
    native.deliver(-ENOBUFS);
    await immediate();
    await immediate();
    native.finish();
    native.finish();
    expect((await Promise.all(calls)).map((messages) => messages[0]?.seq)).toEqual([2, 3]);
  });

  test('where no thread can be had, the loop sends', async () => {
    const { native, core } = await contended();
    native.threads = false;
    expect((await request(core))[0]?.seq).toBe(2);
  });

  test('and a quiet second the loop sends again', async () => {
    const { native, core } = await contended();
    pass(1100);
    expect((await request(core))[0]?.seq).toBe(2);
    expect(native.aside).toEqual([]);
  });

  test('a call that was barely slow is soon forgotten', async () => {
    const { native, core } = connect(answered);
    native.took = 2000;
    void request(core).catch(() => {});
    pass(200);
    native.took = 0;
    void request(core).catch(() => {});
    expect(native.aside).toHaveLength(0);
  });

  test('a second in which the thread found it slow is not quiet', async () => {
    const { native, core } = await contended();
    pass(600);
    const call = request(core);
    native.took = 25_000;
    native.finish();
    native.took = 0;
    await call;
    pass(600);
    void request(core).catch(() => {});
    expect(native.aside).toHaveLength(1);
  });
});

describe('a request with one answer', () => {
  const single = { ...options, request: { type: 18, payload: NO_BYTES, single: true } };
  const get = (core: NetlinkCore) => ask(core, single, holder);

  test('is over with it', async () => {
    const { native, core } = connect((seq) => [data({ seq }, Uint8Array.of(1, 2, 3, 4))]);
    const messages = await get(core);
    expect(messages).toMatchObject([{ type: 16, seq: 1, payload: Uint8Array.of(1, 2, 3, 4) }]);
    expect(native.receives).toBe(1);
    const again = await get(core);
    expect(again[0]?.seq).toBe(2);
    // What was handed out is nobody's buffer.
    native.buffer.fill(0xff);
    expect(messages[0]?.payload).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(again[0]?.payload).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test('that comes later, or behind others', async () => {
    const { native, core } = connect(() => []);
    const late = get(core);
    native.deliver(data({ seq: 1 }));
    expect((await late)[0]?.seq).toBe(1);
    native.answer = (seq) => [data({ seq: 77 }), joined(data({ seq }), data({ seq }))];
    expect(await get(core)).toHaveLength(1);
    expect(core.strays).toBe(2);
  });

  test('or with an error', async () => {
    const { native, core } = connect((seq) => [errorMessage({ seq }, -19)]);
    await expect(get(core)).rejects.toMatchObject({ code: 'ENODEV' });
    native.answer = (seq) => [data({ seq })];
    expect(await get(core)).toHaveLength(1);
  });

  test('is sent again where there was no room', async () => {
    const { native, core } = connect((seq) => [data({ seq })]);
    native.refusals.push(-EAGAIN, -EAGAIN);
    expect(await get(core)).toHaveLength(1);
    expect(native.seqs).toHaveLength(1);
  });

  test('interleaves with dumps and requests', async () => {
    const { native, core } = connect((seq, dump) =>
      dump ? answered(seq, true) : [data({ seq }), ack({ seq })],
    );
    const [list, one, other] = await Promise.all([dumpAll(core), get(core), request(core)]);
    expect([list.length, one.length, other.length]).toEqual([1, 1, 1]);
    expect(native.seqs).toHaveLength(3);
  });
});
