import type { Link } from '../../route/link.ts';
import { linkTypeNumber } from '../../route/link-words.ts';
import { lineBreak, padBytes } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { putLinkInfo } from './link-kinds.ts';
import { putStats } from './link-stats.ts';
import { putFunctions } from './link-vf.ts';
import { Sheet } from './route-sheet.ts';

export { type LinkDesk, linkDesk } from './link-desk.ts';
export { putStats } from './link-stats.ts';

/**
 * One link as `ip link` shows it, or, without `desk.asLink`, as the first lines of `ip address`. The text ends with
 * a line break, except in the brief form of `ip address`, whose line goes on with the addresses.
 */
export function linkSheet(link: Link, desk: LinkDesk): Sheet {
  const sheet = new Sheet();
  if (desk.options.brief) {
    putBrief(sheet, link, desk);
    return sheet;
  }
  const { options, names } = desk;
  sheet.put('ifindex', link.ifindex, `${link.ifindex}: `);
  const lowerIsDown = putName(sheet, link, desk, (name) => `${name}: `);
  putFlags(sheet, link, lowerIsDown);
  // The JSON of `ip` has it with a sign, and so have both forms of groups that have no name.
  if (link.mtu !== undefined) sheet.put('mtu', link.mtu | 0, `mtu ${link.mtu} `);
  putXdp(sheet, link, desk, false);
  putWord(sheet, 'qdisc', link.qdisc);
  if (link.masterIndex !== undefined) putWord(sheet, 'master', desk.links.nameOf(link.masterIndex));
  putOperstate(sheet, link, desk);
  if (desk.asLink) putLinkMode(sheet, link);
  if (link.group !== undefined) putWord(sheet, 'group', names.groupName(link.group | 0));
  if (link.txqlen !== undefined && link.txqlen !== 0) sheet.put('txqlen', link.txqlen, `qlen ${link.txqlen}`);
  if (link.event !== undefined && link.event !== 'NONE')
    sheet.put('event', /^\d+$/.test(link.event) ? Number(link.event) : link.event, `event ${link.event} `);
  if (desk.family === undefined || desk.family === 'link' || options.details) putAddresses(sheet, link, desk);
  putNamespaces(sheet, link, desk);
  if (link.protoDown !== undefined) putProtoDown(sheet, link, desk);
  if (options.details) putDetails(sheet, link, desk);
  if ((desk.asLink || options.details) && link.alias !== undefined)
    sheet.put('ifalias', link.alias, `${lineBreak(options)}    alias ${link.alias}`);
  if (desk.asLink || options.details) putXdp(sheet, link, desk, true);
  if (desk.asLink && options.stats > 0) {
    sheet.say(lineBreak(options));
    putStats(sheet, link, desk);
  }
  if (desk.asLink || options.details) putFunctions(sheet, link, typeName(link.linkType, desk), desk);
  if (link.altnames !== undefined)
    sheet.put(
      'altnames',
      link.altnames,
      link.altnames.map((name) => `${lineBreak(options)}    altname ${name}`).join(''),
    );
  sheet.say('\n');
  return sheet;
}

function putWord(sheet: Sheet, key: string, value: string | number | undefined, word = key): void {
  if (value !== undefined) sheet.put(key, value, `${word} ${value} `);
}

function putBrief(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const lowerIsDown = putName(sheet, link, desk, (name) => `${padBytes(name, 16)} `);
  putOperstate(sheet, link, desk);
  // Of `ip address` the addresses follow instead.
  if (desk.family !== 'link') return;
  if (link.address !== undefined) sheet.put('address', link.address, desk.paint.mac(`${link.address} `));
  putFlags(sheet, link, lowerIsDown);
  sheet.say('\n');
}

/** `eth0@if7`. Returns whether the link below is down. */
function putName(sheet: Sheet, link: Link, desk: LinkDesk, layout: (name: string) => string): boolean {
  const { linkIndex } = link;
  let name = link.ifname;
  let lowerIsDown = false;
  if (linkIndex === 0) {
    sheet.put('link', null);
    name += '@NONE';
  } else if (linkIndex !== undefined && link.linkNetnsid !== undefined) {
    sheet.put('link_index', linkIndex);
    name += `@if${linkIndex}`;
  } else if (linkIndex !== undefined) {
    const lower = desk.links.nameOf(linkIndex);
    sheet.put('link', lower);
    name += `@${lower}`;
    lowerIsDown = desk.links.flagsOf(linkIndex)?.includes('UP') === false;
  }
  sheet.put('ifname', link.ifname, desk.paint.ifname(layout(name)));
  return lowerIsDown;
}

function putFlags(sheet: Sheet, link: Link, lowerIsDown: boolean): void {
  const flags = link.flags
    .filter((flag) => flag !== 'RUNNING')
    .map((flag) => (flag.startsWith('0x') ? flag.slice(2) : flag));
  if (link.flags.includes('UP') && !link.flags.includes('RUNNING')) flags.unshift('NO-CARRIER');
  const text = flags.join(',') + (lowerIsDown ? ',M-DOWN' : '');
  sheet.put('flags', lowerIsDown ? [...flags, 'M-DOWN'] : flags, `<${text}> `);
}

function putOperstate(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const { operstate } = link;
  if (operstate === undefined) return;
  if (/^\d+$/.test(operstate)) {
    sheet.put('operstate_index', Number(operstate), `state 0x${Number(operstate).toString(16)}`);
    return;
  }
  const { up, down } = desk.paint;
  const brush = operstate === 'UP' ? up : operstate === 'DOWN' ? down : (text: string) => text;
  const text = desk.options.brief ? brush(`${operstate.padEnd(14)} `) : `state ${brush(`${operstate} `)}`;
  sheet.put('operstate', operstate, text);
}

function putLinkMode(sheet: Sheet, { linkmode }: Link): void {
  if (linkmode === undefined) return;
  if (linkmode === 'DEFAULT' || linkmode === 'DORMANT') {
    sheet.put('linkmode', linkmode, `mode ${linkmode} `);
    return;
  }
  // `ip` 6.1 does not know the word for 2.
  const index = linkmode === 'TESTING' ? 2 : Number(linkmode);
  sheet.put('linkmode_index', index, `mode ${index} `);
}

function typeName(linkType: string, desk: LinkDesk): string {
  if (!desk.options.numeric) return /^\d+$/.test(linkType) ? `[${linkType}]` : linkType;
  return `[${linkTypeNumber(linkType) ?? linkType}]`;
}

function putAddresses(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const { mac } = desk.paint;
  const type = typeName(link.linkType, desk);
  sheet.put('link_type', type, `${lineBreak(desk.options)}    link/${type} `);
  const { address, broadcast, permaddr } = link;
  if (address !== undefined) sheet.put('address', address, mac(address));
  if (broadcast !== undefined) {
    const toPoint = link.flags.includes('POINTOPOINT');
    sheet.say(toPoint ? ' peer ' : ' brd ');
    if (toPoint) sheet.put('link_pointtopoint', true);
    sheet.put('broadcast', broadcast, mac(broadcast));
  }
  if (permaddr !== undefined && permaddr !== address)
    sheet.put('permaddr', permaddr, ` permaddr ${mac(permaddr)}`);
}

function putNamespaces(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const spell = (word: string, id: number) => {
    const name = desk.netnsNames.get(id);
    return name === undefined ? ` ${word}id ${id}` : ` ${word} ${name}`;
  };
  const { linkNetnsid, newNetnsid, newIfindex } = link;
  if (linkNetnsid !== undefined)
    sheet.put(
      'link_netnsid',
      linkNetnsid,
      linkNetnsid < 0 ? ' link-netnsid unknown' : spell('link-netns', linkNetnsid),
    );
  if (newNetnsid !== undefined) sheet.say(spell('new-netns', newNetnsid));
  if (newIfindex !== undefined) sheet.say(` new-ifindex ${newIfindex}`);
}

function putProtoDown(sheet: Sheet, link: Link, desk: LinkDesk): void {
  if (link.protoDown === true) sheet.put('proto_down', true, ' protodown on ');
  // `ip` 6.1 looks at the low 8 bits, and at none for a link without a broadcast address.
  const bits = (link.protoDownReason?.value ?? 0) & 0xff;
  if (bits === 0 || link.broadcast === undefined) return;
  const reasons = Array.from({ length: 8 }, (_, bit) => bit)
    .filter((bit) => (bits & (1 << bit)) !== 0)
    .map((bit) => desk.names.protodownReasonName(bit));
  sheet.put('proto_down_reason', reasons, `protodown_reason <${reasons.join(',')}>`);
}

function putDetails(sheet: Sheet, link: Link, desk: LinkDesk): void {
  if (link.promiscuity !== undefined)
    sheet.put('promiscuity', link.promiscuity, ` promiscuity ${link.promiscuity} `);
  if (link.allmulti !== undefined) sheet.put('allmulti', link.allmulti, ` allmulti ${link.allmulti} `);
  putWord(sheet, 'min_mtu', link.minMtu, 'minmtu');
  putWord(sheet, 'max_mtu', link.maxMtu, 'maxmtu');
  putLinkInfo(sheet, link, desk);
  const mode = link.afSpec?.inet6?.addrGenMode;
  if (desk.asLink && mode !== undefined) {
    // `ip` 6.1 spells the modes it does not know in hexadecimal, two digits at least: 0x04.
    const word = /^\d+$/.test(mode) ? `0x${Number(mode).toString(16).padStart(2, '0')}` : mode;
    putWord(sheet, 'inet6_addr_gen_mode', word, 'addrgenmode');
  }
  putWord(sheet, 'num_tx_queues', link.numTxQueues, 'numtxqueues');
  putWord(sheet, 'num_rx_queues', link.numRxQueues, 'numrxqueues');
  putWord(sheet, 'gso_max_size', link.gsoMaxSize);
  putWord(sheet, 'gso_max_segs', link.gsoMaxSegs);
  putWord(sheet, 'tso_max_size', link.tsoMaxSize);
  putWord(sheet, 'tso_max_segs', link.tsoMaxSegs);
  putWord(sheet, 'gro_max_size', link.groMaxSize);
  putWord(sheet, 'phys_port_name', link.physPortName, 'portname');
  putWord(sheet, 'phys_port_id', link.physPortId, 'portid');
  putWord(sheet, 'phys_switch_id', link.physSwitchId, 'switchid');
  putWord(sheet, 'parentbus', link.parentbus);
  putWord(sheet, 'parentdev', link.parentdev);
}

const XDP_MODES = ['none', 'drv', 'skb', 'hw', 'multi'];
const XDP_WORDS: Readonly<Record<string, string>> = {
  drv: 'xdp',
  skb: 'xdpgeneric',
  hw: 'xdpoffload',
  multi: 'xdpmulti',
};

/** `xdp`, with the programs' ids. `ip` also reads their names and tags from bpf(2), which we do not. */
function putXdp(sheet: Sheet, link: Link, desk: LinkDesk, details: boolean): void {
  const { attached, progId, skbProgId, drvProgId, hwProgId } = link.xdp ?? {};
  if (attached === undefined || attached === 'none') return;
  const mode = XDP_MODES.includes(attached) ? XDP_MODES.indexOf(attached) : Number(attached);
  if (!details) {
    const modes: [number, number | undefined][] = [
      [2, skbProgId],
      [1, drvProgId],
      [3, hwProgId],
    ];
    const programs = modes.filter(([, id]) => id !== undefined);
    if (programs.length === 0 && progId !== undefined) programs.push([mode, progId]);
    sheet.put('xdp', {
      mode,
      ...(progId !== undefined && progId !== 0 && { prog: { id: progId } }),
      attached: programs.map(([number, id]) => ({ mode: number, prog: { id: id ?? 0 } })),
    });
    const id = !desk.asLink && progId !== undefined && progId !== 0 ? `/id:${progId}` : '';
    sheet.say(`${XDP_WORDS[attached] ?? `xdp[${attached}]`}${id} `);
    return;
  }
  const programs: [string, number | undefined][] = [['', progId]];
  if (attached === 'multi') programs.push(['generic', skbProgId], ['drv', drvProgId], ['offload', hwProgId]);
  for (const [word, id] of programs)
    if (id !== undefined && id !== 0) sheet.say(`${lineBreak(desk.options)}    prog/xdp${word} id ${id} `);
}
