import fc from 'fast-check';
import {
  among,
  type Bytes,
  bool,
  joined,
  le,
  listOf,
  oneOf,
  rate64,
  some,
  time64,
  times,
  u8,
  u16,
  u32,
  u64,
  written,
} from './random-bytes.ts';

/** What disciplines and classes of each kind have in their messages: random values, such as a kernel might send. */

const rateSpec = joined(
  fc.nat(15).map((n) => le(1, n)),
  fc.nat(2).map((n) => le(1, n)),
  fc.oneof(
    fc.constant(le(2, 0)),
    fc.nat(0xffff).map((n) => le(2, n)),
  ),
  fc.constant(le(2, -1)),
  u16,
  // A rate of 0 makes tc divide by it.
  fc
    .oneof(fc.integer({ min: 1, max: 0xffffffff }), fc.constantFrom(125_000, 0xffffffff))
    .map((n) => le(4, n)),
);
const noRate = fc.constant(new Uint8Array(12));
/** Bursts, in units of 64 ns. */
const ticks = fc.nat(0xffffffff).map((n) => le(4, n));

/** TC_RED_ECN and its kin, in a byte. */
const redFlags = among(15).map((n) => n.slice(0, 1));

/** By kind: what TCA_OPTIONS and TCA_STATS_APP of a discipline hold. */
export const QDISCS: Readonly<Record<string, { options?: Bytes; app?: Bytes }>> = {
  fq: {
    options: some({
      ...Object.fromEntries([1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 13, 14].map((type) => [type, u32])),
      5: bool,
      8: among(31),
      15: fc.nat(1).map((n) => le(1, n)),
    }),
    app: joined(times(7, u64), time64, times(4, u32), times(3, u64)),
  },
  fq_codel: {
    options: some({
      ...Object.fromEntries([1, 2, 3, 5, 6, 7, 8, 9].map((type) => [type, u32])),
      4: bool,
      10: u8,
      11: u8,
    }),
    app: fc.oneof(
      joined(fc.constant(le(4, 0)), times(9, u32)),
      joined(fc.constant(le(4, 1)), times(4, u32), bool, u32, fc.constant(new Uint8Array(12))),
    ),
  },
  codel: {
    options: some({ 1: u32, 2: u32, 3: u32, 4: bool, 5: u32 }),
    app: joined(times(7, u32), bool, u32),
  },
  pie: {
    options: some({ 1: u32, 2: u32, 3: u32, 4: u32, 5: u32, 6: bool, 7: bool, 8: bool }),
    app: joined(u64, u32, u32, bool, times(5, u32)),
  },
  fq_pie: {
    options: some({
      ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((type) => [type, u32])),
      10: bool,
      11: bool,
      12: bool,
    }),
    app: times(9, u32),
  },
  cake: {
    options: some({
      2: rate64,
      3: among(5),
      4: among(2),
      5: among(8),
      6: fc.integer({ min: -64, max: 256 }).map((n) => le(4, n)),
      7: u32,
      8: u32,
      9: bool,
      10: u32,
      11: bool,
      12: fc.constant(le(4, 0)),
      13: bool,
      14: u32,
      15: bool,
      16: among(2),
      17: bool,
      18: u32,
    }),
    app: fc.oneof(
      some({
        2: rate64,
        3: u32,
        4: u32,
        5: u32,
        6: u32,
        7: u32,
        8: u32,
        9: u32,
        10: fc
          .tuple(
            fc.integer({ min: 1, max: 8 }),
            some(
              {},
              {
                2: u32,
                3: u64,
                4: u32,
                6: u32,
                8: u32,
                10: u32,
                11: u32,
                12: rate64,
                ...Object.fromEntries(
                  [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25].map((type) => [type, u32]),
                ),
              },
            ),
          )
          .map(([count, tin]) => written(Array.from({ length: count }, (_, i) => [i + 1, tin] as const))),
      }),
      some({ 11: u32, 12: u32, 13: bool, 14: u32, 15: u32, 16: u32 }),
    ),
  },
  htb: {
    options: some(
      { 5: u32, 9: fc.constant(new Uint8Array(0)) },
      {
        2: joined(
          u32,
          fc.nat(0x7fffffff).map((n) => le(4, n)),
          u32,
          u32,
          u32,
        ),
      },
    ),
  },
  tbf: {
    options: fc.oneof(
      some(
        { 4: rate64.filter((one) => one.some((byte) => byte !== 0)) },
        { 1: joined(rateSpec, noRate, u32, ticks, ticks) },
      ),
      some({}, { 1: joined(rateSpec, rateSpec, u32, ticks, ticks) }),
    ),
  },
  netem: {
    options: joined(
      joined(
        u32,
        fc.nat(0x7fffffff).map((n) => le(4, n)),
        u32,
        u32,
        u32,
        u32,
      ),
      some({
        1: times(3, u32),
        3: times(2, u32),
        4: times(2, u32),
        5: fc.oneof(some({}, { 1: times(5, u32) }), some({}, { 2: times(4, u32) })),
        6: times(
          4,
          fc.integer({ min: 1, max: 0x7fffffff }).map((n) => le(4, n)),
        ),
        7: bool,
        12: joined(time64, time64, times(2, u32), time64, time64),
      }),
    ),
  },
  prio: {
    options: fc.oneof(
      joined(among(16), times(16, u8)),
      joined(
        fc.constant(le(4, 16)),
        times(
          16,
          fc.nat(15).map((n) => le(1, n)),
        ),
      ),
    ),
  },
  pfifo_fast: { options: joined(among(16), times(16, u8)) },
  pfifo: { options: u32 },
  bfifo: { options: u32 },
  pfifo_head_drop: { options: u32 },
  sfq: {
    options: fc.oneof(
      times(5, u32),
      joined(
        times(10, u32),
        u8,
        u8,
        u8,
        among(3).map((n) => n.slice(0, 1)),
        times(7, u32),
      ),
    ),
    app: u32,
  },
  red: {
    options: some(
      {
        3: u32,
        4: joined(among(15), fc.constant(le(4, 15))),
        5: u32.filter((n) => n.some(Boolean)),
        6: u32.filter((n) => n.some(Boolean)),
      },
      {
        1: joined(
          u32,
          u32,
          u32,
          u8,
          u8,
          u8,
          among(7).map((n) => n.slice(0, 1)),
        ),
      },
    ),
    app: times(4, u32),
  },
  hfsc: { options: u16 },
  drr: {},
  ets: {
    options: some(
      { 2: u8, 3: listOf(4, u32) },
      {
        1: u8,
        5: fc
          .array(u8, { minLength: 16, maxLength: 16 })
          .map((all) => written(all.map((one) => [6, one] as const))),
      },
    ),
  },
  mqprio: {
    options: joined(
      fc.nat(16).map((n) => le(1, n)),
      times(16, u8),
      u8,
      times(32, u16),
      // 82 bytes, and the attributes begin where the next four do.
      fc.constant(new Uint8Array(2)),
      fc.oneof(
        fc.constant(new Uint8Array(0)),
        some({
          1: fc.constant(le(2, 1)),
          2: fc.constant(le(2, 1)),
          3: times(
            1,
            fc
              .array(rate64, { minLength: 16, maxLength: 16 })
              .map((all) => written(all.map((one) => [3, one] as const))),
          ),
          4: fc
            .array(rate64, { minLength: 16, maxLength: 16 })
            .map((all) => written(all.map((one) => [4, one] as const))),
        }).filter((one) => one.length > 0),
      ),
    ),
  },
  choke: {
    options: some({ 3: u32 }, { 1: joined(u32, u32, u32, u8, u8, u8, redFlags) }),
    app: times(5, u32),
  },
  hhf: {
    options: some(Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((type) => [type, u32]))),
    app: times(4, u32),
  },
  multiq: { options: joined(u16, u16) },
  qfq: {},
  skbprio: { options: u32 },
  cbs: { options: some({}, { 1: joined(u8, fc.constant(new Uint8Array(3)), times(4, u32)) }) },
  etf: { options: some({}, { 1: joined(u32, oneOf(0, 1, 7, 11, 5), among(7)) }) },
  sfb: {
    options: some({}, { 1: joined(times(4, u32), times(2, among(0xffff)), times(3, u32)) }),
    app: times(9, u32),
  },
  plug: {},
  mq: {},
  noqueue: {},
  clsact: { options: fc.constant(new Uint8Array(0)) },
  ingress: { options: fc.constant(new Uint8Array(0)) },
  unheard_of: { options: u64 },
};

export const CLASSES: Readonly<Record<string, { options?: Bytes; app?: Bytes }>> = {
  htb: {
    options: some(
      { 6: rate64, 7: rate64 },
      { 1: joined(rateSpec, rateSpec, ticks, ticks, among(200_000), among(7), among(7)) },
    ),
    app: times(5, u32),
  },
  hfsc: {
    options: fc.oneof(
      some({ 1: times(3, u32), 2: times(3, u32), 3: times(3, u32) }),
      times(3, u32).map((curve) =>
        written([
          [1, curve],
          [2, curve],
        ]),
      ),
    ),
    app: joined(u64, u64, u32, u32),
  },
  drr: { options: some({ 1: u32 }), app: u32 },
  ets: { options: some({ 4: u32 }) },
  qfq: { options: some({ 1: u32, 2: u32 }), app: times(2, u32) },
  fq_codel: { app: joined(fc.constant(le(4, 1)), times(4, u32), bool, u32, fc.constant(new Uint8Array(12))) },
  sfq: { app: u32 },
  cake: { app: some({ 11: u32, 12: u32, 13: bool, 14: u32, 15: u32, 16: u32 }) },
  mq: {},
  tbf: {},
};
