// Network namespaces as handles, and what measures.
import { closeSync } from 'node:fs';
import { handles, Netns } from 'cofferdam';
import { measureFds } from 'cofferdam/testing';
import { mustFail, NO_PID } from './support.mjs';

const OPENS = 10_000;

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
    what: 'a socket inside, closed; one given up and closed by its new owner; EAFNOSUPPORT',
    cycles: OPENS,
    setup: async ({ world }) => {
      const netns = await Netns.open(world.netns);
      return { netns, teardown: () => netns.close() };
    },
    async cycle({ netns }) {
      (await netns.socket('inet', 'stream')).close();
      closeSync((await netns.socket('inet', 'dgram')).release());
      await mustFail('EAFNOSUPPORT', () => netns.socket(9999, 'stream'));
    },
  },
  {
    name: 'netns survey',
    what: 'all namespaces and their holders, by sockets as well; a few milliseconds each',
    cycles: OPENS / 20,
    cycle: () => Netns.survey({ sockets: true }),
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
