/** The fd table of a process, as the kernel tells it: an answer that doesn't depend on our own bookkeeping. */
import { readdirSync, readlinkSync } from 'node:fs';
import { fromNodeError } from './errors.ts';

/**
 * Open fds of a process and what each refers to, from /proc/PID/fd (proc_pid_fd(5)): 'socket:[4711]',
 * 'anon_inode:[eventpoll]', 'net:[4026531840]', '/dev/null', '/tmp/x (deleted)'.
 *
 * @param pid this process unless given; another one needs its owner's uid or CAP_SYS_PTRACE
 * @throws SystemError ENOENT for no such process, EACCES
 */
export function readFdTable(pid?: number): Map<number, string> {
  const directory = `/proc/${pid ?? 'self'}/fd`;
  const table = new Map<number, string>();
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    throw fromNodeError(error);
  }
  for (const name of names) {
    try {
      table.set(Number(name), readlinkSync(`${directory}/${name}`));
    } catch (error) {
      // Gone since the directory was read. The fd that read the directory always is.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fromNodeError(error);
    }
  }
  return table;
}

/** How many fds this process has open: like `readFdTable().size`, at a fraction of its cost. */
export function countFds(): number {
  // One of the entries is the fd that reads the directory.
  return readdirSync('/proc/self/fd').length - 1;
}

/** What sort of thing a link target names: 'socket', 'pipe', 'anon_inode:[eventpoll]', 'net', 'file'. */
export function fdKind(target: string): string {
  if (target.startsWith('/')) return 'file';
  if (target.startsWith('anon_inode:')) return target;
  const colon = target.indexOf(':');
  return colon < 0 ? target : target.slice(0, colon);
}
