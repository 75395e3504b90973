// The tests as plain JavaScript in a few files, with a small stand-in for vitest: a guest is slow, and slowest at reading
// hundreds of modules and compiling them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from '../check/run.mjs';

/** What runs in the guests besides everything below test/vm: tests that run on the host, too. */
const ALSO = [
  'test/netns/socket.test.ts',
  'test/netns/survey.test.ts',
  'test/netns/watch.test.ts',
  'test/nftables/socket.test.ts',
  'test/process/cgroup.test.ts',
  'test/process/pidfd.test.ts',
  'test/route/action.test.ts',
  'test/route/class.test.ts',
  'test/route/qdisc.test.ts',
  'test/system/attached.test.ts',
  'test/system/network.test.ts',
  'test/system/pty.test.ts',
  'test/system/rootless.test.ts',
];

/** What tests import in a Node of their own: what `compiledUrl` names in a guest. */
const COMPILED = ['index', 'system/index'];

/** The test files that are meant by `wanted`, files or directories; all of them if there is none. A file may be any. */
export function testFiles(wanted = []) {
  const own = readdirSync(join(root, 'test/vm'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/vm/${path}`);
  const all = [...own, ...ALSO].sort();
  if (wanted.length === 0) return all;
  const within = (path) => all.filter((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));
  return [...new Set(wanted.flatMap((path) => (path.endsWith('.ts') ? [path] : within(path))))];
}

/** Writes run.js, which runs these files, into a new `directory`; `settings` are for the runner. */
export async function bundleTests(files, directory, settings) {
  rmSync(directory, { recursive: true, force: true });
  const entry = (file) => file.replace(/\.ts$/, '');
  const bundle = await rolldown({
    cwd: root,
    input: {
      run: 'test/vm/runner/run.ts',
      'test/support/random': 'test/support/random.ts',
      ...Object.fromEntries(COMPILED.map((module) => [`src/${module}`, `src/${module}.ts`])),
      ...Object.fromEntries(files.map((file) => [entry(file), file])),
    },
    platform: 'node',
    resolve: {
      alias: {
        vitest: join(root, 'test/vm/runner/vitest.ts'),
        '../../support/compiled.ts': join(root, 'test/vm/runner/compiled.ts'),
        '../support/compiled.ts': join(root, 'test/vm/runner/compiled.ts'),
      },
    },
    // It looks for the addon from where it is.
    external: ['node-gyp-build'],
    transform: { target: 'es2022' },
    logLevel: 'warn',
  });
  await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    sourcemap: true,
  });
  await bundle.close();
  writeFileSync(
    join(directory, 'run.json'),
    JSON.stringify({
      ...settings,
      setupFiles: ['test/support/random.js'],
      files: files.map((file) => `${entry(file)}.js`),
    }),
  );
}

/** `text` of a guest with the places in the bundle turned into those in the sources. */
export function inSources(text, directory) {
  const maps = new Map();
  return text.replace(
    /(?:file:\/\/)?\/cofferdam\/bundle\/(\S+?\.js)(?:\?\d+)?:(\d+):(\d+)/g,
    (place, file, line, column) => {
      try {
        if (!maps.has(file))
          maps.set(file, new SourceMap(JSON.parse(readFileSync(join(directory, `${file}.map`), 'utf8'))));
        const found = maps.get(file).findEntry(Number(line) - 1, Number(column) - 1);
        const source = found.originalSource?.replace(/^(\.\.\/)+/, '');
        return source === undefined
          ? place
          : `${source}:${found.originalLine + 1}:${found.originalColumn + 1}`;
      } catch {
        return place;
      }
    },
  );
}
