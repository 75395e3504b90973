import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import {
  be16,
  bool8,
  type Codec,
  enumeration,
  hex,
  u8,
  u32,
  u64,
  ValueError,
} from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { defineKind } from './kind.ts';

/** MACSEC_CIPHER_ID_*, uapi/linux/if_macsec.h. */
const CIPHERS: Readonly<Record<string, bigint>> = {
  'GCM-AES-128': 0x0080c20001000001n,
  'GCM-AES-256': 0x0080c20001000002n,
  'GCM-AES-XPN-128': 0x0080c20001000003n,
  'GCM-AES-XPN-256': 0x0080c20001000004n,
  // What IEEE 802.1AE says of the first one; kernels take it and tell the other.
  default: 0x0080020001000001n,
};

/** By name; one without a name by its digits, `0x...`. */
const cipher: Codec<string> = {
  size: 8,
  decode(view, start, end) {
    const id = u64.decode(view, start, end);
    const known = Object.entries(CIPHERS).find(([, value]) => value === id);
    return known?.[0] ?? `0x${id.toString(16)}`;
  },
  encode(writer, value) {
    const named = Object.hasOwn(CIPHERS, value) ? CIPHERS[value] : undefined;
    const id = named ?? (/^0x[0-9a-f]{1,16}$/i.test(value) ? BigInt(value) : undefined);
    if (id === undefined) throw new ValueError(value, `one of ${Object.keys(CIPHERS).join(', ')}`);
    writer.u64(id);
  },
};

/** A secure channel's identifier: 16 hex digits, address and port. */
const sci: Codec<string> = {
  size: 8,
  decode(view, start, end) {
    if (end - start < 8) throw new WireError(`SCI of ${end - start} bytes`);
    return hex.decode(view, start, start + 8);
  },
  encode(writer, value) {
    if (typeof value !== 'string' || value.length !== 16) throw new ValueError(value, '16 hex digits');
    hex.encode(writer, value);
  },
};

/** IFLA_MACSEC_*, uapi/linux/if_link.h, in the words of `ip -d -j link`. */
const table = attributeTable('IFLA_MACSEC', {
  sci: attribute(1, 'IFLA_MACSEC_SCI', sci),
  /** Instead of `sci`, which is then made of the lower link's address and this. */
  port: attribute(2, 'IFLA_MACSEC_PORT', be16),
  icvLen: attribute(3, 'IFLA_MACSEC_ICV_LEN', u8),
  cipherSuite: attribute(4, 'IFLA_MACSEC_CIPHER_SUITE', cipher),
  /** How far packets may come out of order, with `replayProtect`. */
  window: attribute(5, 'IFLA_MACSEC_WINDOW', u32),
  encodingSa: attribute(6, 'IFLA_MACSEC_ENCODING_SA', u8),
  encrypt: attribute(7, 'IFLA_MACSEC_ENCRYPT', bool8),
  protect: attribute(8, 'IFLA_MACSEC_PROTECT', bool8),
  incSci: attribute(9, 'IFLA_MACSEC_INC_SCI', bool8),
  es: attribute(10, 'IFLA_MACSEC_ES', bool8),
  scb: attribute(11, 'IFLA_MACSEC_SCB', bool8),
  replayProtect: attribute(12, 'IFLA_MACSEC_REPLAY_PROTECT', bool8),
  validation: attribute(
    13,
    'IFLA_MACSEC_VALIDATION',
    enumeration(u8, { 0: 'disabled', 1: 'check', 2: 'strict' }),
  ),
  offload: attribute(15, 'IFLA_MACSEC_OFFLOAD', enumeration(u8, { 0: 'off', 1: 'phy', 2: 'mac' })),
});

/** Settings of a MACsec link (man 8 ip-macsec). */
export type Macsec = AttributesOf<(typeof table)['specs']>;

export const macsec = defineKind<typeof table, Macsec>('macsec', table, {
  // A channel whose identifier is not sent has none but that of address and port, and may not be given one; and to
  // `es` and `scb` the kernel objects where somebody says what is the default. drivers/net/macsec.c: macsec_newlink
  withoutDefaults({ sci, incSci, ...rest }) {
    if (incSci !== false) return { ...rest, ...(sci !== undefined && { sci }) };
    const port = sci === undefined ? undefined : Number.parseInt(sci.slice(12), 16);
    return { ...rest, incSci, ...(rest.port === undefined && port !== undefined && { port }) };
  },
});
