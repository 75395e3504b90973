import { colorWanted } from '../repl/terminal.ts';
import { Words } from './args.ts';
import { freshDraft, readFlag } from './flags.ts';
import { PROGRAMS, type Program } from './objects.ts';
import type { ShowOptions } from './show/view.ts';

/** The flags before the object: iproute2's own, abbreviated as it takes them, and a few of cofferdam's. */
export interface GlobalOptions extends ShowOptions {
  /** -n: the namespace to look into. */
  readonly netns: string | undefined;
  /** -rc: receive buffer of the socket, in bytes. */
  readonly receiveBuffer: number | undefined;
  /** --timeout: milliseconds for every request. */
  readonly timeout: number | undefined;
  /** -b: a file of command lines, `-` for stdin. */
  readonly batch: string | undefined;
  /** -force: a batch goes on after a line that failed. */
  readonly force: boolean;
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
  /** Whose objects the words are about: `ip` unless `bridge` or `tc` was said. */
  readonly program: Program;
  /** The object or command, and everything behind it. */
  readonly words: readonly string[];
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

/**
 * Reads flags up to the first word that is none, or `--`; behind the word of a program more of them, of that program's.
 * Throws UsageError.
 */
export function parseCommandLine(argv: readonly string[], surroundings: Surroundings): ParsedCommandLine {
  const noColor = noColorWanted(surroundings.environment);
  const draft = freshDraft((surroundings.environment.COFFERDAM_DEBUG ?? '') !== '');
  const words = new Words(argv);
  let program: Program = 'ip';
  const readFlags = () => {
    while (words.more) {
      if (words.take('--')) break;
      const given = words.peek ?? '';
      if (!given.startsWith('-')) break;
      words.next();
      readFlag(draft, given, words, program, noColor);
    }
  };
  readFlags();
  const named = PROGRAMS.find((name) => words.take(name));
  if (named !== undefined) {
    program = named;
    readFlags();
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
      help: draft.help || (human > 0 && rest.length === 0 && draft.batch === undefined),
    },
    program,
    words: rest,
  };
}
