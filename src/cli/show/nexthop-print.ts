import type { Nexthop } from '../../route/nexthop.ts';
import { putEncap } from './route-encap.ts';
import {
  type Desk,
  paintAddress,
  protocolName,
  putDevice,
  putFlags,
  putSeconds,
  Sheet,
  scopeName,
} from './route-sheet.ts';

/** One nexthop as `ip nexthop show` has it, without the line break. */
export function printNexthop(nexthop: Nexthop, desk: Desk): Sheet {
  const { details } = desk.options;
  const sheet = new Sheet();
  sheet.put('id', nexthop.id, `id ${nexthop.id} `);
  if (nexthop.group !== undefined) putGroup(sheet, nexthop.group);
  if (nexthop.groupType !== undefined && nexthop.groupType !== 'mpath') {
    const type = /^\d+$/.test(nexthop.groupType) ? '<unknown type>' : nexthop.groupType;
    sheet.put('type', type, `type ${type} `);
  }
  if (nexthop.resilient !== undefined) {
    const { buckets = 0, idleTimer = 0, unbalancedTimer = 0 } = nexthop.resilient;
    const inner = new Sheet();
    inner.put('buckets', buckets, `buckets ${buckets} `);
    putSeconds(inner, 'idle_timer', idleTimer);
    putSeconds(inner, 'unbalanced_timer', unbalancedTimer);
    putSeconds(inner, 'unbalanced_time', nexthop.unbalancedTime ?? 0);
    sheet.put('resilient_args', inner.json, inner.text);
  }
  if (nexthop.encap !== undefined) putEncap(sheet, desk, nexthop.encap);
  if (nexthop.via !== undefined) sheet.put('gateway', nexthop.via, `via ${paintAddress(desk, nexthop.via)}`);
  if (nexthop.oif !== undefined && nexthop.oif !== 0) putDevice(sheet, desk, 'dev', nexthop.oif);
  if (nexthop.scope !== 'global' || details) {
    const scope = scopeName(desk, nexthop.scope);
    sheet.put('scope', scope, `scope ${scope} `);
  }
  if (nexthop.blackhole) sheet.put('blackhole', null, 'blackhole ');
  if (nexthop.protocol !== 'unspec' || details) {
    const protocol = protocolName(desk, nexthop.protocol);
    sheet.put('protocol', protocol, `proto ${protocol} `);
  }
  putFlags(sheet, nexthop.flags ?? []);
  if (nexthop.fdb) sheet.put('fdb', null, 'fdb');
  return sheet;
}

/** A weight of one is not shown. */
function putGroup(sheet: Sheet, group: NonNullable<Nexthop['group']>): void {
  const members = group.map(({ id, weight = 1 }) => (weight === 1 ? { id } : { id, weight }));
  const text = group.map(({ id, weight = 1 }) => (weight === 1 ? `${id}` : `${id},${weight}`)).join('/');
  sheet.put('group', members, `group ${text} `);
}
