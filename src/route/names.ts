import { constants } from 'node:os';
import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  repeated,
  walkAttributes,
} from '../netlink/wire/attributes.ts';
import { reserved, s32, string, text, u8, u16, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;

/** IFNAMSIZ is 16 with the NUL; altnames have 127. uapi/linux/if.h, if_link.h */
export const IFNAME_MAX = 15;
export const ALT_IFNAME_MAX = 127;

const ifinfomsg = struct('ifinfomsg', {
  family: u8,
  reserved: reserved(1),
  type: u16,
  ifindex: s32,
  flags: u32,
  change: u32,
});
const nameAttributes = attributeTable('IFLA', {
  ifname: attribute(3, 'IFLA_IFNAME', text(IFNAME_MAX)),
  altIfname: attribute(53, 'IFLA_ALT_IFNAME', text(ALT_IFNAME_MAX)),
  properties: nest(
    52,
    'IFLA_PROP_LIST',
    attributeTable('IFLA', { altnames: repeated(53, 'IFLA_ALT_IFNAME', string) }),
  ),
  /** RTEXT_FILTER_SKIP_STATS: names are wanted, not counters. */
  extMask: attribute(29, 'IFLA_EXT_MASK', u32),
});
const SKIP_STATS = 1 << 3;
/** Up to so many names are asked for one by one. */
const FEW = 4;

/** A link by name, altname or index. */
export type LinkReference = string | number;

/** Links' names and indexes, asked of the kernel each time: names change hands, a cache would lie. */
export class LinkNames {
  readonly #port: RequestPort;

  constructor(port: RequestPort) {
    this.#port = port;
  }

  /** The index of a link given by name, altname or index. Rejects with the kernel's ENODEV if there is none. */
  async index(link: LinkReference, field: string, options: RequestOptions): Promise<number> {
    if (typeof link === 'number') {
      if (Number.isInteger(link) && link > 0 && link <= 0x7fffffff) return link;
      throw new InvalidArgumentError(
        field,
        link,
        'is no link',
        'the index of a link, a positive integer, or its name',
      );
    }
    const messages = await this.#port.request(
      { type: RTM_GETLINK, payload: linkByName(link, field), idempotent: true, single: true },
      options,
    );
    const found = messages.find((message) => message.type === RTM_NEWLINK);
    if (found === undefined)
      throw new InvalidArgumentError(field, link, 'is no link', 'the name of a link that exists');
    return ifinfomsg.decodeAt(new WireView(found.payload), 0).ifindex;
  }

  /** The name of one link, where that takes no message; undefined if there is no such link, null if it does. */
  told(index: number): string | undefined | null {
    const told = this.#port.linkName?.(index);
    if (typeof told === 'string') return told;
    return told === -constants.errno.ENODEV ? undefined : null;
  }

  /** Puts the names that take no message into `names`; returns the links that take one. */
  tellAll(indexes: readonly number[], names: Map<number, string>): Set<number> {
    const others = new Set<number>();
    for (const index of indexes) {
      if (names.has(index)) continue;
      const told = this.told(index);
      if (told === null) others.add(index);
      else if (told !== undefined) names.set(index, told);
    }
    return others;
  }

  /** The name of one link; undefined when there is no such link (any more). */
  async nameOf(index: number, options: RequestOptions): Promise<string | undefined> {
    const told = this.told(index);
    if (told !== null) return told;
    const payload = encodePayload((writer) => {
      ifinfomsg.encode(writer, { ifindex: index });
      nameAttributes.encode(writer, { extMask: SKIP_STATS });
    });
    let messages: Awaited<ReturnType<RequestPort['request']>>;
    try {
      messages = await this.#port.request(
        { type: RTM_GETLINK, payload, idempotent: true, single: true },
        options,
      );
    } catch (error) {
      if (error instanceof SystemError && error.code === 'ENODEV') return undefined;
      throw error;
    }
    const found = messages.find((message) => message.type === RTM_NEWLINK);
    if (found === undefined) return undefined;
    const view = new WireView(found.payload);
    return readName(view);
  }

  /** Names by index, for at least these links; undefined when none is asked for. */
  async of(
    indexes: readonly number[],
    options: RequestOptions,
  ): Promise<ReadonlyMap<number, string> | undefined> {
    if (indexes.length === 0) return undefined;
    const names = new Map<number, string>();
    const wanted = this.tellAll(indexes, names);
    if (wanted.size === 0) return names;
    if (wanted.size <= FEW) {
      // A namespace may hold thousands of links; asking for a few one by one costs as much as they are.
      const asked = [...wanted].map(async (index) => [index, await this.nameOf(index, options)] as const);
      for (const [index, name] of await Promise.all(asked)) if (name !== undefined) names.set(index, name);
      return names;
    }
    const payload = encodePayload((writer) => {
      ifinfomsg.encode(writer, {});
      nameAttributes.encode(writer, { extMask: SKIP_STATS });
    });
    for (const message of await this.#port.dumpAll({ type: RTM_GETLINK, payload }, options)) {
      if (message.type !== RTM_NEWLINK) continue;
      const view = new WireView(message.payload);
      const ifname = readName(view);
      if (ifname !== undefined) names.set(ifinfomsg.decodeAt(view, 0).ifindex, ifname);
    }
    return names;
  }
}

/** IFLA_IFNAME of a RTM_NEWLINK, and nothing of the rest of it. */
function readName(view: WireView): string | undefined {
  const { type, codec } = nameAttributes.specs.ifname;
  let name: string | undefined;
  walkAttributes(view, ifinfomsg.size, view.length, (found, start, end) => {
    if (found === type) name = codec.decode(view, start, end);
  });
  return name;
}

/** The payload of a RTM_GETLINK for one name: names over 15 bytes can only be altnames. */
function linkByName(name: string, field: string): Uint8Array {
  // Callers without types give anything.
  const length = typeof name === 'string' ? Buffer.byteLength(name) : 0;
  if (length === 0 || length > ALT_IFNAME_MAX || /[\s/\0]/.test(name))
    throw new InvalidArgumentError(
      field,
      name,
      'is no name of a link',
      `a link's name: 1 to ${ALT_IFNAME_MAX} bytes, no spaces, no slash`,
    );
  return encodePayload((writer) => {
    ifinfomsg.encode(writer, {});
    // IFLA_IFNAME finds short altnames too; a longer name only fits the other attribute.
    nameAttributes.encode(
      writer,
      length > IFNAME_MAX ? { altIfname: name, extMask: SKIP_STATS } : { ifname: name, extMask: SKIP_STATS },
    );
  });
}
