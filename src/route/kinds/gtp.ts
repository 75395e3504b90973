import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { bool8, enumeration, ipv4, ipv6, u8, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_GTP_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_GTP', {
  /** UDP sockets of this process for both versions of the protocol, where the kernel shall not make its own. */
  fd0: attribute(1, 'IFLA_GTP_FD0', u32),
  fd1: attribute(2, 'IFLA_GTP_FD1', u32),
  hsize: attribute(3, 'IFLA_GTP_PDP_HASHSIZE', u32),
  role: attribute(4, 'IFLA_GTP_ROLE', enumeration(u32, { 0: 'ggsn', 1: 'sgsn' })),
  createSockets: attribute(5, 'IFLA_GTP_CREATE_SOCKETS', bool8),
  restartCount: attribute(6, 'IFLA_GTP_RESTART_COUNT', u8),
  local: attribute(7, 'IFLA_GTP_LOCAL', ipv4),
  local6: attribute(8, 'IFLA_GTP_LOCAL6', ipv6),
});

/** Settings of a GPRS tunnel (man 8 ip-link). */
export type Gtp = AttributesOf<(typeof table)['specs']>;

export const gtp = defineKind<typeof table, Gtp>('gtp', table, {
  // Without sockets from somewhere there is no such link, and which it was is not told.
  withoutDefaults: (value) =>
    value.createSockets !== undefined || value.fd0 !== undefined || value.fd1 !== undefined
      ? value
      : { ...value, createSockets: true },
});
