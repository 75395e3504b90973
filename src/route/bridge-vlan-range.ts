/** VLANs in a row, as the kernel puts them together. */
export interface VlanRange {
  vid: number;
  /** The last one, where there are several. */
  vidEnd?: number;
}

/** VLAN ids are 12 bits. */
export const VLAN_MAX = 4095;

/** BRIDGE_VLAN_INFO_*, uapi/linux/if_bridge.h. */
export const VLAN_INFO = {
  master: 0x01,
  pvid: 0x02,
  untagged: 0x04,
  rangeBegin: 0x08,
  rangeEnd: 0x10,
  brentry: 0x20,
  onlyOpts: 0x40,
} as const;

/** Those of one VLAN, in the words of `bridge`. */
export const VLAN_FLAGS = { pvid: VLAN_INFO.pvid, untagged: VLAN_INFO.untagged } as const;
export type BridgeVlanFlag = keyof typeof VLAN_FLAGS | (string & {});

/**
 * Puts the two halves of ranges together: what begins one is kept until what ends it. `entries` have their flags as
 * on the wire.
 */
export function joinRanges<T extends { flags: number }, R>(
  entries: readonly T[],
  make: (first: T, last: T) => R,
): R[] {
  const ranges: R[] = [];
  let first: T | undefined;
  for (const entry of entries) {
    if ((entry.flags & VLAN_INFO.rangeBegin) !== 0) {
      first = entry;
      continue;
    }
    const ends = (entry.flags & VLAN_INFO.rangeEnd) !== 0;
    ranges.push(make(ends && first !== undefined ? first : entry, entry));
    first = undefined;
  }
  return ranges;
}

/** The VLANs of a range each by itself; a range that cannot be stays as it is. */
export function expandRange<T extends VlanRange>(range: T, single: (range: T, vid: number) => T): T[] {
  const { vid, vidEnd = vid } = range;
  if (vidEnd <= vid || vidEnd > VLAN_MAX) return [range];
  return Array.from({ length: vidEnd - vid + 1 }, (_, i) => single(range, vid + i));
}
