import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchLines, splitWords } from '../../src/cli/batch-lines.ts';
import { lookUntil } from '../support/look.ts';
import { captured, Twin } from '../support/twin.ts';
import { isRoot, runCli } from './run-cli.ts';

function linesOf(...chunks: string[]): [number, string][] {
  const lines = new BatchLines();
  const found = chunks.flatMap((chunk) => [...lines.push(chunk)]);
  return [...found, ...lines.end()].map(({ number, text }) => [number, text]);
}

describe('the lines of a batch', () => {
  test('are numbered as in the file, in whatever pieces they come', () => {
    expect(linesOf('a b\n\nc\n')).toEqual([
      [1, 'a b'],
      [3, 'c'],
    ]);
    expect(linesOf('a', ' b\nc', '\n')).toEqual([
      [1, 'a b'],
      [2, 'c'],
    ]);
    expect(linesOf('no end')).toEqual([[1, 'no end']]);
  });

  test('end at a #, and go on behind a backslash', () => {
    expect(linesOf('# all of it\na # rest\nb \\\nc\\\nd\ne\n')).toEqual([
      [2, 'a '],
      [5, 'b cd'],
      [6, 'e'],
    ]);
    expect(() => linesOf('a \\\n')).toThrow('Missing continuation line');
    // In a comment it is no end of the line.
    expect(linesOf('a # b \\\nc\n')).toEqual([
      [1, 'a '],
      [2, 'c'],
    ]);
  });

  test.each([
    ['a b', ['a', 'b']],
    ['  a\t b \r', ['a', 'b']],
    ['', []],
    ['   ', []],
    [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
    [`a "it's" ''`, ['a', "it's", '']],
    // A quote inside of a word is part of it.
    [`a b'c d`, ['a', "b'c", 'd']],
  ])('%j has its words', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test('with a quote that does not end are refused', () => {
    expect(() => splitWords(`a 'b c`)).toThrow('Unterminated quoted string');
  });
});

describe.runIf(isRoot)('a batch', () => {
  let twin: Twin;
  let directory: string;
  let file: string;
  beforeAll(() => {
    twin = new Twin([
      'link set lo up',
      'link add v0 type veth peer name v1',
      'link set v0 up',
      'link set v1 up',
    ]);
    directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-batch-'));
    file = join(directory, 'lines');
  });
  afterAll(() => {
    twin[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });

  /** The routes of both, when their links have their carriers. */
  async function settled(): Promise<{ ours: string[]; theirs: string[] }> {
    const look = () => ({ ours: routes(twin.ours), theirs: routes(twin.theirs) });
    const isSettled = (route: string) => !route.includes('linkdown');
    return await lookUntil(look, ({ ours, theirs }) => [...ours, ...theirs].every(isSettled));
  }

  function routes(name: string): string[] {
    const text = execFileSync('ip', ['-n', name, '-4', 'route', 'show', 'table', 'all'], {
      maxBuffer: 1 << 28,
      encoding: 'utf8',
    });
    return text.split('\n').filter((line) => /^\d/.test(line));
  }

  /** The same file with both, and what both say of it. */
  async function both(lines: string, ...flags: string[]) {
    writeFileSync(file, lines);
    const theirs = twin.runTheirs([...flags, '-batch', file]);
    const ours = await twin.runOurs([...flags, '-batch', file]);
    return { theirs, ours };
  }

  test('does what the lines say, in their order', async () => {
    const lines = `addr add 10.1.0.1/24 dev v0
route add 10.9.1.0/24 via 10.1.0.2   # a comment
route add 10.9.2.0/24 \\
  via 10.1.0.2
rule add from 10.9.0.0/16 "table" '77' pref 9
route del 10.9.1.0/24
route add 10.9.1.0/24 via 10.1.0.3 metric 7
neigh add 10.1.0.9 lladdr 2:0:0:0:0:9 dev v0
link set v1 down
link set v1 up
`;
    const { theirs, ours } = await both(lines);
    expect(ours).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(theirs).toEqual(ours);
    const made = await settled();
    expect(made.ours).toEqual(made.theirs);
    expect(made.ours.some((route) => route.startsWith('10.9.1.0/24 via 10.1.0.3'))).toBe(true);
  });

  test('what a line shows has what the lines before it did', async () => {
    const lines = 'route add 10.9.3.0/24 dev v0\nroute show 10.9.3.0/24\nroute get 10.9.3.7\n';
    const { theirs, ours } = await both(lines);
    expect(ours.stdout).toMatch(/^10\.9\.3\.0\/24 dev v0 scope link \n10\.9\.3\.7 dev v0/);
    expect(ours).toEqual(theirs);
  });

  test('ends with the first line that fails', async () => {
    const lines = `route add 10.9.10.0/24 dev v0
route add 10.9.10.0/24 dev v0
route add 10.9.11.0/24 dev v0
`;
    const { theirs, ours } = await both(lines);
    expect(ours).toEqual({
      code: 1,
      stdout: '',
      stderr: `RTNETLINK answers: File exists\nCommand failed ${file}:2\n`,
    });
    expect(theirs).toEqual(ours);
    expect(routes(twin.ours).some((route) => route.startsWith('10.9.11.0'))).toBe(false);
  });

  test('with -force goes on, and tells of each line that fails', async () => {
    const lines = `route add 10.9.20.0/24 dev v0
route add 10.9.20.0/24 dev v0
route add 10.9.21.0/24 dev v0

route del 10.9.99.0/24
route add 10.9.22.0/24 dev v0
`;
    const { theirs, ours } = await both(lines, '-force');
    expect(ours).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `RTNETLINK answers: File exists\nCommand failed ${file}:2\n` +
        `RTNETLINK answers: No such process\nCommand failed ${file}:5\n`,
    });
    expect(theirs).toEqual(ours);
    const made = await settled();
    expect(made.ours).toEqual(made.theirs);
  });

  test('wrong words are a line that fails, told of in their place', async () => {
    writeFileSync(
      file,
      'route add 10.9.30.0/24 dev v0\nroute add 10.9.30.0/24 dev v0\nroute add nonsense\nnonsense\ndoctor\n',
    );
    const { code, stderr } = await captured(['-n', twin.ours, '-force', '-b', file]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `RTNETLINK answers: File exists\nCommand failed ${file}:2\n` +
        `Error: any valid prefix is expected rather than "nonsense".\nCommand failed ${file}:3\n` +
        `Object "nonsense" is unknown, try "cofferdam help".\nCommand failed ${file}:4\n` +
        `Command "doctor" has no place in a batch.\nCommand failed ${file}:5\n`,
    );
    // Without -force the second line is the last one.
    const stopped = await captured(['-n', twin.ours, '-b', file]);
    expect(stopped.stderr).toBe(`RTNETLINK answers: File exists\nCommand failed ${file}:1\n`);
  });

  test('links that come up on the way can be named', async () => {
    const lines = `link add w0 type veth peer name w1
link set w0 up
addr add 10.8.0.1/24 dev w0
route add 10.9.40.0/24 dev w0
link del w0
route add 10.9.41.0/24 dev w0
`;
    writeFileSync(file, lines);
    const { code, stderr } = await captured(['-n', twin.ours, '-b', file]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Cannot find device "w0"\nCommand failed ${file}:6\n`,
    });
  });

  test('more changes than go together', { timeout: 180_000 }, async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `route add 10.20.${i >> 8}.${i & 255} dev v0`);
    many[18_000] = 'route add 10.20.0.0 dev v0';
    writeFileSync(file, `${many.join('\n')}\n`);
    const { code, stderr } = await captured(['-n', twin.ours, '-b', file]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `RTNETLINK answers: File exists\nCommand failed ${file}:18001\n`,
    });
    const made = routes(twin.ours).filter((route) => route.startsWith('10.20.'));
    expect(made).toHaveLength(18_000);
  });

  test('from stdin, and a file that is not there', { timeout: 240_000 }, async () => {
    const input = 'route add 10.9.50.0/24 dev v0\nroute show 10.9.50.0/24';
    expect(await runCli(['-n', twin.ours, '-b', '-'], { input })).toMatchObject({
      code: 0,
      stdout: '10.9.50.0/24 dev v0 scope link \n',
    });
    const failed = await runCli(['-n', twin.ours, '-batch', '-'], { input: 'route del 10.9.51.0/24\n' });
    expect(failed).toMatchObject({
      code: 1,
      stderr: 'RTNETLINK answers: No such process\nCommand failed -:1\n',
    });
    expect(await runCli(['-b', join(directory, 'none')])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Cannot open file ".*none" for reading: No such file or directory\n$/),
    });
  });
});
