import { InvalidArgumentError, SystemError } from '../../handle/errors.ts';
import type { RequestOptions } from '../../netlink/socket.ts';
import type { CommandOf, ReplyOf, RequestOf } from '../message.ts';
import type { GenericSocket } from '../socket.ts';
import { changeBits, exactBits, mentionedBits, setBits } from './bits.ts';
import { ethtoolFamily } from './wire.ts';

type Commands = CommandOf<typeof ethtoolFamily>;
type Reply<C extends Commands> = ReplyOf<typeof ethtoolFamily, C>;

/** A link by name or by index. */
export type EthtoolLink = string | number;

/** Which link a reply is about. */
interface About {
  ifindex: number;
  ifname: string;
}

/** Speed, duplex, port: what `ethtool DEV` shows. What the driver does not tell is left out. */
export interface EthtoolLinkSettings extends About {
  /** `tp`, `fibre`, `da`, `none`, ... */
  port?: string;
  phyAddress?: number;
  mdix?: string;
  mdixControl?: string;
  transceiver?: string;
  autoneg?: boolean;
  /** Mbit/s. Left out where it is unknown. */
  speed?: number;
  /** `half`, `full`; left out where it is unknown. */
  duplex?: string;
  lanes?: number;
  /** Link modes by name, as `1000baseT/Full`: what the link can do, what it offers, what the other end offered. */
  supported?: string[];
  advertised?: string[];
  peer?: string[];
  /** Whether there is a signal. */
  link?: boolean;
  sqi?: number;
  sqiMax?: number;
}

export interface EthtoolLinkInput {
  autoneg?: boolean;
  /** Mbit/s. */
  speed?: number;
  duplex?: 'half' | 'full';
  lanes?: number;
  /** Link modes to offer, and no others. */
  advertised?: string[];
}

type Settings<C extends Commands> = Omit<Reply<C>, 'header' | 'raw'>;
/** Descriptors in the rings to and from the hardware; `Max` what there can be. */
export type EthtoolRings = About & Settings<'rings'>;
export type EthtoolChannels = About & Settings<'channels'>;
export type EthtoolCoalesce = About & Settings<'coalesce'>;
export type EthtoolPause = About & Settings<'pause'>;

/** One feature, `tx-checksumming`'s parts and their like, by its name in the kernel. */
export interface EthtoolFeature {
  /** It is on. */
  active: boolean;
  /** It was asked for. */
  wanted: boolean;
  /** Nobody can change it. */
  fixed: boolean;
}

/** IEEE 802.3 and RMON counters by group and name; a histogram's buckets by the sizes of packets, in bytes. */
export interface EthtoolStats extends About {
  groups: Record<string, Record<string, bigint>>;
  histograms?: Record<string, { low: number; high: number; value: bigint }[]>;
}

const STATS_GROUPS = ['eth-phy', 'eth-mac', 'eth-ctrl', 'rmon'] as const;
export type EthtoolStatsGroup = (typeof STATS_GROUPS)[number];

/** ETH_SS_STATS_STD: the names of the groups. uapi/linux/ethtool.h */
const UNKNOWN_SPEED = 0xffff_ffff;

/**
 * What drivers say of their links and let one change, by ethtool's netlink family (Linux 5.6). man 8 ethtool;
 * Documentation/networking/ethtool-netlink.rst. Drivers that lack a thing reject with EOPNOTSUPP.
 */
export class EthtoolService {
  readonly #socket: Pick<GenericSocket, 'request' | 'dump'>;

  constructor(socket: Pick<GenericSocket, 'request' | 'dump'>) {
    this.#socket = socket;
  }

  /** Speed, port, modes and state of one link. */
  async link(dev: EthtoolLink, options: RequestOptions = {}): Promise<EthtoolLinkSettings> {
    const parts = await Promise.all([
      this.#offered(this.#get('linkInfo', dev, options)),
      this.#offered(this.#get('linkModes', dev, options)),
      this.#get('linkState', dev, options),
    ]);
    return settings(...parts);
  }

  /** The same of all links of the namespace. */
  async links(options: RequestOptions = {}): Promise<EthtoolLinkSettings[]> {
    const [infos, modes, states] = await Promise.all([
      this.#socket.dump(ethtoolFamily, 'linkInfo', { header: {} }, options),
      this.#socket.dump(ethtoolFamily, 'linkModes', { header: {} }, options),
      this.#socket.dump(ethtoolFamily, 'linkState', { header: {} }, options),
    ]);
    const of = <T extends { header?: { ifindex?: number } }>(list: readonly T[], index: number | undefined) =>
      list.find(({ header }) => header?.ifindex === index);
    return states.map((state) => {
      const index = state.header?.ifindex;
      return settings(of(infos, index), of(modes, index), state);
    });
  }

  async setLink(dev: EthtoolLink, input: EthtoolLinkInput, options: RequestOptions = {}): Promise<void> {
    const { advertised, ...rest } = input;
    await this.#set(
      'setLinkModes',
      dev,
      { ...rest, ...(advertised && { ours: exactBits(advertised) }) },
      options,
    );
  }

  async rings(dev: EthtoolLink, options: RequestOptions = {}): Promise<EthtoolRings> {
    return plain(await this.#get('rings', dev, options));
  }
  async setRings(
    dev: EthtoolLink,
    rings: Partial<Settings<'rings'>>,
    options: RequestOptions = {},
  ): Promise<void> {
    await this.#set('setRings', dev, rings, options);
  }

  async channels(dev: EthtoolLink, options: RequestOptions = {}): Promise<EthtoolChannels> {
    return plain(await this.#get('channels', dev, options));
  }
  async setChannels(
    dev: EthtoolLink,
    channels: Partial<Settings<'channels'>>,
    options: RequestOptions = {},
  ): Promise<void> {
    await this.#set('setChannels', dev, channels, options);
  }

  /** How long and for how many packets interrupts wait. */
  async coalesce(dev: EthtoolLink, options: RequestOptions = {}): Promise<EthtoolCoalesce> {
    return plain(await this.#get('coalesce', dev, options));
  }
  async setCoalesce(
    dev: EthtoolLink,
    coalesce: Partial<Settings<'coalesce'>>,
    options: RequestOptions = {},
  ): Promise<void> {
    await this.#set('setCoalesce', dev, coalesce, options);
  }

  /** Flow control, with its counters where the driver has them. */
  async pause(dev: EthtoolLink, options: RequestOptions = {}): Promise<EthtoolPause> {
    return plain(await this.#get('pause', dev, options, ['stats']));
  }
  async setPause(
    dev: EthtoolLink,
    pause: Partial<Settings<'pause'>>,
    options: RequestOptions = {},
  ): Promise<void> {
    await this.#set('setPause', dev, pause, options);
  }

  /** All features by name, in the kernel's order. */
  async features(dev: EthtoolLink, options: RequestOptions = {}): Promise<Record<string, EthtoolFeature>> {
    const [reply, names] = await Promise.all([
      this.#get('features', dev, options),
      this.#strings(STRING_SET.features, options),
    ]);
    const active = new Set(setBits(reply.active));
    const wanted = new Set(setBits(reply.wanted));
    const changeable = new Set(setBits(reply.hw));
    const never = new Set(setBits(reply.noChange));
    const all = [...names.values(), ...mentionedBits(reply.active)];
    return Object.fromEntries(
      [...new Set(all)]
        .filter((name) => name !== '')
        .map((name) => [
          name,
          {
            active: active.has(name),
            wanted: wanted.has(name),
            fixed: !changeable.has(name) || never.has(name),
          },
        ]),
    );
  }

  /**
   * Switches features on and off; those that are not named stay. Resolves with those that did not become what was asked
   * for, because others stand against it.
   */
  async setFeatures(
    dev: EthtoolLink,
    features: Readonly<Record<string, boolean>>,
    options: RequestOptions = {},
  ): Promise<string[]> {
    const wanted = changeBits(features);
    const [reply] = await this.#set('setFeatures', dev, { wanted }, options);
    // The reply's mask of "wanted" is what was asked for and did not come about.
    return mentionedBits(reply?.wanted);
  }

  /** Counters of the standards, of these groups; what the driver does not count is left out. Linux 5.13. */
  async stats(
    dev: EthtoolLink,
    groups: readonly EthtoolStatsGroup[] = STATS_GROUPS,
    options: RequestOptions = {},
  ): Promise<EthtoolStats> {
    const [reply] = await this.#socket.request(
      ethtoolFamily,
      'stats',
      { header: headerOf(dev), groups: exactBits(groups) },
      options,
    );
    if (reply === undefined) throw nothing('stats', dev);
    const out: EthtoolStats = { ...about(reply), groups: {} };
    const groupNames = await this.#strings(STRING_SET.statsGroups, options);
    for (const group of reply.group ?? []) {
      const name = groupNames.get(group.id ?? 0) ?? String(group.id);
      const names = await this.#strings(group.stringSet ?? 0, options);
      const values: Record<string, bigint> = {};
      for (const { index, value } of (group.stats ?? []).flat())
        values[names.get(index) ?? String(index)] = value;
      out.groups[name] = values;
      for (const [side, buckets] of [
        ['rx', group.histogramRx],
        ['tx', group.histogramTx],
      ] as const) {
        if (buckets === undefined) continue;
        out.histograms ??= {};
        out.histograms[`${side} packets`] = buckets.map(({ low = 0, high = 0, value = 0n }) => ({
          low,
          high,
          value,
        }));
      }
    }
    return out;
  }

  /** A set of strings that is the same for all links. */
  async #strings(id: number, options: RequestOptions): Promise<ReadonlyMap<number, string>> {
    const sets = { sets: [{ id }] };
    const [reply] = await this.#socket.request(ethtoolFamily, 'strset', { header: {}, sets }, options);
    const strings = reply?.sets?.sets?.[0]?.strings?.strings ?? [];
    return new Map(strings.map(({ index = 0, value = '' }) => [index, value]));
  }

  async #get<C extends Commands>(
    command: C,
    dev: EthtoolLink,
    options: RequestOptions,
    flags: string[] = [],
  ): Promise<Reply<C>> {
    const header = { ...headerOf(dev), ...(flags.length > 0 && { flags }) };
    const value = { header } as unknown as RequestOf<typeof ethtoolFamily, C>;
    const [reply] = await this.#socket.request(ethtoolFamily, command, value, options);
    if (reply === undefined) throw nothing(command, dev);
    return reply;
  }

  async #set<C extends Commands>(
    command: C,
    dev: EthtoolLink,
    value: object,
    options: RequestOptions,
  ): Promise<Reply<C>[]> {
    const known = ethtoolFamily.commands[command].request.specs;
    for (const field of Object.keys(value)) {
      if (Object.hasOwn(known, field) && field !== 'header') continue;
      // What a listed object has besides its settings.
      if (field === 'ifindex' || field === 'ifname') continue;
      const fields = Object.keys(known).filter((name) => name !== 'header');
      throw new InvalidArgumentError(field, value[field as never], 'is no setting', fields.join(', '));
    }
    const { ifindex: _, ifname: __, ...settings } = value as Partial<About>;
    const request = { header: headerOf(dev), ...settings } as unknown as RequestOf<typeof ethtoolFamily, C>;
    return this.#socket.request(ethtoolFamily, command, request, options);
  }

  /** Undefined where the driver has nothing to say. */
  async #offered<T>(reply: Promise<T>): Promise<T | undefined> {
    try {
      return await reply;
    } catch (error) {
      if (error instanceof SystemError && error.code === 'EOPNOTSUPP') return undefined;
      throw error;
    }
  }
}

/** ETH_SS_*, enum ethtool_stringset in uapi/linux/ethtool.h. */
const STRING_SET = { features: 4, statsGroups: 16 } as const;

function headerOf(dev: EthtoolLink): { ifindex: number } | { ifname: string } {
  if (typeof dev === 'number' && Number.isInteger(dev) && dev > 0 && dev <= 0x7fffffff)
    return { ifindex: dev };
  if (typeof dev === 'string' && dev !== '' && Buffer.byteLength(dev) < 128) return { ifname: dev };
  throw new InvalidArgumentError('dev', dev, 'is no link', 'the name of a link, or its index');
}

function about(reply: { header?: { ifindex?: number; ifname?: string } }): About {
  return { ifindex: reply.header?.ifindex ?? 0, ifname: reply.header?.ifname ?? '' };
}

function plain<T extends { header?: { ifindex?: number; ifname?: string }; raw?: unknown }>(
  reply: T,
): About & Omit<T, 'header' | 'raw'> {
  const { header: _, raw: __, ...rest } = reply;
  return { ...about(reply), ...rest };
}

function settings(
  info: Reply<'linkInfo'> | undefined,
  modes: Reply<'linkModes'> | undefined,
  state: Reply<'linkState'>,
): EthtoolLinkSettings {
  const out: EthtoolLinkSettings = about(state);
  if (info !== undefined) {
    const { header: _, raw: __, ...rest } = info;
    Object.assign(out, rest);
  }
  if (modes !== undefined) {
    const { autoneg, speed, duplex, lanes, ours, peer } = modes;
    if (autoneg !== undefined) out.autoneg = autoneg;
    if (speed !== undefined && speed !== UNKNOWN_SPEED) out.speed = speed;
    if (duplex !== undefined && duplex !== 'unknown') out.duplex = duplex;
    if (lanes !== undefined) out.lanes = lanes;
    if (ours !== undefined) {
      out.supported = mentionedBits(ours);
      out.advertised = setBits(ours);
    }
    if (peer !== undefined) out.peer = setBits(peer);
  }
  const { link, sqi, sqiMax } = state;
  if (link !== undefined) out.link = link;
  if (sqi !== undefined) out.sqi = sqi;
  if (sqiMax !== undefined) out.sqiMax = sqiMax;
  return out;
}

function nothing(what: string, dev: EthtoolLink): SystemError {
  return new SystemError(-61, `ETHTOOL_MSG_${what.toUpperCase()}`, { dev });
}
