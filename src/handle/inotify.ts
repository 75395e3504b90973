/**
 * Tells that files may have changed, by the one inotify(7) instance of the process.
 *
 * The kernel merges what happens in between, and loses what does not fit into its queue. So being told says only: look
 * again.
 */
import type { NativeInotify, Result } from './native.ts';
import { loadBinding } from './native-binding.ts';

/** Events of inotify(7). */
export const IN = {
  modify: 0x2,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
} as const;

/** A watch of one file or directory. */
export interface InodeWatch {
  /** Whether it keeps the event loop alive. A new one does not. */
  setRef(on: boolean): void;
  /** Idempotent. */
  close(): void;
}

interface Listener {
  /** Of the entry in a directory that it is for; undefined for all. */
  readonly name: string | undefined;
  onChange(): void;
}

/** Milliseconds that the instance stays after the last watch: the kernel may take 10 ms to close one. */
const LINGERS = 1000;

/** Of this thread. Open while anything is watched, and a little longer. */
let native: NativeInotify | undefined;
let closing: NodeJS.Timeout | undefined;
/** By the number of the watch. */
const listeners = new Map<number, Set<Listener>>();
let references = 0;

/**
 * Calls `onChange` when `file` below the directory that the fd `directory` is open on may have changed, or with a `name`
 * the entry of that name in it. The fd may be closed at once.
 *
 * What `onChange` refers to stays in memory: no facade of a handle, then, or its leak would never be found.
 *
 * @returns a negative errno where it cannot be watched: -ENOENT, -EMFILE beyond max_user_instances, -ENOSPC beyond
 *   max_user_watches (/proc/sys/fs/inotify)
 */
export function watchInode(
  directory: number,
  file: string,
  mask: number,
  onChange: () => void,
  name?: string,
): InodeWatch | Result {
  if (native === undefined) {
    const opened = loadBinding().openInotify(takeNews);
    if (typeof opened === 'number') return opened;
    native = opened;
  }
  const number = native.watch(directory, file, mask);
  if (number < 0) {
    closeIfIdle();
    return number;
  }
  const found = listeners.get(number) ?? new Set();
  // An object of its own: who listens twice is two.
  const listener: Listener = { name, onChange };
  listeners.set(number, found.add(listener));
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
      if (found.size === 0) listeners.delete(number);
      native?.unwatch(number);
      closeIfIdle();
    },
  };
}

function closeIfIdle(): void {
  if (listeners.size > 0) return;
  closing?.refresh();
  closing ??= setTimeout(() => {
    closing = undefined;
    if (listeners.size > 0) return;
    native?.close();
    native = undefined;
  }, LINGERS).unref();
}

function takeNews(): void {
  const changes = native?.take();
  if (!Array.isArray(changes)) return;
  const told = new Set<Listener>();
  for (let at = 0; at < changes.length; at += 2) {
    const [number, name] = [changes[at], changes[at + 1]];
    // The queue was full: whatever is watched may have changed.
    const some =
      number === -1 ? [...listeners.values()].flatMap((set) => [...set]) : listeners.get(Number(number));
    for (const listener of some ?? []) {
      // An event without a name is about the directory itself.
      if (number === -1 || name === '' || listener.name === undefined || listener.name === name)
        told.add(listener);
    }
  }
  for (const listener of told) listener.onChange();
}
