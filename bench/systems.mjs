// Disposable systems beside the least that they can take, a C program that makes the same system calls and nothing else, and
// beside programs that do parts of it, where they are installed. Rows run in turn, round by round; medians, and ratios to
// the floor.
//
//     node bench/systems.mjs [--rounds 5] [--count 40] [--markdown] [--json FILE]
//
// Wants to be root, cc and a quiet machine; works in a network namespace of its own. It is a user of the built package (npm
// run build:ts). Peers come from Debian: apt-get install crun runc bubblewrap. Each is called as its users call it, and timed
// from C, from vfork to wait; what it does not do is said below the figures.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isInstalled, TOOLS } from './peers/tools.mjs';
import { inWorld, makeGroup, removeGroup } from './peers/world.mjs';
import { median, quantile } from './systems/numbers.mjs';
import { ours } from './systems/ours.mjs';
import { lines, markdown } from './systems/report.mjs';
import { BRIDGE, makeWorld } from './systems/world.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '40' },
    markdown: { type: 'boolean', default: false },
    json: { type: 'string' },
    dist: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
    // How this program calls itself, inside its namespace.
    inside: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.count);
if (!(rounds >= 1) || !(count >= 8)) {
  console.error(`--rounds ${values.rounds} --count ${values.count}: 1 or more, and 8 or more`);
  process.exit(2);
}
if (!values.inside) {
  const own = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--inside'];
  const { status } = spawnSync('unshare', ['--net', ...own], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const LANES = 8;
const SIZES = [50, 1024];

const world = makeWorld();
const system = await ours(values.dist, `cofferdam-bench-${process.pid}`, world.layer);
const times = new Map();
const add = (row, who, list) => {
  const key = `${row}\0${who}`;
  times.set(key, [...(times.get(key) ?? []), ...list]);
};
const several = async (most, work) => {
  const list = [];
  for (let i = 0; i < Math.max(1, Math.round(most)); i++) list.push(await work());
  return list;
};

/** Microseconds of each run of another's program, whole. */
async function peerTimes(tool, most) {
  const group = makeGroup(`cofferdam-peer-${process.pid}`);
  try {
    const words = [world.floor, 'exec', String(Math.ceil(most)), ...tool.command(placeOf(tool), TRUE)];
    const [program, ...rest] = inWorld(group, words);
    const { stdout, stderr, status } = spawnSync(program, rest, { encoding: 'utf8' });
    if (status === 0) return stdout.trim().split('\n').map(Number);
    console.error(`${tool.name}: ${stderr.trim()}`);
    return [];
  } finally {
    await removeGroup(group);
  }
}

/** As many of the floor at a time as there are CPUs. */
async function floorPerSecond() {
  const lanes = cpus().length;
  const each = Math.ceil((2 * count) / lanes);
  const start = performance.now();
  const words = ['cold', String(each), world.group, world.layer];
  const running = Array.from({ length: lanes }, () => spawn(world.floor, words, { stdio: 'ignore' }));
  await Promise.all(running.map((child) => once(child, 'exit')));
  return (each * lanes * 1000) / (performance.now() - start);
}

const installed = TOOLS.filter(isInstalled);
const TRUE = ['/usr/bin/true'];
const placeOf = (tool) => join(world.scratch, `peer-${TOOLS.indexOf(tool)}`);

async function round() {
  const { group, layer } = world;
  add('cold', 'floor', world.floorTimes('cold', count, group, layer));
  add('cold', 'ours', await several(count, system.cold));
  for (const tool of installed) add('cold', tool.name, await peerTimes(tool, count / 4));
  add('pooled', 'floor', times.get('cold\0floor').slice(-count));
  add('pooled', 'ours', await system.pooled(count));
  add('veth', 'floor', world.floorTimes('veth', Math.ceil(count / 4), group, layer, BRIDGE));
  add('veth', 'ours', await several(count / 4, system.veth));
  for (const [processes, most] of [
    [10, count / 4],
    [1000, count / 20],
  ]) {
    const row = `reclaim ${processes}`;
    add(row, 'floor', world.floorTimes('reclaim', Math.ceil(most), group, String(processes)));
    add(row, 'ours', await several(most, () => system.reclaim(processes)));
  }
  add('killed', 'ours', await several(count / 2, system.ownerKilled));
  for (const size of SIZES) {
    const held = system.held(count, size);
    add(`held ${size}`, 'ours', [held.system.p50]);
    add(`held ${size} p99`, 'ours', [held.system.p99]);
    add(`held ${size}`, 'child_process.spawn', [held.spawn.p50]);
  }
  add('rate', 'floor', [await floorPerSecond()]);
  add('rate', 'ours', [await system.perSecond(2 * count, LANES)]);
}

function row(title, key, { goal, unit = 'us', more } = {}) {
  const of = (who) => times.get(`${key}\0${who}`) ?? [];
  const others = installed
    .map(({ name }) => ({ name, time: median(of(name)) }))
    .filter(({ time }) => time !== undefined);
  return { title, unit, goal, floor: median(of('floor')), ours: median(of('ours')), others, more };
}

try {
  for (const tool of installed) {
    mkdirSync(placeOf(tool));
    tool.prepare(placeOf(tool), TRUE);
  }
  await several(5, system.cold);
  for (let i = 0; i < rounds; i++) await round();
  const killed = times.get('killed\0ours');
  const spawned = (size) => median(times.get(`held ${size}\0child_process.spawn`));
  const rows = [
    row('create, run, stop; cold', 'cold', { goal: 1.5 }),
    row('... the same, pooled (beside the cold floor)', 'pooled', { goal: 0.8 }),
    row('... with veth, address, route, NAT', 'veth', { goal: 1.5 }),
    row('reclaim of 10 processes', 'reclaim 10', { goal: 1.5 }),
    row('reclaim of 1,000 processes', 'reclaim 1000', { goal: 1.5 }),
    row('owner killed, to nothing left', 'killed', {
      more: `p99 ${(quantile(killed, 0.99) / 1000).toFixed(1)} ms (goal 20 ms) of ${killed.length}; others: never`,
    }),
    ...SIZES.map((size) =>
      row(`event loop held by a start, at ${size} MiB`, `held ${size}`, {
        unit: 'ms',
        more: `goal 0.3 ms; p99 ${median(times.get(`held ${size} p99\0ours`)).toFixed(2)} ms; child_process.spawn ${spawned(size).toFixed(2)} ms`,
      }),
    ),
    row(`systems a second, ${LANES} at a time`, 'rate', { goal: 0.7, unit: 'rate' }),
  ];
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} CPUs; Linux ${release()}; Node.js ${process.versions.node}`;
  console.log(`${machine}; ${rounds} rounds of ${count}\n`);
  for (const line of values.markdown ? markdown(rows) : lines(rows)) console.log(line);
  console.log('');
  for (const tool of TOOLS)
    console.log(
      `${tool.name}: ${installed.includes(tool) ? tool.lacks : `left out, ${tool.program} is not installed`}`,
    );
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ version: 1, machine, rounds, count, rows }, null, 2)}\n`);
} finally {
  await world.end();
}
