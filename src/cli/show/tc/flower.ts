import type { TcFilter } from '../../../route/filter.ts';
import type { Flower } from '../../../route/filters/index.ts';
import { protocolNumber } from '../../../route/tc-protocol.ts';
import { putActions } from './actions.ts';
import type { TcSheet } from './tc-desk.ts';

/** Keys of flower in the order and the spelling of `tc` 6.1. */

/** Priorities of hardware traffic classes: TC_H_MIN_PRIORITY and the 16 above. */
const FIRST_HW_TC = 0xffe0;
const HW_TCS = 16;

/** An address with its mask as the number of its bits; of a MAC address, too. */
function shortMask(value: string): string {
  const [address = '', mask] = value.split('/');
  if (mask === undefined || /^\d+$/.test(mask)) return value;
  const octets = mask.split(':');
  if (octets.length !== 6) return value;
  const bits = octets.map((octet) => Number.parseInt(octet, 16).toString(2).padStart(8, '0')).join('');
  const length = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  return length === 0 || bits.slice(length).includes('1') ? value : `${address}/${length}`;
}

/** `0x10/0xf0` of a key as two numbers; a plain number has no mask. */
function parts(value: string | number): { value: number; mask: number | undefined } {
  const [left, right] = String(value).split('/');
  return { value: Number(left), mask: right === undefined ? undefined : Number(right) };
}

/** Words that `tc` has for the type of the next protocol, which are fewer than those of `protocol`. */
const ETH_TYPES: Readonly<Record<string, string>> = { ip: 'ipv4', ipv6: 'ipv6', arp: 'arp', rarp: 'rarp' };

const hexDigits = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** `tc` has words for four of them. */
function ethTypeNumber(word: string): string {
  return hexDigits(protocolNumber(word) ?? 0, 4);
}

function protocolText(value: string | number | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value === 'l2tp') return hexDigits(115, 2);
  return typeof value === 'number' ? hexDigits(value, 2) : value;
}

function putText(sheet: TcSheet, name: string, value: string | number | undefined): void {
  if (value === undefined) return;
  sheet.newline();
  sheet.put(name, value, `  ${name} ${value}`);
}

function putAddress(sheet: TcSheet, name: string, value: string | number | undefined): void {
  if (value !== undefined) putText(sheet, name, shortMask(String(value)));
}

/** A number; with a mask, that stands beside it in the JSON, in hexadecimal. */
function putMasked(sheet: TcSheet, name: string, key: string | number | undefined, full: number): void {
  if (key === undefined) return;
  const { value, mask = full } = parts(key);
  sheet.newline();
  sheet.put(name, value, `  ${name} ${value}`);
  if (mask !== full) sheet.put(`${name}_mask`, mask.toString(16), `/0x${mask.toString(16)}`);
}

/** A byte, which some keys have as text even in the JSON. */
function putByte(sheet: TcSheet, name: string, key: string | number | undefined): void {
  if (key === undefined) return;
  const { value, mask = 0xff } = parts(key);
  putText(sheet, name, mask === 0xff ? String(value) : `${value}/${mask}`);
}

function putTcpFlags(sheet: TcSheet, key: string | number | undefined): void {
  if (key === undefined) return;
  const { value, mask = 0xffff } = parts(key);
  putText(sheet, 'tcp_flags', `0x${value.toString(16)}/${mask.toString(16)}`);
}

function putRange(
  sheet: TcSheet,
  name: string,
  low: string | number | undefined,
  high: string | number | undefined,
): void {
  if (low === undefined || high === undefined) return;
  sheet.newline();
  sheet.put(name, { start: Number(low), end: Number(high) }, `  ${name} ${low}-${high}`);
}

function putVlans(sheet: TcSheet, flower: Flower): void {
  putText(sheet, 'num_of_vlans', flower.numOfVlans);
  putText(sheet, 'vlan_id', flower.vlanId);
  putText(sheet, 'vlan_prio', flower.vlanPrio);
  putText(sheet, 'vlan_ethtype', flower.vlanEthType);
  putText(sheet, 'cvlan_id', flower.cvlanId);
  putText(sheet, 'cvlan_prio', flower.cvlanPrio);
  putText(sheet, 'cvlan_ethtype', flower.cvlanEthType);
}

function putTransport(sheet: TcSheet, flower: Flower): void {
  const { ipProto, srcPort, dstPort } = flower;
  if (['tcp', 'udp', 'sctp'].includes(String(ipProto))) {
    putMasked(sheet, 'dst_port', dstPort, 0xffff);
    putMasked(sheet, 'src_port', srcPort, 0xffff);
    putRange(sheet, 'dst_port', flower.dstPortMin, flower.dstPortMax);
    putRange(sheet, 'src_port', flower.srcPortMin, flower.srcPortMax);
  }
  putTcpFlags(sheet, flower.tcpFlags);
  putByte(sheet, 'icmp_type', flower.icmpType);
  putByte(sheet, 'icmp_code', flower.icmpCode);
}

function putArp(sheet: TcSheet, flower: Flower): void {
  putAddress(sheet, 'arp_sip', flower.arpSip);
  putAddress(sheet, 'arp_tip', flower.arpTip);
  if (flower.arpOp !== undefined) {
    const { value, mask = 0xff } = parts(flower.arpOp);
    const word = mask === 0xff && (value === 1 ? 'request' : value === 2 ? 'reply' : undefined);
    if (word) putText(sheet, 'arp_op', word);
    else putByte(sheet, 'arp_op', flower.arpOp);
  }
  putAddress(sheet, 'arp_sha', flower.arpSha);
  putAddress(sheet, 'arp_tha', flower.arpTha);
}

function putTunnel(sheet: TcSheet, flower: Flower): void {
  putAddress(sheet, 'enc_dst_ip', flower.encDstIp);
  putAddress(sheet, 'enc_src_ip', flower.encSrcIp);
  putText(sheet, 'enc_key_id', flower.encKeyId);
  putMasked(sheet, 'enc_dst_port', flower.encDstPort, 0xffff);
  putMasked(sheet, 'enc_tos', flower.encTos, 0xff);
  putMasked(sheet, 'enc_ttl', flower.encTtl, 0xff);
}

function putConntrack(sheet: TcSheet, flower: Flower): void {
  if (flower.ctState !== undefined) putText(sheet, 'ct_state', flower.ctState);
  putMasked(sheet, 'ct_zone', flower.ctZone, 0xffff);
  putMasked(sheet, 'ct_mark', flower.ctMark, 0xffffffff);
  if (flower.ctLabels === undefined) return;
  const { ctLabels, ctLabelsMask: mask = 'f'.repeat(32) } = flower;
  const whole = ctLabels.length === 32 && /^f{32}$/.test(mask);
  putText(sheet, 'ct_label', whole ? ctLabels : `${ctLabels}/${mask.slice(0, ctLabels.length)}`);
}

function putIpFlags(sheet: TcSheet, words: readonly string[] | undefined): void {
  if (words === undefined || words.length === 0) return;
  const json: Record<string, boolean> = {};
  for (const word of words) json[word.replace(/^no/, '')] = !word.startsWith('no');
  sheet.newline();
  sheet.put('ip_flags', json, `  ip_flags ${words.join('/')}`);
}

export function putFlower(sheet: TcSheet, filter: TcFilter): void {
  const { classid, indev, flags = [], actions, flower = {} } = filter;
  const handle = Number(filter.handle ?? 0);
  if (handle !== 0) sheet.put('handle', handle, `handle 0x${handle.toString(16)} `);
  if (classid !== undefined) putClass(sheet, classid);
  if (indev !== undefined) {
    sheet.newline();
    sheet.put('indev', indev, `  indev ${indev}`);
  }
  sheet.inside('keys', (keys) => {
    putVlans(keys, flower);
    putAddress(keys, 'dst_mac', flower.dstMac);
    putAddress(keys, 'src_mac', flower.srcMac);
    putText(keys, 'eth_type', flower.ethType && (ETH_TYPES[flower.ethType] ?? ethTypeNumber(flower.ethType)));
    putText(keys, 'ip_proto', protocolText(flower.ipProto));
    putMasked(keys, 'ip_tos', flower.ipTos, 0xff);
    putMasked(keys, 'ip_ttl', flower.ipTtl, 0xff);
    putText(keys, 'mpls_label', flower.mplsLabel);
    putByte(keys, 'mpls_tc', flower.mplsTc);
    putByte(keys, 'mpls_bos', flower.mplsBos);
    putByte(keys, 'mpls_ttl', flower.mplsTtl);
    if (flower.ethType === 'ip' || flower.ethType === 'ipv6') {
      putAddress(keys, 'dst_ip', flower.dstIp);
      putAddress(keys, 'src_ip', flower.srcIp);
    }
    putTransport(keys, flower);
    putArp(keys, flower);
    putText(keys, 'pppoe_sid', flower.pppoeSid);
    putText(keys, 'ppp_proto', flower.pppProto);
    putTunnel(keys, flower);
    putIpFlags(keys, flower.ipFlags);
    putConntrack(keys, flower);
  });
  putHardware(sheet, flags, flower.inHwCount);
  if (actions !== undefined) putActions(sheet, actions);
}

function putClass(sheet: TcSheet, classid: string): void {
  const minor = Number.parseInt(classid.split(':')[1] ?? '', 16);
  if (minor >= FIRST_HW_TC && minor < FIRST_HW_TC + HW_TCS)
    sheet.put('hw_tc', minor - FIRST_HW_TC, `hw_tc ${minor - FIRST_HW_TC} `);
  else sheet.put('classid', classid, `classid ${classid} `);
}

function putHardware(sheet: TcSheet, flags: readonly string[], count: number | undefined): void {
  const put = (flag: string) => {
    sheet.newline();
    sheet.put(flag, true, `  ${flag}`);
  };
  if (flags.includes('skip_hw')) put('skip_hw');
  if (flags.includes('skip_sw')) put('skip_sw');
  if (flags.includes('in_hw')) {
    put('in_hw');
    if (count !== undefined) sheet.put('in_hw_count', count, ` in_hw_count ${count}`);
  } else if (flags.includes('not_in_hw')) put('not_in_hw');
}
