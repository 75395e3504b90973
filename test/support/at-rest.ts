/** When a process with a single thread has nothing left to do, whose fds and children may be counted. */
import { readFileSync } from 'node:fs';
import { eventually } from './cgroup.ts';

/** Whoever answers may have to tidy up behind the answer, and then sleeps until there is something new. */
export function atRest(pid: number): Promise<void> {
  return eventually(`process ${pid} sleeps`, () =>
    // The command is in parentheses and may hold any character, parentheses too.
    /^.*\) S [^)]*$/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1')),
  );
}
