import type { NetlinkMessage } from '../netlink/socket.ts';
import { toHex, WireError } from '../netlink/wire/view.ts';
import { linkType } from '../route/link.ts';
import type { MonitorLinks } from './monitor-links.ts';
import { link, PRINTERS, type Printer, route } from './monitor-printers.ts';
import { arrivalTime, isoTime, now, recordedTime } from './monitor-time.ts';
import { formatJson } from './show/json.ts';
import type { JsonObject, ShowContext, Shown } from './show/view.ts';

/** A message, wherever it came from. */
export interface Heard extends NetlinkMessage {
  /** Of another namespace: its number. */
  readonly nsid?: number | undefined;
  /** Microseconds since 1970, of a recording. */
  readonly time?: bigint | undefined;
  readonly stamped?: boolean;
}

export interface PrintOptions {
  /** `[LINK]` before each message. */
  readonly label: boolean;
  /** `[nsid 7]` before each message. */
  readonly allNsid: boolean;
  /** Only what is about this link. */
  readonly ifindex: number | undefined;
}

/** RTNL_FAMILY_IPMR and RTNL_FAMILY_IP6MR: multicast routes, which nothing here prints. */
const MULTICAST_FAMILIES: readonly (number | undefined)[] = [128, 129];

/** What of these is the end of something: RTM_DEL* follow RTM_NEW*. */
const isDeletion = (type: number) => type % 4 === 1;

/** What cannot be read is told of when its turn comes. */
function tolerant(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
  }
}

/** Messages as `ip monitor` prints them, or as one JSON object a line. */
export class MonitorPrinter {
  readonly #context: ShowContext;
  readonly #links: MonitorLinks;
  readonly #options: PrintOptions;

  constructor(context: ShowContext, links: MonitorLinks, options: PrintOptions) {
    this.#context = { ...context, linkNames: async () => links };
    this.#links = links;
    this.#options = options;
  }

  /** Messages in the order in which they came. */
  async print(messages: readonly Heard[]): Promise<string> {
    for (const { type, payload, nsid, time } of messages) {
      // Of a recording ip says `if4` until the link has been told of, and so do we.
      if (time !== undefined || nsid !== undefined) continue;
      if (PRINTERS.get(type) !== link || isDeletion(type)) continue;
      tolerant(() => this.#links.expect(linkType.decode(payload)));
    }
    let text = '';
    for (const message of messages) text += await this.#one(message);
    return text;
  }

  async #one(heard: Heard): Promise<string> {
    const printer = this.#printer(heard);
    if (printer === undefined) return this.#unknown(heard);
    let shown: Shown | undefined;
    try {
      if (printer === link) this.#learn(heard);
      shown = await this.#print(printer, heard);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
      return this.#unknown(heard);
    }
    const { json } = this.#context.options;
    // Its time is told of a message that is not.
    if (shown === undefined) return json ? '' : this.#recorded(heard);
    if (json) return this.#line(heard, { object: printer.object, value: shown.json[0] ?? {} });
    const gone = isDeletion(heard.type) ? 'Deleted ' : '';
    return `${this.#recorded(heard)}${this.#header(heard, printer.label)}${gone}${shown.text}`;
  }

  /** Names that nobody knows yet take a request, and then the message is printed again. */
  async #print(printer: Printer, heard: Heard): Promise<Shown | undefined> {
    const { ifindex } = this.#options;
    // Another namespace's links have other names: ours would be wrong.
    const shown = await printer.print(heard, this.#context, ifindex);
    return (await this.#links.find()) ? await printer.print(heard, this.#context, ifindex) : shown;
  }

  #printer({ type, payload }: Heard): Printer | undefined {
    const printer = PRINTERS.get(type);
    return printer === route && MULTICAST_FAMILIES.includes(payload[0]) ? undefined : printer;
  }

  #learn({ type, payload, nsid }: Heard): void {
    if (nsid !== undefined) return;
    const one = linkType.decode(payload);
    if (isDeletion(type)) this.#links.forget(one.ifindex);
    else this.#links.learn(one);
  }

  #header({ nsid }: Heard, label: string): string {
    const { timestamp } = this.#context.options;
    const time = timestamp === 0 ? '' : arrivalTime(now(), timestamp > 1);
    const namespace = this.#options.allNsid ? `[nsid ${nsid ?? 'current'}]` : '';
    return `${time}${namespace}${this.#options.label ? label : ''}`;
  }

  #recorded({ stamped, time }: Heard): string {
    return stamped === true && time !== undefined ? recordedTime(time) : '';
  }

  #line(heard: Heard, rest: JsonObject): string {
    const type =
      heard.type < 16 || rest.object === undefined ? undefined : isDeletion(heard.type) ? 'del' : 'new';
    const line: JsonObject = {
      time: isoTime(heard.time ?? now()),
      ...(type !== undefined && { type }),
      ...rest,
      ...(heard.nsid !== undefined && { nsid: heard.nsid }),
    };
    return `${formatJson(line)}\n`;
  }

  /** What has no text: told all the same. */
  #unknown(heard: Heard): string {
    const { type, flags, payload } = heard;
    if (type < 16 && type !== 4) return this.#context.options.json ? '' : this.#recorded(heard);
    if (this.#context.options.json)
      return this.#line(
        heard,
        type === 4 ? { type: 'overrun' } : { type: 'message', messageType: type, flags, hex: toHex(payload) },
      );
    const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}(${value})`;
    const length = payload.length + 16;
    process.stderr.write(`Unknown message: type=${hex(type)} flags=${hex(flags)} len=${hex(length)}\n`);
    return this.#recorded(heard);
  }
}
