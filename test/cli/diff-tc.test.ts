import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { formatJson } from '../../src/cli/show/json.ts';
import { classView } from '../../src/cli/show/tc/class.ts';
import { qdiscView } from '../../src/cli/show/tc/qdisc.ts';
import { sendDatagrams } from '../support/datagrams.ts';
import {
  compareBetween,
  compareTextBetween,
  describe as inWords,
  parseIpJson,
  World,
} from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';

/** Disciplines and classes of every kind that this kernel has, with packets in them, shown by `tc` and by us. */

const SETUP = [
  'qdisc add dev veth0 root handle 1: htb default 30 r2q 5 direct_qlen 500',
  'class add dev veth0 parent 1: classid 1:1 htb rate 100mbit ceil 40gbit burst 15k',
  'class add dev veth0 parent 1:1 classid 1:30 htb rate 5mbit ceil 100mbit prio 3 quantum 3000 overhead 4 mpu 64 linklayer atm',
  'class add dev veth0 parent 1:1 classid 1:31 est 1sec 8sec htb rate 5mbit burst 15k/8',
  'class add dev veth0 parent 1:1 classid 1:32 htb rate 1kbit quantum 1600',
  'qdisc add dev veth0 parent 1:30 handle 30: tbf rate 1mbit burst 32kbit latency 400ms peakrate 2mbit minburst 1540',
  'qdisc add dev veth0 parent 1:31 handle 31: bfifo limit 30k',
  'qdisc add dev veth0 parent 1:32 handle 32: pfifo limit 7',
  'qdisc add dev veth1 root handle 7: stab overhead 20 linklayer atm tbf rate 80gbit burst 10mb limit 1mb',
  'qdisc add dev veth1 clsact',
  'qdisc add dev veth2 ingress_block 3 ingress',
  'qdisc add dev veth2 root handle 9: est 250ms 1s tbf rate 7kbit burst 3000 limit 5000 overhead 14 linklayer adsl mpu 70',
  'qdisc replace dev veth3 root handle 5: mq',
  'qdisc add dev veth3 parent 5:2 handle 52: pfifo_head_drop limit 9',
  'qdisc add dev veth4 root handle 4: htb default 1 offload',
  'qdisc add dev veth5 root stab overhead -10 mpu 60 mtu 9000 tsize 256 bfifo limit 12345',
];

describe('cofferdam tc qdisc and class against tc', () => {
  let world: World;
  let objects = 0;
  let fields = 0;
  const tc = (...args: string[]) =>
    execFileSync('tc', ['-n', world.name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  const show = async (object: 'qdisc' | 'class', flags: readonly string[], args: readonly string[]) => {
    const { options } = parseCommandLine(['tc', ...flags], { environment: {}, terminal: false });
    const view = object === 'qdisc' ? qdiscView : classView;
    const { json, text } = await view.run(args, showContext(world.rt, options));
    return options.json ? formatJson(json) : text;
  };

  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link set lo up',
      'link add veth0 type veth peer name veth1',
      'link add veth2 numtxqueues 4 numrxqueues 4 type veth peer name veth3 numtxqueues 4 numrxqueues 4',
      'link add veth4 type veth peer name veth5',
      ...[0, 1, 2, 3, 4, 5].map((i) => `link set veth${i} up`),
      'address add 10.1.0.1/24 dev veth0',
      'neighbour add 10.1.0.2 lladdr 02:00:00:00:00:01 dev veth0',
    ]);
    for (const line of SETUP) {
      try {
        tc(...line.split(' '));
      } catch (error) {
        // Not every driver offloads, not every kernel has every kind: what is refused is not there to be shown.
        if (!/offload|pfifo_head_drop/.test(line)) throw error;
      }
    }
    // Packets for the counters: to an address that answers nothing.
    world.exec(...sendDatagrams(40, 900, '10.1.0.2'));
  });
  afterAll(async () => {
    console.log(`tc: ${objects} objects, ${fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  const check = (object: 'qdisc' | 'class', flags: readonly string[], args: readonly string[] = []) =>
    it([...flags, object, 'show', ...args].join(' '), async () => {
      // Queues drain and estimators run: a difference counts when it is still there after many looks.
      const look = async () => {
        const before = tc(...flags, object, 'show', ...args);
        const actual = await show(object, flags, args);
        const after = tc(...flags, object, 'show', ...args);
        return flags.includes('-j')
          ? compareBetween(parseIpJson(before), parseIpJson(actual), parseIpJson(after))
          : compareTextBetween(before, actual, after);
      };
      const result = await lookUntil(look, ({ differences }) => differences.length === 0);
      expect(inWords(result.differences)).toBe('');
      objects += result.objects;
      fields += result.fields;
      if (args.length === 0 && object === 'qdisc' && !flags.includes('-o'))
        expect(result.objects).toBeGreaterThanOrEqual(14);
    });

  for (const flags of [
    [],
    ['-s'],
    ['-d'],
    ['-s', '-d'],
    ['-r'],
    ['-r', '-d'],
    ['-iec'],
    ['-c=always'],
    ['-o', '-s', '-d'],
  ])
    check('qdisc', flags);
  for (const flags of [['-j'], ['-s', '-j'], ['-d', '-j'], ['-s', '-d', '-j'], ['-r', '-j']])
    check('qdisc', flags);
  const FILTERS = [
    ['dev', 'veth0'],
    ['dev', 'veth0', 'root'],
    ['dev', 'veth0', 'parent', '1:30'],
    ['dev', 'veth1', 'ingress'],
    ['clsact'],
    ['handle', '1:'],
    ['handle', '30'],
    ['parent', '5:2'],
    ['root'],
    ['invisible'],
    ['dev', 'veth0', 'invisible'],
  ];
  for (const args of FILTERS) {
    check('qdisc', ['-s', '-d', '-j'], args);
    check('qdisc', ['-s', '-d'], args);
  }
  const CLASSES = [
    [],
    ['dev', 'veth0'],
    ['dev', 'veth1'],
    ['dev', 'veth3'],
    ['dev', 'veth0', 'root'],
    ['dev', 'veth0', 'parent', '1:1'],
    ['dev', 'veth0', 'parent', '30:'],
    ['dev', 'veth0', 'classid', '1:31'],
    ['dev', 'veth0', 'qdisc', '1:'],
    ['dev', 'veth3', 'qdisc', '5:'],
  ];
  for (const args of CLASSES) {
    check('class', ['-s', '-d'], args);
    check('class', [], args);
  }
  check('class', ['-s', '-iec'], ['dev', 'veth0']);
  check('class', ['-r'], ['dev', 'veth0']);

  it('has classes in its JSON, under the keys of later versions of tc', async () => {
    const json = parseIpJson(await show('class', ['-j', '-s'], ['dev', 'veth0']));
    expect(json).toContainEqual(
      expect.objectContaining({
        class: 'htb',
        handle: '1:30',
        parent: '1:1',
        leaf: '30:',
        rate: 625_000,
        ceil: 12_500_000,
        overhead: 4,
        linklayer: 'atm',
      }),
    );
  });

  const BAD = [
    ['qdisc', 'dev'],
    ['qdisc', 'nonsense'],
    ['qdisc', 'handle', 'x'],
    ['qdisc', 'parent', '1:x'],
    ['qdisc', 'root', 'parent', '1:'],
    ['qdisc', 'dev', 'nothere'],
    ['class', 'nonsense'],
    ['class', 'dev', 'veth0', 'dev', 'veth0'],
    ['class', 'dev', 'veth0', 'classid', '1:2:3'],
  ] as const;
  for (const [object, ...args] of BAD)
    it(`refuses ${object} show ${args.join(' ')}, as tc does`, async () => {
      expect(() => tc(object, 'show', ...args)).toThrow();
      await expect(show(object, [], args)).rejects.toMatchObject({
        name: expect.stringMatching(/^(Usage|Finding)Error$/),
      });
    });
});
