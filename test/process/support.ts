/** Programs run through Process.spawn, and a witness of what is left of them. */
import { readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { readStatus } from '../../src/process/identity.ts';
import { Process, type SpawnOptions } from '../../src/process/index.ts';

export async function textOf(stream: Readable | undefined): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

/** What a program says on its stdout, and how it ends. */
export async function outputOf(argv: readonly string[], options: SpawnOptions = {}) {
  await using child = await Process.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const output = await textOf(child.stdout);
  return { output, exit: await child.wait({ timeout: 10_000 }) };
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
