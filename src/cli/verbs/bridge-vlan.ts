import type { BridgeCommand } from '../../route/bridge-port.ts';
import type { BridgeVlanInput, VlanGlobalOptions } from '../../route/bridge-vlan.ts';
import { parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import { bridgeNamed, unknownWord } from '../bridge-words.ts';
import { showGlobal } from '../show/bridge-vlan-global.ts';
import { showTunnels } from '../show/bridge-vlan-tunnels.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { portState } from './bridge-link.ts';

/** The verbs of `bridge vlan` besides `show`, man 8 bridge. */
export const bridgeVlanActions: Actions = {
  add: changing('add'),
  delete: changing('del'),
  set: setOptions,
  tunnelshow: showTunnels,
  global: ofBridges,
};

interface Range {
  vid: number;
  vidEnd?: number;
}

/** `10`, or `10-20`. */
function vlanRange(word: string): Range {
  const [first = '', last] = word.split(/-(.*)/s);
  const vid = parseUnsigned(first);
  if (last === undefined) {
    if (vid === undefined || vid >= 4096) throw new UsageError(`Invalid VLAN ID "${word}"`);
    return { vid };
  }
  const vidEnd = parseUnsigned(last);
  if (vid === undefined || vidEnd === undefined || vid >= vidEnd || vidEnd >= 4096)
    throw new UsageError(`Invalid VLAN range "${word}"`);
  return { vid, vidEnd };
}

const TUNNEL_MAX = 0xff_ffff;

/** `id 1000`, or `id 1000-1010`: the kernel counts on from the first by itself. */
function takeTunnel(words: Words): Range {
  const id = words.next();
  if (!'id'.startsWith(id) || id === '') throw wrongArgument(id, 'tunnel id expected');
  const word = words.next();
  const [first = '', last] = word.split(/-(.*)/s);
  const vid = parseUnsigned(first, TUNNEL_MAX);
  const vidEnd = last === undefined ? vid : parseUnsigned(last, TUNNEL_MAX);
  if (vid === undefined || vidEnd === undefined) throw wrongArgument(word, 'invalid tun id');
  return { vid, vidEnd };
}

function changing(verb: 'add' | 'del'): Action {
  return async (args, context) => {
    const words = new Words(args);
    const flags: string[] = [];
    const command: BridgeCommand[] = [];
    let dev: string | undefined;
    let range: Range | undefined;
    let tunnel: Range | undefined;
    while (words.more) {
      const word = words.next();
      if (word === 'dev') dev = words.next();
      else if (word === 'vid') range = vlanRange(words.next());
      else if (word === 'self' || word === 'master') command.push(word);
      else if (word === 'pvid' || word === 'untagged') flags.push(word);
      else if (word === 'tunnel_info') tunnel = takeTunnel(words);
      else throw unknownWord('vlan', word);
    }
    const { ifindex, vid, vidEnd } = await where(dev, range, context);
    if (vidEnd !== undefined && flags.includes('pvid'))
      throw new UsageError('pvid cannot be configured for a vlan range');
    const span = (vidEnd ?? vid) - vid;
    if (tunnel !== undefined && (tunnel.vidEnd ?? tunnel.vid) - tunnel.vid !== span)
      throw new UsageError('As many tunnels as VLANs are needed.');
    const vlan: BridgeVlanInput = {
      ifindex,
      vid,
      ...(vidEnd === undefined ? {} : { vidEnd }),
      // Without a word the bridge is meant, as for the kernel.
      command: command.length === 0 ? 'master' : command,
      ...(tunnel === undefined ? { flags } : { tunnelId: tunnel.vid }),
    };
    await context.rt.bridgeVlan[verb](vlan);
    return undefined;
  };
}

async function where(
  dev: string | undefined,
  range: Range | undefined,
  context: ShowContext,
): Promise<Range & { ifindex: number }> {
  if (dev === undefined || range === undefined)
    throw new UsageError('Device and VLAN ID are required arguments.');
  return { ifindex: await bridgeNamed(dev, context), ...range };
}

async function setOptions(args: readonly string[], context: ShowContext): Promise<undefined> {
  const words = new Words(args);
  const settings: Partial<BridgeVlanInput> = {};
  let dev: string | undefined;
  let range: Range | undefined;
  while (words.more) {
    const word = words.next();
    if (word === 'dev') dev = words.next();
    else if (word === 'vid') range = vlanRange(words.next());
    else if (word === 'state') settings.state = portState(words.next());
    else if (word === 'mcast_router') settings.mcastRouter = number(word, words.next(), 0xff);
    else throw unknownWord('vlan', word);
  }
  await context.rt.bridgeVlan.set({ ...settings, ...(await where(dev, range, context)) });
  return undefined;
}

function number(name: string, word: string, max: number): number {
  const value = parseUnsigned(word, max);
  if (value === undefined) throw wrongArgument(word, `invalid ${name}`);
  return value;
}

/** `bridge vlan global [ show | set ]`. */
async function ofBridges(args: readonly string[], context: ShowContext) {
  const [verb, ...rest] = args;
  if (verb === undefined || verb === 'show' || verb === 'lst' || verb === 'list')
    return await showGlobal(rest, context);
  if (verb !== 'set') throw new UsageError('Try "cofferdam bridge vlan help".');
  await setGlobal(rest, context);
  return undefined;
}

const SWITCHES = {
  mcast_snooping: 'mcastSnooping',
  mcast_querier: 'mcastQuerier',
} as const satisfies Readonly<Record<string, keyof VlanGlobalOptions>>;

const NUMBERS = {
  mcast_igmp_version: ['mcastIgmpVersion', 0xff],
  mcast_mld_version: ['mcastMldVersion', 0xff],
  mcast_last_member_count: ['mcastLastMemberCnt', 0xffff_ffff],
  mcast_startup_query_count: ['mcastStartupQueryCnt', 0xffff_ffff],
  mcast_last_member_interval: ['mcastLastMemberIntvl', Number.MAX_SAFE_INTEGER],
  mcast_membership_interval: ['mcastMembershipIntvl', Number.MAX_SAFE_INTEGER],
  mcast_querier_interval: ['mcastQuerierIntvl', Number.MAX_SAFE_INTEGER],
  mcast_query_interval: ['mcastQueryIntvl', Number.MAX_SAFE_INTEGER],
  mcast_query_response_interval: ['mcastQueryResponseIntvl', Number.MAX_SAFE_INTEGER],
  mcast_startup_query_interval: ['mcastStartupQueryIntvl', Number.MAX_SAFE_INTEGER],
} as const satisfies Readonly<Record<string, readonly [keyof VlanGlobalOptions, number]>>;

async function setGlobal(args: readonly string[], context: ShowContext): Promise<void> {
  const words = new Words(args);
  const global: VlanGlobalOptions = {};
  let dev: string | undefined;
  let range: Range | undefined;
  while (words.more) {
    const word = words.next();
    if (word === 'dev') dev = words.next();
    else if (word === 'vid') range = vlanRange(words.next());
    else if (isKey(SWITCHES, word)) global[SWITCHES[word]] = number(word, words.next(), 0xff) !== 0;
    else if (isKey(NUMBERS, word)) {
      const [field, max] = NUMBERS[word];
      global[field] = number(word, words.next(), max);
    } else throw unknownWord('vlan', word);
  }
  await context.rt.bridgeVlan.setGlobal({ ...(await where(dev, range, context)), global });
}

function isKey<T extends object>(table: T, word: string): word is string & keyof T {
  return Object.hasOwn(table, word);
}
