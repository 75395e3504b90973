/** The processes of a cgroup. */
import { readdirSync } from 'node:fs';
import type { NativeCgroup } from '../handle/index.ts';
import { readStatus } from '../process/identity.ts';
import type { StuckProcess } from './errors.ts';

/** Those in this very cgroup; 0 stands for one outside of our pid namespace. None where it cannot be read. */
export function readPids(native: NativeCgroup): number[] {
  const text = native.read('cgroup.procs');
  return typeof text === 'number' ? [] : text.split('\n').filter(Boolean).map(Number);
}

/** What /proc says about one; undefined once it has ended, though nobody may have waited for it. */
export function describeProcess(pid: number): StuckProcess | undefined {
  try {
    // The first thread may be through while another one is not.
    for (const thread of [String(pid), ...readdirSync(`/proc/${pid}/task`)]) {
      const { state, command } = readStatus(Number(thread));
      if (state !== 'Z' && state !== 'X') return { pid, state, command };
    }
  } catch {
    // Gone while we looked.
  }
  return undefined;
}
