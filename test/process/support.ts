/** Programs run through Process.spawn, and a witness of what is left of them. */
import { readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { countFds } from '../../src/handle/index.ts';
import { readStatus } from '../../src/process/identity.ts';
import { Process, type SpawnOptions } from '../../src/process/index.ts';
import { eventually } from '../support/cgroup.ts';

export async function textOf(stream: Readable | undefined): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

/** What a program says on its stdout, and how it ends. */
export async function outputOf(argv: readonly string[], options: SpawnOptions = {}) {
  await using child = await Process.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const output = await textOf(child.stdout);
  return { output, exit: await child.wait({ timeout: 50_000 }) };
}

/** Children of this process, zombies too, by /proc: a witness that knows nothing of handles. */
export function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readStatus(pid).parent === process.pid;
      } catch {
        return false; // gone meanwhile
      }
    });
}

/**
 * No more fds are open than there were. What closes late, the streams of Node's children say, has its time; what was about
 * to close when they were counted makes it fewer.
 */
export async function expectNoMoreFds(before: number): Promise<void> {
  await eventually(`no more than ${before} fds`, () => countFds() <= before);
}
