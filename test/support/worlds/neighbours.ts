import { type Place, placed } from './place.ts';

const STATES = ['permanent', 'permanent', 'reachable', 'stale', 'noarp', 'permanent', 'none', 'failed'];
const EXTRAS = ['', 'router', '', 'extern_learn', 'proto static', '', 'router proto bgp', 'proto 77', ''];

const mac = (n: number) => `52:54:00:${[n >> 16, n >> 8, n].map((b) => (b & 255).toString(16)).join(':')}`;

function* spread(count: number, address: (n: number) => string): Generator<string> {
  for (let i = 1; i <= count; i++) {
    const state = STATES[i % STATES.length];
    const extra = EXTRAS[i % EXTRAS.length];
    const lladdr = state === 'none' || state === 'failed' ? '' : `lladdr ${mac(i)}`;
    yield `neighbour add ${address(i)} dev ${i % 3 === 0 ? 'veth2' : 'veth0'} ${lladdr} nud ${state} ${extra}`;
  }
}

/**
 * 540 neighbours of both families in every state, 32 proxies and a few forwarding entries: the links they are on, what
 * to set on these, the neighbours, and the lines for `bridge`.
 */
export function neighbourWorld(place?: Place) {
  const links = [
    'link add veth0 type veth peer name veth1',
    'link add veth2 type veth peer name veth3',
    'link add br0 type bridge',
    'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1 dev veth0',
    'link set veth1 master br0',
    'tuntap add dev tun0 mode tun',
    ...['lo', 'br0', 'veth0', 'veth1', 'veth2', 'veth3', 'vx0', 'tun0'].map((dev) => `link set ${dev} up`),
    'address add 10.0.0.1/8 dev veth0',
    'address add 2001:db8::1/64 dev veth0 nodad',
    'address add 10.200.0.1/24 dev tun0',
  ];
  // Timers that never fire: the states stay what they were made.
  const sysctls = ['ipv4', 'ipv6'].flatMap((family) =>
    ['veth0', 'veth2'].flatMap((dev) =>
      [
        'delay_first_probe_time=2000',
        'retrans_time_ms=2000000',
        'base_reachable_time_ms=2000000',
        'gc_stale_time=2000',
      ].map((timer) => `net.${family}.neigh.${dev}.${timer}`),
    ),
  );
  const neighbours = [
    ...spread(300, (n) => `10.1.${n >> 8}.${n & 255}`),
    ...spread(240, (n) => `2001:db8::a:${n.toString(16)}`),
    'neighbour add 10.2.0.1 dev veth0 use',
    'neighbour add 10.2.0.2 dev veth0 managed',
    'neighbour add 10.2.0.3 dev veth0 nud incomplete',
    'neighbour add 10.2.0.4 dev veth0 nud probe lladdr 52:54:00:00:00:04',
    'neighbour add 10.2.0.5 dev veth0 nud stale lladdr 52:54:00:00:00:05',
    'neighbour add 10.2.0.6 dev veth2 nud stale lladdr 52:54:00:00:00:06 extern_learn managed',
    'neighbour add 2001:db8::2:1 dev veth0 nud probe lladdr 52:54:00:00:00:07',
    'neighbour add 10.200.0.2 dev tun0 nud permanent',
    ...Array.from({ length: 15 }, (_, n) => `neighbour add proxy 10.3.0.${n} dev veth${n % 2 ? 0 : 2}`),
    ...Array.from({ length: 15 }, (_, n) => `neighbour add proxy 2001:db8::3:${n} dev veth0`),
    'neighbour add proxy 10.3.1.1',
    'neighbour add proxy 10.3.1.2 dev veth0 proto static',
  ];
  const fdb = [
    'fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.1',
    'fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2 vni 7 port 8472 via veth2',
    'fdb add 02:00:00:00:00:01 dev vx0 dst 192.0.2.3',
    'fdb add 02:00:00:00:00:02 dev veth1 master static',
    'fdb add 02:00:00:00:00:03 dev veth1 master sticky dynamic',
    'fdb add 02:00:00:00:00:04 dev veth1 self',
  ];
  return {
    links: placed(links, place),
    sysctls: placed(sysctls, place),
    neighbours: placed(neighbours, place),
    fdb: placed(fdb, place),
  };
}
