import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  nestedBy,
  repeated,
} from '../netlink/wire/attributes.ts';
import {
  be16,
  type Codec,
  enumeration,
  lladdr,
  reserved,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import type { WireView, WireWriter } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { VLAN_PROTOCOLS } from './kinds/kind.ts';

/** MAX_ADDR_LEN of the kernel: addresses of virtual functions come padded to it. */
const ADDRESS_ROOM = 32;
const ETHERNET = 6;
const INFINIBAND = 20;

/** How long the address is, the kernel does not say: as long as Ethernet's, unless there is more of it. */
const paddedAddress: Codec<string> = {
  size: ADDRESS_ROOM,
  decode(view, start) {
    let end = start + ADDRESS_ROOM;
    while (end > start + ETHERNET && view.u8(end - 1) === 0) end--;
    const length = end - start > ETHERNET ? Math.max(INFINIBAND, end - start) : ETHERNET;
    return lladdr.decode(view, start, start + length);
  },
  encode(writer, value) {
    const at = writer.length;
    lladdr.encode(writer, value);
    if (writer.length - at > ADDRESS_ROOM) throw new ValueError(value, `at most ${ADDRESS_ROOM} octets`);
    writer.reserve(ADDRESS_ROOM - (writer.length - at));
  },
};

/** A u32 that is 0, 1, or -1 for what the driver does not know. */
const setting: Codec<boolean | undefined> = {
  size: 4,
  decode(view, start) {
    const value = view.u32(start);
    return value === 0xffffffff ? undefined : value !== 0;
  },
  encode(writer, value) {
    if (typeof value !== 'boolean') throw new ValueError(value, 'true or false');
    writer.u32(value ? 1 : 0);
  },
};

/** An EUI-64, `00:11:22:33:44:55:66:77`, which InfiniBand has in the host's byte order here. */
const guid: Codec<string> = {
  size: 8,
  decode(view, start) {
    const octets = view.u64(start).toString(16).padStart(16, '0');
    return octets.replace(/(..)(?=.)/g, '$1:');
  },
  encode(writer, value) {
    if (typeof value !== 'string' || !/^[0-9a-f]{2}(:[0-9a-f]{2}){7}$/i.test(value))
      throw new ValueError(value, 'eight octets such as 00:11:22:33:44:55:66:77');
    writer.u64(BigInt(`0x${value.replaceAll(':', '')}`));
  },
};

const protocol = enumeration(be16, VLAN_PROTOCOLS);
const vlanList = attributeTable('IFLA_VF_VLAN_INFO', {
  info: repeated(
    1,
    'IFLA_VF_VLAN_INFO',
    // The struct ends with two bytes of padding, which `ip` sends and kernels tell.
    struct('ifla_vf_vlan_info', { vf: u32, vlan: u32, qos: u32, protocol, padding: reserved(2) }, 14),
  ),
});

/** IFLA_VF_*, uapi/linux/if_link.h. Most begin with the function's number once more. */
const table = attributeTable('IFLA_VF', {
  mac: attribute(1, 'IFLA_VF_MAC', struct('ifla_vf_mac', { vf: u32, mac: paddedAddress })),
  vlan: attribute(2, 'IFLA_VF_VLAN', struct('ifla_vf_vlan', { vf: u32, vlan: u32, qos: u32 })),
  txRate: attribute(3, 'IFLA_VF_TX_RATE', struct('ifla_vf_tx_rate', { vf: u32, rate: u32 })),
  spoofchk: attribute(4, 'IFLA_VF_SPOOFCHK', struct('ifla_vf_spoofchk', { vf: u32, setting })),
  linkState: attribute(
    5,
    'IFLA_VF_LINK_STATE',
    struct('ifla_vf_link_state', {
      vf: u32,
      linkState: enumeration(u32, { 0: 'auto', 1: 'enable', 2: 'disable' }),
    }),
  ),
  rate: attribute(6, 'IFLA_VF_RATE', struct('ifla_vf_rate', { vf: u32, minTx: u32, maxTx: u32 })),
  queryRss: attribute(7, 'IFLA_VF_RSS_QUERY_EN', struct('ifla_vf_rss_query_en', { vf: u32, setting })),
  stats: nest(
    8,
    'IFLA_VF_STATS',
    attributeTable('IFLA_VF_STATS', {
      rxPackets: attribute(0, 'IFLA_VF_STATS_RX_PACKETS', u64),
      txPackets: attribute(1, 'IFLA_VF_STATS_TX_PACKETS', u64),
      rxBytes: attribute(2, 'IFLA_VF_STATS_RX_BYTES', u64),
      txBytes: attribute(3, 'IFLA_VF_STATS_TX_BYTES', u64),
      broadcast: attribute(4, 'IFLA_VF_STATS_BROADCAST', u64),
      multicast: attribute(5, 'IFLA_VF_STATS_MULTICAST', u64),
      rxDropped: attribute(7, 'IFLA_VF_STATS_RX_DROPPED', u64),
      txDropped: attribute(8, 'IFLA_VF_STATS_TX_DROPPED', u64),
    }),
  ),
  trust: attribute(9, 'IFLA_VF_TRUST', struct('ifla_vf_trust', { vf: u32, setting })),
  nodeGuid: attribute(
    10,
    'IFLA_VF_IB_NODE_GUID',
    struct('ifla_vf_guid', { vf: u32, padding: reserved(4), guid }),
  ),
  portGuid: attribute(
    11,
    'IFLA_VF_IB_PORT_GUID',
    struct('ifla_vf_guid', { vf: u32, padding: reserved(4), guid }),
  ),
  vlanList: nest(12, 'IFLA_VF_VLAN_LIST', vlanList),
  broadcast: attribute(13, 'IFLA_VF_BROADCAST', paddedAddress),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** A virtual function of a network card (SR-IOV); man 8 ip-link, `vf`. */
export interface VirtualFunction extends Pick<Wire, 'broadcast' | 'stats' | 'raw'> {
  /** Its number. */
  vf: number;
  mac?: string;
  /** 0: none. */
  vlan?: number;
  qos?: number;
  /** Tags with their protocols, the outermost first. */
  vlanList?: { vlan?: number; qos?: number; protocol?: string }[];
  /** Mbit/s at most, as older drivers know it; 0: no limit. */
  txRate?: number;
  /** Mbit/s at least and at most. set() needs both. */
  rate?: { minTx: number; maxTx: number };
  spoofchk?: boolean;
  linkState?: 'auto' | 'enable' | 'disable' | (string & {});
  trust?: boolean;
  /** Whether it may read the card's RSS table and key. */
  queryRss?: boolean;
  nodeGuid?: string;
  portGuid?: string;
}

function fromWire({
  mac,
  vlan,
  txRate,
  spoofchk,
  linkState,
  rate,
  queryRss,
  ...rest
}: Wire): VirtualFunction {
  const { trust, nodeGuid, portGuid, vlanList: list, broadcast, stats, raw } = rest;
  const parts = [mac, vlan, txRate, spoofchk, linkState, rate, queryRss, trust, nodeGuid, portGuid];
  const vf = [...parts, ...(list?.info ?? [])].find((part) => part !== undefined)?.vf ?? 0;
  return {
    vf,
    ...defined({
      mac: mac?.mac,
      broadcast,
      vlan: vlan?.vlan,
      qos: vlan?.qos,
      vlanList: list?.info?.map(({ vf: _, ...info }) => defined(info)),
      txRate: txRate?.rate,
      rate: rate === undefined ? undefined : { minTx: rate.minTx ?? 0, maxTx: rate.maxTx ?? 0 },
      spoofchk: spoofchk?.setting,
      linkState: linkState?.linkState,
      trust: trust?.setting,
      queryRss: queryRss?.setting,
      nodeGuid: nodeGuid?.guid,
      portGuid: portGuid?.guid,
      stats,
      raw,
    }),
  };
}

const FIELDS: readonly (keyof VirtualFunction)[] = [
  'vf',
  'mac',
  'vlan',
  'qos',
  'vlanList',
  'txRate',
  'rate',
  'spoofchk',
  'linkState',
  'trust',
  'queryRss',
  'nodeGuid',
  'portGuid',
];

/** Counters and the broadcast address are told, and cannot be said. */
function toWire(value: VirtualFunction): Wire {
  for (const field of Object.keys(value) as (keyof VirtualFunction)[]) {
    if (FIELDS.includes(field) || ['broadcast', 'stats', 'raw'].includes(field)) continue;
    const error = new ValueError(value[field], `some of ${FIELDS.join(', ')}`);
    error.path.unshift(field);
    throw error;
  }
  const { vf, mac, vlan, qos, vlanList, txRate, rate, spoofchk, linkState } = value;
  const { trust, queryRss, nodeGuid, portGuid } = value;
  return defined({
    mac: mac === undefined ? undefined : { vf, mac },
    vlan: vlan === undefined && qos === undefined ? undefined : { vf, vlan: vlan ?? 0, qos: qos ?? 0 },
    txRate: txRate === undefined ? undefined : { vf, rate: txRate },
    spoofchk: spoofchk === undefined ? undefined : { vf, setting: spoofchk },
    linkState: linkState === undefined ? undefined : { vf, linkState },
    rate: rate && { vf, ...rate },
    queryRss: queryRss === undefined ? undefined : { vf, setting: queryRss },
    trust: trust === undefined ? undefined : { vf, setting: trust },
    nodeGuid: nodeGuid === undefined ? undefined : { vf, guid: nodeGuid },
    portGuid: portGuid === undefined ? undefined : { vf, guid: portGuid },
    vlanList: vlanList && { info: vlanList.map((info) => ({ vf, ...info })) },
  });
}

const vfInfo: Codec<VirtualFunction> = {
  decode: (view, start, end) => fromWire(table.decode(view, start, end)),
  encode(writer, value) {
    if (typeof value !== 'object' || value === null || !Number.isInteger(value.vf))
      throw new ValueError(value, 'an object with the number of the function, such as { vf: 0 }');
    table.encode(writer, toWire(value));
  },
};

const list = attributeTable('IFLA_VF_INFO', {
  functions: { ...repeated(1, 'IFLA_VF_INFO', vfInfo), table, nested: true },
});

const vfInfoListCodec: Codec<VirtualFunction[]> = {
  decode: (view: WireView, start: number, end: number) => list.decode(view, start, end).functions ?? [],
  encode: (writer: WireWriter, functions) => list.encode(writer, { functions }),
};

/** IFLA_VFINFO_LIST as an attribute. */
export const vfInfoList = { ...nestedBy(22, 'IFLA_VFINFO_LIST', vfInfoListCodec), table: list };
