/**
 * AppArmor profiles without its compiler: what apparmor_parser(8) would write to the kernel, for a profile that allows
 * everything but one file. The format is that of security/apparmor/policy_unpack.c, ABI 5, which every kernel here takes.
 */
import { existsSync, writeFileSync } from 'node:fs';

const DIRECTORY = '/sys/kernel/security/apparmor';

/** Whether this kernel has AppArmor, and it is on. */
export const hasAppArmor = (): boolean => existsSync(`${DIRECTORY}/.load`);

export const loadProfile = (name: string, denied: string): void =>
  writeFileSync(`${DIRECTORY}/.load`, policy(name, denied));

export const removeProfile = (name: string): void => writeFileSync(`${DIRECTORY}/.remove`, name);

/** Types of what is told. */
const AA = { u32: 2, name: 4, string: 5, blob: 6, struct: 7, structEnd: 8 } as const;

const le16 = (value: number): number[] => [value & 0xff, value >> 8];
const le32 = (value: number): number[] => [...le16(value & 0xffff), ...le16(value >>> 16)];
const text = (value: string): number[] => [...le16(value.length + 1), ...Buffer.from(`${value}\0`)];
const named = (name: string): number[] => [AA.name, ...text(name)];
const words = (...values: number[]): number[] => values.flatMap((value) => [AA.u32, ...le32(value)]);
const struct = (name: string, content: readonly number[]): number[] => [
  ...named(name),
  AA.struct,
  ...content,
  AA.structEnd,
];

const ALL = 0xffffffff;

function policy(name: string, denied: string): Uint8Array {
  const head = [
    ...named('version'),
    ...words(5),
    ...named('profile'),
    AA.struct,
    ...[AA.string, ...text(name)],
    // No hat, enforced, not all of it audited.
    ...struct('flags', words(0, 0, 0)),
    // Capabilities: allowed, audited, quiet, extended; and those from 32 on.
    ...words(ALL, 0, 0, 0),
    ...struct('caps64', words(ALL, 0, 0, 0)),
    ...named('aadfa'),
    AA.blob,
  ];
  // It begins at a multiple of eight bytes.
  const padding = -(head.length + 4) & 7;
  const rules = automaton(denied);
  const padded = [...Array<number>(padding).fill(0), ...rules];
  return Uint8Array.from([...head, ...le32(padded.length), ...padded, AA.structEnd]);
}

const TABLE = { accept: 1, base: 2, check: 3, default: 4, accept2: 7, next: 8 } as const;

/** Read, write, append, execute as itself, link, lock and map to execute: what owns a file, and what does not. */
const EVERYTHING = 0x27f | (0x27f << 14);

/**
 * A path is read byte by byte: 0 is the end, 1 the start, those from there on follow the denied path, and in the last one
 * everything is allowed, whatever comes. The transitions of a state are 256 entries of their own.
 */
function automaton(denied: string): number[] {
  const path = Buffer.from(denied);
  const any = path.length + 2;
  const next = Array<number>((any + 1) * 256).fill(0);
  const check = [...next];
  for (const [index, byte] of path.entries()) {
    const state = index + 1;
    next[state * 256 + byte] = state + 1;
    check[state * 256 + byte] = state;
  }
  const each = (id: number, width: 2 | 4, content: (state: number) => number): Buffer =>
    table(
      id,
      width,
      Array.from({ length: any + 1 }, (_, state) => content(state)),
    );
  const tables = Buffer.concat([
    each(TABLE.accept, 4, (state) => (state === 0 || state === any - 1 ? 0 : EVERYTHING)),
    // What is audited.
    each(TABLE.accept2, 4, () => 0),
    each(TABLE.base, 4, (state) => state * 256),
    each(TABLE.default, 2, (state) => (state === 0 ? 0 : any)),
    table(TABLE.next, 2, next),
    table(TABLE.check, 2, check),
  ]);
  const header = Buffer.alloc(16);
  header.writeUInt32BE(0x1b5e783d, 0);
  header.writeUInt32BE(header.length, 4);
  header.writeUInt32BE(header.length + tables.length, 8);
  return [...header, ...tables];
}

/** Values of so many bytes each. */
function table(id: number, width: 2 | 4, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc((12 + values.length * width + 7) & ~7);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(width, 2);
  bytes.writeUInt32BE(values.length, 8);
  for (const [index, value] of values.entries()) bytes.writeUIntBE(value, 12 + index * width, width);
  return bytes;
}
