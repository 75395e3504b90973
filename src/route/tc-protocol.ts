import { type Codec, ValueError } from '../netlink/wire/codec.ts';
import { WireError } from '../netlink/wire/view.ts';

/** EtherTypes in the words of `tc`: uapi/linux/if_ether.h, ETH_P_*. An unknown one is its number, `[35085]`. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: '802_3',
  2: 'ax25',
  3: 'all',
  4: '802_2',
  5: 'snap',
  6: 'ddcmp',
  7: 'wan_ppp',
  8: 'ppp_mp',
  9: 'localtalk',
  12: 'can',
  16: 'ppptalk',
  17: 'tr_802_2',
  21: 'mobitex',
  22: 'control',
  23: 'irda',
  24: 'econet',
  96: 'loop',
  512: 'pup',
  513: 'pupat',
  2048: 'ip',
  2053: 'x25',
  2054: 'arp',
  2303: 'bpq',
  2560: 'ieeepup',
  2561: 'ieeepupat',
  24576: 'dec',
  24577: 'dna_dl',
  24578: 'dna_rc',
  24579: 'dna_rt',
  24580: 'lat',
  24581: 'diag',
  24582: 'cust',
  24583: 'sca',
  25944: 'teb',
  32821: 'rarp',
  32923: 'atalk',
  33011: 'aarp',
  33024: '802.1Q',
  33079: 'ipx',
  34525: 'ipv6',
  34887: 'mpls_uc',
  34888: 'mpls_mc',
  34892: 'atmmpoa',
  34915: 'ppp_disc',
  34916: 'ppp_ses',
  34948: 'atmfate',
  34962: 'profinet',
  34978: 'aoe',
  34980: 'ethercat',
  34984: '802.1ad',
  35018: 'tipc',
  35020: 'LLDP',
};

const NUMBERS = new Map(
  Object.entries(PROTOCOLS).map(([number, word]) => [word.toLowerCase(), Number(number)]),
);
NUMBERS.set('ipv4', 2048);

export function protocolWord(number: number): string {
  return PROTOCOLS[number] ?? `[${number}]`;
}

/** Undefined for a word that is none. Numbers may be decimal or hexadecimal, in brackets or not. */
export function protocolNumber(word: string | number): number | undefined {
  const text = String(word);
  const known = NUMBERS.get(text.toLowerCase());
  if (known !== undefined) return known;
  const digits = /^\[?(0x[0-9a-f]+|\d+)\]?$/i.exec(text)?.[1];
  const number = digits === undefined ? Number.NaN : Number(digits);
  return number <= 0xffff ? number : undefined;
}

/** An EtherType in network order. */
export const protocol: Codec<string> = {
  size: 2,
  decode(view, start, end) {
    if (end - start < 2) throw new WireError(`protocol of ${end - start} bytes`);
    return protocolWord(view.be16(start));
  },
  encode(writer, value) {
    const number = protocolNumber(value);
    if (number === undefined)
      throw new ValueError(value, 'a protocol such as ip, ipv6, arp, 802.1Q, all, or a number');
    writer.be16(number);
  },
};
