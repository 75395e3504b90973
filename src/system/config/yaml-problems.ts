/** What is wrong with a document as YAML, in the words of a configuration's errors. */
import type * as Yaml from 'yaml';

/** A document as it was composed, whatever is in it. */
export type YamlDoc = Yaml.Document.Parsed;

export interface YamlProblem {
  readonly offset: number;
  readonly end: number;
  readonly problem: string;
  readonly remedy: string;
}

/** By the codes of the parser. */
const REMEDIES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias of an anchor before it',
  BAD_DIRECTIVE: 'YAML 1.2 without directives',
  BAD_DQ_ESCAPE: 'two backslashes for one, or single quotes',
  BAD_INDENT: 'spaces that line up with the line that it belongs to',
  BLOCK_AS_IMPLICIT_KEY: "one key in a line, and quotes around what has ': ' in it",
  MULTILINE_IMPLICIT_KEY: "one key in a line, and ':' behind it",
  NON_STRING_KEY: 'words for keys',
  TAB_AS_INDENT: 'spaces',
  TAG_RESOLVE_FAILED: 'values without tags',
};
const ANYTHING = 'YAML 1.2: look at quotes, brackets and indentation here';

/** Nobody writes more of them by hand, and each takes a look at all of the document. */
const MOST_ALIASES = 100;

/** The value of a document, where it can be told, and all that is wrong with it. */
export function problemsOf(
  api: typeof Yaml,
  document: YamlDoc,
): { readonly value: unknown; readonly problems: readonly YamlProblem[] } {
  const syntax = [...document.errors, ...document.warnings].map(({ code, message, pos: [offset, end] }) => ({
    offset,
    end,
    problem: `is no YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
    remedy: REMEDIES[code] ?? ANYTHING,
  }));
  if (syntax.length > 0) return { value: undefined, problems: firstOfLines(syntax) };
  const [start, end] = document.range;
  if (document.contents === null || (api.isScalar(document.contents) && document.contents.value === null)) {
    const problem = {
      offset: start,
      end: start,
      problem: 'is empty',
      remedy: "at least '{}' for all defaults",
    };
    return { value: undefined, problems: [problem] };
  }
  const aliases = aliasProblems(api, document);
  if (aliases.length > 0) return { value: undefined, problems: aliases };
  try {
    return {
      value: document.toJS({ maxAliasCount: MOST_ALIASES }),
      problems: duplicateKeys(api, document),
    };
  } catch (error) {
    // The only way that it has to say so.
    if (!(error instanceof ReferenceError)) throw error;
    const problem = { problem: 'says too much by aliases of aliases', remedy: 'fewer of them' };
    return { value: undefined, problems: [{ ...problem, offset: start, end }] };
  }
}

/** Many times what a configuration has. */
const MOST_LEVELS = 50;

/**
 * Looks for nesting that the composer must not see: it goes down by recursion, and where V8 compiles a regular expression at
 * the end of its stack, it ends the process.
 */
export function tooDeep(tokens: readonly Yaml.CST.Token[]): YamlProblem | undefined {
  const waiting: [token: Yaml.CST.Token, level: number][] = tokens.map((token) => [token, 0]);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [token, level] = next;
    if (level > MOST_LEVELS) {
      const { offset } = token;
      return {
        offset,
        end: offset,
        problem: 'is nested too deeply',
        remedy: `at most ${MOST_LEVELS} levels`,
      };
    }
    const items: readonly Partial<Yaml.CST.CollectionItem>[] =
      'items' in token ? token.items : token.type === 'document' ? [token] : [];
    for (const { key, value } of items) {
      if (key) waiting.push([key, level + 1]);
      if (value) waiting.push([value, level + 1]);
    }
  }
  return undefined;
}

/** One mistake often makes several errors, and the first of them is the one that helps. */
function firstOfLines(problems: readonly YamlProblem[]): YamlProblem[] {
  const sorted = [...problems].sort((one, other) => one.offset - other.offset);
  return sorted.slice(0, 1).concat(sorted.slice(1).filter(({ offset }, i) => offset > (sorted[i]?.end ?? 0)));
}

function aliasProblems(api: typeof Yaml, document: YamlDoc): YamlProblem[] {
  const problems: YamlProblem[] = [];
  let count = 0;
  api.visit(document, {
    Alias(_, node, above) {
      const [offset = 0, end = 0] = node.range ?? [];
      const note = (problem: string, remedy: string) => void problems.push({ offset, end, problem, remedy });
      if (++count > MOST_ALIASES) {
        note('has too many aliases', `at most ${MOST_ALIASES}`);
        return api.visit.BREAK;
      }
      const meant = node.resolve(document);
      if (meant === undefined)
        note(`has no anchor &${node.source} before it`, REMEDIES.BAD_ALIAS ?? ANYTHING);
      else if (above.includes(meant)) note(`is in what it means, &${node.source}`, 'an alias behind it');
      return undefined;
    },
  });
  return problems;
}

function duplicateKeys(api: typeof Yaml, document: YamlDoc): YamlProblem[] {
  const problems: YamlProblem[] = [];
  api.visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!api.isScalar(key)) continue;
        const [offset = 0, end = 0] = key.range ?? [];
        if (seen.has(key.value)) {
          problems.push({
            offset,
            end,
            problem: `has a key twice: ${String(key.value)}`,
            remedy: 'each key once',
          });
        }
        seen.add(key.value);
      }
    },
  });
  return problems;
}
