/** `cofferdam monitor` beside `ip monitor`: of the same files, and live. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { runCli } from './run-cli.ts';

/** Something of every kind, changed and taken away again. */
const CHANGES = [
  'link set lo up',
  'link add veth0 type veth peer name veth1',
  'link set veth0 up',
  'link set veth1 up',
  'link add br0 type bridge',
  'link set veth1 master br0',
  'link set br0 up',
  'link add vx0 type vxlan id 7 remote 10.0.0.9 dstport 4789 dev veth0',
  'link add mv0 link veth0 type macvlan mode bridge',
  'address add 10.1.0.1/24 dev veth0',
  'address add 10.1.0.5/32 peer 10.9.9.9 dev veth0 label veth0:x valid_lft 100 preferred_lft 50',
  'address add 2001:db8::1/64 dev veth0 nodad',
  'route add 10.2.0.0/16 via 10.1.0.2 metric 7 mtu 1400',
  'route append 10.2.0.0/16 via 10.1.0.3 metric 7',
  'route add 10.4.0.0/16 nexthop via 10.1.0.2 weight 2 nexthop via 10.1.0.3',
  'route add blackhole 10.5.0.0/16',
  'route add table 100 default via 10.1.0.9 proto static',
  'route replace table 100 default via 10.1.0.8 proto static',
  'route add 2001:db8:9::/48 via 2001:db8::9',
  'neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev veth0',
  'neighbour add proxy 10.1.0.77 dev veth0',
  'neighbour add 2001:db8::5 lladdr 02:00:00:00:00:05 dev veth0 nud permanent router',
  'rule add from 10.3.0.0/16 table 100',
  'rule add fwmark 0x10/0xff iif veth0 lookup 7 pref 500',
  'rule add uidrange 5-6 ipproto tcp dport 80 blackhole',
  'nexthop add id 7 via 10.1.0.2 dev veth0',
  'nexthop add id 8 blackhole',
  'nexthop add id 9 group 7',
  'route add 10.6.0.0/16 nhid 7',
  'rule del from 10.3.0.0/16 table 100',
  'route del 10.6.0.0/16',
  'nexthop del id 9',
  'neighbour del 10.1.0.2 dev veth0',
  'address del 10.1.0.5/32 peer 10.9.9.9 dev veth0',
  'link set veth1 nomaster',
  'link set br0 alias foo',
  'link property add dev br0 altname brother',
  'netns set NAME 5',
  'link del vx0',
  'link del br0',
];

describe('monitor', () => {
  let world: World;
  let other: World;
  let directory: string;
  let file: string;
  const changes = () => CHANGES.map((line) => line.replace('NAME', other.name));

  beforeAll(async () => {
    world = await World.open();
    other = await World.open();
    directory = await mkdtemp(join(tmpdir(), 'cofferdam-monitor-'));
    file = join(directory, 'recording');
    const rtmon = spawn('ip', ['netns', 'exec', world.name, 'rtmon', 'file', file]);
    const gone = once(rtmon, 'close');
    try {
      await world.listening();
      world.batch([...changes(), 'link add name the-end type ifb']);
      await lookUntil(
        () => readFile(file).catch(() => Buffer.alloc(0)),
        (bytes) => bytes.includes('the-end'),
      );
    } finally {
      rtmon.kill('SIGTERM');
      await gone;
    }
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const cofferdam = (...words: string[]) => runCli(['-n', world.name, ...words]);

  const FLAGS = ['', '-d', '-s -s -d', '-o', '-N', '-br', '-6', '-c'];
  it.each(FLAGS)(
    'prints a recording as ip does: %s',
    async (given) => {
      const flags = given === '' ? [] : given.split(' ');
      // With a family, ip puts labels before what it then leaves out.
      const words = ['monitor', ...(given === '-6' ? [] : ['label']), 'file', file];
      const ip = spawnSync('ip', ['-n', world.name, ...flags, ...words], { encoding: 'utf8' });
      const expected = ip.stdout;
      expect(expected.split('\n').length).toBeGreaterThan(150);
      const { code, stdout, stderr } = await cofferdam(...flags, ...words);
      // Of what neither prints, both say that they don't know it.
      expect(stderr).toBe(ip.stderr);
      expect(code).toBe(0);
      expect(stdout.split('\n')).toEqual(expected.split('\n'));
    },
    60_000,
  );

  it('prints what it hears as ip does, with names that change hands', async () => {
    await using fresh = await World.open();
    const ip = spawn('ip', ['-n', fresh.name, 'monitor', 'all', 'all-nsid']);
    let expected = '';
    ip.stdout.setEncoding('utf8').on('data', (text: string) => (expected += text));
    let text = '';
    let stop: (signal: NodeJS.Signals) => void = () => {};
    const ours = runCli(['-n', fresh.name, 'monitor', 'all', 'all-nsid'], {
      onOutput: (more, kill) => {
        text += more;
        stop = kill;
      },
    });
    await fresh.listening(2);
    const prefOf = (line: number) => 20_000 + line;
    // One by one: names that the news do not tell, both ask of the kernel, while the link is still there.
    const all = [
      ...changes(),
      'link add index 99 name late type veth peer name later',
      'address add 10.78.0.1/24 dev late',
    ];
    for (const [i, line] of all.entries()) {
      // Behind it comes a rule, so that we know when both have told of it.
      const pref = prefOf(i);
      fresh.batch([line, `rule add pref ${pref} table 9`]);
      const told = (text: string) => text.includes(`]${pref}:`);
      await lookUntil(
        () => [text, expected],
        (texts) => texts.every(told),
      );
    }
    stop('SIGINT');
    ip.kill('SIGTERM');
    const { code, stdout, stderr } = await ours;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(expected).toContain('[nsid current][LINK]');
    // What the kernel has to tell after the last line, the one may hear and the other not any more.
    const heard = (said: string) => said.slice(0, said.indexOf(`]${prefOf(all.length - 1)}:`)).split('\n');
    expect(heard(stdout).length).toBeGreaterThan(150);
    expect(heard(stdout)).toEqual(heard(expected));
  });

  it('gives one JSON object a line', async () => {
    const { code, stdout } = await cofferdam('-j', 'monitor', 'file', file);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.length).toBeGreaterThan(100);
    for (const line of lines) expect(line.time).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const told = (type: string, object: string) =>
      lines.filter((line) => line.type === type && line.object === object).map((line) => line.value);
    expect(told('new', 'link')).toContainEqual(expect.objectContaining({ ifname: 'br0' }));
    expect(told('del', 'link')).toContainEqual(expect.objectContaining({ ifname: 'br0' }));
    expect(told('new', 'route')).toContainEqual(
      expect.objectContaining({ dst: '10.2.0.0/16', gateway: '10.1.0.2', dev: 'veth0', metric: 7 }),
    );
    expect(told('del', 'rule')).toContainEqual(expect.objectContaining({ src: '10.3.0.0', srclen: 16 }));
    for (const object of ['address', 'neighbour', 'nexthop', 'netconf'])
      expect(told('new', object).length).toBeGreaterThan(0);
  });

  it('looks at one link only', async () => {
    const { stdout } = await cofferdam('monitor', 'label', 'dev', 'veth0', 'file', file);
    expect(stdout).toContain('10.2.0.0/16 via 10.1.0.2 ');
    expect(stdout).not.toMatch(/br0|mv0:|vx0:/);
    expect((await cofferdam('monitor', 'dev', 'none', 'file', file)).code).toBe(2);
  });

  it('records until it is told to end', async () => {
    const target = join(directory, 'ours');
    let stop: (signal: NodeJS.Signals) => void = () => {};
    const child = runCli(['-n', world.name, 'monitor', '--record', target, 'address', 'nsid'], {
      // It prints nothing.
      onStart: (kill) => {
        stop = kill;
      },
    });
    await world.listening();
    world.ip('address', 'add', '10.99.0.1/32', 'dev', 'lo');
    world.ip('route', 'add', '10.98.0.0/24', 'dev', 'lo');
    world.ip('address', 'add', '10.99.0.2/32', 'dev', 'lo');
    const last = Buffer.from([10, 99, 0, 2]);
    await lookUntil(
      () => readFile(target).catch(() => Buffer.alloc(0)),
      (bytes) => bytes.includes(last),
    );
    stop('SIGTERM');
    const { stdout, stderr } = await child;
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    const printed = world.ip('monitor', 'file', target);
    expect(printed).toContain('10.1.0.1/24');
    expect(printed).toContain('10.99.0.1/32');
    expect(printed).toContain('10.99.0.2/32');
    expect(printed).not.toContain('10.98.0.0/24');
  });

  it('ends quietly with whoever reads it, and with an error where a file is cut', async () => {
    const closed = await runCli(['-n', world.name, 'monitor', 'file', file], { closeStdout: true });
    expect(closed.code).toBe(0);
    expect(closed.stderr.replaceAll(/^Unknown message: .*\n/gm, '')).toBe('');
    const cut = join(directory, 'cut');
    const whole = await readFile(file);
    await writeFile(cut, whole.subarray(0, whole.length - 5));
    const { code, stdout, stderr } = await cofferdam('monitor', 'file', cut);
    expect(code).toBe(1);
    expect(stdout.split('\n').length).toBeGreaterThan(150);
    expect(stderr).toMatch(
      /^cofferdam: the recording ends in the middle of a message, \d+ bytes after byte \d+\n$/m,
    );
    expect(await cofferdam('monitor', 'file', join(directory, 'none'))).toMatchObject({ code: 1 });
    expect((await stat(file)).size).toBe(whole.length);
  });

  it('says what it does not know', async () => {
    for (const words of [['nonsense'], ['file'], ['dev'], ['--record', 'x', 'file', 'y']]) {
      const { code, stdout, stderr } = await cofferdam('monitor', ...words);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toBe('');
    }
    expect(await cofferdam('monitor', 'help')).toMatchObject({ code: 0, stderr: '' });
  });
});
