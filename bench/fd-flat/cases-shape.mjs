// Shapes that leak in real programs: handles forgotten, Workers ended under way, a monitor that falls behind.
import { channel } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';
import { handles, Netns, RouteSocket } from 'cofferdam';

const leaks = channel('cofferdam:handle:leak');
const holder = new URL('./worker.mjs', import.meta.url);

/** Counts leak reports by kind while a case runs, and keeps them from the console. */
function countReports() {
  const reports = { netlink: 0, netns: 0 };
  const { onLeak } = handles;
  const count = (report) => void reports[report.handle?.kind ?? report.kind]++;
  handles.onLeak = 'ignore';
  leaks.subscribe(count);
  return {
    reports,
    teardown() {
      leaks.unsubscribe(count);
      handles.onLeak = onLeak;
    },
  };
}

/** Everything forgotten has been reported, each handle once. */
const reportedExactly =
  (expected) =>
  ({ reports, cycles, forgotten }) => {
    const want = expected(cycles);
    const wrong = Object.entries(want).filter(([kind, count]) => reports[kind] !== count);
    if (wrong.length === 0 && forgotten === want.netlink + want.netns) return undefined;
    return `reported ${JSON.stringify(reports)}, expected ${JSON.stringify(want)} of ${forgotten} forgotten`;
  };

export const shapeCases = [
  {
    name: 'felix: open list forget',
    what: '3,000 ticks that open a socket, list the links, forget it: each is reported once',
    cycles: 3000,
    warmup: 0,
    collects: true,
    setup: () => ({ ...countReports(), forgotten: 0 }),
    async cycle(context) {
      const rt = await RouteSocket.open();
      context.forgotten++;
      if ((await rt.link.list()).length === 0) throw new Error('no link');
    },
    check: reportedExactly((cycles) => ({ netlink: cycles, netns: 0 })),
  },
  {
    name: 'forget in a netns',
    what: 'a Netns and a socket in it, both forgotten',
    cycles: 10_000,
    warmup: 0,
    collects: true,
    setup: () => ({ ...countReports(), forgotten: 0 }),
    async cycle(context) {
      const netns = await Netns.open(context.world.netns);
      await RouteSocket.open({ netns });
      context.forgotten += 2;
    },
    check: reportedExactly((cycles) => ({ netlink: cycles, netns: cycles })),
  },
  {
    name: 'forget a monitor',
    what: 'a monitor forgotten by who holds its socket',
    cycles: 10_000,
    warmup: 0,
    collects: true,
    setup: async () => {
      const rt = await RouteSocket.open();
      const counting = countReports();
      return {
        rt,
        ...counting,
        forgotten: 0,
        async teardown() {
          counting.teardown();
          await rt[Symbol.asyncDispose]();
        },
      };
    },
    async cycle(context) {
      await context.rt.monitor(['link']);
      context.forgotten++;
    },
    check: reportedExactly((cycles) => ({ netlink: cycles, netns: 0 })),
  },
  {
    name: 'forget half, close half',
    what: 'every second socket is forgotten; only these are reported',
    cycles: 10_000,
    warmup: 0,
    collects: true,
    setup: () => ({ ...countReports(), forgotten: 0 }),
    async cycle(context, cycle) {
      const rt = await RouteSocket.open();
      if (cycle % 2 === 0) rt.close();
      else context.forgotten++;
    },
    check: reportedExactly((cycles) => ({ netlink: Math.floor(cycles / 2), netns: 0 })),
  },
  {
    name: 'worker terminated',
    what: '1,000 Workers terminated while they hold sockets, a monitor and a namespace, some with a dump pending',
    cycles: 1000,
    warmup: 5,
    async cycle({ world }, cycle) {
      const worker = new Worker(holder, { workerData: { netns: world.netns, busy: cycle % 2 === 1 } });
      const opened = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', (code) => reject(new Error(`the Worker ended by itself with ${code}`)));
      });
      if (opened !== 4) throw new Error(`the Worker holds ${opened} handles, not 4`);
      worker.removeAllListeners('exit');
      await worker.terminate();
    },
  },
  {
    name: 'worker exits by itself',
    what: 'Workers that reach process.exit with everything open; a tenth as many',
    cycles: 100,
    warmup: 5,
    async cycle({ world }) {
      const worker = new Worker(holder, { workerData: { netns: world.netns, exit: true } });
      await new Promise((resolve, reject) => {
        worker.once('error', reject);
        worker.once('exit', resolve);
      });
    },
  },
  {
    name: 'monitor overrun resync',
    what: 'a storm of changes that overruns the socket buffer, read at once or late: overrun, resynced, closed',
    cycles: 1000,
    setup: async () => {
      const rt = await RouteSocket.open();
      return { rt, overruns: [0, 0], teardown: () => rt[Symbol.asyncDispose]() };
    },
    async cycle(context, cycle) {
      const { rt, world } = context;
      const late = cycle % 2 === 1;
      const small = { receiveBuffer: 2048, ...(late && { queue: 4 }) };
      const monitor = await rt.monitor(['address'], { resync: true, ...small });
      const read = async () => {
        for await (const { type } of monitor) {
          if (type === 'overrun') context.overruns[cycle % 2]++;
          if (type === 'resynced') return true;
        }
        return false;
      };
      let seen = late ? undefined : read();
      // More news than either holds, before the event loop gets a turn.
      const address = { dev: world.link, local: '10.0.2.1', prefixlen: 24 };
      for (let change = 0; change < 8; change++) {
        await rt.address.add(address);
        await rt.address.del(address);
      }
      seen ??= read();
      await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 20))]);
      monitor.close();
      await seen;
    },
    check: ({ overruns }) =>
      Math.min(...overruns) > 0
        ? undefined
        : `overruns with a reader, and with a late one: ${overruns.join(', ')}`,
  },
];
