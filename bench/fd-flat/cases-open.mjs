// Opening and closing sockets and monitors: on success, on each error that can be caused from outside, on abort.
import { closeSync, openSync } from 'node:fs';
import { NETLINK_ROUTE, NetlinkSocket, Netns, NftablesSocket, RouteSocket } from 'cofferdam';
import { mustFail, NO_PID, sharedSocket } from './support.mjs';

const OPENS = 10_000;

async function openAndUse(options) {
  const rt = await RouteSocket.open(options);
  try {
    const lo = await rt.link.get('lo');
    if (lo.ifname !== 'lo') throw new Error(`lo is ${JSON.stringify(lo)}`);
  } finally {
    rt.close();
  }
}

/** Every fd below the limit taken, but `free` of them. */
function fillFdTable(free) {
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
  for (let index = 0; index < free; index++) closeSync(taken.pop());
  return { [Symbol.dispose]: () => taken.forEach(closeSync) };
}

export const openCases = [
  {
    name: 'open close',
    what: 'RouteSocket.open, close',
    cycles: OPENS,
    cycle: async () => (await RouteSocket.open()).close(),
  },
  {
    name: 'open get close closed',
    what: 'open, one request, close, await closed',
    cycles: OPENS,
    async cycle() {
      const rt = await RouteSocket.open({ receiveBuffer: 1 << 16, timeout: 1000 });
      await rt.link.get('lo');
      rt.close();
      await rt.closed;
    },
  },
  {
    name: 'open asyncDispose',
    what: 'what `await using` calls, twice',
    cycles: OPENS,
    async cycle() {
      const rt = await RouteSocket.open();
      await rt[Symbol.asyncDispose]();
      await rt[Symbol.asyncDispose]();
    },
  },
  {
    name: 'open netns by name',
    what: 'by a name in /run/netns, entered by a thread',
    cycles: OPENS,
    cycle: ({ world }) => openAndUse({ netns: world.netns }),
  },
  {
    name: 'open netns by path',
    what: 'by /proc/self/ns/net',
    cycles: OPENS,
    cycle: () => openAndUse({ netns: '/proc/self/ns/net' }),
  },
  {
    name: 'open netns by pid',
    what: 'by the pid of a process',
    cycles: OPENS,
    cycle: () => openAndUse({ netns: process.pid }),
  },
  {
    name: 'open netns by handle',
    what: 'by a Netns, which stays open',
    cycles: OPENS,
    setup: async ({ world }) => {
      const netns = await Netns.open(world.netns);
      return { netns, teardown: () => netns.close() };
    },
    cycle: ({ netns }) => openAndUse({ netns }),
  },
  {
    name: 'open nftables',
    what: 'NftablesSocket.open, a table of its own, deleted; every tenth ends with the socket: RCU takes milliseconds',
    cycles: 2_000,
    async cycle({ world }, cycle) {
      const socket = await NftablesSocket.open({ netns: world.netns });
      const table = { family: 'inet', name: 'mine', flags: ['owner'] };
      await socket.apply([{ add: { table } }]);
      await mustFail('EEXIST', () => socket.apply([{ add: { table } }]));
      if (cycle % 10 !== 0) await socket.apply([{ del: { table: { family: 'inet', name: 'mine' } } }]);
      await socket[Symbol.asyncDispose]();
    },
  },
  {
    name: 'open fails: ENOENT',
    what: 'a name that is not there',
    cycles: OPENS,
    cycle: () => mustFail('ENOENT', () => RouteSocket.open({ netns: 'no-such-netns' })),
  },
  {
    name: 'open fails: no netns',
    what: 'a path that is no network namespace',
    cycles: OPENS,
    cycle: () => mustFail('EINVAL', () => RouteSocket.open({ netns: '/proc/self/ns/mnt' })),
  },
  {
    name: 'open fails: ESRCH',
    what: 'a pid that nobody has',
    cycles: OPENS,
    cycle: () => mustFail('ESRCH', () => RouteSocket.open({ netns: NO_PID })),
  },
  {
    name: 'open fails: closed netns',
    what: 'a Netns that is closed',
    cycles: OPENS,
    setup: async () => {
      const netns = await Netns.current();
      netns.close();
      return { netns };
    },
    cycle: ({ netns }) => mustFail('ERR_COFFERDAM_CLOSED', () => RouteSocket.open({ netns })),
  },
  {
    name: 'open fails: argument',
    what: 'arguments that are refused before or after the namespace was opened',
    cycles: OPENS,
    cycle: async ({ world }, cycle) => {
      const bad = [
        { timeout: -1 },
        { receiveBuffer: 0.5 },
        { netns: world.netns, timeout: 0 },
        { netns: {} },
      ];
      await mustFail('ERR_COFFERDAM_INVALID_ARGUMENT', () => RouteSocket.open(bad[cycle % bad.length]));
    },
  },
  {
    name: 'open aborted before',
    what: 'a signal that has been aborted',
    cycles: OPENS,
    cycle: ({ world }) =>
      mustFail('AbortError', () => RouteSocket.open({ netns: world.netns, signal: AbortSignal.abort() })),
  },
  {
    name: 'open aborted meanwhile',
    what: 'a signal aborted while it opens; whichever is first',
    cycles: OPENS,
    async cycle({ world }) {
      const controller = new AbortController();
      const opening = RouteSocket.open({ netns: world.netns, signal: controller.signal });
      controller.abort();
      await opening.then(
        (rt) => rt.close(),
        (error) => {
          if (error.name !== 'AbortError') throw error;
        },
      );
    },
  },
  {
    name: 'open fails half-way: EMFILE',
    what: 'a full fd table, with 0 to 5 places left: fails at each step, or succeeds',
    cycles: OPENS,
    fdLimit: 96,
    async setup() {
      // The addon is loaded by the first call that needs it, and loading takes fds too.
      (await RouteSocket.open()).close();
      return { failed: 0, succeeded: 0 };
    },
    async cycle(context, cycle) {
      const { world } = context;
      const filled = fillFdTable(cycle % 6);
      let rt;
      try {
        rt = await RouteSocket.open(cycle % 2 === 0 ? {} : { netns: world.netns });
        context.succeeded++;
      } catch (error) {
        if (error.code !== 'EMFILE') throw error;
        context.failed++;
      } finally {
        filled[Symbol.dispose]();
        rt?.close();
      }
    },
    check: ({ failed, succeeded }) =>
      failed > 0 && succeeded > 0 ? undefined : `${failed} failed, ${succeeded} succeeded: both must happen`,
  },
  {
    name: 'netlink open groups close',
    what: 'NetlinkSocket.open with groups, join, leave, listeners, ref',
    cycles: OPENS,
    async cycle() {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, groups: [1, 5] });
      const off = socket.onNotification(() => {});
      socket.onOverrun(() => {});
      socket.joinGroup(9);
      socket.leaveGroup(1);
      socket.ref();
      off();
      socket.close();
    },
  },
  {
    name: 'netlink open fails',
    what: 'a protocol that the kernel lacks; a group that is refused after the socket was opened; arguments',
    cycles: OPENS,
    async cycle(_, cycle) {
      const failures = [
        ['EPROTONOSUPPORT', { protocol: 31 }],
        ['EINVAL', { protocol: NETLINK_ROUTE, groups: [1, 100_000] }],
        ['ERR_COFFERDAM_INVALID_ARGUMENT', { protocol: NETLINK_ROUTE, groups: [0] }],
        ['ERR_COFFERDAM_INVALID_ARGUMENT', { protocol: 32 }],
      ];
      const [code, options] = failures[cycle % failures.length];
      await mustFail(code, () => NetlinkSocket.open(options));
    },
  },
  {
    name: 'monitor open close',
    what: 'rt.monitor of everything, close',
    cycles: OPENS,
    setup: () => sharedSocket(),
    async cycle({ rt }) {
      const monitor = await rt.monitor();
      monitor.close();
      await monitor.closed;
    },
  },
  {
    name: 'monitor in netns, socket closed',
    what: 'a monitor that ends because its socket does, while somebody iterates it',
    cycles: OPENS,
    async cycle({ world }) {
      const rt = await RouteSocket.open({ netns: world.netns });
      const monitor = await rt.monitor(['link']);
      const reading = (async () => {
        for await (const event of monitor) throw new Error(`unexpected ${event.type}`);
      })();
      rt.close();
      await reading;
    },
  },
  {
    name: 'monitor with resync',
    what: 'a monitor that lists everything first',
    cycles: OPENS / 2,
    setup: () => sharedSocket(),
    cycle: async ({ rt }) => (await rt.monitor(['link', 'address', 'route'], { resync: true })).close(),
  },
  {
    name: 'monitor aborted',
    what: 'a monitor ended by its signal, before it starts or while it is iterated',
    cycles: OPENS,
    setup: () => sharedSocket(),
    async cycle({ rt }, cycle) {
      const controller = new AbortController();
      if (cycle % 2 === 0) {
        controller.abort();
        await mustFail('AbortError', () => rt.monitor(['link'], { signal: controller.signal }));
        return;
      }
      const monitor = await rt.monitor(['link'], { signal: controller.signal });
      const next = monitor[Symbol.asyncIterator]().next();
      controller.abort();
      await mustFail('AbortError', () => next);
    },
  },
  {
    name: 'record',
    what: 'news into a file, from the dumps they begin with to close',
    cycles: OPENS / 2,
    setup: () => sharedSocket(),
    async cycle({ rt }) {
      const recording = await rt.record('/dev/null', ['link', 'address']);
      recording.close();
      await recording.done;
    },
  },
  {
    name: 'record fails: no such directory',
    what: 'a file that cannot be made: the monitor made for it is closed again',
    cycles: OPENS / 2,
    setup: () => sharedSocket(),
    cycle: ({ rt }) => mustFail('ENOENT', () => rt.record('no/such/directory/news')),
  },
  {
    name: 'monitor fails: argument',
    what: 'a word that cannot be monitored: the socket made for it is closed again',
    cycles: OPENS,
    setup: () => sharedSocket(),
    cycle: ({ rt }) => mustFail('ERR_COFFERDAM_INVALID_ARGUMENT', () => rt.monitor(['link', 'weather'])),
  },
  {
    name: 'monitor fails: closed',
    what: 'on a socket that is closed',
    cycles: OPENS,
    setup: async () => {
      const shared = await sharedSocket();
      await shared.teardown();
      return shared;
    },
    cycle: ({ rt }) => mustFail('ERR_COFFERDAM_CLOSED', () => rt.monitor(['link'])),
  },
];
