/**
 * The core of a netlink socket: moves bytes between the native socket and the protocol, and settles what waits.
 *
 * **When it receives.** rtnetlink answers while sendmsg(2) runs, so after a send the answer is usually there:
 * it is fetched at once, which spares a turn of the event loop. What is not there yet comes through the poll.
 * Either way only so many datagrams are taken in one go, then the loop gets its turn.
 *
 * **When it does not.** Nothing is received unless somebody wants it: a call that waits, a joined group, or an
 * abandoned dump that has to be drained. A dump whose consumer is busy is thus parked in the kernel, which goes
 * on with it only as we receive. But everything comes through one pipe: while anybody else waits (another call,
 * the next dump, a group), the parked dump is read into memory, because its parts lie in the way.
 */
import { constants } from 'node:os';
import { BaseCore } from '../handle/core.ts';
import { abortError, ClosedError, systemError, TimeoutError } from '../handle/errors.ts';
import type { HandleDetail } from '../handle/handle-info.ts';
import type { NativeNetlink } from '../handle/native.ts';
import { onAbort } from './abort-watch.ts';
import { DrainWatch } from './drain-watch.ts';
import { NetlinkError, OverrunError } from './error.ts';
import { type ExtAck, type RequestNames, resolveAttributePath } from './ext-ack.ts';
import type { NetlinkMessage, NetlinkRequest } from './message.ts';
import type { Operation } from './operation.ts';
import { PollWatch } from './poll-watch.ts';
import { NetlinkProtocol, type ProtocolEvent } from './protocol.ts';
import { Sender } from './sender.ts';
import type { Stream } from './stream.ts';
import { MESSAGE_HEADER, NLM_F } from './wire/message.ts';
import { type ReceiveBuffer, receiveBuffer } from './wire/receive-buffer.ts';

const { EAGAIN, ENOBUFS, EMSGSIZE, EBADF, EFAULT, ENOTSOCK } = constants.errno;
/** Datagrams taken in one go, up to 32 KiB each in a dump. */
const BURST = 64;
/**
 * Datagrams fetched inline before one is left to the poll. Promises run before the event loop does: a program that
 * asks in a loop, and is always answered at once, would never get to its timers.
 */
const INLINE_BURST = 128;

/** Who hears of news. Held weakly: it belongs to the facade. */
export interface NewsListener {
  notification(message: NetlinkMessage): void;
  overrun(): void;
  warning(extAck: ExtAck, request: NetlinkRequest): void;
}

export interface CoreOptions {
  /** 'route', 'generic', ... for the registry. */
  readonly protocolName: string;
  readonly attributeNames: ((type: number) => RequestNames | undefined) | undefined;
  /** Milliseconds without a sign of life after which an abandoned dump is taken for ended. */
  readonly drainTimeout: number;
  /** The sequence number before the first. */
  readonly lastSeq: number;
}

export class NetlinkCore extends BaseCore {
  readonly kind = 'netlink';
  readonly native: NativeNetlink;
  readonly groups = new Set<number>();
  readonly #options: CoreOptions;
  readonly #buffer: ReceiveBuffer;
  readonly #protocol: NetlinkProtocol;
  readonly #sender: Sender;
  readonly #poll: PollWatch;
  readonly #drain: DrainWatch;
  readonly #operations = new Map<number, Operation>();
  readonly #detail: HandleDetail;
  #listener: WeakRef<NewsListener> | undefined;
  #waiting = 0;
  #userRefs = false;
  #pumping = false;
  /** Datagrams fetched inline since the poll last called. */
  #inline = 0;

  constructor(native: NativeNetlink, options: CoreOptions) {
    super();
    this.native = native;
    this.#options = options;
    this.#buffer = receiveBuffer(native.buffer);
    this.#protocol = new NetlinkProtocol(native.portId, options.lastSeq);
    const resume = () => {
      this.#pump(() => false);
      this.#afterwards();
    };
    const refused = (seq: number, errno: number) => this.#refused(seq, errno);
    this.#sender = new Sender(native, this.#protocol, { resume, refused });
    this.#drain = new DrainWatch(this.#protocol, options.drainTimeout, resume);
    this.#poll = new PollWatch(native, () => this.#readable());
    const netns = native.netnsInode;
    this.#detail = {
      protocol: options.protocolName,
      portId: native.portId,
      ...(netns === 0 ? {} : { netns }),
    };
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return this.#detail;
  }

  override hasRef(): boolean {
    return this.native.hasRef();
  }

  /** Datagrams and messages that were nobody's: sent by strangers, or too late. */
  get strays(): number {
    return this.native.foreignDatagrams + this.#protocol.strays;
  }

  listen(listener: NewsListener): void {
    this.#listener = new WeakRef(listener);
  }

  /** Joins or leaves a multicast group; a negative errno where the kernel refuses. */
  setMembership(group: number, member: boolean): number {
    const result = this.native.setMembership(group, member);
    if (result >= 0) {
      if (member) this.groups.add(group);
      else this.groups.delete(group);
      this.#watch();
    }
    return result;
  }

  closedError(): ClosedError {
    return new ClosedError('the netlink socket is closed');
  }

  /** Keeps the event loop alive, or no longer, besides what waiting calls do. */
  setRef(on: boolean): void {
    this.#userRefs = on;
    this.#watch();
  }

  /** Sends the operation's request and fetches what is there at once. Fails the operation rather than throwing. */
  submit(operation: Operation): void {
    const { request, signal, dump } = operation;
    if (this.state !== 'open') {
      this.#settle(operation, () => operation.fail(this.closedError()));
      return;
    }
    if (signal?.aborted) {
      this.#settle(operation, () => operation.fail(abortError(signal)));
      return;
    }
    const { type, flags = 0, payload } = request;
    const seq = this.#protocol.start({
      type,
      flags: flags | NLM_F.request | (dump ? NLM_F.dump : NLM_F.ack),
      payload,
      dump,
      sink: operation.sink,
    });
    operation.seq = seq;
    operation.heardAt = performance.now();
    this.#operations.set(seq, operation);
    if (operation.waiting) this.#waiting++;
    this.#sender.flush();
    if (!operation.ready) this.#pumpInline(() => operation.ready);
    // Only who has to wait pays for a timer and a listener.
    if (!operation.settled) this.#arm(operation);
    this.#watch();
  }

  /** The consumer of a stream waits: fetch what is there, or let the poll bring it. The first time starts the dump. */
  pull(stream: Stream, holder: object): void {
    if (stream.settled || stream.waiting) return;
    stream.waiting = true;
    stream.holder = holder;
    if (stream.seq === 0) {
      this.submit(stream);
      return;
    }
    stream.heardAt = performance.now();
    this.#waiting++;
    this.#pumpInline(() => stream.ready);
    if (!stream.ready) this.#arm(stream);
    this.#watch();
  }

  /** The consumer has what it waited for. */
  pulled(stream: Stream): void {
    if (!stream.waiting) return;
    stream.waiting = false;
    stream.holder = undefined;
    this.#disarmTimer(stream);
    this.#waiting--;
    this.#watch();
  }

  /** Nobody wants the operation's answer any more. */
  cancel(operation: Operation): void {
    if (operation.settled || operation.seq === 0) return;
    this.#abandon(operation);
    this.#settle(operation, () => {});
    this.#afterwards();
  }

  protected closeNative(done: () => void): void {
    this.native.close(done);
  }

  protected override onClosing(): void {
    this.#sender.stop();
    this.#drain.stop();
    this.#protocol.close();
    this.#failAll(() => new ClosedError('the netlink socket was closed'));
  }

  #failAll(error: () => Error): void {
    for (const operation of [...this.#operations.values()])
      this.#settle(operation, () => operation.fail(error()));
  }

  // ── Receiving ──

  #pumpInline(enough: () => boolean): void {
    if (this.#inline < INLINE_BURST) this.#inline += this.#pump(enough);
  }

  /** Receives until nothing is there, `enough` says so, or the burst is spent. Returns how often it asked. */
  #pump(enough: () => boolean): number {
    // A listener called from within the loop below asks something: the loop will bring the answer.
    if (this.#pumping) return 0;
    this.#pumping = true;
    let taken = 0;
    try {
      while (taken < BURST && this.state === 'open') {
        taken++;
        const length = this.native.receive();
        if (length >= 0) {
          this.#dispatch(this.#protocol.receive(this.#buffer, 0, length, this.native.receivedGroup));
          this.#drain.received();
        } else if (length === -EAGAIN) {
          this.#sender.drained();
          this.#dispatch(this.#protocol.drained());
          if (!this.#sender.flush()) break;
        } else if (length === -ENOBUFS) {
          this.#dispatch(this.#protocol.overrun());
        } else if (length === -EMSGSIZE) {
          this.#dispatch(this.#protocol.truncated());
        } else if (length === -EBADF || length === -EFAULT || length === -ENOTSOCK) {
          // The fd was closed behind our back, or the buffer taken: there is nothing left to work with.
          this.#failAll(() => systemError(length, 'recvmsg'));
          this.close();
        } else {
          // The socket's pending error (ENOMEM while the kernel went on with a dump, say): something is missing.
          this.#dispatch(this.#protocol.overrun());
        }
        // An answer makes room for a request that waits, the end of a dump for the next one.
        this.#sender.flush();
        if (enough()) break;
      }
    } finally {
      this.#pumping = false;
    }
    return taken;
  }

  #readable(): void {
    this.#inline = 0;
    // With joined groups there is no enough: news are wanted as they come.
    this.#pump(() => !this.#wantsData());
    this.#afterwards();
  }

  #dispatch(events: readonly ProtocolEvent[]): void {
    for (const event of events) {
      if (event.kind === 'notification') {
        this.#tell((listener) => listener.notification(event.message));
        continue;
      }
      // What was lost with a malformed datagram comes as 'lost'; for listeners it is an overrun like any other.
      if (event.kind === 'overrun' || event.kind === 'malformed') {
        this.#tell((listener) => listener.overrun());
        continue;
      }
      const operation = this.#operations.get(event.seq);
      if (operation === undefined) continue;
      switch (event.kind) {
        case 'message':
          operation.message(event.message);
          break;
        case 'progress':
          operation.progress();
          break;
        case 'failed':
          this.#settle(operation, () => operation.fail(event.error));
          break;
        case 'done': {
          this.#sender.answered();
          this.#settle(operation, () => operation.done(event));
          const { extAck } = event;
          if (extAck?.message !== undefined)
            this.#tell((listener) => listener.warning(extAck, operation.request));
          break;
        }
        case 'error':
          this.#sender.answered();
          this.#settle(operation, () => operation.fail(this.#refusal(operation, event.errno, event.extAck)));
          break;
        case 'lost':
          this.#settle(operation, () => operation.fail(new OverrunError(operation.name)));
          break;
      }
    }
  }

  #refused(seq: number, errno: number): void {
    const operation = this.#operations.get(seq);
    if (operation === undefined) return;
    const netns = this.native.netnsInode;
    const info = { request: operation.name, ...(netns === 0 ? {} : { netns }) };
    this.#settle(operation, () => operation.fail(systemError(errno, 'sendmsg', info)));
  }

  #refusal(operation: Operation, errno: number, extAck: ExtAck | undefined): NetlinkError {
    const { request, name } = operation;
    const names = request.names ?? this.#options.attributeNames?.(request.type);
    const path = extAck && names && resolveAttributePath(extAck, request.payload, names, MESSAGE_HEADER);
    const explained = path === undefined ? extAck : { ...extAck, attributePath: path };
    return new NetlinkError(errno, { request, name, extAck: explained, netns: this.native.netnsInode });
  }

  /** A listener's error is the program's: an uncaughtException, and no reason to stop in the middle of our work. */
  #tell(call: (listener: NewsListener) => void): void {
    const listener = this.#listener?.deref();
    if (listener === undefined || this.state !== 'open') return;
    call(listener);
  }

  // ── Waiting ──

  #arm(operation: Operation): void {
    if (operation.settled) return;
    operation.timer ??= setTimeout(() => this.#timedOut(operation), operation.timeout).unref();
    const { signal } = operation;
    if (signal === undefined || operation.unsubscribe !== undefined) return;
    operation.unsubscribe = onAbort(signal, () => {
      this.#abandon(operation);
      this.#settle(operation, () => operation.fail(abortError(signal)));
      this.#afterwards();
    });
  }

  #disarmTimer(operation: Operation): void {
    clearTimeout(operation.timer);
    operation.timer = undefined;
  }

  #timedOut(operation: Operation): void {
    operation.timer = undefined;
    // A program that was busy runs its timers before its polls: the answer may have been there all along.
    this.#pump(() => operation.settled);
    if (!operation.settled && operation.waiting) {
      // The deadline of a dump starts anew with every sign of life, also while it queues behind another.
      const heardAt = operation.dump ? Math.max(operation.heardAt, this.#drain.heardAt) : operation.heardAt;
      const left = heardAt + operation.timeout - performance.now();
      // setTimeout may be a millisecond early.
      if (left >= 1) {
        operation.timer = setTimeout(() => this.#timedOut(operation), left).unref();
      } else {
        this.#abandon(operation);
        this.#settle(operation, () => operation.fail(new TimeoutError(operation.name, operation.timeout)));
      }
    }
    this.#afterwards();
  }

  /** Takes the operation off the protocol; a dump on the wire has to be drained then. */
  #abandon(operation: Operation): void {
    this.#protocol.abort(operation.seq);
    this.#operations.delete(operation.seq);
  }

  /** The end of an operation: whatever it holds is let go before its user hears of it. */
  #settle(operation: Operation, tell: () => void): void {
    if (operation.settled) return;
    operation.settled = true;
    this.#operations.delete(operation.seq);
    this.#disarmTimer(operation);
    operation.unsubscribe?.();
    operation.unsubscribe = undefined;
    if (operation.waiting && operation.seq !== 0) this.#waiting--;
    operation.waiting = false;
    operation.holder = undefined;
    tell();
  }

  #afterwards(): void {
    if (this.state !== 'open') return;
    this.#sender.flush();
    this.#watch();
  }

  #wantsData(): boolean {
    return this.#waiting > 0 || this.#userRefs || this.groups.size > 0 || this.#protocol.draining;
  }

  #watch(): void {
    if (this.state !== 'open' || this.#pumping) return;
    this.#drain.update();
    this.#poll.update(this.#wantsData(), this.#waiting > 0 || this.#userRefs);
  }
}
