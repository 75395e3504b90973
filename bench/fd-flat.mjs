#!/usr/bin/env node
// Is the fd count flat? Every public operation, on success, on every error that can be caused from outside, on abort,
// on timeout, without close(), and in terminated Workers, thousands of times; the fd count each 1,000 cycles, its slope,
// a verdict. Exit code 0 only if every case is flat.
//
//   node bench/fd-flat.mjs [--case PATTERN] [--scale 0.01] [--json FILE] [--list] [--plant leak|native]
//
// It is a user of the built package (npm run build:ts), and works in a network and a mount namespace of its own.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { header, row, rule } from './fd-flat/chart.mjs';

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: [] },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    // A leak on purpose: every case must be found not flat.
    plant: { type: 'string' },
    // How this program calls itself: inside its namespaces; for one case that needs a small fd table.
    inside: { type: 'boolean', default: false },
    one: { type: 'string' },
  },
});

const self = fileURLToPath(import.meta.url);
const scale = Number(flags.scale);
if (!(scale > 0)) usage(`--scale ${flags.scale}: a number above 0, such as 0.01`);
if (flags.plant !== undefined && !['leak', 'native'].includes(flags.plant))
  usage(`--plant ${flags.plant}: leak or native`);

function usage(problem) {
  console.error(problem);
  process.exit(2);
}

if (!flags.inside && !flags.list) enterNamespaces();

/** Runs itself again where nothing it does can be seen on the host, and nothing of the host disturbs it. */
function enterNamespaces() {
  const own = ['--net', '--mount'];
  if (process.getuid() !== 0) own.push('--user', '--map-root-user');
  const argv = [...own, process.execPath, '--expose-gc', self, ...process.argv.slice(2), '--inside'];
  // The canary's native leak exists only where this is set before the addon loads.
  const env = { ...process.env, ...(flags.plant === 'native' && { COFFERDAM_CANARY: '1' }) };
  const { status, signal, error } = spawnSync('unshare', argv, { stdio: 'inherit', env });
  if (error !== undefined) usage(`unshare: ${error.message} (apt-get install util-linux)`);
  if (signal !== null) console.error(`ended by ${signal}`);
  process.exit(status ?? 1);
}

const { cases } = await import('./fd-flat/cases.mjs');
const patterns = flags.case.map((pattern) => new RegExp(pattern));
const chosen = cases.filter(({ name }) =>
  flags.one === undefined ? patterns.every((pattern) => pattern.test(name)) : name === flags.one,
);
if (chosen.length === 0) usage('no such case (--list shows them)');

if (flags.list) {
  for (const { name, cycles, what } of chosen)
    console.log(`${name.padEnd(34)}${String(cycles).padStart(9)}  ${what}`);
  process.exit(0);
}

const { prepareWorld } = await import('./fd-flat/world.mjs');
const { runCase } = await import('./fd-flat/harness.mjs');
const world = prepareWorld();
const options = { scale, plant: flags.plant };

if (flags.one !== undefined) {
  // A child of ours, for one case: its result is the whole of its output.
  process.stdout.write(JSON.stringify(await runCase(chosen[0], world, options)));
  process.exit(0);
}

console.log(header);
const results = [];
for (const one of chosen) {
  // A case that fails says nothing about the count, and so is not flat; the others go on.
  const result = await (one.fdLimit === undefined ? runCase(one, world, options) : runUnderLimit(one)).catch(
    (error) => failure(one, error),
  );
  results.push(result);
  console.log(row(result));
  for (const line of result.findings) console.log(`    ${line}`);
}

function failure({ name, what }, error) {
  const findings = [`failed: ${error.stack}`];
  return {
    name,
    what,
    cycles: 0,
    before: 0,
    after: 0,
    samples: [],
    slope: 0,
    seconds: 0,
    collected: 0,
    flat: false,
    findings,
  };
}

/** The case in a process whose fd table has few places. */
async function runUnderLimit({ name, fdLimit }) {
  const argv = [
    `--nofile=${fdLimit}:${fdLimit}`,
    process.execPath,
    '--expose-gc',
    self,
    '--inside',
    '--one',
    name,
  ];
  argv.push('--scale', flags.scale, ...(flags.plant === undefined ? [] : ['--plant', flags.plant]));
  const { stdout, stderr, status } = spawnSync('prlimit', argv, { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`${name}: its process ended with ${status}\n${stderr}`);
  return JSON.parse(stdout);
}

console.log(rule);
const flat = results.filter((result) => result.flat).length;
const cycles = results.reduce((sum, result) => sum + result.cycles, 0);
console.log(`${flat} flat, ${results.length - flat} not flat, ${cycles.toLocaleString('en-US')} cycles`);
if (flags.json !== undefined) {
  const host = { kernel: release(), node: process.version, cpus: cpus().length };
  writeFileSync(
    flags.json,
    `${JSON.stringify({ version: 1, host, scale, flat: flat === results.length, cases: results }, null, 2)}\n`,
  );
}
process.exit(flat === results.length ? 0 : 1);
