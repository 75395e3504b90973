// The schema is the one definition in another language: published as it is, and of one mind with the checks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkSystemConfig,
  type SystemConfig,
  systemConfigSchema,
} from '../../../src/system/config/index.ts';
import { anyConfig } from './arbitrary.ts';
import { validator } from './json-schema.ts';
import { type Leaf, leaves } from './leaves.ts';
import { EXAMPLE, refusal } from './support.ts';

const validate = validator(systemConfigSchema);

/** What has to be beside some fields. */
const BESIDE: readonly (readonly [field: string, config: SystemConfig])[] = [
  ['network.', { network: { bridge: 'br0', address: '10.1.0.2/24' } }],
  ['security.landlock.read_only', { security: { landlock: { read_write: ['/a'] } } }],
  ['security.landlock.read_write', { security: { landlock: { read_only: ['/a'] } } }],
];

const beside = ({ name }: Leaf): SystemConfig => BESIDE.find(([field]) => name.startsWith(field))?.[1] ?? {};

/** A configuration with one field set. */
function only({ name }: Leaf, value: unknown, config: SystemConfig = {}): SystemConfig {
  const keys = name.split('.');
  const last = keys.pop() ?? '';
  const made = structuredClone(config) as Record<string, unknown>;
  let at = made;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = value;
  return made;
}

it('is published as it is; vitest -u writes it anew', async () => {
  const text = `${JSON.stringify(systemConfigSchema, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../../schema/system.schema.json');
});

describe('the schema', () => {
  it.each([{}, EXAMPLE, { systems: [{}, EXAMPLE], defaults: EXAMPLE }, { resource_limits: null }])(
    'takes %j',
    (config) => {
      expect(validate(config)).toBe(true);
    },
  );

  it('takes whatever the checks take', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        expect(validate(config)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('describes every field', () => {
    expect(leaves().length).toBeGreaterThan(45);
    for (const { name, schema } of leaves())
      expect([name, schema.description]).toEqual([name, expect.any(String)]);
  });

  const defaults = leaves().filter(({ schema }) => schema.default !== undefined);

  it.each(defaults)('has the default that holds: $name', (leaf) => {
    const base: SystemConfig = { name: 'x', ...beside(leaf) };
    const config = only(leaf, leaf.schema.default, base);
    expect(validate(config)).toBe(true);
    const { explicit, ...spec } = checkSystemConfig(config);
    const { explicit: _, ...same } = checkSystemConfig(base);
    expect(spec).toEqual(same);
    expect([...explicit]).toEqual(leaf.name.startsWith('resource_limits.') ? [leaf.name] : []);
  });

  /** What none of the fields takes. */
  const NEVER = [true, [[]], -1, '', '\n', { nobody: 1 }];

  it.each(leaves())('refuses with the checks what is never right: $name', (leaf) => {
    let refused = 0;
    for (const value of NEVER) {
      const config = only(leaf, value, beside(leaf));
      if (validate(config)) continue;
      refused++;
      expect(refusal(() => checkSystemConfig(config)).issues.length).toBeGreaterThan(0);
    }
    expect(refused).toBeGreaterThan(2);
  });

  it.each([
    { nmae: 'x' },
    { name: 'a b' },
    { resource_limits: { cpu: { weight: 0 } } },
    { resource_limits: { memory: { max: '1X' } } },
    { resource_limits: { pids: { max: 0 } } },
    { lifecycle: { timeout: '1y' } },
    { monitoring: { cpu_threshold: 1.1 } },
    { security: { namespaces: ['nett'] } },
    { root: { binds: [{ target: '/a' }] } },
    { root: { binds: ['a:b'] } },
    { network: { bridge: 'br0' } },
    { network: { bridge: 'br0', address: '10.1.0.2' } },
    { network: 'nome' },
    { environment: { A: true } },
    { systems: [] },
    { systems: [{ nmae: 'x' }] },
    { systems: [{}], nmae: 'x' },
  ])('refuses %j', (config) => expect(validate(config)).toBe(false));
});
