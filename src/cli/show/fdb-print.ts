import type { FdbEntry } from '../../route/fdb.ts';
import { paint } from '../text.ts';
import { type Desk, paintAddress, Sheet } from './route-sheet.ts';
import type { ShowContext, Shown } from './view.ts';

/** As `bridge` shows entries. `hideDevice`: only one link was asked for. */
export async function printFdb(
  entries: readonly FdbEntry[],
  context: ShowContext,
  hideDevice: boolean,
): Promise<Shown> {
  const { options, names } = context;
  const desk: Desk = { options, names, links: await context.linkNames(), paint: paint(options.color) };
  const sheets = entries.map((entry) => fdbSheet(entry, desk, hideDevice));
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}

/** The flags that `bridge` prints, in its order. */
const FLAGS = ['self', 'router', 'extern_learn', 'offload', 'master', 'sticky'];

function fdbSheet(entry: FdbEntry, desk: Desk, hideDevice: boolean): Sheet {
  const { links, options } = desk;
  const { mac, ifindex, dst, viaIfindex, linkNetnsid } = entry;
  const sheet = new Sheet();
  if (mac !== '') sheet.put('mac', mac, desk.paint.mac(`${mac} `));
  if (!hideDevice && ifindex !== 0) {
    const name = links.nameOf(ifindex);
    sheet.put('ifname', name, `dev ${desk.paint.ifname(`${name} `)}`);
  }
  if (dst !== undefined) sheet.put('dst', dst, `dst ${paintAddress(desk, dst)}`);
  putNumber(sheet, 'vlan', entry.vlan);
  putNumber(sheet, 'port', entry.port);
  putNumber(sheet, 'vni', entry.vni);
  putNumber(sheet, 'src_vni', entry.srcVni);
  if (viaIfindex !== undefined && linkNetnsid !== undefined)
    sheet.put('viaIfIndex', viaIfindex, `via ifindex ${viaIfindex} `);
  else if (viaIfindex !== undefined)
    sheet.put('viaIf', links.nameOf(viaIfindex), `via ${links.nameOf(viaIfindex)} `);
  putNumber(sheet, 'nhid', entry.nhid);
  if (linkNetnsid !== undefined) sheet.put('linkNetNsId', linkNetnsid >>> 0, `link-netnsid ${linkNetnsid} `);
  if (options.stats > 0 && entry.used !== undefined) {
    // The kernel counts in hundredths (USER_HZ), `bridge` in whole seconds.
    const [used, updated] = [entry.used, entry.updated ?? 0].map((time) => Math.trunc(time / 100));
    sheet.put('used', used ?? 0, `used ${used}`);
    sheet.put('updated', updated ?? 0, `/${updated} `);
  }
  const flags = FLAGS.filter((flag) => entry.flags.includes(flag));
  sheet.put('flags', flags, flags.map((flag) => `${flag} `).join(''));
  if (entry.masterIndex !== undefined) {
    const master = links.nameOf(entry.masterIndex);
    sheet.put('master', master, `master ${master} `);
  }
  const state = entry.state === 'dynamic' ? '' : entry.state;
  sheet.put('state', state, `${state.startsWith('0x') ? 'state=' : ''}${state}\n`);
  return sheet;
}

function putNumber(sheet: Sheet, key: string, value: number | undefined): void {
  if (value !== undefined) sheet.put(key, value, `${key} ${value} `);
}
