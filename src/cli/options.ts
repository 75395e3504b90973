import { colorWanted } from '../repl/terminal.ts';
import { matches, parseUnsigned, UsageError, Words, wrongArgument } from './args.ts';
import type { ShowFamily, ShowOptions } from './show/view.ts';

/** The flags before the object: `ip`'s own, abbreviated as `ip` takes them, and a few of cofferdam's. */
export interface GlobalOptions extends ShowOptions {
  /** -n: the namespace to look into. */
  readonly netns: string | undefined;
  /** -rc: receive buffer of the socket, in bytes. */
  readonly receiveBuffer: number | undefined;
  /** --timeout: milliseconds for every request. */
  readonly timeout: number | undefined;
  /** --trace, or COFFERDAM_DEBUG in the environment: errors come with their stacks. */
  readonly trace: boolean;
  /** --help was given, or -h alone. */
  readonly help: boolean;
  /** -V, --version. */
  readonly version: boolean;
  /** Whether -c said anything: what to do without it is each command's own choice. */
  readonly colorGiven: boolean;
}

export interface ParsedCommandLine {
  readonly options: GlobalOptions;
  /** The object or command, and everything behind it. */
  readonly words: readonly string[];
}

const FAMILIES: readonly ShowFamily[] = ['inet', 'inet6', 'link', 'mpls', 'bridge'];
const SHORT_FAMILIES: Readonly<Record<string, ShowFamily>> = {
  '-4': 'inet',
  '-6': 'inet6',
  '-0': 'link',
  '-M': 'mpls',
  '-B': 'bridge',
};

type ColorMode = 'never' | 'auto' | 'always';

interface Draft {
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
  help: boolean;
  version: boolean;
  trace: boolean;
  netns: string | undefined;
  receiveBuffer: number | undefined;
  timeout: number | undefined;
  color: ColorMode | undefined;
}

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

/** Flags that take nothing and are merely on. */
type Switch = 'iec' | 'details' | 'oneline' | 'brief' | 'json' | 'pretty' | 'numeric' | 'help' | 'version';

/** 'ignored': it changes nothing about showing, in `ip` neither. */
type Action = Switch | 'ignored' | ((draft: Draft, words: Words) => void);

const count = (name: 'stats' | 'human') => (draft: Draft) => {
  draft[name]++;
};
const family = (draft: Draft, words: Words) => {
  draft.family = readFamily(words.next());
};
const netns = (draft: Draft, words: Words) => {
  draft.netns = words.next();
};
const receiveBuffer = (draft: Draft, words: Words) => {
  draft.receiveBuffer = readNumber(words.next(), 'Invalid rcvbuf size');
};

/**
 * In the order that `ip` compares them, because the first match wins: `-b` is -batch, `-h` is -human. A word of
 * the first column may be abbreviated.
 */
const FLAGS: readonly (readonly [string, Action])[] = [
  ['-loops', (_draft, words) => void words.next()],
  ['-family', family],
  ['-human-readable', count('human')],
  ['-iec', 'iec'],
  ['-statistics', count('stats')],
  ['-stats', count('stats')],
  ['-details', 'details'],
  ['-resolve', unsupported('Option "-resolve" is not supported: addresses print as addresses.')],
  ['-oneline', 'oneline'],
  ['-timestamp', 'ignored'],
  ['-tshort', 'ignored'],
  ['-Version', 'version'],
  ['-version', 'version'],
  ['-force', 'ignored'],
  ['-batch', unsupported('Option "-batch" is not supported: use a shell script, or the library.')],
  ['-brief', 'brief'],
  ['-json', 'json'],
  ['-pretty', 'pretty'],
  ['-rcvbuf', receiveBuffer],
  ['-help', 'help'],
  ['-netns', netns],
  ['-Numeric', 'numeric'],
  ['-all', 'ignored'],
  ['-echo', 'ignored'],
];

/** `-c`, `-color`, `-c=auto`: undefined for any other flag. */
function readColor(flag: string, noColor: boolean): ColorMode | undefined {
  const [name = '', mode] = flag.split('=', 2);
  if (!matches(name, '-color') || name === '-') return undefined;
  // A bare -c is often an alias's; someone who set NO_COLOR means it. -c=always is an answer to NO_COLOR.
  if (mode === undefined) return noColor ? 'never' : 'always';
  if (mode === 'always' || mode === 'auto' || mode === 'never') return mode;
  return undefined;
}

export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
}

export function noColorWanted(environment: NodeJS.ProcessEnv): boolean {
  return environment.NO_COLOR !== undefined && environment.NO_COLOR !== '';
}

/** Whether doctor, tour and repl print colours: as -c says, and without it where a terminal shows them. */
export function ownColor(options: Pick<GlobalOptions, 'color' | 'colorGiven'>): boolean {
  return options.colorGiven ? options.color : colorWanted(process.stdout);
}

/** Reads flags up to the first word that is none, or `--`. Throws UsageError. */
export function parseCommandLine(argv: readonly string[], surroundings: Surroundings): ParsedCommandLine {
  const noColor = noColorWanted(surroundings.environment);
  const draft: Draft = {
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
    help: false,
    version: false,
    trace: (surroundings.environment.COFFERDAM_DEBUG ?? '') !== '',
    netns: undefined,
    receiveBuffer: undefined,
    timeout: undefined,
    color: undefined,
  };
  const words = new Words(argv);
  while (words.more) {
    if (words.take('--')) break;
    const given = words.peek ?? '';
    if (!given.startsWith('-')) break;
    words.next();
    readFlag(draft, given, words, noColor);
  }
  const rest = words.rest();
  const { human, color, ...plain } = draft;
  const wantsColor = color === 'always' || (color === 'auto' && surroundings.terminal && !noColor);
  return {
    options: {
      ...plain,
      human: human > 0,
      color: wantsColor && !draft.json,
      colorGiven: color !== undefined,
      // `-h` is -human to `ip`; with nothing behind it, it can only be a call for help.
      help: draft.help || (human > 0 && rest.length === 0),
    },
    words: rest,
  };
}

function readFlag(draft: Draft, given: string, words: Words, noColor: boolean): void {
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
  const found = flag.length > 1 ? FLAGS.find(([name]) => matches(flag, name)) : undefined;
  if (found === undefined) throw new UsageError(`Option "${given}" is unknown, try "cofferdam --help".`);
  const action = found[1];
  if (typeof action === 'function') action(draft, words);
  else if (action !== 'ignored') draft[action] = true;
}
