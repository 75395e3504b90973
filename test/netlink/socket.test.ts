/** Asking the real kernel, in network namespaces of the tests' own. */
import { describe, expect, test } from 'vitest';
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/netlink/socket.ts';
import { NLM_F } from '../../src/netlink/wire/message.ts';
import {
  addAddresses,
  dumpAddresses,
  dumpLinks,
  getLoopback,
  ifaddr,
  ifinfo,
  objectsOf,
  openWorld,
  RTM,
} from './support.ts';

/** Enough for a dump of some ten datagrams. */
const MANY = 3000;

/**
 * A protocol whose kernel side passes over a request in silence: the FIB lookup of net/ipv4/fib_frontend.c does
 * so with a payload that is too short.
 */
const NETLINK_FIB_LOOKUP = 10;
const unanswered = { type: 16, payload: new Uint8Array(4) };

function countTurns(): { turns: () => number; stop: () => void } {
  let count = 0;
  const timer = setInterval(() => count++, 0);
  return { turns: () => count, stop: () => clearInterval(timer) };
}

describe('a request', () => {
  test('brings the object', async () => {
    await using world = await openWorld();
    const messages = await world.socket.request(getLoopback);
    expect(messages).toMatchObject([{ type: RTM.newLink, portId: world.socket.portId }]);
    expect(new DataView(messages[0]!.payload.slice().buffer).getInt32(4, true)).toBe(1);
  });

  test('brings nothing where there is nothing to bring, and NLM_F_ECHO what was made', async () => {
    await using world = await openWorld();
    const add = (flags: number, address: number[]) =>
      world.socket.request({
        type: RTM.newAddress,
        flags: NLM_F.create | flags,
        payload: ifaddr(address),
      });
    expect(await add(0, [10, 0, 0, 1])).toEqual([]);
    expect(await add(NLM_F.echo, [10, 0, 0, 2])).toMatchObject([{ type: RTM.newAddress }]);
  });

  test('rejects with what the kernel says', async () => {
    await using world = await openWorld({
      attributeNames: (type) => (type === RTM.getLink ? { name: 'RTM_GETLINK', headerSize: 16 } : undefined),
    });
    const netns = world.netns.inode;
    await expect(world.socket.request({ type: RTM.getLink, payload: ifinfo(99) })).rejects.toMatchObject({
      name: 'NetlinkError',
      code: 'ENODEV',
      errno: -19,
      syscall: 'RTM_GETLINK',
      nlmsgType: RTM.getLink,
      netns,
      message: 'RTM_GETLINK: No such device (ENODEV)',
    });
  });

  test('of an unknown type says which number', async () => {
    await using world = await openWorld();
    await expect(world.socket.request({ type: 9999, payload: ifinfo() })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
      message: /^netlink message 9999: /,
    });
  });

  test('that does not fit the send buffer is refused by sendmsg', async () => {
    await using world = await openWorld();
    const payload = new Uint8Array(8 << 20);
    await expect(world.socket.request({ type: RTM.newLink, payload })).rejects.toMatchObject({
      code: 'EMSGSIZE',
      syscall: 'sendmsg',
    });
    await world.socket.request(getLoopback);
  });

  test('after the other, always answered at once, still lets timers run', async () => {
    await using world = await openWorld();
    const { turns, stop } = countTurns();
    for (let i = 0; i < 5000; i++) await world.socket.request(getLoopback);
    stop();
    expect(turns()).toBeGreaterThan(10);
  });

  test('a thousand at once are all answered', async () => {
    await using world = await openWorld();
    const answers = await Promise.all(Array.from({ length: 1000 }, () => world.socket.request(getLoopback)));
    expect(answers.every((messages) => messages.length === 1)).toBe(true);
  });
});

describe('dumps', () => {
  test('two of them and a hundred gets at once on one socket', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    const { socket } = world;
    const gets = () => Array.from({ length: 50 }, () => socket.request(getLoopback));
    const [first, second, ...answers] = await Promise.all([
      socket.dumpAll(dumpAddresses),
      socket.dumpAll(dumpAddresses),
      ...gets(),
      ...gets(),
    ]);
    expect([objectsOf(first, RTM.newAddress), objectsOf(second, RTM.newAddress)]).toEqual([MANY, MANY]);
    expect(answers.length).toBe(100);
    expect(answers.every((messages) => messages.length === 1)).toBe(true);
  });

  test('iterated in step with other calls', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    let count = 0;
    for await (const message of world.socket.dump(dumpAddresses)) {
      count += objectsOf([message], RTM.newAddress);
      // While this dump is under way: a get, and a dump that has to queue behind it.
      if (count === 1000) {
        expect(await world.socket.request(getLoopback)).toHaveLength(1);
        expect(objectsOf(await world.socket.dumpAll(dumpAddresses), RTM.newAddress)).toBe(MANY);
      }
    }
    expect(count).toBe(MANY);
  });

  test('left early do no harm to the next', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    for (let round = 0; round < 20; round++) {
      for await (const _ of world.socket.dump(dumpAddresses)) break;
      expect(objectsOf(await world.socket.dumpAll(dumpAddresses), RTM.newAddress)).toBe(MANY);
    }
  });

  test('left early by a throw, by return() before the first next(), twice', async () => {
    await using world = await openWorld();
    const looping = async () => {
      for await (const _ of world.socket.dump(dumpLinks)) throw new Error('enough');
    };
    await expect(looping()).rejects.toThrow('enough');
    const unstarted = world.socket.dump(dumpLinks);
    expect(await unstarted.return?.()).toEqual({ done: true, value: undefined });
    expect(await unstarted.return?.()).toEqual({ done: true, value: undefined });
    expect(await unstarted.next()).toEqual({ done: true, value: undefined });
    expect(objectsOf(await world.socket.dumpAll(dumpLinks), RTM.newLink)).toBe(1);
  });

  test('several next() at once are answered in order', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, 3);
    const iterator = world.socket.dump(dumpAddresses);
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => iterator.next()));
    expect(results.map((result) => result.done)).toEqual([false, false, false, true, true]);
  });

  test('return() answers a next() that waits', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP });
    const iterator = silent.dump(unanswered);
    const waiting = iterator.next();
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test('refused ones reject at the first next(), and the next call works', async () => {
    await using world = await openWorld();
    const payload = new Uint8Array(12);
    payload.set([2, 0, 1]); // AF_INET, src_len 1: strict checking refuses it, inside NLMSG_DONE
    const refused = { type: 26, payload, name: 'RTM_GETROUTE' };
    await expect(world.socket.dump(refused).next()).rejects.toMatchObject({
      code: 'EINVAL',
      message: 'RTM_GETROUTE: Invalid argument (EINVAL): Invalid values in header for FIB dump request',
    });
    await expect(world.socket.dumpAll(refused)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(await world.socket.dumpAll(dumpLinks)).toHaveLength(1);
  });

  test('a slow consumer leaves the rest in the kernel, and the event loop in peace', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    const iterator = world.socket.dump(dumpAddresses);
    await iterator.next();
    const before = process.cpuUsage();
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { user, system } = process.cpuUsage(before);
    // A poll that fires for the data nobody reads would use the whole time.
    expect((user + system) / 1000).toBeLessThan((2 / 3) * (performance.now() - start));
    let rest = 0;
    for await (const _ of iterator) rest++;
    expect(rest).toBe(MANY - 1);
  });

  test('a long one lets timers run in between', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    const { turns, stop } = countTurns();
    for (let round = 0; round < 100; round++) for await (const _ of world.socket.dump(dumpAddresses));
    stop();
    expect(turns()).toBeGreaterThan(2);
  });
});

describe('abort', () => {
  test('before the call', async () => {
    await using world = await openWorld();
    const signal = AbortSignal.abort('why');
    const expected = { name: 'AbortError', code: 'ABORT_ERR', cause: 'why' };
    await expect(world.socket.request(getLoopback, { signal })).rejects.toMatchObject(expected);
    await expect(world.socket.dumpAll(dumpLinks, { signal })).rejects.toMatchObject(expected);
    await expect(world.socket.dump(dumpLinks, { signal }).next()).rejects.toMatchObject(expected);
  });

  test('while it waits', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP });
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      silent.request(unanswered, { signal }),
      silent.dumpAll(unanswered, { signal }),
      silent.dump(unanswered, { signal }).next(),
    ];
    setTimeout(() => controller.abort(), 10);
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
  });

  test('of an iteration between two messages, and the next dump works', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    const controller = new AbortController();
    const iterator = world.socket.dump(dumpAddresses, { signal: controller.signal });
    await iterator.next();
    controller.abort();
    await expect(iterator.next()).rejects.toMatchObject({ name: 'AbortError' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(objectsOf(await world.socket.dumpAll(dumpAddresses), RTM.newAddress)).toBe(MANY);
  });

  test('of a queued dump leaves the one before it alone', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP, timeout: 50 });
    const controller = new AbortController();
    const first = silent.dumpAll(unanswered);
    const queued = silent.dumpAll(unanswered, { signal: controller.signal });
    controller.abort();
    expect(await Promise.allSettled([first, queued])).toMatchObject([
      { reason: { name: 'TimeoutError' } },
      { reason: { name: 'AbortError' } },
    ]);
  });

  test('a thousand calls share one signal with one listener, and none stays', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP });
    const controller = new AbortController();
    const { signal } = controller;
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const calls = Array.from({ length: 1000 }, () => silent.request(unanswered, { signal, timeout: 50 }));
    expect(listeners).toBe(1);
    const results = await Promise.allSettled(calls);
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(listeners).toBe(0);
    expect(warnings).toEqual([]);
  });
});

describe('deadlines', () => {
  test('a request that the kernel passes over rejects in time', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP, timeout: 30 });
    const start = performance.now();
    await expect(silent.request(unanswered)).rejects.toMatchObject({
      name: 'TimeoutError',
      code: 'ERR_COFFERDAM_TIMEOUT',
      timeout: 30,
    });
    expect(performance.now() - start).toBeGreaterThan(25);
    await expect(silent.request(unanswered, { timeout: 5 })).rejects.toMatchObject({ timeout: 5 });
  });

  test('a silent dump rejects, and the next one gets its turn when the first is written off', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP, timeout: 30 });
    const both = [silent.dumpAll(unanswered), silent.dumpAll(unanswered)];
    for (const result of await Promise.allSettled(both))
      expect(result).toMatchObject({ reason: { code: 'ERR_COFFERDAM_TIMEOUT' } });
    await expect(silent.dump(unanswered).next()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
  });

  test('a program that was busy for longer than the deadline still gets its answer', async () => {
    await using world = await openWorld({ timeout: 20 });
    await addAddresses(await world.open({ timeout: 5000 }), MANY);
    const dump = world.socket.dumpAll(dumpAddresses);
    const until = performance.now() + 60;
    while (performance.now() < until);
    expect(objectsOf(await dump, RTM.newAddress)).toBe(MANY);
  });

  test('a consumer may take longer than the deadline: it is for the kernel', async () => {
    await using world = await openWorld({ timeout: 20 });
    await addAddresses(await world.open({ timeout: 5000 }), MANY);
    let count = 0;
    for await (const _ of world.socket.dump(dumpAddresses)) {
      if (count++ % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(count).toBe(MANY);
  });

  test('must be numbers that a timer can keep', async () => {
    await using world = await openWorld();
    for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      await expect(world.socket.request(getLoopback, { timeout })).rejects.toMatchObject({
        field: 'timeout',
      });
      await expect(NetlinkSocket.open({ protocol: NETLINK_ROUTE, timeout })).rejects.toMatchObject({
        field: 'timeout',
      });
    }
  });
});

describe('close', () => {
  test('rejects all that waits, and what comes after', async () => {
    await using world = await openWorld();
    await using silent = await world.open({ protocol: NETLINK_FIB_LOOKUP });
    const closed = { name: 'ClosedError', code: 'ERR_COFFERDAM_CLOSED' };
    const iterator = silent.dump(unanswered);
    const calls = [
      iterator.next(),
      silent.dumpAll(unanswered),
      ...Array.from({ length: 10 }, () => silent.request(unanswered)),
    ];
    silent.close();
    expect(silent.fd).toBe(-1);
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: closed });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await expect(silent.request(unanswered)).rejects.toMatchObject(closed);
    await expect(silent.dumpAll(unanswered)).rejects.toMatchObject(closed);
    await expect(silent.dump(unanswered).next()).rejects.toMatchObject(closed);
    await expect(silent.sibling()).rejects.toMatchObject(closed);
    expect(() => silent.joinGroup(1)).toThrow(expect.objectContaining(closed));
    silent.close();
    await silent.closed;
    expect(silent.state).toBe('closed');
  });

  test('in the middle of an iteration', async () => {
    await using world = await openWorld();
    await addAddresses(world.socket, MANY);
    const reading = async () => {
      for await (const _ of world.socket.dump(dumpAddresses)) world.socket.close();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });
});

test('a sibling lives in the same namespace, without the groups', async () => {
  await using world = await openWorld({ groups: [1], timeout: 1234 });
  await using sibling = await world.socket.sibling();
  expect(sibling.netnsInode).toBe(world.netns.inode);
  expect(sibling.portId).not.toBe(world.socket.portId);
  expect(sibling.timeout).toBe(1234);
  await sibling.request(getLoopback);
});
