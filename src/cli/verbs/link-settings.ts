import { Netns, type NetnsReference } from '../../netns/index.ts';
import type { LinkSettings, PeerInput } from '../../route/link.ts';
import {
  duplicateArgument,
  duplicateOrGarbage,
  FindingError,
  parseInteger,
  UsageError,
  unsigned,
  type Words,
  wrongArgument,
} from '../args.ts';
import type { ShowContext } from '../show/view.ts';
import { type Data, hardwareAddress, onOffValue } from './link-options.ts';
import { readFunction } from './link-vf.ts';

/** What `ip link` reads before `type`: for a link, and for the other end of a pair. */
export interface LinkWords {
  /** The link that is meant; of one to be made, its name. */
  dev?: string;
  /** After the word `name`. */
  name?: string;
  index?: number;
  /** After the word `link`. */
  link?: number;
  linkNetnsid?: number;
  numTxQueues?: number;
  numRxQueues?: number;
  parentdev?: string;
  /** The word after `type`, where the words of a kind begin. */
  type?: string;
  settings: Omit<LinkSettings, 'up'> & Pick<PeerInput, 'up'>;
}

type Read = (words: Words, into: LinkWords, context: ShowContext) => void | Promise<void>;

/** A word, whether it may be abbreviated, and what stands behind it. */
interface Entry {
  readonly names: readonly string[];
  readonly short: boolean;
  readonly read: Read;
}

const full = (names: string | readonly string[], read: Read): Entry => ({
  names: typeof names === 'string' ? [names] : names,
  short: false,
  read,
});
const short = (names: string | readonly string[], read: Read): Entry => ({
  ...full(names, read),
  short: true,
});

/** A setting of its own field. */
function setting(read: (words: Words, context: ShowContext) => unknown, field: keyof LinkSettings): Read {
  return async (words, into, context) => {
    const settings: Data = into.settings;
    settings[field] = await read(words, context);
  };
}

/** A number that may be given once. */
function once(word: string, field: string, where: 'settings' | 'itself' = 'settings'): Read {
  return (words, into) => {
    const target = (where === 'settings' ? into.settings : into) as Data;
    const given = words.next();
    if (target[field] !== undefined) throw duplicateArgument(word, given);
    const value = parseInteger(given);
    if (value === undefined) throw wrongArgument(given, `Invalid "${word}" value\n`);
    target[field] = value;
  };
}

function toggle(word: string): Entry {
  return full(word, (words, into) => {
    const settings: Data = into.settings;
    settings[word] = onOffValue(word, words.next());
  });
}

const LINK_MODES: Readonly<Record<string, string>> = { default: 'DEFAULT', dormant: 'DORMANT' };
const GENERATION_MODES = ['eui64', 'none', 'stable_secret', 'random'];
const OPERSTATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'];

/** XDP_FLAGS_*, uapi/linux/if_link.h. Without -force a program that is there is not replaced. */
const XDP = { noReplace: 1, xdpgeneric: 2, xdpdrv: 4, xdpoffload: 8 } as const;

function takeXdp(word: string, bits: number): Entry {
  return full(word, (words, into) => {
    const given = words.next();
    if (given !== 'off' && given !== 'none')
      throw new UsageError(
        `${word} ${given}: programs are loaded by ip or bpftool; only off is supported here.`,
      );
    into.settings.xdp = { fd: -1, flags: XDP.noReplace | bits };
  });
}

async function namespace(words: Words, { settings }: LinkWords): Promise<void> {
  const word = words.next();
  if (settings.netns !== undefined) throw duplicateArgument('netns', word);
  settings.netns = await namespaceOf(word);
}

/** A name in /run/netns or a path; a number that is no name is a process. */
async function namespaceOf(word: string): Promise<NetnsReference> {
  if (!/^\d+$/.test(word)) return word;
  return (await Netns.list()).some(({ name }) => name === word) ? word : Number(word);
}

/** The number by which this namespace knows another; it gets one if it has none. */
async function namespaceId(words: Words, into: LinkWords, { rt }: ShowContext): Promise<void> {
  const word = words.next();
  if (into.linkNetnsid !== undefined) throw duplicateArgument('link-netns/link-netnsid', word);
  into.linkNetnsid = (await rt.link.netnsid(word)) ?? (await rt.netnsId.add({ netns: word }));
}

async function master(words: Words, context: ShowContext): Promise<number> {
  const word = words.next();
  try {
    return await context.linkIndex(word);
  } catch (error) {
    if (!(error instanceof FindingError)) throw error;
    throw wrongArgument(word, 'Device does not exist\n');
  }
}

async function vrf(words: Words, context: ShowContext): Promise<number> {
  const word = words.next();
  const index = await context.linkIndex(word);
  if ((await context.rt.link.get(index)).kind !== 'vrf') throw wrongArgument(word, 'Not a valid VRF name\n');
  return index;
}

function lookUp(table: Readonly<Record<string, string>>, complaint: string) {
  return (words: Words): string => {
    const word = words.next();
    const value = table[word.toLowerCase()];
    if (value === undefined) throw wrongArgument(word, complaint);
    return value;
  };
}

function protodownReason(words: Words, { settings }: LinkWords, { names }: ShowContext): void {
  const word = words.next();
  const bit = names.protodownReasonId(word);
  if (bit === undefined) throw wrongArgument(word, 'invalid protodown reason\n');
  const mask = (1 << bit) >>> 0;
  const on = onOffValue('protodown_reason', words.next());
  settings.protoDownReason = { mask, value: on ? mask : 0 };
}

/** In the order in which iproute2 compares them. */
const ENTRIES: readonly Entry[] = [
  full('up', (_words, { settings }) => void Object.assign(settings, { up: true })),
  full('down', (_words, { settings }) => void Object.assign(settings, { up: false })),
  full('name', (words, into) => {
    const word = words.next();
    if (into.name !== undefined) throw duplicateArgument('name', word);
    into.name = word;
    into.dev ??= word;
  }),
  full('index', (words, into) => {
    const word = words.next();
    if (into.index !== undefined) throw duplicateArgument('index', word);
    into.index = unsigned(word, 'Invalid "index" value', 0x7fffffff);
    if (into.index === 0) throw wrongArgument(word, 'Invalid "index" value');
  }),
  short('link', async (words, into, context) => {
    into.link = await context.linkIndex(words.next());
  }),
  short(
    'address',
    setting((words) => hardwareAddress(words.next()), 'address'),
  ),
  short(
    'broadcast',
    setting((words) => hardwareAddress(words.next()), 'broadcast'),
  ),
  full(
    'brd',
    setting((words) => hardwareAddress(words.next()), 'broadcast'),
  ),
  short(['txqueuelen', 'txqlen'], once('txqueuelen', 'txqlen')),
  full('qlen', once('txqueuelen', 'txqlen')),
  full('mtu', once('mtu', 'mtu')),
  takeXdp('xdpgeneric', XDP.xdpgeneric),
  takeXdp('xdpdrv', XDP.xdpdrv),
  takeXdp('xdpoffload', XDP.xdpoffload),
  takeXdp('xdp', 0),
  full('netns', namespace),
  toggle('multicast'),
  toggle('allmulticast'),
  toggle('promisc'),
  toggle('trailers'),
  toggle('arp'),
  toggle('carrier'),
  full('vf', async (words, { settings, dev }, context) => {
    settings.vfinfoList = [...(settings.vfinfoList ?? []), await readFunction(words, dev, context)];
  }),
  short('master', setting(master, 'master')),
  full('vrf', setting(vrf, 'master')),
  short('nomaster', (_words, { settings }) => void Object.assign(settings, { master: null })),
  { ...toggle('dynamic'), short: true },
  short('type', (words, into) => {
    into.type = words.next();
  }),
  short(
    'alias',
    setting((words) => words.next(), 'alias'),
  ),
  full('group', (words, { settings }, { names }) => {
    const word = words.next();
    if (settings.group !== undefined) throw duplicateArgument('group', word);
    const group = names.groupId(word);
    if (group === undefined) throw wrongArgument(word, 'Invalid "group" value\n');
    settings.group = group;
  }),
  full('mode', setting(lookUp(LINK_MODES, 'Invalid link mode\n'), 'linkmode')),
  full(
    'state',
    setting(
      lookUp(
        Object.fromEntries(OPERSTATES.map((state) => [state.toLowerCase(), state])),
        'Invalid operstate\n',
      ),
      'operstate',
    ),
  ),
  short('numtxqueues', once('numtxqueues', 'numTxQueues', 'itself')),
  short('numrxqueues', once('numrxqueues', 'numRxQueues', 'itself')),
  short('addrgenmode', (words, { settings }) => {
    const read = lookUp(
      Object.fromEntries(GENERATION_MODES.map((mode) => [mode, mode])),
      'Invalid address generation mode\n',
    );
    settings.afSpec = { inet6: { addrGenMode: read(words) } };
  }),
  short('link-netns', namespaceId),
  short('link-netnsid', once('link-netns/link-netnsid', 'linkNetnsid', 'itself')),
  full(
    'protodown',
    setting((words) => onOffValue('protodown', words.next()), 'protoDown'),
  ),
  full('protodown_reason', protodownReason),
  full(
    'gso_max_size',
    setting((words) => unsigned(words.next(), 'Invalid "gso_max_size" value\n'), 'gsoMaxSize'),
  ),
  full(
    'gso_max_segs',
    setting((words) => unsigned(words.next(), 'Invalid "gso_max_segs" value\n', 0xffff), 'gsoMaxSegs'),
  ),
  full(
    'gro_max_size',
    setting((words) => unsigned(words.next(), 'Invalid "gro_max_size" value\n'), 'groMaxSize'),
  ),
  // Of later iproute2.
  full(
    'gso_ipv4_max_size',
    setting((words) => unsigned(words.next(), 'Invalid "gso_ipv4_max_size" value\n'), 'gsoIpv4MaxSize'),
  ),
  full(
    'gro_ipv4_max_size',
    setting((words) => unsigned(words.next(), 'Invalid "gro_ipv4_max_size" value\n'), 'groIpv4MaxSize'),
  ),
  full('parentdev', (words, into) => {
    into.parentdev = words.next();
  }),
];

/** Reads up to the end, or up to the word after `type`. */
export async function readLinkWords(words: Words, context: ShowContext): Promise<LinkWords> {
  const into: LinkWords = { settings: {} };
  while (words.more && into.type === undefined) {
    const word = words.need();
    const entry = ENTRIES.find(({ names, short: abbreviated }) =>
      names.some((name) => (abbreviated ? word !== '' && name.startsWith(word) : name === word)),
    );
    if (entry !== undefined) {
      words.next();
      await entry.read(words, into, context);
      continue;
    }
    if (word === 'help') throw new UsageError('Try "cofferdam link help".');
    words.take('dev');
    const dev = words.next();
    if (into.dev !== into.name) throw duplicateOrGarbage('dev', dev);
    into.dev = dev;
  }
  return into;
}
