import type { RouteSocket } from '../../route/socket.ts';
import type { Names } from '../names.ts';

/**
 * What one object's `show` gives, twice: JSON as iproute2 spells it, and text as `ip` lays it out. A view formats;
 * it decides nothing. It reads the words after `show`, asks the RouteSocket, and returns. It prints nothing.
 */

/** A JSON value as iproute2 writes them: u64 counters are bigint and print as plain integers. */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** `ip -f FAMILY`, -4, -6, -0, -M, -B. */
export type ShowFamily = 'inet' | 'inet6' | 'link' | 'mpls' | 'bridge';

/** The global flags before the object. */
export interface ShowOptions {
  /** -j. The frame prints `json` instead of `text`; views may skip making the other one. */
  readonly json: boolean;
  /** -p. Only matters to the frame's JSON writer. */
  readonly pretty: boolean;
  /** -br. Both forms get shorter, as in `ip`. */
  readonly brief: boolean;
  /** -d. */
  readonly details: boolean;
  /** How often -s was given: 0, 1, 2. */
  readonly stats: number;
  /** Undefined: none was given, so the object's own default holds. */
  readonly family: ShowFamily | undefined;
  /** -N: numbers instead of names. `Names` honours it already. */
  readonly numeric: boolean;
  /** -o: `\` in place of line breaks inside a record; see `lineBreak()` in text.ts. */
  readonly oneline: boolean;
  /** -h, and -iec: 1.5K instead of 1500; see `humanNumber()` in text.ts. */
  readonly human: boolean;
  readonly iec: boolean;
  /** Whether text may hold colours: decided already from -c, NO_COLOR and the terminal. */
  readonly color: boolean;
  /** -echo: print what the kernel made of a change. */
  readonly echo: boolean;
  /** -loops: how often a flush goes over what is there; 0 for as often as it takes. */
  readonly loops: number;
  /** -a, -all: of all network namespaces. */
  readonly all: boolean;
  /** -t and -ts: 0 none, 1 long, 2 short. Of monitors. */
  readonly timestamp: number;
  /** tc -raw. */
  readonly raw: boolean;
  /** tc -graph. */
  readonly graph: boolean;
  /** bridge -compressvlans. */
  readonly compressVlans: boolean;
}

/** Links of the namespace by index, read once per command. */
export interface LinkNames {
  /** `*` for 0 and `if7` for an index that no link has, as iproute2 prints them. */
  nameOf(index: number): string;
  /** By name, alternative name, or `if7`; undefined when there is none such. */
  indexOf(name: string): number | undefined;
  /** IFF_UP and its kin as words; undefined for an index that no link has. */
  flagsOf(index: number): readonly string[] | undefined;
}

export interface ShowContext {
  readonly rt: RouteSocket;
  readonly options: ShowOptions;
  readonly names: Names;
  /** Read at the first call, kept for the rest of the command. */
  linkNames(): Promise<LinkNames>;
  /**
   * The index of one link, by name, alternative name or `if7`; throws `Cannot find device "x"` where there is none.
   * The lines of a batch share what was found, until one of them changes links.
   */
  linkIndex(name: string): Promise<number>;
  /** For what is printed as it comes, before the command has ended, and for what is no text. */
  write(output: string | Uint8Array): void;
}

export interface Shown {
  json: JsonObject[];
  /** Ends with a line break unless empty. */
  text: string;
}

/**
 * What a verb besides `show` does: `add`, `get`, `flush`. `args` are the words after the verb. What it resolves to is
 * printed as `show`'s would be; undefined, and nothing is. A number is the exit code, of a program that was run.
 * Refusals of the kernel are left as they are thrown.
 */
export type Action = (args: readonly string[], context: ShowContext) => Promise<Shown | number | undefined>;
export type Actions = Readonly<Record<string, Action>>;

/**
 * Exported by the file of its object: `linkView` by link.ts, `addressView` by addr.ts, `routeView` by route.ts,
 * `ruleView` by rule.ts, `neighbourView` by neigh.ts, `nexthopView` by nexthop.ts.
 */
export interface View {
  /** The full words that name the object: the first one titles the help. Abbreviations are the frame's business. */
  readonly names: readonly string[];
  /**
   * What follows `cofferdam link [ show ]`, a line each, for the help. A line that begins with `cofferdam` is taken as
   * it is, and so is one that begins with a space.
   */
  readonly usage: string;
  /** `args`: the words after `show`. Throws UsageError (args.ts) for words it does not know. */
  run(args: readonly string[], context: ShowContext): Promise<Shown>;
  /**
   * By the full verb as objects.ts has it: `delete`, not `del`. A function where they are in a file of their own that
   * showing does without: `actions: async () => (await import('../verbs/rule.ts')).ruleActions`.
   */
  readonly actions?: Actions | (() => Promise<Actions>);
}
