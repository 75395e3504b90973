import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countFds, handles, loadBinding, readFdTable } from '../../src/handle/index.ts';
import { Netns, NetnsSocket } from '../../src/netns/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { expectNoMoreFds } from '../process/support.ts';

let ns: Netns;

beforeAll(async () => {
  ns = await Netns.create();
  await using rt = await RouteSocket.open({ netns: ns });
  await rt.link.set('lo', { up: true });
});

afterEach(() => {
  expect(handles.list().map(({ kind }) => kind)).toEqual(['netns']);
});

afterAll(() => ns.close());

/** Where it lives, by the kernel's word. */
function netnsOf(fd: number): number {
  const place = loadBinding().netnsOfSocket(process.pid, fd);
  if (typeof place === 'number') throw new Error(`errno ${place}`);
  return place.netns;
}

describe('socket()', () => {
  it.each([
    ['inet', 'stream', 0],
    ['inet6', 'dgram', 17],
    ['inet', 'raw', 1],
    ['unix', 'seqpacket', 0],
    ['packet', 'raw', 0x0300],
    ['netlink', 'raw', 0],
    [2, 1, 6],
  ] as const)('opens %s %s %i there', async (family, type, protocol) => {
    using socket = await ns.socket(family, type, protocol);
    expect(socket).toBeInstanceOf(NetnsSocket);
    expect(socket.kind).toBe('socket');
    expect(readFdTable().get(socket.fd)).toMatch(/^socket:/);
    expect(netnsOf(socket.fd)).toBe(ns.inode);
    expect(handles.list().find(({ kind }) => kind === 'socket')).toMatchObject({
      fd: socket.fd,
      netns: ns.inode,
    });
  });

  it.each([
    ['inet7', 'stream', 0, 'family'],
    ['inet', 'datagram', 0, 'type'],
    ['inet', 'stream', -1, 'protocol'],
    ['inet', 'stream', 'tcp', 'protocol'],
    [1.5, 'stream', 0, 'family'],
    ['toString', 'stream', 0, 'family'],
  ])('refuses %j %j %j by name', async (family, type, protocol, field) => {
    await expect(ns.socket(family as 'inet', type as 'stream', protocol as number)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('tells what the kernel refuses', async () => {
    await expect(ns.socket(9999, 'stream')).rejects.toMatchObject({
      code: 'EAFNOSUPPORT',
      syscall: 'socket',
      netns: ns.inode,
      family: 9999,
    });
    await expect(ns.socket('inet', 'stream', 17)).rejects.toMatchObject({ code: 'EPROTONOSUPPORT' });
    const closed = await Netns.create();
    closed.close();
    await expect(closed.socket('inet', 'stream')).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('is given up once, cleanly', async () => {
    const socket = await ns.socket('inet', 'dgram');
    const fd = socket.release();
    expect([socket.fd, socket.state]).toEqual([-1, 'closed']);
    await socket.closed;
    expect(() => socket.release()).toThrow(expect.objectContaining({ code: 'ERR_COFFERDAM_CLOSED' }));
    socket.close();
    // Nobody has closed it meanwhile.
    expect(netnsOf(fd)).toBe(ns.inode);
    closeSync(fd);
  });
});

describe('Node takes it over', () => {
  it('as a UDP socket', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(async () => {
        const socket = await ns.socket('inet', 'dgram');
        const udp = createSocket('udp4');
        return udp.bind({ fd: socket.release() });
      }),
    );
    if (one === undefined || other === undefined) throw new Error('unreachable');
    // A socket that sends has a port from then on.
    await new Promise((resolve) => one.send('who', 9, '127.0.0.1', resolve));
    const heard = once(one, 'message');
    other.send('hello', one.address().port, '127.0.0.1');
    expect(String((await heard)[0])).toBe('hello');
    one.close();
    other.close();
  });

  it('as a TCP server and a TCP client', async () => {
    const listener = await ns.socket('inet', 'stream');
    const server = createServer((connection) => connection.end('hello'));
    const fd = listener.release();
    server.listen({ fd });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    // At home nobody has that very socket; its port anybody may have.
    const inode = /^socket:\[(\d+)\]$/.exec(readFdTable().get(fd) ?? '')?.[1];
    expect(inode).toBeDefined();
    expect(readFileSync('/proc/self/net/tcp', 'utf8')).not.toMatch(new RegExp(` ${inode} `));
    expect(netnsOf(fd)).toBe(ns.inode);
    const caller = await ns.socket('inet', 'stream');
    const client = new Socket({ fd: caller.release() }).connect(port, '127.0.0.1');
    let said = '';
    for await (const text of client.setEncoding('utf8')) said += text;
    expect(said).toBe('hello');
    server.close();
    await once(server, 'close');
  });
});

describe('bind', () => {
  const listening = async (...words: Parameters<Netns['socket']>) => {
    using socket = await ns.socket(...words);
    const server = createServer().listen({ fd: socket.release() });
    await once(server, 'listening');
    return server;
  };

  it('gives a server the address and the port that it wants, which are taken then', async () => {
    const bind = { address: '127.0.0.1', port: 4433 };
    const server = await listening('inet', 'stream', 0, { bind });
    expect(server.address()).toMatchObject({ address: '127.0.0.1', port: 4433 });
    const fds = countFds();
    await expect(ns.socket('inet', 'stream', 0, { bind })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
      address: '127.0.0.1',
      port: 4433,
    });
    await expectNoMoreFds(fds);
    server.close();
    await once(server, 'close');
  });

  it('takes all addresses and a port of the kernel where none is named', async () => {
    for (const [family, address] of [
      ['inet', '0.0.0.0'],
      ['inet6', '::'],
    ] as const) {
      const server = await listening(family, 'stream', 0, { bind: {} });
      expect(server.address()).toMatchObject({ address, port: expect.any(Number) });
      server.close();
      await once(server, 'close');
    }
  });

  it('knows the links of the namespace', async () => {
    using socket = await ns.socket('inet6', 'dgram', 0, { bind: { address: '::1%lo', port: 4434 } });
    expect(socket.state).toBe('open');
    // Names of links may have more in them than Node thinks.
    for (const address of ['fe80::1%nolink', 'fe80::1%no_link@1+2']) {
      await expect(ns.socket('inet6', 'dgram', 0, { bind: { address } })).rejects.toMatchObject({
        code: 'ENODEV',
        syscall: 'bind',
        address,
      });
    }
    await expect(ns.socket('inet', 'dgram', 0, { bind: { address: '192.0.2.1' } })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  it.each([
    ['unix', {}, 'bind', 'inet and inet6'],
    ['inet', 80, 'bind', 'is no object'],
    ['inet', { address: '::1' }, 'bind.address', 'is no address of that family'],
    ['inet6', { address: '127.0.0.1' }, 'bind.address', 'is no address of that family'],
    ['inet', { address: '127.0.0.1%lo' }, 'bind.address', 'is no address of that family'],
    ['inet6', { address: '::1%' }, 'bind.address', 'is no address of that family'],
    ['inet6', { address: '::1%l\0o' }, 'bind.address', 'is no address of that family'],
    ['inet', { address: 'localhost' }, 'bind.address', 'is no address of that family'],
    ['inet', { port: 65_536 }, 'bind.port', 'is out of range'],
    ['inet', { port: '80' }, 'bind.port', 'is out of range'],
    ['inet', { host: '127.0.0.1' }, 'bind.host', 'is in a field that does not exist'],
  ])('of %s to %j is refused before anything is opened', async (family, bind, field, text) => {
    await expect(ns.socket(family as 'inet', 'stream', 0, { bind: bind as object })).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
      message: expect.stringContaining(text),
    });
  });
});
