/**
 * The netlink protocol as a pure state machine: bytes in, events out. No socket, no clock, no promise, so every
 * failure can be tested without a kernel. man 7 netlink, uapi/linux/netlink.h, net/netlink/af_netlink.c.
 *
 * Whoever drives it sends what {@link NetlinkProtocol.outgoing} gives, feeds each datagram to `receive`, and says
 * `overrun`, `truncated` and `drained` when the socket does. The answers to different requests interleave; each
 * finds its request by sequence number. What the kernel can only do once at a time is queued here: a dump
 * (a second one on the same socket gets EBUSY).
 */
import { feedSink } from './dump-sink.ts';
import { readEnding } from './ending.ts';
import { keep } from './keep.ts';
import type { MessageSink, NetlinkMessage } from './message.ts';
import type { Pending } from './pending.ts';
import type { ProtocolEvent } from './protocol-event.ts';
import {
  encodeMessage,
  MESSAGE_HEADER,
  type MessageHeader,
  NLM_F,
  NLMSG,
  walkMessages,
} from './wire/message.ts';
import type { ReceiveBuffer } from './wire/receive-buffer.ts';
import { WireError, WireView } from './wire/view.ts';

/** A message to send. */
export interface Outgoing {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** Better sent on a thread. */
  readonly aside: boolean;
}

export interface StartOptions {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  /** Answered by many messages and NLMSG_DONE, one such request at a time. */
  readonly dump: boolean;
  /** Answered by one message, which is the end; not by an acknowledgement. */
  readonly single?: boolean | undefined;
  /** The kernel takes long over it. */
  readonly aside?: boolean | undefined;
  /** Gets the dump's messages instead of events. */
  readonly sink?: MessageSink | undefined;
  /** Messages that follow in the same datagram; see {@link NetlinkRequest.parts}. */
  readonly parts?: readonly Pick<StartOptions, 'type' | 'flags' | 'payload'>[] | undefined;
}

const MAX_SEQ = 0xffff_ffff;

export class NetlinkProtocol {
  /** The socket's own. */
  readonly portId: number;
  readonly #maxSeq: number;
  #lastSeq: number;
  #started = 0;
  readonly #pending = new Map<number, Pending>();
  /** Requests of several messages, by the sequence numbers of those after the first. */
  readonly #parts = new Map<number, Pending>();
  /** Not sent yet, in order. Dumps wait here for their turn. */
  #queue: Pending[] = [];
  /** The dump on the wire, abandoned or not. */
  #dump: Pending | undefined;
  /** An overrun happened, and what it took is not judged yet. */
  #overrun = false;
  /** Sequence number of the probe on its way, 0 for none; see {@link drained}. */
  #probe = 0;
  #probeAnswered = false;
  #strays = 0;
  #signsOfLife = 0;

  /**
   * @param portId the socket's own: replies to others are none of ours
   * @param lastSeq the sequence number before the first, for tests, which set the greatest one as well
   */
  constructor(portId: number, lastSeq = 0, maxSeq = MAX_SEQ) {
    this.portId = portId;
    this.#lastSeq = lastSeq;
    this.#maxSeq = maxSeq;
  }

  /** A sequence number: never 0, which notifications have, never one in use. */
  nextSeq(): number {
    do this.#lastSeq = this.#lastSeq >= this.#maxSeq ? 1 : this.#lastSeq + 1;
    while (this.#pending.has(this.#lastSeq) || this.#parts.has(this.#lastSeq));
    return this.#lastSeq;
  }

  /** Enters a request and returns its sequence number. */
  start(
    { type, flags, payload, dump, single = false, aside = false, sink, parts = [] }: StartOptions,
    seq: number = this.nextSeq(),
  ): number {
    const { portId } = this;
    const first = encodeMessage({ type, flags, seq, portId }, payload);
    const others = parts.map((part) => ({ seq: this.nextSeq(), ...part }));
    const bytes =
      others.length === 0
        ? first
        : Buffer.concat([first, ...others.map((one) => encodeMessage({ ...one, portId }, one.payload))]);
    const pending: Pending = {
      seq,
      order: this.#started++,
      parts: others.map((one) => one.seq),
      bytes,
      dump,
      single,
      aside,
      sink,
      sent: false,
      underway: false,
      abandoned: false,
      interrupted: false,
      suspect: false,
      damaged: false,
    };
    this.#pending.set(seq, pending);
    for (const part of pending.parts) this.#parts.set(part, pending);
    this.#queue.push(pending);
    return seq;
  }

  /** The next message to send. It stays the next until {@link sent}, {@link reject} or {@link abort}. */
  outgoing(): Outgoing | undefined {
    if (this.#queue.length === 0) return undefined;
    return this.#dump === undefined ? this.#queue[0] : this.#queue.find((pending) => !pending.dump);
  }

  /** The kernel has it; or, `underway`, is about to get it, and {@link arrived} or {@link unsent} will say. */
  sent(seq: number, underway = false): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined || pending.sent) return;
    this.#unqueue(pending);
    pending.sent = true;
    pending.underway = underway;
    if (pending.dump) this.#dump = pending;
  }

  /** The kernel has what was underway. */
  arrived(seq: number): void {
    const pending = this.#pending.get(seq);
    if (pending !== undefined) pending.underway = false;
  }

  /** The kernel did not take what was underway: it is sent again before what was asked later, if anybody still waits. */
  unsent(seq: number): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined || !pending.underway) return;
    pending.underway = pending.sent = pending.suspect = false;
    if (this.#dump === pending) this.#dump = undefined;
    if (pending.abandoned) this.#forget(pending);
    else {
      const later = this.#queue.findIndex(({ order }) => order > pending.order);
      this.#queue.splice(later < 0 ? this.#queue.length : later, 0, pending);
    }
  }

  /** It could not be sent, for good. */
  reject(seq: number): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined || pending.sent) return;
    this.#unqueue(pending);
    this.#forget(pending);
    if (seq === this.#probe) this.#probe = 0;
  }

  /**
   * Nobody waits for this any more. Unsent it is forgotten. A dump on the wire is swallowed up to its end, before
   * which no other can start. Another request's late answer is recognized by belonging to nobody.
   */
  abort(seq: number): void {
    const pending = this.#pending.get(seq);
    if (pending === undefined) return;
    if (pending.sent && pending.dump) {
      pending.abandoned = true;
      return;
    }
    this.#unqueue(pending);
    this.#forget(pending);
  }

  /** The end of the abandoned dump on the wire is not waited for any longer. */
  giveUpDraining(): void {
    if (this.#dump?.abandoned) this.#end(this.#dump);
  }

  /** An abandoned dump is on the wire: datagrams must be received, or the next dump cannot start. */
  get draining(): boolean {
    return this.#dump?.abandoned === true;
  }

  /** A dump is on the wire, whoever wants it. */
  get dumping(): boolean {
    return this.#dump !== undefined;
  }

  /** Grows with what comes of dumps, swallowed messages too. */
  get signsOfLife(): number {
    return this.#signsOfLife;
  }

  /** Sequence numbers in use. */
  get size(): number {
    return this.#pending.size;
  }

  /** Unicast messages that belonged to no request: late answers to given-up ones. */
  get strays(): number {
    return this.#strays;
  }

  /**
   * A datagram, `start` to `end` of the buffer, of which nothing is kept.
   *
   * @param start a multiple of 4
   * @param group the multicast group it was sent to, 0 for unicast. Headers cannot tell: the news of what this
   *   very socket asked for carry its port id and sequence number.
   */
  receive(buffer: ReceiveBuffer, start: number, end: number, group = 0): ProtocolEvent[] {
    const events: ProtocolEvent[] = [];
    // Its own messages come first in a dump's datagram, and mostly there are no others.
    const from = group === 0 ? this.#sink(buffer, start, end, events) : start;
    if (from === end) return events;
    try {
      this.#walk(buffer, from, end, group, events);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      events.push({ kind: 'malformed', error });
      this.#damage(events);
    }
    return events;
  }

  /** What of a datagram is for a dump's sink. Returns where the rest starts. */
  #sink(buffer: ReceiveBuffer, start: number, end: number, events: ProtocolEvent[]): number {
    const dump = this.#dump;
    if (dump?.sink === undefined || dump.abandoned) return start;
    const { seq } = dump;
    try {
      const rest = feedSink(dump.sink, dump, this.portId, buffer, start, end);
      if (rest === start) return start;
      dump.suspect = false;
      this.#signsOfLife++;
      events.push({ kind: 'progress', seq });
      return rest;
    } catch (error) {
      // The rest is walked with the whole: it is swallowed, and its end seen.
      dump.abandoned = true;
      events.push({ kind: 'failed', seq, error });
      return start;
    }
  }

  /** All other messages. */
  #walk(buffer: ReceiveBuffer, from: number, until: number, group: number, events: ProtocolEvent[]): void {
    const bytes = buffer.bytes.subarray(from, until);
    const view = new WireView(bytes);
    // The datagram lies in a buffer that the next one overwrites. One copy for all its messages, and none where
    // nobody gets to see them (acknowledgements, what is swallowed).
    let copy: Uint8Array | undefined;
    walkMessages(bytes, (header, start, end) => {
      const { type, flags, seq, portId } = header;
      const message = (): NetlinkMessage => {
        copy ??= keep(bytes, 0, bytes.length);
        return { type, flags, seq, portId, payload: copy.subarray(start, end) };
      };
      if (type === NLMSG.noop) return;
      if (type === NLMSG.overrun) {
        events.push(...this.overrun());
        return;
      }
      if (group !== 0) {
        if (type >= NLMSG.minType) events.push({ kind: 'notification', group, message: message() });
        return;
      }
      const pending = this.#pending.get(seq) ?? this.#parts.get(seq);
      // Some protocols leave nlmsg_pid 0 in their answers.
      if (pending === undefined || !pending.sent || (portId !== this.portId && portId !== 0)) {
        this.#strays++;
        return;
      }
      pending.suspect = false;
      if (pending.dump) this.#signsOfLife++;
      if ((flags & NLM_F.dumpIntr) !== 0 && pending.dump) pending.interrupted = true;
      if (type === NLMSG.error || type === NLMSG.done) this.#ended(pending, header, view, start, end, events);
      else if (pending.abandoned) return;
      else if (pending.sink !== undefined)
        this.#sink(buffer, from + start - MESSAGE_HEADER, from + end, events);
      else {
        events.push({ kind: 'message', seq: pending.seq, message: message() });
        if (pending.single) this.#answered(pending, events);
      }
    });
  }

  /** The socket said ENOBUFS: datagrams were dropped, answers among them perhaps. */
  overrun(): ProtocolEvent[] {
    this.#overrun = true;
    this.#probeAnswered = false;
    for (const pending of this.#pending.values()) if (pending.sent) pending.suspect = true;
    return [{ kind: 'overrun' }];
  }

  /** A datagram did not fit the buffer (EMSGSIZE): it is gone, and whose it was is unknown. */
  truncated(): ProtocolEvent[] {
    const events = this.overrun();
    this.#damage(events);
    return events;
  }

  /**
   * Nothing waits in the socket. The kernel answers while it takes the request, so what was asked before an
   * overrun and is still unanswered now has lost its answer.
   *
   * A dump is different: the kernel goes on with it when we receive, never drops its parts, but fails to go on
   * where the buffer was full at that moment, and then nothing would make it try again. So it gets a probe, a
   * message that is merely acknowledged: receiving the acknowledgement makes the kernel go on. If the dump is
   * still silent after that, its end was lost.
   */
  drained(): ProtocolEvent[] {
    const events: ProtocolEvent[] = [];
    if (!this.#overrun) return events;
    this.#overrun = false;
    for (const pending of [...this.#pending.values()]) {
      if (!pending.suspect) continue;
      // Whether it has been answered cannot be told before the kernel has it.
      if (pending.underway) this.#overrun = true;
      if (pending.dump || pending.underway) continue;
      this.#forget(pending);
      if (pending.seq === this.#probe) this.#probe = 0;
      else events.push({ kind: 'lost', seq: pending.seq });
    }
    const dump = this.#dump;
    if (dump?.suspect && !dump.underway) {
      if (this.#probeAnswered) {
        this.#end(dump);
        if (!dump.abandoned) events.push({ kind: 'lost', seq: dump.seq });
      } else if (this.#probe === 0) {
        const flags = NLM_F.request | NLM_F.ack;
        this.#probe = this.start({ type: NLMSG.noop, flags, payload: new Uint8Array(0), dump: false });
      } else {
        // The probe is still unsent: look again when it is answered.
        this.#overrun = true;
      }
    }
    this.#probeAnswered = false;
    return events;
  }

  /** Forgets everything and returns the sequence numbers that somebody still waits for. */
  close(): number[] {
    const waiting = [...this.#pending.values()].filter(
      (pending) => !pending.abandoned && pending.seq !== this.#probe,
    );
    this.#pending.clear();
    this.#parts.clear();
    this.#queue = [];
    this.#dump = undefined;
    this.#probe = 0;
    this.#overrun = false;
    return waiting.map((pending) => pending.seq);
  }

  /** NLMSG_ERROR (0 is an acknowledgement) or NLMSG_DONE (of a dump, perhaps with an errno). */
  #ended(
    pending: Pending,
    { type, flags, seq: answered }: MessageHeader,
    view: WireView,
    start: number,
    end: number,
    events: ProtocolEvent[],
  ): void {
    const { seq, interrupted } = pending;
    this.#end(pending);
    if (seq === this.#probe) {
      this.#probe = 0;
      this.#probeAnswered = true;
      this.#overrun = true;
      return;
    }
    if (pending.abandoned) return;
    const ending = readEnding(type, flags, view, start, end);
    if (ending instanceof WireError) {
      events.push({ kind: 'malformed', error: ending });
      events.push({ kind: 'lost', seq });
    } else if (ending.errno < 0) {
      const part = pending.parts.indexOf(answered);
      events.push({ kind: 'error', seq, ...ending, ...(part >= 0 && { part }) });
    } else if (pending.damaged) events.push({ kind: 'lost', seq });
    else if (ending.extAck === undefined) events.push({ kind: 'done', seq, interrupted });
    else events.push({ kind: 'done', seq, interrupted, extAck: ending.extAck });
  }

  /** The one message that it was to get has come. */
  #answered(pending: Pending, events: ProtocolEvent[]): void {
    const { seq } = pending;
    this.#end(pending);
    events.push(pending.damaged ? { kind: 'lost', seq } : { kind: 'done', seq, interrupted: false });
  }

  #end(pending: Pending): void {
    this.#forget(pending);
    if (this.#dump === pending) this.#dump = undefined;
  }

  #forget({ seq, parts }: Pending): void {
    this.#pending.delete(seq);
    for (const part of parts) this.#parts.delete(part);
  }

  /** Something in the middle is missing, and whose it was is unknown. */
  #damage(events: ProtocolEvent[]): void {
    for (const pending of this.#pending.values()) if (pending.sent) pending.damaged = true;
    const dump = this.#dump;
    if (dump === undefined || dump.abandoned) return;
    dump.abandoned = true;
    events.push({ kind: 'lost', seq: dump.seq });
  }

  #unqueue(pending: Pending): void {
    if (this.#queue[0] === pending) this.#queue.shift();
    else this.#queue = this.#queue.filter((other) => other !== pending);
  }
}
