import {
  type MessageSink,
  NETLINK_ROUTE,
  type NetlinkMessage,
  type NetlinkRequest,
  NetlinkSocket,
  type RequestOptions,
  type RequestPort,
} from '../netlink/socket.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { LinkNames } from '../route/names.ts';
import { requestNames } from '../route/object-types.ts';
import { createServices } from '../route/services.ts';
import type { RouteSocket } from '../route/socket.ts';
import { PRINTERS } from './monitor-printers.ts';
import type { GlobalOptions } from './options.ts';
import type { ShowContext, Shown } from './show/view.ts';

/**
 * -echo: the kernel answers a change with what it made of it (NLM_F_ECHO), and that is printed as `ip monitor` would
 * print it. A socket of its own, whose services have all their changes answered so.
 */
export class EchoSocket implements AsyncDisposable {
  readonly #netlink: NetlinkSocket;
  readonly #echoes: NetlinkMessage[] = [];
  /** A RouteSocket but for that. */
  readonly rt: RouteSocket;

  private constructor(netlink: NetlinkSocket, rt: RouteSocket) {
    this.#netlink = netlink;
    const services: Readonly<Record<string, object>> = createServices(
      new EchoPort(netlink, this.#echoes),
      new LinkNames(netlink),
    );
    this.rt = new Proxy(rt, {
      get(target, name) {
        if (typeof name === 'string' && Object.hasOwn(services, name)) return services[name];
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  static async open({ netns, timeout, receiveBuffer }: GlobalOptions, rt: RouteSocket): Promise<EchoSocket> {
    const protocol = NETLINK_ROUTE;
    const attributeNames = requestNames;
    return new EchoSocket(
      await NetlinkSocket.open({ protocol, netns, timeout, receiveBuffer, attributeNames }),
      rt,
    );
  }

  /** What came back since it was last asked. */
  async print(context: ShowContext): Promise<Shown> {
    const all: Shown = { json: [], text: '' };
    for (const message of this.#echoes.splice(0)) {
      const shown = await PRINTERS.get(message.type)?.print(message, context, undefined);
      if (shown === undefined) continue;
      const gone = message.type % 4 === DELETION;
      all.json.push(...shown.json.map((one) => (gone ? { deleted: true, ...one } : one)));
      all.text += `${gone ? 'Deleted ' : ''}${shown.text}`;
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#netlink.close();
    await this.#netlink.closed;
  }
}

/** RTM_DEL* follow RTM_NEW*, which are multiples of four. */
const DELETION = 1;

class EchoPort implements RequestPort {
  readonly #port: RequestPort;
  readonly #echoes: NetlinkMessage[];

  constructor(port: RequestPort, echoes: NetlinkMessage[]) {
    this.#port = port;
    this.#echoes = echoes;
  }

  async request(request: NetlinkRequest, options?: RequestOptions): Promise<NetlinkMessage[]> {
    if (request.idempotent) return await this.#port.request(request, options);
    const flags = (request.flags ?? 0) | NLM_F.echo;
    const answers = await this.#port.request({ ...request, flags }, options);
    this.#echoes.push(...answers);
    return answers;
  }

  dump(request: NetlinkRequest, options?: RequestOptions) {
    return this.#port.dump(request, options);
  }
  dumpAll(request: NetlinkRequest, options?: RequestOptions) {
    return this.#port.dumpAll(request, options);
  }
  dumpInto(request: NetlinkRequest, sink: MessageSink, options?: RequestOptions) {
    return this.#port.dumpInto(request, sink, options);
  }
}
