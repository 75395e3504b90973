import { endianness } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WireError } from '../../src/netlink/wire/view.ts';
import type { FdbEntry, FdbFilter, FdbInput } from '../../src/route/fdb.ts';
import { decodeFdb, encodeFdb, encodeFdbKey } from '../../src/route/fdb-message.ts';
import { attributesOf } from '../support/attributes.ts';
import { World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { NEIGHBOURS } from './neighbour-fixtures.ts';

/** Verbs on the kernel; what they did is read back with `bridge`. */

interface Shown {
  mac: string;
  ifname: string;
  vlan?: number;
  flags: string[];
  master?: string;
  state: string;
}

describe('rt.fdb', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add br0 type bridge',
      'link add br1 type bridge',
      'link add veth0 type veth peer name veth1',
      'link add veth2 type veth peer name veth3',
      'link set veth1 master br0',
      'link set veth3 master br1',
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1 nolearning',
      'link add vx1 type vxlan dstport 4790 local 10.0.0.1 external vnifilter',
      // In other modes its table takes no entries.
      'link add mv0 link veth2 type macvlan mode passthru',
    ]);
    for (const dev of ['br0', 'br1', 'veth0', 'veth1', 'veth2', 'veth3', 'vx0', 'mv0'])
      world.ip('link', 'set', dev, 'up');
    world.batch(['nexthop add id 11 via 192.0.2.11 fdb', 'nexthop add id 12 group 11 fdb']);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const bridge = (...args: string[]) => JSON.parse(world.exec('bridge', '-j', ...args)) as Shown[];
  /** Those that tests add. A macvlan hands its own on to the link below. */
  const isOurs = (mac: string, dev: string | undefined) => /^0[23]:fd/.test(mac) && dev !== 'veth2';
  const ours = (list: readonly Shown[]) => list.filter(({ mac, ifname }) => isOurs(mac, ifname));
  const sorted = <T extends object>(list: readonly T[]) => list.map((one) => JSON.stringify(one)).sort();

  it.each<[FdbInput, object]>([
    [
      { mac: '02:fd:00:00:01:01', dev: 'veth1', master: 'br0' },
      { master: 'br0', state: 'permanent', flags: [] },
    ],
    [
      { mac: '02:fd:00:00:01:02', dev: 'veth1', flags: ['master', 'sticky'], state: 'dynamic' },
      { master: 'br0', state: '', flags: ['sticky'] },
    ],
    [
      {
        mac: '02:FD:00:00:01:03',
        dev: 'veth1',
        flags: ['master', 'extern_learn'],
        state: 'dynamic',
      },
      { master: 'br0', state: '', flags: ['extern_learn'] },
    ],
    [
      { mac: '02:fd:00:00:01:04', dev: 'br1' },
      { master: 'br1', state: 'permanent', flags: [] },
    ],
    [
      { mac: '02:fd:00:00:01:05', dev: 'vx0', dst: '192.0.2.7', port: 8472, vni: 7, via: 'veth0' },
      { dst: '192.0.2.7', port: 8472, vni: 7, viaIf: 'veth0', flags: ['self'], state: 'permanent' },
    ],
    [
      { mac: '02:fd:00:00:01:07', dev: 'vx0', nhid: 12, state: 'dynamic' },
      { nhid: 12, flags: ['self'], state: '' },
    ],
    [
      { mac: '02:fd:00:00:01:08', dev: 'vx1', dst: '192.0.2.8', srcVni: 100, vni: 200 },
      { dst: '192.0.2.8', src_vni: 100, vni: 200, flags: ['self'] },
    ],
    [
      { mac: '02:fd:00:00:01:09', dev: 'veth0' },
      { flags: ['self'], state: 'permanent' },
    ],
  ])('add %o', async (input, expected) => {
    const { fdb } = world.rt;
    await fdb.add(input);
    const mac = input.mac.toLowerCase();
    const shown = bridge('fdb', 'show').filter((one) => one.mac === mac);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({ ifname: input.dev, ...expected });
    const [listed, ...more] = await fdb.list({ mac });
    expect(more).toEqual([]);
    expect(listed).toMatchObject({ dev: input.dev });
    if (listed === undefined) throw new Error('not listed');
    // What was learned elsewhere may always be told again.
    if (!listed.flags.includes('extern_learn'))
      await expect(fdb.add(listed)).rejects.toMatchObject({ code: 'EEXIST' });
    await fdb.del(listed);
    expect(bridge('fdb', 'show').filter((one) => one.mac === mac)).toEqual([]);
    await expect(fdb.del(listed)).rejects.toMatchObject({ code: 'ENOENT' });
    await fdb.add(listed);
    expect(bridge('fdb', 'show').filter((one) => one.mac === mac)).toEqual(shown);
    await fdb.del(listed);
  });

  it('adds and deletes all that was listed, as it is', async () => {
    const { fdb } = world.rt;
    const lines = [
      'fdb add 02:fd:00:00:02:01 dev veth1 master',
      'fdb add 02:fd:00:00:02:0a dev veth1 master static',
      'fdb add 02:fd:00:00:02:02 dev veth1 master dynamic extern_learn',
      'fdb add 02:fd:00:00:02:03 dev br0 self',
      'fdb add 02:fd:00:00:02:04 dev veth3 master static sticky',
      // Several ends are for group addresses.
      'fdb add 03:fd:00:00:02:05 dev vx0 dst 192.0.2.1',
      'fdb append 03:fd:00:00:02:05 dev vx0 dst 192.0.2.2 port 8472 vni 9',
      'fdb append 03:fd:00:00:02:05 dev vx0 dst 192.0.2.2 vni 10 via veth0',
      'fdb add 02:fd:00:00:02:06 dev vx0 nhid 12 static',
      'fdb add 02:fd:00:00:02:07 dev vx1 dst 192.0.2.4 src_vni 7 vni 8',
      'fdb add 02:fd:00:00:02:08 dev mv0',
    ];
    for (const line of lines) world.exec('bridge', ...line.split(' '));
    const before = sorted(ours(bridge('fdb', 'show')));
    expect(before).toHaveLength(lines.length);
    const mine = (list: FdbEntry[]) => list.filter(({ mac, dev }) => isOurs(mac, dev));
    const listed = mine(await fdb.list());
    expect(listed).toHaveLength(lines.length);
    for (const entry of listed) await fdb.del(entry);
    expect(ours(bridge('fdb', 'show'))).toEqual([]);
    for (const [i, entry] of listed.entries()) {
      const again = listed.slice(0, i).some(({ mac, dev }) => mac === entry.mac && dev === 'vx0');
      await (again ? fdb.append(entry) : fdb.add(entry));
    }
    expect(sorted(ours(bridge('fdb', 'show')))).toEqual(before);
    const lasting = ({ used: _1, updated: _2, confirmed: _3, refcnt: _4, ...rest }: FdbEntry) => rest;
    expect(sorted(mine(await fdb.list()).map(lasting))).toEqual(sorted(listed.map(lasting)));

    // Filters, against the same filter of `bridge`.
    const macs = (list: readonly { mac: string }[]) => list.map(({ mac }) => mac).sort();
    // Bridges learn from what links say by themselves, and links join groups.
    const filters: readonly (readonly [FdbFilter, readonly string[]])[] = [
      [{ br: 'br0' }, ['br', 'br0']],
      [{ dev: 'vx0' }, ['dev', 'vx0']],
      [{}, []],
      [{ state: ['dynamic', 'static', 'stale'] }, ['dynamic']],
    ];
    for (const [filter, words] of filters) {
      const look = async () => ({
        ours: macs(await fdb.list(filter)),
        theirs: macs(bridge('fdb', 'show', ...words)),
      });
      const seen = await lookUntil(look, (one) => isDeepStrictEqual(one.ours, one.theirs));
      expect(seen.ours).toEqual(seen.theirs);
    }
    const dumped: string[] = [];
    for await (const entry of fdb.dump({ dev: 'mv0' })) dumped.push(entry.mac);
    expect(dumped).toContain('02:fd:00:00:02:08');

    for (const entry of mine(await fdb.list())) await fdb.del(entry);
  });

  it('replaces, and gets one', async () => {
    const { fdb } = world.rt;
    const mac = '02:fd:00:00:03:01';
    await fdb.add({ mac, dev: 'veth3', master: 'br1', state: 'static' });
    await expect(fdb.add({ mac, dev: 'veth3', master: 'br1' })).rejects.toMatchObject({ code: 'EEXIST' });
    await fdb.replace({ mac, dev: 'veth3', master: 'br1', state: 'dynamic' });
    expect(await fdb.get({ mac, master: 'br1' })).toMatchObject({ dev: 'veth3', state: 'dynamic' });
    expect(await fdb.get({ mac, dev: 'veth3', flags: ['master'] })).toMatchObject({ master: 'br1' });
    const [listed] = await fdb.list({ mac });
    if (listed === undefined) throw new Error('not listed');
    expect(await fdb.get(listed)).toMatchObject({ mac, dev: 'veth3', master: 'br1' });
    await fdb.add({ mac, dev: 'vx0', dst: '192.0.2.9' });
    expect(await fdb.get({ mac, dev: 'vx0', flags: ['self'] })).toMatchObject({ dst: '192.0.2.9' });
    expect(await fdb.get({ mac, dev: 'vx0' })).toMatchObject({ dst: '192.0.2.9' });
    await expect(fdb.get({ mac: '02:fd:00:00:03:99', master: 'br1' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await fdb.del({ mac, dev: 'veth3', master: 'br1' });
    await fdb.del({ mac, dev: 'vx0' });
    expect(await fdb.list({ mac })).toEqual([]);
  });

  it('asks for word of activity', async () => {
    const { fdb } = world.rt;
    const mac = '02:fd:00:00:04:01';
    await fdb.add({ mac, dev: 'veth3', master: 'br1', state: 'static', activityNotify: 1 });
    const [listed] = await fdb.list({ mac });
    expect(listed).toMatchObject({ activityNotify: 1 });
    if (listed === undefined) throw new Error('not listed');
    await fdb.del(listed);
    await fdb.add(listed);
    expect(await fdb.list({ mac })).toMatchObject([{ activityNotify: 1 }]);
    await fdb.del(listed);
  });

  it('flushes what meets the conditions', async () => {
    const { fdb } = world.rt;
    const fill = async () => {
      await fdb.flush({ dev: 'br1', state: 'nopermanent' });
      const to = { dev: 'veth3', master: 'br1' };
      await fdb.add({ ...to, mac: '02:fd:00:00:05:01', state: 'static' });
      await fdb.add({ ...to, mac: '02:fd:00:00:05:02', state: 'dynamic' });
      await fdb.add({ ...to, mac: '02:fd:00:00:05:03', state: 'dynamic', flags: ['extern_learn'] });
      await fdb.add({ ...to, mac: '02:fd:00:00:05:04', state: 'static', flags: ['sticky'] });
    };
    const left = async () =>
      (await fdb.list({ br: 'br1' }))
        .filter(({ mac }) => mac.startsWith('02:fd:00:00:05'))
        .map(({ mac }) => mac.slice(-1))
        .sort()
        .join('');
    await fill();
    expect(await left()).toBe('1234');
    await fdb.flush({ dev: 'br1', state: 'dynamic' });
    expect(await left()).toBe('14');
    await fill();
    await fdb.flush({ dev: 'br1', flags: ['sticky'] });
    expect(await left()).toBe('123');
    await fill();
    await fdb.flush({ dev: 'br1', flags: ['noextern_learn', 'nosticky'], state: 'nopermanent' });
    expect(await left()).toBe('34');
    await fill();
    await fdb.flush({ dev: 'br1', brport: 'veth3', state: 'nopermanent', flags: ['added_by_user'] });
    expect(await left()).toBe('');
    await fill();
    await fdb.flush({ dev: 'veth3', table: 'master', state: 'nopermanent' });
    expect(await left()).toBe('');
    await expect(fdb.flush({ dev: 'br1', vlan: 5000 })).rejects.toMatchObject({ syscall: expect.anything() });

    await fdb.add({ mac: '00:00:00:00:00:00', dev: 'vx0', dst: '192.0.2.1' });
    await fdb.append({ mac: '00:00:00:00:00:00', dev: 'vx0', dst: '192.0.2.2' });
    await fdb.flush({ dev: 'vx0', dst: '192.0.2.1' });
    expect(await fdb.list({ dev: 'vx0' })).toMatchObject([{ dst: '192.0.2.2' }]);
    await fdb.flush({ dev: 'vx0' });
    expect(await fdb.list({ dev: 'vx0' })).toEqual([]);
  });

  it('is monitored apart from neighbours', async () => {
    const { fdb } = world.rt;
    await using monitor = await world.rt.monitor(['neighbour', 'fdb']);
    const mac = '02:fd:00:00:06:01';
    await fdb.add({ mac, dev: 'veth3', master: 'br1' });
    await fdb.del({ mac, dev: 'veth3', master: 'br1' });
    const seen: string[] = [];
    for await (const event of monitor) {
      if (!('object' in event) || event.object !== 'fdb' || event.value.mac !== mac) continue;
      seen.push(`${event.type} ${event.value.ifindex === event.value.masterIndex}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['new false', 'del false']);
  });

  it.each<[unknown, string]>([
    [{ mac: '02:fd', dev: 'vx0' }, 'mac'],
    [{ dev: 'vx0' }, 'mac'],
    [{ mac: '02:fd:00:00:00:01' }, 'dev'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', lladdr: 'x' }, 'lladdr'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', state: 'solid' }, 'state'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', flags: ['gluey'] }, 'flags'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', nhid: 1, dst: '192.0.2.1' }, 'dst'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', vlan: 65536 }, 'vlan'],
    [{ mac: '02:fd:00:00:00:01', dev: 'vx0', dst: 'there' }, 'dst'],
    [null, 'fdb'],
  ])('refuses %o by name', async (input, field) => {
    await expect(world.rt.fdb.add(input as FdbInput)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('refuses filters and conditions that nobody knows', async () => {
    const { fdb } = world.rt;
    await expect(fdb.list({ brport: 'veth1' } as object)).rejects.toMatchObject({ field: 'brport' });
    await expect(fdb.flush({ dev: 'br1', state: 'solid' as 'static' })).rejects.toMatchObject({
      field: 'state',
    });
    await expect(fdb.flush({ dev: 'br1', flags: ['nostick' as 'sticky'] })).rejects.toMatchObject({
      field: 'flags',
    });
    await expect(fdb.flush({})).rejects.toMatchObject({ field: 'dev' });
  });
});

const NDMSG = 12;

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('forwarding entries on the wire', () => {
  const entries = NEIGHBOURS.filter(({ hex }) => hex.startsWith('07'));

  it.each(entries)('$command: written again it says the same', ({ hex }) => {
    const payload = Buffer.from(hex, 'hex');
    const entry = decodeFdb(payload);
    expect(entry).not.toHaveProperty('raw');
    const again = encodeFdb(entry, entry.ifindex);
    // Ages are the kernel's to count, the bridge is known by the port, and no flags are what their absence says.
    const said = attributesOf(payload, NDMSG).filter((one) => !/^[39]: /.test(one) && one !== '15: 00000000');
    expect(attributesOf(again, NDMSG)).toEqual(said);
    const { mac, vlan, state } = entry;
    expect(decodeFdb(again)).toMatchObject({ mac, state });
    expect(decodeFdb(encodeFdbKey(entry, entry.ifindex))).toMatchObject({ mac, state });
    expect(vlan).toBeUndefined();
  });

  it('with a VLAN, and flags of both words', () => {
    // bridge fdb add 02:fd:00:00:00:01 dev veth1 master vlan 10 sticky, on a kernel that has VLANs.
    const hex =
      '0700000003000000800040000a00020002fd000000010000060005000a000000080009000200000008000f00020000000800ff0001000000';
    const entry = decodeFdb(Buffer.from(hex, 'hex'));
    expect(entry).toEqual({
      mac: '02:fd:00:00:00:01',
      ifindex: 3,
      vlan: 10,
      state: 'permanent',
      flags: ['sticky', 'locked'],
      masterIndex: 2,
      raw: [{ type: 255, hex: '01000000' }],
    });
    expect(attributesOf(encodeFdb(entry, 3), NDMSG)).toEqual(['2: 02fd00000001', '5: 0a00', '255: 01000000']);
    expect(encodeFdb(entry, 3)[10]).toBe(0x44);
  });

  it('of any bytes: an object, or a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        try {
          const { mac, state, flags } = decodeFdb(Buffer.concat([Buffer.from([7]), bytes]));
          expect([typeof mac, typeof state, Array.isArray(flags)]).toEqual(['string', 'string', true]);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
