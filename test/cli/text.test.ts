import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { padBytes } from '../../src/cli/text.ts';
import { Twin } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

describe('columns', () => {
  test('are as wide as printf makes them', () => {
    expect(padBytes('ab', 5)).toBe('ab   ');
    expect(padBytes('äb', 5)).toBe('äb  ');
    expect(padBytes('abcdef', 5)).toBe('abcdef');
    const printf = execFileSync('printf', ['%-16s|', 'größe0'], { encoding: 'utf8' });
    expect(`${padBytes('größe0', 16)}|`).toBe(printf);
  });

  test.runIf(isRoot)('hold names beyond ASCII', async () => {
    using twin = new Twin([
      'link add größe0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02',
    ]);
    for (const line of ['-br link show größe0', '-br addr show größe0', '-br link'])
      expect(await twin.differs(line)).toBeUndefined();
  });
});
