// A specification is written down as a configuration and read again: nothing is lost and nothing is added.
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type * as Yaml from 'yaml';
import { checkedLimits } from '../../../src/cgroup/apply.ts';
import {
  checkSystemConfig,
  parseSystemConfig,
  type SystemConfig,
  systemConfigOf,
} from '../../../src/system/config/index.ts';
import { anyConfig, anyNamespaces } from './arbitrary.ts';
import { EXAMPLE } from './support.ts';

const { stringify } = createRequire(import.meta.url)('yaml') as typeof Yaml;

const any = fc.oneof({ weight: 9, arbitrary: anyConfig }, { weight: 1, arbitrary: anyNamespaces });

/** A name that was made up is another one each time. */
const named = (config: SystemConfig): SystemConfig =>
  config.name === undefined && config.group === undefined ? { ...config, name: 'x' } : config;

it('a configuration says the same in YAML as in an object', () => {
  fc.assert(
    fc.property(
      any.map(named).filter(({ name }) => name !== undefined),
      (config) => {
        // Numbers of the environment would be spelled by the writer otherwise.
        const text = stringify(config, { aliasDuplicateObjects: true });
        expect(parseSystemConfig(text)).toEqual(checkSystemConfig(config));
        expect(parseSystemConfig(JSON.stringify(config))).toEqual(checkSystemConfig(config));
      },
    ),
    { numRuns: 100 },
  );
});

it('a specification is the same after the way back', () => {
  fc.assert(
    fc.property(any, (config) => {
      const spec = checkSystemConfig(config);
      const written = systemConfigOf(spec);
      expect(checkSystemConfig(written)).toEqual(spec);
      expect(systemConfigOf(checkSystemConfig(written))).toEqual(written);
      expect(parseSystemConfig(stringify(written))).toEqual(spec);
      expect(parseSystemConfig(JSON.stringify(written))).toEqual(spec);
    }),
    { numRuns: 100 },
  );
});

it('cgroups take the limits of whatever is valid', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const files = checkedLimits(checkSystemConfig(config).limits).map(({ file }) => file);
      expect(files).toEqual(expect.arrayContaining(['memory.max', 'memory.high', 'cpu.max', 'pids.max']));
    }),
    { numRuns: 100 },
  );
});

it('the example, written as people write', () => {
  const written = systemConfigOf(checkSystemConfig(EXAMPLE));
  expect(written.resource_limits?.memory).toEqual({
    max: '2G',
    swap: '500M',
    high: '1800M',
    low: '64M',
    min: '0',
    oom_group: true,
  });
  expect(written.lifecycle).toEqual({
    timeout: '1h',
    grace_period: '30s',
    cleanup_delay: '5m',
    idle_timeout: '10m',
    cpu_time: '30m',
  });
  // Limits that nobody asked for stay so.
  expect(systemConfigOf(checkSystemConfig({})).resource_limits).toEqual({});
});

it('whatever is thrown at it, there is a specification or one kind of error', () => {
  const junk = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.anything({ maxDepth: 1, withBigInt: true }),
      fc.constantFrom('max', '1G', 'none', '/a:/b', '10.1.0.2/24', 'pid', -1, 0, 1, 'default'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          ...['memory', 'max', 'cpu', 'resource_limits', 'security', 'namespaces', 'capabilities', 'drop'],
          ...['root', 'binds', 'source', 'target', 'network', 'bridge', 'address', 'forwards', 'user', 'uid'],
          ...[
            'landlock',
            'uid_map',
            'environment',
            'lifecycle',
            'timeout',
            'name',
            'group',
            'systems',
            'defaults',
          ],
        ),
        tie('value'),
        { maxKeys: 5 },
      ),
    ),
  })).value;
  fc.assert(
    fc.property(junk, (config) => {
      try {
        checkSystemConfig(config as SystemConfig);
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ERR_COFFERDAM_SYSTEM_CONFIG');
      }
    }),
    { numRuns: 1000 },
  );
});

it('whatever is cut out of a file or put into it, there is a specification or one kind of error', () => {
  const text = stringify(EXAMPLE);
  const at = fc.nat({ max: text.length });
  const piece = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom(
      '\t',
      '\n',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '!',
      '"',
      "'",
      '|',
      '---\n',
      '\0',
      '? ',
      '#',
    ),
  );
  fc.assert(
    fc.property(at, fc.nat({ max: 12 }), piece, (start, length, put) => {
      const broken = text.slice(0, start) + put + text.slice(start + length);
      try {
        parseSystemConfig(broken);
      } catch (error) {
        const { code, issues } = error as { code?: string; issues: { line?: number; column?: number }[] };
        expect(code).toBe('ERR_COFFERDAM_SYSTEM_CONFIG');
        for (const { line, column } of issues)
          expect([line, column]).toEqual([expect.any(Number), expect.any(Number)]);
      }
    }),
    { numRuns: 300 },
  );
});
