/**
 * Messages between an owner, its supervisor and pid 1 of each system, as native/supervisor/protocol.h has them: a header,
 * and fields of a tag, a length and bytes, padded to four. Both sides are of one build and one machine.
 */

/** Of a supervisor that another process has started, which may be of another build. */
export const PROTOCOL = 2;

export const Kind = {
  Create: 1,
  Run: 2,
  Signal: 3,
  End: 4,
  HostLink: 6,
  Attach: 7,
  Begin: 9,
  Logs: 10,
  Created: 16,
  Started: 17,
  Failed: 18,
  Done: 19,
  Exited: 24,
  Gone: 25,
  Stuck: 26,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const Tag = {
  Errno: 1,
  Call: 2,
  Path: 3,
  CgroupRoot: 16,
  CgroupGroup: 17,
  CgroupName: 18,
  Attribute: 19,
  Write: 20,
  Controllers: 21,
  Namespaces: 22,
  UidMap: 23,
  GidMap: 24,
  DenySetgroups: 25,
  Hostname: 26,
  Step: 27,
  Timeout: 28,
  Grace: 29,
  GivenNetns: 30,
  WantNetns: 31,
  MoveIn: 32,
  Ifname: 33,
  Protocol: 34,
  Inode: 35,
  Export: 36,
  ExportUid: 37,
  ExportGid: 38,
  ExportBytes: 39,
  ExportFiles: 40,
  ExportTimeout: 41,
  KeepLogs: 42,
  Upper: 43,
  Argument: 48,
  Environment: 49,
  Directory: 50,
  Uid: 51,
  Gid: 52,
  DroppedCapabilities: 53,
  NoNewPrivileges: 54,
  Seccomp: 55,
  Apparmor: 56,
  Terminal: 57,
  ClearGroups: 58,
  LandlockRead: 59,
  LandlockWrite: 60,
  Pty: 61,
  Window: 62,
  Command: 64,
  SignalNumber: 65,
  Code: 66,
  Status: 67,
  Usage: 68,
  Reason: 69,
  Statistics: 70,
  Pid: 71,
  Exported: 72,
} as const;
export type Tag = (typeof Tag)[keyof typeof Tag];

const HEADER = 12;
const FIELD_HEADER = 8;
const ALIGNMENT = 4;

/** What goes into one field: text in UTF-8, or a number of 64 bits. */
export type FieldValue = string | bigint | number | Uint8Array;
export type Fields = readonly (readonly [Tag, FieldValue])[];

const padded = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function bytesOf(value: FieldValue): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  return bytes;
}

export function encodeMessage(kind: Kind, serial: number, system: number, fields: Fields): Buffer {
  const encoded = fields.map(([tag, value]) => ({ tag, bytes: bytesOf(value) }));
  const size = encoded.reduce((sum, { bytes }) => sum + FIELD_HEADER + padded(bytes.length), HEADER);
  const message = Buffer.alloc(size);
  message.writeUInt32LE(kind, 0);
  message.writeUInt32LE(serial, 4);
  message.writeUInt32LE(system, 8);
  let at = HEADER;
  for (const { tag, bytes } of encoded) {
    message.writeUInt32LE(tag, at);
    message.writeUInt32LE(bytes.length, at + 4);
    message.set(bytes, at + FIELD_HEADER);
    at += FIELD_HEADER + padded(bytes.length);
  }
  return message;
}

/** A message that came. */
export class Message {
  readonly kind: Kind;
  readonly serial: number;
  readonly system: number;
  readonly #fields: { readonly tag: Tag; readonly bytes: Buffer }[] = [];

  constructor(bytes: Uint8Array) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.kind = buffer.readUInt32LE(0) as Kind;
    this.serial = buffer.readUInt32LE(4);
    this.system = buffer.readUInt32LE(8);
    for (let at = HEADER; at + FIELD_HEADER <= buffer.length; ) {
      const length = buffer.readUInt32LE(at + 4);
      const start = at + FIELD_HEADER;
      this.#fields.push({
        tag: buffer.readUInt32LE(at) as Tag,
        bytes: buffer.subarray(start, start + length),
      });
      at = start + padded(length);
    }
  }

  text(tag: Tag): string | undefined {
    return this.#fields.find((field) => field.tag === tag)?.bytes.toString();
  }

  texts(tag: Tag): string[] {
    return this.#fields.filter((field) => field.tag === tag).map(({ bytes }) => bytes.toString());
  }

  /** The numbers of a field, 64 bits each. */
  numbers(tag: Tag): number[] {
    const bytes = this.#fields.find((field) => field.tag === tag)?.bytes ?? Buffer.alloc(0);
    return Array.from({ length: bytes.length / 8 }, (_, index) => Number(bytes.readBigInt64LE(index * 8)));
  }

  number(tag: Tag): number | undefined {
    return this.numbers(tag)[0];
  }
}
