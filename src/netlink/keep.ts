/** Bytes of one block; a payload that is kept keeps its block. */
const BLOCK = 32 * 1024;
/** What is longer gets memory of its own. */
const SMALL = 4 * 1024;

let block = new Uint8Array(0);
let used = 0;

/**
 * A copy of `bytes` from `start` to `end` that nobody overwrites. Small ones share blocks: making a Uint8Array with
 * memory of its own costs a fifth of a request.
 */
export function keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > SMALL) return bytes.slice(start, end);
  if (used + length > block.length) {
    block = new Uint8Array(BLOCK);
    used = 0;
  }
  const at = used;
  block.set(bytes.subarray(start, end), at);
  // The next one starts on an 8-byte boundary, for who reads words.
  used = at + ((length + 7) & ~7);
  return block.subarray(at, at + length);
}
