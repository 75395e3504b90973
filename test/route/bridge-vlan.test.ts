import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/netlink/wire/view.ts';
import {
  decodeBridgePort,
  encodeBridgeDump,
  encodeBridgePort,
  encodePortVlans,
} from '../../src/route/bridge-port-message.ts';
import { bridgeVlanType } from '../../src/route/bridge-vlan.ts';
import {
  decodeBridgeVlans,
  encodeVlan,
  encodeVlanDump,
  encodeVlanGlobal,
} from '../../src/route/bridge-vlan-message.ts';
import { encodeFdb } from '../../src/route/fdb-message.ts';
import { BRIDGE_REQUESTS } from './bridge-fixtures.ts';

const LINK = 16;
const VLAN = 8;
const NDMSG = 12;

/** Attributes in the order of their numbers, nests too: programs write them in the order of their arguments. */
function tree(bytes: Buffer, start: number, end = bytes.length): string[] {
  const out: [number, string][] = [];
  for (let at = start; at + 4 <= end; ) {
    const length = bytes.readUInt16LE(at);
    const type = bytes.readUInt16LE(at + 2);
    if (length < 4 || at + length > end) throw new Error(`attribute of ${length} bytes at ${at}`);
    const nested = (type & 0x8000) !== 0;
    const value = nested
      ? `{ ${tree(bytes, at + 4, at + length).join(' ')} }`
      : bytes.subarray(at + 4, at + length).toString('hex');
    out.push([type, `${type & 0x3fff}:${value}`]);
    at += (length + 3) & ~3;
  }
  return out.sort(([one], [other]) => one - other).map(([, text]) => text);
}

const MCAST = {
  mcastSnooping: false,
  mcastQuerier: true,
  mcastIgmpVersion: 3,
  mcastMldVersion: 2,
  mcastLastMemberCnt: 5,
  mcastLastMemberIntvl: 200,
  mcastStartupQueryCnt: 3,
  mcastStartupQueryIntvl: 3000,
  mcastMembershipIntvl: 26000,
  mcastQuerierIntvl: 25500,
  mcastQueryIntvl: 12500,
  mcastQueryResponseIntvl: 1000,
};

type Command = keyof typeof BRIDGE_REQUESTS;

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('requests about bridges, beside those of bridge', () => {
  it.each<[Command, number, Uint8Array]>([
    ['bridge vlan add vid 10 dev veth1 master', LINK, encodePortVlans(3, { vid: 10 }, ['master'])],
    [
      'bridge vlan add vid 5 dev veth1 pvid untagged master',
      LINK,
      encodePortVlans(3, { vid: 5, flags: ['pvid', 'untagged'] }, ['master']),
    ],
    [
      'bridge vlan add vid 10-20 dev veth1 untagged',
      LINK,
      encodePortVlans(3, { vid: 10, vidEnd: 20, flags: ['untagged'] }, []),
    ],
    ['bridge vlan add vid 5 dev br0 self', LINK, encodePortVlans(2, { vid: 5 }, ['self'])],
    [
      'bridge vlan add vid 10-12 dev vx0 tunnel_info id 1000-1002',
      LINK,
      encodePortVlans(5, { vid: 10, vidEnd: 12, tunnelId: 1000 }, []),
    ],
    [
      'bridge vlan add vid 10 dev vx0 tunnel_info id 1000',
      LINK,
      encodePortVlans(5, { vid: 10, tunnelId: 1000 }, []),
    ],
    ['bridge vlan del vid 10-20 dev veth1', LINK, encodePortVlans(3, { vid: 10, vidEnd: 20 }, [])],
    [
      'bridge vlan set vid 10 dev veth1 state blocking',
      VLAN,
      encodeVlan(3, { vid: 10, state: 'blocking' }, 'options'),
    ],
    [
      'bridge vlan set vid 10-20 dev veth1 state 3 mcast_router 2',
      VLAN,
      encodeVlan(3, { vid: 10, vidEnd: 20, state: 'forwarding', mcastRouter: 2 }, 'options'),
    ],
    [
      'bridge vlan global set vid 10-20 dev br0 ...',
      VLAN,
      encodeVlanGlobal(2, { vid: 10, vidEnd: 20, global: MCAST }),
    ],
    [
      'bridge link set dev veth1 cost 5 ...',
      LINK,
      encodeBridgePort(
        3,
        {
          ...{ guard: true, hairpin: true, fastleave: true, flood: false, mcastRouter: 2, learning: false },
          ...{ cost: 5, priority: 16, state: 'forwarding', isolated: true, backupPortIndex: 5 },
        },
        [],
        {},
      ),
    ],
    ['bridge link set dev veth1 hwmode vepa', LINK, encodeBridgePort(3, {}, ['self'], { mode: 'vepa' })],
    [
      'bridge fdb add 02:fd:00:00:00:01 dev veth1 master vlan 10 sticky dynamic',
      NDMSG,
      encodeFdb({ mac: '02:fd:00:00:00:01', vlan: 10, flags: ['master', 'sticky'], state: 'dynamic' }, 3),
    ],
    ['bridge -d -s vlan show', VLAN, encodeVlanDump(0, 1)],
    ['bridge vlan global show', VLAN, encodeVlanDump(0, 2)],
    ['bridge vlan show', LINK, encodeBridgeDump(2)],
  ])('%s', (command, header, ours) => {
    const theirs = Buffer.from(BRIDGE_REQUESTS[command], 'hex');
    const bytes = Buffer.from(ours);
    expect(bytes.subarray(0, header)).toEqual(theirs.subarray(0, header));
    expect(tree(bytes, header)).toEqual(tree(theirs, header));
  });

  it('a VLAN with all its settings in one request', () => {
    const bytes = Buffer.from(
      encodeVlan(
        5,
        {
          vid: 10,
          vidEnd: 12,
          flags: ['untagged'],
          tunnelId: 1000,
          state: 'forwarding',
          neighSuppress: true,
        },
        'all',
      ),
    );
    expect(tree(bytes, VLAN)).toEqual(['1:{ 1:04000a00 2:0c00 3:03 9:01 4:{ 1:e8030000 2:13000000 } }']);
    expect(tree(Buffer.from(encodeVlan(5, { vid: 10, tunnelId: null }, 'options')), VLAN)).toEqual([
      '1:{ 1:40000a00 4:{ 2:11000000 } }',
    ]);
    expect(tree(Buffer.from(encodeVlan(5, { vid: 10, vidEnd: 12, flags: ['pvid'] }, 'key')), VLAN)).toEqual([
      '1:{ 1:00000a00 2:0c00 }',
    ]);
  });
});

/** An attribute, with its value as hex digits. */
function nla(type: number, value: string, nested = false): string {
  const bytes = Buffer.from(value, 'hex');
  const out = Buffer.alloc((4 + bytes.length + 3) & ~3);
  out.writeUInt16LE(4 + bytes.length, 0);
  out.writeUInt16LE(nested ? type | 0x8000 : type, 2);
  bytes.copy(out, 4);
  return out.toString('hex');
}

const HEADER = '0700000003000000';

describe.runIf(endianness() === 'LE')('VLANs as kernels tell them', () => {
  const entry = (...attributes: string[]) => nla(1, attributes.join(''), true);
  const message = Buffer.from(
    HEADER +
      entry(nla(1, '06000100'), nla(3, '03'), nla(6, '01')) +
      entry(
        nla(1, '04000a00'),
        nla(2, '0c00'),
        nla(4, nla(1, 'e8030000'), true),
        nla(5, [1, 2, 3, 4].map((type) => nla(type, `0${type}00000000000000`)).join(''), true),
        nla(9, '01'),
        nla(99, 'abcd'),
      ) +
      nla(
        2,
        nla(1, '0100') +
          nla(3, '01') +
          nla(8, '6400000000000000') +
          nla(16, nla(2, nla(1, `05000000${nla(1, '00000000')}${nla(2, '02')}`)), true) +
          nla(18, '0200'),
        true,
      ),
    'hex',
  );
  const VLANS = [
    { ifindex: 3, vid: 1, flags: ['pvid', 'untagged'], state: 'forwarding', mcastRouter: 1 },
    {
      ifindex: 3,
      vid: 10,
      vidEnd: 12,
      flags: ['untagged'],
      tunnelId: 1000,
      neighSuppress: true,
      raw: [{ type: 99, hex: 'abcd' }],
      stats: { rxBytes: 1n, rxPackets: 2n, txBytes: 3n, txPackets: 4n },
    },
    {
      ifindex: 3,
      vid: 1,
      global: {
        mcastSnooping: true,
        mcastLastMemberIntvl: 100,
        routerPorts: [{ portIndex: 5, router: { timer: 0, type: 'permanent' } }],
        msti: 2,
      },
    },
  ];

  it('reads VLANs, ranges, settings', () => {
    expect(decodeBridgeVlans(message)).toEqual(VLANS);
  });

  it('a monitor hears of each VLAN by itself', () => {
    const single = bridgeVlanType.decodeAll?.(message) ?? [];
    expect(
      single.map((one) => [bridgeVlanType.key(one), 'tunnelId' in one ? one.tunnelId : undefined]),
    ).toEqual([
      ['3 1', undefined],
      ['3 10', 1000],
      ['3 11', 1001],
      ['3 12', 1002],
      ['3 1 global', undefined],
    ]);
    // Ranges upon ranges stay as they are, once there are more VLANs than there can be.
    const many = entry(nla(1, '04000100'), nla(2, 'fe0f')).repeat(1000);
    expect(bridgeVlanType.decodeAll?.(Buffer.from(HEADER + many, 'hex')).length).toBeLessThan(10_000);
    const wide = Buffer.from(HEADER + entry(nla(1, '04000a00'), nla(2, 'ffff')), 'hex');
    expect(bridgeVlanType.decodeAll?.(wide)).toEqual([
      { ifindex: 3, vid: 10, vidEnd: 65535, flags: ['untagged'] },
    ]);
  });

  it('reads those of ports', () => {
    const spec = [
      nla(2, '06000100'),
      nla(2, '0c000a00'),
      nla(2, '14001400'),
      nla(2, '00001e00'),
      nla(3, nla(1, 'e8030000') + nla(2, '0a00') + nla(3, '0800')),
      nla(3, nla(1, 'ea030000') + nla(2, '0c00') + nla(3, '1000')),
      nla(3, nla(1, '01000000')),
      nla(6, nla(1, nla(1, '0500') + nla(2, '04'), true), true),
      nla(1, '0100'),
    ].join('');
    const port = Buffer.from(
      `07000100030000004300010000000000${nla(3, '766574683100')}${nla(10, '02000000')}${nla(12, nla(1, '03') + nla(3, '02000000'), true)}${nla(26, spec)}`,
      'hex',
    );
    expect(decodeBridgePort(port)).toEqual({
      ifindex: 3,
      dev: 'veth1',
      flags: ['BROADCAST', 'UP', 'RUNNING', 'LOWER_UP'],
      masterIndex: 2,
      bridgePort: { state: 'forwarding', cost: 2 },
      mode: 'vepa',
      vlans: [
        { vid: 1, flags: ['pvid', 'untagged'] },
        { vid: 10, vidEnd: 20, flags: ['untagged'] },
        { vid: 30, flags: [] },
      ],
      tunnels: [{ vid: 10, vidEnd: 12, tunnelId: 1000 }],
      mst: [{ msti: 5, state: 'blocking' }],
    });
  });

  it('what it read it can write: the same is read again', () => {
    for (const one of decodeBridgeVlans(message)) {
      const again =
        'global' in one ? encodeVlanGlobal(one.ifindex, one) : encodeVlan(one.ifindex, one, 'all');
      // What the kernel counts and sees is not written.
      const { stats: _, ...rest } = one as { stats?: object; global?: { routerPorts?: object } };
      const { routerPorts: _ports, ...global } = rest.global ?? {};
      expect(decodeBridgeVlans(again)).toEqual([rest.global === undefined ? rest : { ...rest, global }]);
    }
  });

  it('fails on no bytes but a header cut short', () => {
    const header = Buffer.from(HEADER, 'hex');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeBridgeVlans(Buffer.concat([header, bytes]));
          bridgeVlanType.decodeAll?.(Buffer.concat([header, bytes]));
          decodeBridgePort(Buffer.concat([header, header, bytes]));
        } catch (error) {
          // Lengths that cannot be: nothing after them can be trusted.
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
    expect(() => decodeBridgeVlans(header.subarray(0, 7))).toThrow(WireError);
  });
});
