import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import {
  type Address,
  type AddressInput,
  addressAttributes,
  decodeAddress,
  encodeAddress,
  encodeAddressDeletion,
  ifaddrmsg,
  parseAddressInput,
} from './address-message.ts';
import { defined } from './defined.ts';
import type { LinkNames } from './names.ts';
import type { ObjectType } from './object.ts';
import { type RouteScope, refuseUnknownFields } from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export type { Address, AddressFlag, AddressInput, Lifetime } from './address-message.ts';

/** Which addresses to list: all conditions hold. The kernel filters by link and family. */
export interface AddressFilter {
  family?: 'inet' | 'inet6';
  /** The link, by name or by index; the name wins when both are given. */
  dev?: string;
  ifindex?: number;
  scope?: RouteScope;
  local?: string;
  label?: string;
  /** The namespace to ask, by the id that it has in this one (`ip netns list-id`); `ifindex` is of that one. */
  targetNetnsid?: number;
}

const FILTERS: ReadonlySet<string> = new Set<keyof AddressFilter>([
  'family',
  'dev',
  'ifindex',
  'scope',
  'local',
  'label',
  'targetNetnsid',
]);

export const addressType: ObjectType<Address> = {
  name: 'address',
  messages: { new: 20, del: 21, get: 22 },
  groups: [5, 9], // RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR
  headerSize: ifaddrmsg.size,
  attributes: addressAttributes,
  decode: decodeAddress,
  key: (address) =>
    `${address.targetNetnsid ?? ''} ${address.ifindex} ${address.local} ${address.peer ?? ''}/${address.prefixlen}`,
  volatile: ['validLifetime', 'preferredLifetime', 'updated'],
};

const EADDRNOTAVAIL = 99;

/** Addresses of links: `rt.address`. man 8 ip-address, man 7 rtnetlink. */
export class AddressService extends ObjectService<Address, AddressFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(addressType, port, names);
  }

  protected override async resolve(filter: AddressFilter, options: RequestOptions): Promise<AddressFilter> {
    refuseUnknownFields(filter, FILTERS, {}, '', 'filter');
    const { dev, local } = filter;
    return {
      ...filter,
      // Spelled as the kernel's answer will be.
      ...(local === undefined ? {} : { local: parseAddressInput({ local }).local }),
      ...(dev === undefined ? {} : { ifindex: await this.names.index(dev, 'dev', options) }),
    };
  }

  protected override dumpPayload(filter: AddressFilter): Uint8Array {
    return encodePayload((writer) => {
      ifaddrmsg.encode(writer, {
        family: filter.family === undefined ? AF.unspec : AF[filter.family],
        ifindex: filter.ifindex ?? 0,
      });
      const { targetNetnsid } = filter;
      addressAttributes.encode(writer, targetNetnsid === undefined ? {} : { targetNetnsid });
    });
  }

  protected override matches(address: Address, filter: AddressFilter): boolean {
    return (
      (filter.family === undefined || address.family === filter.family) &&
      (filter.ifindex === undefined || address.ifindex === filter.ifindex) &&
      (filter.scope === undefined || address.scope === filter.scope) &&
      (filter.local === undefined || address.local === filter.local) &&
      (filter.label === undefined || address.label === filter.label)
    );
  }

  // A link of another namespace has a name that cannot be asked for here.
  protected override linksOf(address: Address): readonly number[] {
    return address.targetNetnsid === undefined ? [address.ifindex] : [];
  }

  protected override complete(address: Address, linkNames: ReadonlyMap<number, string>): Address {
    const dev = linkNames.get(address.ifindex);
    const { family, ifindex, ...rest } = address;
    return dev === undefined ? address : { family, ifindex, dev, ...rest };
  }

  /**
   * One address, by itself or as `{ dev, local }`; `prefixlen` and `peer` where several have the same `local`.
   * Rejects with EADDRNOTAVAIL when the link has no such address.
   */
  async get(address: string | AddressInput, options: RequestOptions = {}): Promise<Address> {
    const input = typeof address === 'string' ? { local: address } : address;
    const { family, local, peer, prefixlen } = parseAddressInput(input);
    // IPv4 has no "get" but the dump (net/ipv4/devinet.c); the link narrows it.
    const found = (
      await this.list(
        {
          family,
          local,
          ...defined({ dev: input.dev, ifindex: input.ifindex }),
        },
        options,
      )
    ).find(
      (one) =>
        (prefixlen === undefined || one.prefixlen === prefixlen) &&
        (peer === undefined || one.peer === peer) &&
        (input.label === undefined || one.label === input.label),
    );
    if (found === undefined) throw systemError(EADDRNOTAVAIL, 'RTM_GETADDR', { address: local });
    return found;
  }

  /** Adds an address; EEXIST when the link has it. */
  add(address: AddressInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', address, options);
  }
  /** Adds an address, or changes the flags, metric and lifetimes of one that is there. */
  replace(address: AddressInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', address, options);
  }
  /** Changes an address that is there. The kernel adds one that is not, as `ip address change` does. */
  change(address: AddressInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('change', address, options);
  }

  /** Removes an address; EADDRNOTAVAIL when there is none. Without a prefix length, whichever has that `local`. */
  async del(address: AddressInput, options: RequestOptions = {}): Promise<void> {
    const ifindex = await this.#link(address, options);
    const { family, local, prefixlen } = parseAddressInput(address);
    if (family === 'inet6' && prefixlen === undefined) {
      const { label, peer } = address;
      const known = await this.get({ ifindex, local, ...defined({ label, peer }) }, options);
      return this.remove(encodeAddressDeletion(known, ifindex), options);
    }
    return this.remove(encodeAddressDeletion(address, ifindex), options);
  }

  async #write(verb: Verb, address: AddressInput, options: RequestOptions): Promise<void> {
    const ifindex = await this.#link(address, options);
    await this.write(verb, encodeAddress(address, ifindex), options);
  }

  async #link(address: AddressInput, options: RequestOptions): Promise<number> {
    // What is wrong in itself is said before anything is asked.
    parseAddressInput(address);
    const link = address.dev ?? address.ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name of the link, or its ifindex');
    const field = address.dev === undefined ? 'ifindex' : 'dev';
    return this.names.index(link, field, options);
  }
}
