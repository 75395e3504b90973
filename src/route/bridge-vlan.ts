import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import {
  BRIDGE_DETAILS,
  type BridgeCommand,
  decodeBridgePort,
  encodeBridgeDump,
  encodePortVlans,
} from './bridge-port-message.ts';
import type { BridgeVlanGlobal } from './bridge-vlan-global.ts';
import {
  type BridgeVlan,
  bridgeVlanAttributes,
  brVlanMsg,
  checkVlan,
  decodeBridgeVlans,
  encodeVlan,
  encodeVlanDump,
  encodeVlanGlobal,
  VLAN_DUMP,
} from './bridge-vlan-message.ts';
import { expandRange, VLAN_MAX } from './bridge-vlan-range.ts';
import { defined } from './defined.ts';
import { fieldWord } from './field-word.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';

export type { BridgeVlanGlobal, VlanGlobalOptions } from './bridge-vlan-global.ts';
export type { BridgeVlan, BridgeVlanStats } from './bridge-vlan-message.ts';
export type { BridgeVlanFlag } from './bridge-vlan-range.ts';

/** A VLAN of a port, or of a bridge as a whole. */
export type AnyBridgeVlan = BridgeVlan | BridgeVlanGlobal;

/** What `add`, `set` and `del` take: a {@link BridgeVlan} as it was listed, or less. */
export interface BridgeVlanInput extends Partial<Omit<BridgeVlan, 'vid' | 'tunnelId'>> {
  vid: number;
  /** `null`, to `set`: none any more. */
  tunnelId?: number | null;
  /** For the bridge, for the link's own hardware, or for both. Without it bridges and their ports only. */
  command?: BridgeCommand | BridgeCommand[];
}
/** What `setGlobal` takes: a {@link BridgeVlanGlobal} as it was listed, or less. */
export type BridgeVlanGlobalInput = Omit<BridgeVlanGlobal, 'ifindex'> & { ifindex?: number };

export interface BridgeVlanFilter {
  /** A port or a bridge: the kernel filters by it. */
  dev?: LinkReference;
  vid?: number;
  /** With packets and bytes. Then no VLANs are put together. Default false. */
  stats?: boolean;
}
/** Which of the two kinds: VLANs of ports, unless said. */
interface Sought extends BridgeVlanFilter {
  global?: boolean;
}
const FILTERS: ReadonlySet<string> = new Set<keyof Sought>(['dev', 'vid', 'stats', 'global']);

const GET_LINK = 18;
const NEW_LINK = 16;
const RTM_SETLINK = 19;
const RTM_DELLINK = 17;

/** A port has no more VLANs than this, and so has the bridge: a message that says otherwise is none of a kernel's. */
const MOST_SINGLE = 2 * (VLAN_MAX + 1);

/** A bridge's VLANs each by itself: a monitor's news speak of other ranges than its dumps. */
function decodeSingly(payload: Uint8Array): AnyBridgeVlan[] {
  const single: AnyBridgeVlan[] = [];
  for (const one of decodeBridgeVlans(payload)) {
    if (single.length + (one.vidEnd ?? one.vid) - one.vid > MOST_SINGLE) single.push(one);
    else single.push(...expandRange(one, singleVlan));
  }
  return single;
}

function singleVlan({ vidEnd: _, ...range }: AnyBridgeVlan, vid: number): AnyBridgeVlan {
  if (!('tunnelId' in range) || range.tunnelId === undefined) return { ...range, vid };
  return { ...range, vid, tunnelId: range.tunnelId + vid - range.vid };
}

export const bridgeVlanType: ObjectType<AnyBridgeVlan> = {
  name: 'bridgeVlan',
  messages: { new: 112, del: 113, get: 114 },
  groups: [33], // RTNLGRP_BRVLAN
  headerSize: brVlanMsg.size,
  attributes: bridgeVlanAttributes,
  decodeAll: decodeSingly,
  decode: (payload) => decodeBridgeVlans(payload)[0] ?? { ifindex: 0, vid: 0, flags: [] },
  key: (one) => `${one.ifindex} ${one.vid}${'global' in one ? ' global' : ''}`,
  volatile: ['stats', 'mcastNGroups', 'global.routerPorts', 'global.mcastQuerierState'],
};

/** VLANs of bridges and their ports: `rt.bridgeVlan`. man 8 bridge, "bridge vlan". */
export class BridgeVlanService extends ObjectService<AnyBridgeVlan, BridgeVlanFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(bridgeVlanType, port, names);
  }

  protected override async resolve(filter: Sought, options: RequestOptions): Promise<Sought> {
    refuseUnknownFields(filter, FILTERS, { vlan: 'it as vid', br: 'it as dev' }, '', 'filter');
    const { dev } = filter;
    return dev === undefined ? filter : { ...filter, dev: await this.names.index(dev, 'dev', options) };
  }

  protected override dumpPayload({ dev, stats, global }: Sought): Uint8Array {
    const flags = (stats === true ? VLAN_DUMP.stats : 0) | (global === true ? VLAN_DUMP.global : 0);
    return encodeVlanDump(typeof dev === 'number' ? dev : 0, flags);
  }

  protected override matches(one: AnyBridgeVlan, { dev, vid, global = false }: Sought): boolean {
    return (
      'global' in one === global &&
      (dev === undefined || one.ifindex === dev) &&
      (vid === undefined || (one.vid <= vid && vid <= (one.vidEnd ?? one.vid)))
    );
  }

  protected override linksOf(one: AnyBridgeVlan): readonly number[] {
    const routers = 'global' in one ? (one.global.routerPorts ?? []) : [];
    return [one.ifindex, ...routers.map(({ portIndex }) => portIndex)];
  }

  protected override complete<T extends AnyBridgeVlan>(one: T, linkNames: ReadonlyMap<number, string>): T {
    const { ifindex, ...rest } = one;
    const named = { ifindex, ...defined({ dev: linkNames.get(ifindex) }), ...rest };
    if (!('global' in one) || one.global.routerPorts === undefined) return named as unknown as T;
    const routerPorts = one.global.routerPorts.map(({ portIndex, router }) => ({
      portIndex,
      ...defined({ port: linkNames.get(portIndex) }),
      router,
    }));
    return { ...named, global: { ...one.global, routerPorts } } as unknown as T;
  }

  /**
   * VLANs of ports and bridges, those in a row that are alike put together. Kernels before 5.6 don't tell of states and
   * other settings.
   */
  override async list(filter: BridgeVlanFilter = {}, options: RequestOptions = {}): Promise<BridgeVlan[]> {
    const sought = await this.resolve(filter, options);
    let found: AnyBridgeVlan[];
    try {
      found = await this.#read(sought, options);
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      found = await this.#readFromPorts(options);
    }
    return (await this.#name(found, sought, options)) as BridgeVlan[];
  }

  /** VLANs of bridges as a whole, since Linux 5.15; EOPNOTSUPP before. */
  async listGlobal(
    filter: Omit<BridgeVlanFilter, 'stats'> = {},
    options: RequestOptions = {},
  ): Promise<BridgeVlanGlobal[]> {
    const sought = await this.resolve({ ...filter, global: true } as Sought, options);
    return (await this.#name(await this.#read(sought, options), sought, options)) as BridgeVlanGlobal[];
  }

  override async *dump(
    filter: BridgeVlanFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<BridgeVlan, void, void> {
    yield* await this.list(filter, options);
  }

  /** Both kinds, each VLAN by itself. */
  override async snapshot(options: RequestOptions = {}): Promise<AnyBridgeVlan[]> {
    try {
      const vlans = await this.#snapshotOf(0, options);
      return [...vlans, ...(await this.#snapshotOf(VLAN_DUMP.global, options))];
    } catch (error) {
      // A kernel without VLANs on bridges has none to watch.
      if (isUnsupported(error)) return [];
      throw error;
    }
  }

  /** Adds a VLAN, or several in a row, to a port, and sets what is said of it; changes one that is there. */
  async add(vlan: BridgeVlanInput, options: RequestOptions = {}): Promise<void> {
    await this.#change('add', vlan, options);
  }

  /** Changes settings of a VLAN that a port has; its flags stay. ENOENT when it has none. Linux 5.6. */
  async set(vlan: BridgeVlanInput, options: RequestOptions = {}): Promise<void> {
    checkVlan(vlan);
    const { ifindex: _, dev: _dev, command, flags: _flags, ...settings } = vlan;
    if (command !== undefined)
      throw new InvalidArgumentError('command', command, 'is nothing to set', 'it to add or del');
    const ifindex = await this.#link(vlan, options);
    await this.write('set', encodeVlan(ifindex, settings, 'options'), options);
  }

  /** Changes settings of a VLAN for the whole bridge. Linux 5.15. */
  async setGlobal(vlan: BridgeVlanGlobalInput, options: RequestOptions = {}): Promise<void> {
    checkVlan(vlan);
    if (vlan.global === undefined)
      throw new InvalidArgumentError('global', vlan.global, 'is missing', 'the settings');
    const ifindex = await this.#link(vlan, options);
    await this.write('set', encodeVlanGlobal(ifindex, vlan), options);
  }

  /** Removes VLANs from a port. */
  async del(vlan: BridgeVlanInput, options: RequestOptions = {}): Promise<void> {
    await this.#change('del', vlan, options);
  }

  async #change(verb: 'add' | 'del', vlan: BridgeVlanInput, options: RequestOptions): Promise<void> {
    checkVlan(vlan);
    const { command, tunnelId, ...given } = vlan;
    const { neighSuppress: _, neighForwardGrat: __, ...others } = given;
    const settings = isBridges(given) ? others : given;
    const commands = command === undefined ? [] : typeof command === 'string' ? [command] : command;
    if (!Array.isArray(commands))
      throw new InvalidArgumentError('command', command, 'is no list', 'self, master, or a list of both');
    for (const one of commands) fieldWord('command', one, ['self', 'master']);
    const ifindex = await this.#link(vlan, options);
    const tunnel = tunnelId === null ? undefined : tunnelId;
    if (commands.length === 0) {
      const payload = encodeVlan(
        ifindex,
        { ...settings, ...defined({ tunnelId: tunnel }) },
        verb === 'add' ? 'all' : 'key',
      );
      if (verb === 'add') await this.write('set', payload, options);
      else await this.remove(payload, options);
      return;
    }
    // The way that reaches the link's own hardware.
    const payload = encodePortVlans(ifindex, { ...settings, ...defined({ tunnelId: tunnel }) }, commands);
    const [type, name] = verb === 'add' ? [RTM_SETLINK, 'RTM_SETLINK'] : [RTM_DELLINK, 'RTM_DELLINK'];
    await this.port.request({ type, payload, name }, options);
  }

  async #link(
    { dev, ifindex }: { dev?: string; ifindex?: number },
    options: RequestOptions,
  ): Promise<number> {
    const link = dev ?? ifindex;
    if (link === undefined) throw new InvalidArgumentError('dev', dev, 'is missing', 'the name of the port');
    return this.names.index(link, 'dev', options);
  }

  async #read(sought: Sought, options: RequestOptions): Promise<AnyBridgeVlan[]> {
    const request = { type: this.type.messages.get, payload: this.dumpPayload(sought) };
    const messages = await this.port.dumpAll(request, options);
    return messages
      .filter(({ type }) => type === this.type.messages.new)
      .flatMap(({ payload }) => decodeBridgeVlans(payload));
  }

  async #snapshotOf(flags: number, options: RequestOptions): Promise<AnyBridgeVlan[]> {
    const request = { type: this.type.messages.get, payload: encodeVlanDump(0, flags) };
    const messages = await this.port.dumpAll(request, options);
    return messages
      .filter(({ type }) => type === this.type.messages.new)
      .flatMap(({ payload }) => decodeSingly(payload));
  }

  /** What the dump of ports tells of VLANs. */
  async #readFromPorts(options: RequestOptions): Promise<BridgeVlan[]> {
    const request = { type: GET_LINK, payload: encodeBridgeDump(BRIDGE_DETAILS.compressed) };
    const messages = await this.port.dumpAll(request, options);
    return messages
      .filter(({ type, payload }) => type === NEW_LINK && payload[0] === AF.bridge)
      .flatMap(({ payload }) => {
        const { ifindex, vlans = [] } = decodeBridgePort(payload);
        return vlans.map((vlan) => ({ ifindex, ...vlan }));
      });
  }

  async #name(
    found: readonly AnyBridgeVlan[],
    sought: Sought,
    options: RequestOptions,
  ): Promise<AnyBridgeVlan[]> {
    const kept = found.filter((one) => this.matches(one, sought));
    const names = await this.names.of(
      kept.flatMap((one) => this.linksOf(one)),
      options,
    );
    return names === undefined ? kept : kept.map((one) => this.complete(one, names));
  }
}

/**
 * Whether it was listed, and is a bridge's own: the kernel tells that neighbours are not suppressed there, and does not let
 * it be said (EINVAL). Ports tell how many groups they have, too.
 */
function isBridges({ ifindex, neighSuppress, mcastNGroups }: BridgeVlanInput): boolean {
  return ifindex !== undefined && neighSuppress === false && mcastNGroups === undefined;
}

function isUnsupported(error: unknown): boolean {
  return error instanceof SystemError && error.code === 'EOPNOTSUPP';
}
