// What is wrong with single fields: where it is, what it is called, what is wrong with it, and what was meant.
import { describe, expect, it } from 'vitest';
import { checkSystemConfig, parseSystemConfig, type SystemConfig } from '../../../src/system/config/index.ts';
import { issuesOf, refusal } from './support.ts';

/** Text, place, field, the problem, and the nearest word. */
const CASES: readonly (readonly [
  text: string,
  place: string,
  field: string,
  problem: string,
  nearest?: string,
])[] = [
  ['memroy: 1', '1:1', 'memroy', 'is no field', 'resource_limits.memory'],
  ['memory: 1', '1:1', 'memory', 'is no field', 'resource_limits.memory'],
  ['bridge: br0', '1:1', 'bridge', 'is no field'],
  ['resourceLimits: {}', '1:1', 'resourceLimits', 'is no field', 'resource_limits'],
  ['resource_limits:\n  memry:\n    max: 1G', '2:3', 'resource_limits.memry', 'is no field', 'memory'],
  ['resource_limits: { memory: { max: 1X } }', '1:35', 'resource_limits.memory.max', 'is no size'],
  ['resource_limits: { memory: { max: maxx } }', '1:35', 'resource_limits.memory.max', 'is no size', 'max'],
  ['resource_limits: { memory: { max: 0 } }', '1:35', 'resource_limits.memory.max', 'is out of range'],
  ['resource_limits: { memory: { swap: -1 } }', '1:36', 'resource_limits.memory.swap', 'is out of range'],
  ['resource_limits: { memory: { max: 9E } }', '1:35', 'resource_limits.memory.max', 'is out of range'],
  ['resource_limits: { memory: 1G }', '1:28', 'resource_limits.memory', 'is no object'],
  ['resource_limits: { cpu: { weight: 0 } }', '1:35', 'resource_limits.cpu.weight', 'is out of range'],
  ['resource_limits: { cpu: { weight: 10001 } }', '1:35', 'resource_limits.cpu.weight', 'is out of range'],
  ['resource_limits: { cpu: { weight: "100" } }', '1:35', 'resource_limits.cpu.weight', 'is no number'],
  ['resource_limits: { cpu: { max: 999 } }', '1:32', 'resource_limits.cpu.max', 'quota that the kernel'],
  ['resource_limits: { cpu: { max: 1000 1 } }', '1:32', 'resource_limits.cpu.max', 'period that the kernel'],
  ['resource_limits: { pids: { max: 0 } }', '1:33', 'resource_limits.pids.max', 'is out of range'],
  ['resource_limits: { pids: { max: 1K } }', '1:33', 'resource_limits.pids.max', 'is no count'],
  ['resource_limits: { io: { weight: 1.5 } }', '1:34', 'resource_limits.io.weight', 'is out of range'],
  ['resource_limits: { io: { max: 0 } }', '1:31', 'resource_limits.io.max', 'is out of range'],
  [
    'resource_limits: { cpuset: { cpus: 0-x } }',
    '1:36',
    'resource_limits.cpuset.cpus',
    'is no list of numbers',
  ],
  [
    'resource_limits: { cpuset: { mems: "" } }',
    '1:36',
    'resource_limits.cpuset.mems',
    'is no list of numbers',
  ],
  ['lifecycle: { timeout: 0 }', '1:23', 'lifecycle.timeout', 'is out of range'],
  ['lifecycle:\n  timeout:\n  grace_period: 1', '2:3', 'lifecycle.timeout', 'is no time'],
  ['lifecycle: { timeout: 1y }', '1:23', 'lifecycle.timeout', 'is no time'],
  ['lifecycle: { timeout: 366d }', '1:23', 'lifecycle.timeout', 'is out of range'],
  ['lifecycle: { timeout: .inf }', '1:23', 'lifecycle.timeout', 'is no time'],
  ['lifecycle: { idle_timeout: non }', '1:28', 'lifecycle.idle_timeout', 'is no time', 'none'],
  ['lifecycle: { gracePeriod: 1 }', '1:14', 'lifecycle.gracePeriod', 'is no field', 'grace_period'],
  ['monitoring: { interval: 1ms }', '1:25', 'monitoring.interval', 'is out of range'],
  ['monitoring: { memory_threshold: 0 }', '1:33', 'monitoring.memory_threshold', 'is no threshold'],
  ['monitoring: { cpu_threshold: 80% }', '1:30', 'monitoring.cpu_threshold', 'is no threshold'],
  ['security: { namespaces: [pid, nett] }', '1:31', 'security.namespaces[1]', 'none of the words', 'net'],
  ['security: { namespaces: [pid, pid] }', '1:31', 'security.namespaces[1]', 'there already, as [0]'],
  ['security: { namespaces: pid }', '1:25', 'security.namespaces', 'is no list'],
  [
    'security: { capabilities: { drop: [SYS_ADMN] } }',
    '1:36',
    'security.capabilities.drop[0]',
    'is no cap',
    'CAP_SYS_ADMIN',
  ],
  ['security: { seccomp: unconfind }', '1:22', 'security.seccomp', 'is no seccomp', 'unconfined'],
  ['security: { seccomp: a/b.json }', '1:22', 'security.seccomp', 'is no absolute path'],
  ['security: { apparmor: "a b" }', '1:23', 'security.apparmor', 'is no name of a profile'],
  ['security: { landlock: {} }', '1:23', 'security.landlock', 'leaves no path'],
  ['security: { landlock: nome }', '1:23', 'security.landlock', 'none of the words', 'none'],
  [
    'security: { landlock: { read_olny: [], read_write: [/a] } }',
    '1:25',
    'security.landlock.read_olny',
    'is no field',
    'read_only',
  ],
  ['security: { masked_paths: [proc/kcore] }', '1:28', 'security.masked_paths[0]', 'is no absolute path'],
  ['security: { uid_map: ["0 1"] }', '1:23', 'security.uid_map[0]', 'is no range of ids'],
  [
    'security: { uid_map: [{ inside: 0, outside: 1, count: 0 }] }',
    '1:55',
    'security.uid_map[0].count',
    'is out of range',
  ],
  ['security: { uid_map: ["0 1 4294967296"] }', '1:23', 'security.uid_map[0].count', 'is out of range'],
  ['security: { no_new_privs: yes }', '1:27', 'security.no_new_privs', 'is no boolean', 'true'],
  ['root: { layers: [a] }', '1:18', 'root.layers[0]', 'is no absolute path'],
  ['root: { layers: [/a, /a/] }', '1:22', 'root.layers[1]', 'there already'],
  ['root: { upper: tmfs }', '1:16', 'root.upper', 'is no place to write to', 'tmpfs'],
  ['root: { upper: / }', '1:16', 'root.upper', 'is the root itself'],
  ['root: { size: 1K }', '1:15', 'root.size', 'is out of range'],
  ['root: { size: max }', '1:15', 'root.size', 'is no size'],
  ['root: { binds: ["/a:/b:or"] }', '1:17', 'root.binds[0]', 'neither ro nor rw', 'ro'],
  ['root: { binds: ["/a:/b:/c"] }', '1:17', 'root.binds[0]', 'too many colons'],
  ['root: { binds: ["/a:/b/../c"] }', '1:17', 'root.binds[0]', "has steps '.' or '..'"],
  ['root: { binds: ["/a:/"] }', '1:17', 'root.binds[0]', 'is the root itself'],
  ['root: { binds: [/] }', '1:17', 'root.binds[0]', 'is the root itself'],
  ['root: { binds: [/a:/b, /c:/b] }', '1:24', 'root.binds[1]', 'there already, as [0]'],
  ['root: { binds: [5] }', '1:17', 'root.binds[0]', 'is no bind'],
  ['root: { binds: [{ target: /a }] }', '1:17', 'root.binds[0].source', 'is missing'],
  ['root: { binds: [{ source: /a, tarset: /b }] }', '1:31', 'root.binds[0].tarset', 'is no field', 'target'],
  ['root: { exports: [/a] }', '1:19', 'root.exports[0]', 'is no export'],
  ['network: nome', '1:10', 'network', 'is no network', 'none'],
  ['network: { bridge: br0 }', '1:1', 'network.address', 'is missing'],
  ['network: { address: 10.1.0.2/24 }', '1:1', 'network.bridge', 'is missing'],
  ['network: { bridge: a/b, address: 10.1.0.2/24 }', '1:20', 'network.bridge', 'is no name for a link'],
  ['network: { bridge: b, address: 10.1.0.2 }', '1:32', 'network.address', 'has no length of a prefix'],
  ['network: { bridge: b, address: 10.1.0.0/24 }', '1:32', 'network.address', 'the network itself'],
  ['network: { bridge: b, address: 10.1.0.255/24 }', '1:32', 'network.address', 'the broadcast address'],
  ['network: { bridge: b, address: 224.0.0.1/24 }', '1:32', 'network.address', 'no address of a host'],
  ['network: { bridge: b, address: 10.1.0.2/33 }', '1:32', 'network.address', 'is no address'],
  ['network: { bridge: b, address: [10.1.0.2/24, x] }', '1:46', 'network.address[1]', 'is no address'],
  [
    'network: { bridge: b, address: 10.1.0.2/24, gateway: 10.2.0.1 }',
    '1:54',
    'network.gateway',
    'in none of the networks',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, gateway: 10.1.0.2 }',
    '1:54',
    'network.gateway',
    'is the system itself',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, gateway: [10.1.0.1, 10.1.0.3] }',
    '1:65',
    'network.gateway[1]',
    'there already',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, routes: [10.2.0.1/16] }',
    '1:54',
    'network.routes[0]',
    'behind its prefix',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, routes: [10.2.0.0/16 via] }',
    '1:54',
    'network.routes[0]',
    'is no route',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, routes: [10.2.0.0/16 via fe80::1] }',
    '1:54',
    'network.routes[0]',
    'another family',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, routes: [10.2.0.0/16 via 10.9.0.1] }',
    '1:54',
    'network.routes[0]',
    'none of the networks',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: ["80"] }',
    '1:56',
    'network.forwards[0]',
    'is no forward',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: [80:80/tpc] }',
    '1:56',
    'network.forwards[0]',
    'is none',
    'tcp',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: [80:65536] }',
    '1:56',
    'network.forwards[0]',
    'is out of range',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: [1.2.3:80:80] }',
    '1:56',
    'network.forwards[0]',
    'is no address',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: [80:80, 127.0.0.1:80:81] }',
    '1:63',
    'network.forwards[1]',
    'is taken by [0]',
  ],
  [
    'network: { bridge: b, address: 10.1.0.2/24, forwards: ["[::1]:80:80"] }',
    '1:56',
    'network.forwards[0]',
    'of its family',
  ],
  ['network: { bridge: b, address: 10.1.0.2/24, mtu: 67 }', '1:50', 'network.mtu', 'is out of range'],
  ['network: { bridge: b, address: fd00::2/64, mtu: 1000 }', '1:49', 'network.mtu', 'too little for IPv6'],
  ['hostname: a b', '1:11', 'hostname', 'is no host name'],
  ['environment: [A=b]', '1:14', 'environment', 'is no object'],
  ['environment: { A: true }', '1:19', 'environment.A', 'is no text'],
  ['environment: { A: }', '1:16', 'environment.A', 'is no text'],
  ['environment: { A=b: x }', '1:21', 'environment["A=b"]', 'is no name of a variable'],
  ['environment: { A: "\\0" }', '1:19', 'environment.A', 'has a NUL in it'],
  ['workdir: work', '1:10', 'workdir', 'is no absolute path'],
  ['user: root', '1:7', 'user', 'is no user'],
  ['user: -1', '1:7', 'user', 'is out of range'],
  ['user: { gid: 1 }', '1:1', 'user.uid', 'is missing'],
  ['user: 1:4294967295', '1:7', 'user', 'is out of range'],
  ['[]', '1:1', 'system', 'is no object'],
  ['text', '1:1', 'system', 'is no object'],
];

describe('one at a time', () => {
  it.each(CASES.map(([text, ...expected]) => ({ text, expected })))('$text', ({ text, expected }) => {
    const [place, field, problem, nearest] = expected;
    const issues = issuesOf(text);
    expect(issues).toMatchObject([{ field, problem: expect.stringContaining(problem) }]);
    const [{ line, column, nearest: word }] = issues as [(typeof issues)[0]];
    expect([`${line}:${column}`, word]).toEqual([place, nearest]);
  });
});

const RANGES = Array.from({ length: 341 }, (_, index) => ({
  inside: 1_000_000_000 + index,
  outside: 1_000_000_000 + index,
  count: 1,
}));

/** Fields that do not go together. */
const TOGETHER: readonly (readonly [SystemConfig, string, string])[] = [
  [{ name: 'a/b', group: 'c' }, 'name', 'has a group before it'],
  [
    { resource_limits: { memory: { max: '1G', high: '2G' } } },
    'resource_limits.memory.high',
    'is more than max',
  ],
  [
    { resource_limits: { memory: { high: '2G' } } },
    'resource_limits.memory.high',
    '1073741824 bytes by default',
  ],
  [
    { resource_limits: { memory: { max: '1G', low: '2G' } } },
    'resource_limits.memory.low',
    'is more than max',
  ],
  [
    { resource_limits: { memory: { max: '1G', min: '2G' } } },
    'resource_limits.memory.min',
    'is more than max',
  ],
  [{ hostname: 'x', security: { namespaces: ['pid'] } }, 'hostname', 'needs the uts namespace'],
  [{ root: {}, security: { namespaces: ['pid'] } }, 'root', 'needs the mount namespace'],
  [{ network: 'none', security: { namespaces: ['pid'] } }, 'network', 'needs the net namespace'],
  [{ network: 'host', security: { namespaces: ['net'] } }, 'network', 'is the network of the host'],
  [{ security: { namespaces: ['pid'], gid_map: ['0 0 1'] } }, 'security.gid_map', 'needs the user namespace'],
  [{ security: { uid_map: [] } }, 'security.uid_map', 'has no range'],
  [{ security: { uid_map: RANGES.slice(0, 341) } }, 'security.uid_map', 'has no range or too many'],
  [{ security: { uid_map: RANGES.slice(0, 340) } }, 'security.uid_map', 'takes 8160 bytes to write'],
  [{ security: { uid_map: ['0 0 2', '1 5 1'] } }, 'security.uid_map[1]', 'overlaps [0]'],
  [{ security: { uid_map: ['0 0 2', '5 1 1'] } }, 'security.uid_map[1]', 'overlaps [0]'],
  [{ security: { uid_map: ['0 4294967294 2'] } }, 'security.uid_map[0]', 'beyond the last id'],
  [{ user: 1000, security: { uid_map: ['0 0 1'] } }, 'user', 'is nobody by security.uid_map'],
  [{ root: { upper: '/var/lib/upper', size: '1G' } }, 'root.size', 'is the size of a tmpfs'],
];

describe('what does not go together', () => {
  it.each(TOGETHER)('%j', (config, field, problem) => {
    expect(refusal(() => checkSystemConfig(config)).issues).toMatchObject([
      { field, problem: expect.stringContaining(problem) },
    ]);
  });

  it('is not looked at where a part of it is wrong by itself', () => {
    const config = {
      resource_limits: { memory: { max: '1X', high: '2G' } },
      security: { namespaces: ['pidd'], uid_map: ['x'] },
      hostname: 'x',
      user: 1000,
      network: { bridge: 'b', address: 'x', gateway: '10.1.0.1' },
    };
    const { issues } = refusal(() => checkSystemConfig(config as unknown as SystemConfig));
    expect(issues.map(({ field }) => field)).toEqual([
      'resource_limits.memory.max',
      'security.namespaces[0]',
      'security.uid_map[0]',
      'network.address',
    ]);
  });
});

describe('the error', () => {
  it('shows everything, in the order of the file, each with its line and a caret', () => {
    const text = [
      'name: build-123',
      'network: nome',
      'resource_limits:',
      '  memory: { max: 1X, hihg: 1G }',
      '  cpu:',
      '\t\t# a comment may have tabs',
      '    weight: 0',
    ].join('\r\n');
    const error = refusal(() => parseSystemConfig(text, { file: 'build.yaml' }));
    expect(error).toMatchObject({
      name: 'SystemConfigError',
      code: 'ERR_COFFERDAM_SYSTEM_CONFIG',
      file: 'build.yaml',
    });
    expect(error.message.split('\n')).toEqual([
      'build.yaml is not valid: 4 problems',
      `2:10: network: "nome" is no network; did you mean 'none'? Or give 'none', 'host', or { bridge, address, ... }`,
      '  2 | network: nome',
      '    |          ^^^^',
      `4:18: resource_limits.memory.max: "1X" is no size; give '64M', '1G', a number of bytes from 1 on, or 'max'`,
      '  4 |   memory: { max: 1X, hihg: 1G }',
      '    |                  ^^',
      "4:22: resource_limits.memory.hihg: is no field; did you mean 'high'? Or give one of max, swap, low, min, oom_group",
      '  4 |   memory: { max: 1X, hihg: 1G }',
      '    |                      ^^^^',
      '7:13: resource_limits.cpu.weight: 0 is out of range; give a whole number from 1 to 10000',
      '  7 |     weight: 0',
      '    |             ^',
    ]);
  });

  it('has colours for a terminal', () => {
    const error = refusal(() => parseSystemConfig('network: nome'));
    const mark = (letter: string) => (text: string) => `<${letter}:${text}>`;
    const shown = error.render({ bold: mark('b'), red: mark('r'), cyan: mark('c'), dim: mark('d') });
    expect(shown).toContain('<d:1:10: ><b:network>: "nome" is no network');
    expect(shown).toContain('  <c:1> <c:|> network: nome\n    <c:|>          <r:^^^^>');
    expect(error.render({ bold: String, red: String, cyan: String, dim: String })).toBe(error.message);
  });

  it('shows a part of a long line, and no character that steers a terminal', () => {
    const filler = 'x'.repeat(300);
    const error = refusal(() =>
      parseSystemConfig(`{ environment: { A: ${filler} }, network: "\u009bnome" }`),
    );
    const [, what, line, caret] = error.message.split('\n') as [string, string, string, string];
    expect(what).toMatch(/^1:334: network: /);
    expect(line).toContain('…');
    expect(line.length).toBeLessThan(120);
    expect(caret.indexOf('^')).toBe(line.indexOf('"\ufffdnome'));
    expect(error.message).not.toContain('\u009b');
  });

  it('counts what it does not show', () => {
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}: 1`).join('\n');
    const error = refusal(() => parseSystemConfig(keys));
    expect(error.issues).toHaveLength(30);
    expect(error.message.split('\n').at(-1)).toBe('and 10 more');
  });

  it('names neither line nor column for an object', () => {
    const { message, issues } = refusal(() => checkSystemConfig({ nmae: 'x' } as SystemConfig));
    expect(message).toMatch(
      /^the configuration of the system is not valid: 1 problem\nnmae: is no field; did you/,
    );
    expect(issues).toEqual([
      {
        field: 'nmae',
        value: undefined,
        problem: 'is no field',
        remedy: expect.any(String),
        nearest: 'name',
      },
    ]);
  });

  it.each([undefined, null, 5, 'text', [], new Date(), new Map(), () => {}])(
    'is one for no object: %s',
    (config) => {
      const read = () => checkSystemConfig(config as unknown as SystemConfig);
      if (config === undefined || config === null) expect(read().group).toBe('');
      else expect(refusal(read).issues).toMatchObject([{ field: 'system', problem: 'is no object' }]);
    },
  );
});
