/**
 * A netlink socket that only listens: nothing is asked through it, so that nothing has to be told apart, and whole
 * bursts of news come with one call.
 */
import { constants } from 'node:os';
import { BaseCore } from '../handle/core.ts';
import { systemError } from '../handle/errors.ts';
import type { HandleDetail } from '../handle/handle-info.ts';
import { KernelHandle } from '../handle/kernel-handle.ts';
import type { NativeNetlink } from '../handle/native.ts';
import { loadBinding } from '../handle/native-binding.ts';
import { PollWatch } from './poll-watch.ts';

const { EAGAIN, EBADF, EFAULT, ENOTSOCK } = constants.errno;
const SOL_NETLINK = 270;
const NETLINK_PKTINFO = 3;
const NETLINK_LISTEN_ALL_NSID = 8;

/** Half of it is one read at least; news are seldom longer than a page. */
const BUFFER = 128 * 1024;
/** Numbers that say of a datagram how long it is, of which group, and of which namespace. */
export const ROW = 3;
const ROWS = 1024;
/** Milliseconds of one go, and of a pause under load: the event loop gets its turn. */
const TURN = 2;
/**
 * Milliseconds. News that come faster than this after each other are collected for a while before they are read: to
 * wake up costs more than to read, and would be paid for one by one. The kernel's buffer holds meanwhile what comes.
 */
const BUSY = 2;
const PAUSE = 1;

/** Who takes the news. Held by the socket's core: it must not lead to whoever holds the socket. */
export interface NewsSink {
  /** No more for now: nothing is read until {@link NewsSocket.resume}. */
  readonly full: boolean;
  /**
   * `count` datagrams, one behind the other in the first `used` bytes, each starting on a 4-byte boundary. {@link ROW}
   * numbers each in `table`: length, group, nsid (-1: our own namespace). All of it is overwritten after the call.
   */
  datagrams(bytes: Uint8Array, used: number, table: Int32Array, count: number): void;
  /** The kernel dropped news. All that came before the first of them has been handed over. */
  lost(): void;
  /** The socket does not work any more. */
  failed(error: unknown): void;
}

export interface NewsOptions {
  /** Multicast groups by number. */
  readonly groups: readonly number[];
  /** SO_RCVBUF in bytes (SO_RCVBUFFORCE where permitted). */
  readonly receiveBuffer: number;
  /** A classic BPF program: struct sock_filter, 8 bytes each. */
  readonly filter?: Uint8Array | undefined;
  /** Whether the sink hears of which group a datagram is; 0 otherwise, which is cheaper. */
  readonly tellGroups?: boolean | undefined;
  /** News of all namespaces that this one has a number for, too (NETLINK_LISTEN_ALL_NSID). */
  readonly allNsid?: boolean | undefined;
}

/** Where the socket lives. */
export interface NewsPlace {
  readonly protocol: number;
  readonly protocolName: string;
  readonly netnsFd: number;
}

class NewsCore extends BaseCore {
  readonly kind = 'netlink';
  readonly native: NativeNetlink;
  readonly #detail: HandleDetail;
  readonly #sink: NewsSink;
  readonly #poll: PollWatch;
  readonly #table = new Int32Array(ROWS * ROW);
  /** Held up by a full sink. */
  #full = false;
  #ref = false;
  /** The kernel said that it dropped something; what came before that is still being read. */
  #losing = false;
  #lastRead = 0;
  #pause: NodeJS.Timeout | undefined;
  #drops = 0;

  constructor(native: NativeNetlink, protocol: string, sink: NewsSink) {
    super();
    this.native = native;
    this.#sink = sink;
    this.#poll = new PollWatch(native, () => this.#read());
    const netns = native.netnsInode;
    this.#detail = { protocol, portId: native.portId, ...(netns === 0 ? {} : { netns }) };
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return this.#detail;
  }

  override hasRef(): boolean {
    return this.native.hasRef() || this.#pause?.hasRef() === true;
  }

  /** Unsigned, as long as the socket lives; it wraps after 2^32. */
  get drops(): number {
    if (this.state === 'open') this.#drops = Math.max(this.native.drops(), 0);
    return this.#drops;
  }

  start(): void {
    this.#watch();
  }

  setRef(on: boolean): void {
    this.#ref = on;
    if (on) this.#pause?.ref();
    else this.#pause?.unref();
    this.#watch();
  }

  resume(): void {
    if (!this.#full) return;
    this.#full = false;
    // The error was all that the poll could tell of a loss: if nothing came after it, it would tell no more.
    if (this.#losing) this.#read();
    else this.#watch();
  }

  #read(): void {
    const began = performance.now();
    const busy = began - this.#lastRead < BUSY;
    while (this.state === 'open' && !this.#full) {
      const count = this.native.receiveMany(this.#table);
      if (count > 0) {
        this.#sink.datagrams(this.native.buffer, this.#used(count), this.#table, count);
        this.#full = this.#sink.full;
        // The rest would be asked for in vain. After a loss it is what tells that nothing is left.
        if (count < ROWS / 2 && !this.#losing) break;
      } else if (!this.#problem(count)) break;
      if (performance.now() - began > TURN) break;
    }
    this.#lastRead = performance.now();
    // What was lost is yet to be told, and the poll is silent where nothing comes after it.
    if ((busy || this.#losing) && !this.#full) this.#rest();
    this.#watch();
  }

  #used(count: number): number {
    let used = 0;
    for (let row = 0; row < count * ROW; row += ROW) used += ((this.#table[row] as number) + 3) & ~3;
    return used;
  }

  /** What a call without news means. True: go on. */
  #problem(result: number): boolean {
    if (result === -EAGAIN) {
      // The kernel drops everything from the first loss on until all that came before has been read.
      if (this.#losing) {
        this.#losing = false;
        this.#sink.lost();
        this.#full = this.#sink.full;
      }
      return false;
    }
    if (result === -EBADF || result === -EFAULT || result === -ENOTSOCK) {
      // The fd was closed behind our back, or the buffer taken: there is nothing left to work with.
      this.#sink.failed(systemError(result, 'recvmsg'));
      this.close();
      return false;
    }
    // ENOBUFS, a datagram that did not fit, or the socket's pending error: something is missing.
    this.#losing = true;
    return true;
  }

  #rest(): void {
    if (this.state !== 'open') return;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      // Without asking the poll first: there is something, as a rule.
      if (this.state === 'open') this.#read();
    }, PAUSE);
    if (!this.#ref) this.#pause.unref();
  }

  #watch(): void {
    if (this.state !== 'open') return;
    this.#poll.update(!this.#full && this.#pause === undefined, this.#ref);
  }

  protected closeNative(done: () => void): void {
    this.#drops = this.drops;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.native.close(done);
  }
}

/** See {@link NetlinkSocket.news}, which opens it. */
export class NewsSocket extends KernelHandle<NewsCore> {
  /** Keeps nothing where it throws: a SystemError of the socket, of a group or of the filter. */
  static open(place: NewsPlace, options: NewsOptions, sink: NewsSink): NewsSocket {
    const { protocol, protocolName, netnsFd } = place;
    const { groups, receiveBuffer, filter, tellGroups = false, allNsid = false } = options;
    const native = loadBinding().openNetlink({ protocol, netnsFd, receiveBuffer, datagramCapacity: BUFFER });
    if (typeof native === 'number') throw systemError(native, 'socket', { protocol });
    try {
      // The filter before the groups: nothing unwanted is in the buffer when the first is read.
      if (filter !== undefined) need(native.attachFilter(filter), 'SO_ATTACH_FILTER');
      if (allNsid) need(native.setOption(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1), 'NETLINK_LISTEN_ALL_NSID');
      for (const group of groups)
        need(native.setMembership(group, true), 'NETLINK_ADD_MEMBERSHIP', { group });
      // Joining has turned it on.
      if (!tellGroups) need(native.setOption(SOL_NETLINK, NETLINK_PKTINFO, 0), 'NETLINK_PKTINFO');
      const socket = new NewsSocket(new NewsCore(native, protocolName, sink));
      socket.core.start();
      return socket;
    } catch (error) {
      native.close();
      throw error;
    }
  }

  /** How many datagrams the kernel could not deliver so far. */
  get drops(): number {
    return this.core.drops;
  }

  /** The sink has room again. */
  resume(): void {
    this.core.resume();
  }

  /** Keeps the event loop alive until unref(). Idempotent. */
  ref(): void {
    this.core.setRef(true);
  }

  unref(): void {
    this.core.setRef(false);
  }
}

function need(result: number, option: string, info: Readonly<Record<string, unknown>> = {}): void {
  if (result < 0) throw systemError(result, 'setsockopt', { option, ...info });
}
