import { readFileSync } from 'node:fs';

/** Whether the terminal sends its signals to our group of processes: proc_pid_stat(5). */
export function inForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // Behind the name, which may hold anything.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}
