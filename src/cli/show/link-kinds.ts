import type { KindData, Link, PortData } from '../../route/link.ts';
import { lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { putBond, putBondPort } from './link-kinds-bond.ts';
import { putBridge, putBridgePort } from './link-kinds-bridge.ts';
import { putCan, putCanCounters } from './link-kinds-can.ts';
import { putBareudp, putGeneve, putVxlan } from './link-kinds-overlay.ts';
import {
  putDsa,
  putGtp,
  putHsr,
  putIpoib,
  putMacsec,
  putNetkit,
  putRmnet,
  putWwan,
} from './link-kinds-rare.ts';
import { putIpvlan, putMacvlan, putTun, putVlan } from './link-kinds-stacked.ts';
import {
  putAmt,
  putGre,
  putIp6Gre,
  putIp6Tunnel,
  putIpTunnel,
  putVti,
  putXfrm,
} from './link-kinds-tunnels.ts';
import { putNumber } from './link-kinds-words.ts';
import { Sheet } from './route-sheet.ts';

/** `linkinfo`: the kind of a link and of its master, and what each has to say. */
export function putLinkInfo(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const { kind, portKind } = link;
  if (kind === undefined && portKind === undefined) return;
  const info = new Sheet();
  const start = `${lineBreak(desk.options)}    `;
  if (kind !== undefined) {
    info.put('info_kind', kind, `${start}${kind} `);
    const data = kindSheet(link, kind, desk);
    if (data !== undefined) info.put('info_data', data.json, data.text);
    if (kind === 'can' && link.xstats !== undefined && desk.options.stats > 0)
      putCanCounters(info, link.xstats, desk);
  }
  if (portKind !== undefined) {
    info.put('info_slave_kind', portKind, `${start}${portKind}_slave `);
    const data = portSheet(link, portKind, desk);
    if (data !== undefined) info.put('info_slave_data', data.json, data.text);
  }
  sheet.put('linkinfo', info.json, info.text);
}

type Printer<T> = (sheet: Sheet, data: T, desk: LinkDesk) => void;

/** Kinds of whose data `ip` has something to say; batadv has data, and it has not. */
const KIND_PRINTERS: { readonly [K in Exclude<keyof KindData, 'batadv'>]-?: Printer<Required<KindData>[K]> } =
  {
    amt: putAmt,
    bareudp: putBareudp,
    bond: putBond,
    bridge: putBridge,
    can: putCan,
    dsa: putDsa,
    erspan: putGre,
    geneve: putGeneve,
    gre: putGre,
    gretap: putGre,
    gtp: putGtp,
    hsr: putHsr,
    ip6erspan: putIp6Gre,
    ip6gre: putIp6Gre,
    ip6gretap: putIp6Gre,
    ip6tnl: putIp6Tunnel,
    ipip: putIpTunnel,
    ipoib: putIpoib,
    ipvlan: putIpvlan,
    ipvtap: putIpvlan,
    macsec: putMacsec,
    macvlan: putMacvlan,
    macvtap: putMacvlan,
    netkit: putNetkit,
    rmnet: putRmnet,
    sit: putIpTunnel,
    tun: putTun,
    vlan: putVlan,
    vrf: (sheet, vrf) => putNumber(sheet, 'table', vrf.table),
    vti: putVti,
    vti6: putVti,
    vxlan: putVxlan,
    wwan: putWwan,
    xfrm: putXfrm,
  };

const PORT_PRINTERS: { readonly [K in keyof PortData]-?: Printer<Required<PortData>[K]> } = {
  bridgePort: putBridgePort,
  bondPort: putBondPort,
  vrfPort: (sheet, vrf) => putNumber(sheet, 'table', vrf.table),
};

/** A kind without data still has an object for it, where `ip` knows the kind. */
function kindSheet(link: Link, kind: string, desk: LinkDesk): Sheet | undefined {
  if (!Object.hasOwn(KIND_PRINTERS, kind)) return undefined;
  const field = kind as keyof typeof KIND_PRINTERS;
  return printed(KIND_PRINTERS[field], link[field], desk);
}

function portSheet(link: Link, portKind: string, desk: LinkDesk): Sheet | undefined {
  const name = `${portKind}Port`;
  if (!Object.hasOwn(PORT_PRINTERS, name)) return undefined;
  const field = name as keyof typeof PORT_PRINTERS;
  return printed(PORT_PRINTERS[field], link[field], desk);
}

function printed(printer: Printer<never>, data: object | undefined, desk: LinkDesk): Sheet {
  const sheet = new Sheet();
  if (data !== undefined) printer(sheet, data as never, desk);
  return sheet;
}
