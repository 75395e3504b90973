import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BatchResult, handles, type RouteInput, RouteSocket } from '../../src/index.ts';
import type { PipelineListener, PipelinePort } from '../../src/netlink/pipeline.ts';
import { RequestWindow, WindowOutcome } from '../../src/netlink/pipeline-window.ts';
import { NetlinkSocket } from '../../src/netlink/socket.ts';
import { encodeMessage, NLM_F, NLMSG } from '../../src/netlink/wire/message.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';
import { BatchItems, recorder } from '../../src/route/batch.ts';
import { BatchRun } from '../../src/route/batch-run.ts';
import { LinkNames } from '../../src/route/names.ts';
import { createServices } from '../../src/route/services.ts';
import { addonPath } from '../native-addon/support.ts';
import { World } from '../support/diff.ts';

function tally(results: readonly BatchResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const state = result.ok ? 'ok' : result.state;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function codes(results: readonly BatchResult[]): Set<unknown> {
  return new Set(results.flatMap((result) => (result.ok ? [] : [(result.error as { code?: unknown }).code])));
}

function hosts(count: number, table = 100): RouteInput[] {
  return Array.from({ length: count }, (_, i) => ({
    dst: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    dev: 'veth0',
    table,
  }));
}

const LINKS = [
  'link set lo up',
  'link add veth0 type veth peer name veth1',
  'link set veth0 up',
  'link set veth1 up',
  'addr add 192.168.0.1/24 dev veth0',
];

describe('a batch that ends early', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(LINKS);
  });
  beforeEach(() => {
    try {
      world.ip('route', 'flush', 'table', '100');
    } catch {
      // A table that nobody made yet.
    }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  /** What the results say, held against what is there. Of those without a word, each may be there or not. */
  async function expectTold(results: readonly BatchResult[], code: string): Promise<void> {
    const { ok = 0, unknown = 0, unsent = 0 } = tally(results);
    expect(ok + unknown + unsent).toBe(results.length);
    expect(codes(results)).toEqual(new Set([code]));
    // In order: first what was done, then what may be, then what was not.
    const order = results.map((result) => (result.ok ? 0 : result.state === 'unknown' ? 1 : 2));
    expect(order).toEqual([...order].sort());
    expect(unsent).toBeGreaterThan(0);
    // The kernel ends the window that it is at.
    await expect.poll(() => handles.list().filter(({ kind }) => kind === 'pipeline')).toEqual([]);
    const there = new Set((await world.rt.route.list({ table: 100 })).map(({ dst }) => dst));
    for (const [i, { dst }] of hosts(results.length).entries()) {
      const result = results[i] as BatchResult;
      if (result.ok) expect(there.has(dst)).toBe(true);
      else if (result.state === 'unsent') expect(there.has(dst)).toBe(false);
    }
  }

  it('by an abort', { timeout: 180_000 }, async () => {
    const want = hosts(60_000);
    const controller = new AbortController();
    const batch = world.rt.batch((b) => want.map((route) => b.route.add(route)), {
      signal: controller.signal,
    });
    await expect
      .poll(async () => (await world.rt.route.list({ table: 100 })).length, { interval: 1 })
      .toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    const results = await batch;
    await expectTold(results, 'ABORT_ERR');
    expect(results.at(-1)).toMatchObject({
      state: 'unsent',
      error: { name: 'AbortError', cause: { message: 'enough' } },
    });
  });

  it('by an abort before it began, which is a rejection', async () => {
    const signal = AbortSignal.abort();
    let called = false;
    const before = world.rt.batch(
      () => {
        called = true;
      },
      { signal },
    );
    await expect(before).rejects.toMatchObject({ name: 'AbortError' });
    expect(called).toBe(false);
    const controller = new AbortController();
    const meanwhile = world.rt.batch(
      (b) => {
        b.route.add({ dst: '10.0.0.0/8', dev: 'veth0', table: 100 });
        controller.abort();
      },
      { signal: controller.signal },
    );
    await expect(meanwhile).rejects.toMatchObject({ name: 'AbortError' });
    expect(await world.rt.route.list({ table: 100 })).toEqual([]);
  });

  it('by close() of its socket', { timeout: 180_000 }, async () => {
    const own = await RouteSocket.open({ netns: world.name });
    const want = hosts(60_000);
    const batch = own.batch((b) => want.map((route) => b.route.add(route)));
    await expect
      .poll(async () => (await world.rt.route.list({ table: 100 })).length, { interval: 1 })
      .toBeGreaterThan(0);
    own.close();
    await expectTold(await batch, 'ERR_COFFERDAM_CLOSED');
    await own.closed;
    await expect(own.batch(() => {})).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('by close() while a service looks something up', async () => {
    const own = await RouteSocket.open({ netns: world.name });
    const batch = own.batch((b) => {
      b.route.add({ dst: '10.0.0.0/8', dev: 'veth0', table: 100 });
      b.link.set('veth0', { up: true });
      b.route.add({ dst: '11.0.0.0/8', dev: 'veth0', table: 100 });
    });
    await Promise.resolve();
    own.close();
    const results = await batch.catch((error: unknown) => error);
    if (Array.isArray(results)) expect(codes(results)).toEqual(new Set(['ERR_COFFERDAM_CLOSED']));
    else expect(results).toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('by the end of its Worker', { timeout: 180_000 }, async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData.addon);
      const window = new Uint8Array(workerData.bytes);
      const pipelines = Array.from({ length: 4 }, () =>
        addon.openPipeline({ protocol: 0, netnsFd: workerData.netns, receiveBuffer: 1 << 20, sendBuffer: 1 << 20 }));
      for (const pipeline of pipelines) {
        pipeline.start(() => { while (pipeline.collect()) pipeline.submit(window, window.length, false); });
        for (let i = 0; i < 4; i++) pipeline.submit(window, window.length, false);
        pipeline.ref();
      }
      parentPort.postMessage('busy');
    `;
    // Requests that take the RTNL lock, and fail.
    const window = new RequestWindow(1 << 16, 512);
    const payload = new Uint8Array(12);
    payload.set([2, 32, 0, 0, 254, 3, 0, 1]);
    for (let i = 0; i < 512; i++) window.add(25, 0, payload, i);
    window.requestAcks(false);
    const workerData = {
      addon: addonPath,
      bytes: window.bytes.slice(0, window.length),
      netns: world.rt.fd,
    };
    const fds = () => readdirSync('/proc/self/fd').length;
    let before = 0;
    for (let round = 0; round < 12; round++) {
      // What the first workers of a process leave open for good (libuv's own) is no leak.
      if (round === 2) before = fds();
      const worker = new Worker(script, { eval: true, workerData });
      const exit = new Promise((resolve) => worker.on('exit', resolve));
      await new Promise((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
      await sleep(round * 3);
      await worker.terminate();
      await exit;
    }
    await expect.poll(fds).toBe(before);
    expect(await world.rt.link.get('lo')).toMatchObject({ ifname: 'lo' });
  });
});

it('48,000 requests at once, without a batch, are all answered', { timeout: 180_000 }, async () => {
  await using world = await World.open();
  world.batch(LINKS);
  const want = hosts(48_000).map(({ dst }) => ({ dst, via: '192.168.0.2', table: 100 }));
  const before = process.memoryUsage().rss;
  const outcomes = await Promise.allSettled(
    want.map((route) => world.rt.route.add(route, { timeout: 100_000 })),
  );
  expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect((await world.rt.route.list({ table: 100 })).length).toBe(48_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
});

/** A pipeline that answers as it is told to. */
class Script implements PipelinePort {
  readonly windows: RequestWindow[] = [];
  listener: PipelineListener | undefined;
  #seq = 1;

  listen(listener: PipelineListener): void {
    this.listener = listener;
  }
  window(): RequestWindow {
    const window = new RequestWindow(64 << 10, 4);
    window.reset(this.#seq);
    return window;
  }
  submit(window: RequestWindow): void {
    this.#seq += window.count;
    this.windows.push(window);
  }
  get inFlight(): number {
    return this.windows.length;
  }
  get busy(): boolean {
    return this.windows.length >= 2;
  }
  collect(): void {}
  giveUp() {
    return this.windows.splice(0).map((window, i) => ({ window, begun: i === 0 }));
  }
  refusal(): never {
    throw new Error('nothing is refused here');
  }

  /** Answers the oldest window: acknowledges the messages at these positions. */
  answer(acknowledged: readonly number[], status = 0, sent?: number): void {
    const window = this.windows.shift();
    if (window === undefined) throw new Error('nothing was sent');
    const writer = new WireWriter();
    for (const position of acknowledged) {
      const body = new Uint8Array(20);
      const seq = window.firstSeq + position;
      writer.raw(encodeMessage({ type: NLMSG.error, flags: NLM_F.capped, seq, portId: 0 }, body));
    }
    const answer = { status, sent: sent ?? window.length, bytes: writer.bytes };
    this.listener?.answered(window, new WindowOutcome(window, answer));
  }
}

describe('a batch over a pipeline', () => {
  async function start(count: number, timeout = 5000) {
    const socket = await NetlinkSocket.open({ protocol: 0 });
    const direct = createServices(socket, new LinkNames(socket));
    const items = new BatchItems();
    const b = recorder(direct, items);
    for (let i = 0; i < count; i++) b.route.add({ dst: `10.0.0.${i}`, oif: 1 });
    const pipeline = new Script();
    const run = new BatchRun({
      items,
      pipeline,
      socket,
      direct,
      timeout,
      signal: undefined,
      stopAtFailure: false,
    });
    const results = run.run().finally(() => socket.close());
    await expect
      .poll(() => pipeline.windows.length, { timeout: 20_000 })
      .toBe(Math.min(2, Math.ceil(count / 4)));
    return { pipeline, results };
  }
  const states = async (results: Promise<readonly BatchResult[]>) =>
    (await results).map((result) =>
      result.ok ? 'ok' : `${result.state} ${(result.error as { code?: string }).code}`,
    );

  it('whose answers were dropped knows what it does not know', async () => {
    const { pipeline, results } = await start(6);
    pipeline.answer([1, 3], -105);
    pipeline.answer([], 0);
    const lost = 'unknown ERR_COFFERDAM_OVERRUN';
    expect(await states(results)).toEqual([lost, 'ok', lost, 'ok', lost, lost]);
  });

  it('that could not be sent says so', async () => {
    const { pipeline, results } = await start(5);
    pipeline.answer([], -105, 0);
    pipeline.answer([0]);
    expect(await states(results)).toEqual([...new Array(4).fill('unsent ENOBUFS'), 'ok']);
  });

  it('that hears nothing gives up', async () => {
    // Long enough for a slow machine to come to the answer in time.
    const { pipeline, results } = await start(16, 4000);
    await sleep(400);
    pipeline.answer([3]);
    await expect.poll(() => pipeline.windows.length).toBe(2);
    const expected = [
      ...new Array(4).fill('ok'),
      ...new Array(4).fill('unknown ERR_COFFERDAM_TIMEOUT'),
      ...new Array(8).fill('unsent ERR_COFFERDAM_TIMEOUT'),
    ];
    expect(await states(results)).toEqual(expected);
  });

  it('reads no further than the kernel can have written', async () => {
    const { pipeline, results } = await start(2);
    const window = pipeline.windows[0] as RequestWindow;
    for (const bytes of [
      '',
      '00',
      '000000000200000001000000',
      'ffffffff02000000010000000000000000000000',
      '10000000020000000100000000000000',
    ]) {
      const outcome = new WindowOutcome(window, {
        status: 0,
        sent: window.length,
        bytes: new Uint8Array(Buffer.from(bytes, 'hex')),
      });
      expect([outcome.state(0), outcome.state(1)]).toEqual(['unknown', 'unknown']);
    }
    pipeline.answer([1]);
    expect(await states(results)).toEqual(['ok', 'ok']);
  });
});
