/**
 * Stands in for test/support/compiled.ts where tests run in a guest: src was put together with them, and nobody compiles
 * there. What `compiledUrl` names has to be in the list of scripts/kernels/bundle.mjs.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../src/handle/index.ts';

/** The directory with src as plain JavaScript. */
export function compiledDist(): string {
  return join(packageRoot(), 'bundle/src');
}

/** A file: URL of a module of it, for import statements. */
export function compiledUrl(module: string): string {
  const path = join(compiledDist(), module);
  if (!existsSync(path))
    throw new Error(`${module} is not in the guest: COMPILED in scripts/kernels/bundle.mjs`);
  return pathToFileURL(path).href;
}
