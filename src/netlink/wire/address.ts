import { isIPv4, isIPv6 } from 'node:net';

/** Addresses between text and network-order bytes, in the spelling of inet_ntop(3), which `ip` prints. */

export function formatIpv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

export function formatIpv6(bytes: Uint8Array, at = 0): string {
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push(((bytes[at + i] ?? 0) << 8) | (bytes[at + i + 1] ?? 0));
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
  const head = zerosAt < 0 ? words : words.slice(0, zerosAt);
  const tail = zerosAt < 0 ? [] : words.slice(zerosAt + zeros, dotted ? 6 : 8);
  const spell = (list: number[]) => list.map((word) => word.toString(16)).join(':');
  if (zerosAt < 0) return spell(head);
  const after = dotted
    ? [...tail.map((word) => word.toString(16)), formatIpv4(bytes, at + 12)].join(':')
    : spell(tail);
  return `${spell(head)}::${after}`;
}

/** 4 bytes are IPv4, 16 are IPv6. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

export function parseIpv4(text: string): Uint8Array | undefined {
  return isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : undefined;
}

export function parseIpv6(text: string): Uint8Array | undefined {
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
  const bytes = new Uint8Array(16);
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
