/** The quick reader of routes says what the declarative decoder says, of everything: fixtures, chance, a whole netns. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';
import { readRoute } from '../../src/route/route-make.ts';
import { decodeRoute } from '../../src/route/route-message.ts';
import { FIELD, HAS, scanRoute } from '../../src/route/route-scan.ts';
import { ROUTES } from './route-fixtures.ts';

const OFFSET = 20;

/** The message in the middle of a buffer full of something else. */
function lying(payload: Uint8Array) {
  const memory = new Uint8Array(OFFSET + payload.length + 64).fill(0xee);
  memory.set(payload, OFFSET);
  return { buffer: receiveBuffer(memory), start: OFFSET, end: OFFSET + payload.length };
}

function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

/** Both readings, equal in value and prototype. */
function agree(payload: Uint8Array): unknown {
  const { buffer, start, end } = lying(payload);
  const quick = outcome(() => readRoute(buffer, start, end));
  const slow = outcome(() => decodeRoute(payload));
  deepStrictEqual(quick, slow);
  if (typeof quick === 'object' && quick !== null) {
    expect(Object.getPrototypeOf(quick)).toBe(Object.prototype);
    for (const key of Object.getOwnPropertyNames(quick))
      expect(Object.getOwnPropertyDescriptor(quick, key)).toMatchObject({ enumerable: true, writable: true });
  }
  return quick;
}

function isRare(payload: Uint8Array): boolean {
  const { buffer, start, end } = lying(payload);
  return (scanRoute(buffer, start, end, new Int32Array(FIELD.size)) & HAS.rare) !== 0;
}

interface Attribute {
  type: number;
  value: Uint8Array;
  /** What the length says, where that is not how long it is. */
  claims?: number | undefined;
}

function message(header: Uint8Array, attributes: readonly Attribute[], tail: Uint8Array): Uint8Array {
  const writer = new WireWriter();
  writer.raw(header);
  for (const { type, value, claims } of attributes) {
    writer.u16(claims ?? value.length + 4);
    writer.u16(type);
    writer.raw(value);
    writer.pad();
  }
  writer.raw(tail);
  return writer.bytes.slice();
}

const byte = fc.integer({ min: 0, max: 0xff });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Addresses with runs of zeros, as they are spelled in many ways. */
const address = (length: number) =>
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, byte), {
    minLength: length,
    maxLength: length,
  });
const asBytes = (arbitrary: fc.Arbitrary<number[]>) => arbitrary.map((list) => Uint8Array.from(list));

const sized = (type: number, value: fc.Arbitrary<Uint8Array>) =>
  value.map((value): Attribute => ({ type, value }));
const anyIp = fc.oneof(asBytes(address(4)), asBytes(address(16)));
/** What big tables are made of, as the kernel sends it or with addresses of the other family. */
const common = fc.oneof(
  ...[1, 5, 7].map((type) => sized(type, anyIp)),
  ...[4, 6, 15, 30].map((type) => sized(type, bytes(4))),
  sized(12, bytes(32)),
  sized(20, bytes(1)),
);
/** Anything: types unknown or flagged, values of any length, lengths that lie. */
const hostile = fc.record({
  type: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 0xffff })),
  value: fc.uint8Array({ maxLength: 40 }),
  claims: fc.option(fc.integer({ min: 0, max: 80 }), { nil: undefined }),
});

function header(family: fc.Arbitrary<number>, rest: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  const length = fc.oneof(fc.constantFrom(0, 8, 16, 24, 25, 32, 48, 64, 128), byte);
  const flags = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffffffff }));
  return fc.tuple(family, length, rest, rest, byte, byte, byte, byte, flags).map(([...parts]) => {
    const writer = new WireWriter();
    for (const part of parts.slice(0, 8)) writer.u8(part);
    writer.u32(parts[8]);
    return writer.bytes.slice();
  });
}

const mostlyZero = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, byte);
const realFamily = fc.constantFrom(2, 10);

describe('the quick reader of routes', () => {
  for (const { command, hex } of ROUTES)
    it(`agrees on: ${command}`, () => {
      expect(agree(new Uint8Array(Buffer.from(hex, 'hex')))).toHaveProperty('dst');
    });

  it('agrees on messages of what big tables have', () => {
    let quick = 0;
    const whole = fc
      .tuple(header(realFamily, mostlyZero), fc.array(common, { maxLength: 8 }))
      .map(([head, attributes]) => message(head, attributes, new Uint8Array(0)));
    fc.assert(
      fc.property(whole, (payload) => {
        agree(payload);
        if (!isRare(payload)) quick++;
      }),
      { numRuns: 4000 },
    );
    // Or nothing but the fallback would have been compared with itself.
    expect(quick).toBeGreaterThan(400);
  });

  it('agrees on addresses of the right family in every spelling', () => {
    for (const [family, size] of [
      [2, 4],
      [10, 16],
    ] as const) {
      const route = fc.tuple(
        asBytes(address(size)),
        asBytes(address(size)),
        asBytes(address(size)),
        fc.integer({ min: 0, max: size * 8 }),
      );
      fc.assert(
        fc.property(route, ([dst, via, prefsrc, length]) => {
          const head = Uint8Array.of(family, length, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0);
          const attributes = [
            { type: 1, value: dst },
            { type: 5, value: via },
            { type: 7, value: prefsrc },
          ];
          const payload = message(head, attributes, new Uint8Array(0));
          expect(isRare(payload)).toBe(false);
          agree(payload);
        }),
        { numRuns: 3000 },
      );
    }
  });

  it('agrees on hostile messages', () => {
    const whole = fc
      .tuple(
        header(fc.oneof(realFamily, byte), byte),
        fc.array(fc.oneof(common, hostile), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 7 }),
      )
      .map(([head, attributes, tail]) => message(head, attributes, tail));
    fc.assert(
      fc.property(whole, (payload) => {
        agree(payload);
      }),
      { numRuns: 4000 },
    );
  });

  it('agrees on bytes, and on messages cut short anywhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (payload) => {
        agree(payload);
      }),
      { numRuns: 2000 },
    );
    for (const { hex } of ROUTES) {
      const payload = new Uint8Array(Buffer.from(hex, 'hex'));
      for (let end = 0; end < payload.length; end++) agree(payload.slice(0, end));
    }
  });

  it('makes lists that are not shared', () => {
    const payload = Uint8Array.of(2, 0, 0, 0, 254, 3, 0, 1, 4, 0, 0, 0);
    const { buffer, start, end } = lying(payload);
    const one = readRoute(buffer, start, end);
    one.flags?.push('mine');
    expect(readRoute(buffer, start, end).flags).toEqual(['onlink']);
  });
});
