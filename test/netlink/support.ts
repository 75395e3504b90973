/** Messages as the kernel would write them, and namespaces to try them in. */
import { loadBinding } from '../../src/handle/native-binding.ts';
import type { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import type { ProtocolEvent } from '../../src/netlink/protocol-event.ts';
import { NETLINK_ROUTE, NetlinkSocket, type NetlinkSocketOptions } from '../../src/netlink/socket.ts';
import { encodeMessage, NLM_F, NLMSG } from '../../src/netlink/wire/message.ts';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';
import { Netns } from '../../src/netns/index.ts';

export const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
} as const;
export const RTNLGRP = { link: 1, ipv4Address: 5 } as const;
export const NO_BYTES = new Uint8Array(0);

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export interface Reply {
  readonly seq: number;
  readonly portId?: number;
  readonly flags?: number;
}

/** The port id that the replies below are for. */
export const PORT = 4711;

export function data(
  { seq, portId = PORT, flags = 0 }: Reply,
  payload: Uint8Array = NO_BYTES,
  type = 16,
): Uint8Array {
  return encodeMessage({ type, flags, seq, portId }, payload);
}

/** NLMSG_ERROR with errno 0: capped, as this package always asks for. */
export function ack(reply: Reply): Uint8Array {
  return errorMessage(reply, 0);
}

export function errorMessage({ seq, portId = PORT, flags = 0 }: Reply, errno: number): Uint8Array {
  const writer = new WireWriter();
  writer.s32(errno);
  writer.raw(encodeMessage({ type: 16, flags: 5, seq, portId }, NO_BYTES));
  return encodeMessage({ type: NLMSG.error, flags: flags | NLM_F.capped, seq, portId }, writer.bytes);
}

export function done({ seq, portId = PORT, flags = NLM_F.multi }: Reply, errno = 0): Uint8Array {
  const writer = new WireWriter();
  writer.s32(errno);
  return encodeMessage({ type: NLMSG.done, flags, seq, portId }, writer.bytes);
}

/** Feeds a datagram as the core does: out of a buffer that the next one overwrites. */
export function receive(protocol: NetlinkProtocol, bytes: Uint8Array, group = 0): ProtocolEvent[] {
  const memory = new Uint8Array(8 + bytes.length).fill(0xee);
  memory.set(bytes, 8);
  const events = protocol.receive(receiveBuffer(memory), 8, memory.length, group);
  memory.fill(0xff);
  return events;
}

/** struct ifinfomsg */
export function ifinfo(index = 0): Uint8Array {
  const writer = new WireWriter();
  writer.reserve(4);
  writer.s32(index);
  writer.reserve(8);
  return writer.bytes.slice();
}

/** struct ifaddrmsg and IFA_LOCAL of an IPv4 address. */
export function ifaddr(address: readonly number[], index = 1, prefixLength = 32): Uint8Array {
  const writer = new WireWriter();
  writer.u8(2);
  writer.u8(prefixLength);
  writer.reserve(2);
  writer.u32(index);
  writer.u16(4 + address.length);
  writer.u16(2);
  writer.raw(Uint8Array.from(address));
  return writer.bytes.slice();
}

/** The dump request for IPv4 addresses. */
export function ipv4Addresses(): Uint8Array {
  const payload = new Uint8Array(8);
  payload[0] = 2;
  return payload;
}

export const getLoopback = { type: RTM.getLink, payload: ifinfo(1) } as const;
export const dumpLinks = { type: RTM.getLink, payload: ifinfo() } as const;
export const dumpAddresses = { type: RTM.getAddress, payload: ipv4Addresses() } as const;

/** A route socket in a namespace of the test's own. Both go with `using`. */
export interface World extends AsyncDisposable {
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
  /** Another socket in the same namespace. */
  open(options?: Partial<NetlinkSocketOptions>): Promise<NetlinkSocket>;
}

export async function openWorld(options: Partial<NetlinkSocketOptions> = {}): Promise<World> {
  const netns = await Netns.create();
  const opened: NetlinkSocket[] = [];
  const open = async (more: Partial<NetlinkSocketOptions> = {}) => {
    const socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns, ...more });
    opened.push(socket);
    return socket;
  };
  const socket = await open(options);
  return {
    netns,
    socket,
    open,
    async [Symbol.asyncDispose]() {
      for (const one of opened) one.close();
      await Promise.all(opened.map((one) => one.closed));
      netns.close();
    },
  };
}

/** Adds IPv4 addresses 10.x.y.z/32 to lo, `count` of them. */
export async function addAddresses(socket: NetlinkSocket, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    const address = [10, (i >> 16) & 255, (i >> 8) & 255, i & 255];
    await socket.request({
      type: RTM.newAddress,
      flags: NLM_F.create | NLM_F.excl,
      payload: ifaddr(address),
    });
  }
}

/**
 * Adds 10.0.`third`.1 and following through a socket of its own, all in one turn of the event loop: nobody receives
 * the news meanwhile.
 */
export function flood(world: World, third: number, count: number): void {
  const native = loadBinding().openNetlink({
    protocol: NETLINK_ROUTE,
    netnsFd: world.netns.fd,
    receiveBuffer: 0,
    datagramCapacity: 32_768,
  });
  if (typeof native === 'number') throw new Error(`errno ${native}`);
  for (let i = 1; i <= count; i++) {
    const header = { type: RTM.newAddress, flags: NLM_F.request | NLM_F.create, seq: i, portId: 0 };
    const bytes = encodeMessage(header, ifaddr([10, third, 0, i]));
    if (native.send(bytes, 0, bytes.length) < 0) throw new Error('the flood was refused');
  }
  native.close();
}

/** Number of messages of a dump that are objects. */
export function objectsOf(messages: readonly { readonly type: number }[], type: number): number {
  return messages.filter((message) => message.type === type).length;
}
