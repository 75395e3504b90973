// Processes: spawned, refused, watched, and the fds of others.
import { handles, Netns, Pidfd, Process } from 'cofferdam';
import { mustFail, NO_PID } from './support.mjs';

const OPENS = 10_000;
/** Starting a program takes a millisecond. */
const SPAWNS = 1000;

async function ended(child) {
  await child.wait({ timeout: 10_000 });
  await child[Symbol.asyncDispose]();
}

export const processCases = [
  {
    name: 'pidfd open close',
    what: 'Pidfd.open of this process, by pid and by identity',
    cycles: OPENS,
    async cycle() {
      const self = await Pidfd.open(process.pid);
      (await Pidfd.open(self.identity)).close();
      self.close();
    },
  },
  {
    name: 'pidfd fails',
    what: 'ESRCH by number and by identity, EBADF of an fd, an argument',
    cycles: OPENS,
    setup: async () => {
      const self = await Pidfd.open(process.pid);
      return { self, teardown: () => self[Symbol.asyncDispose]() };
    },
    async cycle({ self }, cycle) {
      const failures = [
        ['ESRCH', () => Pidfd.open(NO_PID)],
        ['ESRCH', () => Pidfd.open({ ...self.identity, startTime: 1 })],
        ['EBADF', () => self.getfd(99_999)],
        ['ERR_COFFERDAM_TIMEOUT', () => self.wait({ timeout: 1 })],
        ['ERR_COFFERDAM_INVALID_ARGUMENT', () => Pidfd.open(-1)],
      ];
      await mustFail(...failures[cycle % failures.length]);
    },
  },
  {
    name: 'pidfd getfd',
    what: 'a duplicate of an fd, made and closed',
    cycles: OPENS,
    setup: async () => {
      const self = await Pidfd.open(process.pid);
      return { self, teardown: () => self[Symbol.asyncDispose]() };
    },
    cycle: async ({ self }) => (await self.getfd(0)).close(),
  },
  {
    name: 'process spawn wait',
    what: 'a program with three pipes, run to its end',
    cycles: SPAWNS,
    cycle: async () => ended(await Process.spawn(['/bin/true'], { stdio: 'pipe' })),
  },
  {
    name: 'process spawn close',
    what: 'a program that would run on, killed by close()',
    cycles: SPAWNS,
    async cycle() {
      const child = await Process.spawn(['/bin/sleep', '60'], { stdio: ['pipe', 'pipe', 'ignore'] });
      child.close();
      await child.closed;
    },
  },
  {
    name: 'process spawn fails',
    what: 'no program, no directory, no namespace, no fd',
    cycles: SPAWNS,
    async cycle(_, cycle) {
      const failures = [
        ['ENOENT', () => Process.spawn(['/nonexistent'], { stdio: 'pipe' })],
        ['ENOENT', () => Process.spawn(['/bin/true'], { cwd: '/nonexistent' })],
        ['EBADF', () => Process.spawn(['/bin/true'], { netns: { fd: 99_999 } })],
        ['EBADF', () => Process.spawn(['/bin/true'], { stdio: ['pipe', 99_999, 'ignore'] })],
      ];
      await mustFail(...failures[cycle % failures.length]);
    },
  },
  {
    name: 'process spawn in a netns',
    what: 'in a network namespace, with mounts of its own',
    cycles: SPAWNS,
    setup: async ({ world }) => {
      const netns = await Netns.open(world.netns);
      return { netns, teardown: () => netns[Symbol.asyncDispose]() };
    },
    cycle: async ({ netns }) =>
      ended(await Process.spawn(['/bin/true'], { stdio: 'ignore', netns, mounts: { sysfs: true } })),
  },
  {
    name: 'process forgotten',
    what: 'left to the garbage collector, which kills it',
    cycles: SPAWNS / 10,
    collects: true,
    setup() {
      const { onLeak } = handles;
      handles.onLeak = 'ignore';
      return {
        teardown() {
          handles.onLeak = onLeak;
        },
      };
    },
    cycle: async () => void (await Process.spawn(['/bin/sleep', '60'], { stdio: 'ignore' })),
  },
];
