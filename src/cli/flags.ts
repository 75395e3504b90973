import { matches, parseUnsigned, UsageError, type Words, wrongArgument } from './args.ts';
import type { Program } from './objects.ts';
import type { ShowFamily } from './show/view.ts';

/** The flags of `ip`, `bridge` and `tc`, each in its program's order, and a few of cofferdam's own. */

export type ColorMode = 'never' | 'auto' | 'always';

/** What flags change, one after the other. */
export interface Draft {
  family: ShowFamily | undefined;
  human: number;
  iec: boolean;
  stats: number;
  details: boolean;
  oneline: boolean;
  brief: boolean;
  json: boolean;
  pretty: boolean;
  numeric: boolean;
  echo: boolean;
  loops: number;
  all: boolean;
  timestamp: number;
  raw: boolean;
  graph: boolean;
  compressVlans: boolean;
  force: boolean;
  batch: string | undefined;
  help: boolean;
  version: boolean;
  trace: boolean;
  netns: string | undefined;
  receiveBuffer: number | undefined;
  timeout: number | undefined;
  color: ColorMode | undefined;
}

/** How often a flush goes over what is there, unless -loops says otherwise. */
const FLUSH_LOOPS = 10;

export function freshDraft(trace: boolean): Draft {
  return {
    family: undefined,
    human: 0,
    iec: false,
    stats: 0,
    details: false,
    oneline: false,
    brief: false,
    json: false,
    pretty: false,
    numeric: false,
    echo: false,
    loops: FLUSH_LOOPS,
    all: false,
    timestamp: 0,
    raw: false,
    graph: false,
    compressVlans: false,
    force: false,
    batch: undefined,
    help: false,
    version: false,
    trace,
    netns: undefined,
    receiveBuffer: undefined,
    timeout: undefined,
    color: undefined,
  };
}

const FAMILIES: readonly ShowFamily[] = ['inet', 'inet6', 'link', 'mpls', 'bridge'];
const SHORT_FAMILIES: Readonly<Record<string, ShowFamily>> = {
  '-4': 'inet',
  '-6': 'inet6',
  '-0': 'link',
  '-M': 'mpls',
  '-B': 'bridge',
};

function readFamily(word: string): ShowFamily {
  const family = FAMILIES.find((name) => name === word);
  if (family === undefined) throw wrongArgument(word, 'invalid protocol family');
  return family;
}

function readNumber(word: string, message: string): number {
  const value = parseUnsigned(word, 0x7fff_ffff);
  if (value === undefined) throw new UsageError(`${message} '${word}'`);
  return value;
}

function unsupported(why: string): () => never {
  return () => {
    throw new UsageError(why);
  };
}

/** The names of flags that take nothing and are merely on. */
type Switch = { [K in keyof Draft]: Draft[K] extends boolean ? K : never }[keyof Draft];
type Action = Switch | ((draft: Draft, words: Words) => void);

const count = (name: 'stats' | 'human') => (draft: Draft) => {
  draft[name]++;
};
const timestamp = (kind: number) => (draft: Draft) => {
  draft.timestamp = Math.max(draft.timestamp, kind);
};
const family = (draft: Draft, words: Words) => {
  draft.family = readFamily(words.next());
};
const netns = (draft: Draft, words: Words) => {
  draft.netns = words.next();
};
const batch = (draft: Draft, words: Words) => {
  draft.batch = words.next();
};
const loops = (draft: Draft, words: Words) => {
  draft.loops = Number.parseInt(words.next(), 10) || 0;
};
const receiveBuffer = (draft: Draft, words: Words) => {
  draft.receiveBuffer = readNumber(words.next(), 'Invalid rcvbuf size');
};

type FlagTable = readonly (readonly [string, Action])[];

/**
 * In the order in which each program compares them, because the first match wins: `-b` is -batch, and `-h` is -human
 * to ip, but -help to tc. A word of the first column may be abbreviated.
 */
const FLAGS: Readonly<Record<Program, FlagTable>> = {
  ip: [
    ['-loops', loops],
    ['-family', family],
    ['-human-readable', count('human')],
    ['-iec', 'iec'],
    ['-statistics', count('stats')],
    ['-stats', count('stats')],
    ['-details', 'details'],
    ['-resolve', unsupported('Option "-resolve" is not supported: addresses print as addresses.')],
    ['-oneline', 'oneline'],
    ['-timestamp', timestamp(1)],
    ['-tshort', timestamp(2)],
    ['-Version', 'version'],
    ['-version', 'version'],
    ['-force', 'force'],
    ['-batch', batch],
    ['-brief', 'brief'],
    ['-json', 'json'],
    ['-pretty', 'pretty'],
    ['-rcvbuf', receiveBuffer],
    ['-help', 'help'],
    ['-netns', netns],
    ['-Numeric', 'numeric'],
    ['-all', 'all'],
    ['-echo', 'echo'],
  ],
  bridge: [
    ['-help', 'help'],
    ['-Version', 'version'],
    ['-statistics', count('stats')],
    ['-stats', count('stats')],
    ['-details', 'details'],
    ['-oneline', 'oneline'],
    ['-timestamp', timestamp(1)],
    ['-tshort', timestamp(2)],
    ['-family', family],
    ['-netns', netns],
    ['-compressvlans', 'compressVlans'],
    ['-force', 'force'],
    ['-json', 'json'],
    ['-pretty', 'pretty'],
    ['-batch', batch],
    ['-rcvbuf', receiveBuffer],
  ],
  tc: [
    ['-statistics', count('stats')],
    ['-stats', count('stats')],
    ['-details', 'details'],
    ['-raw', 'raw'],
    ['-pretty', 'pretty'],
    ['-graph', 'graph'],
    ['-Version', 'version'],
    ['-iec', 'iec'],
    ['-help', 'help'],
    ['-force', 'force'],
    ['-batch', batch],
    ['-netns', netns],
    ['-Numeric', 'numeric'],
    ['-names', unsupported('Option "-names" is not supported: classes print as numbers.')],
    ['-nm', unsupported('Option "-nm" is not supported: classes print as numbers.')],
    ['-conf', unsupported('Option "-conf" is not supported: classes print as numbers.')],
    ['-timestamp', timestamp(1)],
    ['-tshort', timestamp(2)],
    ['-json', 'json'],
    ['-oneline', 'oneline'],
    ['-brief', 'brief'],
    ['-rcvbuf', receiveBuffer],
  ],
};

/** `-c`, `-color`, `-c=auto`: undefined for any other flag. */
function readColor(flag: string, noColor: boolean): ColorMode | undefined {
  const [name = '', mode] = flag.split('=', 2);
  if (!matches(name, '-color') || name === '-') return undefined;
  // A bare -c is often an alias's; someone who set NO_COLOR means it. -c=always is an answer to NO_COLOR.
  if (mode === undefined) return noColor ? 'never' : 'always';
  if (mode === 'always' || mode === 'auto' || mode === 'never') return mode;
  return undefined;
}

/** -echo is taken in full only. */
function fits(flag: string, name: string): boolean {
  return name === '-echo' ? flag === name : matches(flag, name);
}

/** Takes in one flag, with the words that it needs. Throws UsageError for one that the program does not have. */
export function readFlag(
  draft: Draft,
  given: string,
  words: Words,
  program: Program,
  noColor: boolean,
): void {
  if (given === '--trace') {
    draft.trace = true;
    return;
  }
  if (given === '--timeout') {
    draft.timeout = readNumber(words.next(), 'Invalid timeout');
    return;
  }
  const flag = given.startsWith('--') ? given.slice(1) : given;
  const shortFamily = SHORT_FAMILIES[flag];
  if (shortFamily !== undefined) {
    draft.family = shortFamily;
    return;
  }
  const color = readColor(flag, noColor);
  if (color !== undefined) {
    draft.color = color;
    return;
  }
  // '-' alone would begin every flag.
  const found = flag.length > 1 ? FLAGS[program].find(([name]) => fits(flag, name)) : undefined;
  if (found === undefined) throw new UsageError(`Option "${given}" is unknown, try "cofferdam --help".`);
  const action = found[1];
  if (typeof action === 'function') action(draft, words);
  else draft[action] = true;
}
