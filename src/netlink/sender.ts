/**
 * Sends what the protocol has to send, no faster than the answers are fetched.
 *
 * The kernel answers while it takes a request, into a receive buffer of limited size: a thousand requests sent in
 * one go would drown their own answers. So only a few may have unread answers. Once the socket is seen empty
 * nothing is unread, answered or not: a request that the kernel passes over holds nobody up.
 */
import { constants } from 'node:os';
import type { NativeNetlink } from '../handle/native.ts';
import type { NetlinkProtocol } from './protocol.ts';

const { EAGAIN, ENOBUFS } = constants.errno;
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
  /** Called later, when it is time to receive and {@link Sender.flush} again. */
  readonly resume: () => void;
  /** The message could not be sent, for good. `errno` is negative. */
  readonly refused: (seq: number, errno: number) => void;
}

export class Sender {
  readonly #native: NativeNetlink;
  readonly #protocol: NetlinkProtocol;
  readonly #options: SenderOptions;
  readonly #window: number;
  /** Requests sent whose answers may wait in the receive buffer. */
  #unread = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryDelay: number = RETRY.first;
  #immediate: NodeJS.Immediate | undefined;

  constructor(native: NativeNetlink, protocol: NetlinkProtocol, options: SenderOptions) {
    this.#native = native;
    this.#protocol = protocol;
    this.#options = options;
    this.#window = Math.max(1, Math.floor(native.getOption(SOL_SOCKET, SO_RCVBUF) / BUFFER_SHARE));
  }

  /** Sends what may be sent. True if anything was. */
  flush(): boolean {
    let any = false;
    while (this.#retryTimer === undefined && this.#native.fd >= 0) {
      const next = this.#protocol.outgoing();
      if (next === undefined) break;
      if (this.#unread >= this.#window) {
        // Its answers would wake the poll; but there may be none.
        this.#immediate ??= setImmediate(() => {
          this.#immediate = undefined;
          this.#options.resume();
        });
        break;
      }
      const result = this.#native.send(next.bytes, 0, next.bytes.length);
      if (result >= 0) {
        this.#protocol.sent(next.seq);
        this.#unread++;
        this.#retryDelay = RETRY.first;
        any = true;
      } else if (result === -EAGAIN || result === -ENOBUFS) {
        this.#retryLater();
      } else {
        this.#protocol.reject(next.seq);
        this.#options.refused(next.seq, result);
      }
    }
    return any;
  }

  /** A request has been answered. */
  answered(): void {
    if (this.#unread > 0) this.#unread--;
  }

  /** Nothing waits in the receive buffer. */
  drained(): void {
    this.#unread = 0;
  }

  stop(): void {
    clearTimeout(this.#retryTimer);
    clearImmediate(this.#immediate);
  }

  /** No poll tells when there is room again. The requests' deadlines go on meanwhile. */
  #retryLater(): void {
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#options.resume();
    }, this.#retryDelay).unref();
    this.#retryDelay = Math.min(this.#retryDelay * 2, RETRY.longest);
  }
}
