// What a system sees of the host's root, on a host whose files may be changed: this one's, below an overlay that nobody else
// sees.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { compiledUrl } from '../support/compiled.ts';

const program = fileURLToPath(new URL('programs/cover.mjs', import.meta.url));
const GROUP = `cofferdam-test-cover-${process.pid}`;

/** $1 is an empty directory, and the rest a program. All that is mounted goes with the namespace. */
const WORLD = `
set -e
world=$1; shift
mount -t tmpfs none "$world"
mkdir "$world/upper" "$world/work" "$world/root" "$world/one" "$world/two"
mount -t overlay none -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" "$world/root"
# A file system of its own, of the kind that an overlay can have below.
mkdir "$world/root/var/part"
mount -t overlay none -o "lowerdir=$world/one:$world/two" "$world/root/var/part"
chown 1000:1001 "$world/one"
chmod 1770 "$world/one"
for view in proc sys dev; do mount --rbind /$view "$world/root/$view"; done
cd "$world/root"
mkdir .before
pivot_root . .before
umount -l /.before
exec "$@"
`;

let results: Readonly<Record<string, string>>;
beforeAll(() => {
  const world = mkdtempSync(join(tmpdir(), 'cofferdam-test-cover-'));
  try {
    const words = ['-m', '--propagation', 'private', 'sh', '-c', WORLD, 'sh', world, process.execPath];
    const output = execFileSync('unshare', [...words, program, compiledUrl('index.js'), GROUP], {
      encoding: 'utf8',
      timeout: 150_000,
    });
    results = JSON.parse(output);
  } finally {
    rmdirSync(world);
  }
}, 160_000);

const nothing = /No such file or directory/;
const neither = /No such file or directory\n.*No such file or directory$/;

describe('of the root of the host', () => {
  it('nothing is there of a directory that holds secrets', () => {
    expect(results.there).toMatch(nothing);
  });
  it('nor if one is made in its place, and removed', () => {
    expect(results.made).toMatch(nothing);
    expect(results.made).not.toContain('secret');
  });
  it('where a link leads there, neither by the link nor by itself', () => {
    expect(results.linked).toMatch(neither);
  });
  it('nor of what comes to be there later, with the directories above it', () => {
    expect(results.later).toMatch(neither);
    expect(results.next).toMatch(neither);
  });
  it('what is beside it is as the host has it', () => {
    expect(results.beside).toBe('711\nbeside');
  });
  it('and so is where another file system is mounted', () => {
    expect(results.part).toBe('1770 1000 1001');
  });
  it('there are devices that work, and directories of its own', () => {
    expect(results.devices).toBe('00 00 00');
    expect(results.own).toBe(
      'character special file 666\ndirectory 1777\ndirectory 700\ndirectory 555\ndirectory 1777',
    );
    expect(results.empty).toBe('');
  });
});
