import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { AS_NOBODY, isRoot, runCli } from './run-cli.ts';

describe('words', () => {
  test('none: usage on stderr, exit code 2', async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: cofferdam /);
  });

  test.each([[['--help']], [['-h']], [['help']], [['help', 'tc']], [['bridge', 'help']]])(
    '%j: usage on stdout, exit code 0',
    async (words) => {
      const { code, stdout, stderr } = await runCli(words);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: cofferdam /);
    },
  );

  test.each([
    [['nonsense'], 'Object "nonsense" is unknown, try "cofferdam help".'],
    [['-z', 'link'], 'Option "-z" is unknown, try "cofferdam --help".'],
    [['link', 'frobnicate'], 'Command "frobnicate" is unknown, try "cofferdam link help".'],
    [['-f', 'ipx', 'link'], 'Error: argument "ipx" is wrong: invalid protocol family'],
    [['doctor', 'please'], 'Argument "please" is unknown, try "cofferdam doctor --help".'],
    [['tour', 'please'], 'Argument "please" is unknown, try "cofferdam tour --help".'],
    [['repl', 'please'], 'Argument "please" is unknown, try "cofferdam repl --help".'],
  ])('%j are wrong: exit code 2, said on stderr', async (words, message) => {
    expect(await runCli(words)).toEqual({ code: 2, signal: null, stdout: '', stderr: `${message}\n` });
  });

  test.each([
    [['--timeout', '0', 'link'], /^cofferdam: timeout: 0 is no deadline/],
    [['-n', '', 'link'], /^cofferdam: name: "" is no name/],
  ])('%j: what the library refuses is a wrong word too', async (words, message) => {
    const { code, stdout, stderr } = await runCli(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test.each([['link'], ['address'], ['route'], ['rule'], ['neighbour'], ['nexthop']])(
    '%s help names its words',
    async (object) => {
      const { code, stdout } = await runCli([object, 'help']);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: cofferdam .*${object.slice(0, 4)}`));
      expect(await runCli(['help', object])).toMatchObject({ code: 0, stdout });
    },
  );

  test('version, for people and for jq', async () => {
    const { code, stdout } = await runCli(['-V']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cofferdam \d+\.\d+\.\d+, addon \d+\.\d+\.\d+, Node\.js /);
    const json = JSON.parse((await runCli(['-j', 'version'])).stdout) as { node: string };
    expect(json.node).toBe(process.versions.node);
  });
});

describe('showing', () => {
  test('JSON on stdout, all other words to stderr', async () => {
    const { code, stdout, stderr } = await runCli(['-j', 'link', 'show', 'dev', 'lo']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject([{ ifindex: 1, ifname: 'lo', link_type: 'loopback' }]);
  });

  test('a full disk is said in one line, with exit code 1', async () => {
    const under = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];
    const { code, stderr } = await runCli(['-j', 'link'], { under });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cofferdam: stdout: ENOSPC: [^\n]*\n$/);
  });

  test('abbreviated and pretty, as ip has it', async () => {
    const { stdout } = await runCli(['-j', '-p', 'a', 's', 'lo']);
    expect(stdout).toMatch(/^\[ \{\n {8}"ifindex": 1,\n/);
    const ip = execFileSync('ip', ['-j', '-p', 'a', 's', 'lo'], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(ip));
  });

  test('a reader that goes away early is no failure, and nothing is said', async () => {
    // Six objects' worth of text is more than a pipe buffers only on a big host: the reader is gone from the start.
    const { code, stderr } = await runCli(['-d', '-j', 'link'], { closeStdout: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('a device that is not there: exit code 1, in the words of ip', async () => {
    const { code, stdout, stderr } = await runCli(['link', 'show', 'dev', 'cofferdam-none']);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Device "cofferdam-none" does not exist.\n',
    });
  });

  test('a namespace that is not there: exit code 1', async () => {
    const { code, stdout, stderr } = await runCli(['-n', 'cofferdam-none', 'link']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe('Cannot open network namespace "cofferdam-none": No such file or directory\n');
  });

  test('--trace and COFFERDAM_DEBUG add the stack', async () => {
    const words = ['-n', 'cofferdam-none', 'link'];
    for (const result of [
      await runCli(['--trace', ...words]),
      await runCli(words, { env: { COFFERDAM_DEBUG: '1' } }),
    ]) {
      expect(result.stderr).toMatch(/\n\s+at .*netns/);
    }
  });

  test('no addon: exit code 1, and what helps', async () => {
    const { code, stderr } = await runCli(['link'], { env: { COFFERDAM_ADDON: '/nonexistent.node' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cofferdam: the native addon could not be loaded/);
    expect(stderr).toMatch(/What helps:\n {2}\S/);
  });
});

describe.runIf(isRoot)('without privileges', () => {
  test('reading works', async () => {
    const { code, stdout } = await runCli(['-j', 'route'], { under: AS_NOBODY });
    expect(code).toBe(0);
    expect(Array.isArray(JSON.parse(stdout))).toBe(true);
  });

  test('changing does not: exit code 77, in the words of ip, and the capability is named', async () => {
    const { code, stdout, stderr } = await runCli(['route', 'test', '192.0.2.0/24', 'dev', 'lo'], {
      under: AS_NOBODY,
    });
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
    expect(stderr).toMatch(/^RTNETLINK answers: Operation not permitted\nCAP_NET_ADMIN is missing: /);
  });

  test('entering a namespace does not: exit code 77, and the capability is named', async () => {
    const name = `cofferdam-test-${process.pid}-cli`;
    execFileSync('ip', ['netns', 'add', name]);
    try {
      expect((await runCli(['-n', name, '-j', 'link'])).code).toBe(0);
      const { code, stdout, stderr } = await runCli(['-n', name, 'link'], { under: AS_NOBODY });
      expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
      expect(stderr).toMatch(/^cofferdam: EPERM/);
      expect(stderr).toContain('CAP_SYS_ADMIN is missing');
    } finally {
      execFileSync('ip', ['netns', 'del', name]);
    }
  });
});
