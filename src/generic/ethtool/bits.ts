/** Bits with names, as ethtool's family has them: read as words, written as words. */
import type { Bitset } from './wire.ts';

/** The names of the bits that are set. A bit that the kernel has no name for is its number. */
export function setBits(bitset: Bitset | undefined): string[] {
  return (bitset?.bits?.bits ?? [])
    .filter(({ value }) => value === true || bitset?.noMask === true)
    .map(nameOf);
}

/** The names of the bits that the set speaks of, set or not. */
export function mentionedBits(bitset: Bitset | undefined): string[] {
  return (bitset?.bits?.bits ?? []).map(nameOf);
}

function nameOf({ name, index }: { name?: string; index?: number }): string {
  return name ?? String(index ?? '');
}

/** Bits to change: those that are not named stay as they are. */
export function changeBits(changes: Readonly<Record<string, boolean>>): Bitset {
  const bits = Object.entries(changes).map(([name, value]) => ({ name, value }));
  return { bits: { bits } };
}

/** These bits and no others. */
export function exactBits(names: readonly string[]): Bitset {
  return { noMask: true, bits: { bits: names.map((name) => ({ name, value: true })) } };
}
