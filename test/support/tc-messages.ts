import fc from 'fast-check';
import {
  type Attribute,
  among,
  type Bytes,
  joined,
  le,
  oneOf,
  some,
  times,
  u8,
  u16,
  u32,
  u64,
  written,
} from './random-bytes.ts';

/** Messages about disciplines and classes at random, of the kinds that `tc` 6.1 knows and we do, as a kernel would send them. */

const hardware = joined(
  fc.bigInt(0n, 1000n).map((n) => le(8, n)),
  among(9),
  fc.constant(new Uint8Array(4)),
);
const stats = (app: Bytes | undefined): Bytes =>
  fc
    .tuple(
      fc.option(fc.tuple(u64, u32, fc.option(u32)), { freq: 5 }),
      some({ 2: times(2, u32), 3: times(5, u32), 7: hardware }, app === undefined ? {} : { 4: app }),
    )
    .map(([basic, rest]) => {
      if (basic === null) return rest;
      const [bytes, packets, upper] = basic;
      // More packets than fit come beside, with the same lower half.
      const wide: Attribute[] = upper === null ? [] : [[8, Buffer.concat([packets, upper])]];
      const plain: Attribute = [1, Buffer.concat([bytes, packets, new Uint8Array(4)])];
      return Uint8Array.from(Buffer.concat([written([plain]), rest, written(wide)]));
    });

const sizeTable = some(
  {},
  {
    1: joined(
      u8,
      u8,
      u16,
      fc.integer({ min: -99, max: 99 }).map((n) => le(4, n)),
      oneOf(0, 1, 2, 7),
      u32,
      u32,
      u32,
    ),
  },
);

interface Layout {
  readonly options?: Bytes;
  readonly app?: Bytes;
}

export function messages(kind: string, { options, app }: Layout, header: Bytes): Bytes {
  const maybe = (type: number, value: Bytes | undefined) =>
    value === undefined
      ? fc.constant(undefined)
      : fc.option(
          value.map((one): Attribute => [type, one]),
          { nil: undefined, freq: 5 },
        );
  return fc
    .tuple(
      header,
      // What is not in the options is not in a message without them either.
      options === undefined ? fc.constant(undefined) : options.map((one): Attribute => [2, one]),
      // Counters that are told among the options take others, as they always are.
      kind === 'htb' || kind === 'sfq' ? stats(app).map((one): Attribute => [7, one]) : maybe(7, stats(app)),
      maybe(8, sizeTable),
      maybe(
        12,
        fc.nat(1).map((n) => le(1, n)),
      ),
      maybe(13, among(3)),
      maybe(14, among(3)),
    )
    .map(([head, ...attributes]) => {
      const all = [[1, Buffer.from(`${kind}\0`)] as const, ...attributes.filter((one) => one !== undefined)];
      return Uint8Array.from(Buffer.concat([head, written(all)]));
    });
}

const LO = le(4, 1);
const handle = fc
  .oneof(
    fc.nat(0xffff).map((major) => major * 0x10000),
    fc.constantFrom(0, 0x10000, 0xffff0000),
  )
  .map((n) => le(4, n));
const parent = fc
  .oneof(fc.nat(0xffffffff), fc.constantFrom(0xffffffff, 0xfffffff1, 0, 0x10001, 0x10000, 0x1))
  .map((n) => le(4, n));
export const qdiscHeader = joined(fc.constant(le(4, 0)), fc.constant(LO), handle, parent, among(3));
export const classHeader = joined(fc.constant(le(4, 0)), fc.constant(LO), parent, parent, handle);
