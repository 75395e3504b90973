/** What /proc tells of other processes, which come and go while it is read. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fromNodeError } from '../handle/index.ts';

/** ENOENT, ESRCH: it has ended. EINVAL: it is ending, and has no such namespace any more. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EINVAL']);
const DENIED: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM']);

/** What reading came to: 'gone' is no error, and 'denied' is worth telling. */
export type Looked<T> = { readonly value: T } | 'gone' | 'denied';

/** Reads something of a process. @throws SystemError for what is neither its end nor a refusal: EMFILE, ... */
export function look<T>(read: () => T): Looked<T> {
  try {
    return { value: read() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (GONE.has(code)) return 'gone';
    if (DENIED.has(code)) return 'denied';
    throw fromNodeError(error);
  }
}

export const readLink = (path: string): Looked<string> => look(() => readlinkSync(path));
export const readText = (path: string): Looked<string> => look(() => readFileSync(path, 'utf8'));
/** Entries that are numbers: processes, threads, fds. */
export const readNumbers = (path: string): Looked<number[]> =>
  look(() =>
    readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
  );

/** The number in `net:[4026531840]` or `socket:[4711]`; undefined for a link that says something else. */
export function inodeOf(type: string, link: string): number | undefined {
  if (!link.startsWith(`${type}:[`) || !link.endsWith(']')) return undefined;
  return Number(link.slice(type.length + 2, -1));
}
