/**
 * The short way for what is asked most: a request whose answer is one message, while nothing else is going on. One
 * native call, and none of the bookkeeping that tells answers apart. Whatever comes of it goes the long way, unless
 * it is just that message.
 */
import { type NativeNetlink, REPORT } from '../handle/native.ts';
import type { Contention } from './contention.ts';
import { keep } from './keep.ts';
import type { NetlinkMessage, NetlinkRequest } from './message.ts';
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

  constructor(parts: QuickParts) {
    this.#parts = parts;
  }

  /**
   * The answer. Or the sequence number that it was sent with, where something else came: what `exchange` received is
   * then still to be looked at. Or 0, where nothing was sent.
   */
  ask({ type, flags = 0, payload, single }: NetlinkRequest): NetlinkMessage | number {
    const { native, protocol, contention, sender, receiver } = this.#parts;
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
    return this.#answer(seq, this.#buffer, this.#report) ?? seq;
  }

  /** What was received, if that is one message, and ours. */
  #answer(seq: number, buffer: ReceiveBuffer, report: Int32Array): NetlinkMessage | undefined {
    const { portId } = this.#parts.protocol;
    const { words } = buffer;
    const length = report[REPORT.received] as number;
    if (length < MESSAGE_HEADER || words[0] !== length || report[REPORT.group] !== 0) return undefined;
    if (words[2] !== (seq | 0) || words[3] !== (portId | 0)) return undefined;
    const kind = words[1] as number;
    const type = firstHalf(kind);
    if (type < NLMSG.minType) return undefined;
    return {
      type,
      flags: secondHalf(kind),
      seq,
      portId,
      payload: keep(buffer.bytes, MESSAGE_HEADER, length),
    };
  }
}
