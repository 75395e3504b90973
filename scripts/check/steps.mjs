// The steps of `npm test`, cheapest first. Each resolves with its counts, or throws CheckFailed.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ONE } from '../kernels/debian.mjs';
import { bin, CheckFailed, cache, ending, execute, must, need, root, tsc } from './run.mjs';
import { tracked } from './tracked.mjs';

const node = process.execPath;
const vitest = (...args) => [node, bin('vitest'), 'run', '--config', join(root, 'vitest.config.ts'), ...args];

/** vitest's own last word: the two lines it sums up with. */
const summary = (output) => output.split('\n').filter((line) => /^\s*(Test Files|Tests|Errors)\s/.test(line));

/** What a test printed for people to read: `routes: 262747 objects, 1689698 fields compared`. */
const remarks = (output) => output.split('\n').filter((line) => /^[\w ]+: \d.* compared$/.test(line));

/** The counts in `Tests  3 failed | 120 passed | 2 skipped (125)`. */
function counted(output) {
  const line = summary(output).find((text) => /^\s*Tests\s/.test(text)) ?? '';
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count('passed'), failed: count('failed') };
}

/** What vitest reports of each test. */
const reported = (report) =>
  JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((result) => ({ ...result, file: relative(root, name) })),
  );

/** Names of the tests that failed, each with the first lines of what it says. */
const failedTests = (report) =>
  (existsSync(report) ? reported(report) : [])
    .filter(({ status }) => status === 'failed')
    .map(({ file, fullName, failureMessages }) =>
      [`${file} > ${fullName}`, ...failureMessages.join('\n').split('\n').slice(0, 8)].join('\n    '),
    );

/** Names of the tests that were skipped, with the note that the test gave. */
function skippedTests(report) {
  return reported(report)
    .filter(({ status }) => !['passed', 'failed'].includes(status))
    .map(({ fullName, meta }) => (meta?.note === undefined ? fullName : `${fullName}: ${meta.note}`));
}

async function runVitest(argv, { log, timeout }) {
  const report = log.replace(/\.log$/, '.json');
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const result = await execute([...argv, ...reporters], { log, timeout });
  const counts = counted(result.output);
  const said = summary(result.output).map((line) => line.trim());
  if (result.status !== 0) {
    const failed = failedTests(report);
    throw new CheckFailed([ending(result), ...said].join('; '), result.output, counts, failed);
  }
  // A run in which nothing ran has proven nothing.
  if (counts.passed === 0) throw new CheckFailed('no test ran', result.output);
  return { passed: counts.passed, skipped: skippedTests(report), show: [...said, ...remarks(result.output)] };
}

function needRoot() {
  if (process.getuid() !== 0) throw new CheckFailed('needs root: the tests make network namespaces');
}

/** CMake's build tree of the native code: ASan + UBSan for g++, or libFuzzer for clang. */
const trees = { sanitize: join(cache, 'native-sanitize'), fuzz: join(cache, 'native-fuzz') };

const native = join(root, 'native');

/** Seconds that each fuzz target runs. */
const FUZZ_SECONDS = Number(process.env.COFFERDAM_FUZZ_SECONDS ?? 15);

export const steps = [
  {
    name: 'types',
    what: 'TypeScript, strict, over sources, tests, benches and examples',
    run: async ({ log }) => {
      await must([node, tsc(), '-p', root], { log });
      await must([node, tsc(), '-p', join(root, 'examples')], { log });
    },
  },
  {
    name: 'biome',
    what: 'format and lint of everything biome knows; a warning fails too',
    run: async ({ log }) =>
      void (await must(
        [
          node,
          bin('@biomejs/biome', 'biome'),
          'ci',
          '--colors=off',
          '--error-on-warnings',
          '--max-diagnostics=50',
          '.',
        ],
        {
          log,
        },
      )),
  },
  {
    name: 'clang-format',
    what: 'format of C and C++',
    run: async ({ log }) => {
      need('clang-format-14');
      const files = tracked(root).filter((file) => /\.(h|c|cc)$/.test(file));
      if (files.length === 0) throw new CheckFailed('no file');
      await must(['clang-format-14', '--dry-run', '-Werror', ...files], { log });
      return { note: `${files.length} files` };
    },
  },
  {
    name: 'layers',
    what: 'a room imports only rooms below it; native/kernel includes no Node header',
    run: async ({ log }) => {
      const cruise = bin('dependency-cruiser', 'depcruise');
      const output = await must([node, cruise, '--config', join(root, '.dependency-cruiser.cjs'), 'src'], {
        log,
      });
      const cruised = Number(/(\d+) modules/.exec(output)?.[1] ?? 0);
      if (cruised < 10) throw new CheckFailed(`only ${cruised} modules cruised`, output);
      await must([node, join(root, 'scripts/check/includes.mjs'), root], { log });
      return { note: `${cruised} modules` };
    },
  },
  {
    name: 'knip',
    what: 'no unused file, export or dependency',
    run: async ({ log }) => void (await must([node, bin('knip'), '--no-progress'], { log })),
  },
  {
    name: 'text',
    what: 'no machine path, unknown host, secret or unfinished word in a tracked file',
    run: async ({ log }) =>
      void (await must([node, join(root, 'scripts/check/repo-text.mjs'), root], { log })),
  },
  {
    name: 'lock',
    what: 'package-lock.json is in step, complete, with integrity, bound to no registry; npm ci accepts it',
    run: async ({ log }) => {
      await must([node, join(root, 'scripts/check/lock.mjs'), root], { log });
      // npm's own check compares the lock with package.json and needs no network for that.
      await must(['npm', 'ci', '--dry-run', '--ignore-scripts', '--offline', '--no-audit', '--no-fund'], {
        log,
      });
    },
  },
  {
    name: 'addon',
    what: 'the addon is built and as new as its sources; it keeps itself loaded (-z nodelete)',
    run: async ({ log }) => {
      need('g++', 'make', 'readelf');
      const gyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');
      const built = join(root, 'build/Release/cofferdam.node');
      // make rebuilds what changed; a tree never configured, or configured before binding.gyp changed, starts anew.
      await must([node, gyp, existsSync(join(root, 'build/Makefile')) ? 'build' : 'rebuild'], {
        log,
        timeout: 300,
      });
      const flags = await must(['readelf', '-d', built], { log });
      if (!flags.includes('NODELETE')) throw new CheckFailed('the addon lacks the NODELETE flag', flags);
    },
  },
  {
    name: 'package',
    what: 'dist builds, publint accepts the package, and it works unpacked somewhere else',
    run: async ({ log }) => {
      await must([node, join(root, 'scripts/build.mjs')], { log });
      await must([node, bin('publint'), '--strict', root], { log });
      const directory = mkdtempSync(join(tmpdir(), 'cofferdam-package-'));
      try {
        await must([node, join(root, 'scripts/check/package.mjs'), directory], { log, timeout: 300 });
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  },
  {
    name: 'ctest',
    what: 'the C++ tests, under ASan, UBSan and LSan',
    run: async ({ log }) => {
      need('cmake', 'ctest', 'g++', 'make');
      needRoot();
      await must(['cmake', '-S', native, '-B', trees.sanitize, '-DCOFFERDAM_SANITIZE=ON'], { log });
      await must(['cmake', '--build', trees.sanitize, '--parallel', '2'], { log, timeout: 300 });
      const result = await execute(
        ['ctest', '--test-dir', trees.sanitize, '--output-on-failure', '--no-tests=error'],
        {
          log,
          timeout: 200,
        },
      );
      const [, failed = 0, all = 0] = /(\d+) tests failed out of (\d+)/.exec(result.output) ?? [];
      // ctest counts what was skipped among what passed.
      const skipped = [...result.output.matchAll(/^\s*\d+ - (\S+) \(Skipped\)$/gm)].map((match) => match[1]);
      const counts = { passed: Number(all) - Number(failed) - skipped.length, failed: Number(failed) };
      if (result.status !== 0) {
        const names = [...result.output.matchAll(/^\s*\d+ - (\S+ \((?!Skipped).*\))$/gm)].map(
          (match) => match[1],
        );
        throw new CheckFailed(ending(result), result.output, counts, names);
      }
      if (counts.passed === 0) throw new CheckFailed('no test ran', result.output);
      return { passed: counts.passed, skipped, note: `${counts.passed} tests` };
    },
  },
  {
    name: 'fuzz',
    what: `libFuzzer on what parses in C++, ${FUZZ_SECONDS} s for each target`,
    run: async ({ log }) => {
      need('clang-14', 'clang++-14', 'cmake', 'make');
      const env = { CC: 'clang-14', CXX: 'clang++-14' };
      await must(['cmake', '-S', native, '-B', trees.fuzz, '-DCOFFERDAM_FUZZ=ON'], {
        log,
        env,
      });
      await must(['cmake', '--build', trees.fuzz, '--parallel', '2'], { log, env, timeout: 300 });
      const targets = readdirSync(join(trees.fuzz, 'fuzz')).filter((name) => /^fuzz_\w+$/.test(name));
      if (targets.length === 0) throw new CheckFailed('no fuzz target was built');
      for (const target of targets) {
        const corpus = mkdtempSync(join(tmpdir(), 'cofferdam-fuzz-'));
        try {
          const argv = [
            join(trees.fuzz, 'fuzz', target),
            `-max_total_time=${FUZZ_SECONDS}`,
            '-timeout=5',
            '-rss_limit_mb=1024',
          ];
          const output = await must([...argv, `-artifact_prefix=${corpus}/`, corpus], {
            log,
            timeout: FUZZ_SECONDS + 60,
          });
          if (!/Done \d+ runs/.test(output)) throw new CheckFailed(`${target} did not finish`, output);
        } finally {
          rmSync(corpus, { recursive: true, force: true });
        }
      }
      return { passed: targets.length, note: targets.join(', ') };
    },
  },
  {
    name: 'vitest',
    what: 'the whole test suite, on the real kernel',
    run: async ({ log }) => {
      needRoot();
      need('ip', 'unshare', 'git');
      return runVitest(vitest(), { log, timeout: 1500 });
    },
  },
  {
    name: 'kernels',
    what: 'test/vm on a kernel of Debian, in a guest; on all of them with COFFERDAM_KERNELS=all',
    run: async ({ log }) => {
      const report = log.replace(/\.log$/, '.json');
      rmSync(report, { force: true });
      // The others, and what is not there yet, are for whoever asks: that takes minutes, and a network.
      const which = process.env.COFFERDAM_KERNELS === 'all' ? [] : ['--kernel', ONE, '--offline'];
      const argv = [node, join(root, 'scripts/kernels.mjs'), '--report', report, ...which];
      const result = await execute(argv, { log, timeout: 1500 });
      const kernels = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : [];
      const sum = (key) => kernels.reduce((total, kernel) => total + kernel[key], 0);
      const counts = { passed: sum('passed'), failed: sum('failed') };
      if (result.status !== 0) throw new CheckFailed(ending(result), result.output, counts);
      const booted = kernels.filter(({ release }) => release !== undefined);
      return {
        passed: counts.passed,
        skipped: kernels.flatMap(({ skipped }) => skipped),
        note: booted.length === 0 ? 'skipped' : `${counts.passed} tests`,
        show: booted.map(
          ({ release, passed, skipped, seconds }) =>
            `Linux ${release}: ${passed} passed, ${skipped.length} skipped, ${seconds.toFixed(0)} s`,
        ),
      };
    },
  },
  {
    name: 'sanitized',
    what: 'the test suite again, less what is about words and layout, with the addon under ASan, UBSan and LSan',
    run: async ({ log }) => {
      needRoot();
      const script = join(root, 'native/test/sanitize.sh');
      if (!existsSync(script)) throw new CheckFailed('native/test/sanitize.sh is missing');
      // Command lines beside those of iproute2 take two thirds of the time, and they and the others here ask the addon for
      // nothing that test/route and test/system do not. Who is killed, and who goes first, is the supervisor's affair.
      const left = [
        'test/repo/**',
        'test/system/config/**',
        'test/system/{killed,pressure}.test.ts',
        'test/cli/{diff,verbs}-*',
        'test/cli/*-requests*',
        'test/cli/{main,run,explain}.test.ts',
      ];
      const argv = vitest(...left.flatMap((pattern) => ['--exclude', pattern]));
      const { passed, show } = await runVitest(['bash', script, ...argv], { log, timeout: 1800 });
      return { passed: 1, show, note: `${passed} tests, counted as one` };
    },
  },
  {
    name: 'canaries',
    what: 'planted leaks: each must make its check fail',
    run: async ({ log }) => {
      needRoot();
      const { canaries } = await import('./canaries.mjs');
      const names = [];
      const skipped = [];
      for (const { name, run } of canaries) {
        const reason = (await run({ log }))?.skipped;
        if (reason === undefined) names.push(name);
        else skipped.push(`${name}: ${reason}`);
      }
      return { passed: names.length, skipped, note: names.join(', ') };
    },
  },
  {
    name: 'fd-flat',
    what: 'the fd-flat bench at a hundredth of its cycles: every case flat',
    run: async ({ log }) => {
      needRoot();
      const file = join(cache, 'check', 'fd-flat.json');
      rmSync(file, { force: true });
      await must([node, join(root, 'bench/fd-flat.mjs'), '--scale', '0.01', '--json', file], {
        log,
        timeout: 200,
      });
      const { cases } = JSON.parse(readFileSync(file, 'utf8'));
      if (cases.length === 0) throw new CheckFailed('no case ran');
      return { note: `${cases.length} cases` };
    },
  },
];
