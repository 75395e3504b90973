// The lock file: in step with package.json, complete for every platform, verified by integrity, bound to no registry.
//
//   node scripts/check/lock.mjs [DIRECTORY]      exit code 1 and one line per finding
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv, exit } from 'node:process';

export function findings(directory) {
  const read = (name) => JSON.parse(readFileSync(join(directory, name), 'utf8'));
  const manifest = read('package.json');
  const lock = read('package-lock.json');
  const found = [];
  const top = lock.packages[''];
  for (const field of ['name', 'version']) {
    if (manifest[field] !== top[field])
      found.push(`${field}: ${manifest[field]} here, ${top[field]} in the lock`);
  }
  for (const field of ['dependencies', 'devDependencies']) {
    const ours = JSON.stringify(Object.entries(manifest[field] ?? {}).sort());
    const theirs = JSON.stringify(Object.entries(top[field] ?? {}).sort());
    if (ours !== theirs) found.push(`${field} differ between package.json and the lock`);
    for (const [name, range] of Object.entries(manifest[field] ?? {})) {
      if (!/^\d+\.\d+\.\d+$/.test(range)) found.push(`${field}.${name}: ${range} is not one exact version`);
    }
  }
  const parent = (path) => path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1));
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined) found.push(`${path}: names where it was fetched from`);
    if (path !== '' && entry.link !== true && entry.integrity === undefined)
      found.push(`${path}: no integrity`);
    // npm ci refuses a lock that lacks one, even if it is for a platform that this host is not.
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      const places = [];
      for (let at = path; ; at = parent(at)) {
        places.push(at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`);
        if (at === '') break;
      }
      if (!places.some((place) => place in lock.packages))
        found.push(`${path || 'package.json'}: ${name} is not locked`);
    }
  }
  return found;
}

if (resolve(argv[1] ?? '') === import.meta.filename) {
  const found = findings(resolve(argv[2] ?? '.'));
  for (const finding of found) console.log(finding);
  exit(found.length === 0 ? 0 : 1);
}
