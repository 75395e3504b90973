/**
 * The core of a netlink socket: settles what waits, by what the sender, the protocol and the receiver make of bytes.
 *
 * **When it receives.** rtnetlink answers while sendmsg(2) runs, so after a send the answer is usually there:
 * it is fetched at once, which spares a turn of the event loop. What is not there yet comes through the poll.
 *
 * **When it does not.** Nothing is received unless somebody wants it: a call that waits, a joined group, or an
 * abandoned dump that has to be drained. A dump whose consumer is busy is thus parked in the kernel, which goes
 * on with it only as we receive. But everything comes through one pipe: while anybody else waits (another call,
 * the next dump, a group), the parked dump is read into memory, because its parts lie in the way.
 */
import { onAbort } from '../handle/abort-watch.ts';
import { BaseCore } from '../handle/core.ts';
import { abortError, ClosedError, systemError, TimeoutError } from '../handle/errors.ts';
import type { HandleDetail } from '../handle/handle-info.ts';
import type { NativeNetlink } from '../handle/native.ts';
import { Contention } from './contention.ts';
import type { CoreOptions } from './core-options.ts';
import { DrainWatch } from './drain-watch.ts';
import { OverrunError } from './error.ts';
import type { ExtAck } from './ext-ack.ts';
import type { MessageReader, NetlinkMessage, NetlinkRequest } from './message.ts';
import type { Operation } from './operation.ts';
import { PollWatch } from './poll-watch.ts';
import { NetlinkProtocol } from './protocol.ts';
import type { ProtocolEvent } from './protocol-event.ts';
import { Quick } from './quick.ts';
import { Receiver } from './receiver.ts';
import { refusal } from './refusal.ts';
import { Sender } from './sender.ts';
import type { Stream } from './stream.ts';
import { NLM_F } from './wire/message.ts';

const UNDISTURBED = { interrupted: false } as const;

/** Who hears of news. Held weakly: it belongs to the facade. */
export interface NewsListener {
  notification(message: NetlinkMessage): void;
  overrun(): void;
  warning(extAck: ExtAck, request: NetlinkRequest): void;
}

export class NetlinkCore extends BaseCore {
  readonly kind = 'netlink';
  readonly native: NativeNetlink;
  readonly groups = new Set<number>();
  readonly #options: CoreOptions;
  readonly #protocol: NetlinkProtocol;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #quick: Quick;
  readonly #poll: PollWatch;
  readonly #drain: DrainWatch;
  readonly #operations = new Map<number, Operation>();
  #listener: WeakRef<NewsListener> | undefined;
  #waiting = 0;
  #userRefs = false;

  constructor(native: NativeNetlink, options: CoreOptions) {
    super();
    this.native = native;
    this.#options = options;
    this.#protocol = new NetlinkProtocol(native.portId, options.lastSeq);
    const resume = () => {
      this.#receiver.pump(() => false);
      this.#afterwards();
    };
    const contention = new Contention();
    this.#receiver = new Receiver(native, this.#protocol, contention, {
      dispatch: (events) => this.#dispatch(events),
      drained: () => {
        this.#sender.drained();
        this.#dispatch(this.#protocol.drained());
        return this.#sender.flush();
      },
      received: () => {
        this.#drain.received();
        // An answer makes room for a request that waits, the end of a dump for the next one.
        this.#sender.flush();
      },
      resume: () => this.#readable(),
      broken: (errno) => this.#broken(errno, 'recvmsg'),
    });
    this.#sender = new Sender(native, this.#protocol, contention, {
      spent: () => this.#receiver.spent,
      exchanged: () => this.#receiver.exchanged(),
      resume,
      refused: (seq, errno) => this.#refused(seq, errno),
    });
    this.#quick = new Quick({
      native,
      protocol: this.#protocol,
      contention,
      sender: this.#sender,
      receiver: this.#receiver,
    });
    this.#drain = new DrainWatch(this.#protocol, options.drainTimeout, resume);
    this.#poll = new PollWatch(native, () => this.#readable());
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    const { netnsInode: netns, portId } = this.native;
    return { protocol: this.#options.protocolName, portId, ...(netns === 0 ? {} : { netns }) };
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

  /**
   * What `read` makes of the answer, where it came at once. Or what {@link submit} goes on with: the sequence number that
   * the request was sent with, 0 where it was not.
   */
  ask<T extends object | undefined>(request: NetlinkRequest, read: MessageReader<T>): T | number {
    if (this.state !== 'open') return 0;
    const seq = this.#quick.ask(request);
    return this.#quick.answered ? this.#quick.read(read) : seq;
  }

  /**
   * Sends the operation's request, unless it was `sent` by this sequence number, and fetches what is there at once.
   * Fails the operation rather than throwing.
   */
  submit(operation: Operation, sent = 0): void {
    const { request, signal, dump } = operation;
    if (this.state !== 'open') {
      this.#settle(operation, () => operation.fail(this.closedError()));
      return;
    }
    if (signal?.aborted) {
      this.#settle(operation, () => operation.fail(abortError(signal)));
      return;
    }
    const quick = sent || this.#quick.ask(request);
    if (sent === 0 && this.#quick.answered) {
      operation.settled = true;
      operation.message(this.#quick.message());
      operation.done(UNDISTURBED);
      return;
    }
    const { type, flags: own = 0, payload, single = false } = request;
    const ack = single || request.parts !== undefined ? 0 : NLM_F.ack;
    const flags = own | NLM_F.request | (dump ? NLM_F.dump : ack);
    const parts = request.parts?.map((part) => ({ ...part, flags: (part.flags ?? 0) | NLM_F.request }));
    const { sink } = operation;
    const start = { type, flags, payload, dump, single, aside: request.aside, sink, parts };
    const seq = this.#protocol.start(start, quick || undefined);
    operation.seq = seq;
    operation.heardAt = performance.now();
    this.#operations.set(seq, operation);
    if (operation.waiting) this.#waiting++;
    if (quick === 0) {
      this.#sender.flush(this.#receiver.free);
    } else {
      this.#sender.sent(seq);
      this.#receiver.exchanged();
    }
    if (!operation.ready) this.#pumpInline(operation);
    // Only who has to wait pays for a timer and a listener.
    if (!operation.settled) this.#arm(operation);
    this.#watch();
  }

  /** The consumer of a stream waits: fetch what is there, or let the poll bring it. The first time starts the dump. */
  pull(stream: Stream, holder: object): void {
    // What came while nobody waited (another call's answer was received with it) is there to be taken first.
    if (stream.settled || stream.waiting || stream.ready) return;
    stream.waiting = true;
    stream.holder = holder;
    if (stream.seq === 0) {
      this.submit(stream);
      return;
    }
    stream.heardAt = performance.now();
    this.#waiting++;
    this.#pumpInline(stream);
    if (stream.ready) return;
    this.#arm(stream);
    this.#watch();
  }

  /** The consumer has what it waited for, and wants no more for now. */
  #satisfied(operation: Operation): void {
    if (!operation.waiting || !operation.ready) return;
    operation.waiting = false;
    operation.holder = undefined;
    this.#disarmTimer(operation);
    this.#waiting--;
  }

  /** Nobody wants the operation's answer any more. */
  cancel(operation: Operation): void {
    if (operation.settled || operation.seq === 0) return;
    this.#abandon(operation);
    this.#settle(operation, () => {});
    this.#afterwards();
  }

  protected closeNative(done: () => void): void {
    if (!this.native.close(done)) done();
  }

  protected override onClosing(): void {
    this.#sender.stop();
    this.#receiver.stop();
    this.#drain.stop();
    this.#protocol.close();
    this.#failAll(() => new ClosedError('the netlink socket was closed'));
  }

  #failAll(error: () => Error): void {
    for (const operation of [...this.#operations.values()])
      this.#settle(operation, () => operation.fail(error()));
  }

  // ── Receiving ──

  /** Promises run before the event loop does: who asks in a loop, and is answered at once, must not starve it. */
  #pumpInline(operation: Operation): void {
    if (!this.#receiver.spent) this.#receiver.pump(() => operation.ready);
  }

  /** The fd can be read, a thread has something to tell. */
  #readable(): void {
    this.#receiver.woken();
    this.#sender.collect();
    // With joined groups there is no enough: news are wanted as they come.
    if (this.#wantsData()) this.#receiver.pump(() => !this.#wantsData());
    this.#afterwards();
  }

  #broken(errno: number, call: string): void {
    this.#failAll(() => systemError(errno, call));
    this.close();
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
          this.#satisfied(operation);
          break;
        case 'progress':
          operation.progress();
          this.#satisfied(operation);
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
          this.#settle(operation, () =>
            operation.fail(refusal(operation, event, this.native.netnsInode, this.#options)),
          );
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

  /** A listener's error is the program's: an uncaughtException, and no reason to stop in the middle of our work. */
  #tell(call: (listener: NewsListener) => void): void {
    const listener = this.#listener?.deref();
    if (listener === undefined || this.state !== 'open') return;
    call(listener);
  }

  // ── Waiting ──

  #arm(operation: Operation): void {
    if (operation.settled) return;
    if (operation.waiting)
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
    this.#receiver.pump(() => operation.settled);
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
    if (this.state !== 'open' || this.#receiver.busy) return;
    this.#drain.update();
    const wanted = this.#wantsData();
    const result = this.#poll.update(wanted, this.#waiting > 0 || this.#userRefs);
    if (result < 0) this.#broken(result, 'epoll_ctl');
    else if (wanted) this.#receiver.want();
  }
}
