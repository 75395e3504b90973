import type { BridgeCommand } from '../../route/bridge-port.ts';
import type { BridgePort } from '../../route/link.ts';
import { parseInteger, UsageError, Words } from '../args.ts';
import { bridgeNamed, linkNamed } from '../bridge-words.ts';
import type { Actions, ShowContext } from '../show/view.ts';

/** The verbs of `bridge link` besides `show`, man 8 bridge. */
export const bridgeLinkActions: Actions = { set: setPort, change: setPort };

/** Words with `on` or `off` behind them. */
const SWITCHES = {
  guard: 'guard',
  hairpin: 'hairpin',
  fastleave: 'fastleave',
  root_block: 'rootBlock',
  learning: 'learning',
  learning_sync: 'learningSync',
  flood: 'flood',
  mcast_flood: 'mcastFlood',
  bcast_flood: 'bcastFlood',
  mcast_to_unicast: 'mcastToUnicast',
  neigh_suppress: 'neighSuppress',
  vlan_tunnel: 'vlanTunnel',
  isolated: 'isolated',
  locked: 'locked',
} as const satisfies Readonly<Record<string, keyof BridgePort>>;

/** Words with a number behind them, and the largest that fits. */
const NUMBERS = {
  cost: ['cost', 0x7fff_ffff],
  priority: ['priority', 0x7fff],
  mcast_router: ['mcastRouter', 0x7f],
} as const satisfies Readonly<Record<string, readonly [keyof BridgePort, number]>>;

async function setPort(args: readonly string[], context: ShowContext): Promise<undefined> {
  const words = new Words(args);
  const settings: BridgePort = {};
  const commands: BridgeCommand[] = [];
  let mode: 'veb' | 'vepa' | undefined;
  let dev: string | undefined;
  while (words.more) {
    const word = words.next();
    if (word === 'dev') dev = words.next();
    else if (isKey(SWITCHES, word)) settings[SWITCHES[word]] = onOff(word, words.next());
    else if (isKey(NUMBERS, word)) {
      const [field, max] = NUMBERS[word];
      settings[field] = whole(word, words.next(), max);
    } else if (word === 'state') settings.state = portState(words.next());
    else if (word === 'hwmode') {
      mode = hardwareMode(words.next());
      if (!commands.includes('self')) commands.push('self');
    } else if (word === 'self' || word === 'master') commands.push(word);
    else if (word === 'backup_port') settings.backupPortIndex = await existing(words.next(), context);
    else if (word === 'nobackup_port') settings.backupPortIndex = 0;
    else throw new UsageError('Try "cofferdam bridge link help".');
  }
  if (dev === undefined) throw new UsageError('Device is a required argument.');
  // As `bridge` has it, 0 is no cost.
  if (settings.cost === 0) delete settings.cost;
  await context.rt.bridgePort.set({
    ifindex: await bridgeNamed(dev, context),
    bridgePort: settings,
    ...(commands.length === 0 ? {} : { command: commands }),
    ...(mode === undefined ? {} : { mode }),
  });
  return undefined;
}

function isKey<T extends object>(table: T, word: string): word is string & keyof T {
  return Object.hasOwn(table, word);
}

function onOff(name: string, word: string): boolean {
  if (word === 'on' || word === 'off') return word === 'on';
  throw new UsageError(`Error: argument of "${name}" must be one of "off", "on", not "${word}"`);
}

function whole(name: string, word: string, max: number): number {
  const value = parseInteger(word, max);
  if (value === undefined || value < 0)
    throw new UsageError(`Error: argument of "${name}" must be a number, not "${word}"`);
  return value;
}

const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

/** One of {@link STATES}, or its number. */
export function portState(word: string): string {
  const number = parseInteger(word, 0x7f);
  if (number !== undefined && number >= 0) return STATES[number] ?? String(number);
  if (STATES.includes(word)) return word;
  throw new UsageError('Error: invalid STP port state');
}

function hardwareMode(word: string): 'veb' | 'vepa' {
  if (word === 'veb' || word === 'vepa') return word;
  throw new UsageError('Mode argument must be "vepa" or "veb".');
}

function existing(name: string, context: ShowContext): Promise<number> {
  return linkNamed(name, context, `Error: device ${name} does not exist`);
}
