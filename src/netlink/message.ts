/** What goes out and what comes back: the values that all of this room speaks of. */
import type { RequestNames } from './ext-ack.ts';
import type { ReceiveBuffer } from './wire/receive-buffer.ts';

/** One message for the kernel. The socket adds NLM_F_REQUEST, and NLM_F_ACK or NLM_F_DUMP. */
export interface NetlinkRequest {
  /** RTM_GETLINK and its kin: the protocol's own numbers, 16 and above. */
  readonly type: number;
  /** NLM_F_* besides those that the socket adds: NLM_F_CREATE, NLM_F_ECHO, ... Default 0. */
  readonly flags?: number;
  /** What follows the nlmsghdr: the family's own header, then attributes. */
  readonly payload: Uint8Array;
  /** For error messages: 'RTM_NEWLINK'. Default: what the socket's `attributeNames` says. */
  readonly name?: string;
  /** The same with its attributes, where the type alone does not tell: generic netlink has one type for a family. */
  readonly names?: RequestNames;
  /** Asking twice does no harm (a get). Then it is asked again where an overrun may have swallowed its answer. */
  readonly idempotent?: boolean;
  /**
   * The answer is one message, as to every get of a single object: it ends the request, no acknowledgement is asked for.
   * That is a third of what a small request costs.
   */
  readonly single?: boolean;
  /**
   * The kernel takes long over it, always: it is sent on a thread, where one can be had, and the event loop goes on
   * meanwhile.
   */
  readonly aside?: boolean;
  /**
   * Messages that follow in the same datagram, for protocols that carry out all of them or none (nfnetlink). They and the
   * first ask for acknowledgements by their own `flags` only. The first acknowledgement of any of them ends the request,
   * and so does the first refusal; what the kernel says after that is nobody's.
   */
  readonly parts?: readonly NetlinkRequest[];
}

/** One message from the kernel. */
export interface NetlinkMessage {
  readonly type: number;
  /** NLM_F_*: NLM_F_DUMP_FILTERED tells that the kernel applied a dump's filter. */
  readonly flags: number;
  readonly seq: number;
  /** nlmsg_pid: whose request caused it; 0 for the kernel's own doing. */
  readonly portId: number;
  /** What follows the nlmsghdr. Never overwritten, but shares memory with the other messages of its datagram. */
  readonly payload: Uint8Array;
}

/**
 * Makes something of a message where it lies, before the next datagram overwrites it.
 *
 * @param start where the payload after the nlmsghdr starts, in bytes of the buffer: a multiple of 4
 * @param end where it ends
 * @param buffer must not be kept
 */
export type MessageReader<T> = (type: number, buffer: ReceiveBuffer, start: number, end: number) => T;

/**
 * Reads a dump's messages where they lie, before the next datagram overwrites them.
 *
 * What it throws ends the dump with that error.
 */
export interface MessageSink {
  /**
   * One message of the dump, at any time until the iteration ends: also between two steps, where the answer to
   * another call lies behind it.
   *
   * @param start where the payload after the nlmsghdr starts, in bytes of the buffer: a multiple of 4
   * @param end where it ends
   * @param buffer must not be kept
   */
  message(type: number, flags: number, buffer: ReceiveBuffer, start: number, end: number): void;
  /**
   * The dump is begun anew, because of `problem` (changes during it, a full receive buffer): forget what came. Who
   * cannot, because it has been handed on, throws the problem.
   */
  restart(problem: unknown): void;
}

/** What every call takes. */
export interface RequestOptions {
  /** Gives the call up: it rejects with an AbortError. What the kernel has done by then stays done. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds, more than 0. Of a request: how long until its answer. Of a dump: the longest silence of the
   * kernel, however long the whole takes. Default: the socket's.
   */
  readonly timeout?: number;
}

/** Asking the kernel: what a service needs of a socket, and all that a scripted fake has to offer. */
export interface RequestPort {
  /** Asks once. Resolves with what came before the acknowledgement: nothing, one object, or NLM_F_ECHO's copy. */
  request(request: NetlinkRequest, options?: RequestOptions): Promise<NetlinkMessage[]>;
  /**
   * The same of a `single` request whose answer is mostly there when it has been sent: then it is read where it lies,
   * and this is what `read` makes of it. Throws what `read` throws, and for wrong options. Optional.
   */
  ask?<T extends object | undefined>(
    request: NetlinkRequest,
    read: MessageReader<T>,
    options?: RequestOptions,
  ): T | Promise<NetlinkMessage[]>;
  /** Message by message as they come. Leaving the loop early is safe. */
  dump(request: NetlinkRequest, options?: RequestOptions): AsyncIterableIterator<NetlinkMessage>;
  /** All messages of a dump that nothing disturbed. */
  dumpAll(request: NetlinkRequest, options?: RequestOptions): Promise<NetlinkMessage[]>;
  /**
   * A dump into a sink. Each step of the iteration has brought some messages, a datagram's or more; it ends when the
   * dump does. Repeats and fails as dumpAll. Leaving the loop early is safe: the sink hears no more then.
   */
  dumpInto(
    request: NetlinkRequest,
    sink: MessageSink,
    options?: RequestOptions,
  ): AsyncIterableIterator<void, undefined>;
  /**
   * The name of a link in the namespace where this asks, by a system call of its own: at once, and a twentieth of what
   * a message costs. A negative errno where it cannot be told: -ENODEV for a link that is not there. Optional.
   */
  linkName?(index: number): string | number;
}
