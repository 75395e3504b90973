/** Files that take the kernel long, read and written on a thread of Node's pool. */
import type { NativeCgroup, Result } from '../handle/index.ts';

/** All of a file, or a negative errno. Never rejects. */
export function readAside(native: NativeCgroup, file: string): Promise<string | Result> {
  return new Promise((resolve) => {
    const begun = native.readAside(file, resolve);
    if (begun < 0) resolve(begun);
  });
}

/** 0 or a negative errno. Never rejects. */
export function writeAside(native: NativeCgroup, file: string, text: string): Promise<Result> {
  return new Promise((resolve) => {
    const begun = native.writeAside(file, text, resolve);
    if (begun < 0) resolve(begun);
  });
}
