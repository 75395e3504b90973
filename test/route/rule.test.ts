import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RuleInput } from '../../src/route/rule.ts';
import { World } from '../support/diff.ts';

/** Verbs on the kernel; what they did is read back with `ip`. */

describe('rt.rule', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(async () => world[Symbol.asyncDispose]());
  beforeEach(() => {
    for (const family of ['-4', '-6']) {
      for (const { priority } of shown(family)) {
        if (priority > 0 && priority < 32766) world.ip(family, 'rule', 'del', 'pref', String(priority));
      }
    }
  });

  const shown = (family = '-4') =>
    JSON.parse(world.ip(family, '-d', '-j', 'rule', 'show')) as { priority: number; protocol?: string }[];

  it.each<[RuleInput, object]>([
    [{ priority: 100 }, { src: 'all', table: 'main' }],
    [
      { priority: 100, src: '10.0.0.0/8', table: 100 },
      { src: '10.0.0.0', srclen: 8, table: '100' },
    ],
    [
      { priority: 100, dst: '192.0.2.1', table: 'local' },
      { dst: '192.0.2.1', table: 'local' },
    ],
    [
      { priority: 100, src: '2001:db8::/32', table: 4000000000 },
      { srclen: 32, table: '4000000000' },
    ],
    [{ priority: 100, family: 'inet6', action: 'unreachable' }, { action: 'unreachable' }],
    [
      { priority: 100, action: 'blackhole', protocol: 'bgp' },
      { action: 'blackhole', protocol: 'bgp' },
    ],
    [{ priority: 100, action: 'nop' }, { nop: null }],
    [{ priority: 100, goto: 32766 }, { goto: 32766 }],
    [
      { priority: 100, goto: 200 },
      { goto: 200, unresolved: null },
    ],
    [
      { priority: 100, not: true, fwmark: '0x10/0xff' },
      { not: null, fwmark: '0x10', fwmask: '0xff' },
    ],
    [
      { priority: 100, iif: 'lo', oif: 'nothere' },
      { iif: 'lo', oif: 'nothere', oif_detached: null },
    ],
    [{ priority: 100, tos: 16 }, { tos: '0x10' }],
    [
      { priority: 100, ipproto: 'tcp', sport: '1000-2000', dport: 443 },
      { ipproto: 'tcp', sport_start: 1000, sport_end: 2000, dport: 443 },
    ],
    [
      { priority: 100, uidrange: { start: 5, end: 10 } },
      { uid_start: 5, uid_end: 10 },
    ],
    [{ priority: 100, tunId: 2n ** 63n }, { tun_id: 2 ** 63 }],
    [{ priority: 100, l3mdev: true }, { l3mdev: null }],
    [
      { priority: 100, table: 7, suppressPrefixlength: 0, suppressIfgroup: 3 },
      { suppress_prefixlen: 0, suppress_ifgroup: '3' },
    ],
    [
      { priority: 100, table: 7, realms: { from: 3, to: 4 } },
      { flow_from: '3', flow_to: '4' },
    ],
  ])('add %o', async (input, expected) => {
    await world.rt.rule.add(input);
    const family = input.family === 'inet6' || input.src?.includes(':') ? '-6' : '-4';
    const found = () => shown(family).filter(({ priority }) => priority === 100);
    expect(found()).toHaveLength(1);
    expect(found()[0]).toMatchObject(expected);
    await expect(world.rt.rule.add(input)).rejects.toMatchObject({ code: 'EEXIST' });
    await world.rt.rule.del(input);
    expect(found()).toEqual([]);
    await expect(world.rt.rule.del(input)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has selectors that the installed ip does not know', async () => {
    const { rule } = world.rt;
    await rule.add({ priority: 100, dscp: 10, table: 7 });
    await rule.add({ priority: 101, family: 'inet6', flowlabel: 0x12345, table: 7 });
    await rule.add({ priority: 102, dport: 0x1200, dportMask: 0xff00, ipproto: 'udp', table: 7 });
    expect(await rule.get({ priority: 100 })).toMatchObject({ dscp: 10 });
    expect(await rule.get({ priority: 101, family: 'inet6' })).toMatchObject({
      flowlabel: 0x12345,
      flowlabelMask: 0xfffff,
    });
    expect(await rule.get({ priority: 102 })).toMatchObject({ dportMask: 0xff00 });
    for (const one of await rule.list({ table: 7 })) await rule.del(one);
    expect(await rule.list({ table: 7 })).toEqual([]);
  });

  it('adds and deletes what was listed, as it is', async () => {
    world.batch([
      'rule add not from 10.0.0.0/8 to 192.0.2.1 tos 0x10 fwmark 0x10/0xff iif lo oif nothere table 1000 pref 100 protocol static suppress_prefixlength 24 realms 3/4',
      'rule add pref 101 ipproto udp sport 1000-2000 dport 53 uidrange 1000-2000 goto 32766',
      'rule add pref 102 tun_id 77 goto 40000',
      'rule add pref 103 l3mdev',
      'rule add pref 104 prohibit',
      'rule add pref 105 table 7 fwmark 0/0xf',
      'rule add pref 106 from 0.0.0.0/0 blackhole protocol 77',
    ]);
    world.batch(['rule add from 2001:db8::/32 ipproto ipv6-icmp pref 99 blackhole'], '-6');
    const before = [shown('-4'), shown('-6')];
    const listed = (await world.rt.rule.list()).filter(({ protocol }) => protocol !== 'kernel');
    expect(listed).toHaveLength(8);
    for (const rule of listed) await world.rt.rule.del(rule);
    expect([shown('-4').length, shown('-6').length]).toEqual([3, 2]);
    for (const rule of listed) await world.rt.rule.add(rule);
    expect([shown('-4'), shown('-6')]).toEqual(before);
    // Those that the kernel made are no different.
    const local = await world.rt.rule.get({ priority: 0 });
    await world.rt.rule.del(local);
    expect(shown('-4').some(({ priority }) => priority === 0)).toBe(false);
    await world.rt.rule.add(local);
    expect([shown('-4'), shown('-6')]).toEqual(before);
  });

  it('lists by family, priority, table, action, protocol and links', async () => {
    const { rule } = world.rt;
    await rule.add({ priority: 10, table: 7, iif: 'lo' });
    await rule.add({ priority: 11, table: 8, protocol: 'static', oif: 'lo' });
    await rule.add({ priority: 12, action: 'prohibit', family: 'inet6' });
    const priorities = async (filter: Parameters<typeof rule.list>[0]) =>
      (await rule.list(filter)).map(({ priority }) => priority);
    expect(await priorities({ family: 'inet' })).toEqual([0, 10, 11, 32766, 32767]);
    expect(await priorities({ family: 'inet6' })).toEqual([0, 12, 32766]);
    expect((await priorities({})).length).toBe(8);
    expect(await priorities({ priority: 11 })).toEqual([11]);
    expect(await priorities({ table: 7 })).toEqual([10]);
    expect(await priorities({ table: 'default' })).toEqual([32767]);
    expect(await priorities({ action: 'prohibit' })).toEqual([12]);
    expect(await priorities({ protocol: 'static' })).toEqual([11]);
    expect(await priorities({ iif: 'lo' })).toEqual([10]);
    expect(await priorities({ oif: 'lo' })).toEqual([11]);
    const seen: number[] = [];
    for await (const one of rule.dump({ family: 'inet' })) {
      seen.push(one.priority);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([0, 10]);
    await expect(rule.get({ priority: 77 })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('rejects with what the kernel says is wrong', async () => {
    await expect(world.rt.rule.add({ priority: 100, goto: 50 })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(world.rt.rule.list({ family: '17' })).rejects.toMatchObject({ errno: expect.any(Number) });
  });
});
