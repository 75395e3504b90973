import { InvalidArgumentError } from '../handle/errors.ts';
import { isLinux } from '../handle/linux.ts';
import { NETLINK_ROUTE, NetlinkSocket, type RequestOptions, type RequestPort } from '../netlink/socket.ts';
import { attribute, attributeTable, encodePayload } from '../netlink/wire/attributes.ts';
import { s32, u32 } from '../netlink/wire/codec.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { WireView } from '../netlink/wire/view.ts';
import { type NetnsReference, resolveNetns } from '../netns/index.ts';
import { defined } from './defined.ts';
import { KIND_FIELDS, KINDS, PAIRED, PORT_FIELDS, PORT_KINDS } from './kinds/index.ts';
import { ifinfomsg, linkAttributes } from './link-attributes.ts';
import { checkInput, checkSettings } from './link-check.ts';
import { type Creation, encodeChange, encodeCreation, encodeLink } from './link-encode.ts';
import { encodeLinkGet, extMask, type LinkDetail } from './link-get.ts';
import { type Link, linksOfLink, linkType, nameLinks } from './link-object.ts';
import type { LinkInput, LinkSettings, Resolved } from './link-settings.ts';
import { addressed, type LinkTarget, linkIndexes, openNamespaces } from './link-target.ts';
import { type LinkXstats, readXstats } from './link-xstats.ts';
import type { LinkNames, LinkReference } from './names.ts';
import { ObjectSink } from './object-sink.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';

export type {
  Amt,
  Bareudp,
  Batadv,
  Bond,
  BondPort,
  Bridge,
  BridgePort,
  Can,
  Dsa,
  Geneve,
  Gre,
  Gtp,
  Hsr,
  Ip6Tunnel,
  Ipoib,
  IpTunnel,
  Ipvlan,
  KindData,
  Macsec,
  Macvlan,
  Netkit,
  PortData,
  QosMapping,
  Rmnet,
  Tun,
  Vlan,
  Vrf,
  Vti,
  Vxlan,
  Wwan,
  Xfrm,
} from './kinds/index.ts';
export type { LinkStats } from './link-attributes.ts';
export type { LinkDetail } from './link-get.ts';
export { type Link, linkType } from './link-object.ts';
export type { LinkInput, LinkSettings, PeerInput } from './link-settings.ts';
export type { LinkTarget } from './link-target.ts';
export type { VirtualFunction } from './link-vf.ts';
export type { LinkFlag } from './link-words.ts';
export type { LinkXstats } from './link-xstats.ts';

/** RTM_NEWLINKPROP, RTM_DELLINKPROP, uapi/linux/rtnetlink.h. */
const NEW_PROPERTY = 108;
const DEL_PROPERTY = 109;

/** RTM_NEWNSID, RTM_GETNSID, and what they carry: struct rtgenmsg, padded, and NETNSA_*. uapi/linux/net_namespace.h */
const NEW_NSID = 88;
const GET_NSID = 90;
const NETNS_HEADER = 4;
const netnsAttributes = attributeTable('NETNSA', {
  nsid: attribute(1, 'NETNSA_NSID', s32),
  fd: attribute(3, 'NETNSA_FD', u32),
});

/** Which links to list: all conditions hold. The kernel filters by master and kind. */
export interface LinkFilter extends LinkDetail {
  /** Ports of this link; `null`: links without a master. */
  master?: LinkReference | null;
  kind?: string;
  /** Ports of masters of this kind. */
  portKind?: string;
  /** Whether the link is up, as an administrator means it. */
  up?: boolean;
  group?: number;
}

/** Whether the kernel sends a new link back to who asked for it (NLM_F_ECHO). */
const ECHOES = isLinux('6.2');

const FILTERS: ReadonlySet<string> = new Set<keyof LinkFilter>([
  'master',
  'kind',
  'portKind',
  'up',
  'group',
  'mib',
  'vf',
]);

/** Network devices: `rt.link`. man 8 ip-link, man 7 rtnetlink. */
export class LinkService extends ObjectService<Link, LinkFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(linkType, port, names);
  }

  /** One link by name, altname or index. Rejects with the kernel's ENODEV when there is none. */
  async get(target: LinkTarget, options: RequestOptions & LinkDetail = {}): Promise<Link> {
    const { mib = false, vf = false, ...request } = options;
    const payload = encodeLinkGet(target, extMask({ mib, vf }));
    const link = await this.fetch(payload, request);
    if (link === undefined)
      throw new InvalidArgumentError('link', target, 'is no link', 'the name of a link that exists');
    return link;
  }

  /** All links that pass the filter, in the order of their indexes' hash: the kernel's order, which `ip` shows. */
  override async list(filter: LinkFilter = {}, options: RequestOptions = {}): Promise<Link[]> {
    const wanted = await this.resolve(filter, options);
    const payload = this.dumpPayload(wanted);
    const sink = new ObjectSink(this.type, { matches: () => true, named: (link: Link) => link });
    for await (const _ of this.port.dumpInto({ type: this.type.messages.get, payload }, sink, options));
    const all = await sink.take();
    const links = all.filter((link) => this.matches(link, wanted));
    // Names of links are what was just listed; only a filter leaves some to be asked for.
    const names = new Map<number, string>();
    for (const { ifindex, ifname } of all) names.set(ifindex, ifname);
    const missing: number[] = [];
    for (const link of links)
      for (const index of linksOfLink(link)) if (!names.has(index)) missing.push(index);
    for (const [index, name] of (await this.names.of(missing, options)) ?? []) names.set(index, name);
    for (const link of links) nameLinks(link, names);
    return links;
  }

  protected override async resolve(filter: LinkFilter, options: RequestOptions): Promise<LinkFilter> {
    refuseUnknownFields(filter, FILTERS, { type: 'it as kind' }, '', 'filter');
    const { master } = filter;
    if (master === undefined || master === null) return filter;
    return { ...filter, master: await this.names.index(master, 'master', options) };
  }

  protected override dumpPayload(filter: LinkFilter): Uint8Array {
    const { master, kind } = filter;
    return encodePayload((writer) => {
      ifinfomsg.encode(writer, {});
      linkAttributes.encode(writer, {
        extMask: extMask(filter),
        // null is for us to see to: kernels that do not know (u32)-1 for none look for a link with that index.
        ...(typeof master === 'number' && { masterIndex: master }),
        ...(kind !== undefined && { linkInfo: { kind } }),
      });
    });
  }

  protected override matches(link: Link, filter: LinkFilter): boolean {
    const { master, kind, portKind, up, group } = filter;
    return (
      (master === undefined || (link.masterIndex ?? null) === master) &&
      (kind === undefined || link.kind === kind) &&
      (portKind === undefined || link.portKind === portKind) &&
      (up === undefined || link.flags.includes('UP') === up) &&
      (group === undefined || link.group === group)
    );
  }

  protected override linksOf(link: Link): readonly number[] {
    return linksOfLink(link);
  }

  protected override complete(link: Link, names: ReadonlyMap<number, string>): Link {
    return nameLinks(link, names);
  }

  /**
   * Makes a link; EEXIST when the name is taken. What rtnetlink does not take with the making (alias, altnames,
   * port settings, ...) follows in messages of its own; if one of them is refused the link is removed again, and
   * the call rejects.
   */
  async add(link: LinkInput, options: RequestOptions = {}): Promise<void> {
    await this.#make(link, NLM_F.create | NLM_F.excl, options);
  }

  /**
   * Makes a link, or changes the one with this name as {@link set} would. What follows in messages of its own may be
   * refused when the first one has taken effect. The kernel refuses another kind (EOPNOTSUPP) only where settings of
   * the kind are given. It refuses `ip link replace` of a link that is there, which says NLM_F_REPLACE; this does not.
   */
  async replace(link: LinkInput, options: RequestOptions = {}): Promise<void> {
    await this.#make(link, NLM_F.create, options);
  }

  async #make(link: LinkInput, flags: number, options: RequestOptions): Promise<void> {
    checkInput(link);
    using namespaces = await openNamespaces(link.netns, link.peer?.netns);
    const resolved = { ...(await this.#resolveInput(link, options)), ...namespaces.fds };
    const creation = encodeCreation(link, resolved);
    const { create, settle, raise, raisePeer, altnames } = creation;
    const whole =
      settle === undefined && raise === undefined && raisePeer === undefined && altnames.length === 0;
    // Without an echo nobody would tell what the kernel called it.
    if (!whole && link.ifname === undefined && !ECHOES)
      return await this.#make({ ...link, ifname: await this.#freeName(link, options) }, flags, options);
    const messages = await this.port.request(
      {
        type: this.type.messages.new,
        // The echo tells the index, whatever name the kernel chose. Only where it is needed: for a link made in
        // another namespace the kernel sends it there, to whoever has our port id in that one.
        flags: flags | (whole ? 0 : NLM_F.echo),
        payload: create,
      },
      options,
    );
    if (whole) return;
    const echo = messages.find((message) => message.type === this.type.messages.new);
    const made =
      echo === undefined ? await this.get(link.ifname ?? '', options) : this.type.decode(echo.payload);
    try {
      await this.#finish(made, creation, link, options);
    } catch (error) {
      // Half a link is none. Without the caller's signal, which may be why we are here. One that may have been there
      // before stays.
      if ((flags & NLM_F.excl) !== 0)
        await this.remove(encodeLink({ ifindex: made.ifindex }, {}), {}).catch(() => {});
      throw error;
    }
  }

  /** The name that the kernel would choose. */
  async #freeName({ kind }: LinkInput, options: RequestOptions): Promise<string> {
    const taken = new Set((await this.list({}, options)).map(({ ifname }) => ifname));
    let number = 0;
    while (taken.has(`${kind}${number}`)) number++;
    return `${kind}${number}`;
  }

  async #finish(
    { ifindex, linkIndex }: Link,
    { settle, raise, raisePeer, altnames }: Creation,
    { peer }: LinkInput,
    options: RequestOptions,
  ): Promise<void> {
    if (settle !== undefined) await this.write('set', settle(ifindex), options);
    if (altnames.length > 0) await this.#property(NEW_PROPERTY, ifindex, altnames, options);
    if (raisePeer !== undefined && linkIndex !== undefined) {
      const payload = raisePeer(linkIndex);
      if (peer?.netns === undefined) await this.write('set', payload, options);
      else {
        // The peer answers only to a socket of its own namespace.
        await using there = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: peer.netns });
        await there.request({ type: this.type.messages.new, payload, name: 'RTM_NEWLINK' }, options);
      }
    }
    if (raise !== undefined) await this.write('set', raise(ifindex), options);
  }

  /** Changes a link. Only what is given changes; a field that is none, or that cannot be set, is refused. */
  async set(target: LinkTarget, given: LinkSettings, options: RequestOptions = {}): Promise<void> {
    checkSettings(given);
    const settings = await this.#whole(target, given, options);
    using namespaces = await openNamespaces(settings.netns);
    const resolved = { ...(await this.#resolveSettings(settings, options)), ...namespaces.fds };
    const { main, port } = encodeChange(settings, resolved);
    // A new name needs the index: IFLA_IFNAME is what a link without one is looked up by.
    const byIndex = settings.ifname !== undefined || settings.altnames !== undefined || port !== undefined;
    const { header, name } = byIndex
      ? { header: { ifindex: await this.#index(target, options) }, name: {} }
      : addressed(target, 'link');
    if (settings.altnames !== undefined)
      await this.#setAltnames(header.ifindex ?? 0, settings.altnames, options);
    if (main !== undefined) await this.write('set', main(header, name), options);
    if (port !== undefined) await this.write('set', port(header, name), options);
  }

  /** With what the link has already, for the kinds whose drivers take what is not said for the default. */
  async #whole(target: LinkTarget, settings: LinkSettings, options: RequestOptions): Promise<LinkSettings> {
    const field = KIND_FIELDS.find((one) => settings[one] !== undefined);
    if (field === undefined || !KINDS[field].whole) return settings;
    const now: Record<string, unknown> = { ...(await this.get(target, options))[field] };
    const wanted = defined(settings[field] as Record<string, unknown>);
    // A link that is given by its index replaces the one that is known by name.
    for (const [name, index] of Object.entries(KINDS[field].links))
      if (wanted[index] !== undefined) delete now[name];
    return { ...settings, [field]: { ...now, ...wanted } };
  }

  /** Removes a link, and with a veth its other end. The kernel takes some ten milliseconds for it: on a thread. */
  async del(target: LinkTarget, options: RequestOptions = {}): Promise<void> {
    const { header, name } = addressed(target, 'link');
    const payload = encodeLink(header, name);
    await this.port.request({ type: this.type.messages.del, payload, aside: true }, options);
  }

  /**
   * The id by which this namespace knows another: what `linkNetnsid` of a link holds. Undefined when it has none yet.
   * man 8 ip-netns, `list-id`.
   */
  async netnsid(netns: NetnsReference, options: RequestOptions = {}): Promise<number | undefined> {
    using resolved = await resolveNetns(netns);
    const payload = encodePayload((writer) => {
      writer.reserve(NETNS_HEADER);
      netnsAttributes.encode(writer, { fd: resolved.netns.fd });
    });
    const messages = await this.port.request({ type: GET_NSID, payload, name: 'RTM_GETNSID' }, options);
    const found = messages.find((message) => message.type === NEW_NSID);
    if (found === undefined) return undefined;
    const { nsid } = netnsAttributes.decode(new WireView(found.payload), NETNS_HEADER, found.payload.length);
    return nsid === undefined || nsid < 0 ? undefined : nsid;
  }

  /** Counters that some kinds of links and ports have besides, of one link or of all. `ip link xstats`. */
  xstats(link?: LinkReference, options: RequestOptions = {}): Promise<LinkXstats[]> {
    return readXstats(this.port, this.names, link, options);
  }

  /** Gives a link more alternative names; EEXIST when one is taken. `ip link property add`. */
  async addAltnames(
    target: LinkTarget,
    altnames: readonly string[],
    options: RequestOptions = {},
  ): Promise<void> {
    checkSettings({ altnames });
    await this.#property(NEW_PROPERTY, await this.#index(target, options), altnames, options);
  }

  /** Takes alternative names away. `ip link property del`. */
  async delAltnames(
    target: LinkTarget,
    altnames: readonly string[],
    options: RequestOptions = {},
  ): Promise<void> {
    checkSettings({ altnames });
    await this.#property(DEL_PROPERTY, await this.#index(target, options), altnames, options);
  }

  async #index(target: LinkTarget, options: RequestOptions): Promise<number> {
    if (typeof target !== 'object') return this.names.index(target, 'link', options);
    if ('ifindex' in target) return target.ifindex;
    if ('ifname' in target) return this.names.index(target.ifname, 'link', options);
    throw new InvalidArgumentError(
      'link',
      target,
      'are many links',
      'one, by name or index, for such a change',
    );
  }

  async #setAltnames(ifindex: number, wanted: readonly string[], options: RequestOptions): Promise<void> {
    const { altnames = [] } = await this.get(ifindex, options);
    const gone = altnames.filter((name) => !wanted.includes(name));
    const fresh = wanted.filter((name) => !altnames.includes(name));
    if (fresh.length > 0) await this.#property(NEW_PROPERTY, ifindex, fresh, options);
    if (gone.length > 0) await this.#property(DEL_PROPERTY, ifindex, gone, options);
  }

  async #property(
    type: number,
    ifindex: number,
    altnames: readonly string[],
    options: RequestOptions,
  ): Promise<void> {
    const flags = type === NEW_PROPERTY ? NLM_F.create | NLM_F.excl | NLM_F.append : 0;
    const payload = encodeLink({ ifindex }, { properties: { altnames: [...altnames] } });
    const name = type === NEW_PROPERTY ? 'RTM_NEWLINKPROP' : 'RTM_DELLINKPROP';
    await this.port.request({ type, flags, payload, name }, options);
  }

  async #resolveSettings(settings: LinkSettings, options: RequestOptions): Promise<Resolved> {
    const { master } = settings;
    const index = (link: LinkReference, field: string) => this.names.index(link, field, options);
    const kind = KIND_FIELDS.find((field) => settings[field] !== undefined);
    const port = PORT_FIELDS.find((field) => settings[field] !== undefined);
    return {
      ...(master !== undefined && { masterIndex: master === null ? 0 : await index(master, 'master') }),
      ...(kind && { kindLinks: await linkIndexes(KINDS[kind], kind, settings[kind], index) }),
      ...(port && { portLinks: await linkIndexes(PORT_KINDS[port], port, settings[port], index) }),
    };
  }

  async #resolveInput(input: LinkInput, options: RequestOptions): Promise<Resolved> {
    const { link, linkIndex, masterIndex } = input;
    const resolved = await this.#resolveSettings(input, options);
    const lower =
      PAIRED.has(input.kind ?? '') || link === undefined
        ? linkIndex
        : await this.names.index(link, 'link', options);
    return {
      ...(masterIndex !== undefined && { masterIndex }),
      ...resolved,
      ...(lower !== undefined && { linkIndex: lower }),
    };
  }
}
