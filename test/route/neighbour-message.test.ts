import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourKey,
  type Neighbour,
  type NeighbourInput,
} from '../../src/route/neighbour-message.ts';
import { attributesOf } from '../support/attributes.ts';
import { NEIGHBOURS } from './neighbour-fixtures.ts';

const HEADER = 12;
const bytes = (hex: string) => Buffer.from(hex, 'hex');

function find(command: string): Neighbour {
  const fixture = NEIGHBOURS.find((one) => one.command === command);
  if (fixture === undefined) throw new Error(`no fixture for ${command}`);
  return decodeNeighbour(bytes(fixture.hex));
}

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('neighbours as the kernel dumps them', () => {
  it.each(NEIGHBOURS)('$command: encoded again it says the same', ({ hex }) => {
    const neighbour = decodeNeighbour(bytes(hex));
    expect(neighbour).not.toHaveProperty('raw');
    const again = encodeNeighbour(neighbour, neighbour.ifindex);
    expect(Buffer.from(again.subarray(0, HEADER)).toString('hex')).toBe(hex.slice(0, 2 * HEADER));
    // Ages and probes are for the kernel to count; no extended flags are what their absence says.
    const said = attributesOf(bytes(hex), HEADER).filter(
      (one) => !/^[34]: /.test(one) && one !== '15: 00000000',
    );
    expect(attributesOf(again, HEADER)).toEqual(said);
    const { used: _1, confirmed: _2, updated: _3, refcnt: _4, probes: _5, ...rest } = neighbour;
    expect(decodeNeighbour(again)).toEqual(rest);
  });

  it('reads states, flags of both words, ages', () => {
    expect(find('ip neighbour add 192.0.2.9 lladdr 52:54:00:00:00:09 dev veth0 router protocol bgp')).toEqual(
      {
        family: 'inet',
        ifindex: 7,
        dst: '192.0.2.9',
        lladdr: '52:54:00:00:00:09',
        state: ['PERMANENT'],
        flags: ['router'],
        type: 'unicast',
        protocol: 'bgp',
        used: 10,
        confirmed: 10,
        updated: 10,
        refcnt: 0,
        probes: 0,
      },
    );
    expect(find('ip neighbour add 192.0.2.10 dev veth0 managed')).toMatchObject({
      state: ['INCOMPLETE'],
      flags: ['managed'],
      refcnt: 1,
    });
    expect(find('ip neighbour add proxy 192.0.2.12')).toMatchObject({
      ifindex: 0,
      state: [],
      flags: ['proxy'],
    });
  });

  it('reads forwarding entries', () => {
    expect(
      find('bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.20 vni 7 port 8472 via veth0'),
    ).toMatchObject({
      family: 'bridge',
      dst: '192.0.2.20',
      vni: 7,
      port: 8472,
      viaIfindex: 7,
      flags: ['self'],
    });
    expect(find('bridge fdb add 02:00:00:00:00:03 dev veth1 master sticky dynamic')).toMatchObject({
      masterIndex: 9,
      flags: ['sticky'],
      lladdr: '02:00:00:00:00:03',
    });
  });
});

describe('neighbours as people write them', () => {
  const decoded = (input: NeighbourInput) => decodeNeighbour(encodeNeighbour(input, 3));
  const dst = '192.0.2.1';

  it('is permanent unless told otherwise', () => {
    expect(decoded({ dst, lladdr: '52:54:0:0:0:1' })).toEqual({
      family: 'inet',
      ifindex: 3,
      dst,
      lladdr: '52:54:00:00:00:01',
      state: ['PERMANENT'],
      flags: [],
    });
    expect(decoded({ dst, flags: ['managed'] }).state).toEqual([]);
    for (const state of ['stale', 'STALE', ['Stale']])
      expect(decoded({ dst, state }).state).toEqual(['STALE']);
    for (const state of ['none', []]) expect(decoded({ dst, state }).state).toEqual([]);
    expect(decoded({ dst: '2001:DB8::1' })).toMatchObject({ family: 'inet6', dst: '2001:db8::1' });
  });

  it('is named by its address and link, a proxy by its flag too', () => {
    const key = encodeNeighbourKey('del', { dst, lladdr: '52:54:00:00:00:01', state: 'stale' }, 3);
    expect(Buffer.from(key.subarray(0, HEADER)).toString('hex')).toBe('020000000300000000000000');
    expect(attributesOf(key, HEADER)).toEqual(['1: c0000201']);
    expect(encodeNeighbourKey('get', { dst, flags: ['proxy', 'router'] }, 0)[10]).toBe(0x08);
  });

  it.each<[NeighbourInput, string]>([
    [{}, 'dst'],
    [{ dst: 'nonsense' }, 'dst'],
    [{ dst, family: 'inet6' }, 'family'],
    [{ dst, lladdr: 'nonsense' }, 'lladdr'],
    [{ dst, state: 'sleepy' }, 'state'],
    [{ dst, flags: ['shiny'] }, 'flags'],
    [{ dst, protocol: 'nonsense' }, 'protocol'],
    [{ dst, vlan: 70000 }, 'vlan'],
    [{ dst, mac: '52:54:00:00:00:01' } as NeighbourInput, 'mac'],
  ])('refuses %o', (input, field) => {
    expect(() => encodeNeighbour(input, 3)).toThrow(InvalidArgumentError);
    expect(() => encodeNeighbour(input, 3)).toThrow(expect.objectContaining({ field }));
  });
});

describe('hostile bytes', () => {
  it('refuses a header cut short, and keeps what it cannot read', () => {
    expect(() => decodeNeighbour(bytes('0200000007000000'))).toThrow(WireError);
    expect(decodeNeighbour(bytes('02000000070000008000000107000100c0000200')).raw).toEqual([
      { type: 1, hex: 'c00002' },
    ]);
  });

  it('never does more than throw a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (message) => {
        try {
          decodeNeighbour(message);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
