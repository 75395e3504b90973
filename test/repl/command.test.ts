import { describe, expect, test } from 'vitest';
import { makeScope } from '../../src/repl/scope.ts';
import { runCli } from '../cli/run-cli.ts';

describe('cofferdam repl with a pipe', () => {
  test('answers line by line, in order, without prompts', async () => {
    const input = [
      'const links = await rt.link.list({})',
      "links.some((link) => link.ifname === 'lo')",
      'function twice(n) {',
      '  return 2 * n',
      '}',
      'await Promise.resolve(twice(21))',
      'rt.link.set("lo", { up: true })',
      '.exit',
      "'not reached'",
    ].join('\n');
    const { code, stdout, stderr } = await runCli(['repl'], { input });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [first, second, ...rest] = stdout.trimEnd().split('\n');
    expect([first, second]).toEqual(['true', '42']);
    expect(rest.join('\n')).toMatch(/^Uncaught:?\s+ReadOnlyError: rt\.link\.set\(\) changes the system/);
    expect(stdout).not.toContain('not reached');
  });

  test('says what was left open', async () => {
    const { code, stderr } = await runCli(['repl'], { input: 'globalThis.s = await RouteSocket.open()\n' });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^still open: netlink fd \d+ .*\n$/);
  });

  test('help names all that is in scope', async () => {
    const { code, stdout } = await runCli(['repl', '--help']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Usage: cofferdam .*repl/) });
    const scope = makeScope({ open: {}, allowWrite: false }, () => {});
    expect(Object.keys(scope).filter((name) => !new RegExp(`\\b${name}\\b`).test(stdout))).toEqual([]);
  });
});
