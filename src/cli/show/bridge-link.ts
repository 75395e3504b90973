import type { BridgePortLink } from '../../route/bridge-port.ts';
import { duplicateArgument, Words } from '../args.ts';
import { linkNamed, unknownWord } from '../bridge-words.ts';
import { lineBreak, paint } from '../text.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { ShowContext, View } from './view.ts';

const USAGE = `[ dev DEV ]
 cofferdam bridge link set dev DEV [ cost COST ] [ priority PRIO ] [ state STATE ]
             [ guard {on | off} ] [ hairpin {on | off} ] [ fastleave {on | off} ] [ root_block {on | off} ]
             [ learning {on | off} ] [ learning_sync {on | off} ] [ flood {on | off} ]
             [ mcast_router MULTICAST_ROUTER ] [ mcast_flood {on | off} ] [ bcast_flood {on | off} ]
             [ mcast_to_unicast {on | off} ] [ neigh_suppress {on | off} ] [ vlan_tunnel {on | off} ]
             [ isolated {on | off} ] [ locked {on | off} ] [ hwmode {vepa | veb} ]
             [ backup_port DEVICE ] [ nobackup_port ] [ self ] [ master ]`;

/** `bridge link show`. */
export const bridgeLinkView: View = {
  names: ['link'],
  usage: USAGE,
  async run(args, context) {
    const dev = await readDevice(args, 'link', context);
    const ports = await context.rt.bridgePort.list(dev === undefined ? {} : { dev });
    const { options, names } = context;
    const desk: Desk = { options, names, links: await context.linkNames(), paint: paint(options.color) };
    const sheets = ports.map((port) => portSheet(port, desk));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
  actions: async () => (await import('../verbs/bridge-link.ts')).bridgeLinkActions,
};

/** `dev DEV`, and no other words. */
async function readDevice(
  args: readonly string[],
  object: string,
  context: ShowContext,
): Promise<number | undefined> {
  const words = new Words(args);
  let dev: string | undefined;
  while (words.more) {
    if (!words.take('dev')) throw unknownWord(object, words.next());
    const word = words.next();
    if (dev !== undefined) throw duplicateArgument('dev', word);
    dev = word;
  }
  return dev === undefined ? undefined : await linkNamed(dev, context);
}

function portSheet(port: BridgePortLink, desk: Desk): Sheet {
  const { links } = desk;
  const sheet = new Sheet();
  sheet.put('ifindex', port.ifindex, `${port.ifindex}: `);
  const lowerIsDown = putName(sheet, port, desk);
  putFlags(sheet, port.flags, lowerIsDown);
  if (port.mtu !== undefined) sheet.put('mtu', port.mtu | 0, `mtu ${port.mtu} `);
  if (port.masterIndex !== undefined) {
    const master = links.nameOf(port.masterIndex);
    sheet.put('master', master, `master ${master} `);
  }
  putSettings(sheet, port, desk);
  if (port.mode !== undefined) {
    const known = port.mode === 'veb' || port.mode === 'vepa';
    const mode = known ? port.mode.toUpperCase() : `0x${Number(port.mode).toString(16)}`;
    sheet.put('hwmode', mode, `hwmode ${mode} `);
  }
  sheet.say('\n');
  return sheet;
}

/** `veth1@veth0: `. Returns whether the link below is down. */
function putName(sheet: Sheet, port: BridgePortLink, { links, paint: colours }: Desk): boolean {
  const { linkIndex, linkNetnsid } = port;
  const name = port.dev ?? links.nameOf(port.ifindex);
  let behind = '';
  let lowerIsDown = false;
  if (linkIndex === 0) {
    sheet.put('link', null);
    behind = '@NONE';
  } else if (linkIndex !== undefined && linkNetnsid !== undefined) {
    sheet.put('link_index', linkIndex);
    behind = `@if${linkIndex}`;
  } else if (linkIndex !== undefined) {
    const lower = links.nameOf(linkIndex);
    sheet.put('link', lower);
    behind = `@${lower}`;
    lowerIsDown = links.flagsOf(linkIndex)?.includes('UP') === false;
  }
  sheet.put('ifname', name, colours.ifname(`${name}${behind}: `));
  return lowerIsDown;
}

function putFlags(sheet: Sheet, all: readonly string[], lowerIsDown: boolean): void {
  const flags = all
    .filter((flag) => flag !== 'RUNNING')
    .map((flag) => (flag.startsWith('0x') ? flag.slice(2) : flag));
  if (all.includes('UP') && !all.includes('RUNNING')) flags.unshift('NO-CARRIER');
  if (lowerIsDown) flags.push('M-DOWN');
  sheet.put('flags', flags, `<${flags.join(',')}> `);
}

/** Settings that are on or off, before and after the one that is neither. */
const SWITCHES = [
  ['hairpin', 'hairpin'],
  ['guard', 'guard'],
  ['root_block', 'rootBlock'],
  ['fastleave', 'fastleave'],
  ['learning', 'learning'],
  ['learning_sync', 'learningSync'],
  ['flood', 'flood'],
  ['mcast_flood', 'mcastFlood'],
  ['bcast_flood', 'bcastFlood'],
  ['mcast_router', 'mcastRouter'],
  ['mcast_to_unicast', 'mcastToUnicast'],
  ['neigh_suppress', 'neighSuppress'],
  ['vlan_tunnel', 'vlanTunnel'],
  ['backup_port', 'backupPortIndex'],
  ['isolated', 'isolated'],
  ['locked', 'locked'],
] as const;

function putSettings(sheet: Sheet, { bridgePort }: BridgePortLink, { options, links }: Desk): void {
  if (bridgePort === undefined) return;
  const { state, priority, cost } = bridgePort;
  if (state !== undefined) putState(sheet, state);
  if (priority !== undefined) sheet.put('priority', priority, `priority ${priority} `);
  if (cost !== undefined) sheet.put('cost', cost, `cost ${cost} `);
  if (!options.details) return;
  sheet.say(`${lineBreak(options)}    `);
  for (const [key, field] of SWITCHES) {
    const value = bridgePort[field];
    if (value === undefined) continue;
    if (typeof value === 'boolean') sheet.put(key, value, `${key} ${value ? 'on' : 'off'} `);
    else if (field === 'mcastRouter') sheet.put(key, value, `${key} ${value} `);
    else sheet.put(key, links.nameOf(value), `${key} ${links.nameOf(value)} `);
  }
}

/** BR_STATE_*. */
export function putState(sheet: Sheet, state: string): void {
  if (/^\d+$/.test(state)) sheet.put('state', Number(state), `state (${state}) `);
  else sheet.put('state', state, `state ${state} `);
}
