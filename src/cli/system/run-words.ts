/** The words of `cofferdam run`: options, and the program behind them. */
import { resolve } from 'node:path';
import { UsageError, Words } from '../args.ts';

/** What an option says, in the words of the configuration. */
interface Setting {
  /** Where it stands in the configuration. */
  readonly path: readonly string[];
  /** May be given several times; then whether what the file says of it stays. */
  readonly list?: 'adds' | 'replaces';
  readonly read?: (word: string) => unknown;
}

/** A word that is a number as one: what it may be, the configuration knows. */
const numeric = (word: string): unknown => (/^\d+(\.\d+)?$/.test(word) ? Number(word) : word);

const limit = (...path: string[]): Setting => ({ path: ['resource_limits', ...path], read: numeric });
const time = (name: string): Setting => ({ path: ['lifecycle', name], read: numeric });

const PERIOD = 100_000;

/** '1.5' CPUs; anything else as cpu.max has it. */
function cpus(word: string): string {
  return /^\d+(\.\d+)?$/.test(word) ? `${Math.round(Number(word) * PERIOD)} ${PERIOD}` : word;
}

/** The part before the first ':' is a path of the host's, and may begin where we are. */
function bind(word: string): string {
  const [source = '', ...rest] = word.split(':');
  // By itself it is the target as well.
  return [source === '' ? source : resolve(source), ...rest].join(':');
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  '--name': { path: ['name'] },
  '--group': { path: ['group'] },
  '--memory': limit('memory', 'max'),
  '--memory-high': limit('memory', 'high'),
  '--swap': limit('memory', 'swap'),
  '--cpus': { path: ['resource_limits', 'cpu', 'max'], read: cpus },
  '--cpu-weight': limit('cpu', 'weight'),
  '--pids': limit('pids', 'max'),
  '--io-weight': limit('io', 'weight'),
  '--io-max': limit('io', 'max'),
  '--timeout': time('timeout'),
  '--grace': time('grace_period'),
  '--bind': { path: ['root', 'binds'], list: 'adds', read: bind },
  '--layer': { path: ['root', 'layers'], list: 'replaces', read: (word) => resolve(word) },
  '--workdir': { path: ['workdir'] },
  '--user': { path: ['user'] },
  '--logs': { path: ['logs', 'max'], read: numeric },
  '--hostname': { path: ['hostname'] },
  '--address': { path: ['network', 'address'], list: 'replaces' },
  '--gateway': { path: ['network', 'gateway'], list: 'replaces' },
  '--publish': { path: ['network', 'forwards'], list: 'adds' },
};

const SWITCHES = {
  '--json': 'json',
  '-j': 'json',
  '--details': 'details',
  '-d': 'details',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--no-tty': 'no-tty',
  '--help': 'help',
  '-h': 'help',
  '-help': 'help',
} as const;
type Switch = (typeof SWITCHES)[keyof typeof SWITCHES];

/** A configuration that is being put together. */
export type Draft = { [key: string]: unknown };

export interface RunRequest {
  readonly switches: ReadonlySet<Switch>;
  /** --config */
  readonly file: string | undefined;
  /** --report */
  readonly report: string | undefined;
  readonly argv: readonly string[];
  /** What the options say, put over a configuration. */
  readonly changes: readonly ((draft: Draft) => void)[];
  /** Options that were given, by the fields that they set. */
  readonly optionOf: ReadonlyMap<string, string>;
}

/** @throws UsageError */
export function readRunWords(args: readonly string[]): RunRequest {
  const words = new Words(args);
  const switches = new Set<Switch>();
  const changes: ((draft: Draft) => void)[] = [];
  const optionOf = new Map<string, string>();
  let file: string | undefined;
  let report: string | undefined;
  while (words.peek?.startsWith('-') && !words.take('--')) {
    const [option = '', inline] = cut(words.next());
    const on = SWITCHES[option as keyof typeof SWITCHES];
    if (on !== undefined || option === '--rm' || option === '--nat') {
      if (inline !== undefined) throw new UsageError(`Option "${option}" takes no value.`);
      if (on !== undefined) switches.add(on);
      if (option === '--nat') changes.push((draft) => put(draft, ['network', 'nat'], true));
      continue;
    }
    const value = (): string => inline ?? wordAfter(option, words);
    if (option === '--config') file = value();
    else if (option === '--report') report = value();
    else if (option === '--env') changes.push(environment(value()));
    else if (option === '--network') changes.push(network(value()));
    else {
      const setting = Object.hasOwn(SETTINGS, option) ? SETTINGS[option] : undefined;
      if (setting === undefined)
        throw new UsageError(`Option "${option}" is unknown, try "cofferdam run --help".`);
      const field = setting.path.join('.');
      changes.push(change(setting, value(), optionOf.has(field)));
      optionOf.set(field, option);
    }
  }
  return { switches, file, report, argv: words.rest(), changes, optionOf };
}

/** '--name=value' into both. */
function cut(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined];
}

function wordAfter(option: string, words: Words): string {
  if (!words.more) throw new UsageError(`Option "${option}" wants a value, try "cofferdam run --help".`);
  return words.next();
}

function change({ path, list, read }: Setting, word: string, again: boolean): (draft: Draft) => void {
  const value = read === undefined ? word : read(word);
  if (path[0] === 'name' && word.includes('/')) {
    return (draft) => {
      delete draft.group;
      draft.name = word;
    };
  }
  if (list === undefined) return (draft) => put(draft, path, value);
  return (draft) => {
    const before = list === 'adds' || again ? (get(draft, path) ?? []) : [];
    put(draft, path, [...(before as unknown[]), value]);
  };
}

/** NAME=VALUE, or NAME for our own variable, where there is one. */
function environment(word: string): (draft: Draft) => void {
  const at = word.indexOf('=');
  const name = at < 0 ? word : word.slice(0, at);
  const value = at < 0 ? process.env[word] : word.slice(at + 1);
  return (draft) => {
    if (value !== undefined) draft.environment = { ...(draft.environment as Draft), [name]: value };
  };
}

function network(word: string): (draft: Draft) => void {
  return (draft) => {
    if (word === 'none' || word === 'host') draft.network = word;
    else put(draft, ['network', 'bridge'], word);
  };
}

function get(draft: Draft, [key = '', ...path]: readonly string[]): unknown {
  const value = draft[key];
  if (path.length === 0 || typeof value !== 'object' || value === null) {
    return path.length === 0 ? value : undefined;
  }
  return get(value as Draft, path);
}

function put(draft: Draft, [key = '', ...path]: readonly string[], value: unknown): void {
  if (path.length === 0) {
    draft[key] = value;
    return;
  }
  // A word, as 'none', makes way for fields; what the file said is not changed in place.
  const below = { ...(typeof draft[key] === 'object' ? (draft[key] as Draft) : {}) };
  draft[key] = below;
  put(below, path, value);
}
