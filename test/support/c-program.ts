/** Programs in C that tests run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A compiled program in a directory of its own, which `remove` takes away again. */
export interface CProgram {
  readonly directory: string;
  readonly path: string;
  remove(): void;
}

export function compileC(source: URL): CProgram {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-programs-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const path = join(directory, 'program');
  try {
    execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', path, source.pathname], {
      stdio: 'inherit',
      // A compiler is none of a sanitizer's business.
      env: { ...process.env, LD_PRELOAD: '' },
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { directory, path, remove };
}
