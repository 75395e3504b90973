// What is left of a disposable system when somebody is killed (SIGKILL) at a random moment of its life, and how soon
// nothing is: owner, supervisor, both, or all three with the janitor. Beside it, where they are installed, what crun, runc,
// bubblewrap and unshare leave when the process that called them is killed, and when they are killed with it.
//
//     node bench/residue.mjs [--kills 500] [--peer-kills 100] [--json]
//       [--only owner|supervisor|both|all|crun|runc|bwrap|unshare]...
//
// Peers come from Debian: apt-get install crun runc bubblewrap. They see cgroup2 alone, and there only a group of the
// bench's; what they leave is counted for half a second, and then removed by the bench.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hierarchy } from './peers/world.mjs';
import { peers } from './residue/peers.mjs';
import { childrenOf, summary, table } from './residue/support.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    'peer-kills': { type: 'string', default: '100' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    dist: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
  },
});
const kills = Number(values.kills);
/** Milliseconds until what is there is left for good. */
const PATIENCE = 20_000;

const GROUP = `cofferdam-residue-${process.pid}`;
const directory = `${hierarchy}/${GROUP}`;

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

/** It gives itself its name. */
async function janitorOf(supervisor) {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(1)) {
    const janitor = childrenOf(supervisor).find((pid) => commOf(pid) === 'cofferdam-janit');
    if (janitor !== undefined) return janitor;
  }
  throw new Error('no janitor');
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
  const lines = createInterface(owner.stdout);
  const [ready] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  if (ready === undefined) throw new Error('an owner ended before it had made a system');
  const [supervisor] = childrenOf(owner.pid).filter((pid) => commOf(pid) === 'cofferdam-super');
  if (supervisor === undefined) throw new Error('no supervisor');
  const janitor = await janitorOf(supervisor);
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
  while (remains.length > 0 && performance.now() - start < PATIENCE) {
    await sleep(0.2);
    remains = left();
  }
  const took = remains.length === 0 ? performance.now() - start : Number.POSITIVE_INFINITY;
  if (owner.exitCode === null && owner.signalCode === null) await once(owner, 'exit');
  return { took, remains };
}

const cgroups = () =>
  (existsSync(directory) ? readdirSync(directory, { recursive: true }) : []).filter((name) =>
    /cofferdam-box-\d+$/.test(name),
  );

async function ours(target) {
  const took = [];
  let residue = 0;
  const examples = new Set();
  // Cgroups that the next start was to remove, and those that it did remove.
  let orphans = 0;
  let reclaimed = 0;
  for (let number = 0; number < kills; number++) {
    const before = target === 'all' ? cgroups() : [];
    const result = await round(target, number);
    const now = target === 'all' ? cgroups() : [];
    orphans += before.length;
    reclaimed += before.filter((name) => !now.includes(name)).length;
    took.push(result.took);
    if (result.remains.length > 0) {
      residue++;
      for (const one of result.remains) examples.add(one);
    }
  }
  const result = { target, ...summary(took), residue, left: [...examples].slice(0, 3).join(', ') };
  if (target === 'all') {
    const { reclaimSystems } = await import(values.dist);
    // A stranger's, alike but for its marks.
    mkdirSync(`${directory}/cofferdam-bystander`, { recursive: true });
    const last = cgroups();
    orphans += last.length;
    await reclaimSystems();
    const remaining = cgroups();
    reclaimed += last.length - remaining.length;
    const bystander = existsSync(`${directory}/cofferdam-bystander`);
    rmdirSync(`${directory}/cofferdam-bystander`);
    await reclaimSystems();
    result.residue += remaining.length;
    Object.assign(result, { orphans, reclaimed, bystander });
    const told = `${orphans} cgroups for the next starts, which removed ${reclaimed}; a bystander ${bystander ? 'lives' : 'DIED'}`;
    result.left = [result.left, told, ...remaining].filter(Boolean).join('; ');
    if (existsSync(directory) && remaining.length === 0) rmdirSync(directory);
  }
  return result;
}

const results = [];
for (const target of ['owner', 'supervisor', 'both', 'all']) {
  if (values.only === undefined || values.only.includes(target)) results.push(await ours(target));
}
for (const peer of peers) {
  if (values.only !== undefined && !values.only.includes(peer.name)) continue;
  results.push(await peer.run(Number(values['peer-kills'])));
}
if (values.json) console.log(JSON.stringify(results));
else for (const line of table(results)) console.log(line);
