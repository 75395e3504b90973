/**
 * Addresses from text into a buffer, without anything in between. Of IPv6 the spellings without a dotted quad: for
 * those, and for what is no address, this returns false, and may have written something.
 */

const COLON = 0x3a;
const DOT = 0x2e;
const ZERO = 0x30;
const groups = new Uint16Array(8);

/** Four decimal numbers in [start, end) of the text. */
export function putIpv4(text: string, start: number, end: number, bytes: Uint8Array, at: number): boolean {
  let position = start;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0 && text.charCodeAt(position++) !== DOT) return false;
    const first = position;
    let value = 0;
    for (; position < end; position++) {
      const digit = text.charCodeAt(position) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = position - first;
    if (digits === 0 || digits > 3 || value > 255) return false;
    if (digits > 1 && text.charCodeAt(first) === ZERO) return false;
    bytes[at + octet] = value;
  }
  return position === end;
}

/** Eight hexadecimal numbers, some of them perhaps left out as `::`. */
export function putIpv6(text: string, start: number, end: number, bytes: Uint8Array, at: number): boolean {
  let count = 0;
  let gap = -1;
  let position = start;
  if (text.charCodeAt(position) === COLON) {
    if (text.charCodeAt(position + 1) !== COLON || end - start < 2) return false;
    gap = 0;
    position += 2;
  }
  while (position < end) {
    if (count === 8) return false;
    const first = position;
    let value = 0;
    for (; position < end; position++) {
      const digit = hexDigit(text.charCodeAt(position));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (position === first || position - first > 4) return false;
    groups[count++] = value;
    if (position === end) break;
    if (text.charCodeAt(position++) !== COLON || position === end) return false;
    if (text.charCodeAt(position) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      position++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  const zeros = 8 - count;
  for (let i = 0; i < 8; i++) {
    const before = gap < 0 || i < gap;
    const value = before ? groups[i] : i < gap + zeros ? 0 : groups[i - zeros];
    bytes[at + 2 * i] = (value as number) >> 8;
    bytes[at + 2 * i + 1] = (value as number) & 0xff;
  }
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
