import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { chainView } from '../../src/cli/show/tc/chain.ts';
import { filterView } from '../../src/cli/show/tc/filter.ts';
import { compareText, describe as inWords, World } from '../support/diff.ts';
import { type Needs, needs } from '../support/needs.ts';

/** Filters and chains that need a module: made by tc, shown by both, and there and back by us. */

const CASES: readonly { readonly filter: string; readonly needs?: Needs }[] = [
  { filter: 'protocol all pref 1 matchall action pass' },
  { filter: 'protocol all pref 1 handle 7 matchall skip_hw classid 1:1' },
  {
    filter:
      'protocol ip pref 2 flower ip_proto tcp dst_port 80 src_ip 10.0.0.0/8 dst_ip 192.0.2.1 tcp_flags 0x12/0x17 action drop',
  },
  {
    filter:
      'protocol ipv6 pref 3 flower ip_proto udp src_port 53 dst_ip 2001:db8::/32 ip_tos 0x10/0xfc action pass',
  },
  {
    filter:
      'protocol arp pref 4 flower arp_op request arp_sip 10.0.0.1 arp_tha 02:00:00:00:00:01 action drop',
  },
  {
    filter:
      'protocol 802.1q pref 5 flower dst_mac 02:00:00:00:00:01 vlan_id 7 vlan_prio 3 vlan_ethtype ipv4 action vlan pop pipe action mirred egress redirect dev eth1',
  },
  {
    filter: 'protocol ip pref 6 flower ip_proto icmp type 8 code 0 action skbedit mark 5 priority 1:10 pipe',
  },
  {
    filter:
      'protocol ip pref 7 flower ip_flags frag action police rate 1mbit burst 10k mtu 2k conform-exceed drop/pipe',
  },
  { filter: 'protocol ip pref 8 handle 0x5/0xff fw classid 1:1 action gact drop' },
  { filter: 'protocol ip pref 9 basic classid 1:1 action pass' },
  { filter: 'protocol ip pref 10 chain 5 flower ip_ttl 64 action goto chain 6' },
];

describe('filters, there and back', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add eth0 type veth peer name eth1', 'link set eth0 up', 'link set eth1 up']);
    tc('qdisc', 'add', 'dev', 'eth0', 'clsact');
  });
  afterAll(async () => await world[Symbol.asyncDispose]());

  const tc = (...words: string[]) =>
    execFileSync('tc', ['-n', world.name, ...words], { encoding: 'utf8', stdio: 'pipe' });

  /** What both say, less the numbers that the kernel counts anew. */
  async function seen(object: 'filter' | 'chain'): Promise<string> {
    const theirs = tc(object, 'show', 'dev', 'eth0', 'ingress');
    const { options } = parseCommandLine(['tc'], { environment: {}, terminal: false });
    const view = object === 'filter' ? filterView : chainView;
    const { text } = await view.run(['dev', 'eth0', 'ingress'], showContext(world.rt, options));
    expect(inWords(compareText(theirs, text).differences)).toBe('');
    return theirs.replace(/\bindex \d+|police 0x[0-9a-f]+/g, 'index N');
  }

  for (const { filter, needs: wanted = {} } of CASES)
    it(filter, async (context) => {
      needs(context, wanted);
      const { rt } = world;
      tc('filter', 'add', 'dev', 'eth0', 'ingress', ...filter.split(' '));
      const before = await seen('filter');
      const listed = await rt.filter.list({ dev: 'eth0', parent: 'ingress' });
      const real = listed.filter(({ handle }) => handle !== undefined);
      expect(real.length).toBeGreaterThan(0);
      for (const one of real) await rt.filter.del(one);
      expect((await rt.filter.list({ dev: 'eth0', parent: 'ingress' })).filter((one) => one.handle)).toEqual(
        [],
      );
      for (const one of real) await rt.filter.add(one);
      expect(await seen('filter')).toBe(before);
      for (const one of real) await rt.filter.del(one);
    });

  it('a chain with a template', async () => {
    const { rt } = world;
    tc(...'chain add dev eth0 ingress chain 7 protocol ip flower dst_ip 0.0.0.0/16 ip_proto tcp'.split(' '));
    const before = await seen('chain');
    const [chain] = await rt.chain.list({ dev: 'eth0', parent: 'ingress', chain: 7 });
    if (chain === undefined) throw new Error('the chain is not listed');
    expect(chain).toMatchObject({ chain: 7, kind: 'flower' });
    await rt.chain.del(chain);
    await rt.chain.add(chain);
    expect(await seen('chain')).toBe(before);
    await rt.chain.del(chain);
  });
});
