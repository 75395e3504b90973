/** Configurations in YAML: one system, or several in a file. */
import { placeFinding, readSystem } from './check.ts';
import { type PlacedIssue, SystemConfigError } from './issue.ts';
import { type Finding, type Path, Place } from './place.ts';
import { type Several, severalOf } from './several.ts';
import type { SystemSpec } from './spec.ts';
import { readText } from './text.ts';
import { readYaml, type YamlDocument, type YamlFile } from './yaml.ts';
import type { YamlProblem } from './yaml-problems.ts';

export interface ParseConfigOptions {
  /** The name of the file, for errors. */
  readonly file?: string | undefined;
}

/**
 * What a system is to be by this YAML: checked, with its defaults filled in. Bytes are UTF-8.
 *
 * @throws SystemConfigError with everything that is wrong with it, each with line and column
 */
export function parseSystemConfig(text: string | Uint8Array, options: ParseConfigOptions = {}): SystemSpec {
  const file = readYaml(readText(text, options.file));
  const [, second] = file.documents;
  if (second !== undefined) {
    const problem = {
      offset: second.offset,
      end: second.offset,
      problem: 'is the second of the file',
      remedy: 'one',
    };
    throw new SystemConfigError([yamlIssue(file, problem)], options.file);
  }
  const [spec] = specsOf(file, ({ value }) => [{ value, path: [] }], options.file);
  return spec as SystemSpec;
}

/**
 * All systems of a file: one in each YAML document, or a list of `systems`, which have in common what `defaults` says.
 *
 * @throws SystemConfigError with everything that is wrong with any of them
 */
export function parseSystemConfigs(
  text: string | Uint8Array,
  options: ParseConfigOptions = {},
): readonly SystemSpec[] {
  return specsOf(readYaml(readText(text, options.file)), severalOf, options.file);
}

function specsOf(file: YamlFile, split: Several, name: string | undefined): SystemSpec[] {
  const issues = file.problems.map((problem) => yamlIssue(file, problem));
  const specs: SystemSpec[] = [];
  const taken = new Set<string>();
  for (const document of file.documents) {
    issues.push(...document.problems.map((problem) => yamlIssue(file, problem)));
    if (document.value === undefined) continue;
    const findings: Finding[] = [];
    for (const { value, path } of split(document, findings)) {
      const place = new Place(path, findings, (at) => document.written(origin(document, at)));
      const spec = readSystem(value, place);
      if (spec === undefined) continue;
      specs.push(spec);
      const full = `${spec.group}/${spec.name}`;
      if (taken.has(full))
        place.at('name').find({ value: full, problem: 'is there already', remedy: 'each once' });
      taken.add(full);
    }
    issues.push(...placedOnce(document, findings));
  }
  if (issues.length > 0) throw new SystemConfigError(issues, name);
  return specs;
}

/** What is wrong with the defaults is found with each system, and told once. */
function placedOnce(document: YamlDocument, findings: readonly Finding[]): PlacedIssue[] {
  const placed = new Map<string, PlacedIssue>();
  for (const finding of findings) {
    const meant = { ...finding, path: origin(document, finding.path) };
    const key = `${meant.path.join('\n')}\n${finding.problem}`;
    if (!placed.has(key)) placed.set(key, placeFinding(meant, document.locate(meant)));
  }
  return [...placed.values()];
}

/** What one of several systems does not say itself is in the defaults. */
function origin(document: YamlDocument, path: Path): Path {
  if (path[0] !== 'systems' || document.has(path)) return path;
  const common = ['defaults', ...path.slice(2)];
  return path.length > 2 && document.has(common) ? common : path;
}

function yamlIssue(file: YamlFile, found: YamlProblem): PlacedIssue {
  const position = file.position(found);
  const { problem, remedy } = found;
  const { line, column } = position;
  return { position, issue: { field: 'document', value: undefined, problem, remedy, line, column } };
}
