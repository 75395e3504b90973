/** 200 rules, with every selector and every action that this kernel takes, as lines of `ip -batch`. They want a link veth0. */

const SELECTORS = [
  (n: number) => `from 10.${n}.0.0/16`,
  (n: number) => `from 10.0.${n}.1`,
  (n: number) => `to 172.16.${n}.0/24`,
  (n: number) => `from 10.${n}.0.0/16 to 192.0.2.${n}`,
  () => 'from 0.0.0.0/0',
  (n: number) => `tos 0x${(4 * (n % 8)).toString(16)}`,
  (n: number) => `fwmark ${n}`,
  (n: number) => `fwmark 0x${n.toString(16)}/0xff`,
  () => 'fwmark 0/0xf0',
  () => 'fwmark 0xffffffff/0xffffffff',
  () => 'iif lo',
  () => 'iif nothere',
  () => 'oif lo',
  () => 'oif nothere',
  () => 'iif lo oif veth0',
  (n: number) => `uidrange ${n}-${n + 1000}`,
  () => 'uidrange 0-4294967294',
  () => 'ipproto tcp',
  () => 'ipproto icmp',
  () => 'ipproto 200',
  (n: number) => `ipproto udp sport ${n}`,
  (n: number) => `sport ${n}-${n + 10} dport 443`,
  () => 'dport 1-65534',
  (n: number) => `tun_id ${n}`,
  () => 'tun_id 18446744073709551615',
  (n: number) => `not from 10.${n}.0.0/16`,
  () => 'not fwmark 7',
];
const ACTIONS = [
  () => 'table main',
  () => 'table 100',
  () => 'table 4000000000',
  () => 'table 252',
  () => 'prohibit',
  () => 'blackhole',
  () => 'unreachable',
  () => 'nop',
  (pref: number) => `goto ${pref + 1}`,
  () => 'goto 40000',
  () => 'table 7 suppress_prefixlength 0',
  () => 'table 7 suppress_prefixlength 24 suppress_ifgroup 5',
  () => 'table 8 suppress_ifgroup default',
  () => 'table 9 proto static',
  () => 'prohibit proto bgp',
  () => 'table 10 proto 77',
  () => 'l3mdev',
];
const REALMS = ['table 11 realms 3', 'table 11 realms 4/5', 'table 11 realms 0/6'];

function* rules(count: number, spell: (text: string) => string): Generator<string> {
  for (let i = 0; i < count; i++) {
    const pref = 100 + i;
    const selector = SELECTORS[i % SELECTORS.length]?.(i % 250) ?? '';
    const action = ACTIONS[i % ACTIONS.length]?.(pref) ?? '';
    yield `rule add pref ${pref} ${spell(selector)} ${action}`;
  }
}

const toIpv6 = (text: string) =>
  text
    .replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)/g, (_, a, b, c, d, length) =>
      Number(length) === 0 ? '::/0' : `2001:db8:${a}:${b}:${c}:${d}::/${2 * Number(length) + 32}`,
    )
    .replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)\b/g, '2001:db8::$1:$2:$3:$4');

/** 125 IPv4 rules. */
export function inetRules(): string[] {
  return [
    ...rules(120, (text) => text),
    ...REALMS.map((action, i) => `rule add pref ${1000 + i} ${action}`),
    'rule add goto 100',
    'rule add table 12',
  ];
}

/** 80 IPv6 rules, for `ip -6 -batch`. */
export function inet6Rules(): string[] {
  return [...rules(80, toIpv6)];
}
