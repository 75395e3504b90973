import type { RawAttribute } from '../netlink/wire/attributes.ts';
import type { NetnsReference } from '../netns/index.ts';
import type { KindData, PortData } from './kinds/index.ts';
import type { LinkInfo } from './link-info.ts';
import type { Link, LinkWire } from './link-object.ts';
import type { LINK_FLAGS } from './link-words.ts';
import type { LinkReference } from './names.ts';

/** Attributes that rtnetlink takes both when a link is made and later. */
export const PLAIN = [
  'address',
  'broadcast',
  'mtu',
  'txqlen',
  'group',
  'linkmode',
  'gsoMaxSize',
  'gsoMaxSegs',
  'groMaxSize',
  'gsoIpv4MaxSize',
  'groIpv4MaxSize',
] as const satisfies (keyof LinkWire)[];
/** Those that net/core/rtnetlink.c only applies to a link that is there. */
export const LATER = [
  'alias',
  'protoDown',
  'protoDownReason',
  'afSpec',
] as const satisfies (keyof LinkWire)[];
/**
 * Of the moment: set() takes them, add() leaves them out. Of `xdp` it takes `fd`, of a program that this process has
 * loaded, or -1 for none, and `flags`, XDP_FLAGS_*; `newIfindex` goes with `netns`.
 */
export const MOMENTARY = [
  'operstate',
  'carrier',
  'vfinfoList',
  'xdp',
  'newIfindex',
] as const satisfies (keyof LinkWire)[];
/** Only when a link is made. */
export const BIRTH = ['numTxQueues', 'numRxQueues', 'parentdev'] as const satisfies (keyof LinkWire)[];

/** `ip link set DEV up`, `arp off`, ...: a flag, and whether `true` sets or clears it. */
export const SWITCHES = {
  up: { flag: 'UP', when: true },
  arp: { flag: 'NOARP', when: false },
  multicast: { flag: 'MULTICAST', when: true },
  allmulticast: { flag: 'ALLMULTI', when: true },
  promisc: { flag: 'PROMISC', when: true },
  dynamic: { flag: 'DYNAMIC', when: true },
  trailers: { flag: 'NOTRAILERS', when: false },
} as const satisfies Record<string, { flag: keyof typeof LINK_FLAGS; when: boolean }>;
type Plain = Pick<LinkWire, (typeof PLAIN)[number]>;
type Later = Pick<LinkWire, (typeof LATER)[number]>;

/** Settings that a link can be made with, and its peer. */
interface LinkBasics extends Plain, Pick<LinkWire, (typeof BIRTH)[number]> {
  ifname?: string;
  up?: boolean;
  arp?: boolean;
  multicast?: boolean;
  allmulticast?: boolean;
  promisc?: boolean;
  dynamic?: boolean;
  trailers?: boolean;
  /** The namespace to put it in. */
  netns?: NetnsReference;
}

/** What `rt.link.set()` can change; `ip link set`. */
export interface LinkSettings
  extends Omit<LinkBasics, (typeof BIRTH)[number]>,
    Later,
    Pick<LinkWire, (typeof MOMENTARY)[number]>,
    KindData,
    PortData,
    Pick<LinkInfo, 'kind' | 'kindData' | 'portKind' | 'portData'> {
  /** A bridge, bond, ... to belong to; `null` to leave it. */
  master?: LinkReference | null;
  /** All alternative names: those that are not named are taken away. */
  altnames?: readonly string[];
  /** Attributes by number. add() leaves them out: a listed link's are more likely readings than settings. */
  raw?: RawAttribute[];
}

/** The other end of a veth, vxcan or netkit. */
export interface PeerInput extends LinkBasics {
  /** Its index, where it has to be a certain one. */
  index?: number;
}

/** What `rt.link.add()` takes: `kind`, settings, or a link as it was listed, whose readings are left out. */
export interface LinkInput
  extends Omit<LinkSettings, (typeof MOMENTARY)[number]>,
    LinkBasics,
    Partial<Omit<Link, keyof LinkSettings | keyof LinkBasics | 'link'>> {
  /** Required; optional here only because a listed link need not have one, and is refused when it has none. */
  kind?: string;
  ifname?: string;
  /** The link to sit on, for the kinds that need one. Of a pair, in a link as it was listed, the name of the peer. */
  link?: LinkReference;
  /** Of a veth, vxcan or netkit: the other end. */
  peer?: PeerInput;
  /** Its index, where it has to be a certain one. */
  index?: number;
}

/** A link's names given by reference, as indexes; namespaces as open fds. Filled by the service. */
export interface Resolved {
  readonly linkIndex?: number;
  readonly masterIndex?: number;
  readonly netnsFd?: number;
  readonly peerNetnsFd?: number;
  /** Of the links that the kind's data names: their indexes, by the fields that these go into. */
  readonly kindLinks?: Readonly<Record<string, number>>;
  /** The same of the port's data. */
  readonly portLinks?: Readonly<Record<string, number>>;
}
