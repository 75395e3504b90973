/** The network of a system: a veth pair between its namespace and a bridge of the host's, addresses, routes, NAT. */
import { randomInt } from 'node:crypto';
import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions } from '../netlink/socket.ts';
import { parsePrefix } from '../netlink/wire/address.ts';
import { type Netns, type NetnsReference, resolveNetns } from '../netns/index.ts';
import { RouteSocket } from '../route/socket.ts';
import type { NetworkSpec, VethSpec } from './config/spec.ts';
import { type HostBridge, hostBridge } from './host-bridge.ts';
import { NatTable } from './nat-table.ts';

export interface ConnectOptions extends RequestOptions {
  /** The network namespace of the system, open. */
  readonly systemNetns: NetnsReference;
  /** Where the bridge is. Default: the namespace of this process. */
  readonly hostNetns?: NetnsReference | undefined;
  /** Of the system. */
  readonly name: string;
  /** Told the name of the host's end before that is made. */
  readonly onLink?: ((ifname: string) => void) | undefined;
}

/** What the system's end of the veth is called. */
const INSIDE = 'eth0';

/**
 * Of every host's end. A bridge that was given no address takes the lowest of its ports', and must not change it with each
 * system that comes or goes. Xen does the same.
 */
const OUTSIDE_ADDRESS = 'fe:ff:ff:ff:ff:ff';

/** 46 bits of chance in 9 characters: names of links have at most 15. */
const NAMES = 36 ** 9;

/**
 * What a system has on the host: one end of a veth, and tables of nftables. The veth ends with the system's namespace, the
 * tables with this process; close() ends both now.
 */
export class SystemNetwork implements AsyncDisposable {
  readonly #host: RouteSocket | undefined;
  readonly #nat: NatTable | undefined;
  #closing: Promise<void> | undefined;
  /** The host's end of the veth; undefined for a network without one. */
  readonly ifname: string | undefined;

  /** @internal */
  constructor(parts: { host: RouteSocket; nat: NatTable | undefined; ifname: string } | undefined) {
    this.#host = parts?.host;
    this.#nat = parts?.nat;
    this.ifname = parts?.ifname;
  }

  /** The name of the table of nftables in the family `inet`, where there is address translation. */
  get table(): string | undefined {
    return this.#nat?.name;
  }

  /** Whether the kernel removes that table when this process is killed: since Linux 5.12. True where there is none. */
  get tableOwned(): boolean {
    return this.#nat?.owned ?? true;
  }

  /** Resolves when nothing of it is left on the host. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const host = this.#host;
    if (host === undefined) return;
    const { ifname } = this;
    try {
      await this.#nat?.remove();
      await removeLink(host, ifname as string);
    } finally {
      await host[Symbol.asyncDispose]();
      await this.#nat?.close();
    }
  }
}

/**
 * Connects a system's namespace to the host. Whatever fails, nothing is left.
 *
 * @throws InvalidArgumentError for a bridge that is none, for address translation where the host does not forward, for a
 *   port that another system has, for a gateway that cannot be reached; SystemError, AbortError
 */
export async function connectSystem(network: NetworkSpec, options: ConnectOptions): Promise<SystemNetwork> {
  if (network.kind === 'host') return new SystemNetwork(undefined);
  const { hostNetns, systemNetns, name, onLink, ...request } = options;
  // Once: a pid may be another process's a moment later.
  using system = await resolveNetns(systemNetns);
  await using inside = await RouteSocket.open({ netns: system.netns });
  await inside.link.set('lo', { up: true }, request);
  if (network.kind === 'none') return new SystemNetwork(undefined);
  const host = await RouteSocket.open(hostNetns === undefined ? {} : { netns: hostNetns });
  const unique = randomInt(NAMES).toString(36).padStart(9, '0');
  const ifname = `cd${unique}`;
  let nat: NatTable | undefined;
  let made = false;
  try {
    const bridge = await hostBridge(host, network, request);
    const { localnet } = bridge;
    if (network.nat || network.forwards.length > 0)
      nat = await NatTable.create({ hostNetns, network, name, unique, localnet }, request);
    onLink?.(ifname);
    await addPair(host, { ifname, bridge, systemNetns: system.netns, mtu: network.mtu }, request);
    made = true;
    // After a slow request the socket of the host sends on a thread: nobody has to wait for that.
    const named = host.link.set(ifname, { alias: `cofferdam ${name}` }, request);
    await Promise.all([named, configure(inside, network, request)]);
    return new SystemNetwork({ host, nat, ifname });
  } catch (error) {
    // Without the caller's signal, which may be why we are here.
    await nat?.remove().catch(() => {});
    if (made) await removeLink(host, ifname).catch(() => {});
    await host[Symbol.asyncDispose]();
    await nat?.close();
    throw error;
  }
}

interface Pair {
  readonly ifname: string;
  readonly bridge: HostBridge;
  readonly systemNetns: Netns;
  readonly mtu: number | undefined;
}

async function addPair(host: RouteSocket, pair: Pair, request: RequestOptions): Promise<void> {
  const { ifname, bridge, systemNetns, mtu = bridge.mtu } = pair;
  await host.link.add(
    {
      kind: 'veth',
      ifname,
      address: OUTSIDE_ADDRESS,
      mtu,
      master: bridge.ifindex,
      up: true,
      peer: { ifname: INSIDE, mtu, netns: systemNetns },
    },
    request,
  );
}

/** All requests one after the other: rtnetlink has answered each when it has been sent. */
async function configure(inside: RouteSocket, network: VethSpec, request: RequestOptions): Promise<void> {
  const { ifindex } = await inside.link.get(INSIDE, request);
  for (const local of network.address) {
    // Nobody else has it, and looking for somebody takes a second.
    const flags = parsePrefix(local)?.family === 'inet6' ? ['nodad'] : [];
    await inside.address.add({ local, ifindex, flags }, request);
  }
  await inside.link.set(ifindex, { up: true }, request);
  for (const [index, { dst, via }] of network.routes.entries())
    await addRoute(inside, { dst, via, ifindex }, `network.routes[${index}].via`, request);
  for (const via of network.gateway)
    await addRoute(inside, { dst: 'default', via, ifindex }, 'network.gateway', request);
}

async function addRoute(
  inside: RouteSocket,
  { dst, via, ifindex }: { dst: string; via: string | undefined; ifindex: number },
  field: string,
  request: RequestOptions,
): Promise<void> {
  try {
    await inside.route.add({ dst, oif: ifindex, ...(via !== undefined && { via }) }, request);
  } catch (error) {
    const code = error instanceof SystemError ? error.code : undefined;
    if (via === undefined || (code !== 'ENETUNREACH' && code !== 'EHOSTUNREACH')) throw error;
    throw new InvalidArgumentError(
      field,
      via,
      'is in none of the subnets of network.address',
      'an address next to one of the system',
    );
  }
}

/** The kernel answers when the link is gone. */
async function removeLink(host: RouteSocket, ifname: string): Promise<void> {
  try {
    await host.link.del(ifname);
  } catch (error) {
    // With the namespace of the other end.
    if (!(error instanceof SystemError) || error.code !== 'ENODEV') throw error;
  }
}
