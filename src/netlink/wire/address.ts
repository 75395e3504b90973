import { isIPv6 } from 'node:net';
import { putIpv4, putIpv6 } from './put-address.ts';

/** Addresses between text and network-order bytes, in the spelling of inet_ntop(3), which `ip` prints. */

export function formatIpv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

const groups = new Uint16Array(8);

export function formatIpv6(bytes: Uint8Array, at = 0): string {
  for (let i = 0; i < 8; i++) groups[i] = ((bytes[at + 2 * i] ?? 0) << 8) | (bytes[at + 2 * i + 1] ?? 0);
  return spellIpv6(groups, 128);
}

/** Eight groups of digits, seven colons, a dotted quad for two of the groups at most, and the prefix's length. */
const characters = Buffer.alloc(64);
const DIGITS = Buffer.from('0123456789abcdef');
const COLON = 0x3a;

/** Puts a number of up to 16 bits at `at` and returns where it ends. */
function putHex(at: number, value: number): number {
  let end = at;
  if (value > 0xfff) characters[end++] = DIGITS[value >>> 12] as number;
  if (value > 0xff) characters[end++] = DIGITS[(value >>> 8) & 0xf] as number;
  if (value > 0xf) characters[end++] = DIGITS[(value >>> 4) & 0xf] as number;
  characters[end++] = DIGITS[value & 0xf] as number;
  return end;
}

function putDecimal(at: number, value: number): number {
  let end = at;
  if (value > 99) characters[end++] = DIGITS[Math.trunc(value / 100)] as number;
  if (value > 9) characters[end++] = DIGITS[Math.trunc(value / 10) % 10] as number;
  characters[end++] = DIGITS[value % 10] as number;
  return end;
}

/** The address of these eight groups; with its length as a prefix unless that is 128. */
export function spellIpv6(words: Uint16Array, length: number): string {
  let zerosAt = -1;
  let zeros = 1; // a single zero word is not worth "::"
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && words[i + run] === 0) run++;
    if (run > zeros) {
      zerosAt = i;
      zeros = run;
    }
    if (run > 0) i += run - 1;
  }
  // inet_ntop(3) writes IPv4-compatible and IPv4-mapped addresses with a dotted quad.
  const dotted = zerosAt === 0 && (zeros === 6 || (zeros === 5 && words[5] === 0xffff));
  let end = 0;
  for (let i = 0; i < (dotted ? 6 : 8); i++) {
    if (i === zerosAt) {
      characters[end++] = COLON;
      if (zerosAt === 0) characters[end++] = COLON;
      i += zeros - 1;
      continue;
    }
    end = putHex(end, words[i] as number);
    if (i < 7) characters[end++] = COLON;
  }
  if (dotted) {
    for (let i = 12; i < 16; i++) {
      if (i > 12) characters[end++] = 0x2e;
      const word = words[i >> 1] as number;
      end = putDecimal(end, i % 2 === 0 ? word >>> 8 : word & 0xff);
    }
  }
  if (length !== 128) {
    characters[end++] = 0x2f;
    end = putDecimal(end, length);
  }
  return characters.toString('latin1', 0, end);
}

/** 4 bytes are IPv4, 16 are IPv6. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

export function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  return typeof text === 'string' && putIpv4(text, 0, text.length, bytes, 0) ? bytes : undefined;
}

export function parseIpv6(text: string): Uint8Array | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = new Uint8Array(16);
  if (putIpv6(text, 0, text.length, bytes, 0)) return bytes;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const quad = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let spelled = text;
  if (quad !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = quad[2]?.split('.').map(Number) ?? [];
    spelled = `${quad[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = spelled.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  all.forEach((word, i) => {
    bytes[2 * i] = word >> 8;
    bytes[2 * i + 1] = word & 0xff;
  });
  return bytes;
}

export function parseIp(text: string): Uint8Array | undefined {
  return typeof text === 'string' ? (parseIpv4(text) ?? parseIpv6(text)) : undefined;
}

/** Address families by number, linux/socket.h, and the words `ip -f` uses for them. */
export const AF = { unspec: 0, inet: 2, bridge: 7, inet6: 10, mpls: 28 } as const;
export type FamilyName = keyof typeof AF;

export function familyName(number: number): FamilyName | (string & {}) {
  for (const [name, value] of Object.entries(AF)) if (value === number) return name;
  return String(number);
}

export interface Prefix {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly bytes: Uint8Array;
  /** Bits; the whole address where the text gave none. */
  readonly length: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  if (typeof text !== 'string') return undefined;
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const digits = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= bytes.length * 8)) return undefined;
  return { family: bytes.length === 4 ? 'inet' : 'inet6', address: formatIp(bytes), bytes, length };
}
