import type { Amt, Gre, Ip6Tunnel, IpTunnel, Vti, Xfrm } from '../../route/link.ts';
import type { LinkDesk } from './link-desk.ts';
import { hash, putHex, putLink, putNumber, putTos, putWord, putYes, putYesNo } from './link-kinds-words.ts';
import { Sheet } from './route-sheet.ts';

export function putGre(sheet: Sheet, g: Gre, desk: LinkDesk): void {
  putYes(sheet, 'external', g.external, 'external ');
  putEnds(sheet, g, desk);
  putTtl(sheet, g.ttl, 'ttl');
  putTos(sheet, g.tos);
  if (g.pmtudisc !== undefined) sheet.put('pmtudisc', g.pmtudisc, g.pmtudisc ? '' : 'nopmtudisc ');
  putYes(sheet, 'ignore_df', g.ignoreDf, 'ignore-df ');
  putGreFlags(sheet, g);
  if (g.fwmark !== 0) putHex(sheet, 'fwmark', g.fwmark);
  putErspan(sheet, g);
  putEncap(sheet, g);
}

export function putIp6Gre(sheet: Sheet, g: Gre, desk: LinkDesk): void {
  putYes(sheet, 'external', g.external, 'external ');
  putEnds(sheet, g, desk);
  putTtl(sheet, g.ttl, 'hoplimit');
  putFlow(sheet, g);
  putGreFlags(sheet, g);
  putFlag(sheet, g, 'allow_local_remote', 'allow-localremote ');
  putMark(sheet, g);
  putErspan(sheet, g);
  putEncap(sheet, g);
}

export function putIpTunnel(sheet: Sheet, t: IpTunnel, desk: LinkDesk): void {
  putYes(sheet, 'external', t.external, 'external ');
  putProto(sheet, t.proto, ['ipip', 'ip6ip', 'mplsip', 'any']);
  putEnds(sheet, t, desk);
  putTtl(sheet, t.ttl, 'ttl');
  putTos(sheet, t.tos);
  putYesNo(sheet, 'pmtudisc', t.pmtudisc === true, 'pmtudisc');
  putYes(sheet, 'isatap', t.flags?.includes('isatap'), 'isatap ');
  if (t.prefixlen !== undefined && t.prefixlen !== 0) putSixRd(sheet, t, t.prefixlen);
  if (t.fwmark !== 0) putHex(sheet, 'fwmark', t.fwmark);
  putEncap(sheet, t);
}

function putSixRd(
  sheet: Sheet,
  { prefix = '::', relayPrefix, relayPrefixlen = 0 }: IpTunnel,
  length: number,
) {
  sheet.put('prefix', prefix);
  sheet.put('prefixlen', length, `6rd-prefix ${prefix}/${length} `);
  if (relayPrefix === undefined || relayPrefix === '0.0.0.0') return;
  sheet.put('relay_prefix', relayPrefix);
  sheet.put('relay_prefixlen', relayPrefixlen, `6rd-relay_prefix ${relayPrefix}/${relayPrefixlen} `);
}

export function putIp6Tunnel(sheet: Sheet, t: Ip6Tunnel, desk: LinkDesk): void {
  putYes(sheet, 'external', t.external, 'external ');
  putProto(sheet, t.proto, ['ipip6', 'ip6ip6', 'any']);
  putEnds(sheet, t, desk);
  putTtl(sheet, t.ttl, 'hoplimit');
  putFlow(sheet, t);
  putFlag(sheet, t, 'mip6_dev', 'mip6 ');
  putFlag(sheet, t, 'allow_local_remote', 'allow-localremote ');
  putMark(sheet, t);
  putEncap(sheet, t);
}

export function putVti(sheet: Sheet, v: Vti, desk: LinkDesk): void {
  putEnds(sheet, v, desk);
  if (v.ikey !== '0.0.0.0') putWord(sheet, 'ikey', v.ikey);
  if (v.okey !== '0.0.0.0') putWord(sheet, 'okey', v.okey);
  if (v.fwmark !== 0) putHex(sheet, 'fwmark', v.fwmark);
}

export function putXfrm(sheet: Sheet, x: Xfrm): void {
  if (x.external === true) sheet.put('external', true, 'external ');
  else putHex(sheet, 'if_id', x.ifId);
}

export function putAmt(sheet: Sheet, a: Amt, desk: LinkDesk): void {
  if (a.mode !== undefined) sheet.put('mode', a.mode, `${a.mode} `);
  putNumber(sheet, 'gateway_port', a.gatewayPort);
  putNumber(sheet, 'relay_port', a.relayPort);
  putWord(sheet, 'local', a.local);
  putWord(sheet, 'remote', a.remote);
  putWord(sheet, 'discovery', a.discovery);
  if (a.linkIndex !== undefined) putWord(sheet, 'link', desk.links.nameOf(a.linkIndex), 'dev');
  putNumber(sheet, 'max_tunnels', a.maxTunnels);
}

type Ends = Pick<Gre, 'remote' | 'local' | 'linkIndex'>;

function putEnds(sheet: Sheet, { remote, local, linkIndex }: Ends, desk: LinkDesk): void {
  const spell = (address: string | undefined) =>
    address === undefined || address === '0.0.0.0' || address === '::' ? 'any' : address;
  putWord(sheet, 'remote', spell(remote));
  putWord(sheet, 'local', spell(local));
  putLink(sheet, desk, 'link', linkIndex, 'dev');
}

function putTtl(sheet: Sheet, ttl: number | undefined, word: string): void {
  sheet.put('ttl', ttl ?? 0, `${word} ${ttl || 'inherit'} `);
}

function putProto(sheet: Sheet, proto: string | undefined, known: readonly string[]): void {
  if (proto !== undefined && known.includes(proto)) sheet.put('proto', proto, `${proto} `);
}

function putGreFlags(sheet: Sheet, g: Gre): void {
  if (typeof g.ikey === 'string') putWord(sheet, 'ikey', g.ikey);
  if (typeof g.okey === 'string') putWord(sheet, 'okey', g.okey);
  putYes(sheet, 'iseq', g.iseq, 'iseq ');
  putYes(sheet, 'oseq', g.oseq, 'oseq ');
  putYes(sheet, 'icsum', g.icsum, 'icsum ');
  putYes(sheet, 'ocsum', g.ocsum, 'ocsum ');
}

function putErspan(sheet: Sheet, g: Gre): void {
  putNumber(sheet, 'erspan_index', g.erspanIndex);
  putNumber(sheet, 'erspan_ver', g.erspanVer);
  if (g.erspanDir !== undefined)
    putWord(sheet, 'erspan_dir', g.erspanDir === 'ingress' ? 'ingress' : 'egress');
  putHex(sheet, 'erspan_hwid', g.erspanHwid);
}

type Over6 = Pick<Ip6Tunnel, 'flags' | 'encapLimit' | 'tclass' | 'flowlabel' | 'fwmark'>;

function putFlag(sheet: Sheet, { flags }: Over6, flag: string, text: string): void {
  putYes(sheet, `ip6_tnl_f_${flag}`, flags?.includes(flag), text);
}

function putFlow(sheet: Sheet, t: Over6): void {
  if (t.flags?.includes('ign_encap_limit')) putFlag(sheet, t, 'ign_encap_limit', 'encaplimit none ');
  else putNumber(sheet, 'encap_limit', t.encapLimit, 'encaplimit');
  if (t.flags?.includes('use_orig_tclass')) putFlag(sheet, t, 'use_orig_tclass', 'tclass inherit ');
  else if (t.tclass !== undefined) putWord(sheet, 'tclass', `0x${padded(t.tclass, 2)}`);
  if (t.flags?.includes('use_orig_flowlabel')) putFlag(sheet, t, 'use_orig_flowlabel', 'flowlabel inherit ');
  else if (t.flowlabel !== undefined) putWord(sheet, 'flowlabel', `0x${padded(t.flowlabel, 5)}`);
  putFlag(sheet, t, 'rcv_dscp_copy', 'dscp inherit ');
}

function padded(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function putMark(sheet: Sheet, t: Over6): void {
  if (t.flags?.includes('use_orig_fwmark')) putFlag(sheet, t, 'use_orig_fwmark', 'fwmark inherit ');
  else if (t.fwmark !== undefined && t.fwmark !== 0)
    sheet.put('fwmark', hash(t.fwmark), `fwmark ${hash(t.fwmark)} `);
}

type Encap = Pick<IpTunnel, 'encapType' | 'encapFlags' | 'encapSport' | 'encapDport'>;

function putEncap(sheet: Sheet, { encapType, encapFlags = [], encapSport = 0, encapDport = 0 }: Encap): void {
  if (encapType === undefined || encapType === 'none') return;
  const info = new Sheet();
  if (encapType === 'fou' || encapType === 'gue') info.put('type', encapType, `${encapType} `);
  else info.put('type', null, 'unknown ');
  info.put('sport', encapSport, `encap-sport ${encapSport === 0 ? 'auto' : encapSport} `);
  info.put('dport', encapDport, `encap-dport ${encapDport} `);
  for (const flag of ['csum', 'csum6', 'remcsum']) {
    const on = encapFlags.includes(flag);
    info.put(flag, on, `${on ? '' : 'no'}encap-${flag} `);
  }
  sheet.put('encap', info.json, `encap ${info.text}`);
}
