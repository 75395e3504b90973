import { endianness } from 'node:os';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WireError } from '../../src/netlink/wire/view.ts';
import type { MdbEntry, MdbInput } from '../../src/route/mdb.ts';
import { decodeMdb } from '../../src/route/mdb-message.ts';
import { World } from '../support/diff.ts';

interface Shown {
  dev: string;
  port: string;
  grp: string;
  src?: string;
  state: string;
  flags: string[];
}

describe('rt.mdb', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add br0 type bridge mcast_snooping 1 mcast_igmp_version 3 mcast_mld_version 2',
      'link add br1 type bridge',
      'link add veth0 type veth peer name veth1',
      'link add veth2 type veth peer name veth3',
      'link set veth1 master br0',
      'link set veth3 master br0',
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1 nolearning',
    ]);
    // Without addresses of their own links join no groups but ours.
    for (const dev of ['br0', 'br1', 'veth0', 'veth1', 'veth2', 'veth3', 'vx0']) {
      world.sysctl([`net.ipv6.conf.${dev}.disable_ipv6=1`]);
      world.ip('link', 'set', dev, 'up');
    }
  });
  afterAll(async () => world[Symbol.asyncDispose]());
  beforeEach(async () => world.rt.mdb.flush({ dev: 'br0' }));

  const shown = () => {
    const [{ mdb }] = JSON.parse(world.exec('bridge', '-d', '-j', 'mdb', 'show')) as [{ mdb: Shown[] }];
    return mdb;
  };
  const sorted = <T extends object>(list: readonly T[]) => list.map((one) => JSON.stringify(one)).sort();

  it.each<[MdbInput, object]>([
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', state: 'permanent' }, { state: 'permanent' }],
    [{ dev: 'br0', port: 'veth1', grp: 'ff0e::1' }, { state: 'temp' }],
    [{ dev: 'br0', port: 'veth3', grp: '239.1.1.1', src: '192.0.2.1' }, { src: '192.0.2.1' }],
    [
      { dev: 'br0', port: 'veth3', grp: '01:00:5e:aa:bb:cc', state: 'permanent' },
      { grp: '01:00:5e:aa:bb:cc', state: 'permanent' },
    ],
    [
      { dev: 'br0', port: 'br0', grp: '239.1.1.9' },
      { port: 'br0', state: 'temp' },
    ],
    [
      { dev: 'br0', port: 'veth1', grp: '239.1.1.2', protocol: 'zebra', state: 'permanent' },
      { protocol: 'zebra' },
    ],
  ])('add %o', async (input, expected) => {
    const { mdb } = world.rt;
    await mdb.add(input);
    const { dev, port, grp } = input;
    const before = shown();
    expect(before).toMatchObject([{ dev, port, grp, ...expected }]);
    const [listed, ...more] = await mdb.list({ dev: 'br0' });
    expect(more).toEqual([]);
    if (listed === undefined) throw new Error('not listed');
    expect(listed).toMatchObject({ dev, port, grp });
    await expect(mdb.add(listed)).rejects.toMatchObject({ code: 'EEXIST' });
    await mdb.del(listed);
    expect(shown()).toEqual([]);
    await mdb.add(listed);
    expect(shown()).toEqual(before);
    await mdb.del(listed);
  });

  it('adds and deletes all that was listed, with sources, as it is', async () => {
    const { mdb } = world.rt;
    const port = { dev: 'br0', port: 'veth1', state: 'permanent' } as const;
    await mdb.add({ ...port, grp: '239.2.0.1' });
    await mdb.add({ ...port, grp: '239.2.0.1', port: 'veth3', state: 'temp' });
    await mdb.add({
      ...port,
      grp: '239.2.0.2',
      filterMode: 'include',
      sources: [{ address: '192.0.2.1' }, { address: '192.0.2.2' }],
      protocol: 'bgp',
    });
    await mdb.add({
      ...port,
      grp: 'ff0e::2',
      filterMode: 'exclude',
      sources: [{ address: '2001:db8::1' }],
    });
    const before = sorted(shown());
    const listed = await mdb.list({ dev: 'br0' });
    expect(listed.find(({ grp, src }) => grp === '239.2.0.2' && src === undefined)).toMatchObject({
      filterMode: 'include',
      protocol: 'bgp',
      sources: [{ address: '192.0.2.2' }, { address: '192.0.2.1' }],
    });
    // Entries for the single senders come and go with those of their groups.
    const groups = listed.filter(({ src }) => src === undefined);
    expect(groups).toHaveLength(4);
    expect(listed.length).toBeGreaterThan(6);
    for (const entry of groups) await mdb.del(entry);
    expect(shown()).toEqual([]);
    for (const entry of groups) await mdb.add(entry);
    // Sources are listed the latest first.
    const inOrder = (one: string) =>
      JSON.stringify(
        Object.entries(JSON.parse(one) as object).map(([key, value]) => [
          key,
          Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value,
        ]),
      );
    expect(sorted(shown()).map(inOrder)).toEqual(before.map(inOrder));

    const dumped: MdbEntry[] = [];
    for await (const entry of mdb.dump({ port: 'veth3' })) dumped.push(entry);
    expect(dumped).toMatchObject([{ grp: '239.2.0.1', port: 'veth3' }]);
    expect(await mdb.list({ dev: 'br1' })).toEqual([]);
    expect(await mdb.list({ grp: '239.2.0.1' })).toHaveLength(2);
    expect((await mdb.get({ dev: 'br0', grp: '239.2.0.1' })).map((one) => one.port).sort()).toEqual([
      'veth1',
      'veth3',
    ]);
    await expect(mdb.get({ dev: 'br0', grp: '239.9.9.9' })).rejects.toMatchObject({ code: 'ENOENT' });

    await mdb.replace({
      ...port,
      grp: '239.2.0.2',
      filterMode: 'include',
      sources: [{ address: '192.0.2.3' }],
    });
    expect(await mdb.list({ grp: '239.2.0.2' })).toMatchObject([
      { grp: '239.2.0.2', src: '192.0.2.3' },
      { grp: '239.2.0.2', sources: [{ address: '192.0.2.3' }] },
    ]);
    await mdb.flush({ dev: 'br0', state: 'nopermanent' });
    expect((await mdb.list({ dev: 'br0' })).every(({ state }) => state === 'permanent')).toBe(true);
    await mdb.flush({ dev: 'br0', port: 'veth3' });
    expect((await mdb.list({ dev: 'br0' })).length).toBeGreaterThan(0);
    await mdb.flush({ dev: 'br0' });
    expect(shown()).toEqual([]);
  });

  it('speaks of VXLANs too', async () => {
    const { mdb } = world.rt;
    const entry: MdbInput = {
      dev: 'vx0',
      port: 'vx0',
      grp: '239.3.0.1',
      state: 'permanent',
      dst: '198.51.100.1',
      dstPort: 4790,
      vni: 7,
      via: 'veth0',
    };
    await mdb.add(entry);
    const listed = await mdb.list({ dev: 'vx0', grp: '239.3.0.1' });
    expect(listed).toMatchObject([entry]);
    const [one] = listed;
    if (one === undefined) throw new Error('not listed');
    await expect(mdb.add(one)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await mdb.get({ dev: 'vx0', grp: '239.3.0.1' })).toMatchObject([{ dst: '198.51.100.1' }]);
    await mdb.del(one);
    expect(await mdb.list({ dev: 'vx0' })).toEqual([]);
    await mdb.add(one);
    expect(await mdb.list({ dev: 'vx0' })).toEqual(listed);
    await mdb.flush({ dev: 'vx0', dst: '198.51.100.2' });
    expect(await mdb.list({ dev: 'vx0' })).toEqual(listed);
    await mdb.flush({ dev: 'vx0', dst: '198.51.100.1', vni: 7 });
    expect(await mdb.list({ dev: 'vx0' })).toEqual([]);
  });

  it('tells behind which ports routers are', async () => {
    world.exec('bridge', 'link', 'set', 'dev', 'veth3', 'mcast_router', '2');
    expect(await world.rt.mdb.routerPorts()).toMatchObject([
      { dev: 'br0', port: 'veth3', router: { type: 'permanent', timer: 0 } },
    ]);
    expect(await world.rt.mdb.routerPorts({ dev: 'br1' })).toEqual([]);
    expect(await world.rt.mdb.list({ port: 'veth3' })).toEqual([]);
    world.exec('bridge', 'link', 'set', 'dev', 'veth3', 'mcast_router', '1');
    expect(await world.rt.mdb.routerPorts()).toEqual([]);
  });

  it('is monitored, router ports too', async () => {
    const { mdb } = world.rt;
    await using monitor = await world.rt.monitor(['mdb']);
    const entry = { dev: 'br0', port: 'veth1', grp: '239.4.0.1', state: 'permanent' };
    await mdb.add(entry);
    world.exec('bridge', 'link', 'set', 'dev', 'veth3', 'mcast_router', '2');
    await mdb.del(entry);
    const seen: string[] = [];
    for await (const event of monitor) {
      if (!('object' in event) || event.object !== 'mdb') continue;
      seen.push(`${event.type} ${'router' in event.value ? 'router' : event.value.grp}`);
      if (event.type === 'del') break;
    }
    expect(seen).toEqual(['new 239.4.0.1', 'new router', 'del 239.4.0.1']);
    world.exec('bridge', 'link', 'set', 'dev', 'veth3', 'mcast_router', '1');
  });

  it.each<[unknown, string]>([
    [{ dev: 'br0', port: 'veth1' }, 'grp'],
    [{ dev: 'br0', port: 'veth1', grp: 'all' }, 'grp'],
    [{ port: 'veth1', grp: '239.1.1.1' }, 'dev'],
    [{ dev: 'br0', grp: '239.1.1.1' }, 'port'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', group: 1 }, 'group'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', router: {} }, 'router'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', sources: '192.0.2.1' }, 'sources'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', sources: [{ address: 'x' }] }, 'sources.entries.address'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', state: 'solid' }, 'state'],
    [{ dev: 'br0', port: 'veth1', grp: '239.1.1.1', vid: 65536 }, 'vid'],
    [null, 'mdb'],
  ])('refuses %o by name', async (input, field) => {
    await expect(world.rt.mdb.add(input as MdbInput)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('refuses filters and conditions that nobody knows; names attributes of which the kernel complains', async () => {
    const { mdb } = world.rt;
    await expect(mdb.list({ group: '239.1.1.1' } as object)).rejects.toMatchObject({ field: 'group' });
    await expect(mdb.flush({ dev: 'br0', state: 'temp' as 'permanent' })).rejects.toMatchObject({
      field: 'state',
    });
    await expect(mdb.flush({})).rejects.toMatchObject({ field: 'dev' });
    await expect(
      mdb.add({ dev: 'br0', port: 'veth1', grp: '239.1.1.1', filterMode: '5' }),
    ).rejects.toMatchObject({
      code: 'ERANGE',
      message: expect.stringContaining('MDBE_ATTR_GROUP_MODE'),
    });
  });
});

/** An attribute, with its value as hex digits. */
function nla(type: number, value: string): string {
  const bytes = Buffer.from(value, 'hex');
  const out = Buffer.alloc((4 + bytes.length + 3) & ~3);
  out.writeUInt16LE(4 + bytes.length, 0);
  out.writeUInt16LE(type, 2);
  bytes.copy(out, 4);
  return out.toString('hex');
}

describe.runIf(endianness() === 'LE')('multicast databases on the wire', () => {
  const HEADER = '0700000002000000';
  /** struct br_mdb_entry: port 3, permanent, blocked, VLAN 10. */
  const entry = (group: string, proto: string) => `0300000001080a00${group.padEnd(32, '0')}${proto}0000`;

  it('keep what nobody knows, and what cannot be read', () => {
    const sources = nla(2, nla(1, nla(1, 'c0000201') + nla(2, '64000000')) + nla(1, nla(2, '01000000')));
    const info = nla(1, entry('ef010101', '0800') + sources + nla(3, '01') + nla(1, '00') + nla(99, 'abcd'));
    const mac = nla(1, entry('01005eaabbcc', '0000'));
    const short = nla(1, '03000000');
    const routers = nla(2, nla(1, `04000000${nla(1, '10000000')}${nla(2, '01')}`) + nla(1, '0400'));
    const message = HEADER + nla(1, nla(1, info + short) + nla(1, mac)) + routers;
    expect(decodeMdb(Buffer.from(message, 'hex'))).toEqual([
      {
        ifindex: 2,
        portIndex: 3,
        grp: '239.1.1.1',
        vid: 10,
        state: 'permanent',
        flags: ['blocked'],
        sources: [{ address: '192.0.2.1', timer: 100 }],
        filterMode: 'include',
        raw: [
          { type: 1, hex: '00' },
          { type: 99, hex: 'abcd' },
        ],
      },
      { ifindex: 2, portIndex: 3, grp: '01:00:5e:aa:bb:cc', vid: 10, state: 'permanent', flags: ['blocked'] },
      { ifindex: 2, portIndex: 4, router: { timer: 16, type: 'temp_query' } },
    ]);
  });

  it('of any bytes: objects, or a WireError', () => {
    const header = Buffer.from(HEADER, 'hex');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMdb(Buffer.concat([header, bytes]));
          decodeMdb(Buffer.from(HEADER + nla(1, nla(1, nla(1, Buffer.from(bytes).toString('hex')))), 'hex'));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
    expect(() => decodeMdb(header.subarray(0, 7))).toThrow(WireError);
  });
});
