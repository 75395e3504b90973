import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/args.ts';
import { type Program, resolveObject, resolveVerb } from '../../src/cli/objects.ts';
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
    expect(parse(['-b', 'file']).options.batch).toBe('file');
    expect(() => parse(['-e'])).toThrow('Option "-e" is unknown');
    expect(parse(['-echo', '-force', '-l', '3', '-a']).options).toMatchObject({
      echo: true,
      force: true,
      loops: 3,
      all: true,
    });
    expect(parse(['--json', '--pretty', '--details']).options).toMatchObject({ json: true, pretty: true });
    expect(parse(['-N']).options.numeric).toBe(true);
    expect(parse(['-rc', '4096']).options.receiveBuffer).toBe(4096);
    expect(() => parse(['-'])).toThrow(UsageError);
    expect(() => parse(['-z'])).toThrow('Option "-z" is unknown, try "cofferdam --help".');
    expect(() => parse(['-n'])).toThrow('Command line is not complete');
  });

  test('of bridge and tc stand before or behind their word', () => {
    for (const words of [
      ['-j', 'tc', 'qdisc', 'show'],
      ['tc', '-j', 'qdisc', 'show'],
    ]) {
      const { options, program, words: rest } = parse(words);
      expect({ json: options.json, program, rest }).toEqual({
        json: true,
        program: 'tc',
        rest: ['qdisc', 'show'],
      });
    }
    expect(parse(['-j', 'tc', '-s', '-r', '-g', 'class'])).toMatchObject({
      options: { json: true, stats: 1, raw: true, graph: true },
      words: ['class'],
    });
    // What a flag's abbreviation means is the program's to say.
    expect(parse(['tc', '-h']).options.help).toBe(true);
    expect(parse(['tc', '-p']).options.pretty).toBe(true);
    expect(() => parse(['tc', '-loops', '1'])).toThrow('Option "-loops" is unknown');
    expect(parse(['bridge', '-com', 'vlan']).options.compressVlans).toBe(true);
    expect(parse(['link']).program).toBe('ip');
    expect(parse(['ip', '-j', 'link'])).toMatchObject({
      program: 'ip',
      options: { json: true },
      words: ['link'],
    });
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
      expect(resolveObject(word), word).toMatchObject({ program: 'ip', object });
    }
  });

  test('of bridge and tc mean what they mean there', () => {
    expect(resolveObject('l', 'bridge')).toMatchObject({ program: 'bridge', object: 'link' });
    expect(resolveObject('v', 'bridge')).toMatchObject({ object: 'vlan' });
    expect(resolveObject('a', 'tc')).toMatchObject({ object: 'actions' });
    expect(resolveObject('c', 'tc')).toMatchObject({ object: 'class' });
    expect(resolveObject('ch', 'tc')).toMatchObject({ object: 'chain' });
    expect(() => resolveObject('doctor', 'tc')).toThrow(
      'Object "doctor" is unknown, try "cofferdam tc help".',
    );
    expect(() => resolveObject('e', 'tc')).toThrow('Object "e" (exec) is not supported here');
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
      expect(verbOf('address', verb), verb).toBe('show');
    }
    expect(() => verbOf('address', 'lx')).toThrow('Command "lx" is unknown, try "cofferdam address help".');
    // `ip link s` is `ip link set`.
    expect(verbOf('link', 's')).toBe('set');
    expect(verbOf('link', 'sh')).toBe('show');
    expect(verbOf('route', 'a')).toBe('add');
    expect(verbOf('route', 'd')).toBe('delete');
    expect(verbOf('route', 'help')).toBe('help');
    expect(verbOf('neigh', 'd')).toBe('delete');
    expect(verbOf('qdisc', 'l', 'tc')).toBe('link');
    expect(verbOf('qdisc', 'ls', 'tc')).toBe('show');
    // bridge takes a few in full only.
    expect(verbOf('fdb', 'flush', 'bridge')).toBe('flush');
    expect(() => verbOf('fdb', 'f', 'bridge')).toThrow(
      'Command "f" is unknown, try "cofferdam bridge fdb help".',
    );
  });
});

function verbOf(object: string, verb: string | undefined, program?: Program): string {
  const meant = resolveObject(object, program);
  if ('command' in meant) throw new TypeError(`${object} is a command`);
  return resolveVerb(meant, verb);
}
