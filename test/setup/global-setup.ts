/**
 * A test run leaves its host as it found it, or it fails, however its tests went: no process, named netns, cgroup,
 * mount, link, shared memory or temporary file may outlive it.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostState, leftBehind, MARK } from './host.ts';

/** What closes late gets this long: a network namespace dies some 10 ms after its last reference, a child later. */
const PATIENCE_MS = Number(process.env.COFFERDAM_TEST_PATIENCE_MS ?? 30_000);

export default function setup(): () => Promise<void> {
  const run = randomUUID();
  process.env[MARK] = run;
  // All temporary files of the run in a directory of its own: what is in there at the end is certainly ours.
  const outer = process.env.TMPDIR;
  const temporary = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
  process.env.TMPDIR = temporary;
  const before = hostState(run);

  return async () => {
    const remains = (): string[] => [
      ...leftBehind(before, hostState(run), run),
      ...readdirSync(temporary).map((name) => `temporary file ${name}`),
    ];
    const deadline = performance.now() + PATIENCE_MS;
    let left = remains();
    while (left.length > 0 && performance.now() < deadline) {
      await sleep(100);
      left = remains();
    }
    rmSync(temporary, { recursive: true, force: true });
    if (outer === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = outer;
    if (left.length === 0) return;
    // vitest reports an error thrown here and still ends with 0: the code says it.
    process.exitCode = 1;
    throw new Error(`the test run left ${left.length} behind on the host:\n  ${left.join('\n  ')}`);
  };
}
