import { readFileSync } from 'node:fs';
import type { Ipvlan, Macvlan, QosMapping, Tun, Vlan } from '../../route/link.ts';
import { lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { putNumber, putOnOff } from './link-kinds-words.ts';
import type { Sheet } from './route-sheet.ts';

const MACVLAN_MODES = ['private', 'vepa', 'bridge', 'passthru', 'source'];

export function putMacvlan(sheet: Sheet, m: Macvlan): void {
  if (m.mode === undefined) return;
  const mode = MACVLAN_MODES.includes(m.mode) ? m.mode : 'unknown';
  sheet.put('mode', mode, `mode ${mode} `);
  if (m.flags?.includes('nopromisc')) sheet.put('nopromisc', true, 'nopromisc ');
  if (m.flags?.includes('nodst')) sheet.put('nodst', true, 'nodst ');
  putNumber(sheet, 'bcqueuelen', m.bcqueuelen);
  putNumber(sheet, 'usedbcqueuelen', m.usedbcqueuelen);
  if (mode !== 'source' || m.macaddrCount === undefined) return;
  sheet.put('macaddr_count', m.macaddrCount, `remotes (${m.macaddrCount}) `);
  const addresses = m.macaddrData;
  if (addresses !== undefined)
    sheet.put('macaddr_data', addresses, addresses.map((address) => `${address} `).join(''));
}

export function putTun(sheet: Sheet, t: Tun): void {
  if (t.type !== undefined) {
    const type = /^\d+$/.test(t.type) ? `UNKNOWN:${t.type}` : t.type;
    sheet.put('type', type, `type ${type} `);
  }
  putOnOff(sheet, 'pi', t.pi);
  putOnOff(sheet, 'vnet_hdr', t.vnetHdr);
  if (t.multiQueue === true) {
    sheet.put('multi_queue', true, 'multi_queue ');
    putNumber(sheet, 'numqueues', t.numqueues);
    putNumber(sheet, 'numdisabled', t.numdisabled);
  } else sheet.put('multi_queue', false);
  putOnOff(sheet, 'persist', t.persist);
  if (t.user !== undefined) {
    const name = accountName('/etc/passwd', t.user);
    sheet.put('user', name ?? t.user, `user ${name ?? t.user} `);
  }
  if (t.group !== undefined) {
    const name = accountName('/etc/group', t.group);
    sheet.put('group', name ?? t.group, `group ${name ?? t.group} `);
  }
}

/** The name of a uid in passwd(5), or of a gid in group(5). */
function accountName(file: string, id: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (number !== undefined && number !== '' && Number(number) === id) return name;
  }
  return undefined;
}

function protocol(name: string, desk: LinkDesk): string {
  if (!desk.options.numeric) return /^\d+$/.test(name) ? `[${name}]` : name;
  const number = { '802.1Q': 0x8100, '802.1ad': 0x88a8 }[name] ?? name;
  return `[${number}]`;
}

const VLAN_FLAGS = ['REORDER_HDR', 'GVRP', 'MVRP', 'LOOSE_BINDING', 'BRIDGE_BINDING'];

export function putVlan(sheet: Sheet, v: Vlan, desk: LinkDesk): void {
  if (v.id === undefined) return;
  const name = v.protocol === undefined ? '802.1q' : protocol(v.protocol, desk);
  sheet.put('protocol', name, `protocol ${name} `);
  putNumber(sheet, 'id', v.id);
  if (v.flags !== undefined) {
    const known = VLAN_FLAGS.filter((flag) => v.flags?.includes(flag));
    const rest = v.flags.filter((flag) => flag.startsWith('0x')).map((flag) => flag.slice(2));
    const flags = [...known, ...rest];
    sheet.put('flags', flags, `<${flags.join(',')}> `);
  }
  putMapping(sheet, 'ingress_qos', 'ingress-qos-map', v.ingressQos, desk);
  putMapping(sheet, 'egress_qos', 'egress-qos-map', v.egressQos, desk);
}

function putMapping(
  sheet: Sheet,
  key: string,
  word: string,
  mappings: readonly QosMapping[] | undefined,
  desk: LinkDesk,
): void {
  if (mappings === undefined) return;
  const text = mappings.map(({ from, to }) => `${from}:${to} `).join('');
  sheet.put(
    key,
    mappings.map(({ from, to }) => ({ from, to })),
    `${lineBreak(desk.options)}      ${word} { ${text}} `,
  );
}

export function putIpvlan(sheet: Sheet, i: Ipvlan): void {
  if (i.mode !== undefined) {
    const mode = /^\d+$/.test(i.mode) ? 'unknown' : i.mode;
    sheet.put('mode', mode, ` mode ${mode} `);
  }
  if (i.flags === undefined) return;
  const flag = ['private', 'vepa'].find((name) => i.flags?.includes(name)) ?? 'bridge';
  sheet.put(flag, true, `${flag} `);
}
