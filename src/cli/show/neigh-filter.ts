import { parseIp } from '../../netlink/wire/address.ts';
import type { Neighbour } from '../../route/neighbour.ts';
import {
  duplicateArgument,
  type InetPrefix,
  inetPrefix,
  noSuchDevice,
  parseUnsigned,
  sharesPrefix,
  Words,
  wrongArgument,
} from '../args.ts';
import type { Names } from '../names.ts';
import type { LinkNames, ShowFamily } from './view.ts';

/** The words after `ip neighbour show`. */
export interface NeighbourShowFilter {
  family: ShowFamily | undefined;
  ifindex?: number;
  master?: number | null;
  /** The word that named a VRF, to be checked for being one. */
  vrf?: string;
  /** NUD_* bits, and {@link NONE}. */
  states: number;
  unused: boolean;
  proxy: boolean;
  /** 0: any. */
  protocol: number;
  to?: InetPrefix;
}

/** uapi/linux/neighbour.h, as `nud` names them. */
const STATES: Readonly<Record<string, number>> = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
};
/** NUD_NONE has no bit of its own. */
const NONE = 0x100;
const NOARP = 0x40;
const PERMANENT = 0x80;
const ALL = 0xff | NONE;
const SHOWN = 0xff & ~NOARP;

/** `nud all`, or one state. */
function parseStates(words: Words, purpose: 'show' | 'flush'): number {
  if (words.take('all')) return purpose === 'show' ? ALL : ALL & ~NOARP;
  return nextNeighbourState(words);
}

/** NUD_* by its word or number; for none, which has no bit, 0x100. */
export function nextNeighbourState(words: Words): number {
  for (const name of ['permanent', 'reachable', 'failed']) {
    if (words.takeAbbreviated(name)) return STATES[name] ?? 0;
  }
  const word = words.next();
  const state = STATES[word] ?? parseUnsigned(word);
  if (state === undefined || state >= 0x100 || (state & (state - 1)) !== 0)
    throw wrongArgument(word, 'nud state is bad');
  return state === 0 ? NONE : state;
}

function parseMaster(word: string, links: LinkNames, message: string): number {
  const index = links.indexOf(word);
  if (index === undefined) throw wrongArgument(word, message);
  return index;
}

export function parseNeighbourFilter(
  args: readonly string[],
  family: ShowFamily | undefined,
  names: Names,
  links: LinkNames,
  purpose: 'show' | 'flush' = 'show',
): NeighbourShowFilter {
  const usual = purpose === 'show' ? SHOWN : ALL & ~(PERMANENT | NOARP);
  const filter: NeighbourShowFilter = { family, states: usual, unused: false, proxy: false, protocol: 0 };
  const words = new Words(args);
  let dev: string | undefined;
  let states: number | undefined;
  while (words.more) {
    if (words.take('dev')) {
      const word = words.next();
      if (dev !== undefined) throw duplicateArgument('dev', word);
      dev = word;
    } else if (words.take('master')) {
      filter.master = parseMaster(words.next(), links, 'Device does not exist');
    } else if (words.take('vrf')) {
      filter.vrf = words.next();
      filter.master = parseMaster(filter.vrf, links, 'Not a valid VRF name');
    } else if (words.take('nomaster')) {
      filter.master = null;
    } else if (words.take('unused')) {
      filter.unused = true;
    } else if (words.take('nud')) {
      states = (states ?? 0) | parseStates(words, purpose);
    } else if (words.take('proxy')) {
      filter.proxy = true;
    } else if (words.takeAbbreviated('protocol')) {
      const word = words.next();
      const protocol = word === 'all' ? 0 : names.protocolId(word);
      if (protocol === undefined) throw wrongArgument(word, 'invalid "protocol"');
      filter.protocol = protocol;
    } else {
      words.take('to');
      filter.to = inetPrefix(words.next(), filter.family);
      filter.family ??= filter.to.family;
    }
  }
  if (states !== undefined) filter.states = states;
  if (dev !== undefined) {
    const index = links.indexOf(dev);
    if (index === undefined) throw noSuchDevice(dev);
    filter.ifindex = index;
  }
  return filter;
}

/** What the kernel did not filter by. Proxies and what others have learned are shown in any state. */
export function passesNeighbourFilter(
  one: Neighbour,
  protocol: number,
  filter: NeighbourShowFilter,
): boolean {
  const state = one.state.reduce((bits, word) => bits | (STATES[word.toLowerCase()] ?? Number(word)), 0);
  const shown =
    (state & filter.states) !== 0 ||
    one.flags.includes('proxy') ||
    one.flags.includes('extern_learn') ||
    (state === 0 && (filter.states & NONE) !== 0);
  return (
    shown &&
    matchesPrefix(one.dst, filter.to) &&
    (filter.protocol === 0 || protocol === filter.protocol) &&
    !(filter.unused && (one.refcnt ?? 0) !== 0)
  );
}

function matchesPrefix(dst: string | undefined, to: InetPrefix | undefined): boolean {
  if (dst === undefined || to === undefined || to.length === 0) return true;
  const bytes = parseIp(dst);
  return bytes !== undefined && bytes.length === to.bytes.length && sharesPrefix(bytes, to.bytes, to.length);
}
