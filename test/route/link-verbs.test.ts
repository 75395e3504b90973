import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/index.ts';
import { Netns } from '../../src/netns/index.ts';
import type { LinkService } from '../../src/route/link.ts';
import { parseIpJson, World } from '../support/diff.ts';
import { needs } from '../support/needs.ts';

/** What rt.link does besides making one link after the other, on the real kernel; `ip` is the witness. */

type Json = Record<string, unknown> & { linkinfo?: { info_data?: Record<string, unknown> } };

describe('rt.link', () => {
  let world: World;
  let link: LinkService;
  beforeEach(async () => {
    world = await World.open();
    link = world.rt.link;
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  const shown = (name: string) => parseIpJson(world.ip('-d', '-j', 'link', 'show', 'dev', name))[0] as Json;
  const names = async () => (await link.list()).map(({ ifname }) => ifname);

  it('replaces: makes what is not there, changes what is', async () => {
    await link.replace({ kind: 'bridge', ifname: 'br0', mtu: 1400, bridge: { ageingTime: 700 } });
    expect(shown('br0')).toMatchObject({ mtu: 1400, linkinfo: { info_data: { ageing_time: 700 } } });
    const { ifindex } = await link.get('br0');
    await link.replace({ kind: 'bridge', ifname: 'br0', bridge: { ageingTime: 800 }, alias: 'again' });
    expect(shown('br0')).toMatchObject({
      ifindex,
      mtu: 1400,
      ifalias: 'again',
      linkinfo: { info_data: { ageing_time: 800 } },
    });
    // What was there stays, even if the rest is refused.
    await expect(link.replace({ kind: 'bridge', ifname: 'br0', altnames: ['lo'] })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect((await link.get('br0')).ifindex).toBe(ifindex);
    // A link cannot become one of another kind.
    await expect(link.replace({ kind: 'vxlan', ifname: 'br0', vxlan: { id: 7 } })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });

  it('gives and takes alternative names, one by one', async () => {
    await link.add({ kind: 'ifb', ifname: 'i', altnames: ['first'] });
    await link.addAltnames('i', ['second', 'a-name-of-more-than-fifteen-bytes']);
    expect(shown('i').altnames).toEqual(['first', 'second', 'a-name-of-more-than-fifteen-bytes']);
    await link.delAltnames('second', ['first', 'second']);
    expect(shown('i').altnames).toEqual(['a-name-of-more-than-fifteen-bytes']);
    await expect(link.addAltnames('i', ['lo'])).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(link.delAltnames('i', ['nonesuch'])).rejects.toMatchObject({ name: 'NetlinkError' });
    await expect(link.addAltnames('i', ['a b'])).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(link.addAltnames({ group: 7 }, ['x'])).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('changes and removes all links of a group at once', async () => {
    for (const ifname of ['a', 'b', 'c'])
      await link.add({ kind: 'ifb', ifname, ...(ifname !== 'c' && { group: 7 }) });
    await link.set({ group: 7 }, { up: true, mtu: 1234 });
    expect(['a', 'b', 'c'].map((name) => shown(name).mtu)).toEqual([1234, 1234, 1500]);
    expect((await link.list({ up: true })).map(({ ifname }) => ifname)).toEqual(['a', 'b']);
    await link.del({ group: 7 });
    expect(await names()).toEqual(['lo', 'c']);
    // Everything is in group 0 at first: the kernel does not take that for a wish.
    await expect(link.del({ group: 0 })).rejects.toMatchObject({ code: 'EPERM' });
  });

  it('tells what bridges and their ports count', async () => {
    await link.add({
      kind: 'bridge',
      ifname: 'br0',
      bridge: { mcastStatsEnabled: true, stpState: 1 },
      up: true,
    });
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b', up: true }, master: 'br0', up: true });
    const all = await link.xstats();
    const bridge = all.find(({ ifname }) => ifname === 'br0');
    const port = all.find(({ ifname }) => ifname === 'a');
    expect(bridge?.own?.bridge?.mcast?.igmpV2queries).toMatchObject({
      rx: expect.any(BigInt),
      tx: expect.any(BigInt),
    });
    expect(port?.port?.bridge?.stp).toMatchObject({ rxBpdu: 0n, transitionBlk: expect.any(BigInt) });
    const [one, ...others] = await link.xstats('a');
    expect(others).toEqual([]);
    expect(one).toMatchObject({ ifname: 'a', ifindex: port?.ifindex });
    await expect(link.xstats('nonesuch')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('manages the sources of a macvlan one by one', async () => {
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b' } });
    await link.add({ kind: 'macvlan', ifname: 'm', link: 'a', macvlan: { mode: 'source' } });
    const sources = async () => [...((await link.get('m')).macvlan?.macaddrData ?? [])].sort();
    const set = (macvlan: object) => link.set('m', { macvlan });
    await set({ macaddrData: ['02:00:00:00:00:01', '02:00:00:00:00:02'] });
    await set({ macaddrMode: 'add', macaddr: '02:00:00:00:00:03' });
    expect(await sources()).toEqual(['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03']);
    await set({ macaddrMode: 'del', macaddr: '02:00:00:00:00:01' });
    expect(await sources()).toEqual(['02:00:00:00:00:02', '02:00:00:00:00:03']);
    await set({ macaddrMode: 'flush' });
    expect(await sources()).toEqual([]);
    // What is of the moment is not there again.
    await set({ macaddrData: ['02:00:00:00:00:04'] });
    const listed = await link.get('m');
    await link.del(listed);
    await link.add(listed);
    expect(await sources()).toEqual(['02:00:00:00:00:04']);
  });

  it('a macvtap is listed, removed and made again as it was', async () => {
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b' } });
    await link.add({
      kind: 'macvtap',
      ifname: 't',
      link: 'a',
      macvtap: { mode: 'bridge', bcqueuelen: 2000 },
    });
    const before = await link.get('t');
    await link.del(before);
    await link.add(before);
    const after = await link.get('t');
    expect(after.macvtap).toEqual(before.macvtap);
    expect(after.link).toBe('a');
  });

  it('moves a link to where another index is its own', async (context) => {
    needs(context, { linux: '5.13' });
    await using there = await Netns.create();
    await link.add({ kind: 'ifb', ifname: 'i' });
    await link.set('i', { netns: there, newIfindex: 4711, ifname: 'j' });
    expect(await names()).toEqual(['lo']);
    const { RouteSocket } = await import('../../src/route/socket.ts');
    const other = await RouteSocket.open({ netns: there });
    expect((await other.link.get('j')).ifindex).toBe(4711);
    other.close();
    await other.closed;
  });

  it('takes a program away that is not there', async () => {
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b' } });
    await link.set('a', { xdp: { fd: -1 } });
    expect((await link.get('a')).xdp).toMatchObject({ attached: 'none' });
  });

  it('asks for virtual functions, and is told that there are none', async () => {
    await link.add({ kind: 'veth', ifname: 'a' });
    expect(await link.get('a', { vf: true })).not.toHaveProperty('vfinfoList');
    await expect(link.set('a', { vfinfoList: [{ vf: 0, mac: '02:00:00:00:00:01' }] })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });
});
