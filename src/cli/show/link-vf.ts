import type { Link, VirtualFunction } from '../../route/link.ts';
import { counter, lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { Sheet } from './route-sheet.ts';
import type { JsonValue } from './view.ts';

/** `vfinfo_list`: the virtual functions of a network card, a line each. */
export function putFunctions(sheet: Sheet, link: Link, type: string, desk: LinkDesk): void {
  // `ip` wants both; a kernel that tells one tells the other.
  if (link.vfinfoList === undefined || link.numVf === undefined) return;
  const sheets = link.vfinfoList.map((vf) => functionSheet(vf, link, type, desk));
  sheet.put(
    'vfinfo_list',
    sheets.map(({ json }) => json),
    sheets.map(({ text }) => text).join(''),
  );
}

/** InfiniBand's addresses have 20 octets, of which the last may be zeros. */
function spell(address: string, link: Link): string {
  if (link.linkType === 'ether') return address.split(':').slice(0, 6).join(':');
  const octets = address.split(':');
  return [...octets, ...Array.from({ length: 20 - octets.length }, () => '00')].slice(0, 20).join(':');
}

function functionSheet(vf: VirtualFunction, link: Link, type: string, desk: LinkDesk): Sheet {
  const sheet = new Sheet();
  const { mac } = desk.paint;
  sheet.put('vf', vf.vf, `${lineBreak(desk.options)}    vf ${vf.vf} `);
  const address = spell(vf.mac ?? '', link);
  sheet.put('link_type', type, `    link/${type} `);
  sheet.put('address', address, mac(address));
  if (vf.broadcast !== undefined) {
    const toPoint = link.flags.includes('POINTOPOINT');
    sheet.say(toPoint ? ' peer ' : ' brd ');
    if (toPoint) sheet.put('link_pointtopoint', true);
    const broadcast = spell(vf.broadcast, link);
    sheet.put('broadcast', broadcast, mac(broadcast));
  }
  putVlans(sheet, vf);
  if (vf.txRate) sheet.put('tx_rate', vf.txRate, `, tx rate ${vf.txRate} (Mbps)`);
  if (vf.rate !== undefined) {
    const { minTx, maxTx } = vf.rate;
    sheet.put('rate', { max_tx: maxTx, min_tx: minTx });
    if (maxTx !== 0) sheet.say(`, max_tx_rate ${maxTx}Mbps`);
    if (minTx !== 0) sheet.say(`, min_tx_rate ${minTx}Mbps`);
  }
  putOnOff(sheet, 'spoofchk', vf.spoofchk, 'spoof checking');
  if (vf.nodeGuid !== undefined) sheet.put('node guid', vf.nodeGuid, `, NODE_GUID ${vf.nodeGuid}`);
  if (vf.portGuid !== undefined) sheet.put('port guid', vf.portGuid, `, PORT_GUID ${vf.portGuid}`);
  if (vf.linkState !== undefined) {
    const state = vf.linkState === 'auto' || vf.linkState === 'enable' ? vf.linkState : 'disable';
    sheet.put('link_state', state, `, link-state ${state}`);
  }
  putOnOff(sheet, 'trust', vf.trust, 'trust');
  putOnOff(sheet, 'query_rss_en', vf.queryRss, 'query_rss');
  if (vf.stats !== undefined && desk.options.stats > 0) putStats(sheet, vf.stats, desk);
  return sheet;
}

/** `ip` prints both with a sign. */
function putVlans(sheet: Sheet, { vlan, qos, vlanList }: VirtualFunction): void {
  if (vlanList === undefined) {
    if (vlan) sheet.put('vlan', vlan | 0, `, vlan ${vlan | 0}`);
    if (qos) sheet.put('qos', qos | 0, `, qos ${qos | 0}`);
    return;
  }
  const tags = vlanList.map((tag) => {
    const one = new Sheet();
    if (tag.vlan) one.put('vlan', tag.vlan | 0, `, vlan ${tag.vlan | 0}`);
    if (tag.qos) one.put('qos', tag.qos | 0, `, qos ${tag.qos | 0}`);
    const { protocol } = tag;
    if (protocol !== undefined && protocol !== '802.1Q' && protocol !== '0') {
      const name = /^\d+$/.test(protocol) ? `[${protocol}]` : protocol;
      one.put('protocol', name, `, vlan protocol ${name}`);
    }
    return one;
  });
  sheet.put(
    'vlan_list',
    tags.map(({ json }) => json),
    tags.map(({ text }) => text).join(''),
  );
}

function putOnOff(sheet: Sheet, key: string, value: boolean | undefined, word: string): void {
  if (value !== undefined) sheet.put(key, value, `, ${word} ${value ? 'on' : 'off'}`);
}

function putStats(sheet: Sheet, stats: NonNullable<VirtualFunction['stats']>, desk: LinkDesk): void {
  const { rxBytes = 0n, rxPackets = 0n, multicast = 0n, broadcast = 0n, rxDropped } = stats;
  const { txBytes = 0n, txPackets = 0n, txDropped } = stats;
  const end = lineBreak(desk.options);
  const cells = (widths: readonly number[], values: readonly (bigint | undefined)[]) =>
    values
      .map((value, i) =>
        value === undefined ? '' : `${counter(value, desk.options).padStart(widths[i] ?? 0)} `,
      )
      .join('');
  const json: JsonValue = {
    rx: {
      bytes: rxBytes,
      packets: rxPackets,
      multicast,
      broadcast,
      ...(rxDropped !== undefined && { dropped: rxDropped }),
    },
    tx: {
      tx_bytes: txBytes,
      tx_packets: txPackets,
      ...(txDropped !== undefined && { dropped: txDropped }),
    },
  };
  const rx = `    RX: bytes  packets  mcast   bcast ${rxDropped === undefined ? '' : '  dropped '}`;
  const tx = `    TX: bytes  packets ${txDropped === undefined ? '' : '  dropped '}`;
  sheet.put(
    'stats',
    json,
    `${end}${rx}${end}    ${cells([10, 8, 7, 7, 8], [rxBytes, rxPackets, multicast, broadcast, rxDropped])}` +
      `${end}${tx}${end}    ${cells([10, 8, 8], [txBytes, txPackets, txDropped])}`,
  );
}
