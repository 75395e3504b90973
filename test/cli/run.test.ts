// `cofferdam run`: a program in a system, as if it ran here.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cgroupMode } from '../../src/cgroup/hierarchy.ts';
import { endText } from '../../src/cli/system/run-end.ts';
import { eventText } from '../../src/cli/system/run-events.ts';
import { type Draft, readRunWords } from '../../src/cli/system/run-words.ts';
import { checkSystemConfig } from '../../src/system/config/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledDist } from '../support/compiled.ts';
import { type CliOptions, runCli } from './run-cli.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const { controllers } = cgroupMode();
let directory: string;

beforeAll(() => {
  compiledDist();
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
}, 180_000);
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => eventually('nothing is left', () => !existsSync(join(mount, GROUP))));

const run = (words: readonly string[], options?: CliOptions) =>
  runCli(['run', '-q', '--group', GROUP, ...words], options);
const shell = (script: string, ...options: string[]) => run([...options, '--', 'sh', '-c', script]);

describe('the program', () => {
  test('has stdin, stdout and stderr, and its exit code is ours', async () => {
    const words = ['sh', '-c', 'cat; echo wrong >&2; exit 7'];
    expect(await run(words, { input: 'through\n' })).toEqual({
      code: 7,
      signal: null,
      stdout: 'through\n',
      stderr: 'wrong\n',
    });
    expect(await shell('kill -9 $$')).toMatchObject({ code: 137, stderr: '' });
  });

  test('that cannot be run is told as by a shell', async () => {
    expect(await run(['no-such-program'])).toMatchObject({
      code: 127,
      stderr: 'cofferdam: no-such-program: No such file or directory\n',
    });
    expect(await run(['/etc/passwd'])).toMatchObject({
      code: 126,
      stderr: 'cofferdam: /etc/passwd: Permission denied\n',
    });
  });

  test('gets fds that block', async () => {
    const { stdout } = await shell('cat /proc/self/fdinfo/1');
    const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(stdout)?.[1] ?? '', 8);
    expect(flags & 0o4000).toBe(0);
  });

  test('ends with what it started', async () => {
    // Its stdout is open until the last who has it is gone.
    expect(await shell('sleep 1000 & echo begun')).toMatchObject({ code: 0, stdout: 'begun\n' });
  });
});

describe('options', () => {
  test('stand above what the file says', async () => {
    const file = join(directory, 'job.yaml');
    writeFileSync(
      file,
      [
        `name: ${GROUP}-other/job`,
        'hostname: builder',
        'workdir: /usr',
        'environment: { ONE: 1, TWO: 2 }',
        `root: { binds: ['${directory}:/first:ro'] }`,
      ].join('\n'),
    );
    const script =
      'hostname; pwd; echo $ONE $TWO $THREE $COFFERDAM_TEST; ls -d /first /second; cd /first; touch x || echo ro';
    const words = ['--config', file, '--env', 'TWO=two', '--env=THREE=3', '--env', 'COFFERDAM_TEST'];
    const { code, stdout } = await run(
      [...words, '--hostname', 'mine', '--bind', `${directory}:/second`, '--', 'sh', '-c', script],
      { env: { COFFERDAM_TEST: 'here' } },
    );
    expect(stdout.split('\n')).toEqual(['mine', '/usr', '1 two 3 here', '/first', '/second', 'ro', '']);
    expect(code).toBe(0);
  });

  /** What the words make of a configuration. */
  const made = (words: readonly string[], draft: Draft = {}): Draft => {
    for (const change of readRunWords(words).changes) change(draft);
    return draft;
  };

  test('are the fields of a configuration', () => {
    const words =
      '--name ci/a --memory 2G --memory-high 1G --swap 0 --cpu-weight 50 --pids 10 --io-weight 20 --io-max 5M ' +
      '--timeout 90 --grace 5s --workdir /w --user 1:2 --layer /b --layer /c ' +
      '--network br0 --address 10.0.0.2/24 --gateway 10.0.0.1 --nat --publish 8080:80 --publish 53:53/udp';
    const draft = made(words.split(' '), { group: 'other', root: { layers: ['/a'] }, network: 'none' });
    expect(draft).toEqual({
      name: 'ci/a',
      resource_limits: {
        memory: { max: '2G', high: '1G', swap: 0 },
        cpu: { weight: 50 },
        pids: { max: 10 },
        io: { weight: 20, max: '5M' },
      },
      lifecycle: { timeout: 90, grace_period: '5s' },
      workdir: '/w',
      user: '1:2',
      root: { layers: ['/b', '/c'] },
      network: {
        bridge: 'br0',
        address: ['10.0.0.2/24'],
        gateway: ['10.0.0.1'],
        nat: true,
        forwards: ['8080:80', '53:53/udp'],
      },
    });
    expect(checkSystemConfig(draft)).toMatchObject({ name: 'a', group: 'ci' });
    expect(made(['--network', 'host'], { network: { bridge: 'br0' } })).toEqual({ network: 'host' });
    expect(made(['--cpus', '1.5'])).toEqual({ resource_limits: { cpu: { max: '150000 100000' } } });
    expect(made(['--cpus', 'max 100000'])).toEqual({ resource_limits: { cpu: { max: 'max 100000' } } });
    expect(made(['--bind', 'here:/there:ro'])).toEqual({
      root: { binds: [`${process.cwd()}/here:/there:ro`] },
    });
  });

  test.each([
    [[], 'No program to run, try "cofferdam run --help".'],
    [['--frobnicate', 'true'], 'Option "--frobnicate" is unknown, try "cofferdam run --help".'],
    [['--name'], 'Option "--name" wants a value, try "cofferdam run --help".'],
    [['--rm=1', 'true'], 'Option "--rm" takes no value.'],
    [['--memory', '1X', 'true'], '--memory: "1X" is no size; give '],
    [['--bind', '/a:b', 'true'], '--bind: "/a:b" '],
    [['--address', '10.0.0.2/24', 'true'], 'network.bridge: '],
  ])('%j are wrong: exit code 2', async (words, message) => {
    const { code, stdout, stderr } = await run(words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  test('of a file that is wrong are told with line and column', async () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'resource_limits:\n  memry: { max: 1G }\n');
    const { code, stderr } = await run(['--config', file, 'true']);
    expect(code).toBe(2);
    expect(stderr).toContain("2:3: resource_limits.memry: is no field; did you mean 'memory'?");
    expect(await run(['--config', join(directory, 'none'), 'true'])).toMatchObject({ code: 1 });
  });

  test('help', async () => {
    const { code, stdout } = await runCli(['run', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: cofferdam run /);
    expect(await runCli(['help', 'run'])).toMatchObject({ code, stdout });
  });
});

describe('limits', () => {
  test.skipIf(controllers.includes('memory'))(
    'that were asked for and cannot be kept are a failure',
    async () => {
      const { code, stderr } = await run(['--memory', '1G', 'true']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^cofferdam: \/ has no memory controller: /);
    },
  );

  test.skipIf(controllers.includes('memory'))('by default are counted in one line', async () => {
    const words = ['run', '--group', GROUP, 'true'];
    expect((await runCli(words)).stderr).toMatch(
      /^cofferdam: this host cannot keep default limits of \d controllers?: -d says which and why\n$/,
    );
    expect((await runCli(['-d', ...words])).stderr).toMatch(/^(cofferdam: no default limits of \w+: .*\n)+$/);
  });
});

describe('the end', () => {
  test('by its time is told', async () => {
    // Long enough for the program to begin.
    expect(await run(['--timeout', '2s', '--grace', '20s', 'sleep', '100'])).toMatchObject({
      code: 143,
      stderr: 'cofferdam: timeout after 2s\n',
    });
    const deaf = await shell('trap "" TERM; sleep 100', '--timeout', '2', '--grace', '0.1');
    expect(deaf).toMatchObject({ code: 137, stderr: 'cofferdam: timeout after 2s\n' });
  });

  test('by other things has words', () => {
    const spec = checkSystemConfig({ resource_limits: { memory: { max: '1G' } } });
    const result = { exitCode: 137, signal: 'SIGKILL', reason: 'killed', usage: undefined } as const;
    const end = { reason: 'stopped', statistics: {}, exports: [] } as const;
    expect(endText(spec, result, end)).toBeUndefined();
    expect(endText(spec, { ...result, reason: 'oom' }, end)).toBe('out of memory (memory.max 1.00Gi)');
    expect(endText(spec, result, { ...end, reason: 'oom' })).toBe('out of memory (memory.max 1.00Gi)');
    expect(endText(spec, result, { ...end, reason: 'supervisor' })).toMatch(/^the supervisor was killed/);
    expect(endText(spec, result, { ...end, reason: 'init' })).toMatch(/^pid 1 of the system was killed/);
  });

  test('by what was used too much for too long is told, and what was', async () => {
    const file = join(directory, 'monitored.yaml');
    const words = [
      'run',
      '--config',
      file,
      '--group',
      GROUP,
      '--grace',
      '0',
      '--',
      'sh',
      '-c',
      'while :; do :; done',
    ];
    writeFileSync(file, 'monitoring: { interval: 100ms, cpu_threshold: 0.2, action: stop }');
    const { code, stderr } = await runCli(words);
    expect(code).toBe(137);
    expect(stderr.split('\n').slice(-3)).toEqual([
      expect.stringMatching(
        /^cofferdam: cpu: \d\.\d\d of 0\.50 CPUs for (\d{3}ms|\d+s), which is beyond 20%$/,
      ),
      'cofferdam: too much cpu for too long, and monitoring.action is stop',
      '',
    ]);
    const { stderr: json } = await runCli(['-j', ...words]);
    expect(JSON.parse(json.trim().split('\n').at(-1) ?? '')).toMatchObject({
      end: 'cpu',
      events: [{ type: 'over', resource: 'cpu' }],
    });
  });

  test('of too much has words', () => {
    const event = { type: 'over', used: 900, limit: 1000, threshold: 0.875, duration: 15_123 } as const;
    expect(eventText({ ...event, resource: 'pids' })).toBe(
      'pids: 900 of 1000 processes for 15s, which is beyond 87.5%',
    );
    expect(eventText({ ...event, type: 'under', resource: 'memory', used: 0, limit: 1 << 30 })).toBe(
      'memory: 0 of 1.00Gi again, after 15s beyond 87.5%',
    );
  });

  test('is a record: in a file, or as the last line on stderr', async () => {
    const report = join(directory, 'report.json');
    const { code, stderr } = await shell('exit 3', '--name', 'one', '--json', '--report', report);
    expect(code).toBe(3);
    const record = JSON.parse(stderr);
    expect(record).toMatchObject({
      name: 'one',
      group: GROUP,
      cgroup: `/${GROUP}/cofferdam-one`,
      exitCode: 3,
      signal: null,
      reason: 'exited',
      end: 'stopped',
      usage: { maxRss: expect.any(Number) },
      statistics: { 'cpu.stat': { usage_usec: expect.any(Number) } },
    });
    expect(JSON.parse(readFileSync(report, 'utf8'))).toEqual(record);
    const nowhere = await shell('echo ran', '--report', join(directory, 'none', 'report.json'));
    expect(nowhere).toMatchObject({ code: 1, stdout: '' });
    expect(nowhere.stderr).toContain('ENOENT');
  });
});

describe('signals', () => {
  /** Sends them one after the other, each when the program has said something more. */
  const signalled = (script: string, ...signals: NodeJS.Signals[]) =>
    run(['--', 'sh', '-c', script], {
      onOutput: (_, kill) => {
        const signal = signals.shift();
        if (signal !== undefined) kill(signal);
      },
    });
  const WAIT = 'while :; do sleep 0.05; done';

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('%s is passed on', async (signal) => {
    const name = signal.slice(3);
    expect(await signalled(`trap "echo got; exit 9" ${name}; echo ready; ${WAIT}`, signal)).toMatchObject({
      code: 9,
      stdout: 'ready\ngot\n',
    });
  });

  test('a second SIGINT ends everything', async () => {
    const script = `trap "echo got" INT; trap "" TERM; echo ready; ${WAIT}`;
    expect(await signalled(script, 'SIGINT', 'SIGINT')).toMatchObject({ code: 137, stdout: 'ready\ngot\n' });
  });

  test('SIGKILL leaves nothing behind', async () => {
    expect(await signalled(`echo ready; ${WAIT}`, 'SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
  });
});
