/**
 * Tells that a file of a cgroup may have changed: by the one inotify instance of the process, and where none is to be had
 * (an account has 128, /proc/sys/fs/inotify/max_user_instances) by POLLPRI, with an fd for each file.
 *
 * The kernel tells at most once in 10 ms for each file, merges what happens in between, and loses what does not fit into
 * inotify's queue. So being told says only: read again.
 */
import { constants } from 'node:os';
import { loadBinding, type NativeCgroup, type NativeInotify } from '../handle/index.ts';

/** inotify(7) */
const IN_MODIFY = 0x2;
const IN_DELETE = 0x200;

/** A watch of one file. */
export interface FileWatch {
  /** Whether it keeps the event loop alive. A new one does not. */
  setRef(on: boolean): void;
  /** Idempotent. */
  close(): void;
}

const EXHAUSTED: ReadonlySet<number> = new Set([
  -constants.errno.EMFILE,
  -constants.errno.ENFILE,
  -constants.errno.ENOSPC,
  // Another copy of this module watches it in this thread.
  -constants.errno.EEXIST,
  // Without /proc, inotify cannot be told which file is meant.
  -constants.errno.ENOENT,
]);

/** Of this thread. Open while anything is watched. */
let native: NativeInotify | undefined;
/** By the number of the watch, a slash, and the name of the entry. */
const listeners = new Map<string, Set<() => void>>();
let references = 0;

/**
 * Calls `onChange` when `file` of a cgroup may have changed, or it has been removed where `file` can tell so.
 *
 * @returns a negative errno where it cannot be watched: -ENOENT where there is no such file
 */
export function watchFile(cgroup: NativeCgroup, file: string, onChange: () => void): FileWatch | number {
  const watch = watchByInotify(cgroup, file, IN_MODIFY, '', onChange);
  if (typeof watch !== 'number' || !EXHAUSTED.has(watch)) return watch;
  return watchByPriority(cgroup, file, onChange);
}

/** Calls `onChange` when the cgroup `name` below `parent` may have been removed. */
export function watchRemoval(parent: NativeCgroup, name: string, onChange: () => void): FileWatch | number {
  return watchByInotify(parent, '.', IN_DELETE, name, onChange);
}

function watchByInotify(
  cgroup: NativeCgroup,
  file: string,
  mask: number,
  name: string,
  onChange: () => void,
): FileWatch | number {
  if (native === undefined) {
    const opened = loadBinding().openInotify(takeNews);
    if (typeof opened === 'number') return opened;
    native = opened;
  }
  const number = native.watch(cgroup.fd, file, mask);
  if (number < 0) {
    closeIfIdle();
    return number;
  }
  const key = `${number}/${name}`;
  const found = listeners.get(key) ?? new Set();
  // A function of its own: one that listens twice is two.
  const listener = () => onChange();
  listeners.set(key, found.add(listener));
  let referenced = false;
  const setRef = (on: boolean): void => {
    if (on === referenced) return;
    referenced = on;
    references += on ? 1 : -1;
    native?.setRef(references > 0);
  };
  return {
    setRef,
    close() {
      if (!found.delete(listener)) return;
      setRef(false);
      if (found.size === 0) listeners.delete(key);
      native?.unwatch(number);
      closeIfIdle();
    },
  };
}

function closeIfIdle(): void {
  if (listeners.size > 0) return;
  native?.close();
  native = undefined;
}

function takeNews(): void {
  const changes = native?.take();
  if (!Array.isArray(changes)) return;
  const told: Iterable<() => void>[] = [];
  for (let at = 0; at < changes.length; at += 2) {
    // The queue was full: whatever is watched may have changed.
    if (changes[at] === -1) told.push(...listeners.values());
    else told.push(listeners.get(`${changes[at]}/${changes[at + 1]}`) ?? []);
  }
  for (const listener of new Set(told.flatMap((some) => [...some]))) listener();
}

function watchByPriority(cgroup: NativeCgroup, file: string, onChange: () => void): FileWatch | number {
  const opened = loadBinding().openPriority(cgroup.fd, file, '', () => {
    // Reading it is how the kernel learns that we know. What has been removed would tell so for ever, if at all.
    if (typeof opened !== 'number' && typeof opened.read() === 'number') opened.pause();
    onChange();
  });
  if (typeof opened === 'number') return opened;
  opened.read();
  return { setRef: (on) => opened.setRef(on), close: () => void opened.close() };
}
