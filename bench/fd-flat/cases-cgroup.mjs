// Cgroups: made, watched, filled, removed, left to the collector, refused; PSI triggers. Below a cgroup of the case's own,
// which it takes away again. Besides fds: inotify watches, live and dying cgroups.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cgroup, handles, PressureTrigger, Process } from 'cofferdam';
import { mustFail } from './support.mjs';

const CGROUPS = 1000;

/** Watches of all inotify instances of this process. */
function countWatches() {
  let watches = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      watches += (readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd:/gm) ?? []).length;
    } catch {
      // The directory's own fd is gone by now.
    }
  }
  return watches;
}

/** A cgroup for the case, and a check that nothing of its cycles is left. */
async function parentOf() {
  const parent = await Cgroup.create('/', `bench-${process.pid}`);
  const before = countWatches();
  return {
    parent,
    async left() {
      const until = performance.now() + 10_000;
      let stat = await parent.stat();
      // A cgroup dies when the last page or process of it is gone, which the kernel does in its own time.
      for (; stat.nrDyingDescendants > 0 && performance.now() < until; stat = await parent.stat())
        await sleep(50);
      const watches = countWatches() - before;
      const { nrDescendants, nrDyingDescendants } = stat;
      if (nrDescendants === 0 && nrDyingDescendants === 0 && watches === 0) return undefined;
      return `left: ${nrDescendants} cgroups, ${nrDyingDescendants} dying, ${watches} inotify watches`;
    },
    teardown: () => parent.remove({ recursive: true }),
  };
}

const check = ({ left }) => left();

export const cgroupCases = [
  {
    name: 'cgroup create watch remove',
    what: 'created, watched, removed, the last event read',
    cycles: CGROUPS,
    setup: parentOf,
    check,
    async cycle({ parent }) {
      const cg = await Cgroup.create(parent, 'job');
      const events = cg.events();
      await cg.remove();
      const { value } = await events.next();
      if (value?.type !== 'removed') throw new Error(`the last event is ${JSON.stringify(value)}`);
      await events.next();
    },
  },
  {
    name: 'cgroup spawn kill remove',
    what: 'a process born inside, killed with its cgroup',
    cycles: CGROUPS,
    setup: parentOf,
    check,
    async cycle({ parent }) {
      const cg = await Cgroup.create(parent, 'job');
      const events = cg.events();
      const child = await Process.spawn(['/bin/sleep', '60'], { cgroup: cg, stdio: 'ignore' });
      await cg.remove({ recursive: true });
      await child.wait();
      child.close();
      await child.closed;
      for await (const _event of events);
    },
  },
  {
    name: 'cgroup asyncDispose',
    what: 'what `await using` calls, with everything inside',
    cycles: CGROUPS,
    setup: parentOf,
    check,
    async cycle({ parent }) {
      const cg = await Cgroup.create(parent, 'job', {}, { removeOnDispose: true });
      await Cgroup.create(cg, 'inner').then((inner) => inner.close());
      await cg[Symbol.asyncDispose]();
      await cg[Symbol.asyncDispose]();
    },
  },
  {
    name: 'cgroup open read close',
    what: 'opened, its statistics, limits and tree read',
    cycles: CGROUPS,
    setup: parentOf,
    check,
    async cycle({ parent }) {
      const cg = await Cgroup.open(parent.path);
      await cg.stat();
      await cg.limits();
      cg.tree();
      cg.close();
    },
  },
  {
    name: 'cgroup events forgotten',
    what: 'readers that are left to the garbage collector',
    cycles: CGROUPS,
    collects: true,
    setup: parentOf,
    check,
    cycle: ({ parent }) => void parent.events(),
  },
  {
    name: 'cgroup forgotten',
    what: 'handles that are left to the garbage collector',
    cycles: CGROUPS,
    collects: true,
    async setup() {
      const { onLeak } = handles;
      handles.onLeak = 'ignore';
      const context = await parentOf();
      return {
        ...context,
        async teardown() {
          handles.onLeak = onLeak;
          await context.teardown();
        },
      };
    },
    check,
    async cycle({ parent }) {
      const cg = await Cgroup.open(parent.path);
      cg.events();
    },
  },
  {
    name: 'cgroup fails',
    what: 'a bad limit, no such parent, a taken name, a missing controller, a pid that nobody has',
    cycles: CGROUPS,
    async setup() {
      const context = await parentOf();
      await Cgroup.create(context.parent, 'taken').then((cg) => cg.close());
      return {
        ...context,
        async left() {
          await (await Cgroup.open(`${context.parent.path}/cofferdam-taken`)).remove();
          return await context.left();
        },
      };
    },
    check,
    async cycle({ parent }, cycle) {
      const failures = [
        ['ERR_COFFERDAM_INVALID_ARGUMENT', () => Cgroup.create(parent, 'job', { memory: { max: '1X' } })],
        ['ENOENT', () => Cgroup.create('/no-such-cgroup', 'job')],
        ['EEXIST', () => Cgroup.create(parent, 'taken')],
        ['ERR_COFFERDAM_MISSING_CONTROLLER', () => parent.enableControllers(['nonesuch'])],
        ['ESRCH', () => parent.attach(0x3fff_fff0)],
      ];
      await mustFail(...failures[cycle % failures.length]);
    },
  },
  {
    name: 'pressure trigger',
    what: 'armed, waited for in vain, closed',
    cycles: CGROUPS,
    async cycle() {
      const trigger = await PressureTrigger.open({ resource: 'memory', stall: 1_900_000, window: 2_000_000 });
      const waiting = mustFail('ERR_COFFERDAM_CLOSED', () => trigger.wait());
      trigger.close();
      await waiting;
      await trigger.closed;
    },
  },
];
