/** RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL: uapi/linux/if_addrlabel.h, man 8 ip-addrlabel, RFC 6724. */

import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF, parseIpv6, parsePrefix } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, type RawAttribute } from '../netlink/wire/attributes.ts';
import { ip, reserved, u8, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

/** A label for the addresses of a prefix: source and destination of one label go together. RFC 6724. */
export interface AddressLabel {
  /** `2001:db8::/32`. */
  prefix: string;
  label: number;
  /** For addresses of this link only. */
  ifindex?: number;
  dev?: string;
  raw?: RawAttribute[];
}

/** struct ifaddrlblmsg. */
const ifaddrlblmsg = struct('ifaddrlblmsg', {
  family: u8,
  reserved: reserved(1),
  prefixlen: u8,
  flags: u8,
  index: u32,
  /** Counts changes of the table, for those who dump it. */
  seq: u32,
});

export const addressLabelAttributes = attributeTable('IFAL', {
  address: attribute(1, 'IFAL_ADDRESS', ip),
  label: attribute(2, 'IFAL_LABEL', u32),
});

export function decodeAddressLabel(payload: Uint8Array): AddressLabel {
  const view = new WireView(payload);
  const header = ifaddrlblmsg.decodeAt(view, 0);
  const { address, label, raw } = addressLabelAttributes.decode(view, ifaddrlblmsg.size, view.length);
  return {
    prefix: `${address ?? '::'}/${header.prefixlen}`,
    label: label ?? 0,
    ...defined({ ifindex: header.index || undefined, raw }),
  };
}

export const addressLabelType: ObjectType<AddressLabel> = {
  name: 'addressLabel',
  messages: { new: 72, del: 73, get: 74 },
  // The kernel announces no changes of the table.
  groups: [],
  headerSize: ifaddrlblmsg.size,
  attributes: addressLabelAttributes,
  decode: decodeAddressLabel,
  key: ({ prefix, ifindex = 0 }) => `${prefix} ${ifindex}`,
};

export interface AddressLabelFilter {
  dev?: LinkReference;
  label?: number;
}
const FILTERS: ReadonlySet<string> = new Set<keyof AddressLabelFilter>(['dev', 'label']);
const FIELDS: ReadonlySet<string> = new Set<keyof AddressLabel>(['prefix', 'label', 'ifindex', 'dev', 'raw']);
/** The kernel's word for "no label". */
const NO_LABEL = 0xffff_ffff;
const ENOENT = 2;

/** The table of RFC 6724 for IPv6: `rt.addressLabel`. man 8 ip-addrlabel. */
export class AddressLabelService extends ObjectService<AddressLabel, AddressLabelFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(addressLabelType, port, names);
  }

  protected override async resolve(
    filter: AddressLabelFilter,
    options: RequestOptions,
  ): Promise<AddressLabelFilter> {
    refuseUnknownFields(filter, FILTERS, { ifindex: 'the link as dev' }, '', 'filter');
    const { dev } = filter;
    return dev === undefined ? filter : { ...filter, dev: await this.names.index(dev, 'dev', options) };
  }

  protected override dumpPayload(): Uint8Array {
    return encodePayload((writer) => ifaddrlblmsg.encode(writer, { family: AF.inet6 }));
  }

  protected override matches(one: AddressLabel, { dev, label }: AddressLabelFilter): boolean {
    return (dev === undefined || one.ifindex === dev) && (label === undefined || one.label === label);
  }

  protected override linksOf({ ifindex }: AddressLabel): readonly number[] {
    return ifindex === undefined ? [] : [ifindex];
  }

  protected override complete(one: AddressLabel, linkNames: ReadonlyMap<number, string>): AddressLabel {
    const dev = one.ifindex === undefined ? undefined : linkNames.get(one.ifindex);
    return { ...one, ...defined({ dev }) };
  }

  /** The label that holds for an address, on a link where one is given: that of the longest prefix. */
  async get(
    target: { address: string; dev?: LinkReference },
    options: RequestOptions = {},
  ): Promise<AddressLabel> {
    const { address, dev } = target;
    if (typeof address !== 'string' || parseIpv6(address) === undefined)
      throw new InvalidArgumentError('address', address, 'is no IPv6 address', 'one such as 2001:db8::1');
    const index = dev === undefined ? 0 : await this.names.index(dev, 'dev', options);
    const payload = encodePayload((writer) => {
      ifaddrlblmsg.encode(writer, { family: AF.inet6, prefixlen: 128, index });
      addressLabelAttributes.encode(writer, { address });
    });
    const found = await this.fetch(payload, options);
    if (found === undefined) throw systemError(ENOENT, 'RTM_GETADDRLABEL', { address });
    return found;
  }

  /** Adds a label; EEXIST where the prefix has one. */
  add(label: AddressLabel, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', label, options);
  }
  /** Adds a label or takes the place of the prefix's. */
  replace(label: AddressLabel, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', label, options);
  }

  /** Removes a prefix's label; ESRCH when there is none. */
  async del(
    label: Omit<AddressLabel, 'label'> & { label?: number },
    options: RequestOptions = {},
  ): Promise<void> {
    checkLabel(label);
    // The kernel wants to see one, and doesn't look at it.
    await this.remove(encodeAddressLabel({ label: 0, ...label }, await this.#index(label, options)), options);
  }

  async #write(verb: Verb, label: AddressLabel, options: RequestOptions): Promise<void> {
    checkLabel(label);
    if (label.label === undefined || label.label === NO_LABEL)
      throw new InvalidArgumentError('label', label.label, 'is no label', 'an integer from 0 to 4294967294');
    await this.write(verb, encodeAddressLabel(label, await this.#index(label, options)), options);
  }

  async #index({ dev, ifindex }: Partial<AddressLabel>, options: RequestOptions): Promise<number> {
    const link = dev ?? ifindex;
    return link === undefined ? 0 : this.names.index(link, 'dev', options);
  }
}

function checkLabel(label: Partial<AddressLabel>): void {
  refuseUnknownFields(
    label,
    FIELDS,
    { address: 'it as prefix', prefixlen: 'it as prefix' },
    '',
    'addressLabel',
  );
  prefixOf(label);
}

function prefixOf({ prefix }: Partial<AddressLabel>): { address: string; length: number } {
  const parsed = parsePrefix(prefix ?? '');
  if (parsed?.family !== 'inet6')
    throw new InvalidArgumentError(
      'prefix',
      prefix,
      prefix === undefined ? 'is missing' : 'is no prefix of IPv6 addresses',
      'one such as 2001:db8::/32',
    );
  return parsed;
}

export function encodeAddressLabel(label: Partial<AddressLabel>, index: number): Uint8Array {
  const { address, length } = prefixOf(label);
  return encodePayload((writer) => {
    ifaddrlblmsg.encode(writer, { family: AF.inet6, prefixlen: length, index });
    addressLabelAttributes.encode(writer, { address, ...defined({ label: label.label, raw: label.raw }) });
  });
}
