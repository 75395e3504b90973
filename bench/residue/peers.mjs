/** What programs of others leave when who called them is killed at a random moment, and how it is cleared away after. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isInstalled, TOOLS } from '../peers/tools.mjs';
import { groupsBelow, inWorld, makeGroup, processesIn, removeGroup } from '../peers/world.mjs';
import { childrenOf, summary } from './support.mjs';

const OWNER = fileURLToPath(new URL('./peer-owner.mjs', import.meta.url));

/** Milliseconds in which whatever is to go has gone. */
const PATIENCE = 500;
/** A moment within these: about the time that the slowest of them takes from one to the next. */
const SPAN = 150;

const namespaceOf = (pid, kind) => {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
};

/** On the host itself: mounts and links. */
const hostState = () => ({
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
  links: readdirSync('/sys/class/net').length,
});

function listed(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function count({ group, place, before, world }) {
  const pids = processesIn(group);
  const others = (kind, own) =>
    new Set(pids.map((pid) => namespaceOf(pid, kind)).filter((one) => one !== undefined && !own.has(one)));
  const now = hostState();
  return {
    process: pids.length,
    cgroup: groupsBelow(group).length,
    'network namespace': others('net', new Set([namespaceOf('self', 'net')])).size,
    'mount namespace': others('mnt', world).size,
    'state directory': listed(join(place, 'state')).length,
    mount: Math.max(0, now.mounts - before.mounts),
    link: Math.max(0, now.links - before.links),
  };
}

const isClean = (left) => Object.values(left).every((number) => number === 0);

async function round(tool, target, scratch, number) {
  const group = makeGroup(`cofferdam-residue-${process.pid}-${number}`);
  const place = join(scratch, String(number));
  mkdirSync(place);
  // Longer than anybody waits.
  const mark = `87${String(process.pid).padStart(7, '0')}${number}`;
  const argv = [process.execPath, OWNER, tool.name, place, mark];
  try {
    const [program, ...words] = inWorld(group, argv);
    const owner = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(owner, 'exit');
    const [said] = await Promise.race([once(createInterface(owner.stdout), 'line'), ended]);
    if (said !== 'ready') throw new Error(`${tool.name}: nothing was made (${said})`);
    const world = new Set([namespaceOf(owner.pid, 'mnt'), namespaceOf('self', 'mnt')]);
    const context = { group, place, before: hostState(), world };
    await sleep(Math.random() * SPAN);
    const victims = target === 'owner' ? [owner.pid] : [owner.pid, ...childrenOf(owner.pid)];
    const start = performance.now();
    for (const pid of victims) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
    let left = count(context);
    while (!isClean(left) && performance.now() - start < PATIENCE) {
      await sleep(0.2);
      left = count(context);
    }
    const took = performance.now() - start;
    await ended;
    return { took: isClean(left) ? took : Number.POSITIVE_INFINITY, left };
  } finally {
    await removeGroup(group);
    rmSync(place, { recursive: true });
  }
}

const plural = (name) => (name.endsWith('s') ? `${name}es` : `${name.replace(/y$/, 'ie')}s`);

/** '10 processes, 1 cgroup', of the round that left most. */
function describe(lefts) {
  const size = (left) => Object.values(left).reduce((sum, number) => sum + number, 0);
  const most = lefts.reduce((one, other) => (size(other) > size(one) ? other : one));
  return Object.entries(most)
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${number} ${number === 1 ? name : plural(name)}`)
    .join(', ');
}

async function run(tool, target, kills) {
  const name = `${tool.name}: ${target === 'owner' ? 'caller' : 'caller and tool'}`;
  if (!isInstalled(tool)) return { target: name, skipped: `${tool.program} is not installed` };
  const scratch = mkdtempSync(join(tmpdir(), 'cofferdam-residue-'));
  try {
    const rounds = [];
    for (let number = 0; number < kills; number++) rounds.push(await round(tool, target, scratch, number));
    const lefts = rounds.map(({ left }) => left).filter((left) => !isClean(left));
    return {
      target: name,
      ...summary(rounds.map(({ took }) => took)),
      residue: lefts.length,
      left: lefts.length === 0 ? '' : describe(lefts),
      lacks: tool.lacks,
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export const peers = TOOLS.flatMap((tool) =>
  ['owner', 'both'].map((target) => ({
    name: tool.program,
    run: (kills) => run(tool, target, kills),
  })),
);
