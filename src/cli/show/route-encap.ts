import type { Encap, Seg6LocalEncap, SegmentRoutingHeader } from '../../route/encap.ts';
import { counter } from '../text.ts';
import { type Desk, Sheet } from './route-sheet.ts';

/** `encap TYPE ...` of routes and nexthops. The fields stand in the same object as those of the route. */
export function putEncap(sheet: Sheet, desk: Desk, encap: Encap): void {
  const known = /^\d+$/.test(encap.type) ? 'unknown' : encap.type;
  sheet.put('encap', known, ` encap ${known} `);
  if ('hex' in encap) return;
  switch (encap.type) {
    case 'seg6':
      sheet.put('mode', encap.mode, `mode ${encap.mode} `);
      putHeader(sheet, desk, encap);
      break;
    case 'seg6local':
      putSeg6Local(sheet, desk, encap);
      break;
    case 'ip':
      if (encap.id !== undefined) sheet.put('id', encap.id, `id ${encap.id} `);
      if (encap.src !== undefined) sheet.put('src', encap.src, `src ${desk.paint.inet(`${encap.src} `)}`);
      if (encap.dst !== undefined) sheet.put('dst', encap.dst, `dst ${desk.paint.inet(`${encap.dst} `)}`);
      if (encap.ttl !== undefined) sheet.put('ttl', encap.ttl, `ttl ${encap.ttl} `);
      if (encap.tos !== undefined) sheet.put('tos', encap.tos, `tos ${encap.tos} `);
      putTunnelFlags(sheet, encap.flags);
      break;
    case 'ip6':
      if (encap.id !== undefined) sheet.put('id', encap.id, `id ${encap.id} `);
      if (encap.src !== undefined) sheet.put('src', encap.src, `src ${desk.paint.inet6(`${encap.src} `)}`);
      if (encap.dst !== undefined) sheet.put('dst', encap.dst, `dst ${desk.paint.inet6(`${encap.dst} `)}`);
      if (encap.hoplimit !== undefined) sheet.put('hoplimit', encap.hoplimit, `hoplimit ${encap.hoplimit} `);
      if (encap.tc !== undefined) sheet.put('tc', encap.tc, `tc ${encap.tc} `);
      putTunnelFlags(sheet, encap.flags);
      break;
    case 'mpls':
      sheet.put('dst', encap.dst, ` ${encap.dst} `);
      if (encap.ttl !== undefined) sheet.put('ttl', encap.ttl, `ttl ${encap.ttl} `);
      break;
    case 'rpl':
      putSegments(sheet, desk, encap.segs);
      break;
    case 'xfrm':
      if (encap.ifId !== undefined) sheet.put('if_id', encap.ifId, `if_id ${encap.ifId} `);
      if (encap.link !== undefined) {
        const name = desk.links.nameOf(encap.link);
        sheet.put('link_dev', name, `link_dev ${name} `);
      }
      break;
  }
}

function putTunnelFlags(sheet: Sheet, flags: readonly string[] = []): void {
  for (const flag of ['key', 'csum', 'seq']) if (flags.includes(flag)) sheet.put(flag, true, `${flag} `);
}

function putSegments(sheet: Sheet, desk: Desk, segs: readonly string[]): void {
  const text = segs.map((segment) => desk.paint.inet6(`${segment} `)).join('');
  sheet.put('segs', [...segs], `segs ${segs.length} [ ${text}] `);
}

function putHeader(sheet: Sheet, desk: Desk, { segs, hmac }: SegmentRoutingHeader): void {
  putSegments(sheet, desk, segs);
  if (hmac !== undefined)
    sheet.put('hmac', `0x${hmac.toString(16)}`, `hmac ${hmac.toString(16).toUpperCase()} `);
}

function putSeg6Local(sheet: Sheet, desk: Desk, encap: Seg6LocalEncap): void {
  const action = /^\d+$/.test(encap.action)
    ? Number(encap.action) > 16
      ? '<invalid>'
      : '<unknown>'
    : encap.action;
  sheet.put('action', action, `action ${action} `);
  if (encap.srh !== undefined) {
    const inner = new Sheet();
    putHeader(inner, desk, encap.srh);
    sheet.put('srh', inner.json, inner.text);
  }
  for (const key of ['table', 'vrftable'] as const) {
    if (encap[key] === undefined) continue;
    const name = desk.names.tableName(encap[key]);
    sheet.put(key, name, `${key} ${name} `);
  }
  for (const key of ['nh4', 'nh6'] as const) {
    if (encap[key] !== undefined) sheet.put(key, encap[key], `${key} ${encap[key]} `);
  }
  for (const key of ['iif', 'oif'] as const) {
    if (encap[key] === undefined) continue;
    const name = desk.links.nameOf(encap[key]);
    sheet.put(key, name, `${key} ${name} `);
  }
  if (encap.bpf !== undefined) {
    const { name } = encap.bpf;
    sheet.put('endpoint', name ?? '<unknown>', name === undefined ? 'endpoint ' : `endpoint ${name} `);
  }
  if (encap.counters !== undefined && desk.options.stats > 0) {
    const { packets = 0n, bytes = 0n, errors = 0n } = encap.counters;
    const text = Object.entries({ packets, bytes, errors })
      .map(([key, value]) => `${key} ${counter(value, desk.options)} `)
      .join('');
    sheet.put('stats64', { packets, bytes, errors }, text);
  }
  if (encap.flavors !== undefined) {
    const { operations, lblen, nflen } = encap.flavors;
    if (operations !== undefined) {
      const shown = operations.filter((name) => !name.startsWith('0x'));
      sheet.put('flavors', shown, `flavors ${shown.join(',')} `);
    }
    if (lblen !== undefined) sheet.put('lblen', lblen, `lblen ${lblen} `);
    if (nflen !== undefined) sheet.put('nflen', nflen, `nflen ${nflen} `);
  }
}
