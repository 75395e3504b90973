/** A scripted socket that stands in for the native one; everything above is the real thing. */
import { constants } from 'node:os';
import { afterEach } from 'vitest';
import { type NativeNetlink, REPORT } from '../../src/handle/native.ts';
import { ask, dumpWhole } from '../../src/netlink/calls.ts';
import { NetlinkCore } from '../../src/netlink/core.ts';
import { DumpIterator } from '../../src/netlink/dump.ts';
import type { OperationOptions } from '../../src/netlink/operation.ts';
import { NLM_F } from '../../src/netlink/wire/message.ts';
import { WireView } from '../../src/netlink/wire/view.ts';
import { NO_BYTES, PORT } from './support.ts';

const { EAGAIN, EINPROGRESS } = constants.errno;

/** A datagram to be received, or a negative errno. */
export type Step = Uint8Array | number;

export class ScriptedNetlink implements NativeNetlink {
  fd = 3;
  readonly portId = PORT;
  readonly netnsInode = 4026531840;
  readonly foreignDatagrams = 0;
  readonly receivedGroup = 0;
  readonly buffer = new Uint8Array(65_536);
  readonly report = new Int32Array(8);
  /** Sequence numbers of what was sent. */
  readonly seqs: number[] = [];
  /** What send() says before it starts to work. */
  readonly refusals: number[] = [];
  readonly queue: Step[] = [];
  receives = 0;
  /** Microseconds that each call says it took. */
  took = 0;
  threads = true;
  /** What the thread is about to send, and how it went with what it has sent. */
  readonly aside: Uint8Array[] = [];
  readonly results: number[] = [];
  /** Answers a message sent. */
  answer: (seq: number, dump: boolean) => Step[];
  #onReadable: ((status: number) => void) | undefined;
  #polling = false;
  #ref = false;

  constructor(answer: (seq: number, dump: boolean) => Step[]) {
    this.answer = answer;
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    this.report[REPORT.took] = this.took;
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    const view = new WireView(bytes.subarray(offset, offset + length));
    const seq = view.u32(8);
    this.seqs.push(seq);
    this.deliver(...this.answer(seq, (view.u16(6) & NLM_F.dump) === NLM_F.dump));
    return length;
  }

  exchange(bytes: Uint8Array, length: number): number {
    const sent = this.send(bytes, 0, length);
    this.report[REPORT.received] = sent < 0 ? -EAGAIN : this.receive();
    return sent;
  }
  sendAside(bytes: Uint8Array): number {
    if (!this.threads) return -EAGAIN;
    this.aside.push(bytes);
    return 0;
  }
  sent(): number {
    return this.results.shift() ?? -EINPROGRESS;
  }
  /** The thread sends the oldest, or it fails with an errno. */
  finish(result = 0): void {
    const bytes = this.aside.shift();
    if (bytes === undefined) throw new Error('nothing is being sent aside');
    this.report[REPORT.took] = this.took;
    this.results.push(result < 0 ? result : this.send(bytes, 0, bytes.length));
    this.#onReadable?.(0);
  }
  readAhead(): number {
    return -EAGAIN;
  }

  deliver(...steps: readonly Step[]): void {
    this.queue.push(...steps);
    this.#wake();
  }

  receive(): number {
    this.receives++;
    const step = this.queue.shift() ?? -EAGAIN;
    if (typeof step === 'number') return step;
    this.buffer.set(step);
    return step.length;
  }

  #wake(): void {
    setImmediate(() => {
      if (!this.#polling || this.queue.length === 0) return;
      this.#onReadable?.(0);
      this.#wake();
    });
  }

  receiveMany(): number {
    return -EAGAIN;
  }
  attachFilter(): number {
    return 0;
  }
  drops(): number {
    return 0;
  }
  setMembership(): number {
    return 0;
  }
  /** EOPNOTSUPP: ask by message. */
  linkName(): number {
    return -95;
  }
  setOption(): number {
    return 0;
  }
  getOption(): number {
    return 212_992;
  }
  startPolling(onReadable: (status: number) => void): number {
    this.#onReadable = onReadable;
    return this.resumePolling();
  }
  resumePolling(): number {
    this.#polling = true;
    this.#wake();
    return 0;
  }
  pausePolling(): number {
    this.#polling = false;
    return 0;
  }
  ref(): void {
    this.#ref = true;
  }
  unref(): void {
    this.#ref = false;
  }
  hasRef(): boolean {
    return this.#ref;
  }
  close(): boolean {
    this.fd = -1;
    this.#polling = false;
    return false;
  }
}

const cores: NetlinkCore[] = [];
afterEach(() => {
  for (const core of cores.splice(0)) core.close();
});

export function connect(answer: (seq: number, dump: boolean) => Step[]): {
  native: ScriptedNetlink;
  core: NetlinkCore;
} {
  const native = new ScriptedNetlink(answer);
  const core = new NetlinkCore(native, {
    protocolName: 'scripted',
    attributeNames: undefined,
    drainTimeout: 50,
    lastSeq: 0,
  });
  cores.push(core);
  return { native, core };
}

export const options: OperationOptions = {
  request: { type: 18, payload: NO_BYTES },
  name: 'RTM_GETLINK',
  timeout: 200,
  signal: undefined,
};
export const holder = {};
export const request = (core: NetlinkCore) => ask(core, options, holder);
export const dumpAll = (core: NetlinkCore) => dumpWhole(core, options, holder);
export const iterate = (core: NetlinkCore) => new DumpIterator(core, options, holder);
