import { describe, expect, test } from 'vitest';
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

  test('help', async () => {
    expect(await runCli(['repl', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: cofferdam .*repl/),
    });
  });
});
