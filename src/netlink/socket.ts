/** The netlink socket that everything above uses. */
import { randomInt } from 'node:crypto';
import { checkInteger, checkSignal, checkTimeout } from '../handle/checks.ts';
import { abortError, systemError } from '../handle/errors.ts';
import { KernelHandle } from '../handle/kernel-handle.ts';
import type { NativeNetlink } from '../handle/native.ts';
import { loadBinding } from '../handle/native-binding.ts';
import { type NetnsReference, resolveNetns } from '../netns/index.ts';
import { ask, dumpInto, dumpWhole } from './calls.ts';
import { NetlinkCore, type NewsListener } from './core.ts';
import { DumpIterator } from './dump.ts';
import type { ExtAck, RequestNames } from './ext-ack.ts';
import type {
  MessageReader,
  MessageSink,
  NetlinkMessage,
  NetlinkRequest,
  RequestOptions,
  RequestPort,
} from './message.ts';
import { type NewsOptions, type NewsSink, NewsSocket } from './news.ts';
import type { OperationOptions } from './operation.ts';
import { NetlinkPipeline, type PipelineOptions } from './pipeline.ts';

export type { ExtAck, RequestNames } from './ext-ack.ts';
export type {
  MessageReader,
  MessageSink,
  NetlinkMessage,
  NetlinkRequest,
  RequestOptions,
  RequestPort,
} from './message.ts';
export type { ReceiveBuffer } from './wire/receive-buffer.ts';

/** NETLINK_* protocols, uapi/linux/netlink.h. */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [NETLINK_ROUTE]: 'route',
  [NETLINK_SOCK_DIAG]: 'sock_diag',
  [NETLINK_NETFILTER]: 'netfilter',
  [NETLINK_GENERIC]: 'generic',
};

/** Milliseconds. */
const DEFAULT_TIMEOUT = 5000;
/** Room for one datagram. Dumps come in 32 KiB at most; a link with many virtual functions may be longer. */
const DATAGRAM_CAPACITY = 64 * 1024;

const MAX_WINDOW = 512;
const MAX_FIRST_SEQ = 0xffff_ffff;

export interface NetlinkSocketOptions {
  /** {@link NETLINK_ROUTE} or another NETLINK_* number. */
  readonly protocol: number;
  /** The network namespace to work in. Default: the process's own. */
  readonly netns?: NetnsReference | undefined;
  /** Deadline of calls that give none, in milliseconds. Default 5000. */
  readonly timeout?: number | undefined;
  /** SO_RCVBUF in bytes (SO_RCVBUFFORCE where permitted). Default: the kernel's, net.core.rmem_default. */
  readonly receiveBuffer?: number | undefined;
  /** Gives the opening up. */
  readonly signal?: AbortSignal | undefined;
  /** Multicast groups to join, by number. */
  readonly groups?: readonly number[] | undefined;
  /** What message types and attributes are called, so that errors can name them. */
  readonly attributeNames?: ((type: number) => RequestNames | undefined) | undefined;
}

export type NotificationListener = (message: NetlinkMessage) => void;
export type OverrunListener = () => void;
/** The kernel did what was asked, and has something to say about it. */
export type WarningListener = (warning: ExtAck, request: NetlinkRequest) => void;

/** Listeners by event. Held by the facade alone: a listener must not keep a forgotten socket from being found. */
class Listeners implements NewsListener {
  readonly notifications = new Set<NotificationListener>();
  readonly overruns = new Set<OverrunListener>();
  readonly warnings = new Set<WarningListener>();

  notification(message: NetlinkMessage): void {
    for (const listener of [...this.notifications]) guarded(() => listener(message));
  }

  overrun(): void {
    for (const listener of [...this.overruns]) guarded(listener);
  }

  warning(extAck: ExtAck, request: NetlinkRequest): void {
    for (const listener of [...this.warnings]) guarded(() => listener(extAck, request));
  }
}

/** What a listener throws is an uncaughtException of the program's, and does not keep others from being called. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

/**
 * A netlink socket (man 7 netlink), strict checking and extended acknowledgements always on.
 *
 * Many calls may run at once: answers are told apart by sequence number, dumps queue, as the kernel does only one
 * at a time. Every wait has a deadline. close() rejects what waits with a ClosedError.
 *
 * The socket keeps the event loop alive while a call waits, and otherwise only between ref() and unref().
 */
export class NetlinkSocket extends KernelHandle<NetlinkCore> implements RequestPort {
  /** Deadline of calls that give none, in milliseconds. */
  readonly timeout: number;
  readonly #options: NetlinkSocketOptions;
  #listeners: Listeners | undefined;

  private constructor(core: NetlinkCore, options: NetlinkSocketOptions) {
    super(core);
    this.#options = options;
    this.timeout = options.timeout ?? DEFAULT_TIMEOUT;
  }

  /**
   * Opens a socket and joins the groups. Rejects, keeping nothing, with a SystemError (EMFILE, EPERM, ENOENT of the
   * netns, EPROTONOSUPPORT, ...), an InvalidArgumentError or an AbortError.
   */
  static async open(options: NetlinkSocketOptions): Promise<NetlinkSocket> {
    const { protocol, netns, signal } = options;
    checkInteger('protocol', protocol, 0, 31);
    checkTimeout(options.timeout);
    checkSignal(signal);
    checkReceiveBuffer(options.receiveBuffer);
    for (const group of options.groups ?? []) checkGroup(group);
    if (signal?.aborted) throw abortError(signal);
    if (netns === undefined) return NetlinkSocket.#openIn(options, -1);
    using resolved = await resolveNetns(netns);
    // Resolving took its time.
    if (signal?.aborted) throw abortError(signal);
    return NetlinkSocket.#openIn(options, resolved.netns.fd);
  }

  /** From the native socket to the facade nothing waits: what fails closes what it opened. */
  static #openIn(options: NetlinkSocketOptions, netnsFd: number): NetlinkSocket {
    const { protocol, receiveBuffer = 0, timeout = DEFAULT_TIMEOUT, groups = [], attributeNames } = options;
    const datagramCapacity = DATAGRAM_CAPACITY;
    const native = loadBinding().openNetlink({ protocol, netnsFd, receiveBuffer, datagramCapacity });
    if (typeof native === 'number') throw systemError(native, 'socket', { protocol });
    return closingOnError(native, () => {
      const protocolName = PROTOCOL_NAMES[protocol] ?? String(protocol);
      // By chance: the kernel numbers port ids per namespace, and sends the echo of a link that is made in another one
      // to our port id *there*, which may be another socket's. Where the sequences differ it is nobody's answer.
      const lastSeq = randomInt(MAX_FIRST_SEQ);
      const core = new NetlinkCore(native, { protocolName, attributeNames, drainTimeout: timeout, lastSeq });
      for (const group of groups) requireMembership(core, group, true);
      return new NetlinkSocket(core, options);
    });
  }

  /** Another socket in the same network namespace, with the same settings but for `changes`, and no groups. */
  async sibling(changes: Pick<NetlinkSocketOptions, 'receiveBuffer'> = {}): Promise<NetlinkSocket> {
    const { signal: _, groups: __, ...own } = this.#options;
    const options = { ...own, ...changes };
    checkReceiveBuffer(options.receiveBuffer);
    if (this.state !== 'open') throw this.core.closedError();
    // By way of this socket: the name it was opened by may mean another namespace today.
    return NetlinkSocket.#openIn(options, options.netns === undefined ? -1 : this.fd);
  }

  /** A socket in the same network namespace that only listens, and hands `sink` what comes, as it comes. */
  news(options: NewsOptions, sink: NewsSink): NewsSocket {
    const { protocol, netns } = this.#options;
    checkReceiveBuffer(options.receiveBuffer);
    for (const group of options.groups) checkGroup(group);
    if (this.state !== 'open') throw this.core.closedError();
    const protocolName = PROTOCOL_NAMES[protocol] ?? String(protocol);
    return NewsSocket.open(
      { protocol, protocolName, netnsFd: netns === undefined ? -1 : this.fd },
      options,
      sink,
    );
  }

  /** A pipeline in the same network namespace: for batches of requests that change something. */
  pipeline(options: Pick<PipelineOptions, 'window' | 'stopAtRefusal'> = {}): NetlinkPipeline {
    const { protocol, netns, attributeNames } = this.#options;
    if (options.window !== undefined) checkInteger('window', options.window, 1, MAX_WINDOW);
    if (this.state !== 'open') throw this.core.closedError();
    return NetlinkPipeline.open({
      ...options,
      protocol,
      protocolName: PROTOCOL_NAMES[protocol] ?? String(protocol),
      // As for a sibling: by way of this socket.
      netnsFd: netns === undefined ? -1 : this.fd,
      attributeNames,
    });
  }

  /** The port id that the kernel gave the socket. */
  get portId(): number {
    return this.core.native.portId;
  }

  /** Inode of the socket's network namespace; 0 where the kernel would not say. */
  get netnsInode(): number {
    return this.core.native.netnsInode;
  }

  /** What came and was nobody's, so far: from other senders than the kernel, or late answers to given-up calls. */
  get strays(): number {
    return this.core.strays;
  }

  /**
   * Asks once; see {@link RequestPort.request}. Rejects with a NetlinkError where the kernel refuses, and with an
   * OverrunError where its answer may have been lost.
   */
  async request(request: NetlinkRequest, options: RequestOptions = {}): Promise<NetlinkMessage[]> {
    return ask(this.core, this.#prepare(request, options), this);
  }

  /** See {@link RequestPort.ask}. */
  ask<T extends object | undefined>(
    request: NetlinkRequest,
    read: MessageReader<T>,
    options: RequestOptions = {},
  ): T | Promise<NetlinkMessage[]> {
    const { signal, timeout } = options;
    checkTimeout(timeout);
    checkSignal(signal);
    if (signal?.aborted) return this.request(request, options);
    const answer = this.core.ask(request, read);
    return typeof answer === 'number'
      ? ask(this.core, this.#prepare(request, options), this, answer)
      : answer;
  }

  /** Message by message; see {@link DumpIterator}. The kernel is asked at the first `next()`. */
  dump(request: NetlinkRequest, options: RequestOptions = {}): AsyncIterableIterator<NetlinkMessage> {
    return new DumpIterator(this.core, this.#prepare(request, options), this);
  }

  /**
   * All messages of a dump. One that changes disturbed (NLM_F_DUMP_INTR) is repeated, up to ten times; then it
   * rejects with a DumpInterruptedError whose `partial` holds what the last attempt brought.
   */
  async dumpAll(request: NetlinkRequest, options: RequestOptions = {}): Promise<NetlinkMessage[]> {
    return dumpWhole(this.core, this.#prepare(request, options), this);
  }

  /** A dump into a sink; see {@link RequestPort.dumpInto}. The kernel is asked at the first `next()`. */
  dumpInto(
    request: NetlinkRequest,
    sink: MessageSink,
    options: RequestOptions = {},
  ): AsyncIterableIterator<void, undefined> {
    return dumpInto(this.core, this.#prepare(request, options), sink, this);
  }

  /** See {@link RequestPort.linkName}. */
  linkName(index: number): string | number {
    return this.core.native.linkName(index);
  }

  /** Joins a multicast group by number (RTNLGRP_*). Throws a SystemError where the kernel refuses. */
  joinGroup(group: number): void {
    checkGroup(group);
    requireMembership(this.core, group, true);
  }

  leaveGroup(group: number): void {
    checkGroup(group);
    requireMembership(this.core, group, false);
  }

  /** Calls `listener` for each multicast message of the joined groups. Returns what takes it off again. */
  onNotification(listener: NotificationListener): () => void {
    return subscribe(this.#heard().notifications, listener);
  }

  /** Calls `listener` when the kernel dropped datagrams (ENOBUFS): news are missing, and more will come. */
  onOverrun(listener: OverrunListener): () => void {
    return subscribe(this.#heard().overruns, listener);
  }

  /** Calls `listener` with what the kernel remarks on a request that it carried out. */
  onWarning(listener: WarningListener): () => void {
    return subscribe(this.#heard().warnings, listener);
  }

  /** Keeps the event loop alive until unref(), for who waits for news. Idempotent. */
  ref(): void {
    this.core.setRef(true);
  }

  unref(): void {
    this.core.setRef(false);
  }

  /** From the first listener on the core tells what it hears. */
  #heard(): Listeners {
    if (this.#listeners === undefined) {
      this.#listeners = new Listeners();
      this.core.listen(this.#listeners);
    }
    return this.#listeners;
  }

  #prepare(request: NetlinkRequest, { signal, timeout = this.timeout }: RequestOptions): OperationOptions {
    checkTimeout(timeout);
    checkSignal(signal);
    const name = request.name ?? (request.names ?? this.#options.attributeNames?.(request.type))?.name;
    return { request, name: name ?? `netlink message ${request.type}`, timeout, signal };
  }
}

function closingOnError<T>(native: NativeNetlink, body: () => T): T {
  try {
    return body();
  } catch (error) {
    native.close();
    throw error;
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function requireMembership(core: NetlinkCore, group: number, member: boolean): void {
  if (core.state !== 'open') throw core.closedError();
  const result = core.setMembership(group, member);
  if (result < 0) throw systemError(result, 'setsockopt', { group, option: 'NETLINK_ADD_MEMBERSHIP' });
}

function checkReceiveBuffer(bytes: number | undefined): void {
  if (bytes !== undefined) checkInteger('receiveBuffer', bytes, 1, 0x3fff_ffff);
}

function checkGroup(group: number): void {
  checkInteger('group', group, 1, 0x7fff_ffff);
}
