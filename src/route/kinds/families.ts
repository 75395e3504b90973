import { parseIp } from '../../netlink/wire/address.ts';
import { ValueError } from '../../netlink/wire/codec.ts';

/** Kinds that have one attribute for an IPv4 address and another for an IPv6 one, where the object has one field. */

export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The address under the attribute of its family. */
export function byFamily<Four extends string, Six extends string>(
  field: string,
  address: string | undefined,
  four: Four,
  six: Six,
): { [K in Four | Six]?: string } {
  const out: { [K in Four | Six]?: string } = {};
  if (address === undefined) return out;
  const bytes = parseIp(address);
  if (bytes === undefined) {
    const error = new ValueError(address, 'an IPv4 or IPv6 address');
    error.path.unshift(field);
    throw error;
  }
  out[bytes.length === 4 ? four : six] = address;
  return out;
}
