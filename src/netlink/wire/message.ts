import { align, WireError, WireView, WireWriter } from './view.ts';

/** nlmsghdr, uapi/linux/netlink.h: u32 length, u16 type, u16 flags, u32 sequence number, u32 port id. */
export const MESSAGE_HEADER = 16;

/** Control messages: types below NLMSG_MIN_TYPE mean the same in every protocol. */
export const NLMSG = { noop: 1, error: 2, done: 3, overrun: 4, minType: 16 } as const;

/** NLM_F_*: the first group in any message, then those of get, of new and of acknowledgements. */
export const NLM_F = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  echo: 0x8,
  dumpIntr: 0x10,
  dumpFiltered: 0x20,
  root: 0x100,
  match: 0x200,
  dump: 0x300,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
  /** Of a delete: all matching ones. */
  bulk: 0x200,
  capped: 0x100,
  ackTlvs: 0x200,
} as const;

export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly portId: number;
}

/** A whole message in one buffer: header and payload. The buffer is new and ends on a 4-byte boundary. */
export function encodeMessage(header: MessageHeader, payload: Uint8Array): Uint8Array {
  const writer = new WireWriter(align(MESSAGE_HEADER + payload.length));
  writer.u32(MESSAGE_HEADER + payload.length);
  writer.u16(header.type);
  writer.u16(header.flags);
  writer.u32(header.seq);
  writer.u32(header.portId);
  writer.raw(payload);
  writer.pad();
  return writer.bytes;
}

/**
 * Calls `visit` for each message of a datagram with the bounds of its payload. Throws a {@link WireError} where a
 * length is shorter than the header or longer than what is left; messages before that have been visited.
 */
export function walkMessages(
  bytes: Uint8Array,
  visit: (header: MessageHeader, start: number, end: number) => void,
): void {
  const view = new WireView(bytes);
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < MESSAGE_HEADER)
      throw new WireError(`${left} bytes at byte ${at} are too few for a message header`);
    const length = view.u32(at);
    if (length < MESSAGE_HEADER || length > left)
      throw new WireError(`message at byte ${at} claims ${length} of ${left} bytes`);
    visit(
      { type: view.u16(at + 4), flags: view.u16(at + 6), seq: view.u32(at + 8), portId: view.u32(at + 12) },
      at + MESSAGE_HEADER,
      at + length,
    );
    at += align(length);
  }
}
