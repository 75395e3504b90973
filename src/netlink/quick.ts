/**
 * The short way for what is asked most: a request whose answer is one message, while nothing else is going on. One
 * native call, and none of the bookkeeping that tells answers apart. Whatever comes of it goes the long way, unless
 * it is just that message.
 */
import { type NativeNetlink, REPORT } from '../handle/native.ts';
import type { Contention } from './contention.ts';
import { keep } from './keep.ts';
import type { MessageReader, NetlinkMessage, NetlinkRequest } from './message.ts';
import type { NetlinkProtocol } from './protocol.ts';
import type { Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import { MESSAGE_HEADER, NLM_F, NLMSG } from './wire/message.ts';
import {
  firstHalf,
  packHalves,
  type ReceiveBuffer,
  receiveBuffer,
  secondHalf,
} from './wire/receive-buffer.ts';

/** Bytes of a request that goes this way. A get takes 40. */
const LONGEST = 1024;

/** What is being sent, of whatever socket: it is the kernel's when the call returns. */
const outgoing = receiveBuffer(new Uint8Array(LONGEST));

export interface QuickParts {
  readonly native: NativeNetlink;
  readonly protocol: NetlinkProtocol;
  readonly contention: Contention;
  readonly sender: Sender;
  readonly receiver: Receiver;
}

export class Quick {
  readonly #parts: QuickParts;
  #buffer: ReceiveBuffer | undefined;
  #report: Int32Array | undefined;
  /** Bytes of the answer of the last {@link ask}, with its header; 0 where something else came. */
  #length = 0;

  constructor(parts: QuickParts) {
    this.#parts = parts;
  }

  /**
   * The sequence number that it was sent with, or 0 where nothing was sent. Unless {@link answered}, what `exchange`
   * received is still to be looked at.
   */
  ask({ type, flags = 0, payload, single }: NetlinkRequest): number {
    const { native, protocol, contention, sender, receiver } = this.#parts;
    this.#length = 0;
    const length = MESSAGE_HEADER + payload.length;
    if (single !== true || length > LONGEST || protocol.size > 0) return 0;
    if (!sender.idle || contention.high || !receiver.free) return 0;
    this.#buffer ??= receiveBuffer(native.buffer);
    this.#report ??= native.report;
    const seq = protocol.nextSeq();
    const { bytes, words } = outgoing;
    words[0] = length;
    words[1] = packHalves(type, flags | NLM_F.request);
    words[2] = seq;
    words[3] = protocol.portId;
    bytes.set(payload, MESSAGE_HEADER);
    if (native.exchange(bytes, length) < 0) return 0;
    contention.note(this.#report[REPORT.took] as number);
    this.#length = isAnswer(this.#buffer.words, this.#report, seq, protocol.portId)
      ? (this.#report[REPORT.received] as number)
      : 0;
    return seq;
  }

  /** What the last {@link ask} received is its answer, and lies in the buffer until something else is received. */
  get answered(): boolean {
    return this.#length > 0;
  }

  /** The answer, kept. */
  message(): NetlinkMessage {
    const { bytes, words } = this.#buffer as ReceiveBuffer;
    const kind = words[1] as number;
    return {
      type: firstHalf(kind),
      flags: secondHalf(kind),
      seq: (words[2] as number) >>> 0,
      portId: (words[3] as number) >>> 0,
      payload: keep(bytes, MESSAGE_HEADER, this.#length),
    };
  }

  /** The answer where it lies. */
  read<T>(reader: MessageReader<T>): T {
    const buffer = this.#buffer as ReceiveBuffer;
    return reader(firstHalf(buffer.words[1] as number), buffer, MESSAGE_HEADER, this.#length);
  }
}

/** Whether what was received is one message, and the answer. */
function isAnswer(words: Int32Array, report: Int32Array, seq: number, portId: number): boolean {
  const length = report[REPORT.received] as number;
  return (
    length >= MESSAGE_HEADER &&
    words[0] === length &&
    report[REPORT.group] === 0 &&
    words[2] === (seq | 0) &&
    words[3] === (portId | 0) &&
    firstHalf(words[1] as number) >= NLMSG.minType
  );
}
