import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Netns } from '../../src/netns/index.ts';
import { decodeNetnsId } from '../../src/route/netns-id.ts';
import { World } from '../support/diff.ts';

describe('rt.netnsId', () => {
  let world: World;
  let other: World;
  beforeAll(async () => {
    world = await World.open();
    other = await World.open();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  const shown = (...args: string[]) =>
    JSON.parse(world.ip('-j', 'netns', 'list-id', ...args) || '[]') as object[];

  it('gives ids, tells them, lists them', async () => {
    const { netnsId } = world.rt;
    expect(await netnsId.list()).toEqual([]);
    expect(await netnsId.get({ netns: other.name })).toEqual({ nsid: -1 });
    expect(await netnsId.add({ netns: other.name, nsid: 7 })).toBe(7);
    expect(shown()).toEqual([{ nsid: 7, name: other.name }]);
    expect(await netnsId.list()).toEqual([{ nsid: 7 }]);
    expect(await netnsId.get({ netns: other.name })).toEqual({ nsid: 7 });
    expect(await netnsId.get({ nsid: 7 })).toEqual({ nsid: 7 });
    await expect(netnsId.add({ netns: other.name, nsid: 8 })).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(netnsId.get({ nsid: 99 })).rejects.toMatchObject({ code: 'ENOENT' });

    await using third = await Netns.create();
    await expect(netnsId.add({ netns: third, nsid: 7 })).rejects.toMatchObject({ code: 'EEXIST' });
    const chosen = await netnsId.add({ netns: third });
    expect(chosen).toBeGreaterThanOrEqual(0);
    expect(await netnsId.get({ netns: { fd: third.fd } })).toEqual({ nsid: chosen });

    // What the other one calls the third, and what we call it.
    const there = await other.rt.netnsId.add({ netns: third, nsid: 40 });
    expect(await netnsId.list({ targetNsid: 7 })).toEqual([{ nsid: there, currentNsid: chosen }]);
    expect(await netnsId.get({ netns: third, targetNsid: 7 })).toEqual({
      nsid: there,
      currentNsid: chosen,
    });
    expect(shown('target-nsid', '7')).toEqual([{ nsid: there, 'current-nsid': chosen }]);
    const dumped: number[] = [];
    for await (const { nsid } of netnsId.dump()) dumped.push(nsid);
    expect(dumped.sort()).toEqual([7, chosen].sort());
  });

  it('is monitored until the namespace ends', async () => {
    await using monitor = await world.rt.monitor(['netnsId']);
    const name = `${world.name}-gone`;
    execFileSync('ip', ['netns', 'add', name]);
    try {
      await world.rt.netnsId.add({ netns: name, nsid: 12 });
    } finally {
      execFileSync('ip', ['netns', 'del', name]);
    }
    const seen: string[] = [];
    for await (const event of monitor) {
      if (!('object' in event) || event.object !== 'netnsId' || event.value.nsid !== 12) continue;
      seen.push(event.type);
      if (event.type === 'del') break;
    }
    expect(seen).toEqual(['new', 'del']);
  });

  it('names what is wrong', async () => {
    const { netnsId } = world.rt;
    await expect(netnsId.get({})).rejects.toMatchObject({ field: 'nsid' });
    await expect(netnsId.get({ pid: 1 } as object)).rejects.toMatchObject({ field: 'pid' });
    await expect(netnsId.add({} as { netns: string })).rejects.toMatchObject({ field: 'netns' });
    await expect(netnsId.add({ netns: 'no-such-namespace-here' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(netnsId.list({ nsid: 1 } as object)).rejects.toMatchObject({ field: 'nsid' });
  });

  it('keeps what it does not know, and fails on no bytes', () => {
    expect(
      decodeNetnsId(Buffer.from('00000000080001000700000008006300010000000600050001000000', 'hex')),
    ).toEqual({
      nsid: 7,
      raw: [
        { type: 99, hex: '01000000' },
        { type: 5, hex: '0100' },
      ],
    });
    expect(() => decodeNetnsId(Buffer.from('0000', 'hex'))).toThrow('rtgenmsg');
  });
});
