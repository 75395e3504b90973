// NativeNetlink against the real kernel, in network namespaces of its own.
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NativeFd, NativeNetlink } from '../../src/handle/native.ts';
import { collectUntil } from '../support/collect.ts';
import {
  binding,
  closed,
  createNetns,
  errno,
  fdCount,
  messageType,
  openRoute,
  RTM_NEWLINK,
  RTNLGRP_LINK,
  sendGetLink,
  setLo,
  turns,
} from './support.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;

let netns: NativeFd;
let before: number;
let handles: number;

beforeEach(() => {
  before = fdCount();
  handles = binding.openHandles();
  netns = createNetns();
});

afterEach(() => {
  netns.close();
  // The witness for every test below: nothing stays open, neither in the kernel's eyes nor in ours.
  expect(fdCount()).toBe(before);
  expect(binding.openHandles()).toBe(handles);
});

const open = (options: Parameters<typeof openRoute>[0] = {}): NativeNetlink =>
  openRoute({ netnsFd: netns.fd, ...options });

describe('open', () => {
  it('binds a socket in the namespace asked for', async () => {
    const socket = open();
    expect(readlinkSync(`/proc/self/fd/${socket.fd}`)).toMatch(/^socket:\[\d+\]$/);
    expect(socket.portId).toBeGreaterThan(0);
    expect(socket.netnsInode).toBe(netns.inode);
    expect(socket.foreignDatagrams).toBe(0);
    expect(socket.buffer).toBeInstanceOf(Uint8Array);
    expect(socket.buffer.length).toBe(32_768);
    expect(binding.openHandles()).toBe(handles + 2);
    await closed(socket);
  });

  it('sets strict checking, extended and capped ACKs, and the receive buffer', async () => {
    const socket = open({ receiveBuffer: 3 << 20 });
    for (const option of [12, 11, 10]) expect(socket.getOption(SOL_NETLINK, option)).toBe(1);
    // Twice what was asked for, by socket(7); beyond rmem_max because SO_RCVBUFFORCE is tried first.
    expect(socket.getOption(SOL_SOCKET, SO_RCVBUF)).toBe(2 * (3 << 20));
    await closed(socket);
  });

  it('opens beside a socket, in its namespace', async () => {
    const first = open();
    const second = openRoute({ netnsFd: first.fd });
    expect(second.netnsInode).toBe(netns.inode);
    await Promise.all([closed(first), closed(second)]);
  });

  it('gives the errno and keeps nothing open where it fails', () => {
    const file = openSync('/dev/null', 'r');
    const count = fdCount();
    const all = { protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32_768 };
    expect(binding.openNetlink({ ...all, protocol: 99 })).toBe(errno.EPROTONOSUPPORT);
    expect(binding.openNetlink({ ...all, netnsFd: 99_999 })).toBe(errno.EBADF);
    expect(binding.openNetlink({ ...all, netnsFd: file })).toBe(errno.EINVAL);
    expect(binding.openNetlink({ ...all, netnsFd: -2 })).toBe(errno.EINVAL);
    expect(binding.openNetlink({ ...all, receiveBuffer: -1 })).toBe(errno.EINVAL);
    expect(binding.openNetlink({ ...all, datagramCapacity: 1 << 30 })).toBe(errno.EINVAL);
    expect(fdCount()).toBe(count);
    closeSync(file);
  });

  it('throws a TypeError that names an argument of the wrong type', () => {
    const broken = (changes: object) => () =>
      binding.openNetlink({
        protocol: 0,
        netnsFd: -1,
        receiveBuffer: 0,
        datagramCapacity: 32_768,
        ...changes,
      });
    for (const name of ['protocol', 'netnsFd', 'receiveBuffer', 'datagramCapacity']) {
      for (const value of [undefined, null, '0', 1.5, 2 ** 32 + 3, Number.NaN, 7n, {}]) {
        expect(broken({ [name]: value })).toThrow(new TypeError(`${name} must be a 32-bit integer`));
      }
    }
    expect(() => binding.openNetlink(undefined as never)).toThrow(TypeError);
    // A getter that throws is the caller's own error.
    const own = new Error('own');
    const options = {
      get protocol(): number {
        throw own;
      },
    };
    expect(() => binding.openNetlink(options as never)).toThrow(own);
  });

  it('cannot be constructed from JavaScript', async () => {
    const socket = open();
    const Class = socket.constructor as new () => unknown;
    expect(() => new Class()).toThrow(new TypeError('Illegal constructor'));
    expect(() => new (netns.constructor as new () => unknown)()).toThrow(TypeError);
    await closed(socket);
  });
});

describe('close', () => {
  it('is effective at once and announced later, once', async () => {
    const socket = open();
    const fd = socket.fd;
    let announced = 0;
    socket.startPolling(() => {});
    const pending = socket.close(() => {
      announced += 1;
    });
    expect(pending).toBe(true);
    expect(announced).toBe(0);
    expect(socket.fd).toBe(-1);
    expect(() => readlinkSync(`/proc/self/fd/${fd}`)).toThrow('ENOENT');
    const again = socket.close(() => {
      announced += 100;
    });
    expect(again).toBe(false);
    await turns(() => announced > 0);
    expect(announced).toBe(1);
  });

  it('leaves every method harmless', async () => {
    const socket = open();
    socket.close();
    expect(socket.send(new Uint8Array(1), 0, 1)).toBe(errno.EBADF);
    expect(socket.receive()).toBe(errno.EBADF);
    expect(socket.setMembership(1, true)).toBe(errno.EBADF);
    expect(socket.linkName(1)).toBe(errno.EBADF);
    expect(socket.setOption(SOL_NETLINK, 5, 1)).toBe(errno.EBADF);
    expect(socket.getOption(SOL_NETLINK, 5)).toBe(errno.EBADF);
    expect(socket.startPolling(() => {})).toBe(errno.EBADF);
    expect(socket.pausePolling()).toBe(errno.EBADF);
    expect(socket.resumePolling()).toBe(errno.EBADF);
    socket.ref();
    expect(socket.hasRef()).toBe(false);
    socket.unref();
    socket.close();
    await turns(() => true);
  });

  it('from inside the callback, with the number reused at once', async () => {
    const socket = open();
    const next: NativeNetlink[] = [];
    let calls = 0;
    socket.startPolling(() => {
      calls += 1;
      const fd = socket.fd;
      socket.close();
      // The lowest free number: what a watcher that was still armed would now report.
      next.push(open());
      expect(next[0]?.fd).toBe(fd);
    });
    sendGetLink(socket);
    await turns(() => calls > 0);
    for (let turn = 0; turn < 20; turn++) await turns(() => true);
    sendGetLink(next[0]!);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(1);
    await closed(next[0]!);
  });

  it('by the collector, where nobody called it', async () => {
    (() => {
      for (let i = 0; i < 10; i++) open().startPolling(() => {});
    })();
    expect(fdCount()).toBe(before + 11);
    await collectUntil(() => fdCount() === before + 1);
  });
});

describe('send and receive', () => {
  it('answers with -EAGAIN where nothing waits, and with the length where something does', async () => {
    const socket = open();
    expect(socket.receive()).toBe(errno.EAGAIN);
    expect(sendGetLink(socket)).toBe(32);
    const length = socket.receive();
    expect(length).toBeGreaterThan(500);
    expect(messageType(socket)).toBe(RTM_NEWLINK);
    expect(new DataView(socket.buffer.buffer).getUint32(0, true)).toBe(length);
    expect(socket.receive()).toBe(errno.EAGAIN);
    await closed(socket);
  });

  it('sends a slice, and nothing beyond the array', async () => {
    const socket = open();
    const bytes = new Uint8Array(64);
    bytes.set([32, 0, 0, 0, 18, 0, 1, 0, 7], 16);
    bytes[36] = 1;
    expect(socket.send(bytes, 16, 32)).toBe(32);
    expect(socket.receive()).toBeGreaterThan(500);
    for (const [offset, length] of [
      [0, 65],
      [65, 0],
      [64, 1],
      [-1, 1],
      [0, -1],
      [2 ** 31 - 1, 2 ** 31 - 1],
    ] as const) {
      expect(socket.send(bytes, offset, length)).toBe(errno.EINVAL);
    }
    expect(() => socket.send(Buffer.from('x').buffer as never, 0, 1)).toThrow(TypeError);
    expect(() => socket.send(new Uint16Array(4) as never, 0, 8)).toThrow(TypeError);
    expect(() => socket.send(bytes, 0, undefined as never)).toThrow(TypeError);
    await closed(socket);
  });

  it('survives a detached receive buffer', async () => {
    const socket = open();
    sendGetLink(socket);
    structuredClone(socket.buffer, { transfer: [socket.buffer.buffer as ArrayBuffer] });
    expect(socket.receive()).toBe(errno.EFAULT);
    await closed(socket);
  });
});

describe('groups and options', () => {
  it('hears a group only while it is a member', async () => {
    const listener = open();
    const changer = open();
    setLo(changer, true);
    expect(listener.receive()).toBe(errno.EAGAIN);
    expect(listener.setMembership(RTNLGRP_LINK, true)).toBe(0);
    setLo(changer, false);
    expect(listener.receive()).toBeGreaterThan(0);
    expect(messageType(listener)).toBe(RTM_NEWLINK);
    expect(listener.receivedGroup).toBe(RTNLGRP_LINK);
    while (listener.receive() > 0);
    expect(listener.setMembership(RTNLGRP_LINK, false)).toBe(0);
    setLo(changer, true);
    expect(listener.receive()).toBe(errno.EAGAIN);
    sendGetLink(listener);
    expect(listener.receive()).toBeGreaterThan(0);
    expect(listener.receivedGroup).toBe(0);
    await Promise.all([closed(listener), closed(changer)]);
  });

  it('refuses groups that are none', async () => {
    const socket = open();
    for (const group of [0, -1, 100_000]) expect(socket.setMembership(group, true)).toBe(errno.EINVAL);
    expect(socket.linkName(1)).toBe('lo');
    for (const index of [0, -1, 0x7fff_ffff]) expect(socket.linkName(index)).toBe(errno.ENODEV);
    expect(() => socket.linkName('lo' as never)).toThrow(TypeError);
    expect(() => socket.setMembership(1, 1 as never)).toThrow(new TypeError('member must be a boolean'));
    expect(() => socket.setMembership('1' as never, true)).toThrow(TypeError);
    expect(socket.setOption(SOL_NETLINK, 9999, 1)).toBeLessThan(0);
    expect(socket.getOption(SOL_NETLINK, 9999)).toBeLessThan(0);
    await closed(socket);
  });
});

describe('polling', () => {
  it('starts once, with a function', async () => {
    const socket = open();
    expect(() => socket.startPolling(undefined as never)).toThrow(TypeError);
    expect(socket.resumePolling()).toBe(errno.EINVAL);
    expect(socket.startPolling(() => {})).toBe(0);
    expect(socket.startPolling(() => {})).toBe(errno.EALREADY);
    await closed(socket);
  });

  it('wakes for what can be received, and pauses', async () => {
    const socket = open();
    const statuses: number[] = [];
    socket.startPolling((status) => {
      statuses.push(status);
      while (socket.receive() > 0);
    });
    sendGetLink(socket);
    await turns(() => statuses.length === 1);
    expect(socket.pausePolling()).toBe(0);
    sendGetLink(socket);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(statuses).toEqual([0]);
    expect(socket.resumePolling()).toBe(0);
    await turns(() => statuses.length === 2);
    expect(statuses).toEqual([0, 0]);
    await closed(socket);
  });

  it('keeps its ref state through pauses', async () => {
    const socket = open();
    expect(socket.hasRef()).toBe(false);
    socket.ref();
    socket.ref();
    socket.startPolling(() => {});
    expect(socket.hasRef()).toBe(true);
    socket.pausePolling();
    socket.resumePolling();
    expect(socket.hasRef()).toBe(true);
    socket.unref();
    expect(socket.hasRef()).toBe(false);
    await closed(socket);
  });

  it('goes on after an overrun', async () => {
    const listener = open({ receiveBuffer: 1 });
    const changer = open();
    listener.setMembership(RTNLGRP_LINK, true);
    const statuses: number[] = [];
    const errors: number[] = [];
    let heard = 0;
    listener.startPolling((status) => {
      statuses.push(status);
      for (;;) {
        const result = listener.receive();
        if (result === errno.EAGAIN) break;
        if (result < 0) errors.push(result);
        else heard += 1;
      }
    });
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 50; i++) setLo(changer, i % 2 === 0);
      await turns(() => errors.length >= round);
      // Deaf for ever, were the watcher not started again: libuv stopped it when the overrun set EPOLLERR.
      heard = 0;
      setLo(changer, true);
      await turns(() => heard > 0);
    }
    expect(new Set(errors)).toEqual(new Set([errno.ENOBUFS]));
    expect(statuses.some((status) => status < 0)).toBe(true);
    await Promise.all([closed(listener), closed(changer)]);
  });
});

it('stays flat over 10,000 sockets', async () => {
  for (let batch = 0; batch < 100; batch++) {
    const sockets = Array.from({ length: 100 }, () => open());
    for (const socket of sockets) socket.startPolling(() => {});
    await Promise.all(sockets.map(closed));
    expect(fdCount()).toBe(before + 1);
  }
});
