import { basename, dirname } from 'node:path';
import type { SystemError } from '../handle/errors.ts';
import { NETNS_DIRECTORY } from './netns-names.ts';
import { errnoWords } from './strerror.ts';

/** What `ip` says where a name of a namespace cannot be opened, made or taken away; undefined for what is about others. */
export function netnsRefusal({ code, errno, path, syscall }: SystemError): string | undefined {
  if (path === undefined || dirname(path) !== NETNS_DIRECTORY) return undefined;
  const words = errnoWords(errno);
  if (syscall === 'umount' || syscall === 'unlink') return `Cannot remove namespace file "${path}": ${words}`;
  if (syscall !== 'open') return undefined;
  // Only who makes a name is told that it is there.
  if (code === 'EEXIST') return `Cannot create namespace file "${path}": ${words}`;
  // There is a file, but no namespace.
  if (code === 'EINVAL') return `setting the network namespace "${basename(path)}" failed: ${words}`;
  return `Cannot open network namespace "${basename(path)}": ${words}`;
}
