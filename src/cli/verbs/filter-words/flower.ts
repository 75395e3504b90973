import type { Flower } from '../../../route/filters/index.ts';
import { protocolNumber, protocolWord } from '../../../route/tc-protocol.ts';
import { matches, UsageError, type Words, wrongArgument } from '../../args.ts';
import { illegal } from '../qdisc-words/rows.ts';

/** The words of `tc` for flower: f_flower.c of iproute2, man 8 tc-flower. */

const isVlan = (protocol: string | undefined) => protocol === '802.1Q' || protocol === '802.1ad';

/** What stands for the type of the next protocol while the words are read: vlan_ethtype changes it. */
interface Reading {
  readonly flower: Flower;
  readonly protocol: string;
  ethType: string;
}

type Take = (words: Words, reading: Reading, name: string) => void;

/** Any text, which the library checks. */
const text =
  (field: keyof Flower): Take =>
  (words, { flower }) => {
    Object.assign(flower, { [field]: words.next() });
  };

const limited =
  (field: keyof Flower, max: number): Take =>
  (words, { flower }, name) => {
    const word = words.next();
    const value = /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (!(value <= max)) throw illegal(name);
    Object.assign(flower, { [field]: value });
  };

const inVlan =
  (take: Take): Take =>
  (words, reading, name) => {
    if (!isVlan(reading.protocol) && !Number(reading.flower.numOfVlans ?? 0))
      throw new UsageError(`Can't set "${name}" if ethertype isn't 802.1Q or 802.1AD and num_of_vlans is 0`);
    take(words, reading, name);
  };

const inInnerVlan =
  (take: Take): Take =>
  (words, reading, name) => {
    if (!isVlan(reading.flower.vlanEthType) && !(Number(reading.flower.numOfVlans ?? 0) > 1))
      throw new UsageError(
        `Can't set "${name}" if inner vlan ethertype isn't 802.1Q or 802.1AD and num_of_vlans is less than 2`,
      );
    take(words, reading, name);
  };

const ethType =
  (field: 'vlanEthType' | 'cvlanEthType'): Take =>
  (words, reading) => {
    const word = words.next();
    const number = protocolNumber(word);
    if (number === undefined) throw wrongArgument(word, 'invalid vlan_ethtype');
    reading.ethType = protocolWord(number);
    reading.flower[field] = reading.ethType;
  };

const inMpls =
  (take: Take): Take =>
  (words, reading, name) => {
    if (!reading.ethType.startsWith('mpls_'))
      throw new UsageError(`Can't set "${name}" if ethertype isn't MPLS`);
    take(words, reading, name);
  };

const IP_PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6'];

const ipProto: Take = (words, { flower, ethType: type }) => {
  if (type !== 'ip' && type !== 'ipv6') throw illegal('ip_proto');
  const word = words.next();
  const known = IP_PROTOCOLS.find((name) => matches(word, name));
  const number = /^[0-9a-f]{1,2}$/i.test(word) ? Number.parseInt(word, 16) : undefined;
  if (known === undefined && number === undefined) throw illegal('ip_proto');
  flower.ipProto = known ?? (number as number);
};

/** `80`, `0x50/0xff`, or `80-90`. */
const port =
  (side: 'src' | 'dst'): Take =>
  (words, { flower }, name) => {
    if (!['tcp', 'udp', 'sctp'].includes(String(flower.ipProto))) throw illegal(name);
    const word = words.next();
    const [, low, high] = /^(\d+)-(\d+)$/.exec(word) ?? [];
    if (low === undefined) {
      flower[`${side}Port`] = word;
      return;
    }
    if (!(Number(low) < Number(high))) throw illegal(name);
    flower[`${side}PortMin`] = Number(low);
    flower[`${side}PortMax`] = Number(high);
  };

/** Hexadecimal, with or without 0x, as both parts are. */
const hexMasked =
  (field: keyof Flower): Take =>
  (words, { flower }) => {
    const parts = words.next().split('/');
    Object.assign(flower, {
      [field]: parts.map((part) => (/^0x/i.test(part) ? part : `0x${part}`)).join('/'),
    });
  };

const arpOp: Take = (words, { flower }) => {
  const word = words.next();
  flower.arpOp = word === 'request' ? 1 : word === 'reply' ? 2 : word;
};

const refused: Take = (_words, _reading, name) => {
  throw new UsageError(
    `"${name}" is not supported here: options of tunnels have crashed kernels, see CONTRIBUTING.md.`,
  );
};

/** In the order in which abbreviations are tried; the second is whether the word may be abbreviated. */
const ROWS: readonly (readonly [name: string, take: Take, full?: 'full'])[] = [
  [
    'ip_flags',
    (words, { flower }) => {
      flower.ipFlags = words.next().split('/');
    },
  ],
  ['ct_state', text('ctState')],
  ['ct_zone', text('ctZone')],
  ['ct_mark', text('ctMark')],
  [
    'ct_label',
    (words, { flower }) => {
      const [label = '', mask] = words.next().split('/');
      flower.ctLabels = label;
      flower.ctLabelsMask = mask ?? 'f'.repeat(32);
    },
  ],
  ['num_of_vlans', limited('numOfVlans', 0xff), 'full'],
  ['vlan_id', inVlan(limited('vlanId', 0xfff))],
  ['vlan_prio', inVlan(limited('vlanPrio', 7))],
  ['vlan_ethtype', inVlan(ethType('vlanEthType'))],
  ['cvlan_id', inInnerVlan(limited('cvlanId', 0xfff))],
  ['cvlan_prio', inInnerVlan(limited('cvlanPrio', 7))],
  ['cvlan_ethtype', inInnerVlan(ethType('cvlanEthType'))],
  ['mpls_label', inMpls(limited('mplsLabel', 0xfffff))],
  ['mpls_tc', inMpls(limited('mplsTc', 7))],
  ['mpls_bos', inMpls(limited('mplsBos', 1))],
  ['mpls_ttl', inMpls(limited('mplsTtl', 0xff))],
  ['dst_mac', text('dstMac')],
  ['src_mac', text('srcMac')],
  ['ip_proto', ipProto],
  ['ip_tos', hexMasked('ipTos')],
  ['ip_ttl', text('ipTtl')],
  ['dst_ip', text('dstIp')],
  ['src_ip', text('srcIp')],
  ['dst_port', port('dst')],
  ['src_port', port('src')],
  ['tcp_flags', hexMasked('tcpFlags')],
  ['type', text('icmpType')],
  ['code', text('icmpCode')],
  ['arp_tip', text('arpTip')],
  ['arp_sip', text('arpSip')],
  ['arp_op', arpOp],
  ['arp_tha', text('arpTha')],
  ['arp_sha', text('arpSha')],
  ['pppoe_sid', limited('pppoeSid', 0xffff), 'full'],
  ['enc_dst_ip', text('encDstIp')],
  ['enc_src_ip', text('encSrcIp')],
  ['enc_key_id', text('encKeyId')],
  ['enc_dst_port', text('encDstPort')],
  ['enc_tos', hexMasked('encTos')],
  ['enc_ttl', text('encTtl')],
  ['geneve_opts', refused],
  ['vxlan_opts', refused],
  ['erspan_opts', refused],
  ['gtp_opts', refused, 'full'],
];

export type FlowerReading = Reading;
export const startFlower = (protocol: string): FlowerReading => ({ flower: {}, protocol, ethType: protocol });

/** Takes one word of flower's own with what belongs to it; false where the next word is none. */
export function readFlowerWord(words: Words, reading: FlowerReading): boolean {
  const given = words.peek;
  if (given === undefined) return false;
  const row = ROWS.find(([name, , full]) => (full === undefined ? matches(given, name) : given === name));
  if (row === undefined) return false;
  words.next();
  const [name, take] = row;
  take(words, reading, name);
  return true;
}
