/** The static checks of `npm test`, each shown what it must object to: a check that cannot fail checks nothing. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryOf, type Finished, root, run } from './support.ts';

const check = (name: string, directory: string): Finished =>
  run([process.execPath, join(root, `scripts/check/${name}.mjs`), directory]);

describe('repo-text', () => {
  const text = (content: string): Finished => {
    using directory = directoryOf({ 'src/file.ts': `// fine\n${content}\n` }, { git: true });
    return check('repo-text', directory.path);
  };

  // Put together here, so that this file itself has nothing to object to.
  const bad: Record<string, string> = {
    'a machine path': `const dir = '${['', 'home', 'somebody', 'cofferdam'].join('/')}';`,
    'a path below a mount of one machine': `see ${['', 'srv', 'build', 'notes.md'].join('/')}`,
    'a temporary path': `run ${['', 'tmp', 'plan', 'plan.md'].join('/')}`,
    'an unknown host': `"resolved": "https:${'//'}registry.example.net/a.tgz"`,
    'a private host': `fetch from npm.mirror.${'internal'}`,
    'a word on authorship': `written by an L${'LM'}`,
    'a trailer of a commit': `Co-${'authored'}-by: somebody`,
    'an unfinished word': `// TO${'DO'}: later`,
    'a conflict marker': `${'<'.repeat(7)} ours`,
  };
  for (const [what, content] of Object.entries(bad)) {
    it(`objects to ${what}`, () => {
      const { status, output } = text(content);
      expect(output).toContain('src/file.ts:2: ');
      expect(status).toBe(1);
    });
  }

  it('accepts kernel paths, known hosts and temporary files of ours', () => {
    const { status, output } = text(`
      read('/proc/self/mountinfo', '/sys/class/net', '/run/netns/blue', '/etc/iproute2/rt_tables');
      // https://docs.kernel.org/userspace-api/netlink/intro.html, ./src/handle/native.ts, 10.0.0.0/8, a/b/c
      'x'.replace(/ab/g, ''); mkdtemp('/tmp/cofferdam-x');`);
    expect(output).toBe('');
    expect(status).toBe(0);
  });

  it('reads files that are not tracked yet, and none that git ignores', () => {
    using directory = directoryOf(
      { '.gitignore': 'ignored/\n', 'ignored/a.txt': `TO${'DO'}`, 'b.txt': 'fine' },
      { git: true },
    );
    expect(check('repo-text', directory.path).status).toBe(0);
  });
});

describe('includes', () => {
  const include = (line: string): Finished => {
    using directory = directoryOf({ 'native/kernel/a.h': `#pragma once\n${line}\n` }, { git: true });
    return check('includes', directory.path);
  };

  for (const header of [
    '<uv.h>',
    '<node_api.h>',
    '<napi.h>',
    '"v8.h"',
    '<node.h>',
    '"../addon/poll.h"',
    '<uv/unix.h>',
  ]) {
    it(`objects to ${header} in native/kernel`, () => {
      const { status, output } = include(`#include ${header}`);
      expect(output).toContain('native/kernel/a.h:2: includes');
      expect(status).toBe(1);
    });
  }

  it('accepts system headers and its own room', () => {
    expect(include('#include <linux/netlink.h>\n#include "kernel/owned_fd.h"').status).toBe(0);
  });

  it('objects to a tree without a kernel room', () => {
    using directory = directoryOf({ 'a.txt': '' }, { git: true });
    expect(check('includes', directory.path).status).toBe(1);
  });
});

describe('lock', () => {
  type Lock = { packages: Record<string, Record<string, unknown>> };
  const lock = (change: (lock: Lock) => void): Finished => {
    const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
    change(locked);
    using directory = directoryOf({
      'package-lock.json': JSON.stringify(locked),
      'package.json': readFileSync(join(root, 'package.json'), 'utf8'),
    });
    return check('lock', directory.path);
  };
  const entry = (locked: Lock, name: string): Record<string, unknown> => {
    const found = locked.packages[`node_modules/${name}`];
    if (found === undefined) throw new Error(`${name} is not locked`);
    return found;
  };

  it('accepts the lock of this tree', () => {
    const { status, output } = lock(() => {});
    expect(output).toBe('');
    expect(status).toBe(0);
  });

  const bad: Record<string, [(locked: Lock) => void, RegExp]> = {
    'a package without integrity': [(l) => delete entry(l, 'vitest').integrity, /vitest: no integrity/],
    'a package bound to a registry': [
      (l) => Object.assign(entry(l, 'vitest'), { resolved: 'vitest.tgz' }),
      /vitest: names where it was fetched from/,
    ],
    'a missing build for another platform': [
      (l) => delete l.packages['node_modules/@biomejs/cli-darwin-arm64'],
      /@biomejs\/cli-darwin-arm64 is not locked/,
    ],
    'another version than package.json asks for': [
      (l) => Object.assign(l.packages['']?.devDependencies ?? {}, { vitest: '4.0.0' }),
      /devDependencies differ/,
    ],
  };
  for (const [what, [change, finding]] of Object.entries(bad)) {
    it(`objects to ${what}`, () => {
      const { status, output } = lock(change);
      expect(output).toMatch(finding);
      expect(status).toBe(1);
    });
  }
});

describe('layers', () => {
  const cruise = (files: Record<string, string>): Finished => {
    using directory = directoryOf({ ...files, 'tsconfig.json': '{ "include": ["src"] }' });
    cpSync(join(root, '.dependency-cruiser.cjs'), join(directory.path, '.dependency-cruiser.cjs'));
    const bin = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    return run([process.execPath, bin, '--config', '.dependency-cruiser.cjs', 'src'], directory.path);
  };
  const a = 'export const a = 1;\n';

  it('accepts a room that uses a room below it', () => {
    const { status, output } = cruise({
      'src/handle/a.ts': a,
      'src/netns/b.ts': "import '../handle/a.ts';\n",
    });
    expect(output).toContain('no dependency violations found');
    expect(status).toBe(0);
  });

  const bad: Record<string, [Record<string, string>, string]> = {
    'a room that uses a room above it': [
      { 'src/netns/a.ts': a, 'src/handle/b.ts': "import '../netns/a.ts';\n" },
      'handle-uses-only-rooms-below',
    ],
    'a type from a room above': [
      {
        'src/route/a.ts': 'export type A = 1;\n',
        'src/netlink/b.ts': "import type { A } from '../route/a.ts';\nexport type B = A;\n",
      },
      'netlink-uses-only-rooms-below',
    ],
    'a room that nobody has named': [
      { 'src/extra/a.ts': a, 'src/index.ts': "export * from './extra/a.ts';\n" },
      'every-room-is-known',
    ],
    'a circle': [
      { 'src/handle/a.ts': "import './b.ts';\n", 'src/handle/b.ts': "import './a.ts';\n" },
      'no-cycles',
    ],
    'testing that knows of routes': [
      { 'src/route/a.ts': a, 'src/testing/b.ts': "import '../route/a.ts';\n" },
      'testing-uses-only-rooms-below',
    ],
  };
  it('takes a circle that is closed on demand', () => {
    const later = "export const load = () => import('./b.ts');\n";
    const { status, output } = cruise({ 'src/handle/a.ts': later, 'src/handle/b.ts': "import './a.ts';\n" });
    expect(output).not.toContain('no-cycles');
    expect(status).toBe(0);
  });

  for (const [what, [files, rule]] of Object.entries(bad)) {
    it(`objects to ${what}`, () => {
      const { status, output } = cruise(files);
      expect(output).toContain(rule);
      expect(status).not.toBe(0);
    });
  }
});

describe('check', () => {
  it('refuses a step that does not exist', () => {
    const { status, output } = run([process.execPath, join(root, 'scripts/check.mjs'), '--only', 'nothing']);
    expect(output).toContain('no such step: nothing');
    expect(status).toBe(2);
  });

  it('counts a step that passes, and ends with the counts', () => {
    const { status, output } = run([process.execPath, join(root, 'scripts/check.mjs'), '--only', 'lock']);
    expect(output.trimEnd().split('\n').at(-1)).toBe('1 passed, 0 failed');
    expect(status).toBe(0);
  });

  it('fails, naming the package, where a program is missing', () => {
    // A PATH with git but no clang-format: /usr/bin cannot serve, so a directory with a link is made.
    using directory = directoryOf({});
    run(['ln', '-s', '/usr/bin/git', join(directory.path, 'git')]);
    const { status, output } = run(
      [process.execPath, join(root, 'scripts/check.mjs'), '--only', 'clang-format'],
      root,
      { PATH: directory.path },
    );
    expect(output).toContain('clang-format-14 not found: apt-get install clang-format-14');
    expect(output.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed');
    expect(status).toBe(1);
  });
});
