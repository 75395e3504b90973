import { DumpInterruptedError, NetlinkError } from '../netlink/error.ts';
import type { NetlinkMessage, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import type { Monitor } from './monitor.ts';
import { OBJECT_TYPES } from './object-types.ts';
import { LOST, RecordingWriter } from './recording-file.ts';

/** Families that a dump has to be asked for by. Default: all at once. */
const FAMILIES: { readonly [name: string]: readonly number[] } = {
  netconf: [AF.inet, AF.inet6],
  addressLabel: [AF.inet6],
  fdb: [AF.bridge],
  mdb: [AF.bridge],
  bridgePort: [AF.bridge],
  bridgeVlan: [AF.bridge],
};
/** Objects that the kernel lists link by link only: of these a recording has no beginning. */
const BY_LINK: ReadonlySet<string> = new Set(['class', 'filter', 'chain']);
/** Messages of a dump written at once. */
const STRETCH = 256;

/**
 * News on their way into a file: what `rt.record` gives. The format is rtmon's: `ip monitor file` reads it, and
 * {@link replay}. It goes on until close(), or until the RouteSocket closes.
 */
export class Recording implements Disposable, AsyncDisposable {
  readonly #monitor: Monitor;
  readonly #writer: RecordingWriter;
  #overruns = 0;
  /** Resolves when everything that came is in the file and the file is closed. Rejects where it could not be written. */
  readonly done: Promise<void>;

  private constructor(monitor: Monitor, writer: RecordingWriter, dump: () => Promise<void>) {
    this.#monitor = monitor;
    this.#writer = writer;
    this.done = this.#run(dump);
    // Who does not look at it hears of it by close(), or not at all; it is no reason to end the process.
    this.done.catch(() => {});
  }

  /** @internal Takes over the monitor, a raw one. */
  static async start(
    path: string,
    monitor: Monitor,
    port: Pick<RequestPort, 'dump'>,
    names: readonly unknown[],
  ): Promise<Recording> {
    try {
      const writer = await RecordingWriter.create(path);
      return new Recording(monitor, writer, () => writeDumps(writer, port, names));
    } catch (error) {
      monitor.close();
      throw error;
    }
  }

  /** Messages in the file so far, those of the beginning and of re-readings after an overrun among them. */
  get messages(): number {
    return this.#writer.messages;
  }
  /** Bytes in the file so far. */
  get bytes(): number {
    return this.#writer.bytes;
  }
  /** How often the kernel dropped news: NLMSG_OVERRUN stands there, and then everything anew. */
  get overruns(): number {
    return this.#overruns;
  }

  /** Stops listening. What had come by then is still written: await {@link done}. */
  close(): void {
    this.#monitor.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.done;
    await this.#monitor.closed;
  }

  async #run(dump: () => Promise<void>): Promise<void> {
    try {
      await dump();
      for await (const batch of this.#monitor.batches()) {
        const messages: NetlinkMessage[] = [];
        let lost = false;
        for (const event of batch) {
          if (event.type === 'message') messages.push(event.message);
          else if (event.type === 'overrun') {
            messages.push(LOST);
            lost = true;
          }
        }
        await this.#writer.write(messages);
        if (!lost) continue;
        this.#overruns++;
        await dump();
      }
    } finally {
      this.#monitor.close();
      await this.#writer.close();
    }
  }
}

/** What is there now, as the kernel tells it. */
async function writeDumps(
  writer: RecordingWriter,
  port: Pick<RequestPort, 'dump'>,
  names: readonly unknown[],
): Promise<void> {
  for (const { name, messages, answer = messages.new, headerSize } of OBJECT_TYPES) {
    if (!names.includes(name) || BY_LINK.has(name)) continue;
    for (const family of FAMILIES[name] ?? [AF.unspec]) {
      const payload = new Uint8Array(headerSize);
      payload[0] = family;
      try {
        let stretch: NetlinkMessage[] = [];
        for await (const message of port.dump({ type: messages.get, payload })) {
          // News of it would be called so.
          if (message.type === answer) stretch.push({ ...message, type: messages.new });
          if (stretch.length < STRETCH) continue;
          await writer.write(stretch, true);
          stretch = [];
        }
        if (stretch.length > 0) await writer.write(stretch, true);
      } catch (error) {
        // What this kernel does not list has no beginning; what changed meanwhile is among the news.
        if (!(error instanceof NetlinkError || error instanceof DumpInterruptedError)) throw error;
      }
    }
  }
}
