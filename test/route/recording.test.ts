/** Recordings: written by us and by rtmon, read by us and by ip; whole, cut, and made of nonsense. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordingError, readRecording } from '../../src/route/recording-file.ts';
import { type ReplayedEvent, replay } from '../../src/route/replay.ts';
import { collectUntil } from '../support/collect.ts';
import { World } from '../support/diff.ts';
import { lookUntil, turns } from '../support/look.ts';

const run = promisify(execFile);

async function all(file: string | AsyncIterable<Uint8Array>): Promise<ReplayedEvent[]> {
  const events: ReplayedEvent[] = [];
  for await (const event of replay(file)) events.push(event);
  return events;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What is told before the end, and what it ends with. */
async function readAll(source: AsyncIterable<Uint8Array>): Promise<{ told: number; error: unknown }> {
  let told = 0;
  try {
    for await (const messages of readRecording(source)) told += messages.length;
    return { told, error: undefined };
  } catch (error) {
    return { told, error };
  }
}

const briefly = (events: readonly ReplayedEvent[], ...objects: string[]) =>
  events.flatMap((event) => {
    if (!('object' in event) || !objects.includes(event.object)) return [];
    const { value } = event;
    const what =
      'local' in value ? value.local : 'dst' in value ? value.dst : 'ifname' in value ? value.ifname : '';
    return [`${event.type} ${event.object} ${what}`];
  });

describe('recordings', () => {
  let world: World;
  let directory: string;
  beforeAll(async () => {
    world = await World.open();
    // No addresses that come by themselves, and are news.
    world.sysctl(['net.ipv6.conf.default.addr_gen_mode=1']);
    directory = await mkdtemp(join(tmpdir(), 'cofferdam-recording-'));
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'link set veth1 up']);
    world.ip('address', 'add', '10.1.0.1/24', 'dev', 'veth0');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const changes = [
    'address add 10.2.0.1/24 dev veth0',
    'route add 10.3.0.0/16 via 10.2.0.9',
    'route del 10.3.0.0/16',
    'address del 10.2.0.1/24 dev veth0',
  ];

  it('begin with what is there, go on with what happens, and are read by us and by ip', async () => {
    const file = join(directory, 'ours');
    const before = Date.now();
    const recording = await world.rt.record(file, ['link', 'address', 'route']);
    world.batch(changes);
    await turns();
    recording.close();
    await recording.done;
    expect(recording.overruns).toBe(0);
    expect(recording.bytes).toBe((await readFile(file)).length);

    const events = await all(file);
    expect(events).toHaveLength(recording.messages);
    const lines = briefly(events, 'link', 'address', 'route');
    expect(lines.slice(0, 3)).toEqual(['new link lo', 'new link veth1', 'new link veth0']);
    expect(lines).toContain('new address 10.1.0.1');
    expect(lines.slice(lines.indexOf('new address 10.2.0.1'))).toEqual(
      expect.arrayContaining(['new address 10.2.0.1', 'new route 10.3.0.0/16', 'del address 10.2.0.1']),
    );
    for (const { time } of events) {
      expect(Number(time) / 1000).toBeGreaterThan(before - 1000);
      expect(Number(time) / 1000).toBeLessThan(Date.now() + 1000);
    }
    const { stdout, stderr } = await run('ip', ['-n', world.name, 'monitor', 'file', file]);
    expect(stderr).toBe('');
    for (const text of [
      'veth0@veth1',
      'inet 10.2.0.1/24',
      '10.3.0.0/16 via 10.2.0.9',
      'Deleted',
      'Timestamp:',
    ])
      expect(stdout).toContain(text);
  });

  it('of rtmon are read', async () => {
    const file = join(directory, 'rtmon');
    const rtmon = spawn('ip', [
      'netns',
      'exec',
      world.name,
      'rtmon',
      'file',
      file,
      'link',
      'address',
      'route',
    ]);
    const gone = once(rtmon, 'close');
    try {
      await world.listening();
      world.batch(changes);
      await lookUntil(
        // It may be in the middle of a message.
        () => all(file).catch(() => []),
        (events) => briefly(events, 'address').includes('del address 10.2.0.1'),
      );
    } finally {
      rtmon.kill('SIGTERM');
      await gone;
    }
    const events = await all(file);
    const lines = briefly(events, 'link', 'address', 'route');
    expect(lines.slice(0, 3)).toEqual(['new link lo', 'new link veth1', 'new link veth0']);
    expect(lines).toEqual(
      expect.arrayContaining(['new address 10.2.0.1', 'new route 10.3.0.0/16', 'del address 10.2.0.1']),
    );
    expect(events.every(({ time }) => time !== undefined)).toBe(true);
  });

  it('say the same however the file comes, and tell all that is whole of one that is cut', async () => {
    const bytes = await readFile(join(directory, 'ours'));
    const whole = await readAll(pieces(bytes, 64 * 1024));
    expect(whole.error).toBeUndefined();
    expect(whole.told).toBeGreaterThan(10);
    for (const size of [1, 3, 16, 17, 1000]) expect(await readAll(pieces(bytes, size))).toEqual(whole);
    let told = 0;
    let boundaries = 0;
    for (let cut = bytes.length - 1000; cut < bytes.length; cut++) {
      const result = await readAll(pieces(bytes.subarray(0, cut), 500));
      expect(result.told).toBeGreaterThanOrEqual(told);
      told = result.told;
      if (result.error === undefined) boundaries++;
      else {
        expect(result.error).toBeInstanceOf(RecordingError);
        expect(result.error).toMatchObject({ code: 'ERR_COFFERDAM_RECORDING' });
        const { offset } = result.error as RecordingError;
        expect(offset).toBeLessThan(cut);
        // What stands before it is whole.
        expect(await readAll(pieces(bytes.subarray(0, offset), 500))).toEqual({ told, error: undefined });
      }
    }
    expect(boundaries).toBeGreaterThan(2);
    expect(told).toBeGreaterThan(whole.told - 3);
  });

  it('end in a typed error, whatever they hold', async () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return seed >>> 8;
    };
    const bytes = await readFile(join(directory, 'ours'));
    for (let round = 0; round < 300; round++) {
      const broken = Uint8Array.from(bytes.subarray(0, 4000));
      for (let i = 0; i < 20; i++) broken[random() % broken.length] = random() & 0xff;
      const file = join(directory, 'broken');
      await writeFile(file, broken);
      try {
        for await (const event of replay(file)) expect(event.type).toMatch(/^(new|del|message|overrun)$/);
      } catch (error) {
        expect(error).toBeInstanceOf(RecordingError);
      }
    }
    await expect(all(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await all(pieces(new Uint8Array(0), 1))).toEqual([]);
  });

  it('take little memory, however long they are', async () => {
    const bytes = await readFile(join(directory, 'ours'));
    async function* endless(times: number) {
      for (let i = 0; i < times; i++) yield bytes;
    }
    const count = async (times: number) => {
      let events = 0;
      for await (const messages of readRecording(endless(times))) events += messages.length;
      return events;
    };
    const once = await count(1);
    const rss = () => process.memoryUsage().arrayBuffers;
    const before = rss();
    const times = Math.ceil((200 * 1024 * 1024) / bytes.length);
    expect(await count(times)).toBe(once * times);
    await collectUntil(() => rss() - before < 20 * 1024 * 1024);
  }, 180_000);

  it('mark what the kernel dropped, and tell everything anew', async () => {
    const file = join(directory, 'lossy');
    const recording = await world.rt.record(file, ['address'], { receiveBuffer: 4096 });
    await turns();
    world.batch(Array.from({ length: 80 }, (_, i) => `address add 10.20.${i}.1/24 dev veth1`));
    // What was heard before the loss, and everything anew.
    await lookUntil(
      () => recording.messages,
      (count) => count > 80,
    );
    await turns();
    world.ip('address', 'add', '10.21.0.1/24', 'dev', 'veth1');
    await turns();
    await recording[Symbol.asyncDispose]();
    expect(recording.overruns).toBe(1);
    const events = await all(file);
    const lost = events.findIndex((event) => event.type === 'overrun');
    expect(lost).toBeGreaterThan(0);
    const after = briefly(events.slice(lost), 'address');
    for (let i = 0; i < 80; i++) expect(after).toContain(`new address 10.20.${i}.1`);
    expect(after.at(-1)).toBe('new address 10.21.0.1');
  });

  it('end with their socket, and with an error where nothing can be written', async () => {
    const full = await world.rt.record('/dev/full', ['link']);
    await expect(full.done).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(world.rt.record(join(directory, 'none', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
    const aborted = new AbortController();
    const given = await world.rt.record(join(directory, 'aborted'), ['link'], { signal: aborted.signal });
    aborted.abort();
    await expect(given.done).rejects.toMatchObject({ name: 'AbortError' });

    await using other = await World.open();
    const ended = await other.rt.record(join(directory, 'ended'), ['link']);
    await lookUntil(
      () => ended.messages,
      (count) => count > 0,
    );
    await turns();
    other.rt.close();
    await ended.done;
    expect(briefly(await all(join(directory, 'ended')), 'link')).toEqual(['new link lo']);
  });
});
