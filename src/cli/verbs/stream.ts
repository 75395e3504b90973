import { isatty } from 'node:tty';
import type { NetlinkMessage } from '../../netlink/message.ts';
import { encodeMessage, walkMessages } from '../../netlink/wire/message.ts';
import { FindingError, UsageError } from '../args.ts';
import type { ShowContext } from '../show/view.ts';

/**
 * What `ip OBJECT save` writes and `restore` reads: a magic number, then netlink messages as the kernel sent them. The
 * numbers are iproute2's, so that what one wrote the other can read.
 */
export const MAGIC = { address: 0x47361222, route: 0x45311224, rule: 0x71706986 } as const;

const MAGIC_SIZE = 4;

/** Writes the stream to stdout. */
export function writeStream(magic: number, messages: readonly NetlinkMessage[], context: ShowContext): void {
  refuseTerminal();
  const head = new DataView(new ArrayBuffer(MAGIC_SIZE));
  head.setUint32(0, magic, LITTLE_ENDIAN);
  const parts = messages.map((message) => encodeMessage(message, message.payload));
  context.write(Buffer.concat([new Uint8Array(head.buffer), ...parts]));
}

/** Before anything is asked of the kernel: bytes would make a mess of a terminal. */
export function refuseTerminal(): void {
  if (isatty(1)) throw new UsageError('Not sending a binary stream to stdout');
}

/** The machine's own order: a stream is read where it was written. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The payloads of a stream's messages of one type, from stdin. `what` is `route`, for messages. */
export async function readStream(magic: number, type: number, what: string): Promise<Uint8Array[]> {
  if (isatty(0)) throw new UsageError(`Can't restore ${what} dump from a terminal`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const found = bytes.length < MAGIC_SIZE ? 0 : LITTLE_ENDIAN ? bytes.readUInt32LE() : bytes.readUInt32BE();
  if (found !== magic) {
    const elements = bytes.length < MAGIC_SIZE ? 0 : 1;
    throw new FindingError(`Magic mismatch (${elements} elems, ${found.toString(16)} magic)`);
  }
  const body = Uint8Array.from(bytes.subarray(MAGIC_SIZE));
  const payloads: Uint8Array[] = [];
  walkMessages(body, (header, start, end) => {
    if (header.type === type) payloads.push(body.subarray(start, end));
  });
  return payloads;
}
