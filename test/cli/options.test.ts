import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/args.ts';
import { resolveObject, resolveVerb } from '../../src/cli/objects.ts';
import { parseCommandLine } from '../../src/cli/options.ts';

function parse(words: string[], environment: NodeJS.ProcessEnv = {}, terminal = false) {
  return parseCommandLine(words, { environment, terminal });
}

describe('global flags', () => {
  test('stop at the object', () => {
    const { options, words } = parse(['-j', '-d', '-n', 'blue', 'link', 'show', '-s']);
    expect(options).toMatchObject({ json: true, details: true, netns: 'blue', stats: 0 });
    expect(words).toEqual(['link', 'show', '-s']);
  });

  test('abbreviate as in ip: the first of its list wins', () => {
    expect(parse(['-s', '-s']).options.stats).toBe(2);
    expect(parse(['-br']).options.brief).toBe(true);
    expect(() => parse(['-b', 'file'])).toThrow(/-batch/);
    expect(parse(['--json', '--pretty', '--details']).options).toMatchObject({ json: true, pretty: true });
    expect(parse(['-N']).options.numeric).toBe(true);
    expect(parse(['-rc', '4096']).options.receiveBuffer).toBe(4096);
    expect(() => parse(['-'])).toThrow(UsageError);
    expect(() => parse(['-z'])).toThrow('Option "-z" is unknown, try "cofferdam --help".');
    expect(() => parse(['-n'])).toThrow('Command line is not complete');
  });

  test('families', () => {
    expect(['-4', '-6', '-0', '-M', '-B'].map((flag) => parse([flag]).options.family)).toEqual([
      'inet',
      'inet6',
      'link',
      'mpls',
      'bridge',
    ]);
    expect(parse(['-f', 'inet6']).options.family).toBe('inet6');
    expect(() => parse(['-f', 'ipx'])).toThrow('Error: argument "ipx" is wrong: invalid protocol family');
  });

  test('-h is -human, unless nothing follows', () => {
    expect(parse(['-h', 'link']).options).toMatchObject({ human: true, help: false });
    expect(parse(['-h']).options.help).toBe(true);
    expect(parse(['--help', 'link']).options.help).toBe(true);
  });

  test('colours: never for JSON, -c yields to NO_COLOR, -c=always does not', () => {
    expect(parse(['link']).options.color).toBe(false);
    expect(parse(['-c', 'link']).options.color).toBe(true);
    expect(parse(['-c', '-j', 'link']).options.color).toBe(false);
    expect(parse(['-c', 'link'], { NO_COLOR: '1' }).options.color).toBe(false);
    expect(parse(['-color=always', 'link'], { NO_COLOR: '1' }).options.color).toBe(true);
    expect(parse(['-c=auto', 'link'], {}, true).options.color).toBe(true);
    expect(parse(['-c=auto', 'link'], {}, false).options.color).toBe(false);
    expect(parse(['-c=never', 'link'], {}, true).options.color).toBe(false);
    expect(() => parse(['-c=blue', 'link'])).toThrow(UsageError);
  });

  test('COFFERDAM_DEBUG and --trace', () => {
    expect(parse([], { COFFERDAM_DEBUG: '1' }).options.trace).toBe(true);
    expect(parse(['--trace']).options.trace).toBe(true);
    expect(parse(['--timeout', '9', 'link']).options.timeout).toBe(9);
  });
});

describe('objects', () => {
  test('mean what they mean to ip', () => {
    const meanings: Record<string, string> = {
      a: 'address',
      addr: 'address',
      address: 'address',
      r: 'route',
      ro: 'route',
      ru: 'rule',
      rule: 'rule',
      n: 'neighbour',
      neigh: 'neighbour',
      neighbor: 'neighbour',
      neighbour: 'neighbour',
      l: 'link',
      link: 'link',
      nex: 'nexthop',
      nexthop: 'nexthop',
    };
    for (const [word, object] of Object.entries(meanings)) {
      expect(resolveObject(word), word).toEqual({ object });
    }
  });

  test('of ip that are not here keep their abbreviations', () => {
    expect(() => resolveObject('m')).toThrow('Object "m" (maddress) is not supported here');
    expect(() => resolveObject('t')).toThrow('"t" (tunnel)');
    expect(() => resolveObject('nh')).toThrow('Object "nh" is unknown, try "cofferdam help".');
    expect(resolveObject('tour')).toEqual({ command: 'tour' });
    expect(() => resolveObject('tou')).toThrow(UsageError);
  });

  test('verbs too', () => {
    for (const verb of ['s', 'sh', 'l', 'ls', 'list', 'lst', undefined]) {
      expect(catchVerb('address', verb), verb).toBe('show');
    }
    expect(catchVerb('address', 'lx')).toBe('unknown');
    // `ip link s` is `ip link set`.
    expect(catchVerb('link', 's')).toBe('unsupported');
    expect(catchVerb('link', 'sh')).toBe('show');
    expect(catchVerb('route', 'add')).toBe('unsupported');
    expect(catchVerb('route', 'help')).toBe('help');
  });
});

function catchVerb(object: Parameters<typeof resolveVerb>[0], verb: string | undefined): string {
  try {
    return resolveVerb(object, verb);
  } catch (error) {
    return (error as Error).message.includes('unknown') ? 'unknown' : 'unsupported';
  }
}
