import { matches, UsageError } from './args.ts';
import type { GlobalOptions } from './options.ts';
import type { View } from './show/view.ts';

/**
 * Which word means which object, and which verb: the tables of abbreviations of `ip`, `bridge` and `tc`.
 *
 * To add an object, or to fill one that is here without `load`: give its entry `load`, which imports the file of its
 * View when it is asked for, because starting up is most of a command's time. What the View's `actions` lack is
 * answered with a word about what to use instead. An object whose words are no verbs (`monitor`) has `command` in
 * place of `load`: it gets all of its words, opens its own sockets and prints by itself.
 */
export interface ObjectEntry {
  /** The words that name it, in full. The first one is its name in messages. */
  readonly names: readonly string[];
  /** In the order in which iproute2 compares them: `ip link s` is `set`, `ip addr s` is `show`. */
  readonly verbs: readonly string[];
  /** What iproute2's messages call it, where that is not its full name. */
  readonly called?: string;
  /** Verbs that iproute2 takes in full only. */
  readonly unabbreviated?: readonly string[];
  load?(): Promise<View>;
  command?(): Promise<ObjectCommand>;
}

/** Resolves to the exit code. */
export type ObjectCommand = (
  words: readonly string[],
  options: GlobalOptions,
  program: Program,
) => Promise<number>;

/** The programs of iproute2 whose objects we have. `ip` is what is meant without a word. */
export const PROGRAMS = ['ip', 'bridge', 'tc'] as const;
export type Program = (typeof PROGRAMS)[number];

const SHOW = ['show', 'lst', 'list'];

const IP_OBJECTS = {
  address: {
    names: ['address'],
    verbs: [
      ...['add', 'change', 'chg', 'replace', 'delete', ...SHOW],
      ...['flush', 'save', 'showdump', 'restore', 'help'],
    ],
    load: async () => (await import('./show/addr.ts')).addressView,
  },
  route: {
    names: ['route'],
    verbs: [
      ...['add', 'change', 'chg', 'replace', 'prepend', 'append', 'test', 'delete', ...SHOW, 'get', 'flush'],
      ...['save', 'restore', 'showdump', 'help'],
    ],
    load: async () => (await import('./show/route.ts')).routeView,
  },
  rule: {
    names: ['rule'],
    verbs: [...SHOW, 'save', 'restore', 'add', 'delete', 'flush', 'help'],
    load: async () => (await import('./show/rule.ts')).ruleView,
  },
  neighbour: {
    names: ['neighbour', 'neighbor'],
    called: 'neigh',
    verbs: ['add', 'change', 'chg', 'replace', 'delete', 'get', ...SHOW, 'flush', 'help'],
    load: async () => (await import('./show/neigh.ts')).neighbourView,
  },
  link: {
    names: ['link'],
    verbs: ['add', 'set', 'change', 'replace', 'delete', ...SHOW, 'xstats', 'afstats', 'property', 'help'],
    load: async () => (await import('./show/link.ts')).linkView,
  },
  nexthop: {
    names: ['nexthop'],
    verbs: ['add', 'replace', 'delete', ...SHOW, 'get', 'flush', 'bucket', 'help'],
    load: async () => (await import('./show/nexthop.ts')).nexthopView,
  },
  addrlabel: {
    names: ['addrlabel'],
    verbs: ['list', 'lst', 'show', 'add', 'delete', 'flush', 'help'],
    load: async () => (await import('./show/addrlabel.ts')).addressLabelView,
  },
  monitor: {
    names: ['monitor'],
    verbs: ['help'],
    command: async () => (await import('./monitor.ts')).monitorCommand,
  },
  netns: {
    names: ['netns'],
    verbs: [
      ...['list', 'show', 'lst', 'list-id', 'help', 'add', 'set', 'delete', 'identify', 'pids', 'exec'],
      ...['monitor', 'attach', 'holders'],
    ],
    load: async () => (await import('./show/netns.ts')).netnsView,
  },
  cgroup: {
    names: ['cgroup'],
    verbs: ['help'],
    command: async () => (await import('./cgroup/command.ts')).cgroupCommand,
  },
  netconf: {
    names: ['netconf'],
    verbs: [...SHOW, 'help'],
    load: async () => (await import('./show/netconf.ts')).netconfView,
  },
} satisfies Record<string, ObjectEntry>;

const BRIDGE_OBJECTS = {
  link: {
    names: ['link'],
    verbs: ['set', 'change', ...SHOW, 'help'],
    load: async () => (await import('./show/bridge-link.ts')).bridgeLinkView,
  },
  fdb: {
    names: ['fdb'],
    verbs: ['add', 'append', 'replace', 'delete', 'get', ...SHOW, 'flush', 'help'],
    unabbreviated: ['flush'],
    load: async () => (await import('./show/fdb.ts')).fdbView,
  },
  mdb: {
    names: ['mdb'],
    verbs: ['add', 'delete', ...SHOW, 'help'],
    load: async () => (await import('./show/mdb.ts')).mdbView,
  },
  vlan: {
    names: ['vlan'],
    verbs: ['add', 'delete', ...SHOW, 'tunnelshow', 'set', 'global', 'help'],
    unabbreviated: ['global'],
    load: async () => (await import('./show/bridge-vlan.ts')).bridgeVlanView,
  },
  monitor: { names: ['monitor'], verbs: ['help'] },
} satisfies Record<string, ObjectEntry>;

const TC_LIST = ['list', 'show', 'lst', 'help'];

const TC_OBJECTS = {
  qdisc: {
    names: ['qdisc'],
    verbs: ['add', 'change', 'replace', 'link', 'delete', ...TC_LIST],
    load: async () => (await import('./show/tc/qdisc.ts')).qdiscView,
  },
  class: {
    names: ['class'],
    verbs: ['add', 'change', 'replace', 'delete', ...TC_LIST],
    load: async () => (await import('./show/tc/class.ts')).classView,
  },
  filter: {
    names: ['filter'],
    verbs: ['add', 'change', 'replace', 'delete', 'get', ...TC_LIST],
    load: async () => (await import('./show/tc/filter.ts')).filterView,
  },
  chain: {
    names: ['chain'],
    verbs: ['add', 'delete', 'get', ...TC_LIST],
    load: async () => (await import('./show/tc/chain.ts')).chainView,
  },
  actions: {
    names: ['actions'],
    verbs: ['add', 'change', 'replace', 'delete', 'get', 'list', 'show', 'lst', 'flush', 'help'],
    load: async () => (await import('./show/tc/action-table.ts')).actionsView,
  },
  monitor: {
    names: ['monitor'],
    verbs: ['help'],
    command: async () => (await import('./show/tc/monitor.ts')).tcMonitorCommand,
  },
} satisfies Record<string, ObjectEntry>;

/** Objects of `ip` that have a view: what `cofferdam OBJECT` shows. */
export type ShownObject = 'address' | 'route' | 'rule' | 'neighbour' | 'link' | 'nexthop';

interface ProgramEntry {
  readonly objects: Readonly<Record<string, ObjectEntry>>;
  /**
   * All objects of iproute2 6.1, in its order: an abbreviation means the first that it begins. Those that we lack
   * keep their place, so that `ip m` never means something else here than there.
   */
  readonly order: readonly string[];
}

const ENTRIES: Readonly<Record<Program, ProgramEntry>> = {
  ip: {
    objects: IP_OBJECTS,
    order: [
      ...['address', 'addrlabel', 'maddress', 'route', 'rule', 'neighbor', 'neighbour', 'ntable', 'ntbl'],
      ...['link', 'l2tp', 'fou', 'ila', 'macsec', 'tunnel', 'tunl', 'tuntap', 'tap', 'token', 'tcpmetrics'],
      ...['tcp_metrics', 'monitor', 'xfrm', 'mroute', 'mrule', 'netns', 'netconf', 'vrf', 'sr', 'nexthop'],
      ...['mptcp', 'ioam', 'help', 'stats'],
      // Ours: behind all of iproute2's.
      'cgroup',
    ],
  },
  bridge: { objects: BRIDGE_OBJECTS, order: ['link', 'fdb', 'mdb', 'vlan', 'vni', 'monitor', 'help'] },
  tc: {
    objects: TC_OBJECTS,
    order: ['qdisc', 'class', 'filter', 'chain', 'actions', 'monitor', 'exec', 'help'],
  },
};

/** cofferdam's own commands: never abbreviated. */
export const COMMANDS = ['run', 'systems', 'doctor', 'explain', 'repl', 'tour', 'version', 'help'] as const;
export type Command = (typeof COMMANDS)[number];

/** An object of a program, found. */
export interface Meant {
  readonly program: Program;
  /** Its key, which is its full name. */
  readonly object: string;
  readonly entry: ObjectEntry;
}

/** How a program and its words are called in messages: `cofferdam tc`, but plain `cofferdam` for ip. */
export function programName(program: Program): string {
  return program === 'ip' ? 'cofferdam' : `cofferdam ${program}`;
}

/** Objects that have been asked for: a batch asks for the same ones again and again. */
const resolved = new Map<string, { command: Command } | Meant>();

/** Our own commands go first, in full; then objects, abbreviated as in iproute2. */
export function resolveObject(word: string, program: Program = 'ip'): { command: Command } | Meant {
  const key = `${program} ${word}`;
  const known = resolved.get(key);
  if (known !== undefined) return known;
  const meant = findObject(word, program);
  resolved.set(key, meant);
  return meant;
}

function findObject(word: string, program: Program): { command: Command } | Meant {
  const command = program === 'ip' ? COMMANDS.find((name) => name === word) : undefined;
  if (command !== undefined) return { command };
  const { objects, order } = ENTRIES[program];
  const full = order.find((name) => matches(word, name));
  if (full === 'help') return { command: 'help' };
  const found = Object.entries(objects).find(([, { names }]) => names.some((name) => name === full));
  if (found !== undefined) return { program, object: found[0], entry: found[1] };
  const elsewhere = full === undefined && program === 'ip' ? ofOthers(word) : undefined;
  if (elsewhere !== undefined) return elsewhere;
  const help = `try "${programName(program)} help".`;
  if (full === undefined) throw new UsageError(`Object "${word}" is unknown, ${help}`);
  throw new UsageError(`Object ${spelled(full, word)} is not supported here, ${help}`);
}

/** Objects of `tc` and `bridge` that no object of `ip` has a word for: `cofferdam qdisc` will do, in full. */
function ofOthers(word: string): Meant | undefined {
  for (const program of ['tc', 'bridge'] as const) {
    const entry: ObjectEntry | undefined = ENTRIES[program].objects[word];
    if (entry !== undefined) return { program, object: word, entry };
  }
  return undefined;
}

function spelled(full: string, word: string): string {
  return full === word ? `"${full}"` : `"${word}" (${full})`;
}

/** The verb in full; `show` for no word at all and for its other names. */
export function resolveVerb({ program, object, entry }: Meant, word: string | undefined): string {
  if (word === undefined) return 'show';
  const { verbs, unabbreviated = [] } = entry;
  if (word === 'chg' && verbs.includes(word)) return 'change';
  const verb = verbs.find((name) => (unabbreviated.includes(name) ? word === name : matches(word, name)));
  if (verb !== undefined) return SHOW.includes(verb) ? 'show' : verb;
  if (word === '-help' || word === '--help') return 'help';
  throw new UsageError(
    `Command "${word}" is unknown, try "${programName(program)} ${entry.called ?? object} help".`,
  );
}

/** For an object that has no view yet, and a verb that its view lacks. */
export function notSupported({ program, object }: Meant, verb?: string): UsageError {
  if (verb === undefined)
    return new UsageError(`Object "${object}" is not supported here, try "${programName(program)} help".`);
  return new UsageError(
    `Command "${verb}" is not supported here. Use ${program} ${object} ${verb}, or the library.`,
  );
}

/** The view of one of `ip`'s objects. */
export function loadView(object: ShownObject): Promise<View> {
  return IP_OBJECTS[object].load();
}
