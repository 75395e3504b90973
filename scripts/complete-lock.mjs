// Completes package-lock.json after `npm install`.
//
// A registry mirror may lack the builds of a package for other platforms. npm then leaves them out of the lockfile,
// and `npm ci` refuses it everywhere ("Missing: ... from lock file"). This adds them back as what they are: optional
// packages of other systems. What is for this system must have been installed; that is an error, not completed.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const names = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
const added = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (names.has(name)) continue;
    const words = name.split(/[^a-z0-9]+/);
    const os = words.find((word) => ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'].includes(word));
    const cpu = words.find((word) => ['arm', 'arm64', 'ia32', 'x64', 'ppc64', 'riscv64', 's390x', 'wasm32'].includes(word));
    if (os === undefined && cpu === undefined) throw new Error(`${path}: ${name} names no platform; install it`);
    const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
    if (os === 'linux' && cpu === process.arch && libc !== 'musl') throw new Error(`${path}: ${name} is for this system; install it`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu && { cpu: [cpu] }),
      ...(entry.dev && { dev: true }),
      ...(libc && { libc: [libc] }),
      optional: true,
      ...(os && { os: [os] }),
    };
    names.add(name);
    added.push(name);
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? 'package-lock.json is complete' : `added ${added.join(', ')}`);
