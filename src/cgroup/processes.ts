/** The processes of a cgroup. */
import { readdirSync, readFileSync } from 'node:fs';
import type { NativeCgroup } from '../handle/index.ts';
import type { StuckProcess } from './errors.ts';

/** Those in this very cgroup; 0 stands for one outside of our pid namespace. None where it cannot be read. */
export function readPids(native: NativeCgroup): number[] {
  const text = native.read('cgroup.procs');
  return typeof text === 'number' ? [] : text.split('\n').filter(Boolean).map(Number);
}

/** What /proc says about one; undefined once it has ended, though nobody may have waited for it. */
export function describeProcess(pid: number): StuckProcess | undefined {
  try {
    const found = readState(`/proc/${pid}/stat`);
    if (!hasEnded(found.state)) return { pid, ...found };
    // The first thread may be through while another one is not.
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const thread = readState(`/proc/${pid}/task/${task}/stat`);
      if (!hasEnded(thread.state)) return { pid, ...thread };
    }
  } catch {
    // Gone while we looked.
  }
  return undefined;
}

const hasEnded = (state: string): boolean => state === 'Z' || state === 'X';

function readState(file: string): { state: string; command: string } {
  const stat = readFileSync(file, 'utf8');
  // The command is in parentheses and may hold any character, parentheses too.
  const end = stat.lastIndexOf(')');
  return { state: stat[end + 2] ?? '?', command: stat.slice(stat.indexOf('(') + 1, end) };
}
