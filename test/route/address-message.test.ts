import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import {
  type Address,
  type AddressInput,
  decodeAddress,
  encodeAddress,
  encodeAddressDeletion,
} from '../../src/route/address-message.ts';
import { attributesOf } from '../support/attributes.ts';
import { ADDRESSES } from './address-fixtures.ts';

const HEADER = 8;
const bytes = (hex: string) => Buffer.from(hex, 'hex');

function find(command: string): Address {
  const fixture = ADDRESSES.find((one) => one.command === `ip ${command}`);
  if (fixture === undefined) throw new Error(`no fixture for ${command}`);
  return decodeAddress(bytes(fixture.hex));
}

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('addresses as the kernel dumps them', () => {
  it.each(ADDRESSES)('$command: encoded again it is the same bytes', ({ hex }) => {
    const address = decodeAddress(bytes(hex));
    expect(address).not.toHaveProperty('raw');
    const again = encodeAddress(address, address.ifindex);
    expect(Buffer.from(again.subarray(0, HEADER)).toString('hex')).toBe(hex.slice(0, 2 * HEADER));
    expect(attributesOf(again, HEADER)).toEqual(attributesOf(bytes(hex), HEADER));
    expect(decodeAddress(again)).toEqual(address);
  });

  it('reads a label, a broadcast address, lifetimes without end', () => {
    expect(find('address add 192.0.2.1/24 broadcast + dev veth0 label veth0:a')).toEqual({
      family: 'inet',
      ifindex: 7,
      local: '192.0.2.1',
      prefixlen: 24,
      broadcast: '192.0.2.255',
      scope: 'global',
      flags: ['permanent'],
      label: 'veth0:a',
      validLifetime: 'forever',
      preferredLifetime: 'forever',
      created: 510934,
      updated: 510934,
    });
  });

  it('reads the other end of a link, a metric, and flags beyond the eighth', () => {
    expect(find('address add 198.51.100.1 peer 198.51.100.2/30 dev veth0 scope link')).toMatchObject({
      local: '198.51.100.1',
      peer: '198.51.100.2',
      prefixlen: 30,
      scope: 'link',
    });
    expect(
      find(
        'address add 2001:db8::2 peer 2001:db8::3 dev veth0 nodad metric 9 valid_lft 7200 preferred_lft 0',
      ),
    ).toMatchObject({
      local: '2001:db8::2',
      peer: '2001:db8::3',
      metric: 9,
      flags: ['nodad', 'deprecated'],
      validLifetime: 7200,
      preferredLifetime: 0,
    });
    expect(find('address add 2001:db8:1::1/64 dev veth0 nodad mngtmpaddr noprefixroute').flags).toEqual([
      'nodad',
      'permanent',
      'mngtmpaddr',
      'noprefixroute',
    ]);
    expect(find('-6 address show dev lo').protocol).toBe('kernel_lo');
  });

  it('names the first flag by the family', () => {
    const hex = ADDRESSES.find(({ command }) => command.includes('192.0.2.2/24'))?.hex ?? '';
    expect(decodeAddress(bytes(hex)).flags).toContain('secondary');
    expect(decodeAddress(bytes(`0a${hex.slice(2)}`)).flags).toContain('temporary');
  });
});

describe('addresses as people write them', () => {
  const decoded = (input: AddressInput) => decodeAddress(encodeAddress(input, 3));

  it('takes the prefix length from where it is written', () => {
    for (const input of [
      { local: '192.0.2.1/24' },
      { address: '192.0.2.1/24' },
      { local: '192.0.2.1', prefixlen: 24 },
      { local: '192.0.2.1/24', prefixlen: 24, family: 'inet' },
    ] satisfies AddressInput[])
      expect(decoded(input)).toMatchObject({ family: 'inet', ifindex: 3, local: '192.0.2.1', prefixlen: 24 });
    expect(decoded({ local: '192.0.2.1' }).prefixlen).toBe(32);
    expect(decoded({ local: '2001:DB8::1' })).toMatchObject({ local: '2001:db8::1', prefixlen: 128 });
    expect(decoded({ local: '192.0.2.1', peer: '192.0.2.2/30' })).toMatchObject({
      peer: '192.0.2.2',
      prefixlen: 30,
    });
  });

  it('works out broadcast addresses as ip does', () => {
    expect(decoded({ local: '10.1.2.3/20', broadcast: '+' }).broadcast).toBe('10.1.15.255');
    expect(decoded({ local: '10.1.2.3/20', broadcast: '-' }).broadcast).toBe('10.1.0.0');
    expect(decoded({ local: '10.1.2.3', peer: '10.9.9.9/24', broadcast: '+' }).broadcast).toBe('10.9.9.255');
    expect(decoded({ local: '10.1.2.3/31', broadcast: '+' })).not.toHaveProperty('broadcast');
    expect(decoded({ local: '10.1.2.3/24', broadcast: '10.1.2.77' }).broadcast).toBe('10.1.2.77');
  });

  it('chooses the scope, and lifetimes that hold together', () => {
    expect(decoded({ local: '127.0.0.2/8' }).scope).toBe('host');
    expect(decoded({ local: '192.0.2.1' }).scope).toBe('global');
    expect(decoded({ local: '192.0.2.1', scope: '77' }).scope).toBe('77');
    expect(decoded({ local: '192.0.2.1', validLifetime: 60 })).toMatchObject({ preferredLifetime: 60 });
    expect(decoded({ local: '192.0.2.1', preferredLifetime: 60 })).toMatchObject({
      validLifetime: 'forever',
    });
    expect(decoded({ local: '192.0.2.1' })).not.toHaveProperty('validLifetime');
  });

  it('deletes by what was said, and no more', () => {
    expect(attributesOf(encodeAddressDeletion({ local: '192.0.2.1' }, 3), HEADER)).toEqual(['2: c0000201']);
    expect(attributesOf(encodeAddressDeletion({ local: '192.0.2.1/24' }, 3), HEADER)).toEqual([
      '1: c0000201',
      '2: c0000201',
    ]);
  });

  it.each<[AddressInput, string]>([
    [{}, 'local'],
    [{ local: 'nonsense' }, 'local'],
    [{ address: '10.0.0.0.1' }, 'address'],
    [{ local: '10.0.0.1', address: '10.0.0.2' }, 'address'],
    [{ local: '10.0.0.1/33' }, 'local'],
    [{ local: '10.0.0.1', prefixlen: 33 }, 'prefixlen'],
    [{ local: '10.0.0.1', prefixlen: 1.5 }, 'prefixlen'],
    [{ local: '10.0.0.1/24', prefixlen: 25 }, 'prefixlen'],
    [{ local: '10.0.0.1/24', peer: '10.0.0.2/30' }, 'prefixlen'],
    [{ local: '10.0.0.1', family: 'inet6' }, 'family'],
    [{ local: '10.0.0.1', peer: '2001:db8::1' }, 'peer'],
    [{ local: '2001:db8::1/64', broadcast: '+' }, 'broadcast'],
    [{ local: '10.0.0.1', broadcast: 'x' }, 'broadcast'],
    [{ local: '10.0.0.1', scope: 'wide' }, 'scope'],
    [{ local: '10.0.0.1', flags: ['shiny'] }, 'flags'],
    [{ local: '10.0.0.1', label: 'a-label-that-is-too-long' }, 'label'],
    [{ local: '10.0.0.1', metric: -1 }, 'metric'],
    [{ local: '10.0.0.1', protocol: 'carrier-pigeon' }, 'protocol'],
    [{ local: '10.0.0.1', validLifetime: -5 }, 'validLifetime'],
    [{ local: '10.0.0.1', preferredLifetime: 2 ** 32 }, 'preferredLifetime'],
    [{ local: '10.0.0.1', prefixLength: 24 } as AddressInput, 'prefixLength'],
  ])('refuses %o', (input, field) => {
    expect(() => encodeAddress(input, 3)).toThrow(InvalidArgumentError);
    expect(() => encodeAddress(input, 3)).toThrow(expect.objectContaining({ field }));
  });
});

describe('hostile bytes', () => {
  it('refuses a header cut short, and keeps what it cannot read', () => {
    expect(() => decodeAddress(bytes('02188000070000'))).toThrow(WireError);
    // IFA_ADDRESS of 3 bytes, and an attribute nobody knows.
    const address = decodeAddress(bytes('0218800007000000070001000102030008006300deadbeef'));
    expect(address.raw).toEqual([
      { type: 1, hex: '010203' },
      { type: 99, hex: 'deadbeef' },
    ]);
  });

  it('never does more than throw a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (message) => {
        try {
          decodeAddress(message);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
