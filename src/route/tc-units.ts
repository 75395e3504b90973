import { type Codec, ValueError } from '../netlink/wire/codec.ts';
import { WireError } from '../netlink/wire/view.ts';

/**
 * Units of traffic control. Everywhere in this library: rates in bytes per second, sizes in bytes, times in
 * microseconds (with a fraction where the kernel counts nanoseconds), probabilities from 0 to 1. `tc -j` shows rates and
 * sizes the same.
 */

/** The kernel's packet scheduler counts ticks of 64 ns; /proc/net/psched says the same since Linux 2.6.31. */
const TICK_NS = 64;
const TICKS_PER_US = 1000 / TICK_NS;
/** Less than any tick, more than what floating point loses. */
const EPSILON = 1e-4;

const U32_MAX = 0xffffffff;
const US_PER_SECOND = 1_000_000;

/** Microseconds as ticks, rounded down as `tc` does; a time that came of {@link ticksToTime} is the same ticks again. */
export function timeToTicks(us: number): number {
  return Math.floor(us * TICKS_PER_US + EPSILON);
}

/** Ticks as microseconds: exact. */
export function ticksToTime(ticks: number): number {
  return (ticks * TICK_NS) / 1000;
}

/** Whole microseconds of some ticks: what `tc` calculates with and shows. */
export function ticksToWholeTime(ticks: number): number {
  return Math.floor(ticks / TICKS_PER_US);
}

/** How long `size` bytes take at `rate`, in ticks: by way of whole microseconds, as `tc` reckons. */
export function transmitTicks(rate: number, size: number): number {
  return Math.floor(Math.floor(US_PER_SECOND * (size / rate)) * TICKS_PER_US) % (U32_MAX + 1);
}

/** How many bytes `ticks` are at `rate`: what `tc` shows as a burst, in 32 bits. */
export function transmitSize(rate: number, ticks: number): number {
  const bytes = Math.floor((rate * ticksToWholeTime(ticks)) / US_PER_SECOND);
  return bytes <= U32_MAX ? bytes : Number(BigInt.asUintN(32, BigInt(bytes)));
}

const NOT_NEGATIVE = 'a time in microseconds, 0 or more';

/** A u32 of whole microseconds. */
export const time32: Codec<number> = {
  size: 4,
  decode(view, start, end) {
    if (end - start < 4) throw new WireError(`time of ${end - start} bytes`);
    return view.u32(start);
  },
  encode(writer, value) {
    const us = typeof value === 'number' ? Math.floor(value) : Number.NaN;
    if (!(us >= 0 && us <= U32_MAX)) throw new ValueError(value, `${NOT_NEGATIVE}, at most ${U32_MAX}`);
    writer.u32(us);
  },
};

/** A u32 of ticks. */
export const ticks32: Codec<number> = {
  size: 4,
  decode: (view, start, end) => ticksToTime(time32.decode(view, start, end)),
  encode(writer, value) {
    const ticks = typeof value === 'number' ? timeToTicks(value) : Number.NaN;
    if (!(ticks >= 0 && ticks <= U32_MAX)) throw new ValueError(value, NOT_NEGATIVE);
    writer.u32(ticks);
  },
};

/** A u32 of nanoseconds, in microseconds. */
export const nanoseconds32: Codec<number> = {
  size: 4,
  decode: (view, start, end) => time32.decode(view, start, end) / 1000,
  encode(writer, value) {
    const ns = typeof value === 'number' ? Math.round(value * 1000) : Number.NaN;
    if (!(ns >= 0 && ns <= U32_MAX)) throw new ValueError(value, NOT_NEGATIVE);
    writer.u32(ns);
  },
};

/** An s64 of nanoseconds, in microseconds. */
export const nanoseconds64: Codec<number> = {
  size: 8,
  decode(view, start, end) {
    if (end - start < 8) throw new WireError(`time of ${end - start} bytes`);
    const ns = Number(view.s64(start));
    if (!Number.isSafeInteger(ns)) throw new WireError('time beyond 2 ** 53');
    return ns / 1000;
  },
  encode(writer, value) {
    const ns = typeof value === 'number' ? Math.round(value * 1000) : Number.NaN;
    if (!Number.isSafeInteger(ns)) throw new ValueError(value, 'a time in microseconds');
    writer.u64(BigInt.asUintN(64, BigInt(ns)));
  },
};

/** A u64 rate in bytes per second. */
export const rate64: Codec<number> = {
  size: 8,
  decode(view, start, end) {
    if (end - start < 8) throw new WireError(`rate of ${end - start} bytes`);
    const rate = Number(view.u64(start));
    if (!Number.isSafeInteger(rate)) throw new WireError('rate beyond 2 ** 53');
    return rate;
  },
  encode(writer, value) {
    checkRate(value);
    writer.u64(BigInt(value));
  },
};

/** Throws a ValueError for what is no rate. */
export function checkRate(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ValueError(value, 'a rate in bytes per second, an integer from 0 on');
}

/** A probability that the kernel keeps as a part of 2 ** 32 - 1. */
export const probability32: Codec<number> = {
  size: 4,
  decode: (view, start, end) => time32.decode(view, start, end) / U32_MAX,
  encode(writer, value) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw new ValueError(value, 'a probability from 0 to 1');
    writer.u32(Math.round(value * U32_MAX));
  },
};

/** A u32 that means yes or no. */
export const bool32: Codec<boolean> = {
  size: 4,
  decode: (view, start, end) => time32.decode(view, start, end) !== 0,
  encode(writer, value) {
    if (typeof value !== 'boolean') throw new ValueError(value, 'true or false');
    writer.u32(value ? 1 : 0);
  },
};
