/** Addresses, prefixes and routes, spelled as `ip` spells them. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { formatIp, type Prefix, parseIp, parsePrefix } from '../../netlink/wire/address.ts';
import type { Kind } from './kind.ts';

/** '10.1.0.2/24': an address of a link, with the length of its network's prefix. */
export const linkAddress: Kind<string> = {
  schema: { type: 'string', pattern: '^[0-9A-Fa-f.:]+/\\d{1,3}$' },
  read(value, at) {
    const remedy = "an address with the length of its prefix, as '10.1.0.2/24' or '2001:db8::2/64'";
    const refuse = (problem: string) => new InvalidArgumentError(at.field, value, problem, remedy);
    const prefix = typeof value === 'string' ? parsePrefix(value) : undefined;
    if (prefix === undefined) throw refuse('is no address');
    if (!String(value).includes('/')) throw refuse('has no length of a prefix');
    const { bytes, length, family } = prefix;
    const bits = bytes.length * 8;
    if (bytes.every((byte) => byte === 0) || isMulticast(prefix)) throw refuse('is no address of a host');
    // Networks of two addresses and of one have neither a name nor a broadcast address: RFC 3021.
    if (family === 'inet' && length < bits - 1) {
      if (hostBits(prefix, 0)) throw refuse('is the address of the network itself');
      if (hostBits(prefix, 1)) throw refuse('is the broadcast address of its network');
    }
    return `${prefix.address}/${length}`;
  },
};

/** '10.1.0.1' */
export const hostAddress: Kind<string> = {
  schema: { type: 'string', pattern: '^[0-9A-Fa-f.:]+$' },
  read(value, at) {
    const bytes = typeof value === 'string' ? parseIp(value) : undefined;
    if (bytes !== undefined) return formatIp(bytes);
    throw new InvalidArgumentError(at.field, value, 'is no address', "one as '10.1.0.1' or '2001:db8::1'");
  },
};

/** '10.2.0.0/16': where a route leads. */
export const network: Kind<string> = {
  schema: { type: 'string', pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?$' },
  read(value, at) {
    const prefix = typeof value === 'string' ? parsePrefix(value) : undefined;
    const remedy = "a prefix as '10.2.0.0/16' or '2001:db8::/32'";
    if (prefix === undefined) throw new InvalidArgumentError(at.field, value, 'is no prefix', remedy);
    if (hostBits(prefix, 0)) return `${prefix.address}/${prefix.length}`;
    const start = spelled({ ...prefix, bytes: networkOf(prefix) });
    throw new InvalidArgumentError(at.field, value, 'has bits set behind its prefix', `'${start}'`);
  },
};

function spelled({ bytes, length }: Prefix): string {
  return `${formatIp(bytes)}/${length}`;
}

function isMulticast({ family, bytes: [first = 0] }: Prefix): boolean {
  return family === 'inet' ? first >= 224 && first < 240 : first === 0xff;
}

function bit(bytes: Uint8Array, index: number): number {
  return ((bytes[index >> 3] ?? 0) >> (7 - (index & 7))) & 1;
}

/** Whether all bits behind the prefix are this. */
function hostBits({ bytes, length }: Prefix, value: 0 | 1): boolean {
  for (let index = length; index < bytes.length * 8; index++) if (bit(bytes, index) !== value) return false;
  return true;
}

function networkOf({ bytes, length }: Prefix): Uint8Array {
  return bytes.map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, length - i * 8))));
}

export function familyOf(address: string): 'inet' | 'inet6' {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** Whether an address is one of the network that a link with this address is in. */
export function isOnLink(address: string, link: string): boolean {
  const prefix = parsePrefix(link);
  const bytes = parseIp(address);
  if (prefix === undefined || bytes === undefined || bytes.length !== prefix.bytes.length) return false;
  for (let index = 0; index < prefix.length; index++) {
    if (bit(bytes, index) !== bit(prefix.bytes, index)) return false;
  }
  return true;
}
