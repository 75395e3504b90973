/** Names and words out of the wire: short, ASCII, and the same again and again. */

const utf8 = new TextDecoder();

/** So many texts of up to so many bytes are remembered. */
const REMEMBERED = 256;
const SHORT = 15;
const known = new Array<string>(REMEMBERED).fill('');

/** Up to so many characters are one piece in memory when they are put together one by one. */
const PIECE = 12;
const CHARACTERS = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));

/** NUL-terminated text in [start, end), or all of it where there is no NUL. UTF-8, as a TextDecoder reads it. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let hash = 0;
  let all = 0;
  let stop = start;
  for (; stop < end; stop++) {
    const byte = bytes[stop] as number;
    if (byte === 0) break;
    hash = (hash * 31 + byte) | 0;
    all |= byte;
  }
  const length = stop - start;
  if (length > SHORT || all > 0x7f) return utf8.decode(bytes.subarray(start, stop));
  const slot = hash & (REMEMBERED - 1);
  const text = known[slot] as string;
  if (says(text, bytes, start, length)) return text;
  const made = length <= PIECE ? spelled(bytes, start, stop) : utf8.decode(bytes.subarray(start, stop));
  known[slot] = made;
  return made;
}

function says(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function spelled(bytes: Uint8Array, start: number, stop: number): string {
  let text = '';
  for (let at = start; at < stop; at++) text += CHARACTERS[bytes[at] as number];
  return text;
}

const OCTETS = Array.from({ length: 0x100 }, (_, octet) => octet.toString(16).padStart(2, '0'));
/** Ethernet's broadcast address: every link's. */
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const ETHERNET = 6;
const characters = Buffer.alloc(3 * ETHERNET);
const DIGITS = Buffer.from('0123456789abcdef');
const COLON = 0x3a;

/** Octets in hex, joined by colons. */
export function readOctets(bytes: Uint8Array, start: number, end: number): string {
  if (end - start !== ETHERNET) return joinedOctets(bytes, start, end);
  let every = 0xff;
  for (let i = 0; i < ETHERNET; i++) {
    const octet = bytes[start + i] as number;
    every &= octet;
    characters[3 * i] = DIGITS[octet >>> 4] as number;
    characters[3 * i + 1] = DIGITS[octet & 0xf] as number;
    characters[3 * i + 2] = COLON;
  }
  return every === 0xff ? BROADCAST : characters.toString('latin1', 0, 3 * ETHERNET - 1);
}

function joinedOctets(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += (at > start ? ':' : '') + OCTETS[bytes[at] as number];
  return text;
}
