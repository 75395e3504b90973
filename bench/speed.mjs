#!/usr/bin/env node
// How fast is it, beside the others and beside the floor? Every workload's rows run in turn, round by round, so that what
// the machine does meanwhile meets all alike; medians, spread, ratios, memory, and how long the event loop was held.
//
//   node bench/speed.mjs [--only NAME]... [--rounds 5] [--scale 0.1] [--json FILE] [--markdown]
//
// It is a user of the built package (npm run build:ts). Peers come from Debian and npm (CONTRIBUTING.md); one that is
// missing is left out and told. Works in network and mount namespaces of its own; wants to be root, and a quiet machine.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './speed/build.mjs';
import { measure, measureMonitor } from './speed/measure.mjs';
import { heading, lines, markdown, summarize } from './speed/report.mjs';
import { workloads } from './speed/workloads.mjs';
import {
  addRoutes,
  dropNetns,
  dropRoutes,
  makeNetns,
  makeNoise,
  prepareMounts,
  writeBatches,
} from './speed/world.mjs';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    ours: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
    // How this program calls itself, inside its namespaces: with the peers that can run.
    inside: { type: 'string' },
  },
});
const rounds = Number(flags.rounds);
const scale = Number(flags.scale);
if (!(rounds >= 1) || !(scale > 0)) {
  console.error(`--rounds ${flags.rounds} --scale ${flags.scale}: 1 or more, and a number above 0`);
  process.exit(2);
}

const say = (text) => console.error(text);

if (flags.inside === undefined) {
  // Out here: what is missing is fetched from npm, and inside there is no network.
  const peers = [...build(say)].join(',');
  const own = [
    process.execPath,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    `--inside=${peers}`,
  ];
  const { status, error } = spawnSync('unshare', ['--net', '--mount', ...own], { stdio: 'inherit' });
  if (error !== undefined) console.error(`unshare: ${error.message} (apt-get install util-linux)`);
  process.exit(status ?? 1);
}

const amount = (full) => Math.max(10, Math.round(full * scale));
const size = {
  routes: amount(1_000_000),
  few: amount(10_000),
  links: amount(2_000),
  writes: amount(100_000),
  gets: amount(20_000),
  opens: amount(20_000),
  spaces: Math.max(5, Math.round(100 * scale)),
};

const ready = new Set(flags.inside.split(','));
prepareMounts();
writeBatches(size.writes);

const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} CPUs; Linux ${release()}; Node.js ${process.versions.node}`;
console.log(`${machine}; ${rounds} rounds, scale ${scale}`);

const all = workloads(size);
const chosen = all.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name));
if (chosen.length === 0) {
  console.error(
    `no such workload: ${flags.only.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}

/** What one round of a row brings; undefined where it cannot run here. */
async function once(workload, row, netns, first) {
  try {
    if (workload.monitor !== undefined) {
      const facts = await measureMonitor(netns, row, workload.monitor);
      dropRoutes(netns);
      return facts;
    }
    if (workload.renewed || workload.contention) dropRoutes(netns);
    if (workload.name === 'del') {
      addRoutes(netns, size.writes);
    }
    if (row.timed === undefined) return await measure(netns, row);
    // What makes the floor's checksum costs time: once is enough.
    const checked = first ? await measure(netns, row) : {};
    return { ...checked, ...(await measure(netns, row, row.timed)) };
  } catch (error) {
    say(`failed: ${error.message}`);
    return undefined;
  }
}

const report = [];
for (const workload of chosen) {
  const netns = `speed-${workload.name}`;
  makeNetns(netns, workload);
  const endNoise = workload.contention ? makeNoise() : undefined;
  const rows = workload.rows.filter(
    (row) =>
      (row.peer === undefined || (ready.has(row.peer) && !flags.ours)) &&
      (row.most === undefined || (workload.routes ?? 0) <= row.most),
  );
  const results = new Map(rows.map((row) => [row, []]));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      if (row.slow && round > 0) continue;
      const facts = await once(workload, row, netns, round === 0);
      if (facts !== undefined) results.get(row).push(facts);
    }
  }
  await endNoise?.();
  dropNetns(netns);
  const summary = summarize(workload, results);
  report.push(summary);
  console.log(heading(summary));
  for (const line of lines(summary)) console.log(line);
}

if (flags.markdown) console.log(`\n${markdown(report, machine)}`);
if (flags.json !== undefined) {
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  const host = { machine, memory: `${Math.round(Number(memory) / 1024)} MiB`, rounds, scale };
  writeFileSync(flags.json, `${JSON.stringify({ version: 1, host, workloads: report }, null, 2)}\n`);
}
