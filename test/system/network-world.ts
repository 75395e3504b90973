/** A host with a bridge and a way to the internet, and the internet: namespaces of the test's own, and real servers. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { Netns } from '../../src/netns/index.ts';
import { NftablesSocket } from '../../src/nftables/socket.ts';
import { Process } from '../../src/process/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import type { VethSpec } from '../../src/system/config/spec.ts';

/** The host has these, on the side of the internet and on its bridge. */
export const HOST = {
  inet: '192.0.2.1',
  inet6: '2001:db8::1',
  bridge: '10.77.0.1',
  bridge6: 'fd77::1',
} as const;
export const INTERNET = { inet: '192.0.2.2', inet6: '2001:db8::2' } as const;
/** Whether packets that a bridge carries pass the rules for those that are routed, too. */
export const BRIDGED = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'] as const;
/** What servers listen at. */
export const PORT = 80;

/** Answers each connection, and each datagram, with the address that it came from. */
export const SERVER = `
const plain = (address) => address.replace('::ffff:', '');
const tcp = require('node:net').createServer((socket) => socket.end(plain(socket.remoteAddress)));
const udp = require('node:dgram').createSocket('udp6');
udp.on('message', (_, { address, port }) => udp.send(plain(address), port, address));
tcp.listen(${PORT}, '::', () => udp.bind(${PORT}, '::', () => console.log('ready')));
`;

export class NetworkWorld implements AsyncDisposable {
  readonly host: Netns;
  readonly internet: Netns;
  readonly rt: RouteSocket;
  readonly nft: NftablesSocket;
  readonly #servers: Process[] = [];
  /** The host's namespace was there before, and stays. */
  readonly #given: boolean;

  private constructor(host: Netns, internet: Netns, rt: RouteSocket, nft: NftablesSocket, given: boolean) {
    this.#given = given;
    this.host = host;
    this.internet = internet;
    this.rt = rt;
    this.nft = nft;
  }

  /** `given` takes the part of the host, and is closed in the end. */
  static async open(given?: Netns): Promise<NetworkWorld> {
    const [host, internet] = [given ?? (await Netns.create()), await Netns.create()];
    const rt = await RouteSocket.open({ netns: host });
    const nft = await NftablesSocket.open({ netns: host });
    const world = new NetworkWorld(host, internet, rt, nft, given !== undefined);
    await rt.link.set('lo', { up: true });
    await rt.link.add({ kind: 'bridge', ifname: 'br0', up: true });
    await rt.link.add({ kind: 'veth', ifname: 'up0', up: true, peer: { ifname: 'net0', netns: internet } });
    await using there = await RouteSocket.open({ netns: internet });
    await there.link.set('net0', { up: true });
    const flags = ['nodad'];
    await rt.address.add({ dev: 'up0', local: `${HOST.inet}/24` });
    await rt.address.add({ dev: 'up0', local: `${HOST.inet6}/64`, flags });
    await rt.address.add({ dev: 'br0', local: `${HOST.bridge}/24` });
    await rt.address.add({ dev: 'br0', local: `${HOST.bridge6}/64`, flags });
    await there.address.add({ dev: 'net0', local: `${INTERNET.inet}/24` });
    await there.address.add({ dev: 'net0', local: `${INTERNET.inet6}/64`, flags });
    await world.sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    // Where there is br_netfilter: what is bridged is nobody's business.
    await world.sysctl(...BRIDGED.map((setting) => `${setting}=0`));
    return world;
  }

  /** Settings of the host's namespace. */
  async sysctl(...settings: readonly string[]): Promise<void> {
    await using child = await Process.spawn(['sysctl', '-qew', ...settings], { netns: this.host });
    const exit = await child.wait({ timeout: 30_000 });
    if (exit.reason !== 'exited' || exit.exitCode !== 0) throw new Error(`sysctl ${settings.join(' ')}`);
  }

  /** Resolves when it listens. */
  async serve(netns: Netns): Promise<void> {
    const server = await Process.spawn([process.execPath, '--eval', SERVER], {
      netns,
      stdio: ['ignore', 'pipe', 'inherit'],
      deathSignal: 'SIGKILL',
    });
    this.#servers.push(server);
    if (server.stdout !== undefined) await once(server.stdout, 'data');
  }

  /** What there is of systems on the host. */
  async traces(): Promise<string[]> {
    const links = await this.rt.link.list();
    const tables = await this.nft.tables();
    return [
      ...links.map(({ ifname }) => ifname).filter((name) => name.startsWith('cd')),
      ...tables.map(({ name }) => name),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    await Promise.all(this.#servers.map(({ closed }) => closed));
    if (this.#given) {
      for (const link of ['up0', 'br0']) await this.rt.link.del(link);
      await this.sysctl('net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0');
    }
    this.rt.close();
    this.nft.close();
    await Promise.all([this.rt.closed, this.nft.closed]);
    this.host.close();
    this.internet.close();
    await Promise.all([this.host.closed, this.internet.closed]);
  }
}

/** A network with a veth: the `number`th system on the bridge, with IPv4 and IPv6. */
export function veth(number: number, changes: Partial<VethSpec> = {}): VethSpec {
  return {
    kind: 'veth',
    bridge: 'br0',
    address: [`10.77.0.${number}/24`, `fd77::${number}/64`],
    gateway: [HOST.bridge, HOST.bridge6],
    routes: [],
    nat: false,
    forwards: [],
    mtu: undefined,
    ...changes,
  };
}

const PATIENCE = 30_000;

/** What a TCP server says to a client in a namespace: whom it saw. */
export async function askTcp(netns: Netns, address: string, port: number): Promise<string> {
  using bare = await netns.socket(address.includes(':') ? 'inet6' : 'inet', 'stream');
  const socket = new Socket({ fd: bare.release() });
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no answer from ${address}`)));
  socket.connect(port, address);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

/** The same of a UDP server. */
export async function askUdp(
  netns: Netns,
  address: string,
  port: number,
  patience = PATIENCE,
): Promise<string> {
  const type = address.includes(':') ? 'udp6' : 'udp4';
  using bare = await netns.socket(type === 'udp6' ? 'inet6' : 'inet', 'dgram');
  const socket = createSocket(type);
  try {
    socket.bind({ fd: bare.release() });
    socket.send('?', port, address);
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(patience) });
    return String(answer);
  } finally {
    socket.close();
    await once(socket, 'close');
  }
}
