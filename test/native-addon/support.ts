/** The addon itself, without anything of src above it but the loader. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { NativeFd, NativeNetlink, NetlinkOpenOptions } from '../../src/handle/native.ts';
import { loadBinding } from '../../src/handle/native-binding.ts';

export const binding = loadBinding();

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const require = createRequire(import.meta.url);

/** The file that {@link binding} came from, for processes of their own. */
export const addonPath: string =
  process.env.COFFERDAM_ADDON ??
  (require('node-gyp-build') as { path(directory: string): string }).path(root);

/** Errnos of Linux, as the addon returns them. */
export const errno = {
  ENOENT: -2,
  ESRCH: -3,
  EBADF: -9,
  EAGAIN: -11,
  EFAULT: -14,
  ENODEV: -19,
  ENOTDIR: -20,
  EINVAL: -22,
  EMFILE: -24,
  EPROTONOSUPPORT: -93,
  ENOBUFS: -105,
  EALREADY: -114,
} as const;

export const RTNLGRP_LINK = 1;
export const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

/** Number of open fds by /proc/self/fd, which knows nothing of handles. */
export function fdCount(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Fails a test at the place where native code said no. */
export function must<T>(result: T | number): T {
  if (typeof result === 'number') throw new Error(`errno ${result}`);
  return result;
}

export function createNetns(): NativeFd {
  return must(binding.createNetns());
}

export function openRoute(options: Partial<NetlinkOpenOptions> = {}): NativeNetlink {
  return must(
    binding.openNetlink({ protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32_768, ...options }),
  );
}

function linkMessage(type: number, flags: number, ifFlags = 0, change = 0): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  view.setUint32(8, 7, true);
  view.setInt32(20, 1, true); // ifi_index: lo
  view.setUint32(24, ifFlags, true);
  view.setUint32(28, change, true);
  return bytes;
}

/** Asks for lo. */
export function sendGetLink(socket: NativeNetlink): number {
  return socket.send(linkMessage(RTM_GETLINK, 0), 0, 32);
}

/** Sets lo up or down, which tells RTNLGRP_LINK, and takes the ACK. */
export function setLo(socket: NativeNetlink, up: boolean): void {
  if (socket.send(linkMessage(RTM_NEWLINK, NLM_F_ACK, up ? 1 : 0, 1), 0, 32) !== 32) throw new Error('send');
  if (socket.receive() <= 0) throw new Error('no ACK');
}

/** nlmsg_type of the message at the start of the receive buffer. */
export function messageType(socket: NativeNetlink): number {
  return new DataView(socket.buffer.buffer, socket.buffer.byteOffset).getUint16(4, true);
}

/** Closes and waits until libuv has let go. */
export function closed(socket: NativeNetlink): Promise<void> {
  return new Promise((resolve) => {
    if (!socket.close(resolve)) resolve();
  });
}

/** Turns of the event loop, until `done` or for good. */
export async function turns(done: () => boolean, most = 1000): Promise<void> {
  // On a busy machine a thread may not get its turn in a thousand of ours.
  const patience = performance.now() + 10_000;
  for (let turn = 0; turn < most || performance.now() < patience; turn++) {
    if (done()) return;
    await immediate();
  }
  throw new Error(`nothing in ${most} turns of the event loop`);
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs CommonJS code in a node of its own, with `addon` (the binding) and `open(options)` in scope; `prefix` is a
 * command that starts it, such as prlimit. Killed after 60 seconds. `moreThan(before, count)` is how many more than before
 * there still are, once what ends a little late has had its time.
 */
export function runScript(
  code: string,
  options: { prefix?: string[]; env?: NodeJS.ProcessEnv; nodeOptions?: string[] } = {},
): Promise<Outcome> {
  const prelude = `
    const addon = require(${JSON.stringify(addonPath)});
    const open = (options) => addon.openNetlink({ protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32768, ...options });
    const getLink = new Uint8Array(32); getLink.set([32, 0, 0, 0, 18, 0, 1, 0, 7]); getLink[20] = 1;
    const moreThan = async (before, count) => {
      const deadline = performance.now() + 10_000;
      while (count() > before && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
      return Math.max(0, count() - before);
    };
  `;
  const argv = [
    ...(options.prefix ?? []),
    process.execPath,
    '--expose-gc',
    ...(options.nodeOptions ?? []),
    '-e',
    prelude + code,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
