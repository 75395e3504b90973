// Requests on an open socket: each object's get, list, dump and verbs, each way they fail, abort, deadline, close.
import { NetlinkSocket, RouteSocket } from 'cofferdam';
import { mustFail, sharedSocket } from './support.mjs';

const REQUESTS = 100_000;
/** uapi/linux/netlink.h */
const NETLINK_FIB_LOOKUP = 10;

/** A case in which all cycles share one socket. */
const onSocket = (name, what, cycle, more = {}) => ({
  name,
  what,
  cycles: REQUESTS,
  setup: () => sharedSocket(),
  cycle,
  ...more,
});

/** Counts what may or may not happen in a cycle, and fails a case in which it never did. */
const count = (context, what) => {
  context[what] = (context[what] ?? 0) + 1;
};
const happened = (what) => (context) => (context[what] > 0 ? undefined : `${what}: never happened`);

const OBJECTS = ['link', 'address', 'route', 'rule', 'neighbour', 'nexthop'];

export const requestCases = [
  onSocket('link get', 'rt.link.get, a million times', ({ rt }) => rt.link.get('lo'), { cycles: 1_000_000 }),
  onSocket('link get by index', 'by number, no name to look up', ({ rt }) => rt.link.get(1)),
  onSocket('route get', 'rt.route.get: the kernel decides the way', ({ rt, world }) =>
    rt.route.get(world.gateway),
  ),
  onSocket('nexthop get', 'rt.nexthop.get', ({ rt }) => rt.nexthop.get(7)),
  onSocket('neighbour get', 'rt.neighbour.get', ({ rt, world }) =>
    rt.neighbour.get({ dst: world.gateway, dev: world.link }),
  ),
  onSocket('address get', 'rt.address.get: a dump of one link', ({ rt, world }) =>
    rt.address.get({ local: world.address, dev: world.link }),
  ),
  ...OBJECTS.map((object) =>
    onSocket(
      `${object} list`,
      `rt.${object}.list; a tenth of the cycles, for each is a dump of dozens`,
      async ({ rt }) => {
        if ((await rt[object].list()).length === 0) throw new Error(`no ${object} to list`);
      },
      { cycles: REQUESTS / 10 },
    ),
  ),
  onSocket(
    'dump break',
    'for await of rt.route.dump, left after the first',
    async ({ rt }) => {
      for await (const route of rt.route.dump()) {
        if (route.dst === undefined) throw new Error('a route without dst');
        break;
      }
    },
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'dump thrown out of',
    'for await left by an error',
    ({ rt }) =>
      mustFail('ENOUGH', async () => {
        for await (const _ of rt.rule.dump()) throw Object.assign(new Error('enough'), { code: 'ENOUGH' });
      }),
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'dumps and gets together',
    'two dumps and ten gets at once on one socket',
    ({ rt }) =>
      Promise.all([rt.route.list(), rt.rule.list(), ...Array.from({ length: 10 }, () => rt.link.get('lo'))]),
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'dump never read',
    'an iterator that is made and dropped',
    ({ rt }) => void rt.link.dump()[Symbol.asyncIterator](),
  ),
  onSocket(
    'address add del',
    'rt.address.add, del',
    async ({ rt, world }) => {
      const address = { dev: world.link, local: '10.0.1.1', prefixlen: 24 };
      await rt.address.add(address);
      await rt.address.del(address);
    },
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'route add replace del',
    'the three verbs of rt.route',
    async ({ rt, world }) => {
      const route = { dst: '10.9.0.0/16', via: world.gateway, dev: world.link };
      await rt.route.add(route);
      await rt.route.replace({ ...route, metrics: { mtu: 1400 } });
      await rt.route.del(route);
    },
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'rule, neighbour, nexthop',
    'add and del of each',
    async ({ rt, world }) => {
      const rule = { priority: 500, src: '10.8.0.0/16', table: 100 };
      const neighbour = {
        dst: '10.0.0.9',
        dev: world.link,
        lladdr: '02:00:00:00:00:09',
        state: ['PERMANENT'],
      };
      const nexthop = { id: 77, via: world.gateway, dev: world.link };
      for (const [service, object] of [
        [rt.rule, rule],
        [rt.neighbour, neighbour],
        [rt.nexthop, nexthop],
      ]) {
        await service.add(object);
        await service.del(object);
      }
    },
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'link set',
    'rt.link.set of the mtu',
    ({ rt, world }, cycle) => rt.link.set(world.link, { mtu: 1400 + (cycle % 100) }),
    { cycles: REQUESTS / 10 },
  ),
  onSocket(
    'link add del',
    'a veth pair; a hundredth of the cycles, for the kernel takes 10 ms to unregister it',
    async ({ rt }) => {
      await rt.link.add({ kind: 'veth', ifname: 'tmp0', peer: { ifname: 'tmp1' } });
      await rt.link.del('tmp0');
    },
    { cycles: REQUESTS / 100 },
  ),
  onSocket('get fails: ENODEV', 'a link that is not there', ({ rt }) =>
    mustFail('ENODEV', () => rt.link.get('nolink0')),
  ),
  onSocket('get fails: ENETUNREACH', 'an address that no route leads to', ({ rt }) =>
    mustFail('ENETUNREACH', () => rt.route.get('192.0.2.1')),
  ),
  onSocket('add fails: EEXIST', 'a route that is there', ({ rt, world }) =>
    mustFail('EEXIST', () => rt.route.add({ dst: '10.1.0.0/24', via: world.gateway, dev: world.link })),
  ),
  onSocket('del fails: ESRCH', 'a route that is not there', ({ rt }) =>
    mustFail('ESRCH', () => rt.route.del({ dst: '10.77.0.0/16' })),
  ),
  onSocket('set fails: EINVAL', 'an mtu that the kernel refuses', ({ rt, world }) =>
    mustFail('EINVAL', () => rt.link.set(world.link, { mtu: 1 })),
  ),
  onSocket('fails: argument', 'a destination that is none', ({ rt }) =>
    mustFail('ERR_COFFERDAM_INVALID_ARGUMENT', () => rt.route.get('10.0.0.300')),
  ),
  onSocket('aborted before', 'a signal that has been aborted', ({ rt }) =>
    mustFail('AbortError', () => rt.link.get('lo', { signal: AbortSignal.abort() })),
  ),
  onSocket(
    'aborted meanwhile',
    'a dump given up while it is under way; whichever is first',
    async (context) => {
      const controller = new AbortController();
      const listing = context.rt.route.list({}, { signal: controller.signal });
      await undefined;
      controller.abort();
      await listing.catch((error) => {
        if (error.name !== 'AbortError') throw error;
        count(context, 'aborted');
      });
    },
    { cycles: REQUESTS / 10, check: happened('aborted') },
  ),
  {
    name: 'deadline',
    what: 'a request that the kernel never answers: the fib lookup protocol drops what is too short, in silence',
    cycles: 10_000,
    setup: async () => {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_FIB_LOOKUP, timeout: 1 });
      return { socket, teardown: () => socket[Symbol.asyncDispose]() };
    },
    cycle: ({ socket }) =>
      mustFail('ERR_COFFERDAM_TIMEOUT', () => socket.request({ type: 16, payload: new Uint8Array(0) })),
  },
  {
    name: 'open, deadline, close',
    what: 'the same on a socket of its own, a dump as well, closed after it',
    cycles: 10_000,
    async cycle() {
      const socket = await NetlinkSocket.open({ protocol: NETLINK_FIB_LOOKUP, timeout: 1 });
      const request = { type: 16, payload: new Uint8Array(0) };
      await Promise.all([
        mustFail('ERR_COFFERDAM_TIMEOUT', () => socket.request(request)),
        mustFail('ERR_COFFERDAM_TIMEOUT', () => socket.dumpAll(request)),
      ]);
      socket.close();
    },
  },
  onSocket(
    'closed',
    'requests on a socket that is closed',
    ({ rt }) => mustFail('ERR_COFFERDAM_CLOSED', () => rt.link.get('lo')),
    {
      setup: async () => {
        const shared = await sharedSocket();
        await shared.teardown();
        return shared;
      },
    },
  ),
  {
    name: 'closed meanwhile',
    what: 'close() with a get, two dumps and an iterator pending: all settle',
    cycles: 10_000,
    async cycle() {
      const rt = await RouteSocket.open();
      const dump = rt.route.dump()[Symbol.asyncIterator]();
      const pending = [rt.link.get('lo'), rt.route.list(), rt.rule.list(), dump.next()];
      rt.close();
      for (const { status, reason } of await Promise.allSettled(pending)) {
        if (status === 'rejected' && reason.code !== 'ERR_COFFERDAM_CLOSED') throw reason;
      }
    },
  },
];
