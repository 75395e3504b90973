// Compiles src/ to dist/: types file by file, the code in a few files. A program that imports the package opens few files
// for it, all at once: hundreds of modules would take hundreds of fds for that moment, a quarter of a second, and memory.
// The old output goes first, so that a renamed module does not linger in the package.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const scratch = join(dist, '.bundled');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

/** What package.json names, by the place below dist/. What they share is in chunks, and there once. */
const entries = ['index', 'testing/index', 'testing/vitest', 'cli/main'];
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((name) => [name, join(dist, `${name}.js`)])),
  platform: 'node',
  // Packages stay what they are: the loader of the addon looks around from where it is.
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
});
await bundle.write({
  dir: scratch,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  sourcemap: true,
});
await bundle.close();
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.startsWith('.bundled') && /\.js(\.map)?$/.test(name)) rmSync(join(dist, name));
}
cpSync(scratch, dist, { recursive: true });
rmSync(scratch, { recursive: true });
chmodSync(join(dist, 'cli/main.js'), 0o755);
