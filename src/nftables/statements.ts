/**
 * What `nft` says in words, as expressions: matches, which end the rule where they do not fit, and statements. They load
 * into register 1 what they look at; what an address and a port are replaced by goes through 1 and 2.
 */
import { InvalidArgumentError } from '../handle/errors.ts';
import { type Prefix, parsePrefix } from '../netlink/wire/address.ts';
import { toHex } from '../netlink/wire/view.ts';
import type { NftExpression } from './expressions.ts';

const VALUE = 1;
const PORT = 2;

/** NFPROTO_IPV4 and NFPROTO_IPV6, and where addresses lie in the headers. */
const FAMILIES = {
  inet: { number: 2, word: 'ip', source: 12, destination: 16 },
  inet6: { number: 10, word: 'ip6', source: 8, destination: 24 },
} as const;

/** IPPROTO_*. */
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
export type NftProtocol = keyof typeof PROTOCOLS;

/** IFNAMSIZ. */
const NAME_BYTES = 16;

/** IPS_DST_NAT, uapi/linux/netfilter/nf_conntrack_common.h. */
const DESTINATION_CHANGED = 1 << 5;

/** RTN_LOCAL, uapi/linux/rtnetlink.h. */
const LOCAL = 2;

const byte = (number: number) => toHex(Uint8Array.of(number));
const port16 = (number: number) => toHex(Uint8Array.of(number >> 8, number & 0xff));
/** As the kernel itself counts, in the order of this host. */
const word32 = (number: number) => toHex(new Uint8Array(Uint32Array.of(number).buffer));

const equals = (value: string, op: 'eq' | 'neq' = 'eq'): NftExpression => ({
  cmp: { sreg: VALUE, op, data: { value } },
});

function prefixOf(field: string, text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new InvalidArgumentError(
      field,
      text,
      'is no address',
      'one such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::1',
    );
  return prefix;
}

/** `meta nfproto ipv4`: a table of the family `inet` sees packets of both. */
export function matchFamily(family: keyof typeof FAMILIES): NftExpression[] {
  return [{ meta: { key: 'nfproto', dreg: VALUE } }, equals(byte(FAMILIES[family].number))];
}

/** `ip saddr 10.0.0.0/8`, `ip6 daddr != 2001:db8::1`: packets of the other family do not fit in any case. */
export function matchAddress(
  end: 'source' | 'destination',
  text: string,
  op: 'eq' | 'neq' = 'eq',
): NftExpression[] {
  const { family, bytes, length } = prefixOf(end, text);
  const offset = FAMILIES[family][end];
  const size = bytes.length;
  const mask = Uint8Array.from(bytes, (_, i) => (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff);
  const network = bytes.map((one, i) => one & (mask[i] as number));
  const zero = toHex(new Uint8Array(size));
  return [
    ...matchFamily(family),
    { payload: { dreg: VALUE, base: 'network', offset, length: size } },
    ...(length === 8 * size
      ? []
      : [
          {
            bitwise: {
              sreg: VALUE,
              dreg: VALUE,
              length: size,
              mask: { value: toHex(mask) },
              xor: { value: zero },
            },
          },
        ]),
    equals(toHex(network), op),
  ];
}

/** `tcp dport 80` */
export function matchDestinationPort(protocol: NftProtocol, port: number): NftExpression[] {
  return [
    { meta: { key: 'l4proto', dreg: VALUE } },
    equals(byte(PROTOCOLS[protocol])),
    { payload: { dreg: VALUE, base: 'transport', offset: 2, length: 2 } },
    equals(port16(port)),
  ];
}

/** `iifname eth0`, `oifname != eth0` */
export function matchLink(
  end: 'iifname' | 'oifname',
  name: string,
  op: 'eq' | 'neq' = 'eq',
): NftExpression[] {
  const padded = Buffer.alloc(NAME_BYTES);
  padded.write(name);
  return [{ meta: { key: end, dreg: VALUE } }, equals(toHex(padded), op)];
}

/** `fib daddr type local`: the packet is for an address of this host. */
export function matchLocalDestination(): NftExpression[] {
  return [{ fib: { dreg: VALUE, result: 'addrtype', flags: ['daddr'] } }, equals(word32(LOCAL))];
}

/** `ct status dnat`: the connection goes elsewhere than its client meant. */
export function matchForwarded(): NftExpression[] {
  const zero = word32(0);
  return [
    { ct: { key: 'status', dreg: VALUE } },
    {
      bitwise: {
        sreg: VALUE,
        dreg: VALUE,
        length: 4,
        mask: { value: word32(DESTINATION_CHANGED) },
        xor: { value: zero },
      },
    },
    equals(zero, 'neq'),
  ];
}

/** `dnat ip to 10.0.0.2:80` */
export function forwardTo(address: string, port: number): NftExpression[] {
  const { family, bytes } = prefixOf('address', address);
  return [
    { immediate: { dreg: VALUE, data: { value: toHex(bytes) } } },
    { immediate: { dreg: PORT, data: { value: port16(port) } } },
    { nat: { type: 'dnat', family: FAMILIES[family].word, addressMin: VALUE, portMin: PORT } },
  ];
}

/** `masquerade` */
export function masquerade(): NftExpression[] {
  return [{ masq: {} }];
}
