/**
 * Receives: moves datagrams from the native socket to the protocol, and what follows from them to the core.
 *
 * **For how long.** A turn of the event loop is held for a slice of time at most; what is left waits for the next.
 * A slice and no count, because a datagram may be an acknowledgement or a thousand routes.
 *
 * **On which thread.** On the loop's, until a dump turns out to be long: then a thread receives ahead while the loop
 * decodes, if there is a second CPU. And where a receive was slow because of somebody's lock, a thread waits for it.
 */
import { availableParallelism, constants } from 'node:os';
import { type NativeNetlink, REPORT } from '../handle/native.ts';
import type { Contention } from './contention.ts';
import type { NetlinkProtocol } from './protocol.ts';
import type { ProtocolEvent } from './protocol-event.ts';
import { type ReceiveBuffer, receiveBuffer } from './wire/receive-buffer.ts';

const { EAGAIN, EINPROGRESS, ENOBUFS, EMSGSIZE, EBADF, EFAULT, ENOTSOCK } = constants.errno;
/** Microseconds of one turn of the loop that go to receiving, with what is made of it. */
const SLICE = 2000;
/** A dump that has filled so many datagrams in a row is long: a thread costs as much as one. */
const LONG = 3;
/** Bytes of a datagram that is taken for full: the kernel makes them up to 32 KiB, less the message that did not fit. */
const FULL = 24 * 1024;

export interface ReceiverOptions {
  readonly dispatch: (events: readonly ProtocolEvent[]) => void;
  /** Nothing waits in the socket. True if that has made something to be sent. */
  readonly drained: () => boolean;
  /** A datagram has been dealt with. */
  readonly received: () => void;
  /** Called in a later turn of the loop, when there is more to receive. */
  readonly resume: () => void;
  /** Nothing will ever be received again. `errno` is negative. */
  readonly broken: (errno: number) => void;
}

export class Receiver {
  readonly #native: NativeNetlink;
  readonly #protocol: NetlinkProtocol;
  readonly #contention: Contention;
  readonly #options: ReceiverOptions;
  #buffer: ReceiveBuffer | undefined;
  #report: Int32Array | undefined;
  #ring: ReceiveBuffer | undefined;
  /** A thread reads ahead. */
  #ahead = false;
  /** The last receive found nothing: the poll, or the thread, tells when there is something. */
  #dry = true;
  #busy = false;
  #full = 0;
  /** The turn of the loop that the slice belongs to, and when it began. */
  #turn = -1;
  #since = 0;
  #immediate: NodeJS.Immediate | undefined;

  constructor(
    native: NativeNetlink,
    protocol: NetlinkProtocol,
    contention: Contention,
    options: ReceiverOptions,
  ) {
    this.#native = native;
    this.#protocol = protocol;
    this.#contention = contention;
    this.#options = options;
  }

  /** It is at it further up the stack, and will bring what comes. */
  get busy(): boolean {
    return this.#busy;
  }

  /** It may receive right now. */
  get free(): boolean {
    return !this.#busy && !this.#ahead && !this.spent;
  }

  /** This turn's slice is spent, as far as the last native call knows. */
  get spent(): boolean {
    const report = this.#reported();
    const clock = report[REPORT.clock] as number;
    const turn = report[REPORT.turn] as number;
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#since = clock;
    }
    return ((clock - this.#since) | 0) > SLICE;
  }

  /** Receives until nothing is there, `enough` says so, or the slice is spent. */
  pump(enough: () => boolean): void {
    if (this.#busy) return;
    this.#busy = true;
    try {
      do {
        if (!this.#ahead && this.#contention.high && this.#protocol.dumping) this.#readAhead();
        if (!this.#take(this.#native.receive())) break;
      } while (!enough() && !this.spent);
    } finally {
      this.#busy = false;
    }
  }

  /** What `exchange` received. */
  exchanged(): void {
    this.#busy = true;
    try {
      this.#take(this.#reported()[REPORT.received] as number);
    } finally {
      this.#busy = false;
    }
  }

  /** Somebody wants what comes: nobody wakes the loop for what the ring holds already. */
  want(): void {
    if (!this.#ahead || this.#dry) return;
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#options.resume();
    });
  }

  /** The loop has been woken. */
  woken(): void {
    this.#dry = false;
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }

  #reported(): Int32Array {
    this.#report ??= this.#native.report;
    return this.#report;
  }

  /** Deals with the result of one receive. False if nothing more will come now. */
  #take(length: number): boolean {
    const { dispatch, drained, received, broken } = this.#options;
    const report = this.#reported();
    this.#dry = false;
    this.#contention.note(report[REPORT.took] as number);
    if (length >= 0) {
      this.#ahead = report[REPORT.ahead] === 1;
      this.#buffer ??= receiveBuffer(this.#native.buffer);
      const buffer = this.#ahead ? (this.#ring as ReceiveBuffer) : this.#buffer;
      const start = report[REPORT.place] as number;
      dispatch(this.#protocol.receive(buffer, start, start + length, report[REPORT.group]));
      this.#measure(length);
    } else if (length === -EAGAIN) {
      this.#dry = true;
      this.#ahead = false;
      this.#full = 0;
      if (!drained()) return false;
    } else if (length === -EINPROGRESS) {
      this.#dry = true;
      return false;
    } else if (length === -EMSGSIZE) {
      dispatch(this.#protocol.truncated());
    } else if (length === -EBADF || length === -EFAULT || length === -ENOTSOCK) {
      // The fd was closed behind our back, or the buffer taken: there is nothing left to work with.
      broken(length);
      return false;
    } else {
      // ENOBUFS, or the socket's pending error (ENOMEM while the kernel went on with a dump, say): something is missing.
      if (length !== -ENOBUFS) this.#full = 0;
      dispatch(this.#protocol.overrun());
    }
    received();
    return this.#native.fd >= 0;
  }

  /** Long dumps are read ahead where there is a CPU for it. */
  #measure(length: number): void {
    this.#full = length >= FULL ? this.#full + 1 : 0;
    if (this.#ahead || this.#full < LONG || !this.#protocol.dumping) return;
    if (availableParallelism() > 1) this.#readAhead();
    this.#full = 0;
  }

  /** Where no thread can be had, the loop goes on by itself. */
  #readAhead(): void {
    const memory = this.#native.readAhead();
    if (typeof memory === 'number') return;
    this.#ahead = true;
    if (this.#ring?.bytes !== memory) this.#ring = receiveBuffer(memory);
  }
}
