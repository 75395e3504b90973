import { matches, UsageError } from './args.ts';
import type { View } from './show/view.ts';

/** Which word means which object, and which verb: `ip`'s tables of abbreviations. */

interface ObjectEntry {
  /** The words that name it, in full. */
  readonly names: readonly string[];
  /** In the order in which `ip` compares them: `ip link s` is `set`, `ip addr s` is `show`. */
  readonly verbs: readonly string[];
  /** The file is loaded only when its object is asked for: starting up is most of a command's time. */
  load(): Promise<View>;
}

const SHOW = ['show', 'lst', 'list'];

const OBJECTS = {
  address: {
    names: ['address'],
    verbs: ['add', 'change', 'replace', 'delete', ...SHOW, 'flush', 'save', 'showdump', 'restore', 'help'],
    load: async () => (await import('./show/addr.ts')).addressView,
  },
  route: {
    names: ['route'],
    verbs: [
      'add',
      'change',
      'replace',
      'prepend',
      'append',
      'test',
      'delete',
      ...SHOW,
      'get',
      'flush',
      'save',
      'restore',
      'showdump',
      'help',
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
    verbs: ['add', 'change', 'replace', 'delete', 'get', ...SHOW, 'flush', 'help'],
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
} satisfies Record<string, ObjectEntry>;

export type ShownObject = keyof typeof OBJECTS;
export const SHOWN_OBJECTS = Object.keys(OBJECTS) as ShownObject[];

/**
 * All objects of `ip` 6.1, in its order: an abbreviation means the first that it begins. Those we don't show keep
 * their place, so that `ip m` never means something else here than there.
 */
const IP_OBJECTS = [
  'address',
  'addrlabel',
  'maddress',
  'route',
  'rule',
  'neighbor',
  'neighbour',
  'ntable',
  'ntbl',
  'link',
  'l2tp',
  'fou',
  'ila',
  'macsec',
  'tunnel',
  'tunl',
  'tuntap',
  'tap',
  'token',
  'tcpmetrics',
  'tcp_metrics',
  'monitor',
  'xfrm',
  'mroute',
  'mrule',
  'netns',
  'netconf',
  'vrf',
  'sr',
  'nexthop',
  'mptcp',
  'ioam',
  'help',
  'stats',
];

/** cofferdam's own commands: never abbreviated. */
export const COMMANDS = ['doctor', 'repl', 'tour', 'version', 'help'] as const;
export type Command = (typeof COMMANDS)[number];

/** Our own commands go first, in full; then objects, abbreviated as in `ip`. */
export function resolveObject(word: string): { command: Command } | { object: ShownObject } {
  const command = COMMANDS.find((name) => name === word);
  if (command !== undefined) return { command };
  const full = IP_OBJECTS.find((name) => matches(word, name));
  if (full === 'help') return { command: 'help' };
  const object = SHOWN_OBJECTS.find((name) => OBJECTS[name].names.some((alias) => alias === full));
  if (object !== undefined) return { object };
  if (full === undefined) throw new UsageError(`Object "${word}" is unknown, try "cofferdam help".`);
  const spelled = full === word ? `"${full}"` : `"${word}" (${full})`;
  throw new UsageError(`Object ${spelled} is not supported here, try "cofferdam help".`);
}

/** 'show' for no word at all. */
export function resolveVerb(object: ShownObject, word: string | undefined): 'show' | 'help' {
  if (word === undefined) return 'show';
  const verb = OBJECTS[object].verbs.find((name) => matches(word, name));
  if (verb !== undefined && SHOW.includes(verb)) return 'show';
  if (verb === 'help' || word === '-help' || word === '--help') return 'help';
  if (verb === undefined) {
    throw new UsageError(`Command "${word}" is unknown, try "cofferdam ${object} help".`);
  }
  throw new UsageError(
    `Command "${verb}" is not supported here: cofferdam shows. Use ip ${object} ${verb}, or the library.`,
  );
}

export function loadView(object: ShownObject): Promise<View> {
  return OBJECTS[object].load();
}
