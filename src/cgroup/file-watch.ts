/**
 * Tells that a file of a cgroup may have changed: by the one inotify instance of the process, and where none is to be had
 * (an account has 128, /proc/sys/fs/inotify/max_user_instances) by POLLPRI, with an fd for each file.
 *
 * The kernel tells at most once in 10 ms for each file, merges what happens in between, and loses what does not fit into
 * inotify's queue. So being told says only: read again.
 */
import { constants } from 'node:os';
import { IN, type InodeWatch, loadBinding, type NativeCgroup, watchInode } from '../handle/index.ts';

const EXHAUSTED: ReadonlySet<number> = new Set([
  -constants.errno.EMFILE,
  -constants.errno.ENFILE,
  -constants.errno.ENOSPC,
  // Another copy of this package watches it in this thread.
  -constants.errno.EEXIST,
  // Without /proc, inotify cannot be told which file is meant.
  -constants.errno.ENOENT,
]);

/**
 * Calls `onChange` when `file` of a cgroup may have changed, or it has been removed where `file` can tell so.
 *
 * @returns a negative errno where it cannot be watched: -ENOENT where there is no such file
 */
export function watchFile(cgroup: NativeCgroup, file: string, onChange: () => void): InodeWatch | number {
  const watch = watchInode(cgroup.fd, file, IN.modify, onChange);
  if (typeof watch !== 'number' || !EXHAUSTED.has(watch)) return watch;
  return watchByPriority(cgroup, file, onChange);
}

/** Calls `onChange` when the cgroup `name` below `parent` may have been removed. */
export function watchRemoval(parent: NativeCgroup, name: string, onChange: () => void): InodeWatch | number {
  return watchInode(parent.fd, '.', IN.delete, onChange, name);
}

function watchByPriority(cgroup: NativeCgroup, file: string, onChange: () => void): InodeWatch | number {
  const opened = loadBinding().openPriority(cgroup.fd, file, '', () => {
    // Reading it is how the kernel learns that we know. What has been removed would tell so for ever, if at all.
    if (typeof opened !== 'number' && typeof opened.read() === 'number') opened.pause();
    onChange();
  });
  if (typeof opened === 'number') return opened;
  opened.read();
  return { setRef: (on) => opened.setRef(on), close: () => void opened.close() };
}
