import type { Bareudp, Geneve, Vxlan } from '../../route/link.ts';
import type { LinkDesk } from './link-desk.ts';
import { putHex, putLink, putNumber, putTos, putYes, putYesNo } from './link-kinds-words.ts';
import type { Sheet } from './route-sheet.ts';

/** Keys of IPv6 addresses end in 6. */
function six(address: string): string {
  return address.includes(':') ? '6' : '';
}

function putTtl(sheet: Sheet, { ttlInherit, ttl }: Pick<Vxlan, 'ttl' | 'ttlInherit'>): void {
  if (ttlInherit === true) sheet.say('ttl inherit ');
  else if (ttl !== undefined) sheet.put('ttl', ttl, `ttl ${ttl === 0 ? 'auto' : ttl} `);
}

function putDf(sheet: Sheet, df: string | undefined): void {
  if (df !== undefined && ['unset', 'set', 'inherit'].includes(df))
    sheet.put('df', df, df === 'unset' ? '' : `df ${df} `);
}

export function putVxlan(sheet: Sheet, v: Vxlan, desk: LinkDesk): void {
  putYes(sheet, 'external', v.external, 'external ');
  putYes(sheet, 'vnifilter', v.vnifilter, 'vnifilter');
  putNumber(sheet, 'id', v.id);
  if (v.group !== undefined) sheet.put(`group${six(v.group)}`, v.group, `group ${v.group} `);
  if (v.remote !== undefined) sheet.put(`remote${six(v.remote)}`, v.remote, `remote ${v.remote} `);
  if (v.local !== undefined) sheet.put(`local${six(v.local)}`, v.local, `local ${v.local} `);
  putLink(sheet, desk, 'link', v.linkIndex, 'dev');
  if (v.portRange !== undefined) {
    const { low = 0, high = 0 } = v.portRange;
    sheet.put('port_range', { low, high }, `srcport ${low} ${high} `);
  }
  putNumber(sheet, 'port', v.port, 'dstport');
  if (v.learning !== undefined) sheet.put('learning', v.learning, v.learning ? '' : 'nolearning ');
  putYes(sheet, 'proxy', v.proxy, 'proxy ');
  putYes(sheet, 'rsc', v.rsc, 'rsc ');
  putYes(sheet, 'l2miss', v.l2miss, 'l2miss ');
  putYes(sheet, 'l3miss', v.l3miss, 'l3miss ');
  putTos(sheet, v.tos);
  putTtl(sheet, v);
  putDf(sheet, v.df);
  if (v.label !== 0) putHex(sheet, 'label', v.label, 'flowlabel');
  if (v.ageing !== undefined) sheet.put('ageing', v.ageing, `ageing ${v.ageing === 0 ? 'none' : v.ageing} `);
  if (v.limit !== undefined && v.limit !== 0) putNumber(sheet, 'limit', v.limit, 'maxaddr');
  putYesNo(sheet, 'udp_csum', v.udpCsum, 'udpcsum');
  putYesNo(sheet, 'udp_zero_csum6_tx', v.udpZeroCsum6Tx, 'udp6zerocsumtx');
  putYesNo(sheet, 'udp_zero_csum6_rx', v.udpZeroCsum6Rx, 'udp6zerocsumrx');
  putYes(sheet, 'remcsum_tx', v.remcsumTx, 'remcsumtx ');
  putYes(sheet, 'remcsum_rx', v.remcsumRx, 'remcsumrx ');
  putYes(sheet, 'gbp', v.gbp, 'gbp ');
  putYes(sheet, 'gpe', v.gpe, 'gpe ');
}

export function putGeneve(sheet: Sheet, g: Geneve): void {
  putYes(sheet, 'external', g.external, 'external ');
  putNumber(sheet, 'id', g.id);
  // A multicast address is none for Geneve; `ip` says nothing of an IPv6 one.
  if (g.remote !== undefined && !g.remote.startsWith('ff'))
    sheet.put(`remote${six(g.remote)}`, g.remote, `remote ${g.remote} `);
  putTtl(sheet, g);
  putTos(sheet, g.tos);
  putDf(sheet, g.df);
  if (g.label !== 0) putHex(sheet, 'label', g.label, 'flowlabel');
  putNumber(sheet, 'port', g.port, 'dstport');
  putYesNo(sheet, 'udp_csum', g.udpCsum, 'udpcsum');
  putYesNo(sheet, 'udp_zero_csum6_tx', g.udpZeroCsum6Tx, 'udp6zerocsumtx');
  putYesNo(sheet, 'udp_zero_csum6_rx', g.udpZeroCsum6Rx, 'udp6zerocsumrx');
  putYes(sheet, 'inner_proto_inherit', g.innerProtoInherit, 'innerprotoinherit ');
}

export function putBareudp(sheet: Sheet, b: Bareudp): void {
  putNumber(sheet, 'dstport', b.dstport);
  if (b.ethertype !== undefined) {
    const name = /^\d+$/.test(b.ethertype) ? `[${b.ethertype}]` : b.ethertype;
    sheet.put('ethertype', name, `ethertype ${name} `);
  }
  putNumber(sheet, 'srcportmin', b.srcportmin);
  putYesNo(sheet, 'multiproto', b.multiproto === true, 'multiproto');
}
