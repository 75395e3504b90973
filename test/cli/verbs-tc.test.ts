import { execFileSync, spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookUntil } from '../support/look.ts';
import { Twin } from '../support/twin.ts';

/** `tc` changes one namespace, our command line the other, by the same words; then `tc` looks at both. */

const SETUP = [
  'link set lo up',
  'link add eth0 index 3 numtxqueues 4 numrxqueues 4 type veth peer name eth1 index 4',
  'link set eth0 up',
  'link set eth1 up',
];

/** One after the other: what the one leaves is where the next begins. */
const LINES = [
  'qdisc add dev eth0 root handle 1: htb default 30 r2q 5 direct_qlen 500',
  'qdisc add dev eth0 root handle 1: htb',
  'class add dev eth0 parent 1: classid 1:1 htb rate 100mbit ceil 40gbit burst 15k',
  'class add dev eth0 parent 1:1 classid 1:30 htb rate 5mbit ceil 100mbit prio 3 quantum 3000 overhead 4 mpu 64 linklayer atm',
  'class add dev eth0 parent 1:1 classid 1:31 est 1sec 8sec htb rate 5mbit burst 2k cburst 9k/16',
  'class add dev eth0 parent 1:1 classid 1:31 htb rate 5mbit',
  'class change dev eth0 classid 1:31 htb rate 7mbit',
  'class replace dev eth0 parent 1:1 classid 1:32 htb rate 33.3kbps ceil 1.5mbit',
  'class replace dev eth0 classid 1:32 htb rate 44kbit mtu 3000',
  'class change dev eth0 classid 1:99 htb rate 1mbit',
  'class add dev eth0 parent 1:1 htb rate 1mbit',
  'class add dev eth0 classid 1:33 htb',
  'class add dev eth0 handle 1:33 htb rate 1mbit',
  'class add dev eth0 classid 1:33 htb rate x',
  'class add dev eth0 classid 1:33 htb rate 1mbit rate 2mbit',
  'class add dev eth0 classid 1:33 tbf rate 1mbit',
  'class add dev eth0 classid 1:x htb rate 1mbit',
  'class add dev nothere classid 1:33 htb rate 1mbit',
  'qdisc add dev eth0 parent 1:30 handle 30: tbf rate 1mbit burst 32kbit latency 400ms peakrate 2mbit minburst 1540',
  'qdisc add dev eth0 parent 1:31 handle 31: bfifo limit 30k',
  'qdisc change dev eth0 parent 1:31 handle 31: bfifo limit 40k',
  'qdisc replace dev eth0 parent 1:31 handle 31: pfifo limit 5',
  'qdisc replace dev eth0 parent 1:31 handle 32: pfifo limit 5',
  'qdisc change dev eth0 parent 1:30 handle 30: tbf rate 2mbit burst 64kbit limit 20k',
  'qdisc change dev eth0 parent 1:31 handle 77: pfifo',
  'qdisc add dev eth0 parent 1:32 handle 33: fq_codel limit 1000 target 5ms',
  'qdisc add dev eth0 parent 9:1 pfifo',
  'qdisc add dev eth0 parent 1:32 stab overhead 4 pfifo',
  'qdisc del dev eth0 parent 1:32',
  'qdisc del dev eth0 parent 1:31 handle 99:',
  'qdisc del dev eth0 parent 1:31 handle 32: bfifo',
  'qdisc del dev eth0 parent 1:31 handle 32: pfifo',
  'class del dev eth0 classid 1:1',
  'class del dev eth0 classid 1:32',
  'class delete dev eth0 classid 1:32',
  'qdisc add dev eth1 clsact',
  'qdisc add dev eth1 ingress',
  'qdisc del dev eth1 clsact',
  'qdisc add dev eth1 ingress_block 7 ingress',
  'qdisc add dev eth1 root stab overhead 20 linklayer atm mtu 9000 mpu 64 pfifo limit 7',
  'qdisc replace dev eth1 root handle 9: est 250ms 1s tbf rate 80gbit burst 10mb limit 1mb overhead 14 linklayer adsl',
  'qdisc del dev eth1 root',
  'qdisc del dev eth1 root',
  'qdisc del dev eth1 ingress',
  'qdisc del dev eth0 root',
  'qdisc add dev eth0 root handle 5: mq',
  'qdisc add dev eth0 parent 5:2 handle 52: pfifo limit 9',
  'qdisc add dev eth0 parent 5:7 pfifo',
  'qdisc replace dev eth0 root handle 6: pfifo_fast',
  'qdisc replace dev eth0 root handle 7: bfifo',
  'qdisc link dev eth0 root handle 7:',
  'qdisc link dev eth0 root handle 8:',
  'qdisc add dev eth0 root nothere',
  'qdisc add dev eth0 root nothere option',
  'qdisc add dev eth0',
  'qdisc add root pfifo',
  'qdisc add dev eth0 root root pfifo',
  'qdisc add dev eth0 root handle x: pfifo',
  'qdisc add dev eth0 root pfifo limit x',
  'qdisc add dev eth0 root pfifo nonsense',
  'qdisc add dev eth0 root tbf',
  'qdisc add dev eth0 root tbf rate 1mbit',
  'qdisc add dev eth0 root tbf rate 1mbit burst 1k limit 1k latency 1ms',
  'qdisc add dev eth0 root est 1h 2h pfifo',
  'qdisc add dev eth0 root ingress_block 0 pfifo',
  'qdisc add dev eth0 root netem loss',
  'qdisc add dev eth0 root netem gap 5',
  'qdisc add dev eth0 root red limit 1mb',
  'qdisc add dev eth0 root cake nonsense',
  'qdisc add dev eth0 root ets',
  'qdisc add dev eth0 root hfsc nonsense',
  'qdisc add dev eth0 root prio bands 3 priomap 7',
  'qdisc nonsense',
];

describe('the verbs of tc, beside tc', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP, 'tc');
  });
  afterAll(() => {
    console.log(`tc verbs: ${twin.lines} lines, ${twin.refused} of them refused`);
    twin[Symbol.dispose]();
  });
  const look = (netns: string) =>
    ['qdisc show invisible', 'class show dev eth0', 'class show dev eth1'].map((line) =>
      execFileSync('tc', ['-n', netns, '-d', ...line.split(' ')], { encoding: 'utf8' })
        // Packets of the kernel's own pass, now and then.
        .replace(/direct_packets_stat \d+/, 'direct_packets_stat N')
        // Handles that the kernel chose: one counter for all namespaces.
        .replace(/\b8[0-9a-f]{3}:/g, 'auto:'),
    );

  it.each(LINES)('%s', async (line) => {
    const words = line.split(' ');
    const theirs = spawnSync('tc', ['-n', twin.theirs, ...words], { encoding: 'utf8' });
    const ours = await twin.runOurs(words);
    twin.lines++;
    if (theirs.status !== 0) twin.refused++;
    // tc complains of words with 1 or 255, we with 2; what the kernel refuses is 2 for both.
    const code = theirs.status === 0 ? 0 : 2;
    expect(
      { code: ours.code === 1 ? 2 : ours.code, said: ours.stderr !== '' },
      theirs.stderr + ours.stderr,
    ).toEqual({
      code,
      said: code !== 0,
    });
    // What is missing we miss before the kernel does.
    if (theirs.status === 2 && !ours.stderr.startsWith('cofferdam: '))
      expect(ours.stderr.split('\n')[0]).toBe(theirs.stderr.split('\n')[0]);
    // A discipline comes into effect with its link's carrier.
    const both = () => ({ ours: look(twin.ours), theirs: look(twin.theirs) });
    const seen = await lookUntil(both, (one) => isDeepStrictEqual(one.ours, one.theirs));
    expect(seen.ours).toEqual(seen.theirs);
  });
});
