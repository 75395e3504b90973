/** A netlink socket for many requests that change something: pipelined, and never waited for on the event loop. */
import { BaseCore } from '../handle/core.ts';
import { systemError } from '../handle/errors.ts';
import type { HandleDetail } from '../handle/handle-info.ts';
import { KernelHandle } from '../handle/kernel-handle.ts';
import type { NativePipeline } from '../handle/native.ts';
import { loadBinding } from '../handle/native-binding.ts';
import { NetlinkError } from './error.ts';
import { type RequestNames, resolveAttributePath } from './ext-ack.ts';
import { type Refusal, RequestWindow, WindowOutcome } from './pipeline-window.ts';
import { MESSAGE_HEADER } from './wire/message.ts';

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const RECEIVE_BUFFER = 2 << 20;
const SEND_BUFFER = 512 << 10;
/** What netlink_sendmsg takes of SO_SNDBUF for itself. */
const SEND_OVERHEAD = 32;
/**
 * Bytes of receive buffer that an answer may take, bookkeeping included: one with an extended acknowledgement takes
 * less than half of it. All messages of a window may be refused.
 */
const ANSWER_SHARE = 2048;
/** Messages in a window: more gain nothing. */
const MESSAGES = 512;
const WINDOW_BYTES = 128 << 10;
/** Windows on their way at a time: the thread always has the next one, and what has to be kept is bounded. */
const DEPTH = 4;

export interface PipelineOptions {
  readonly protocol: number;
  readonly protocolName: string;
  /** Of a namespace, or of a socket that lives there; -1 for the process's own. */
  readonly netnsFd: number;
  readonly attributeNames: ((type: number) => RequestNames | undefined) | undefined;
  /** Messages in a window, at most. Default 512. */
  readonly window?: number | undefined;
  /** One message at a time, and none after the first that is refused. Default false. */
  readonly stopAtRefusal?: boolean;
}

/** Who hears what becomes of the windows. */
export interface PipelineListener {
  /** In the order of the windows. `window` is used again when this returns. */
  answered(window: RequestWindow, outcome: WindowOutcome): void;
  /** The handle was closed; windows may be on their way. */
  closed(): void;
}

/** What a batch needs of a pipeline, and all that a scripted one has to offer. */
export type PipelinePort = Pick<
  NetlinkPipeline,
  'listen' | 'window' | 'submit' | 'inFlight' | 'busy' | 'collect' | 'giveUp' | 'refusal'
>;

/** A window that will not be answered any more. */
export interface GivenUp {
  readonly window: RequestWindow;
  /** The kernel has it, or will have it. */
  readonly begun: boolean;
}

class PipelineCore extends BaseCore {
  readonly kind = 'pipeline';
  readonly native: NativePipeline;
  readonly #detail: HandleDetail;
  readonly #stopAtRefusal: boolean;
  readonly #messages: number;
  readonly #bytes: number;
  readonly #idle: RequestWindow[] = [];
  readonly #sent: RequestWindow[] = [];
  #answered = 0;
  #lastSeq = 0;
  listener: PipelineListener | undefined;

  constructor(native: NativePipeline, options: PipelineOptions) {
    super();
    this.native = native;
    this.#stopAtRefusal = options.stopAtRefusal ?? false;
    const room = Math.floor(native.getOption(SOL_SOCKET, SO_RCVBUF) / ANSWER_SHARE);
    this.#messages = Math.max(1, Math.min(options.window ?? MESSAGES, MESSAGES, room));
    const sendable = native.getOption(SOL_SOCKET, SO_SNDBUF) - SEND_OVERHEAD;
    this.#bytes = Math.max(MESSAGE_HEADER, Math.min(WINDOW_BYTES, sendable));
    const { netnsInode, portId } = native;
    this.#detail = {
      protocol: options.protocolName,
      portId,
      ...(netnsInode === 0 ? {} : { netns: netnsInode }),
    };
    native.start(() => this.#someAnswered());
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

  get inFlight(): number {
    return this.#sent.length;
  }

  window(): RequestWindow {
    const window = this.#idle.pop() ?? new RequestWindow(this.#bytes, this.#messages);
    window.reset(this.#lastSeq + 1);
    return window;
  }

  submit(window: RequestWindow): void {
    this.#lastSeq = (this.#lastSeq + window.count) % 0xffff_fff0;
    window.requestAcks(this.#stopAtRefusal);
    const result = this.native.submit(window.bytes, window.length, this.#stopAtRefusal);
    if (result < 0) throw systemError(result, 'sendmsg');
    this.#sent.push(window);
    this.native.ref();
  }

  /** Hands out what has been answered. */
  collect(): void {
    while (this.#collectOne());
  }

  /** As {@link collect}, but with turns of the event loop in between: a window of refusals takes its time. */
  #someAnswered(): void {
    if (this.#collectOne()) setImmediate(() => this.#someAnswered());
  }

  #collectOne(): boolean {
    const answer = this.state === 'open' ? this.native.collect() : undefined;
    const window = answer === undefined ? undefined : this.#sent.shift();
    if (answer === undefined || window === undefined) return false;
    this.#answered++;
    if (this.#sent.length === 0) this.native.unref();
    this.listener?.answered(window, new WindowOutcome(window, answer));
    if (this.#idle.length < DEPTH) this.#idle.push(window);
    return true;
  }

  giveUp(): GivenUp[] {
    this.collect();
    // Of a closed pipeline nobody can say any more.
    const begun = this.state === 'open' ? this.native.stop() - this.#answered : this.#sent.length;
    return this.#sent.splice(0).map((window, i) => ({ window, begun: i < begun }));
  }

  protected closeNative(done: () => void): void {
    this.native.close(done);
  }

  protected override onClosing(): void {
    this.listener?.closed();
  }
}

/**
 * Takes windows of requests to the kernel on a thread of its own, where waiting for others who hold the RTNL lock
 * harms nobody. Opened by {@link NetlinkSocket.pipeline}; close it.
 */
export class NetlinkPipeline extends KernelHandle<PipelineCore> {
  readonly #attributeNames: PipelineOptions['attributeNames'];
  /** Asked once for each type. */
  readonly #names = new Map<number, RequestNames | undefined>();

  private constructor(core: PipelineCore, names: PipelineOptions['attributeNames']) {
    super(core);
    this.#attributeNames = names;
  }

  /** Throws a SystemError (EMFILE, EAGAIN of a thread that cannot be had, ...) and keeps nothing. */
  static open(options: PipelineOptions): NetlinkPipeline {
    const { protocol, netnsFd } = options;
    const settings = { protocol, netnsFd, receiveBuffer: RECEIVE_BUFFER, sendBuffer: SEND_BUFFER };
    const native = loadBinding().openPipeline(settings);
    if (typeof native === 'number') throw systemError(native, 'socket', { protocol });
    return new NetlinkPipeline(new PipelineCore(native, options), options.attributeNames);
  }

  listen(listener: PipelineListener): void {
    this.core.listener = listener;
  }

  /** An empty window. One at a time: fill it, and submit it. */
  window(): RequestWindow {
    return this.core.window();
  }

  /** Sends the messages, of which there is at least one. The window is the pipeline's from now on. */
  submit(window: RequestWindow): void {
    this.core.submit(window);
  }

  /** Windows sent and not answered. */
  get inFlight(): number {
    return this.core.inFlight;
  }

  /** Whether another window is better submitted after one has been answered. */
  get busy(): boolean {
    return this.core.inFlight >= DEPTH;
  }

  /** Looks whether something has been answered that the event loop did not come to tell. */
  collect(): void {
    this.core.collect();
  }

  /** Nothing is sent any more. What has been answered is handed out; the rest is returned. */
  giveUp(): GivenUp[] {
    return this.core.giveUp();
  }

  /** The refusal of one message as the error that a request of its own would have rejected with. */
  refusal(window: RequestWindow, position: number, { errno, extAck }: Refusal): NetlinkError {
    const request = window.request(position);
    const names = this.#namesOf(request.type);
    const path = extAck && names && resolveAttributePath(extAck, request.payload, names, MESSAGE_HEADER);
    const explained = path === undefined ? extAck : { ...extAck, attributePath: path };
    const name = names?.name ?? `netlink message ${request.type}`;
    const netns = this.core.native.netnsInode;
    return withoutStack(() => new NetlinkError(errno, { request, name, extAck: explained, netns }));
  }

  #namesOf(type: number): RequestNames | undefined {
    if (!this.#names.has(type)) this.#names.set(type, this.#attributeNames?.(type));
    return this.#names.get(type);
  }
}

/** Makes an error without its stack: here it would be the event loop's, and takes longer than all the rest. */
function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  // Node can be told to freeze what all share.
  if (Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable !== true) return make();
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
