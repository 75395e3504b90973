// Disposable systems beside the least that they can take, a C program that makes the same system calls and nothing else, and
// beside programs that do parts of it, where they are installed: times from nothing to nothing, interleaved.
//
//     node bench/systems.mjs [--rounds 5] [--count 40] [--markdown]
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '40' },
    markdown: { type: 'boolean', default: false },
    dist: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.count);
const { System } = await import(values.dist);

const mount = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '))
  ?.split(' ')[4];
if (mount === undefined) throw new Error('no cgroup2 here');

const scratch = mkdtempSync(join(tmpdir(), 'cofferdam-systems-'));
const floor = join(scratch, 'floor');
const layer = join(scratch, 'layer');
const group = `cofferdam-bench-${process.pid}`;
const groupDirectory = `${mount}/bench-${process.pid}`;

function prepare() {
  const at = (name) => fileURLToPath(new URL(`systems/${name}`, import.meta.url));
  execFileSync('cc', ['-O2', '-o', floor, at('floor.c')], { stdio: 'inherit' });
  const source = join(scratch, 'true.c');
  writeFileSync(source, 'int main(void) { return 0; }\n');
  for (const name of ['', 'proc', 'dev', 'sys', 'tmp', 'run', 'mnt', 'usr', 'bin'])
    mkdirSync(join(layer, name), { recursive: true });
  execFileSync('cc', ['-O2', '-static', '-o', join(layer, 'true'), source], { stdio: 'inherit' });
  chmodSync(layer, 0o755);
  copyFileSync(join(layer, 'true'), join(layer, 'bin/true'));
  mkdirSync(groupDirectory);
}

const config = (name, more = {}) => ({ name, group, root: { layers: [layer] }, ...more });

async function cold(number) {
  const start = performance.now();
  const box = await System.create(config(`cold-${number}`));
  const { exitCode } = await box.run(['/true'], { stdio: 'ignore' });
  if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
  await box.stop({ gracePeriod: 0 });
  return (performance.now() - start) * 1000;
}

async function reclaim(number, processes) {
  const box = await System.create({ name: `many-${number}`, group });
  const script = `i=0; while [ $i -lt ${processes} ]; do sleep 1000 & i=$((i+1)); done; echo; exec sleep 1000`;
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => command.stdout.once('data', resolve));
  const start = performance.now();
  await box.stop({ gracePeriod: 0 });
  return (performance.now() - start) * 1000;
}

/** Whole commands, each as its own users would call it. */
const PEERS = [
  {
    name: 'unshare (no cgroup, no root)',
    argv: [
      'unshare',
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--fork',
      '--user',
      '--map-root-user',
      '--cgroup',
      '--mount-proc',
      '/bin/true',
    ],
  },
  {
    name: 'bubblewrap (no cgroup)',
    argv: ['bwrap', '--unshare-all', '--bind', layer, '/', '--proc', '/proc', '--dev', '/dev', '/true'],
  },
];
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const results = new Map();
const add = (name, microseconds) => results.set(name, [...(results.get(name) ?? []), ...microseconds]);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

prepare();
try {
  for (let warm = 0; warm < 5; warm++) await cold(`warm-${warm}`);
  let number = 0;
  for (let round = 0; round < rounds; round++) {
    const text = execFileSync(floor, [String(count), groupDirectory, layer], { encoding: 'utf8' });
    add('floor: C', text.trim().split('\n').map(Number));
    for (let i = 0; i < count; i++) add('cofferdam: create, run, stop', [await cold(number++)]);
    for (const { name, argv } of PEERS) {
      if (!has(argv[0])) continue;
      for (let i = 0; i < count / 4; i++) {
        const start = performance.now();
        const { status } = spawnSync(argv[0], argv.slice(1), { stdio: 'ignore' });
        if (status === 0) add(name, [(performance.now() - start) * 1000]);
      }
    }
    for (let i = 0; i < count / 8; i++) add('cofferdam: reclaim 10 processes', [await reclaim(number++, 10)]);
  }
  add('cofferdam: reclaim 1,000 processes', [await reclaim('thousand', 1000)]);

  const delay = monitorEventLoopDelay({ resolution: 1 });
  const start = performance.now();
  delay.enable();
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let i = 0; i < count; i++) await cold(`lane-${lane}-${i}`);
  });
  await Promise.all(lanes);
  delay.disable();
  const perSecond = (8 * count) / ((performance.now() - start) / 1000);

  console.log(
    `${cpus()[0]?.model}, ${cpus().length} CPUs; Linux ${release()}; Node.js ${process.versions.node}`,
  );
  const base = median(results.get('floor: C'));
  for (const [name, list] of results) {
    const ratio = name.includes('reclaim') ? '' : `${(median(list) / base).toFixed(2)} x`;
    console.log(
      values.markdown
        ? `| ${name} | ${(median(list) / 1000).toFixed(2)} ms | ${ratio} |`
        : `${name.padEnd(36)} ${(median(list) / 1000).toFixed(2).padStart(8)} ms  ${ratio}`,
    );
  }
  for (const { name, argv } of PEERS)
    if (!has(argv[0])) console.log(`${name}: skipped, ${argv[0]} is not installed`);
  console.log(
    `${perSecond.toFixed(0)} systems a second, eight at a time; event loop held p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
  );
} finally {
  rmSync(scratch, { recursive: true });
  rmdirSync(groupDirectory);
}
