/** Throwaway repositories and test runs, for checks that are themselves under test. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface Finished {
  readonly status: number | null;
  readonly output: string;
}

export function run(argv: readonly string[], cwd = root, env: NodeJS.ProcessEnv = {}): Finished {
  const [file = '', ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    encoding: 'utf8',
    timeout: 150_000,
    killSignal: 'SIGKILL',
  });
  if (error !== undefined) throw error;
  return { status, output: stdout + stderr };
}

/** A directory that holds these files and goes with the block that it is used in. */
export function directoryOf(
  files: Record<string, string>,
  { git = false } = {},
): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'cofferdam-repo-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  if (git) run(['git', 'init', '-q'], path);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
