// What is no YAML, or YAML made to hurt: always the same kind of error, with the place, and soon.
import { describe, expect, it } from 'vitest';
import { parseSystemConfig } from '../../../src/system/config/index.ts';
import { issuesOf, refusal } from './support.ts';

const CASES: readonly (readonly [string, string | Uint8Array, string, string])[] = [
  ['nothing', '', '1:1', 'is empty'],
  ['blanks', ' \n\n', '1:1', 'is empty'],
  ['a comment', '# nothing\n', '1:1', 'is empty'],
  ['an empty document', '---\n...\n', '1:1', 'is empty'],
  ['null', 'null', '1:1', 'is empty'],
  ['two documents', 'name: a\n---\nname: b\n', '2:1', 'is the second of the file'],
  ['a tab', 'lifecycle:\n\ttimeout: 1\n', '2:1', 'is no YAML: tabs'],
  ['a key twice', 'name: a\nname: b\n', '2:1', 'has a key twice: name'],
  ['a key twice, below', 'lifecycle: { timeout: 1, timeout: 2 }', '1:26', 'has a key twice: timeout'],
  ['a quote too few', 'name: "a\n', '2:1', 'is no YAML: missing closing'],
  ['a bracket too few', 'security: { namespaces: [pid }', '1:30', 'is no YAML: '],
  ['bad indentation', 'lifecycle:\n   timeout: 1\n  interval: 2\n', '3:1', 'is no YAML: '],
  ['a colon too many', 'name: a: b', '1:7', 'is no YAML: nested mappings'],
  ['an escape that is none', 'name: "\\q"', '1:8', 'is no YAML: invalid escape'],
  ['an alias of nothing', 'name: *a', '1:7', 'has no anchor &a before it'],
  ['an alias of what comes later', 'name: *a\nhostname: &a x', '1:7', 'has no anchor &a before it'],
  ['an alias in itself', 'root: &a { binds: [*a] }', '1:20', 'is in what it means, &a'],
  ['a tag', 'name: !secret x', '1:7', 'is no YAML: unresolved tag'],
  ['a tag of another schema', 'name: !!binary aGVsbG8=', '1:7', 'is no YAML: unresolved tag'],
  ['a key that is no word', '? [name]\n: a', '1:3', 'is no YAML: with stringKeys'],
  ['a control character', 'name: a\nhostname: "\u001b[2J"', '2:12', 'has a control character, U+001b'],
  ['bytes of Latin-1', Buffer.from('name: b\u00fcld', 'latin1'), '1:8', 'is not UTF-8: byte 7 is 0xfc'],
  ['bytes of UTF-16', Buffer.from('\ufeffname: a', 'utf16le'), '1:1', 'is not UTF-8: byte 0 is 0xff'],
  ['bytes cut off', Buffer.from('# \ufffd\nname: ü').subarray(0, -1), '2:7', 'is not UTF-8: byte 12 is 0xc3'],
  ['deep nesting', '['.repeat(20_000), '1:51', 'is nested too deeply'],
  ['deep nesting of blocks', '- '.repeat(20_000), '1:101', 'is nested too deeply'],
  ['too much', 'a'.repeat(300_000), '1:1', 'is too long'],
  ['too many aliases', `a: &a 1\nb: [${'*a,'.repeat(101)}]`, '2:305', 'has too many aliases'],
  [
    'a billion laughs',
    [...'abcdefghi']
      .map((name, i, all) => `${name}: &${name} [${`*${all[i - 1]},`.repeat(9)}]`)
      .join('\n')
      .replaceAll('*undefined', 'ha'),
    '1:1',
    'says too much by aliases',
  ],
];

describe('what is no YAML', () => {
  it.each(CASES)('%s', (_, text, place, problem) => {
    const [{ line, column, ...issue }] = issuesOf(text) as [ReturnType<typeof issuesOf>[0]];
    expect(issue).toMatchObject({ field: 'document', problem: expect.stringContaining(problem) });
    expect(`${line}:${column}`).toContain(place);
  });

  it('is told soon however much of it there is', () => {
    // Ten thousand times ten thousand steps would not end within a test.
    const keys = Array.from({ length: 10_000 }, (_, i) => `key${i}: 1`).join('\n');
    expect(issuesOf(keys)).toHaveLength(10_000);
    expect(issuesOf(`a: [${'*b,'.repeat(10_000)}]`)[0]?.problem).toContain('no anchor');
    expect(issuesOf('a: '.repeat(10_000)).length).toBeGreaterThan(0);
  });

  it('has a line and a caret as well', () => {
    expect(refusal(() => parseSystemConfig('lifecycle:\n\ttimeout: 1', { file: 'a.yaml' })).message).toBe(
      [
        'a.yaml is not valid: 1 problem',
        '2:1: document: is no YAML: tabs are not allowed as indentation; give spaces',
        '  2 | \ttimeout: 1',
        '    | ^',
      ].join('\n'),
    );
  });
});

describe('YAML', () => {
  it('is that of version 1.2, whatever it says of itself', () => {
    const text =
      '%YAML 1.1\n---\nenvironment: { A: 0o17, B: 1_000, C: 12:30:00 }\nmonitoring: { interval: 0x10 }';
    const { environment, monitoring } = parseSystemConfig(text);
    expect(environment).toEqual({ A: '0o17', B: '1_000', C: '12:30:00' });
    expect(monitoring.interval).toBe(16_000);
    expect(issuesOf('<<: { name: a }')).toMatchObject([{ field: '["<<"]', problem: 'is no field' }]);
  });

  it('has numbers in the environment as they are written', () => {
    const text = 'environment: { VERSION: 1.10, MODE: 0o644, BIG: 12345678901234567890, 8080: "x" }';
    expect(parseSystemConfig(text).environment).toEqual({
      VERSION: '1.10',
      MODE: '0o644',
      BIG: '12345678901234567890',
      '8080': 'x',
    });
  });

  it('has aliases', () => {
    const text =
      'environment: { A: &v "1", B: *v }\nsecurity: { masked_paths: &p [/proc/keys], readonly_paths: *p }';
    const { environment, security } = parseSystemConfig(text);
    expect(environment).toEqual({ A: '1', B: '1' });
    expect(security.readonlyPaths).toEqual(['/proc/keys']);
    // What an alias means is where it can be changed.
    expect(issuesOf('security:\n  masked_paths: &p [x]\n  readonly_paths: *p')).toMatchObject([
      { field: 'security.masked_paths[0]', line: 2, column: 21 },
      { field: 'security.readonly_paths[0]', line: 2, column: 21 },
    ]);
  });

  it('may begin with a byte order mark, and have line breaks of Windows', () => {
    const bytes = Buffer.from('\ufeffname: a\r\nhostname: b\r\n');
    expect(parseSystemConfig(bytes)).toMatchObject({ name: 'a', hostname: 'b' });
    expect(issuesOf('\ufeffnme: a')).toMatchObject([{ line: 1, column: 1 }]);
  });

  it('is text or bytes', () => {
    expect(() => parseSystemConfig(5 as unknown as string)).toThrow(/^text: 5 is no text/);
  });

  it('has names of JavaScript as any others', () => {
    expect(issuesOf('__proto__: { name: a }')).toMatchObject([
      { field: '__proto__', problem: 'is no field' },
    ]);
    expect(issuesOf('constructor: a\ntoString: b')).toHaveLength(2);
    const { environment } = parseSystemConfig('environment: { __proto__: a, toString: b }');
    expect(Object.entries(environment)).toEqual([
      ['__proto__', 'a'],
      ['toString', 'b'],
    ]);
  });
});
