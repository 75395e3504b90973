/** Sockets of any kind inside a network namespace: socket(2), bind(2). */
import { isIPv4, isIPv6 } from 'node:net';
import { checkFields, checkInteger } from '../handle/checks.ts';
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

/** Where a socket of `inet` or `inet6` is bound to. */
export interface BindAddress {
  /** Numeric: '10.0.0.1', 'fe80::1%eth0'. Default: all addresses, '0.0.0.0' or '::'. */
  readonly address?: string | undefined;
  /** 1 to 65535, or 0 for one of the kernel's choice: the default. */
  readonly port?: number | undefined;
}

export interface SocketOptions {
  /**
   * Binds it before it is yours. A `stream` may take the port of connections that have just ended (SO_REUSEADDR), as those of
   * `net.Server` do. Default: not bound.
   */
  readonly bind?: BindAddress | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof SocketOptions>(['bind']);
const BIND: ReadonlySet<string> = new Set<keyof BindAddress>(['address', 'port']);

/**
 * A socket that was opened inside a network namespace, and stays there whoever holds it. It is bare, blocking and
 * not connected, nor bound unless that was asked for: what becomes of it is for whoever takes it over by {@link release}.
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
    options: SocketOptions = {},
  ): NetnsSocket {
    checkFields('', options, OPTIONS);
    const { bind } = options;
    const numbers = [
      wordOrNumber('family', family, FAMILIES),
      wordOrNumber('type', type, TYPES),
      wordOrNumber('protocol', protocol, {}),
    ] as const;
    const place = bind === undefined ? undefined : checkedBind(bind, numbers[0]);
    const native = loadBinding().openSocket(netns.fd, ...numbers);
    if (typeof native === 'number')
      throw systemError(native, 'socket', { netns: netns.inode, family, type, protocol });
    if (place !== undefined) {
      const { address, zone, port } = place;
      // Without SOCK_NONBLOCK and SOCK_CLOEXEC.
      const isStream = (numbers[1] & 0xf) === TYPES.stream;
      const result = loadBinding().bindSocket(native.fd, address, port, zone, isStream);
      if (result < 0) {
        native.close();
        throw systemError(result, 'bind', { netns: netns.inode, ...bind });
      }
    }
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

/** As bind(2) takes it. */
function checkedBind(bind: BindAddress, family: number): { address: string; zone: string; port: number } {
  checkFields('bind', bind, BIND);
  const isAddress = { [FAMILIES.inet]: isIPv4, [FAMILIES.inet6]: isIPv6 }[family];
  if (isAddress === undefined) {
    throw new InvalidArgumentError(
      'bind',
      bind,
      'is for inet and inet6 alone',
      'bind the fd of any other family by what takes it over',
    );
  }
  const { address = family === FAMILIES.inet ? '0.0.0.0' : '::', port = 0 } = bind;
  // The name of the link behind a '%' is no matter of Node's, which knows few characters in it.
  const [, numeric = '', zone = ''] = /^([^%]*)%([^%/\p{Cc}]+)$/u.exec(address) ?? ['', address];
  const zoned = zone !== '' && family !== FAMILIES.inet6;
  if (typeof address !== 'string' || zoned || !isAddress(numeric)) {
    const example = family === FAMILIES.inet ? "'10.0.0.1'" : "'2001:db8::1', 'fe80::1%eth0'";
    throw new InvalidArgumentError('bind.address', address, 'is no address of that family', example);
  }
  checkInteger('bind.port', port, 0, 0xffff);
  return { address: numeric, zone, port };
}

function wordOrNumber(field: string, value: unknown, words: Readonly<Record<string, number>>): number {
  if (typeof value === 'string' && Object.hasOwn(words, value)) return words[value] as number;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fff_ffff)
    return value;
  const known = Object.keys(words).map((word) => `'${word}'`);
  const remedy = [...known, known.length === 0 ? 'a non-negative integer' : 'a number'].join(', ');
  throw new InvalidArgumentError(field, value, `is no ${field} of sockets`, remedy);
}
