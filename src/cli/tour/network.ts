import { Netns } from '../../netns/index.ts';
import { RouteSocket } from '../../route/socket.ts';

/** What the links of the network are called. */
export const LINKS: readonly string[] = ['br0', 'to-left', 'to-right', 'eth0'];

/** A host of the network: a namespace without a name, and a socket in it. */
export interface Host {
  readonly name: string;
  readonly netns: Netns;
  readonly rt: RouteSocket;
}

export interface Network extends AsyncDisposable {
  readonly hub: Host;
  readonly left: Host;
  readonly right: Host;
}

async function openHost(name: string): Promise<Host> {
  const netns = await Netns.create();
  try {
    return { name, netns, rt: await RouteSocket.open({ netns }) };
  } catch (error) {
    netns.close();
    throw error;
  }
}

/** Closes a host's handles. With the last one the kernel takes the namespace down, and all links in it. */
export async function closeHost(host: Host): Promise<void> {
  await host.rt[Symbol.asyncDispose]();
  await host.netns[Symbol.asyncDispose]();
}

/** Three namespaces, nothing in them yet. Whatever fails, those made so far are closed. */
export async function openNetwork(): Promise<Network> {
  const hosts: Host[] = [];
  const closeAll = async () => {
    for (const host of hosts.toReversed()) await closeHost(host);
  };
  try {
    for (const name of ['hub', 'left', 'right']) hosts.push(await openHost(name));
  } catch (error) {
    await closeAll();
    throw error;
  }
  const [hub, left, right] = hosts as [Host, Host, Host];
  return { hub, left, right, [Symbol.asyncDispose]: closeAll };
}

/** left -- bridge in the hub -- right, by two veth pairs; IPv4 and IPv6 on all of them. */
export async function connect({ hub, left, right }: Network, signal: AbortSignal): Promise<void> {
  const options = { signal };
  await hub.rt.link.add({ kind: 'bridge', ifname: 'br0' }, options);
  await hub.rt.link.set('br0', { up: true }, options);
  for (const [host, number] of [
    [left, 2],
    [right, 3],
  ] as const) {
    const port = `to-${host.name}`;
    await hub.rt.link.add(
      { kind: 'veth', ifname: port, peer: { ifname: 'eth0', netns: host.netns } },
      options,
    );
    await hub.rt.link.set(port, { master: 'br0', up: true }, options);
    await host.rt.link.set('lo', { up: true }, options);
    await host.rt.link.set('eth0', { up: true, mtu: 1450 }, options);
    await host.rt.address.add({ dev: 'eth0', local: `10.109.0.${number}/24` }, options);
    await host.rt.address.add({ dev: 'eth0', local: `fd09::${number}/64`, flags: ['nodad'] }, options);
  }
  await hub.rt.address.add({ dev: 'br0', local: '10.109.0.1/24' }, options);
  await hub.rt.address.add({ dev: 'br0', local: 'fd09::1/64', flags: ['nodad'] }, options);
}

/** Routes of all sorts, for left. */
export async function addRoutes({ left }: Network, signal: AbortSignal): Promise<void> {
  const options = { signal };
  const { route } = left.rt;
  await route.add({ dst: 'default', via: '10.109.0.1', protocol: 'static' }, options);
  const nexthops = [
    { via: '10.109.0.1', dev: 'eth0', weight: 1 },
    { via: '10.109.0.3', dev: 'eth0', weight: 3 },
  ];
  await route.replace({ dst: '10.20.0.0/16', protocol: 'static', nexthops }, options);
  await route.add({ dst: '192.0.2.0/24', type: 'blackhole', protocol: 'static' }, options);
  await route.add({ dst: '2001:db8::/32', via: 'fd09::1', protocol: 'static', metric: 100 }, options);
}
