// The layer rule of the native tree: native/kernel is Node-free C++ that builds and is tested without Node, and
// includes nothing from the rooms above it.
//
//   node scripts/check/includes.mjs [DIRECTORY]      exit code 1 and one line per finding
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv, exit } from 'node:process';
import { tracked } from './tracked.mjs';

const FORBIDDEN =
  /^(?:node|v8|uv|napi|js_native_api|node_api)(?:[-_.\w/]*)$|^(?:\.\.\/)+addon\/|(?:^|\/)addon\//;

export function findings(directory) {
  const found = [];
  const files = tracked(directory).filter((file) => /^native\/kernel\/.*\.(h|cc)$/.test(file));
  for (const file of files) {
    const lines = readFileSync(join(directory, file), 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      const header = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(line)?.[1];
      if (header !== undefined && FORBIDDEN.test(header))
        found.push(`${file}:${index + 1}: includes ${header}`);
    }
  }
  return { files: files.length, found };
}

if (resolve(argv[1] ?? '') === import.meta.filename) {
  const { files, found } = findings(resolve(argv[2] ?? '.'));
  for (const finding of found) console.log(finding);
  if (files === 0) console.log('native/kernel: no file found');
  exit(found.length === 0 && files > 0 ? 0 : 1);
}
