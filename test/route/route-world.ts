/** Networks with every kind of route that this kernel takes, as lines for `ip -batch`. */

/** Two links, addresses on them, and lo. */
export const LINKS: readonly string[] = [
  'link set lo up',
  'link add veth0 type veth peer name veth1',
  'link set veth0 up',
  'link set veth1 up',
  'addr add 10.0.0.1/24 dev veth0',
  'addr add 10.0.1.1/24 dev veth1',
  'addr add 2001:db8::1/64 dev veth0 nodad',
  'addr add 2001:db8:1::1/64 dev veth1 nodad',
];

/** Objects that the routes below refer to; 7, 8 and 9 are for forwarding tables. */
export const NEXTHOPS: readonly string[] = [
  'nexthop add id 1 via 10.0.0.2 dev veth0',
  'nexthop add id 2 via 10.0.1.2 dev veth1 proto static onlink',
  'nexthop add id 3 blackhole',
  'nexthop add id 4 group 1,3/2',
  'nexthop add id 5 group 1/2 type resilient buckets 16 idle_timer 10 unbalanced_timer 20',
  'nexthop add id 6 via 2001:db8::2 dev veth0 proto bgp',
  'nexthop add id 7 via 10.0.0.7 fdb',
  'nexthop add id 8 via 10.0.0.8 fdb',
  'nexthop add id 9 group 7/8 fdb',
  'nexthop add id 10 encap seg6 mode encap segs 2001:db8::5,2001:db8::6 via 2001:db8::2 dev veth0',
  'nexthop add id 11 encap ip id 7 dst 10.0.0.2 via 10.0.0.2 dev veth0',
  'nexthop add id 12 dev veth1',
  'nexthop add id 13 via fe80::1 dev veth1',
  'nexthop add id 14 group 6/13',
  'nexthop add id 15 via 2001:db8::7 fdb',
];

const SEG6_MODES = ['encap', 'l2encap', 'encap.red', 'l2encap.red'] as const;

/** What may follow a prefix, `n` varying the numbers. Each form is legal with each prefix. */
const INET: readonly ((n: number) => string)[] = [
  (n) => `via 10.0.0.${2 + (n % 250)}`,
  (n) => `via 10.0.0.254 dev veth0 table ${1 + (n % 5)} proto static`,
  (n) => `via 10.0.1.254 table ${1000 + (n % 7)} proto ${n % 200}`,
  () => 'nexthop via 10.0.0.2 dev veth0 weight 3 nexthop via 10.0.1.2 dev veth1',
  (n) => `metric ${n} nexthop via 10.0.0.3 weight 256 nexthop dev veth1 weight 2 nexthop via 10.0.1.9`,
  () => 'proto bgp nexthop via inet6 2001:db8::2 dev veth0 nexthop via 10.0.1.2',
  () => 'via inet6 2001:db8::2 dev veth0',
  (n) => `via inet6 fe80::${(1 + n).toString(16)} dev veth1 metric 9`,
  () =>
    'via 10.0.0.2 mtu lock 1400 advmss 1200 window 1000 rtt 100 rttvar 50 ssthresh 10 cwnd 20 reordering 5 hoplimit 60',
  () => 'via 10.0.0.2 initcwnd 10 initrwnd 11 quickack 1 congctl lock cubic rto_min 200 features ecn',
  (n) => `dev veth0 fastopen_no_cookie 1 mtu ${1280 + n} rtt 2000ms rttvar lock 3s rto_min 1.5s`,
  (n) => `via 10.0.0.2 realms ${1 + (n % 250)}/2`,
  () => 'via 10.0.0.2 realms 7',
  (n) => `via 10.0.0.2 tos 0x${(4 * (1 + (n % 7))).toString(16)}`,
  () => 'via 10.9.9.9 dev veth0 onlink',
  () => 'dev veth1 src 10.0.1.1',
  () => 'dev veth0 scope link src 10.0.0.1 proto kernel',
  () => 'via 10.0.0.2 scope 100',
  () => 'nhid 1',
  () => 'nhid 2 proto ospf',
  () => 'nhid 3',
  () => 'nhid 4 metric 3',
  () => 'nhid 5',
  () => 'nhid 6',
  () => 'nhid 11',
  () => 'encap seg6 mode encap segs 2001:db8::5,2001:db8::6 via 10.0.0.2 dev veth0',
  () => 'encap ip id 100 src 10.0.0.1 dst 10.0.0.2 ttl 5 tos 8 key csum seq dev veth0',
  (n) => `encap ip6 id ${n} src 2001:db8::1 dst 2001:db8::2 hoplimit 5 tc 8 dev veth0`,
  () =>
    'nexthop encap seg6 mode encap segs 2001:db8::5 via 10.0.0.2 dev veth0 nexthop via 10.0.1.2 dev veth1 realms 3',
];

const INET_TYPES: readonly ((n: number) => string)[] = [
  () => 'blackhole',
  () => 'prohibit',
  () => 'unreachable',
  () => 'throw',
];

const LOCAL_TYPES: readonly ((prefix: string) => string)[] = [
  (prefix) => `local ${prefix} dev lo`,
  (prefix) => `broadcast ${prefix} dev veth0`,
  (prefix) => `local ${prefix} dev veth1 table 77 proto 99`,
];

const INET6: readonly ((n: number) => string)[] = [
  () => 'via 2001:db8::2',
  (n) => `via fe80::${(1 + n).toString(16)} dev veth1 metric ${1 + n}`,
  () => 'nexthop via 2001:db8::2 dev veth0 weight 2 nexthop via 2001:db8:1::2 dev veth1',
  () =>
    'metric 5 proto bgp nexthop via 2001:db8::2 nexthop via 2001:db8::3 nexthop via 2001:db8:1::4 weight 17',
  (n) => `dev veth0 mtu lock 1400 advmss 1300 hoplimit 9 table ${1000 + (n % 5)}`,
  () => 'via 2001:db8::2 rtt 100 initcwnd 7 congctl reno features ecn quickack 1',
  () => 'via 2001:db8::2 pref high',
  () => 'dev veth1 pref low proto static',
  () => 'via 2001:db8::2 src 2001:db8::1',
  (n) => `from 2001:db8:${(1 + (n % 9)).toString(16)}::/64 via 2001:db8::2`,
  () => 'via 2001:db8:9::9 dev veth0 onlink',
  () => 'nhid 6',
  () => 'nhid 10',
  () => 'nhid 14',
  () => 'encap seg6 mode inline segs 2001:db8::5,2001:db8::6 via 2001:db8::2',
  (n) => `encap seg6 mode ${SEG6_MODES[n % 4]} segs 2001:db8::5 dev veth0`,
  (n) => `encap seg6 mode encap segs 2001:db8::5,2001:db8::${(1 + n).toString(16)} hmac ${1 + n} dev veth0`,
  () => 'encap seg6local action End dev veth0',
  () => 'encap seg6local action End count dev veth0',
  () => 'encap seg6local action End flavors psp dev veth0',
  () => 'encap seg6local action End flavors next-csid lblen 48 nflen 16 dev veth0',
  (n) => `encap seg6local action End.X nh6 2001:db8::${(1 + n).toString(16)} dev veth0`,
  (n) => `encap seg6local action End.T table ${100 + (n % 200)} dev veth0`,
  () => 'encap seg6local action End.DX2 oif veth1 dev veth0',
  () => 'encap seg6local action End.DX6 nh6 2001:db8::9 dev veth0',
  () => 'encap seg6local action End.DX4 nh4 10.0.0.9 dev veth0',
  () => 'encap seg6local action End.DT6 table main dev veth0',
  () => 'encap seg6local action End.B6 srh segs 2001:db8::7,2001:db8::8 dev veth0',
  () => 'encap seg6local action End.B6.Encaps srh segs 2001:db8::7,2001:db8::8 dev veth0',
  () => 'encap ip6 id 4000000000 dst 2001:db8::2 dev veth0',
];

/** `count` IPv4 routes and two defaults. */
export function* inetRoutes(count: number): Generator<string> {
  yield 'route add default via 10.0.0.254';
  yield 'route add default via 10.0.1.254 metric 100 table 9';
  for (let i = 0; i < count - 2; i++) {
    const [high, low] = [i >> 8, i & 255];
    const kind = i % 36;
    const prefix = kind % 5 === 4 ? `20.${high}.${low}.1` : `20.${high}.${low}.0/24`;
    const form = INET[kind];
    const type = INET_TYPES[kind - INET.length];
    const local = LOCAL_TYPES[kind - INET.length - INET_TYPES.length];
    if (form !== undefined) yield `route add ${prefix} ${form(low)}`;
    else if (type !== undefined)
      yield `route add ${type(i)} ${prefix} table ${254 - (low % 3)} metric ${low}`;
    else if (local !== undefined) yield `route add ${local(`20.${high}.${low}.255`)}`;
  }
}

/** `count` IPv6 routes and two defaults; some of them expire, in an hour. */
export function* inet6Routes(count: number): Generator<string> {
  yield 'route add default via 2001:db8::2 dev veth0';
  yield 'route add default metric 7 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2';
  for (let i = 0; i < count - 2; i++) {
    const low = i & 255;
    const words = `${(0x1000 + (i >> 8)).toString(16)}:${low.toString(16)}`;
    const kind = i % (INET6.length + 5);
    const prefix = kind % 7 === 6 ? `2001:db8:${words}::1` : `2001:db8:${words}::/64`;
    const form = INET6[kind];
    if (form !== undefined) yield `route add ${prefix} ${form(low)}`;
    else {
      const type = INET_TYPES[kind - INET6.length];
      if (type !== undefined) yield `route add ${type(i)} ${prefix} metric ${1 + low}`;
      else
        yield i % 3 === 0 ? `route add ${prefix} dev veth0 expires 3600` : `route add local ${prefix} dev lo`;
    }
  }
}
