// Disposable systems: made, used and ended, one after the other and many at once, refused, and cut off while they are made.
// Besides fds: the host as it was, memory of this process, and fds and memory of the supervisor, which all of them share.
import { readdirSync, readFileSync } from 'node:fs';
import { Cgroup, System, SystemPool } from 'cofferdam';
import { hostState, leftSince } from './host.mjs';
import { mustFail } from './support.mjs';

const SYSTEMS = 1000;
const AT_ONCE = 50;
const group = () => `cofferdam-bench-${process.pid}`;
/** A name is used again at once. */
const again = { cleanup_delay: 0 };

/** The supervisor of this process: how many fds it has, and kibibytes. */
function supervisor() {
  for (const pid of readFileSync('/proc/thread-self/children', 'utf8').split(' ').filter(Boolean)) {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'cofferdam-super') continue;
    const rss = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return { fds: readdirSync(`/proc/${pid}/fd`).length, rss: Number(rss?.[1]) };
  }
  return undefined;
}

/** KiB of this process that are in use when what can be collected is. */
function heap() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1024);
}

async function setup() {
  const anchor = await System.create({ name: 'anchor', group: group(), lifecycle: again });
  return {
    anchor,
    before: undefined,
    async teardown() {
      await anchor.stop({ gracePeriod: 0 });
      // The group goes with the last system in it.
      await mustFail('ENOENT', () => Cgroup.open(`/${group()}`));
    },
  };
}

/** When it is warm: what is made once is there. */
const begin = (context) => {
  context.before = { supervisor: supervisor(), heap: heap(), host: hostState(group()) };
};

/** KiB. More growth than this is a leak: 1,000 systems of 1 KiB each would be twice as much. */
const SUPERVISOR_GROWTH = 512;
/** As much comes with what V8 learns of the code while it runs: 700 in 1,000 systems, 1,200 in 10,000. */
const OUR_GROWTH = 1400;

function check({ before }) {
  const after = supervisor();
  if (before.supervisor === undefined || after === undefined) return 'the supervisor has gone';
  const { fds, rss } = before.supervisor;
  if (after.fds > fds) return `the supervisor has ${after.fds} fds, after ${fds}`;
  if (after.rss > rss + SUPERVISOR_GROWTH) return `the supervisor has ${after.rss} KiB, after ${rss}`;
  const used = heap();
  if (used > before.heap + OUR_GROWTH) return `this process uses ${used} KiB, after ${before.heap}`;
  const left = leftSince(before.host, group());
  return left.length > 0 ? `left on the host: ${left.slice(0, 5).join('; ')}` : undefined;
}

/** Made, a program run in it, and ended. */
async function useOne(name) {
  const box = await System.create({ name, group: group(), lifecycle: again });
  const { exitCode } = await box.run(['true'], { stdio: 'ignore' });
  if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
  await box.stop({ gracePeriod: 0 });
}

export const systemCases = [
  {
    name: 'system run',
    what: 'created, a program run in it, stopped',
    cycles: SYSTEMS,
    setup,
    begin,
    check,
    cycle: (_, number) => useOne(`box-${number}`),
  },
  {
    name: 'system at once',
    what: `${AT_ONCE} at once: each created, a program run in it, stopped`,
    cycles: SYSTEMS / AT_ONCE,
    warmup: 2,
    setup,
    begin,
    check,
    cycle: () => Promise.all(Array.from({ length: AT_ONCE }, (_, one) => useOne(`box-${one}`))),
  },
  {
    name: 'system errors',
    what: 'a program that is not there, a name that is taken, a bind of nothing, an abort while it is made',
    cycles: SYSTEMS / 5,
    setup,
    begin,
    check,
    async cycle({ anchor }, number) {
      await mustFail('ENOENT', () => anchor.run(['/usr/nonexistent'], { stdio: ['ignore', 'pipe', 'pipe'] }));
      await mustFail('EEXIST', () => System.create({ name: 'anchor', group: group(), lifecycle: again }));
      const binds = [{ source: '/usr', target: '/etc/passwd/usr' }];
      await mustFail('ENOTDIR', () =>
        System.create({ name: `bad-${number}`, group: group(), lifecycle: again, root: { binds } }),
      );
      const controller = new AbortController();
      const making = System.create(
        { name: `cut-${number}`, group: group(), lifecycle: again },
        { signal: controller.signal },
      );
      controller.abort();
      await making.then(
        () => Promise.reject(new Error('not aborted')),
        (error) => {
          if (error.name !== 'AbortError') throw error;
        },
      );
    },
  },
  {
    name: 'system pool',
    what: 'one of a pool taken, used and stopped while another is made in its place; the pool closed',
    cycles: SYSTEMS / 5,
    setup,
    begin,
    check,
    async cycle() {
      const pool = await SystemPool.create({ name: 'pooled', group: group() }, { size: 1 });
      const box = await pool.take();
      const { exitCode } = await box.run(['true'], { stdio: 'ignore' });
      if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
      await box.stop({ gracePeriod: 0 });
      await pool.close();
    },
  },
  {
    name: 'system attach',
    what: 'a visitor runs a program in a system, and leaves; one that is not there',
    cycles: SYSTEMS / 5,
    setup,
    begin,
    check,
    async cycle() {
      const visit = await System.attach(`${group()}/anchor`);
      const { exitCode } = await visit.run(['true'], { stdio: 'ignore' });
      if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
      visit.close();
      await visit.closed;
      await mustFail('ERR_COFFERDAM_SYSTEM_NAME', () => System.attach(`${group()}/nobody`));
    },
  },
];
