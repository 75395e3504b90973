/** Multicast: notifications, overruns, listeners. */
import { describe, expect, test } from 'vitest';
import type { NetlinkMessage, NetlinkSocket } from '../../src/netlink/socket.ts';
import { NLM_F } from '../../src/netlink/wire/message.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import { turns } from '../support/look.ts';
import {
  addAddresses,
  dumpAddresses,
  flood,
  getLoopback,
  ifaddr,
  objectsOf,
  openWorld,
  RTM,
  RTNLGRP,
} from './support.ts';

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function add(socket: NetlinkSocket, address: number[], flags = 0): Promise<NetlinkMessage[]> {
  return socket.request({
    type: RTM.newAddress,
    flags: NLM_F.create | flags,
    payload: ifaddr(address),
  });
}

describe('notifications', () => {
  test('come from joined groups only, until left', async () => {
    await using world = await openWorld();
    await using other = await world.open();
    const heard: number[] = [];
    const off = world.socket.onNotification((message) => heard.push(message.type));
    await add(other, [10, 0, 0, 1]);
    world.socket.joinGroup(RTNLGRP.ipv4Address);
    await add(other, [10, 0, 0, 2]);
    await until(() => heard.length === 1);
    world.socket.leaveGroup(RTNLGRP.ipv4Address);
    await add(other, [10, 0, 0, 3]);
    world.socket.joinGroup(RTNLGRP.ipv4Address);
    await add(other, [10, 0, 0, 4]);
    await until(() => heard.length === 2);
    off();
    await add(other, [10, 0, 0, 5]);
    await turns();
    expect(heard).toEqual([RTM.newAddress, RTM.newAddress]);
  });

  test('of what the socket itself asked for are no answers, though they look like it', async () => {
    await using world = await openWorld({ groups: [RTNLGRP.ipv4Address] });
    const heard: NetlinkMessage[] = [];
    world.socket.onNotification((message) => heard.push(message));
    expect(await add(world.socket, [10, 0, 0, 1])).toEqual([]);
    await until(() => heard.length === 1);
    expect(heard[0]?.portId).toBe(world.socket.portId);
  });

  test('a listener may ask: the answer comes through the same pipe', async () => {
    await using world = await openWorld({ groups: [RTNLGRP.ipv4Address] });
    await using other = await world.open();
    const answers: Promise<NetlinkMessage[]>[] = [];
    world.socket.onNotification(() => {
      answers.push(world.socket.request(getLoopback), world.socket.dumpAll(dumpAddresses));
    });
    await addAddresses(other, 3);
    await until(() => answers.length === 6);
    for (const messages of await Promise.all(answers)) expect(messages.length).toBeGreaterThan(0);
  });

  test('a listener may close the socket', async () => {
    await using world = await openWorld({ groups: [RTNLGRP.ipv4Address] });
    await using other = await world.open();
    let heard = 0;
    world.socket.onNotification(() => {
      heard++;
      world.socket.close();
    });
    await addAddresses(other, 10);
    await world.socket.closed;
    expect(heard).toBe(1);
  });

  test('joining a group that does not exist is refused', async () => {
    await using world = await openWorld();
    expect(() => world.socket.joinGroup(0)).toThrow(expect.objectContaining({ field: 'group' }));
    expect(() => world.socket.joinGroup(30_000)).toThrow(
      expect.objectContaining({ code: 'EINVAL', syscall: 'setsockopt' }),
    );
  });
});

describe('an overrun', () => {
  test('is an event, and later news are heard', async () => {
    await using world = await openWorld({ receiveBuffer: 4096, groups: [RTNLGRP.ipv4Address] });
    await using other = await world.open();
    let news = 0;
    let overruns = 0;
    world.socket.onNotification(() => news++);
    world.socket.onOverrun(() => overruns++);
    for (let round = 1; round <= 3; round++) {
      flood(world, round, 200);
      await until(() => overruns >= round);
      expect(news).toBeLessThan(200 * round);
      // Once drained, the kernel delivers again.
      await turns();
      const before = news;
      await add(other, [10, round, 1, 1]);
      await until(() => news > before);
    }
    expect(overruns).toBeGreaterThanOrEqual(3);
  });

  test('leaves no call hanging: requests and dumps on the drowned socket end, and the next work', async () => {
    await using world = await openWorld({
      receiveBuffer: 4096,
      groups: [RTNLGRP.ipv4Address],
      timeout: 20_000,
    });
    const outcomes: Record<string, number> = {};
    const note = (outcome: string) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    let expected = 0;
    for (let round = 1; round <= 10; round++) {
      const iterator = world.socket.dump(dumpAddresses);
      const first = iterator.next();
      flood(world, round, 200);
      expected += 200;
      const rest = (async () => {
        let count = (await first).done === true ? 0 : 1;
        for await (const _ of iterator) count++;
        return count;
      })();
      const calls = [
        rest,
        world.socket.request(getLoopback),
        world.socket.request({ ...getLoopback, idempotent: true }),
        world.socket.dumpAll(dumpAddresses),
      ];
      for (const result of await Promise.allSettled(calls))
        note(result.status === 'fulfilled' ? 'answered' : (result.reason.code as string));
      expect(objectsOf(await world.socket.dumpAll(dumpAddresses), RTM.newAddress)).toBe(expected);
    }
    // Answered, or ended in a typed way; a deadline would mean that something hung.
    const known = ['answered', 'ERR_COFFERDAM_OVERRUN', 'ERR_COFFERDAM_DUMP_INTERRUPTED', 'ENOBUFS', 'EBUSY'];
    expect(Object.keys(outcomes).filter((outcome) => !known.includes(outcome))).toEqual([]);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(40);
  });

  test('an idempotent request is asked again, another one is reported', async () => {
    await using world = await openWorld({ receiveBuffer: 4096, groups: [RTNLGRP.ipv4Address] });
    flood(world, 1, 200);
    await expect(world.socket.request(getLoopback)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_OVERRUN' });
    flood(world, 2, 200);
    expect(await world.socket.request({ ...getLoopback, idempotent: true })).toHaveLength(1);
  });
});

describe('a listener that throws', () => {
  const program = (body: string) => `
    import { NetlinkSocket } from ${JSON.stringify(compiledUrl('netlink/socket.js'))};
    import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
    const netns = await Netns.create();
    const socket = await NetlinkSocket.open({ protocol: 0, netns, groups: [5] });
    const other = await NetlinkSocket.open({ protocol: 0, netns });
    const payload = (last) => Uint8Array.of(2, 32, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 10, 0, 0, last);
    const add = (last) => other.request({ type: 20, flags: 0x400, payload: payload(last) });
    socket.ref();
    ${body}
  `;

  test('is an uncaughtException', async () => {
    const child = await runModule(
      program(`
        socket.onNotification(() => { throw new Error('from the listener'); });
        await add(1);
      `),
    );
    expect(child).toMatchObject({ code: 1, signal: null });
    expect(child.stderr).toContain('Error: from the listener');
  });

  test('does not keep the others from hearing, nor the socket from working', async () => {
    const child = await runModule(
      program(`
        let caught = 0, heard = 0;
        process.on('uncaughtException', () => {
          if (++caught < 3) return;
          console.log('caught', caught, 'heard', heard);
          socket.close(); other.close(); netns.close();
        });
        socket.onNotification(() => { throw new Error('from the listener'); });
        socket.onNotification(() => { heard++; });
        // The news may come before the answer, which the close then cuts off.
        for (const last of [1, 2, 3]) await add(last).catch(() => {});
      `),
    );
    expect(child).toMatchObject({ code: 0, stdout: 'caught 3 heard 3\n', stderr: '' });
  });
});
