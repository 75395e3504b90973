/** Names of network namespaces, the way ip-netns(8) keeps them: files in /run/netns, a namespace mounted on each. */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { constants as os } from 'node:os';
import { fromNodeError, InvalidArgumentError, loadBinding, systemError } from '../handle/index.ts';

/** Where `ip netns` keeps them. */
export const NETNS_DIRECTORY = '/run/netns';

/** A name in /run/netns. Holds no fd. */
export interface NamedNetns {
  readonly name: string;
  readonly path: string;
  /** Inode of the namespace, as in `net:[4026531840]`; 0 unless `mounted`. */
  readonly inode: number;
  /** Device of the inode; 0 unless `mounted`. */
  readonly device: number;
  /**
   * False for a file that no namespace is mounted on: what an interrupted `ip netns add` leaves, or a namespace
   * mounted in another mount namespace only.
   */
  readonly mounted: boolean;
}

/** The path that a name stands for. A name is one path component, of at most 255 bytes (NAME_MAX). */
export function netnsPath(name: string): string {
  const remedy = "one path component of 1 to 255 bytes, without '/' and other than '.' and '..'";
  if (typeof name !== 'string') throw new InvalidArgumentError('name', name, 'is no string', remedy);
  const fits = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
  if (!fits || Buffer.byteLength(name) > 255) {
    throw new InvalidArgumentError('name', name, 'is no name of a network namespace', remedy);
  }
  return `${NETNS_DIRECTORY}/${name}`;
}

/** All names, in the order of the alphabet. */
export function listNames(): NamedNetns[] {
  return lookAtNames().map(({ value }) => value);
}

export interface SeenName {
  readonly value: NamedNetns;
  /**
   * When the inode of the namespace was made, in milliseconds: a mount keeps it as long as it lasts. Its number, the lowest
   * that is free, is mostly given to the very next namespace.
   */
  readonly made: number;
}

/**
 * All names, with what tells a namespace from the next one of the same number. What is `known` is not asked again which kind
 * of a namespace it is.
 */
export function lookAtNames(known?: ReadonlyMap<string, SeenName>): SeenName[] {
  let names: string[];
  try {
    names = readdirSync(NETNS_DIRECTORY);
  } catch (error) {
    // Nobody has named a namespace since the host started.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromNodeError(error);
  }
  // All namespaces of all kinds live on one pseudo file system, so its device tells them from plain files, and FIFOs and
  // devices are not opened.
  const nsfs = statSync('/proc/self/ns/net').dev;
  return names.sort().flatMap((name) => {
    const path = `${NETNS_DIRECTORY}/${name}`;
    // Removed since the directory was read.
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return [];
    const made = status.mtimeMs;
    const before = known?.get(name);
    const same = before?.made === made && before.value.inode === status.ino && before.value.device === nsfs;
    const mounted = status.dev === nsfs && (same || isNetns(path));
    const [inode, device] = mounted ? [status.ino, status.dev] : [0, 0];
    return [{ value: { name, path, inode, device, mounted }, made }];
  });
}

/** Whether a namespace is one of the network. */
function isNetns(path: string): boolean {
  const netns = loadBinding().openNetns(path);
  if (typeof netns !== 'number') {
    netns.close();
    return true;
  }
  // Unmounted or removed since it was looked at, or a namespace of another kind; a link to that of a process that has ended.
  if (netns === -os.errno.EINVAL || netns === -os.errno.ENOENT || netns === -os.errno.ESRCH) return false;
  throw systemError(netns, 'open', { path });
}

/**
 * Gives the namespace of `netnsFd` a name. Either the name exists afterwards with the namespace mounted on it, or
 * nothing that was not there before.
 *
 * @throws SystemError EEXIST if the name is taken, ENOENT (mount) if somebody removed it again meanwhile, EPERM, EACCES
 */
export function bindName(netnsFd: number, name: string): void {
  const path = netnsPath(name);
  prepareDirectory();
  let file: number;
  try {
    // O_EXCL decides between two creators of one name. Mode 0: nobody is to take the bare file for a namespace.
    file = openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL, 0);
  } catch (error) {
    throw fromNodeError(error);
  }
  try {
    // On the very file that was made: by now the path may be somebody else's, who has removed ours and made it anew.
    const result = loadBinding().mountNetns(netnsFd, `/proc/self/fd/${file}`);
    if (result >= 0) return;
    removeOwn(path, file);
    throw systemError(result, 'mount', { path });
  } finally {
    closeSync(file);
  }
}

/** Removes the file that `fd` stands for, if it is still there. */
function removeOwn(path: string, fd: number): void {
  try {
    const there = statSync(path);
    const own = fstatSync(fd);
    if (there.ino === own.ino && there.dev === own.dev) unlinkSync(path);
  } catch {
    // Why there was no mount is what matters.
  }
}

/**
 * Takes a name away, mounted or stale. The namespace lives on while something else holds it.
 *
 * @throws SystemError ENOENT if there is no such name, EPERM, EACCES
 */
export function unbindName(name: string): void {
  const path = netnsPath(name);
  const result = loadBinding().unmountNetns(path);
  // EINVAL: nothing is mounted there, a stale name, and taking it away is what was asked for.
  if (result < 0 && result !== -os.errno.EINVAL) throw systemError(result, 'umount', { path });
  try {
    unlinkSync(path);
  } catch (error) {
    throw fromNodeError(error);
  }
}

/**
 * Makes /run/netns the shared mount that `ip netns` makes it: so names made and removed here appear and vanish
 * in other mount namespaces too, and no copy of a mount keeps a removed namespace alive.
 */
function prepareDirectory(): void {
  try {
    mkdirSync(NETNS_DIRECTORY, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw fromNodeError(error);
  }
  const result = loadBinding().shareMount(NETNS_DIRECTORY);
  if (result < 0) throw systemError(result, 'mount', { path: NETNS_DIRECTORY });
}
