/** The host's side of a system's network: its bridge, and whether the host forwards what comes from there. */
import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions } from '../netlink/socket.ts';
import { parsePrefix } from '../netlink/wire/address.ts';
import type { Link } from '../route/link-object.ts';
import type { RouteSocket } from '../route/socket.ts';
import type { VethSpec } from './config/spec.ts';

/** IPV4_DEVCONF_* less one, uapi/linux/ip.h: places in IFLA_INET_CONF. */
const FORWARDING = 0;
const ROUTE_LOCALNET = 25;

const ETHERNET_MTU = 1500;

export interface HostBridge {
  readonly ifindex: number;
  readonly mtu: number;
  /** Whether packets from and to 127.0.0.0/8 may pass it (route_localnet). */
  readonly localnet: boolean;
}

/**
 * Looks, and changes nothing: what the host forwards is for its owner to say.
 *
 * @throws InvalidArgumentError
 */
export async function hostBridge(
  host: RouteSocket,
  network: VethSpec,
  request: RequestOptions,
): Promise<HostBridge> {
  const { bridge: name } = network;
  const link = await findBridge(host, name, request);
  const conf = (place: number) => (link.afSpec?.inet?.conf?.[place] ?? 0) !== 0;
  const localnet = conf(ROUTE_LOCALNET);
  if (network.nat || network.forwards.length > 0) {
    const families = new Set(network.address.map((address) => parsePrefix(address)?.family));
    if (families.has('inet') && !conf(FORWARDING))
      throw notForwarding(network, 'IPv4', 'net.ipv4.ip_forward');
    if (families.has('inet6')) {
      const { forwarding } = await host.netconf.get({ family: 'inet6', dev: 'all' }, request);
      if (!forwarding) throw notForwarding(network, 'IPv6', 'net.ipv6.conf.all.forwarding');
    }
    if (!localnet) refuseLoopback(network);
  }
  return { ifindex: link.ifindex, mtu: link.mtu ?? ETHERNET_MTU, localnet };
}

async function findBridge(host: RouteSocket, name: string, request: RequestOptions): Promise<Link> {
  let link: Link;
  try {
    link = await host.link.get(name, request);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'ENODEV') throw error;
    throw new InvalidArgumentError(
      'network.bridge',
      name,
      'is no link of the host',
      `the name of a bridge, or make it: ip link add ${name} up type bridge`,
    );
  }
  if (link.kind === 'bridge') return link;
  const kind = link.kind === undefined ? 'is no bridge' : `is no bridge but a ${link.kind}`;
  throw new InvalidArgumentError('network.bridge', name, kind, 'the name of a bridge');
}

function notForwarding({ nat, forwards }: VethSpec, family: string, sysctl: string): InvalidArgumentError {
  return new InvalidArgumentError(
    nat ? 'network.nat' : 'network.forwards',
    nat || forwards,
    `needs a host that forwards ${family}, and this one does not`,
    `none of it, or let the host forward: sysctl -w ${sysctl}=1`,
  );
}

function refuseLoopback({ forwards, bridge }: VethSpec): void {
  for (const [index, { hostAddress = '' }] of forwards.entries())
    if (hostAddress.startsWith('127.'))
      throw new InvalidArgumentError(
        `network.forwards[${index}].hostAddress`,
        hostAddress,
        `cannot be forwarded: packets of 127.0.0.0/8 do not pass ${bridge}`,
        `another address, or let them pass: sysctl -w net.ipv4.conf.${bridge}.route_localnet=1`,
      );
}
