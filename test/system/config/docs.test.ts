// docs/systems-config.md says what the schema says, and its examples are what they say.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  checkSystemConfig,
  parseSystemConfig,
  parseSystemConfigs,
} from '../../../src/system/config/index.ts';
import { type Leaf, leaves } from './leaves.ts';
import { EXAMPLE, refusal } from './support.ts';

const text = readFileSync(new URL('../../../docs/systems-config.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , code = '']) => code);

/** Rows of the tables, by the full names of their fields. */
function rows(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  let section = '';
  for (const line of text.split('\n')) {
    section = /^## `(\w+)`$/.exec(line)?.[1] ?? (line.startsWith('## ') ? '' : section);
    const [, key, ...cells] = line.split('|').map((cell) => cell.trim());
    const field = /^`([\w.]+)`$/.exec(key ?? '')?.[1];
    if (field === undefined || section === '') continue;
    const name = section === 'system' ? field : `${section}.${field}`;
    expect([name, found.has(name)]).toEqual([name, false]);
    found.set(name, cells);
  }
  return found;
}

/** What is said of a leaf somewhere in the row: its default first. */
function facts({ schema }: Leaf): string[] {
  const { type, minimum, maximum, description } = schema;
  const file = /^([a-z]+\.[a-z.]+):/.exec(String(description))?.[1];
  return [
    ...(type === 'integer' ? [`${minimum} to ${maximum}`] : []),
    ...(file === undefined ? [] : [`\`${file}\``]),
  ];
}

describe('the documentation', () => {
  const tables = rows();

  it('has every field, and no other', () => {
    expect([...tables.keys()].sort()).toEqual(
      leaves()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it.each(leaves())('says what the schema says of $name', (leaf) => {
    const [initial = '', ...rest] = tables.get(leaf.name) ?? [];
    const value = leaf.schema.default;
    if (Array.isArray(value)) {
      if (value.length === 0) expect(initial).toBe('none');
      for (const one of value) expect(text).toContain(`\`${one}\``);
    } else if (value !== undefined && typeof value !== 'object') expect(initial).toBe(`\`${value}\``);
    for (const fact of facts(leaf)) expect(rest.join(' | ')).toContain(fact);
  });

  it('has an example with every field', () => {
    const [example = ''] = blocks('yaml');
    expect(parseSystemConfig(example)).toEqual(checkSystemConfig(EXAMPLE));
    const keys = leaves().map(({ name }) => name.split('.').at(-1) ?? '');
    const missing = keys.filter((key) => !new RegExp(`\\b${key}:`).test(example));
    expect(missing).toEqual(['group', 'uid', 'gid']);
  });

  it('has an example of several systems', () => {
    const specs = parseSystemConfigs(blocks('yaml')[1] ?? '');
    expect(specs.map(({ group, name }) => `${group}/${name}`)).toEqual(['ci-jobs/one', 'ci-jobs/two']);
  });

  it('has an example of errors', () => {
    const broken = 'resource_limits:\n  memry: { max: 1G }\n  cpu: { weight: 0 }\nnetwork: nome\n';
    const { message } = refusal(() => parseSystemConfig(broken, { file: 'build.yaml' }));
    expect(blocks('text')).toEqual([`${message}\n`]);
  });
});
