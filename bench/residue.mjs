// What is left of a disposable system when somebody is killed (SIGKILL) at a random moment of its life, and how soon
// nothing is: owner, supervisor, both, or all three with the janitor. Beside it, where they are installed, what crun, runc
// and bubblewrap leave when the process that called them is killed.
//
//     node bench/residue.mjs [--kills 500] [--only owner|supervisor|both|all|crun|runc|bwrap]... [--json]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peers } from './residue/peers.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    dist: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
  },
});
const kills = Number(values.kills);

const mount = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '))
  ?.split(' ')[4];
if (mount === undefined) throw new Error('no cgroup2 here');
const GROUP = `cofferdam-residue-${process.pid}`;
const directory = `${mount}/${GROUP}`;

const childrenOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};
const commOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
};

/** All processes with the mark of a run in their arguments, and those of ours. */
function processes(mark, pids) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark)) return true;
        // A zombie is nothing but a number that its parent has yet to read.
        return pids.includes(pid) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
      } catch {
        return false;
      }
    });
}

/** Kills `targets` of one owner at a random moment; what was left, and after how many milliseconds nothing was. */
async function round(target, number) {
  // Longer than anybody waits, and unlike any other sleep.
  const mark = `86${String(process.pid).padStart(7, '0')}${number}`;
  const owner = spawn(
    process.execPath,
    [fileURLToPath(new URL('./residue/owner.mjs', import.meta.url)), values.dist, GROUP, mark],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(createInterface(owner.stdout), 'line');
  const [supervisor] = childrenOf(owner.pid).filter((pid) => commOf(pid) === 'cofferdam-super');
  const janitor = childrenOf(supervisor).find((pid) => commOf(pid) === 'cofferdam-janit');
  if (supervisor === undefined || janitor === undefined) throw new Error('no supervisor, or no janitor');
  await sleep(Math.random() * 60);
  const killed = { owner: [owner.pid], supervisor: [supervisor], both: [owner.pid, supervisor] }[target] ?? [
    janitor,
    supervisor,
    owner.pid,
  ];
  // An owner who lives on would have a new supervisor, and go on.
  if (target === 'supervisor') process.kill(owner.pid, 'SIGUSR1');
  const start = performance.now();
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  const left = () => [
    ...processes(`sleep\0${mark}`, [supervisor, janitor]).map((pid) => `process ${pid} ${commOf(pid)}`),
    ...(target !== 'all' && existsSync(directory) ? [`cgroup ${GROUP}`] : []),
  ];
  let remains = left();
  while (remains.length > 0 && performance.now() - start < 5000) {
    await sleep(0.2);
    remains = left();
  }
  const took = performance.now() - start;
  if (owner.exitCode === null && owner.signalCode === null) await once(owner, 'exit');
  return { took, remains };
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

async function ours(target) {
  const took = [];
  let residue = 0;
  const examples = new Set();
  for (let number = 0; number < kills; number++) {
    const result = await round(target, number);
    took.push(result.took);
    if (result.remains.length > 0) {
      residue++;
      for (const one of result.remains) examples.add(one);
    }
  }
  const cgroups = () =>
    (existsSync(directory) ? readdirSync(directory, { recursive: true }) : []).filter((name) =>
      /cofferdam-box-\d+$/.test(name),
    );
  const result = { target, kills, residue, examples: [...examples].slice(0, 5) };
  if (target === 'all') {
    result.orphans = cgroups().length;
    const { reclaimSystems } = await import(values.dist);
    // A stranger's, alike but for its marks.
    mkdirSync(`${directory}/cofferdam-bystander`, { recursive: true });
    result.reclaimed = (await reclaimSystems()).filter((path) => path.includes(GROUP)).length;
    result.bystander = existsSync(`${directory}/cofferdam-bystander`);
    rmdirSync(`${directory}/cofferdam-bystander`);
    await reclaimSystems();
    result.left = cgroups();
    if (existsSync(directory) && result.left.length === 0) rmdirSync(directory);
  }
  took.sort((a, b) => a - b);
  return { ...result, p50: quantile(took, 0.5), p99: quantile(took, 0.99), max: took.at(-1) };
}

const results = [];
for (const target of ['owner', 'supervisor', 'both', 'all']) {
  if (values.only === undefined || values.only.includes(target)) results.push(await ours(target));
}
for (const peer of peers) {
  if (values.only !== undefined && !values.only.includes(peer.name)) continue;
  results.push(await peer.run(kills));
}
if (values.json) console.log(JSON.stringify(results));
else {
  for (const one of results) {
    const { target, residue, p50, p99, max, skipped, ...more } = one;
    console.log(
      skipped === undefined
        ? `${target.padEnd(12)} killed ${kills} times: ${residue} with residue; nothing left after p50 ${p50?.toFixed(1)} ms, ` +
            `p99 ${p99?.toFixed(1)} ms, max ${max?.toFixed(1)} ms ${JSON.stringify(more)}`
        : `${target.padEnd(12)} skipped: ${skipped}`,
    );
  }
}
