import { type Place, placed } from './place.ts';

const LINKS = ['veth0', 'veth1', 'veth2', 'br0', 'tun0', 'ifb0', 'lo'];

const INET = [
  (n: number) => `10.1.${n >> 8}.${n & 255}/24`,
  (n: number) => `10.2.${n >> 8}.${n & 255}/16 broadcast +`,
  (n: number) => `10.3.${n >> 8}.${n & 255}/20 broadcast -`,
  (n: number) => `10.4.${n >> 8}.${n & 255} peer 10.5.${n >> 8}.${n & 255}`,
  (n: number) => `10.6.${n >> 8}.${n & 255} peer 10.7.${n >> 8}.${n & 255}/30`,
  (n: number) => `10.8.${n >> 8}.${n & 255}/32 scope link`,
  (n: number) => `10.9.${n >> 8}.${n & 255}/28 scope host metric ${n}`,
  (n: number) => `10.10.${n >> 8}.${n & 255}/8 scope 77 noprefixroute`,
  (n: number) => `10.11.${n >> 8}.${n & 255}/24 valid_lft ${50_000 + n} preferred_lft ${40_000 + n}`,
  (n: number) => `10.12.${n >> 8}.${n & 255}/24 valid_lft forever preferred_lft ${30_000 + n}`,
  (n: number) => `10.13.${n >> 8}.${n & 255}/24 valid_lft 90000 preferred_lft 0`,
  (n: number) => `10.14.${n >> 8}.${n & 255}/31 broadcast 10.255.255.255 metric 4294967295`,
];
const INET6 = [
  (n: number) => `2001:db8:1::${n.toString(16)}/64 nodad`,
  (n: number) => `2001:db8:2::${n.toString(16)}/128 nodad home`,
  (n: number) => `2001:db8:3::${n.toString(16)} peer 2001:db8:4::${n.toString(16)} nodad`,
  (n: number) => `2001:db8:5:${n.toString(16)}::1/64 nodad noprefixroute`,
  (n: number) => `2001:db8:6::${n.toString(16)}/96 nodad metric ${n}`,
  (n: number) => `2001:db8:7::${n.toString(16)}/64 nodad valid_lft ${50_000 + n} preferred_lft ${40_000 + n}`,
  (n: number) => `2001:db8:8::${n.toString(16)}/64 nodad valid_lft 90000 preferred_lft 0`,
  (n: number) => `fec0::${n.toString(16)}/64 nodad`,
  (n: number) => `fe80::1:${n.toString(16)}/64 nodad`,
  (n: number) => `::ffff:10.200.${n >> 8}.${n & 255}/128 nodad`,
];

function* spread(count: number, sorts: readonly ((n: number) => string)[], links: readonly string[]) {
  for (let i = 0; i < count; i++) {
    const dev = links[i % links.length];
    const label = sorts === INET && i % 5 === 0 ? ` label ${dev}:${i}` : '';
    yield `address add ${sorts[Math.trunc(i / links.length) % sorts.length]?.(i)} dev ${dev}${label}`;
  }
}

/** 2,000 addresses of every sort: the links they are on, the settings these want before they are up, and the rest. */
export function addressWorld(place?: Place): { links: string[]; sysctls: string[]; addresses: string[] } {
  const links = [
    'link add veth0 type veth peer name veth1',
    'link add veth2 type veth peer name veth3',
    'link add br0 type bridge',
    'link add ifb0 type ifb',
    'link add vx0 type vxlan id 7 dstport 4789 local 10.1.0.1',
    'link add mac0 link veth0 type macvlan mode bridge',
    'tuntap add dev tun0 mode tun',
    'link set veth3 master br0',
    'link set ifb0 group 5 alias "an alias"',
    'link property add dev br0 altname a-longer-name-for-the-bridge',
    'link set lo up',
  ];
  const sysctls = [
    ...['veth0', 'veth1', 'veth2', 'veth3', 'br0', 'tun0', 'ifb0'].map(
      (dev) => `net.ipv6.conf.${dev}.addr_gen_mode=1`,
    ),
    'net.ipv6.conf.mac0.stable_secret=2001:db8::5ec:2e7',
    'net.ipv6.conf.veth1.use_tempaddr=2',
    'net.ipv6.conf.veth1.optimistic_dad=1',
    'net.ipv6.conf.vx0.disable_ipv6=1',
  ];
  const addresses = [
    // veth2 and mac0 stay down, and what is on them tentative.
    ...['veth0', 'veth1', 'veth3', 'br0', 'tun0', 'ifb0'].map((dev) => `link set ${dev} up`),
    ...spread(1200, INET, LINKS),
    ...spread(780, INET6, LINKS),
    'address add 239.1.2.3/32 dev veth0 autojoin',
    'address add ff05::1:3/128 dev veth0 autojoin',
    'address add 2001:db8:ffff::1/64 dev veth1 nodad',
    'address add 2001:db8:ffff::1/64 dev veth0',
    'address add 2001:db8:fffe::1/64 dev veth1 mngtmpaddr valid_lft 80000 preferred_lft 70000',
    'address add 2001:db8:fffd::1/64 dev veth2',
    'address add 2001:db8:fffc::1/64 dev veth2 home noprefixroute',
    'link set mac0 up',
  ];
  return {
    links: placed(links, place),
    sysctls: placed(sysctls, place),
    addresses: placed(addresses, place),
  };
}
