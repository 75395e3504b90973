import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AS_NOBODY, isRoot, runCli } from './run-cli.ts';

/** What the tour could leave on the host. */
function host() {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifname: string }[];
  let names: string[] = [];
  try {
    names = readdirSync('/run/netns');
  } catch {
    // Nobody ever named one.
  }
  return {
    links: links.map(({ ifname }) => ifname),
    // Other tests name theirs while this runs.
    names: names.filter((name) => !name.startsWith('cofferdam-test-')),
  };
}

const userNamespaces =
  spawnSync(AS_NOBODY[0] ?? '', [
    ...AS_NOBODY.slice(1),
    'unshare',
    '--user',
    '--map-root-user',
    '--net',
    '--mount',
    'true',
  ]).status === 0;

/** What has Node.js run a module before all others. */
const preloaded = (module: string) => `--import=data:text/javascript,${encodeURIComponent(module)}`;

function expectPromisesKept(stdout: string): void {
  expect(stdout).not.toContain('✗');
  expect(stdout).toContain('All as promised');
  expect(stdout).toContain('nothing left behind: 0 handles, 0 fds');
  expect(stdout).toMatch(/ResourceLeakWarning: netlink fd \d+ .*garbage collected without close\(\)/);
  expect(stdout).toMatch(/at openAndForget \(tour\/leak\.js:\d+\)/);
  expect(stdout).toContain('25 of 25 reported');
  expect(stdout).toContain('10.20.0.0/16');
  expect(stdout).toContain('blackhole 192.0.2.0/24');
}

describe.runIf(isRoot)('tour', () => {
  test('does the main job and leaves nothing', { timeout: 180_000 }, async () => {
    const before = host();
    const { code, stdout, stderr } = await runCli(['tour'], { timeout: 150_000 });
    expectPromisesKept(stdout);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('as root');
    expect(stdout).not.toContain('\u001b');
    expect(host()).toEqual(before);
  });

  test.runIf(userNamespaces)('in a user namespace, for nobody', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await runCli(['tour'], { under: AS_NOBODY, timeout: 150_000 });
    expectPromisesKept(stdout);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('in a user namespace of its own');
  });

  test('says what is missing where nothing helps: exit code 77', async () => {
    // As if inside already, and still without a capability.
    const { code, stdout, stderr } = await runCli(['tour'], {
      under: AS_NOBODY,
      env: { COFFERDAM_TOUR_INSIDE: '1' },
    });
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
    expect(stderr).toMatch(/^cofferdam: the tour needs CAP_SYS_ADMIN and CAP_NET_ADMIN/);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s half-way: everything is closed, exit code %i',
    { timeout: 180_000 },
    async (name, expected) => {
      const before = host();
      // By itself: before we have read what it says it may have come to its end.
      const signal = `
        const { write } = process.stdout;
        process.stdout.write = (...words) => {
          if (String(words[0]).includes('2.')) {
            process.stdout.write = write;
            process.kill(process.pid, '${name}');
          }
          return write.apply(process.stdout, words);
        };`;
      const { code, stderr, stdout } = await runCli(['tour'], { env: { NODE_OPTIONS: preloaded(signal) } });
      expect(stdout).toContain('2.');
      expect({ code, stderr }).toEqual({
        code: expected,
        stderr: 'cofferdam: interrupted; everything the tour made is gone\n',
      });
      expect(stdout).not.toContain('All as promised');
      expect(host()).toEqual(before);
    },
  );

  test('a failure half-way: said with its remedy, nothing left, exit code 1', {
    timeout: 180_000,
  }, async () => {
    const before = host();
    // Enough fds to build the network, too few for the leak. From the first word on: before that the command line is
    // still being loaded, here from hundreds of files at once.
    const limit = `
      import { execFileSync } from 'node:child_process';
      const { write } = process.stdout;
      process.stdout.write = (...words) => {
        process.stdout.write = write;
        execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=46:46']);
        return write.apply(process.stdout, words);
      };`;
    const { code, stdout, stderr } = await runCli(['tour'], { env: { NODE_OPTIONS: preloaded(limit) } });
    expect(code).toBe(1);
    expect(stdout).toContain('2.');
    expect(stdout).not.toContain('All as promised');
    expect(stderr).toMatch(/^cofferdam: EMFILE: .*\nThis process has no fd left: raise `ulimit -n`/);
    expect(host()).toEqual(before);
  });
});
