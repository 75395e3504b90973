/**
 * The file format of rtmon(8), which `ip monitor file` reads: netlink messages one behind the other, each padded to 4
 * bytes, in the byte order of the host. When a message arrived stands in a message of its own before it.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CofferdamError } from '../handle/errors.ts';
import type { NetlinkMessage } from '../netlink/socket.ts';
import { encodeMessage, MESSAGE_HEADER, NLMSG } from '../netlink/wire/message.ts';
import { align, WireView } from '../netlink/wire/view.ts';

/** NLMSG_TSTAMP of iproute2: u32 seconds since 1970, u32 microseconds. */
const TIMESTAMP = 15;
const TIMESTAMP_PAYLOAD = 8;
/** Bytes read at once. */
const CHUNK = 64 * 1024;
/** No message of the kernel's is longer: what claims to be is no recording. */
const LONGEST = 1024 * 1024;
const EMPTY = new Uint8Array(0);

/** A recording that ends in the middle of a message, or that is none. Everything before `offset` was told. */
export class RecordingError extends CofferdamError {
  /** Where in the file the message starts that cannot be read, in bytes. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super('ERR_COFFERDAM_RECORDING', message);
    this.offset = offset;
  }
}

/** A message of a recording. */
export interface RecordedMessage extends NetlinkMessage {
  /** When it arrived: microseconds since 1970. Undefined for what stands before the first time. */
  readonly time: bigint | undefined;
  /** The time stands right before it, not further up. */
  readonly stamped: boolean;
}

/** The messages of a file, or of its bytes as they come, some at a time; it holds no more than these. */
export async function* readRecording(
  file: string | AsyncIterable<Uint8Array>,
): AsyncGenerator<RecordedMessage[], void, void> {
  let left: Uint8Array = EMPTY;
  let offset = 0;
  let time: bigint | undefined;
  let stamped = false;
  for await (const chunk of typeof file === 'string' ? chunks(file) : file) {
    // One copy: messages refer to it, and the next chunk may be the same memory.
    const bytes = new Uint8Array(left.length + chunk.length);
    bytes.set(left);
    bytes.set(chunk, left.length);
    const view = new WireView(bytes);
    const messages: RecordedMessage[] = [];
    let at = 0;
    let problem: RecordingError | undefined;
    while (bytes.length - at >= MESSAGE_HEADER) {
      const length = view.u32(at);
      if (length < MESSAGE_HEADER || length > LONGEST) {
        problem = new RecordingError(`byte ${offset + at}: no message is ${length} bytes long`, offset + at);
        break;
      }
      if (at + align(length) > bytes.length) break;
      const type = view.u16(at + 4);
      const payload = bytes.subarray(at + MESSAGE_HEADER, at + length);
      if (type === TIMESTAMP && payload.length >= TIMESTAMP_PAYLOAD) {
        time = BigInt(view.u32(at + 16)) * 1_000_000n + BigInt(view.u32(at + 20));
        stamped = true;
      } else {
        const [flags, seq, portId] = [view.u16(at + 6), view.u32(at + 8), view.u32(at + 12)];
        messages.push({ type, flags, seq, portId, payload, time, stamped });
        stamped = false;
      }
      at += align(length);
    }
    if (messages.length > 0) yield messages;
    if (problem !== undefined) throw problem;
    left = bytes.subarray(at);
    offset += at;
  }
  if (left.length > 0)
    throw new RecordingError(
      `the recording ends in the middle of a message, ${left.length} bytes after byte ${offset}`,
      offset,
    );
}

async function* chunks(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(CHUNK);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** What a recorder puts for news that the kernel dropped: NLMSG_OVERRUN means just that. */
export const LOST: NetlinkMessage = { type: NLMSG.overrun, flags: 0, seq: 0, portId: 0, payload: EMPTY };

/** Writes a recording. */
export class RecordingWriter {
  readonly #file: FileHandle;
  #messages = 0;
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes the file, or empties it. */
  static async create(path: string): Promise<RecordingWriter> {
    return new RecordingWriter(await open(path, 'w'));
  }

  get messages(): number {
    return this.#messages;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that arrived now: each with the time before it, or, with `once`, the time before the first only. */
  async write(messages: readonly NetlinkMessage[], once = false): Promise<void> {
    const stamp = timestamp();
    const parts = messages.flatMap((message, index) => {
      const bytes = encodeMessage(message, message.payload);
      return once && index > 0 ? [bytes] : [stamp, bytes];
    });
    const block = Buffer.concat(parts);
    // A full disk takes a part and says so with the rest.
    for (let at = 0; at < block.length; ) at += (await this.#file.write(block, at)).bytesWritten;
    this.#messages += messages.length;
    this.#bytes += block.length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function timestamp(): Uint8Array {
  const now = Date.now();
  const payload = new Uint32Array([Math.trunc(now / 1000), (now % 1000) * 1000]);
  return encodeMessage({ type: TIMESTAMP, flags: 0, seq: 0, portId: 0 }, new Uint8Array(payload.buffer));
}
