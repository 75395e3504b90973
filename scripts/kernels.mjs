// npm run test:kernels: the tests of test/vm on kernels of Debian, each in a guest of its own, two guests at a time.
//
//   node scripts/kernels.mjs [--kernel NAME]... [-t PATTERN] [--timeout SECONDS] [--report FILE] [TEST FILE OR DIRECTORY]...
//   node scripts/kernels.mjs --shell [--kernel NAME]      a shell in a guest
//   node scripts/kernels.mjs --fetch                      brings the newest kernels, and boots none
//
// Names are 5.10, 6.1, 6.12 and newest. A kernel that is not there is fetched; with --offline it is left out. What cannot
// be had is left out, too, with its reason. Exit code 1: a test failed, or a guest did not get to its end.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleTests, inSources, testFiles } from './kernels/bundle.mjs';
import { fetchKernel, KERNELS, needTools, ONE, store, stored, Unavailable } from './kernels/debian.mjs';
import { runGuest, runShell } from './kernels/guest.mjs';
import { makeRoot } from './kernels/root.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: 'string', multiple: true },
    testNamePattern: { type: 'string', short: 't' },
    timeout: { type: 'string', default: '700' },
    report: { type: 'string' },
    offline: { type: 'boolean', default: false },
    fetch: { type: 'boolean', default: false },
    shell: { type: 'boolean', default: false },
  },
});

function usage(problem) {
  console.error(problem);
  process.exit(2);
}

const asked = flags.kernel ?? (flags.shell ? [ONE] : KERNELS.map(({ name }) => name));
const wanted = asked.map(
  (name) =>
    KERNELS.find((kernel) => kernel.name === name) ??
    usage(`no kernel ${name}; there are ${KERNELS.map((kernel) => kernel.name).join(', ')}`),
);
const files = testFiles(positionals);
if (files.length === 0) usage(`no test of a guest in ${positionals.join(' ')}`);
const seconds = Number(flags.timeout);
if (!(seconds > 0)) usage(`--timeout ${flags.timeout}: seconds, more than 0`);

const results = [];
/** The kernels that are there or can be had, in order; a result with the reason for each other one. */
const kernels = (await Promise.all(wanted.map(find))).filter((kernel) => kernel !== undefined);

async function find(kernel) {
  try {
    needTools();
    const found = flags.fetch ? undefined : stored(kernel.name);
    if (found === undefined && flags.offline)
      throw new Unavailable('not fetched: npm run test:kernels -- --fetch');
    return found ?? (await fetchKernel(kernel));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    results.push({ name: kernel.name, passed: 0, failed: 0, skipped: [`${kernel.name}: ${error.message}`] });
  }
}

if (flags.fetch)
  for (const { name, release, version } of kernels) console.log(`${name}  ${release}  ${version}`);

const bundle = join(store, `.bundle-${process.pid}`);
const image = join(store, `.root-${process.pid}.squashfs`);
try {
  if (kernels.length > 0 && !flags.fetch) {
    await bundleTests(files, bundle, { testNamePattern: flags.testNamePattern, testTimeout: 180_000 });
    await makeRoot(image, bundle);
    if (flags.shell) await runShell(kernels[0], image);
    else await Promise.all([worker(), worker()]);
  }
} finally {
  rmSync(bundle, { recursive: true, force: true });
  rmSync(image, { force: true });
  rmSync(`${image}.d`, { recursive: true, force: true });
}

/** Two of these: a guest keeps one CPU busy. */
async function worker() {
  for (let kernel = kernels.shift(); kernel !== undefined; kernel = kernels.shift())
    results.push(await test(kernel));
}

async function test(kernel) {
  const { name, release } = kernel;
  const say = (text) =>
    console.log(
      inSources(text, bundle)
        .trimEnd()
        .replace(/^/gm, `${name.padEnd(7)} `),
    );
  // Whole lines, for the other guest prints as well.
  let rest = '';
  const onOutput = (text) => {
    const end = (rest + text).lastIndexOf('\n') + 1;
    if (end > 0) say((rest + text).slice(0, end));
    rest = (rest + text).slice(end);
  };
  const guest = await runGuest(kernel, image, { seconds, onOutput });
  if (rest !== '') say(rest);
  const took = `${guest.seconds.toFixed(0)} s`;
  if (guest.report === undefined) {
    const problem = guest.timedOut ? `killed after ${seconds} s` : 'the guest ended before its tests did';
    say(`FAILED  Linux ${release}: ${problem}; the end of its console:`);
    say(guest.console.trimEnd().split('\n').slice(-70).join('\n'));
    return { name, release, seconds: guest.seconds, passed: 0, failed: 1, skipped: [] };
  }
  const { passed, failed, skipped } = guest.report;
  say(`Linux ${release}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped in ${took}`);
  // A run in which nothing ran has proven nothing.
  const none = passed + failed.length === 0;
  if (none) say('FAILED  no test ran');
  return {
    name,
    release,
    seconds: guest.seconds,
    passed,
    failed: none ? 1 : failed.length,
    skipped: skipped.map((reason) => `${name}: ${reason}`),
  };
}

for (const reason of results.flatMap(({ skipped }) => skipped)) console.log(`skipped: ${reason}`);
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const skipped = results.flatMap((result) => result.skipped).length;
if (!flags.fetch && !flags.shell)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${skipped} skipped`);
if (flags.report !== undefined) writeFileSync(flags.report, JSON.stringify(results));
process.exit(sum('failed') === 0 ? 0 : 1);
