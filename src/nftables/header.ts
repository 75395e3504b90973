/** Messages of nfnetlink's subsystem nftables: uapi/linux/netfilter/nfnetlink.h, nf_tables.h. */
import { be16, enumeration, u8 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';

/** NFNL_SUBSYS_NFTABLES. */
export const SUBSYSTEM = 10;

/** NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END. */
export const BATCH_BEGIN = 16;
export const BATCH_END = 17;

/** NFPROTO_*, in the words of `nft`; `inet` is IPv4 and IPv6 together. */
export const FAMILIES = { 1: 'inet', 2: 'ip', 3: 'arp', 5: 'netdev', 7: 'bridge', 10: 'ip6' } as const;
export type NftFamily = (typeof FAMILIES)[keyof typeof FAMILIES];

/** struct nfgenmsg. Family 0 (NFPROTO_UNSPEC) is all of them. */
export const nfgenmsg = struct('nfgenmsg', {
  family: enumeration(u8, FAMILIES),
  version: u8,
  resource: be16,
});

/** A message type: what NFT_MSG_* numbers within the subsystem. */
export function messageType(operation: number): number {
  return (SUBSYSTEM << 8) | operation;
}
