/** Names of files, as native/addon/file_name.cc spells them, for what Node reads. */
import { isUtf8 } from 'node:buffer';

/** Bytes that are no UTF-8 become lone surrogates, U+DC80 to U+DCFF for 0x80 to 0xFF. */
export function fileName(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    // The first character: the fewest bytes that are UTF-8 by themselves.
    const length = [1, 2, 3, 4].find((count) => count <= rest.length && isUtf8(rest.subarray(0, count)));
    text +=
      length === undefined ? String.fromCharCode(0xdc00 + (rest[0] ?? 0)) : rest.toString('utf8', 0, length);
    at += length ?? 1;
  }
  return text;
}
