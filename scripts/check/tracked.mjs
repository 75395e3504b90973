// The files that git tracks, or would on `git add .`: an offending file counts before it is added.
import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

export function tracked(directory) {
  const { stdout, status, stderr } = spawnSync(
    'git',
    ['-c', `safe.directory=${directory}`, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: directory, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`);
  const isFile = (name) => lstatSync(join(directory, name), { throwIfNoEntry: false })?.isFile() === true;
  return [...new Set(stdout.split('\0'))].filter((name) => name !== '' && isFile(name));
}
