/** A window of requests: what one sendmsg(2) takes to the kernel, and what its answers say. */
import type { NativeAnswer } from '../handle/native.ts';
import { decodeExtAck, type ExtAck } from './ext-ack.ts';
import { MESSAGE_HEADER, NLM_F, NLMSG } from './wire/message.ts';
import { align, WireView } from './wire/view.ts';

/**
 * Messages one after the other in memory that is used again and again. Whoever knows a message's size may write its
 * payload in place, through the views: at {@link RequestWindow.payloadAt}, a multiple of 4, and then `commit` it. The
 * words of the views are of the host's byte order, as netlink's are.
 */
export class RequestWindow {
  bytes: Uint8Array;
  halves: Uint16Array;
  words: Int32Array;
  /** Bytes written. */
  length = 0;
  /** Messages written. */
  count = 0;
  /** The sequence number of the first message; those of the others follow. */
  firstSeq = 1;
  /** Where each message starts, and what its writer knows it by. */
  readonly offsets: Int32Array;
  readonly tags: Int32Array;

  /** @param bytes of messages, and at most `messages` of them */
  constructor(bytes: number, messages: number) {
    const buffer = new ArrayBuffer(align(bytes));
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.offsets = new Int32Array(messages);
    this.tags = new Int32Array(messages);
  }

  reset(firstSeq: number): void {
    this.length = 0;
    this.count = 0;
    this.firstSeq = firstSeq;
  }

  /** Whether there is room for a message with so many bytes of payload. */
  fits(payload: number): boolean {
    return (
      this.count < this.offsets.length && this.length + MESSAGE_HEADER + align(payload) <= this.bytes.length
    );
  }

  /** Where the next message's payload starts. */
  get payloadAt(): number {
    return this.length + MESSAGE_HEADER;
  }

  /** Makes the bytes from {@link payloadAt} up to `end` a message. What pads it up to the next multiple of 4 is written. */
  commit(type: number, flags: number, end: number, tag: number): void {
    const start = this.length;
    const { words, halves } = this;
    words[start >> 2] = end - start;
    halves[(start >> 1) + 2] = type;
    halves[(start >> 1) + 3] = flags | NLM_F.request;
    words[(start >> 2) + 2] = (this.firstSeq + this.count) | 0;
    words[(start >> 2) + 3] = 0;
    this.offsets[this.count] = start;
    this.tags[this.count++] = tag;
    this.length = align(end);
  }

  /** A message of a payload written elsewhere. An empty window grows for one that is larger than it. */
  add(type: number, flags: number, payload: Uint8Array, tag: number): void {
    if (this.count === 0 && !this.fits(payload.length)) this.#grow(MESSAGE_HEADER + align(payload.length));
    const at = this.payloadAt;
    this.bytes.set(payload, at);
    const end = at + payload.length;
    this.bytes.fill(0, end, align(end));
    this.commit(type, flags, end, tag);
  }

  /** Asks for acknowledgements: of the last message, or of each. Errors come without being asked for. */
  requestAcks(each: boolean): void {
    for (let i = each ? 0 : this.count - 1; i < this.count; i++) {
      const half = ((this.offsets[i] ?? 0) >> 1) + 3;
      this.halves[half] = (this.halves[half] ?? 0) | NLM_F.ack;
    }
  }

  /** The request at a position, as it was asked. */
  request(position: number): { type: number; flags: number; payload: Uint8Array } {
    const start = this.offsets[position] ?? 0;
    const length = this.words[start >> 2] ?? 0;
    return {
      type: this.halves[(start >> 1) + 2] ?? 0,
      flags: this.halves[(start >> 1) + 3] ?? 0,
      payload: this.bytes.slice(start + MESSAGE_HEADER, start + length),
    };
  }

  #grow(bytes: number): void {
    const buffer = new ArrayBuffer(bytes);
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
  }
}

/** How the kernel refused one message. */
export interface Refusal {
  /** Negative. */
  readonly errno: number;
  readonly extAck?: ExtAck | undefined;
}

/** What has become of one message. `unknown`: it has been sent, and its answer is lost. */
export type MessageState = 'done' | 'refused' | 'unsent' | 'unknown';

/** What the answers to one window say. */
export class WindowOutcome {
  /** By position. */
  readonly refusals = new Map<number, Refusal>();
  /** 0, or the errno that kept messages from being sent or answers from being received. */
  readonly status: number;
  readonly #offsets: Int32Array;
  readonly #sent: number;
  /** Each message that was sent and not refused has been carried out. */
  readonly #certain: boolean;
  readonly #acknowledged = new Set<number>();

  constructor(window: RequestWindow, { status, sent, bytes }: NativeAnswer) {
    this.status = status;
    this.#offsets = window.offsets;
    this.#sent = sent;
    const lastSent = this.#read(window, bytes);
    this.#certain =
      lastSent >= 0 && (this.refusals.has(lastSent) || this.#acknowledged.has(lastSent)) && status === 0;
  }

  /** All of the window was carried out. */
  isWhole(window: RequestWindow): boolean {
    return this.#certain && this.refusals.size === 0 && this.#sent === window.length;
  }

  state(position: number): MessageState {
    if (this.refusals.has(position)) return 'refused';
    if ((this.#offsets[position] ?? 0) >= this.#sent) return 'unsent';
    return this.#certain || this.#acknowledged.has(position) ? 'done' : 'unknown';
  }

  /** Reads the answers, and returns the position of the last message that was sent, -1 for none. */
  #read(window: RequestWindow, bytes: Uint8Array): number {
    const view = new WireView(bytes);
    // What the kernel would never write ends the reading: what is not read is not known.
    for (let at = 0; at + MESSAGE_HEADER <= bytes.length; ) {
      const length = view.u32(at);
      if (length < MESSAGE_HEADER || at + length > bytes.length) break;
      const position = (view.u32(at + 8) - window.firstSeq) >>> 0;
      if (view.u16(at + 4) === NLMSG.error && position < window.count && length >= MESSAGE_HEADER + 4) {
        const errno = view.s32(at + MESSAGE_HEADER);
        if (errno === 0) this.#acknowledged.add(position);
        else if (errno < 0) {
          const tlvs = (view.u16(at + 6) & NLM_F.ackTlvs) !== 0;
          // Capped: the errno, and of the request only its header.
          const from = at + MESSAGE_HEADER + 4 + MESSAGE_HEADER;
          const extAck = tlvs && from < at + length ? decodeExtAck(view, from, at + length) : undefined;
          this.refusals.set(position, { errno, extAck });
        }
      }
      at += align(length);
    }
    let last = window.count - 1;
    while (last >= 0 && (window.offsets[last] ?? 0) >= this.#sent) last--;
    return last;
  }
}
