// Network namespaces as handles, and what measures.
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { handles, Netns } from 'cofferdam';
import { measureFds } from 'cofferdam/testing';
import { mustFail, NO_PID, sharedSocket } from './support.mjs';

const OPENS = 10_000;

/** What namespaces leave behind besides fds. */
async function residue(rt) {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the directory that was read
    }
  });
  return {
    inotify: targets.filter((target) => target === 'anon_inode:inotify').length,
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    links: (await rt.link.list()).length,
    names: (await Netns.list()).length,
  };
}

/** The next news of this name: anything else is none of ours. */
async function expectNews(events, type, name) {
  const { value: event } = await events.next();
  if (event?.type !== type || event.value.name !== name)
    throw new Error(`expected ${type} ${name}, but heard ${JSON.stringify(event)}`);
}

export const netnsCases = [
  {
    name: 'netns open close',
    what: 'Netns.open by name',
    cycles: OPENS,
    cycle: async ({ world }) => (await Netns.open(world.netns)).close(),
  },
  {
    name: 'netns current, of',
    what: 'Netns.current and Netns.of, closed',
    cycles: OPENS,
    async cycle() {
      const current = await Netns.current();
      const own = await Netns.of(process.pid);
      if (!own.equals(current)) throw new Error('the namespace of this process is not its current one');
      own.close();
      current.close();
    },
  },
  {
    name: 'netns list',
    what: 'Netns.list: opens nothing that stays',
    cycles: OPENS,
    cycle: () => Netns.list(),
  },
  {
    name: 'netns open fails',
    what: 'ENOENT, EINVAL, ESRCH, an argument',
    cycles: OPENS,
    async cycle(_, cycle) {
      const failures = [
        ['ENOENT', () => Netns.open('no-such-netns')],
        ['ENOENT', () => Netns.open('/run/netns/no-such-netns')],
        ['EINVAL', () => Netns.open('/proc/self/ns/uts')],
        ['ESRCH', () => Netns.of(NO_PID)],
        ['ERR_COFFERDAM_INVALID_ARGUMENT', () => Netns.of(0)],
        ['ERR_COFFERDAM_INVALID_ARGUMENT', () => Netns.open('')],
      ];
      await mustFail(...failures[cycle % failures.length]);
    },
  },
  {
    name: 'netns create close',
    what: 'an unnamed namespace, gone with its handle; the kernel needs a millisecond each',
    cycles: OPENS,
    cycle: async () => (await Netns.create()).close(),
  },
  {
    name: 'netns create name remove',
    what: 'a named one, and EEXIST for its name; a tenth of the cycles, for its mounts',
    cycles: OPENS / 10,
    async cycle() {
      const netns = await Netns.create({ name: 'green' });
      await mustFail('EEXIST', () => Netns.create({ name: 'green' }));
      await Netns.remove('green');
      if (netns.fd < 0) throw new Error('removing a name must not close a handle');
      netns.close();
    },
  },
  {
    name: 'netns socket, released',
    what: 'a socket inside, closed; one given up and closed by its new owner; EAFNOSUPPORT; one bound, one not to be bound',
    cycles: OPENS,
    setup: async ({ world }) => {
      const netns = await Netns.open(world.netns);
      return { netns, teardown: () => netns.close() };
    },
    async cycle({ netns }) {
      (await netns.socket('inet', 'stream')).close();
      closeSync((await netns.socket('inet', 'dgram')).release());
      await mustFail('EAFNOSUPPORT', () => netns.socket(9999, 'stream'));
      await mustFail('ENODEV', () =>
        netns.socket('inet6', 'stream', 0, { bind: { address: 'fe80::1%nolink' } }),
      );
      (await netns.socket('inet6', 'dgram', 0, { bind: {} })).close();
    },
  },
  {
    name: 'netns survey',
    what: 'all namespaces and their holders, by sockets as well; a few milliseconds each',
    cycles: OPENS / 20,
    cycle: () => Netns.survey({ sockets: true }),
  },
  {
    name: 'netns watch',
    what: 'begun and ended, and ended by its signal; the kernel needs ten milliseconds to end an inotify instance',
    cycles: OPENS / 10,
    async cycle() {
      Netns.watch({ existing: true }).close();
      const abort = new AbortController();
      const events = Netns.watch({ signal: abort.signal })[Symbol.asyncIterator]();
      const next = events.next();
      abort.abort();
      await mustFail('AbortError', () => next);
    },
  },
  {
    name: 'netns create watch remove',
    what: 'named, with a veth into it, told when it comes and goes; mounts, links and inotify instances as before',
    cycles: OPENS / 10,
    async setup() {
      const { rt, teardown } = await sharedSocket();
      const before = await residue(rt);
      const watch = Netns.watch();
      const end = async () => {
        watch.close();
        await teardown();
      };
      return { rt, before, events: watch[Symbol.asyncIterator](), watch, teardown: end };
    },
    async cycle({ rt, events }, cycle) {
      const name = `watched-${cycle}`;
      const ifname = `out-${cycle}`;
      const netns = await Netns.create({ name });
      await expectNews(events, 'new', name);
      await rt.link.add({ kind: 'veth', ifname, peer: { ifname: 'in', netns } });
      await rt.link.del(ifname);
      await Netns.remove(name);
      await expectNews(events, 'del', name);
      netns.close();
    },
    async check({ rt, before, watch }) {
      watch.close();
      await watch.closed;
      const after = await residue(rt);
      const changed = Object.keys(before).filter((what) => after[what] !== before[what]);
      if (changed.length > 0)
        return changed.map((what) => `${what}: ${before[what]} before, ${after[what]} after`).join(', ');
    },
  },
  {
    name: 'handles list snapshot diff',
    what: 'looking at handles opens nothing that stays',
    cycles: OPENS,
    async cycle() {
      const before = handles.snapshot();
      handles.list();
      handles.diff(before);
    },
  },
  {
    name: 'measureFds',
    what: 'the three witnesses; milliseconds each for a diagnostic report of Node',
    cycles: OPENS / 10,
    cycle: () => void measureFds(),
  },
];
