// The package as a user gets it: packed, unpacked into a directory elsewhere, its addon compiled there from the
// sources that ship, every export imported, the command line run. Nothing of this tree is in reach but its dependencies.
//
//   node scripts/check/package.mjs EMPTY-DIRECTORY
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv, exit } from 'node:process';
import { root } from './run.mjs';

const directory = resolve(argv[2]);
const run = (file, args, cwd) => execFileSync(file, args, { cwd, encoding: 'utf8', timeout: 240_000 });

const packed = JSON.parse(
  run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], root).replace(
    /^[^[{]*/,
    '',
  ),
);
const { filename, files } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
const names = files.map((file) => file.path);
for (const wrong of names.filter((name) =>
  /(^|\/)(test|bench|\.ci|build|node_modules)\/|\.tsbuildinfo$/.test(name),
)) {
  console.log(`packed, but should not be: ${wrong}`);
  process.exitCode = 1;
}
const modules = join(directory, 'node_modules');
mkdirSync(join(modules, 'cofferdam'), { recursive: true });
run(
  'tar',
  ['-xzf', join(directory, filename), '-C', join(modules, 'cofferdam'), '--strip-components=1'],
  directory,
);
const home = join(modules, 'cofferdam');
const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
for (const name of Object.keys(manifest.dependencies))
  cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });

// node-gyp is a tool of the host here, as it is where npm brings its own.
const tools = join(home, 'node_modules');
mkdirSync(tools);
symlinkSync(join(root, 'node_modules/.bin'), join(tools, '.bin'));
run('node', [join(root, 'node_modules/node-gyp/bin/node-gyp.js'), 'rebuild'], home);

for (const [path, target] of Object.entries(manifest.exports)) {
  for (const file of typeof target === 'string' ? [target] : Object.values(target)) {
    if (!existsSync(join(home, file))) {
      console.log(`exports ${path}: ${file} is not in the package`);
      exit(1);
    }
  }
}
const script = `
  const { RouteSocket, handles } = await import('cofferdam');
  const { measureFds } = await import('cofferdam/testing');
  if (typeof measureFds !== 'function') throw new Error('cofferdam/testing exports no measureFds');
  const rt = await RouteSocket.open();
  const lo = await rt.link.get('lo');
  if (lo.ifname !== 'lo' || handles.list().length !== 1) throw new Error('unexpected: ' + JSON.stringify(lo));
  rt.close();
  await rt.closed;
`;
run('node', ['--input-type=module', '--eval', script], directory);
const [command] = Object.values(manifest.bin);
const links = JSON.parse(run('node', [join(home, command), '-j', 'link', 'show'], directory));
if (!links.some((link) => link.ifname === 'lo')) throw new Error('cofferdam -j link show does not show lo');
console.log(`${names.length} files; imports, addon and command line work from ${filename}`);
