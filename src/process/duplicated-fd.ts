import { readlinkSync } from 'node:fs';
import { FdCore, KernelHandle } from '../handle/index.ts';
import type { NativeFd } from '../handle/native.ts';

/** A duplicate of an fd of another process. Both stand for the same open file. */
export class DuplicatedFd extends KernelHandle<FdCore> {
  /** What it refers to, as the kernel calls it: 'socket:[4711]', '/dev/null'. */
  readonly target: string;

  /** @internal */
  constructor(native: NativeFd, pid: number) {
    const target = readlinkSync(`/proc/self/fd/${native.fd}`);
    super(new FdCore('fd', native, { pid, target }));
    this.target = target;
  }
}
