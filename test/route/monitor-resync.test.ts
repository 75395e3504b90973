/** What gets lost of each kind of object is found again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MonitorEvent } from '../../src/route/monitor.ts';
import type { ObjectName } from '../../src/route/object.ts';
import { World } from '../support/diff.ts';

describe('a resync', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 type veth peer name veth1',
      'link set veth0 up',
      'link set veth1 up',
      'link set lo up',
      'link add br0 type bridge',
      'link set br0 up',
      'link set veth1 master br0',
      'address add 10.1.0.1/24 dev veth0',
    ]);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const tc = (words: string) => world.exec('tc', ...words.split(' '));
  const bridge = (words: string) => world.exec('bridge', ...words.split(' '));

  /** Object, how to make it, how to take it away, and what tells it among the events. */
  const KINDS: readonly (readonly [ObjectName, () => void, () => void, RegExp])[] = [
    [
      'address',
      () => world.ip('address', 'add', '10.3.0.1/32', 'dev', 'veth0'),
      () => world.ip('address', 'del', '10.3.0.1/32', 'dev', 'veth0'),
      /10\.3\.0\.1/,
    ],
    [
      'route',
      () => world.ip('route', 'add', '10.9.0.0/16', 'via', '10.1.0.2'),
      () => world.ip('route', 'del', '10.9.0.0/16'),
      /10\.9\.0\.0/,
    ],
    [
      'rule',
      () => world.ip('rule', 'add', 'from', '10.8.0.0/16', 'table', '7'),
      () => world.ip('rule', 'del', 'from', '10.8.0.0/16'),
      /10\.8\.0\.0/,
    ],
    [
      'nexthop',
      () => world.ip('nexthop', 'add', 'id', '77', 'blackhole'),
      () => world.ip('nexthop', 'del', 'id', '77'),
      /"id":77/,
    ],
    [
      'fdb',
      () => bridge('fdb add 02:00:00:00:00:77 dev veth1 master static'),
      () => bridge('fdb del 02:00:00:00:00:77 dev veth1 master'),
      /02:00:00:00:00:77/,
    ],
    [
      'qdisc',
      () => tc('qdisc add dev veth0 root handle 77: htb'),
      () => tc('qdisc del dev veth0 root'),
      /77:/,
    ],
    [
      'link',
      () => world.ip('link', 'add', 'mv77', 'link', 'veth0', 'type', 'macvlan'),
      () => world.ip('link', 'del', 'mv77'),
      /mv77/,
    ],
  ];

  /** More news of neighbours than the socket's buffer holds. */
  const flood = () =>
    world.batch([
      ...Array.from(
        { length: 60 },
        (_, i) => `neighbour add 10.1.0.${i + 10} lladdr 02:00:00:00:01:01 dev veth0`,
      ),
      ...Array.from({ length: 60 }, (_, i) => `neighbour del 10.1.0.${i + 10} dev veth0`),
    ]);

  it.each(KINDS)('tells what was lost of: %s', async (object, add, remove, pattern) => {
    await using monitor = await world.rt.monitor([object, 'neighbour'], {
      resync: true,
      receiveBuffer: 4096,
    });
    const until = async (): Promise<MonitorEvent[]> => {
      const events: MonitorEvent[] = [];
      for await (const event of monitor) {
        events.push(event);
        if (event.type === 'resynced') return events;
      }
      throw new Error('it ended');
    };
    const told = (events: readonly MonitorEvent[]) =>
      events.flatMap((event) => {
        if (!('object' in event) || event.object !== object) return [];
        const text = JSON.stringify(event.value, (_key, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        return pattern.test(text) ? [event.type] : [];
      });
    // Nobody reads while the buffer overflows, so that what happens then cannot be heard.
    flood();
    add();
    expect(told(await until())).toContain('new');
    flood();
    remove();
    expect(told(await until()).at(-1)).toBe('del');
    expect(monitor.stats.overruns).toBeGreaterThanOrEqual(2);
    expect(monitor.stats.resyncs).toBe(monitor.stats.overruns);
  });

  it('tells of a loss after which nothing came, though the reader was late and its queue full', async () => {
    await using monitor = await world.rt.monitor(['neighbour'], {
      resync: true,
      receiveBuffer: 4096,
      queue: 1,
    });
    flood();
    // Now the queue is full, and the socket is left alone with what it holds and its error.
    while (monitor.stats.received === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    flood();
    const seen = new Set<string>();
    for await (const { type } of monitor) {
      seen.add(type);
      if (type === 'resynced') break;
    }
    expect(seen).toContain('overrun');
  });

  it('tells classes and filters, which the kernel lists link by link', async () => {
    tc('qdisc add dev veth0 root handle 1: htb');
    await using monitor = await world.rt.monitor(['class', 'filter', 'neighbour'], {
      resync: true,
      receiveBuffer: 4096,
    });
    flood();
    tc('class add dev veth0 parent 1: classid 1:10 htb rate 1mbit');
    tc('filter add dev veth0 parent 1: protocol ip prio 5 u32 match ip dst 10.0.0.0/8 flowid 1:10');
    const seen = new Set<string>();
    for await (const event of monitor) {
      if ('object' in event) seen.add(`${event.type} ${event.object}`);
      if (event.type === 'resynced') break;
    }
    expect([...seen]).toEqual(expect.arrayContaining(['new class', 'new filter']));
    tc('qdisc del dev veth0 root');
  });
});
