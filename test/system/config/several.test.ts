// Several systems in a file.
import { describe, expect, it } from 'vitest';
import { parseSystemConfigs } from '../../../src/system/config/index.ts';
import { refusal } from './support.ts';

const TEXT = `
defaults:
  group: ci-jobs
  lifecycle: { timeout: 10m }
  environment: { CI: "true" }
  network: { bridge: br0, address: 10.1.0.2/24 }
systems:
  - name: one
  - name: two
    lifecycle: { grace_period: 5 }
    environment: { CI: "false", VERSION: 1.10 }
    network: none
    resource_limits:
`;

describe('several systems', () => {
  it('have their defaults in common', () => {
    const [one, two, ...more] = parseSystemConfigs(TEXT);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ name: 'one', group: 'ci-jobs', network: { kind: 'veth', bridge: 'br0' } });
    expect(two).toMatchObject({
      name: 'two',
      group: 'ci-jobs',
      lifecycle: { timeout: 600_000, gracePeriod: 5000, cleanupDelay: 300_000 },
      environment: { CI: 'false', VERSION: '1.10' },
      network: { kind: 'none' },
    });
  });

  it('may be documents, and one alone is one', () => {
    expect(parseSystemConfigs('name: a\n---\nname: b\n').map(({ name }) => name)).toEqual(['a', 'b']);
    expect(parseSystemConfigs('name: a')).toHaveLength(1);
  });

  it('tell what is wrong once, and where it can be changed', () => {
    const text = `defaults: { lifecycle: { timeout: 0 }, nmae: x }
systems:
  - name: a
  - lifecycle: { timeout: 1y }
  - monitoring: { interval: x }
`;
    expect(refusal(() => parseSystemConfigs(text)).issues).toMatchObject([
      { field: 'defaults.lifecycle.timeout', line: 1, column: 35 },
      { field: 'defaults.nmae', nearest: 'name', line: 1, column: 40 },
      { field: 'systems[1].lifecycle.timeout', line: 4, column: 27 },
      { field: 'systems[2].monitoring.interval', line: 5, column: 29 },
    ]);
  });

  it.each([
    ['systems: []', 'systems', 'has no system'],
    ['systems:', 'systems', 'is no list'],
    ['systems: [x]', 'systems[0]', 'is no object'],
    ['systems: [{}]\nname: x', 'name', 'is no field'],
    ['systems: [{}]\ndefaults: 5', 'defaults', 'is no object'],
    ['systems: [{ name: a }, { name: a }]', 'systems[1].name', 'is there already'],
    ['name: a\n---\nname: a', 'name', 'is there already'],
    ['', 'document', 'is empty'],
    ['name: a\n---\n', 'document', 'is empty'],
  ])('%j: %s %s', (text, field, problem) => {
    expect(refusal(() => parseSystemConfigs(text)).issues).toMatchObject([{ field, problem }]);
  });

  it('agree with each other: not one is made of a file that is wrong', () => {
    const { issues } = refusal(() => parseSystemConfigs('name: a\n---\nnmae: b\n---\nname: *c\n'));
    expect(issues).toMatchObject([{ line: 3 }, { line: 5, field: 'document' }]);
  });
});
