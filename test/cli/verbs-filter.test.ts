import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twin } from '../support/twin.ts';

/** `tc` changes one namespace, our command line the other, by the same words; then `tc` looks at both. */

const SETUP = [
  'link set lo up',
  'link add eth0 index 3 type veth peer name eth1 index 4',
  'link set eth0 up',
  'link set eth1 up',
];

/** One after the other: what the one leaves is where the next begins. */
const LINES = [
  'filter add dev eth0 ingress protocol ip pref 10 u32 match ip src 10.0.0.0/8 action mirred egress redirect dev eth1',
  'filter add dev eth0 ingress protocol ip pref 10 handle 800::800 u32 match ip src 10.0.0.0/8 action drop',
  'filter add dev eth0 ingress protocol ip pref 10 u32 match ip dst 10.1.0.0/16 match ip dport 80 0xffff action mirred ingress mirror dev eth1 pipe',
  'filter replace dev eth0 ingress protocol ip pref 10 handle 800::801 u32 match ip dst 10.2.0.0/16 action mirred egress mirror dev eth1 cookie 0102',
  'filter add dev eth0 egress protocol all pref 5 bpf bytecode 4,48~0~0~0,84~0~0~240,21~0~1~64,6~0~0~1 flowid 1:1',
  'filter add dev eth0 egress protocol ipv6 handle 7 bpf run bytecode 1,6~0~0~4294967295, direct-action',
  'filter change dev eth0 egress protocol ipv6 pref 49152 handle 7 bpf bytecode 1,6~0~0~0, direct-action',
  'filter add dev eth0 parent 1: protocol ip prio 3 u32 match ip tos 0x10 0xff flowid 1:1',
  'filter add dev eth0 parent 1: protocol ip prio 3 handle 1: u32 divisor 4',
  'filter add dev eth0 parent 1: protocol ip prio 3 u32 ht 1:2: match ip src 10.0.0.2 flowid 1:1',
  'filter add dev eth0 parent 1: protocol ip prio 3 u32 ht 800:: match ip dst 10.0.0.0/24 hashkey mask 0x000000ff at 16 link 1:',
  'filter add dev eth0 parent 1:1 protocol ipv6 prio 4 u32 match ip6 dst 2001:db8::/32 classid 1:1',
  'filter add dev eth0 protocol arp u32 match u32 0 0 flowid 1:1',
  'filter add dev eth0 ingress protocol ip pref 20 chain 5 u32 match mark 3 0xf action mirred egress redirect dev eth1',
  'filter del dev eth0 ingress protocol ip pref 20 chain 5 u32',
  'filter add dev eth0 ingress protocol ip pref 11 flower ip_proto tcp dst_port 80 action drop',
  'filter add dev eth0 ingress protocol ip pref 12 u32 match ip src 10.0.0.0/8 action nothere',
  'filter add dev eth0 ingress protocol ip pref 12 u32 match ip src 10.0.0.0/8 action mirred egress redirect dev nothere',
  'filter add dev eth0 ingress protocol ip pref 12 u32 match ip src nothere flowid 1:1',
  'filter add dev eth0 ingress protocol ip pref 12 u32 match nothere',
  'filter add dev eth0 ingress protocol nothere u32 match u32 0 0',
  'filter add dev eth0 ingress pref 99999 u32 match u32 0 0',
  'filter add dev eth0 ingress egress u32 match u32 0 0',
  'filter add dev eth0 block 3 u32 match u32 0 0',
  'filter add dev nothere ingress u32 match u32 0 0',
  'filter add dev eth0 ingress handle 5',
  'filter add dev eth0 ingress handle x u32 match u32 0 0',
  'filter add dev eth0 parent 7: protocol ip u32 match u32 0 0 flowid 1:1',
  'filter add dev eth0 ingress protocol ip bpf bytecode 2,6~0~0~0,',
  'filter add dev eth0 ingress protocol ip u32 divisor 3',
  'filter add dev eth0 ingress protocol ip u32 match u32 0 0 skip_sw skip_hw',
  'filter add dev eth0 ingress protocol ip u32 nonsense',
  'filter get dev eth0 ingress protocol ip pref 10',
  'filter get dev eth0 ingress pref 10 handle 800::800 u32',
  'filter get dev eth0 ingress protocol ip pref 99 handle 800::800 u32',
  'filter del dev eth0 ingress protocol ip pref 10 handle 800::801 u32',
  'filter del dev eth0 ingress protocol ip pref 10 handle 800::899 u32',
  'filter del dev eth0 egress pref 5',
  'filter delete dev eth0 ingress protocol ip pref 10',
  'filter del dev eth0 egress',
  'filter del dev eth0 ingress protocol ip pref 10',
  'filter nonsense',
  'chain add dev eth0 ingress chain 5',
  'chain add dev eth0 ingress chain 5',
  'chain add dev eth0 egress',
  'chain add dev eth0 parent 1:1 chain 4294967295',
  'chain add dev eth0 ingress chain 6 protocol ip flower dst_ip 0.0.0.0/16',
  'chain add dev eth0 ingress chain x',
  'chain add dev nothere ingress chain 5',
  'chain add dev eth0 parent 7: chain 5',
  'filter add dev eth0 ingress protocol ip pref 20 chain 5 u32 match mark 3 0xf action drop',
  'chain get dev eth0 ingress chain 5',
  'chain get dev eth0 ingress chain 77',
  'chain del dev eth0 ingress chain 77',
  'chain del dev eth0 ingress chain 5',
  'chain del dev eth0 egress chain 0',
  'chain replace dev eth0 ingress chain 5',
];

describe('the verbs of tc filter and tc chain, beside tc', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP, 'tc');
    for (const line of ['eth0 clsact', 'eth0 root handle 1: htb'])
      twin.exec('tc', 'qdisc', 'add', 'dev', ...line.split(' '));
    twin.exec('tc', ...'class add dev eth0 parent 1: classid 1:1 htb rate 1mbit'.split(' '));
  });
  afterAll(() => {
    console.log(`tc filter: ${twin.lines} lines, ${twin.refused} of them refused`);
    twin[Symbol.dispose]();
  });

  const PLACES = ['', ' ingress', ' egress', ' parent 1:', ' parent 1:1', ' ingress protocol ip pref 10'];
  const SHOWS = PLACES.flatMap((place) => [`filter show dev eth0${place}`, `chain show dev eth0${place}`]);
  const look = (netns: string) =>
    SHOWS.map((show) => execFileSync('tc', ['-n', netns, ...show.split(' ')], { encoding: 'utf8' }))
      .join('\n')
      // Numbers of actions are counted for both namespaces, or for one.
      .replace(/index \d+/g, 'index N');

  it.each(LINES)('%s', async (line) => {
    const words = line.split(' ').map((word) => word.replaceAll('~', ' '));
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
    expect(look(twin.ours)).toBe(look(twin.theirs));
    // And what we show of ours is what tc shows of it.
    for (const flags of [['-d'], ['-d', '-j']])
      for (const show of SHOWS) {
        const shown = show.split(' ');
        const expected = execFileSync('tc', ['-n', twin.ours, ...flags, ...shown], { encoding: 'utf8' });
        const { stdout } = await twin.runOurs([...flags, ...shown]);
        if (flags.includes('-j')) expect(JSON.parse(stdout)).toEqual(JSON.parse(expected));
        else expect(stdout).toBe(expected);
      }
  });
});
