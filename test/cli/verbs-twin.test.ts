import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Twin } from '../support/twin.ts';
import { isRoot } from './run-cli.ts';

/** The detector of all tests of verbs must detect. */
describe.runIf(isRoot)('twins', () => {
  test('differ when one of them was changed behind their backs', async () => {
    using twin = new Twin(['link set lo up']);
    const show = { show: ['route show table all'] };
    expect(await twin.differs('route add 10.0.0.0/8 dev lo', show)).toBeUndefined();
    execFileSync('ip', ['-n', twin.ours, 'route', 'add', '11.0.0.0/8', 'dev', 'lo']);
    expect(await twin.differs('route add 12.0.0.0/8 dev lo', { ...show, patience: 500 })).toContain(
      '.length',
    );
    expect(twin.lines).toBe(2);
  });

  test('differ in exit codes, words and output', async () => {
    using twin = new Twin([]);
    execFileSync('ip', ['-n', twin.ours, 'link', 'set', 'lo', 'up']);
    expect(await twin.differs('route add 10.0.0.0/8 dev lo')).toContain('exit code 2 expected, 0 found');
    execFileSync('ip', ['-n', twin.theirs, 'link', 'set', 'lo', 'up']);
    execFileSync('ip', ['-n', twin.theirs, 'route', 'add', '10.0.0.0/8', 'dev', 'lo', 'src', '127.0.0.1']);
    expect(await twin.differs('route get 10.0.0.1')).toContain('stdout: ');
  });
});
