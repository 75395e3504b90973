/** YAML 1.2, core schema, with the place of everything in it. */
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type { Position } from './issue.ts';
import type { Finding, Path } from './place.ts';
import { problemsOf, tooDeep, type YamlDoc, type YamlProblem } from './yaml-problems.ts';

let loaded: typeof Yaml | undefined;

/** Read when it is first wanted: most programs that use this package have no YAML. */
function yaml(): typeof Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof Yaml;
  return loaded;
}

/** More than a hundred systems, and little enough for a parser that may take its time with what was made to hurt it. */
const LONGEST = 256 * 1024;

/** One document of a file. */
export interface YamlDocument {
  /** Undefined where it cannot be told. */
  readonly value: unknown;
  /** Where it begins. */
  readonly offset: number;
  /** What is wrong with it as YAML. */
  readonly problems: readonly YamlProblem[];
  /** Where a finding is, or the nearest thing around it. */
  locate(finding: Pick<Finding, 'path' | 'subject'>): Position | undefined;
  /** Whether there is something at this path. */
  has(path: Path): boolean;
  /** The text of a value that is a plain word. */
  written(path: Path): string | undefined;
}

/** A file: its documents, or what is wrong with all of it. */
export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
  position(problem: YamlProblem): Position;
}

export function readYaml(source: string): YamlFile {
  const text = source.replace(/^\ufeff/, '');
  const { Composer, LineCounter, Parser } = yaml();
  const lines = new LineCounter();
  const position = ({ offset, end }: YamlProblem) => positionOf(text, lines, offset, end);
  const failed = (problem: YamlProblem): YamlFile => ({ documents: [], problems: [problem], position });
  if (text.length > LONGEST) {
    return failed({ offset: 0, end: 0, problem: 'is too long', remedy: `at most ${LONGEST} characters` });
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: YAML has no place for them.
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) {
    // The parser would have counted the lines.
    lines.lineStarts.push(0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1));
    const problem = `has a control character, U+${control[0].charCodeAt(0).toString(16).padStart(4, '0')}`;
    return failed({ offset: control.index, end: control.index + 1, problem, remedy: 'text' });
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== undefined) return failed(deep);
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // Looked for in problemsOf: the composer compares each key with all others.
    uniqueKeys: false,
    logLevel: 'silent',
  });
  const composed = [...composer.compose(tokens)];
  if (composed.length === 0) {
    return failed({ offset: 0, end: 0, problem: 'is empty', remedy: "at least '{}' for all defaults" });
  }
  const documents = composed.map((document) => documentOf(document, position));
  return { documents, problems: [], position };
}

function documentOf(
  document: Yaml.Document.Parsed,
  position: (problem: YamlProblem) => Position,
): YamlDocument {
  const api = yaml();
  const { value, problems } = problemsOf(api, document);
  const find = finder(api, document);
  return {
    value,
    problems,
    offset: document.range[0],
    has: (path) => find(path).exact,
    locate({ path, subject }) {
      const { node, key, exact } = find(path);
      const range = ((subject === 'key' || !exact || isEmpty(api, node) ? key : node) ?? node)?.range;
      if (!range) return undefined;
      return position({ offset: range[0], end: range[1], problem: '', remedy: '' });
    },
    written(path) {
      const { node, exact } = find(path);
      return exact && api.isScalar(node) && node.type === 'PLAIN' ? node.source : undefined;
    },
  };
}

interface Found {
  readonly node: Yaml.Node | null;
  readonly key: Yaml.Node | undefined;
  /** Whether all of the path was there. */
  readonly exact: boolean;
}

type YamlMap = Yaml.YAMLMap<Yaml.Node, Yaml.Node | null>;
type YamlPair = Yaml.Pair<Yaml.Node, Yaml.Node | null>;

/** Finds what is at a path. The keys of each map are looked through once, however much is wrong with them. */
function finder(api: typeof Yaml, document: YamlDoc): (path: Path) => Found {
  const pairs = new WeakMap<YamlMap, ReadonlyMap<string, YamlPair>>();
  const pairsOf = (map: YamlMap): ReadonlyMap<string, YamlPair> => {
    const known = pairs.get(map);
    if (known !== undefined) return known;
    // Of several with one key, the last is the one that counts.
    const made = new Map(
      map.items.flatMap((pair) => (api.isScalar(pair.key) ? [[String(pair.key.value), pair] as const] : [])),
    );
    pairs.set(map, made);
    return made;
  };
  const target = (node: Yaml.Node | null) => (api.isAlias(node) ? (node.resolve(document) ?? node) : node);
  return (path) => {
    let node = target(document.contents);
    let key: Yaml.Node | undefined;
    for (const step of path) {
      let next: Yaml.Node | null | undefined;
      if (api.isMap<Yaml.Node, Yaml.Node | null>(node)) {
        const pair = pairsOf(node).get(String(step));
        if (pair === undefined) return { node, key, exact: false };
        ({ key, value: next } = pair);
      } else if (api.isSeq<Yaml.Node>(node) && typeof step === 'number' && step < node.items.length) {
        next = node.items[step];
        key = undefined;
      } else return { node, key, exact: false };
      node = target(next ?? null);
    }
    return { node, key, exact: true };
  };
}

/** `timeout:` with nothing behind it is shown by its key. */
function isEmpty(api: typeof Yaml, node: Yaml.Node | null): boolean {
  return node === null || (api.isScalar(node) && node.value === null && !node.source);
}

function positionOf(text: string, lines: Yaml.LineCounter, offset: number, end: number): Position {
  const { line, col } = offset === 0 ? { line: 1, col: 1 } : lines.linePos(offset);
  const start = offset - (col - 1);
  const [whole = ''] = text.slice(start).split(/\r?\n/, 1);
  const [word = ''] = /^[\w.-]*/.exec(text.slice(offset)) ?? [];
  const width = Math.max(
    1,
    Math.min(end - offset > 1 ? end - offset : word.length, whole.length - (col - 1)),
  );
  return { line, column: col, width, text: whole };
}
