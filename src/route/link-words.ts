/** Words for the numbers in a link's header, as `ip` spells them. */

/** IFF_*, uapi/linux/if.h, in the order in which `ip` prints them. RUNNING is what `ip` shows as NO-CARRIER. */
export const LINK_FLAGS = {
  LOOPBACK: 0x8,
  BROADCAST: 0x2,
  POINTOPOINT: 0x10,
  MULTICAST: 0x1000,
  NOARP: 0x80,
  ALLMULTI: 0x200,
  PROMISC: 0x100,
  MASTER: 0x400,
  SLAVE: 0x800,
  DEBUG: 0x4,
  DYNAMIC: 0x8000,
  AUTOMEDIA: 0x4000,
  PORTSEL: 0x2000,
  NOTRAILERS: 0x20,
  UP: 0x1,
  RUNNING: 0x40,
  LOWER_UP: 0x10000,
  DORMANT: 0x20000,
  ECHO: 0x40000,
} as const;
export type LinkFlag = keyof typeof LINK_FLAGS | (string & {});

/** IF_OPER_*, uapi/linux/if.h; RFC 2863. */
export const OPERSTATES = {
  0: 'UNKNOWN',
  1: 'NOTPRESENT',
  2: 'DOWN',
  3: 'LOWERLAYERDOWN',
  4: 'TESTING',
  5: 'DORMANT',
  6: 'UP',
} as const;

/** IF_LINK_MODE_*, uapi/linux/if.h. */
export const LINK_MODES = { 0: 'DEFAULT', 1: 'DORMANT', 2: 'TESTING' } as const;

/** ARPHRD_*, uapi/linux/if_arp.h. */
const LINK_TYPES: Readonly<Record<number, string>> = {
  0: 'netrom',
  1: 'ether',
  2: 'eether',
  3: 'ax25',
  4: 'pronet',
  5: 'chaos',
  6: 'ieee802',
  7: 'arcnet',
  8: 'atalk',
  15: 'dlci',
  19: 'atm',
  23: 'metricom',
  24: 'ieee1394',
  32: 'infiniband',
  256: 'slip',
  257: 'cslip',
  258: 'slip6',
  259: 'cslip6',
  260: 'rsrvd',
  264: 'adapt',
  270: 'rose',
  271: 'x25',
  272: 'hwx25',
  280: 'can',
  512: 'ppp',
  513: 'hdlc',
  516: 'lapb',
  517: 'ddcmp',
  518: 'rawhdlc',
  768: 'ipip',
  769: 'tunnel6',
  770: 'frad',
  771: 'skip',
  772: 'loopback',
  773: 'ltalk',
  774: 'fddi',
  775: 'bif',
  776: 'sit',
  777: 'ip/ddp',
  778: 'gre',
  779: 'pimreg',
  780: 'hippi',
  781: 'ash',
  782: 'econet',
  783: 'irda',
  784: 'fcpp',
  785: 'fcal',
  786: 'fcpl',
  ...Object.fromEntries(Array.from({ length: 13 }, (_, i) => [787 + i, `fcfb${i}`])),
  800: 'tr',
  801: 'ieee802.11',
  802: 'ieee802.11/prism',
  803: 'ieee802.11/radiotap',
  804: 'ieee802.15.4',
  805: 'ieee802.15.4/monitor',
  820: 'phonet',
  821: 'phonet_pipe',
  822: 'caif',
  823: 'gre6',
  824: 'netlink',
  825: '6lowpan',
  65534: 'none',
  65535: 'void',
};
const LINK_TYPE_NUMBERS = new Map(Object.entries(LINK_TYPES).map(([number, name]) => [name, Number(number)]));

/** The number's name; its digits where it has none. */
export function linkTypeName(type: number): string {
  return LINK_TYPES[type] ?? String(type);
}

/** The reverse of {@link linkTypeName}; undefined for a word that is none. */
export function linkTypeNumber(name: string): number | undefined {
  return LINK_TYPE_NUMBERS.get(name) ?? (/^\d{1,5}$/.test(name) ? Number(name) : undefined);
}
