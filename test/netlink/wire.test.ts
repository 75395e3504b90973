/** The values on the wire, their limits, and the errors that name them. */
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { formatIpv4, formatIpv6, parseIp, parsePrefix } from '../../src/netlink/wire/address.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  walkAttributes,
} from '../../src/netlink/wire/attributes.ts';
import {
  be16,
  be32,
  bool8,
  type Codec,
  enumeration,
  flag,
  flagSet,
  hex as hexCodec,
  ip,
  lladdr,
  s32,
  string,
  text,
  u8,
  u16,
  u32,
  u64,
} from '../../src/netlink/wire/codec.ts';
import { encodeMessage, walkMessages } from '../../src/netlink/wire/message.ts';
import { struct } from '../../src/netlink/wire/struct.ts';
import { WireError, WireView, WireWriter } from '../../src/netlink/wire/view.ts';
import { hex } from './support.ts';

function encode<T>(codec: Codec<T>, value: T): string {
  const writer = new WireWriter(1);
  codec.encode(writer, value);
  return Buffer.from(writer.bytes).toString('hex');
}

function decode<T>(codec: Codec<T>, bytes: string): T {
  const view = new WireView(hex(`ff${bytes}ff`));
  return codec.decode(view, 1, 1 + bytes.length / 2);
}

describe('values', () => {
  const pairs: [string, Codec<unknown>, unknown, string][] = [
    ['u8', u8, 255, 'ff'],
    ['u16', u16, 0x1234, '3412'],
    ['be16', be16, 0x1234, '1234'],
    ['u32', u32, 0xffff_fffe, 'feffffff'],
    ['be32', be32, 1, '00000001'],
    ['s32', s32, -2, 'feffffff'],
    ['u64', u64, 0xffff_ffff_ffff_fffen, 'feffffffffffffff'],
    ['bool8', bool8, true, '01'],
    ['string', string, 'eth0', '6574683000'],
    ['a string of UTF-8', string, 'ü', 'c3bc00'],
    ['hex', hexCodec, '00ff', '00ff'],
    ['lladdr', lladdr, '52:54:00:12:34:56', '525400123456'],
    ['no lladdr', lladdr, '', ''],
    ['IPv4', ip, '192.0.2.1', 'c0000201'],
    ['IPv6', ip, '2001:db8::1', '20010db8000000000000000000000001'],
  ];
  for (const [name, codec, value, bytes] of pairs) {
    test(`${name}: there and back`, () => {
      expect(encode(codec, value)).toBe(bytes);
      expect(decode(codec, bytes)).toEqual(value);
    });
  }

  const wrong: [string, Codec<unknown>, unknown[]][] = [
    ['u8', u8, [256, -1, 1.5, '1', Number.NaN, undefined]],
    ['u32', u32, [2 ** 32, -1, 1n]],
    ['s32', s32, [2 ** 31, -(2 ** 31) - 1]],
    ['u64', u64, [1, -1n, 2n ** 64n]],
    ['bool8', bool8, [1, 'true']],
    ['string', string, [1, 'a\0b', 'x'.repeat(5000)]],
    ['IFNAMSIZ', text(15), ['0123456789abcdef']],
    ['hex', hexCodec, ['0', 'xx', 5]],
    ['lladdr', lladdr, ['52:54:', '5254', 'xx:00', 7]],
    ['ip', ip, ['256.0.0.1', '1.2.3', '::g', 'fe80::1%lo', '']],
  ];
  for (const [name, codec, values] of wrong) {
    test(`${name}: what cannot be expressed is refused with a remedy`, () => {
      for (const value of values) {
        const writer = new WireWriter();
        const write = () => codec.encode(writer, value);
        expect(write, String(value)).toThrow(/^give /);
      }
    });
  }

  test('cut short is a WireError, not a read of what lies behind', () => {
    for (const [codec, bytes] of [
      [u8, ''],
      [u16, '01'],
      [u32, '010203'],
      [u64, '01020304050607'],
      [ip, '010203'],
      [ip, '0102030405'],
    ] as [Codec<unknown>, string][])
      expect(() => decode(codec, bytes)).toThrow(WireError);
  });

  test('a string without its NUL ends where the attribute ends', () => {
    expect(decode(string, '65746830')).toBe('eth0');
    expect(decode(string, '')).toBe('');
  });

  test('numbers and bits without a name can be written as they were read', () => {
    const scope = enumeration(u8, { 0: 'global', 254: 'host' });
    expect([decode(scope, 'fe'), decode(scope, '07')]).toEqual(['host', '7']);
    expect([encode(scope, 'host'), encode(scope, '7')]).toEqual(['fe', '07']);
    expect(() => encode(scope, 'universe')).toThrow('give one of global, host, or a number');
    const flags = flagSet(u32, { UP: 1, LOOPBACK: 8 });
    expect(decode(flags, '0900008f')).toEqual(['UP', 'LOOPBACK', '0x8f000000']);
    expect(encode(flags, ['UP', 'LOOPBACK', '0x8f000000'])).toBe('0900008f');
    expect(() => encode(flags, ['DOWN'])).toThrow('give names among UP, LOOPBACK');
  });
});

describe('addresses', () => {
  test('in the spelling of inet_ntop(3)', () => {
    const spell = (bytes: string) => formatIpv6(hex(bytes));
    expect(spell('00000000000000000000000000000000')).toBe('::');
    expect(spell('00000000000000000000000000000001')).toBe('::1');
    expect(spell('20010db8000000000000000000000000')).toBe('2001:db8::');
    expect(spell('20010db8000000010000000000000001')).toBe('2001:db8:0:1::1');
    expect(spell('20010db8000100000001000000010001')).toBe('2001:db8:1:0:1:0:1:1');
    expect(spell('00000000000000000000ffffc0000201')).toBe('::ffff:192.0.2.1');
    expect(spell('000000000000000000000000c0000201')).toBe('::192.0.2.1');
    expect(formatIpv4(hex('00c000020100'), 1)).toBe('192.0.2.1');
  });

  test('any 16 bytes survive the way to text and back', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
    // Zeros are what the spelling is about.
    const sparse = fc
      .tuple(bytes, bytes)
      .map(([value, mask]) => value.map((b, i) => (mask[i]! < 170 ? 0 : b)));
    fc.assert(
      fc.property(fc.oneof(bytes, sparse), (address) => {
        const spelled = formatIpv6(address);
        expect(isIPv6(spelled)).toBe(true);
        expect(parseIp(spelled)).toEqual(address);
      }),
      { numRuns: 3000 },
    );
  });

  test('prefixes', () => {
    expect(parsePrefix('10.0.0.0/8')).toMatchObject({ family: 'inet', length: 8 });
    expect(parsePrefix('::1')).toMatchObject({ family: 'inet6', length: 128 });
    for (const bad of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/129', '/8', 'x/8', '1.2.3.4/1e1'])
      expect(parsePrefix(bad), bad).toBeUndefined();
  });
});

describe('attributes', () => {
  const inner = attributeTable('INNER', {
    mtu: attribute(1, 'MTU', u16),
    blob: attribute(2, 'BLOB', hexCodec),
  });
  const table = attributeTable('OUTER', {
    up: attribute(1, 'UP', flag),
    inner: nest(2, 'INNER', inner),
    name: attribute(3, 'NAME', string),
  });
  const bytesOf = (value: Parameters<typeof table.encode>[1]) =>
    encodePayload((writer) => table.encode(writer, value));

  test('are padded to 4 bytes, nests marked', () => {
    expect(Buffer.from(bytesOf({ up: true, inner: { mtu: 1500 }, name: 'a' })).toString('hex')).toBe(
      '04000100' + // UP
        '0c000280' + // INNER, NLA_F_NESTED
        '06000100dc050000' + // MTU
        '060003006100' + // NAME
        '0000',
    );
  });

  test('false leaves a flag out, undefined anything', () => {
    expect(bytesOf({ up: false, name: undefined as never })).toHaveLength(0);
  });

  test('of up to 65,531 bytes fit; one more is refused with its path', () => {
    const blob = (size: number) => ({ inner: { blob: '00'.repeat(size) } });
    // The nest around it has its own header to fit as well.
    expect(bytesOf(blob(65_524)).length).toBe(65_532);
    const build = () => bytesOf(blob(65_528));
    expect(build).toThrow(InvalidArgumentError);
    expect(build).toThrow(/^inner: .*65531 bytes/);
    const alone = attributeTable('ALONE', { blob: attribute(1, 'BLOB', hexCodec) });
    const write = (size: number) =>
      encodePayload((writer) => alone.encode(writer, { blob: '00'.repeat(size) }));
    expect(write(65_531).length).toBe(65_536);
    expect(() => write(65_532)).toThrow(/^blob: /);
  });

  test('errors name the path to the value', () => {
    expect(() => bytesOf({ inner: { mtu: 70_000 } })).toThrow(
      expect.objectContaining({ field: 'inner.mtu', value: 70_000, code: 'ERR_COFFERDAM_INVALID_ARGUMENT' }),
    );
  });

  test('unknown and unreadable ones are kept, and written again as they were', () => {
    const bytes = hex('0800638001020304' + '050002800a000000' + '0500030061000000');
    const value = table.decode(new WireView(bytes), 0, bytes.length);
    expect(value).toEqual({
      name: 'a',
      raw: [{ type: 0x63, hex: '01020304', nested: true }],
      inner: {},
    });
    const again = table.decode(new WireView(bytesOf(value)), 0, bytesOf(value).length);
    expect(again).toEqual(value);
  });

  test('raw ones are checked like all others', () => {
    for (const raw of [
      { type: 0x4000, hex: '' },
      { type: -1, hex: '' },
      { type: 1, hex: 'abc' },
      { type: 1, hex: 'xy' },
    ])
      expect(() => bytesOf({ raw: [{ type: 9, hex: '' }, raw] })).toThrow(
        expect.objectContaining({ field: 'raw[1]', code: 'ERR_COFFERDAM_INVALID_ARGUMENT' }),
      );
  });

  test('a length of 0, or beyond the end, stops the walk with a typed error', () => {
    for (const bytes of ['00000100', '03000100', '09000100ffffffff', 'ffff0100']) {
      const walk = () => walkAttributes(new WireView(hex(bytes)), 0, bytes.length / 2, () => {});
      expect(walk, bytes).toThrow(WireError);
    }
  });

  test('up to three bytes at the end are padding', () => {
    const seen: number[] = [];
    const bytes = hex('04000100aabbcc');
    walkAttributes(new WireView(bytes), 0, bytes.length, (type) => seen.push(type));
    expect(seen).toEqual([1]);
  });

  test('two fields of one number are a mistake in the table', () => {
    expect(() => attributeTable('TWICE', { a: attribute(1, 'A', u8), b: attribute(1, 'B', u8) })).toThrow(
      /TWICE/,
    );
  });
});

describe('structs', () => {
  const stats = struct('stats', { rx: u64, tx: u32 });

  test('of a newer kernel keep their tail, and are written with it', () => {
    const value = decode(stats, '010000000000000002000000aabb');
    expect(value).toEqual({ rx: 1n, tx: 2, tail: 'aabb' });
    expect(encode(stats, value)).toBe('010000000000000002000000aabb');
  });

  test('cut short are a WireError that names them', () => {
    expect(() => decode(stats, '0100')).toThrow('stats of 2 bytes where 12 are needed');
  });

  test('leave fields at zero that are not given, and name the one that is wrong', () => {
    const writer = new WireWriter();
    stats.encode(writer, { tx: 1 });
    expect(Buffer.from(writer.bytes).toString('hex')).toBe('000000000000000001000000');
    expect(() => encodePayload((to) => stats.encode(to, { tx: -1 }))).toThrow(
      expect.objectContaining({ field: 'tx' }),
    );
  });
});

test('messages are padded, but their length is not', () => {
  const bytes = encodeMessage({ type: 16, flags: 1, seq: 2, portId: 3 }, hex('0102030405'));
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '1500000010000100' + '0200000003000000' + '0102030405000000',
  );
  const seen: number[] = [];
  walkMessages(bytes, (_header, start, end) => seen.push(start, end));
  expect(seen).toEqual([16, 21]);
});
