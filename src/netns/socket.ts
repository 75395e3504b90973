/** Sockets of any kind inside a network namespace: socket(2). */
import {
  ClosedError,
  FdCore,
  InvalidArgumentError,
  KernelHandle,
  loadBinding,
  systemError,
} from '../handle/index.ts';

/** AF_*, bits/socket.h. */
const FAMILIES = {
  unix: 1,
  inet: 2,
  inet6: 10,
  netlink: 16,
  packet: 17,
  can: 29,
  vsock: 40,
  xdp: 44,
} as const;
export type SocketFamily = keyof typeof FAMILIES;

/** SOCK_*, bits/socket_type.h. */
const TYPES = { stream: 1, dgram: 2, raw: 3, rdm: 4, seqpacket: 5 } as const;
export type SocketType = keyof typeof TYPES;

/**
 * A socket that was opened inside a network namespace, and stays there whoever holds it. It is bare, blocking and
 * neither bound nor connected: what becomes of it is for whoever takes it over by {@link release}.
 *
 * ```ts
 * using socket = await ns.socket('inet', 'dgram');
 * const udp = dgram.createSocket('udp4').bind({ fd: socket.release() });
 *
 * using connection = await ns.socket('inet', 'stream');
 * const tcp = new net.Socket({ fd: connection.release() }).connect(80, '10.0.0.1');
 * ```
 *
 * Give `connect()` an address and call it at once, as here: Node reads from a socket that it has been given, and one
 * that is not connected ends in ENOTCONN.
 */
export class NetnsSocket extends KernelHandle<FdCore> {
  private constructor(core: FdCore) {
    super(core);
  }

  /** @internal */
  static open(
    netns: { readonly fd: number; readonly inode: number },
    family: SocketFamily | number,
    type: SocketType | number,
    protocol: number,
  ): NetnsSocket {
    const numbers = [
      wordOrNumber('family', family, FAMILIES),
      wordOrNumber('type', type, TYPES),
      wordOrNumber('protocol', protocol, {}),
    ] as const;
    const native = loadBinding().openSocket(netns.fd, ...numbers);
    if (typeof native === 'number')
      throw systemError(native, 'socket', { netns: netns.inode, family, type, protocol });
    return new NetnsSocket(new FdCore('socket', native, { netns: netns.inode, family, type, protocol }));
  }

  /**
   * Gives the fd up and closes the handle: whoever gets the number owns the socket and closes it, as Node does with what
   * `net.Socket`, `dgram` and `net.Server` are given as `fd`.
   *
   * @throws ClosedError if it is closed or given up already
   */
  release(): number {
    if (this.state !== 'open') throw new ClosedError('the socket is closed');
    return this.core.release();
  }
}

function wordOrNumber(field: string, value: unknown, words: Readonly<Record<string, number>>): number {
  if (typeof value === 'string' && Object.hasOwn(words, value)) return words[value] as number;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fff_ffff)
    return value;
  const known = Object.keys(words).map((word) => `'${word}'`);
  const remedy = [...known, known.length === 0 ? 'a non-negative integer' : 'a number'].join(', ');
  throw new InvalidArgumentError(field, value, `is no ${field} of sockets`, remedy);
}
