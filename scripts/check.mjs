// npm test: every check of this tree, one after the other, with an honest verdict for each.
//
// A step's output goes to .cache/check/NAME.log and is shown only if the step fails. The last line counts
// test cases where a step has them (ctest, vitest) and the step itself where it has none.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CheckFailed, cache } from './check/run.mjs';
import { steps } from './check/steps.mjs';

const USAGE = 'node scripts/check.mjs [--only NAME,NAME] [--skip NAME,NAME] [--bail] [--list]';

function usage(problem) {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        skip: { type: 'string', multiple: true },
        bail: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return usage(error.message);
  }
}

const flags = readFlags();
if (flags.help) {
  console.log(USAGE);
  process.exit(0);
}
if (flags.list) {
  for (const { name, what } of steps) console.log(`${name.padEnd(16)}${what}`);
  process.exit(0);
}

const names = (values) => (values ?? []).flatMap((value) => value.split(',')).filter((name) => name !== '');
const only = names(flags.only);
const skip = names(flags.skip);
const unknown = [...only, ...skip].filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) usage(`no such step: ${unknown.join(', ')} (--list shows them)`);

/** The end of a long log: the failure is there, and the whole of it stays in the file. */
function tail(output, lines = 150) {
  const all = output.trimEnd().split('\n');
  return all.length <= lines
    ? all
    : [`... ${all.length - lines} lines before, in the log`, ...all.slice(-lines)];
}

const total = { passed: 0, failed: 0, skipped: [] };
const failures = [];
const began = performance.now();
for (const { name, run } of steps) {
  if (only.length > 0 && !only.includes(name)) continue;
  if (skip.includes(name)) {
    total.skipped.push(`${name}: --skip`);
    continue;
  }
  const log = join(cache, 'check', `${name}.log`);
  rmSync(log, { force: true });
  const start = performance.now();
  const line = (verdict, note) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${name.padEnd(16)}${`${seconds} s`.padStart(8)}  ${verdict}${note === undefined ? '' : `  ${note}`}`,
    );
  };
  try {
    const { passed = 1, skipped = [], note, show = [] } = (await run({ log })) ?? {};
    total.passed += passed;
    total.skipped.push(...skipped.map((reason) => `${name}: ${reason}`));
    line('ok', note);
    for (const shown of show) console.log(`    ${shown}`);
  } catch (error) {
    const counts = error instanceof CheckFailed ? error.counts : undefined;
    total.passed += counts?.passed ?? 0;
    total.failed += Math.max(1, counts?.failed ?? 1);
    failures.push({ name, tests: error instanceof CheckFailed ? error.failed : [] });
    line('FAILED', error instanceof CheckFailed ? error.message : '');
    const output = error instanceof CheckFailed ? error.output : String(error?.stack ?? error);
    if (output !== '') for (const shown of tail(output)) console.log(`    ${shown}`);
    console.log(`    log: .cache/check/${name}.log`);
    if (flags.bail) break;
  }
}

console.log(`\n${((performance.now() - began) / 1000).toFixed(0)} s in all`);
for (const reason of total.skipped) console.log(`skipped: ${reason}`);
// Last, where it is seen even of a log that was cut.
for (const { name, tests } of failures) {
  console.log(`failed: ${name}`);
  for (const test of tests) console.log(`  ${test}`);
}
const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 ? 0 : 1);
