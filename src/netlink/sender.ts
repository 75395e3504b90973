/**
 * Sends what the protocol has to send, no faster than the answers are fetched.
 *
 * The kernel answers while it takes a request, into a receive buffer of limited size: a thousand requests sent in
 * one go would drown their own answers. So only a few may have unread answers. Once the socket is seen empty
 * nothing is unread, answered or not: a request that the kernel passes over holds nobody up.
 *
 * And the kernel takes as long as it has to wait for its locks. Where that has been long lately, a thread sends, one
 * request at a time, and the event loop goes on.
 */
import { constants } from 'node:os';
import { type NativeNetlink, REPORT } from '../handle/native.ts';
import type { Contention } from './contention.ts';
import type { NetlinkProtocol, Outgoing } from './protocol.ts';

const { EAGAIN, ECANCELED, EINPROGRESS, ENOBUFS } = constants.errno;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/**
 * Bytes of receive buffer for each request: an answer with its bookkeeping and the acknowledgement take some
 * 5 KiB, and half of the buffer is for a dump that goes on at the same time.
 */
const BUFFER_SHARE = 16 * 1024;
/** Milliseconds between attempts to send what the kernel had no room for: the first and the longest. */
const RETRY = { first: 1, longest: 64 } as const;

export interface SenderOptions {
  /** This turn of the event loop has been held for long enough. */
  readonly spent: () => boolean;
  /** Something was sent and, in the same call, received: the answer, most likely. */
  readonly exchanged: () => void;
  /** Called later, when it is time to receive and {@link Sender.flush} again. */
  readonly resume: () => void;
  /** The message could not be sent, for good. `errno` is negative. */
  readonly refused: (seq: number, errno: number) => void;
}

export class Sender {
  readonly #native: NativeNetlink;
  readonly #protocol: NetlinkProtocol;
  readonly #contention: Contention;
  readonly #options: SenderOptions;
  #window: number | undefined;
  /** Requests sent whose answers may wait in the receive buffer. */
  #unread = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryDelay: number = RETRY.first;
  #immediate: NodeJS.Immediate | undefined;
  /** Sequence numbers of what a thread is sending, in order. */
  #aside: number[] = [];

  constructor(
    native: NativeNetlink,
    protocol: NetlinkProtocol,
    contention: Contention,
    options: SenderOptions,
  ) {
    this.#native = native;
    this.#protocol = protocol;
    this.#contention = contention;
    this.#options = options;
  }

  /**
   * Sends what may be sent. True if anything was.
   *
   * @param exchange whether something may be received in the same call
   */
  flush(exchange = false): boolean {
    let any = false;
    while (this.#retryTimer === undefined && this.#native.fd >= 0) {
      const next = this.#protocol.outgoing();
      if (next === undefined) break;
      if (this.#unread >= this.#windowSize()) {
        // Its answers would wake the poll; but there may be none. The thread wakes the loop in any case.
        if (this.#aside.length === 0) this.#resumeSoon();
        break;
      }
      // What follows others on the thread waits for its turn there, or it would overtake them.
      const aside = next.aside || this.#aside.length > 0 || this.#contention.high;
      if (aside && this.#sendAside(next)) continue;
      if (this.#aside.length > 0) break;
      if (this.#options.spent()) {
        this.#resumeSoon();
        break;
      }
      const result = exchange
        ? this.#native.exchange(next.bytes, next.bytes.length)
        : this.#native.send(next.bytes, 0, next.bytes.length);
      this.#contention.note(this.#native.report[REPORT.took] as number);
      if (result < 0) {
        this.#failed(next.seq, result);
        continue;
      }
      any = true;
      this.sent(next.seq);
      if (exchange) this.#options.exchanged();
    }
    return any;
  }

  /** The kernel has got it. */
  sent(seq: number): void {
    this.#protocol.sent(seq);
    this.#unread++;
    this.#retryDelay = RETRY.first;
  }

  /** A thread may have sent what it was given. */
  collect(): void {
    while (this.#aside.length > 0 && this.#native.fd >= 0) {
      const result = this.#native.sent();
      if (result === -EINPROGRESS) break;
      const seq = this.#aside.shift() as number;
      this.#contention.note(this.#native.report[REPORT.took] as number);
      if (result >= 0) {
        this.#protocol.arrived(seq);
        continue;
      }
      this.answered();
      this.#protocol.unsent(seq);
      // ECANCELED: behind one that found no room, which has set the timer.
      if (result !== -ECANCELED) this.#failed(seq, result);
    }
  }

  /** Nothing stands in the way of sending at once. */
  get idle(): boolean {
    return this.#retryTimer === undefined && this.#aside.length === 0 && this.#unread === 0;
  }

  /** A request has been answered. */
  answered(): void {
    if (this.#unread > 0) this.#unread--;
  }

  /** Nothing waits in the receive buffer. */
  drained(): void {
    this.#unread = this.#aside.length;
  }

  stop(): void {
    clearTimeout(this.#retryTimer);
    clearImmediate(this.#immediate);
  }

  /** True if a thread has taken it. Where none can be had, the loop has to wait. */
  #sendAside({ seq, bytes }: Outgoing): boolean {
    if (this.#native.sendAside(bytes) < 0) return false;
    this.#aside.push(seq);
    this.#protocol.sent(seq, true);
    this.#unread++;
    return true;
  }

  #failed(seq: number, errno: number): void {
    if (errno === -EAGAIN || errno === -ENOBUFS) {
      this.#retryLater();
    } else {
      this.#protocol.reject(seq);
      this.#options.refused(seq, errno);
    }
  }

  #windowSize(): number {
    this.#window ??= Math.max(1, Math.floor(this.#native.getOption(SOL_SOCKET, SO_RCVBUF) / BUFFER_SHARE));
    return this.#window;
  }

  #resumeSoon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#options.resume();
    });
  }

  /** No poll tells when there is room again. The requests' deadlines go on meanwhile. */
  #retryLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#options.resume();
    }, this.#retryDelay).unref();
    this.#retryDelay = Math.min(this.#retryDelay * 2, RETRY.longest);
  }
}
