import { ValueError } from '../netlink/wire/codec.ts';

/** Runs an encoder; errors name fields as the caller's object has them, without the nests that the wire puts them in. */
export function ownPath(nests: readonly string[], encode: () => void): void {
  try {
    encode();
  } catch (error) {
    if (error instanceof ValueError) while (nests.includes(error.path[0] ?? '')) error.path.shift();
    throw error;
  }
}
