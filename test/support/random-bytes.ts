import fc from 'fast-check';
import { writeAttribute } from '../../src/netlink/wire/attributes.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';

/** Bytes at random for crafted messages: numbers that formats turn at, structs, attributes. */

export type Bytes = fc.Arbitrary<Uint8Array>;
export type Attribute = readonly [number, Uint8Array];

export const le = (size: number, value: bigint | number) => {
  const out = new Uint8Array(size);
  let rest = BigInt.asUintN(size * 8, BigInt(value));
  for (let i = 0; i < size; i++, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
};
/** Numbers of all magnitudes, and those that units turn at. */
export const u32 = fc
  .oneof(
    fc.nat(0xffffffff),
    fc.nat(9),
    fc.nat(100_000),
    fc.constantFrom(0xffffffff, 1000, 1024, 1_000_000, 1 << 20, 125_000, 12_500_000, 999_999),
  )
  .map((n) => le(4, n));
export const u16 = fc.nat(0xffff).map((n) => le(2, n));
export const u8 = fc.nat(0xff).map((n) => le(1, n));
export const bool = fc.nat(1).map((n) => le(4, n));
export const rate64 = fc
  .oneof(fc.bigInt(0n, 2n ** 53n - 1n), fc.constantFrom(0n, 125_000n, 5_000_000_000n, 2n ** 40n))
  .map((n) => le(8, n));
export const u64 = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 9n)).map((n) => le(8, n));
/** Nanoseconds, up to hours. */
export const time64 = fc.oneof(fc.bigInt(0n, 10_000_000_000_000n), fc.bigInt(0n, 2000n)).map((n) => le(8, n));
export const oneOf = (...values: number[]) => fc.constantFrom(...values).map((n) => le(4, n));
export const among = (most: number) => fc.nat(most).map((n) => le(4, n));

export const joined = (...parts: Bytes[]): Bytes =>
  fc.tuple(...parts).map((all) => Uint8Array.from(Buffer.concat(all)));
export const times = (count: number, part: Bytes): Bytes =>
  fc.array(part, { minLength: count, maxLength: count }).map((all) => Uint8Array.from(Buffer.concat(all)));
export const written = (attributes: readonly Attribute[]): Uint8Array => {
  const writer = new WireWriter();
  for (const [type, value] of attributes) writeAttribute(writer, type, false, () => writer.raw(value));
  return Uint8Array.from(writer.bytes);
};
/** Some of these attributes; those of `always` all the time. */
export const some = (
  specs: Readonly<Record<number, Bytes>>,
  always: Readonly<Record<number, Bytes>> = {},
): Bytes => {
  const needed = Object.entries(always).map(([type, value]) =>
    value.map((one): Attribute => [Number(type), one]),
  );
  const others = Object.entries(specs).map(([type, value]) =>
    fc.option(
      value.map((one): Attribute => [Number(type), one]),
      { nil: undefined, freq: 4 },
    ),
  );
  return fc
    .tuple(...needed, ...others)
    .map((all) => written(all.filter((one) => one !== undefined).sort(([a], [b]) => a - b)));
};
export const listOf = (type: number, item: Bytes, most = 16): Bytes =>
  fc
    .array(item, { minLength: 1, maxLength: most })
    .map((all) => written(all.map((one) => [type, one] as const)));
