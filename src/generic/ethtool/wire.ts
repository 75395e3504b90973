/** Attributes of ethtool's family. uapi/linux/ethtool_netlink.h. */

import { attribute, attributeTable, nest, repeated } from '../../netlink/wire/attributes.ts';
import {
  bool8,
  type Codec,
  enumeration,
  flag,
  flagSet,
  hex,
  string,
  u8,
  u32,
  u64,
} from '../../netlink/wire/codec.ts';
import { defineFamily, type ValueOf } from '../message.ts';
import { repeatedNest } from '../nests.ts';

/** ETHTOOL_FLAG_*. */
const HEADER_FLAGS = { compactBitsets: 1, omitReply: 2, stats: 4 } as const;

/** What every request and every reply starts with: which link. */
const header = attributeTable('ETHTOOL_A_HEADER', {
  ifindex: attribute(1, 'ETHTOOL_A_HEADER_DEV_INDEX', u32),
  ifname: attribute(2, 'ETHTOOL_A_HEADER_DEV_NAME', string),
  flags: attribute(3, 'ETHTOOL_A_HEADER_FLAGS', flagSet(u32, HEADER_FLAGS)),
  /** Linux 6.12. */
  phyIndex: attribute(4, 'ETHTOOL_A_HEADER_PHY_INDEX', u32),
});

const bit = attributeTable('ETHTOOL_A_BITSET_BIT', {
  index: attribute(1, 'ETHTOOL_A_BITSET_BIT_INDEX', u32),
  name: attribute(2, 'ETHTOOL_A_BITSET_BIT_NAME', string),
  value: attribute(3, 'ETHTOOL_A_BITSET_BIT_VALUE', flag),
});

const bits = attributeTable('ETHTOOL_A_BITSET_BITS', {
  bits: repeatedNest(1, 'ETHTOOL_A_BITSET_BITS_BIT', bit),
});

/** Bits by name; compact ones, which nobody asks for here, by bytes. */
const bitset = attributeTable('ETHTOOL_A_BITSET', {
  noMask: attribute(1, 'ETHTOOL_A_BITSET_NOMASK', flag),
  size: attribute(2, 'ETHTOOL_A_BITSET_SIZE', u32),
  bits: nest(3, 'ETHTOOL_A_BITSET_BITS', bits),
  value: attribute(4, 'ETHTOOL_A_BITSET_VALUE', hex),
  mask: attribute(5, 'ETHTOOL_A_BITSET_MASK', hex),
});
export type Bitset = ValueOf<typeof bitset>;

const stringEntry = attributeTable('ETHTOOL_A_STRING', {
  index: attribute(1, 'ETHTOOL_A_STRING_INDEX', u32),
  value: attribute(2, 'ETHTOOL_A_STRING_VALUE', string),
});
const strings = attributeTable('ETHTOOL_A_STRINGS', {
  strings: repeatedNest(1, 'ETHTOOL_A_STRINGS_STRING', stringEntry),
});
const stringSet = attributeTable('ETHTOOL_A_STRINGSET', {
  id: attribute(1, 'ETHTOOL_A_STRINGSET_ID', u32),
  count: attribute(2, 'ETHTOOL_A_STRINGSET_COUNT', u32),
  strings: nest(3, 'ETHTOOL_A_STRINGSET_STRINGS', strings),
});
const stringSets = attributeTable('ETHTOOL_A_STRINGSETS', {
  sets: repeatedNest(1, 'ETHTOOL_A_STRINGSETS_STRINGSET', stringSet),
});
const strset = attributeTable('ETHTOOL_A_STRSET', {
  header: nest(1, 'ETHTOOL_A_STRSET_HEADER', header),
  sets: nest(2, 'ETHTOOL_A_STRSET_STRINGSETS', stringSets),
  countsOnly: attribute(3, 'ETHTOOL_A_STRSET_COUNTS_ONLY', flag),
});

/** PORT_*, uapi/linux/ethtool.h. */
const PORTS = {
  0: 'tp',
  1: 'aui',
  2: 'mii',
  3: 'fibre',
  4: 'bnc',
  5: 'da',
  239: 'none',
  255: 'other',
} as const;
/** ETH_TP_MDI_*. */
const MDIX = { 0: 'unknown', 1: 'mdi', 2: 'mdix', 3: 'auto' } as const;
const TRANSCEIVERS = { 0: 'internal', 1: 'external' } as const;
const DUPLEX = { 0: 'half', 1: 'full', 255: 'unknown' } as const;

const linkInfo = attributeTable('ETHTOOL_A_LINKINFO', {
  header: nest(1, 'ETHTOOL_A_LINKINFO_HEADER', header),
  port: attribute(2, 'ETHTOOL_A_LINKINFO_PORT', enumeration(u8, PORTS)),
  phyAddress: attribute(3, 'ETHTOOL_A_LINKINFO_PHYADDR', u8),
  mdix: attribute(4, 'ETHTOOL_A_LINKINFO_TP_MDIX', enumeration(u8, MDIX)),
  mdixControl: attribute(5, 'ETHTOOL_A_LINKINFO_TP_MDIX_CTRL', enumeration(u8, MDIX)),
  transceiver: attribute(6, 'ETHTOOL_A_LINKINFO_TRANSCEIVER', enumeration(u8, TRANSCEIVERS)),
});

const linkModes = attributeTable('ETHTOOL_A_LINKMODES', {
  header: nest(1, 'ETHTOOL_A_LINKMODES_HEADER', header),
  autoneg: attribute(2, 'ETHTOOL_A_LINKMODES_AUTONEG', bool8),
  ours: nest(3, 'ETHTOOL_A_LINKMODES_OURS', bitset),
  peer: nest(4, 'ETHTOOL_A_LINKMODES_PEER', bitset),
  speed: attribute(5, 'ETHTOOL_A_LINKMODES_SPEED', u32),
  duplex: attribute(6, 'ETHTOOL_A_LINKMODES_DUPLEX', enumeration(u8, DUPLEX)),
  masterSlaveConfig: attribute(7, 'ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG', u8),
  masterSlaveState: attribute(8, 'ETHTOOL_A_LINKMODES_MASTER_SLAVE_STATE', u8),
  lanes: attribute(9, 'ETHTOOL_A_LINKMODES_LANES', u32),
  rateMatching: attribute(10, 'ETHTOOL_A_LINKMODES_RATE_MATCHING', u8),
});

const linkState = attributeTable('ETHTOOL_A_LINKSTATE', {
  header: nest(1, 'ETHTOOL_A_LINKSTATE_HEADER', header),
  link: attribute(2, 'ETHTOOL_A_LINKSTATE_LINK', bool8),
  sqi: attribute(3, 'ETHTOOL_A_LINKSTATE_SQI', u32),
  sqiMax: attribute(4, 'ETHTOOL_A_LINKSTATE_SQI_MAX', u32),
  extState: attribute(5, 'ETHTOOL_A_LINKSTATE_EXT_STATE', u8),
  extSubstate: attribute(6, 'ETHTOOL_A_LINKSTATE_EXT_SUBSTATE', u8),
  /** Linux 6.3. */
  extDownCount: attribute(7, 'ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT', u32),
});

const features = attributeTable('ETHTOOL_A_FEATURES', {
  header: nest(1, 'ETHTOOL_A_FEATURES_HEADER', header),
  hw: nest(2, 'ETHTOOL_A_FEATURES_HW', bitset),
  wanted: nest(3, 'ETHTOOL_A_FEATURES_WANTED', bitset),
  active: nest(4, 'ETHTOOL_A_FEATURES_ACTIVE', bitset),
  noChange: nest(5, 'ETHTOOL_A_FEATURES_NOCHANGE', bitset),
});

const rings = attributeTable('ETHTOOL_A_RINGS', {
  header: nest(1, 'ETHTOOL_A_RINGS_HEADER', header),
  rxMax: attribute(2, 'ETHTOOL_A_RINGS_RX_MAX', u32),
  rxMiniMax: attribute(3, 'ETHTOOL_A_RINGS_RX_MINI_MAX', u32),
  rxJumboMax: attribute(4, 'ETHTOOL_A_RINGS_RX_JUMBO_MAX', u32),
  txMax: attribute(5, 'ETHTOOL_A_RINGS_TX_MAX', u32),
  rx: attribute(6, 'ETHTOOL_A_RINGS_RX', u32),
  rxMini: attribute(7, 'ETHTOOL_A_RINGS_RX_MINI', u32),
  rxJumbo: attribute(8, 'ETHTOOL_A_RINGS_RX_JUMBO', u32),
  tx: attribute(9, 'ETHTOOL_A_RINGS_TX', u32),
  rxBufferLength: attribute(10, 'ETHTOOL_A_RINGS_RX_BUF_LEN', u32),
  tcpDataSplit: attribute(
    11,
    'ETHTOOL_A_RINGS_TCP_DATA_SPLIT',
    enumeration(u8, { 0: 'unknown', 1: 'disabled', 2: 'enabled' }),
  ),
  cqeSize: attribute(12, 'ETHTOOL_A_RINGS_CQE_SIZE', u32),
  txPush: attribute(13, 'ETHTOOL_A_RINGS_TX_PUSH', bool8),
  /** Linux 6.3. */
  rxPush: attribute(14, 'ETHTOOL_A_RINGS_RX_PUSH', bool8),
  txPushBufferLength: attribute(15, 'ETHTOOL_A_RINGS_TX_PUSH_BUF_LEN', u32),
  txPushBufferLengthMax: attribute(16, 'ETHTOOL_A_RINGS_TX_PUSH_BUF_LEN_MAX', u32),
  /** Linux 6.14. */
  hdsThreshold: attribute(17, 'ETHTOOL_A_RINGS_HDS_THRESH', u32),
  hdsThresholdMax: attribute(18, 'ETHTOOL_A_RINGS_HDS_THRESH_MAX', u32),
});

const channels = attributeTable('ETHTOOL_A_CHANNELS', {
  header: nest(1, 'ETHTOOL_A_CHANNELS_HEADER', header),
  rxMax: attribute(2, 'ETHTOOL_A_CHANNELS_RX_MAX', u32),
  txMax: attribute(3, 'ETHTOOL_A_CHANNELS_TX_MAX', u32),
  otherMax: attribute(4, 'ETHTOOL_A_CHANNELS_OTHER_MAX', u32),
  combinedMax: attribute(5, 'ETHTOOL_A_CHANNELS_COMBINED_MAX', u32),
  rx: attribute(6, 'ETHTOOL_A_CHANNELS_RX_COUNT', u32),
  tx: attribute(7, 'ETHTOOL_A_CHANNELS_TX_COUNT', u32),
  other: attribute(8, 'ETHTOOL_A_CHANNELS_OTHER_COUNT', u32),
  combined: attribute(9, 'ETHTOOL_A_CHANNELS_COMBINED_COUNT', u32),
});

const pauseStats = attributeTable('ETHTOOL_A_PAUSE_STAT', {
  txFrames: attribute(2, 'ETHTOOL_A_PAUSE_STAT_TX_FRAMES', u64),
  rxFrames: attribute(3, 'ETHTOOL_A_PAUSE_STAT_RX_FRAMES', u64),
});

const pause = attributeTable('ETHTOOL_A_PAUSE', {
  header: nest(1, 'ETHTOOL_A_PAUSE_HEADER', header),
  autoneg: attribute(2, 'ETHTOOL_A_PAUSE_AUTONEG', bool8),
  rx: attribute(3, 'ETHTOOL_A_PAUSE_RX', bool8),
  tx: attribute(4, 'ETHTOOL_A_PAUSE_TX', bool8),
  stats: nest(5, 'ETHTOOL_A_PAUSE_STATS', pauseStats),
  /** Linux 6.4: `emac`, `pmac` or both together, as a number. */
  statsSource: attribute(6, 'ETHTOOL_A_PAUSE_STATS_SRC', u32),
});

const moderation = attributeTable('ETHTOOL_A_IRQ_MODERATION', {
  usecs: attribute(1, 'ETHTOOL_A_IRQ_MODERATION_USEC', u32),
  packets: attribute(2, 'ETHTOOL_A_IRQ_MODERATION_PKTS', u32),
  completions: attribute(3, 'ETHTOOL_A_IRQ_MODERATION_COMPS', u32),
});
const profile = attributeTable('ETHTOOL_A_PROFILE', {
  moderations: repeatedNest(1, 'ETHTOOL_A_PROFILE_IRQ_MODERATION', moderation),
});

const coalesce = attributeTable('ETHTOOL_A_COALESCE', {
  header: nest(1, 'ETHTOOL_A_COALESCE_HEADER', header),
  rxUsecs: attribute(2, 'ETHTOOL_A_COALESCE_RX_USECS', u32),
  rxMaxFrames: attribute(3, 'ETHTOOL_A_COALESCE_RX_MAX_FRAMES', u32),
  rxUsecsIrq: attribute(4, 'ETHTOOL_A_COALESCE_RX_USECS_IRQ', u32),
  rxMaxFramesIrq: attribute(5, 'ETHTOOL_A_COALESCE_RX_MAX_FRAMES_IRQ', u32),
  txUsecs: attribute(6, 'ETHTOOL_A_COALESCE_TX_USECS', u32),
  txMaxFrames: attribute(7, 'ETHTOOL_A_COALESCE_TX_MAX_FRAMES', u32),
  txUsecsIrq: attribute(8, 'ETHTOOL_A_COALESCE_TX_USECS_IRQ', u32),
  txMaxFramesIrq: attribute(9, 'ETHTOOL_A_COALESCE_TX_MAX_FRAMES_IRQ', u32),
  statsBlockUsecs: attribute(10, 'ETHTOOL_A_COALESCE_STATS_BLOCK_USECS', u32),
  adaptiveRx: attribute(11, 'ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX', bool8),
  adaptiveTx: attribute(12, 'ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX', bool8),
  packetRateLow: attribute(13, 'ETHTOOL_A_COALESCE_PKT_RATE_LOW', u32),
  rxUsecsLow: attribute(14, 'ETHTOOL_A_COALESCE_RX_USECS_LOW', u32),
  rxMaxFramesLow: attribute(15, 'ETHTOOL_A_COALESCE_RX_MAX_FRAMES_LOW', u32),
  txUsecsLow: attribute(16, 'ETHTOOL_A_COALESCE_TX_USECS_LOW', u32),
  txMaxFramesLow: attribute(17, 'ETHTOOL_A_COALESCE_TX_MAX_FRAMES_LOW', u32),
  packetRateHigh: attribute(18, 'ETHTOOL_A_COALESCE_PKT_RATE_HIGH', u32),
  rxUsecsHigh: attribute(19, 'ETHTOOL_A_COALESCE_RX_USECS_HIGH', u32),
  rxMaxFramesHigh: attribute(20, 'ETHTOOL_A_COALESCE_RX_MAX_FRAMES_HIGH', u32),
  txUsecsHigh: attribute(21, 'ETHTOOL_A_COALESCE_TX_USECS_HIGH', u32),
  txMaxFramesHigh: attribute(22, 'ETHTOOL_A_COALESCE_TX_MAX_FRAMES_HIGH', u32),
  rateSampleInterval: attribute(23, 'ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL', u32),
  cqeModeTx: attribute(24, 'ETHTOOL_A_COALESCE_USE_CQE_MODE_TX', bool8),
  cqeModeRx: attribute(25, 'ETHTOOL_A_COALESCE_USE_CQE_MODE_RX', bool8),
  /** Linux 6.3. */
  txAggregationMaxBytes: attribute(26, 'ETHTOOL_A_COALESCE_TX_AGGR_MAX_BYTES', u32),
  txAggregationMaxFrames: attribute(27, 'ETHTOOL_A_COALESCE_TX_AGGR_MAX_FRAMES', u32),
  txAggregationUsecs: attribute(28, 'ETHTOOL_A_COALESCE_TX_AGGR_TIME_USECS', u32),
  /** Linux 6.11. */
  rxProfile: nest(29, 'ETHTOOL_A_COALESCE_RX_PROFILE', profile),
  txProfile: nest(30, 'ETHTOOL_A_COALESCE_TX_PROFILE', profile),
});

/** One counter: the attribute's number is its place in the string set of its group. */
const counters: Codec<{ index: number; value: bigint }[]> = {
  decode(view, start, end) {
    const out: { index: number; value: bigint }[] = [];
    for (let at = start; at + 12 <= end; at += (view.u16(at) + 3) & ~3) {
      if (view.u16(at) < 12) break;
      out.push({ index: view.u16(at + 2) & 0x3fff, value: view.u64(at + 4) });
    }
    return out;
  },
  encode() {
    throw new TypeError('counters are only read');
  },
};

const histogramBucket = attributeTable('ETHTOOL_A_STATS_GRP', {
  low: attribute(7, 'ETHTOOL_A_STATS_GRP_HIST_BKT_LOW', u32),
  high: attribute(8, 'ETHTOOL_A_STATS_GRP_HIST_BKT_HI', u32),
  value: attribute(9, 'ETHTOOL_A_STATS_GRP_HIST_VAL', u64),
});

const statsGroup = attributeTable('ETHTOOL_A_STATS_GRP', {
  id: attribute(2, 'ETHTOOL_A_STATS_GRP_ID', u32),
  stringSet: attribute(3, 'ETHTOOL_A_STATS_GRP_SS_ID', u32),
  stats: repeated(4, 'ETHTOOL_A_STATS_GRP_STAT', counters),
  histogramRx: repeatedNest(5, 'ETHTOOL_A_STATS_GRP_HIST_RX', histogramBucket),
  histogramTx: repeatedNest(6, 'ETHTOOL_A_STATS_GRP_HIST_TX', histogramBucket),
});

const stats = attributeTable('ETHTOOL_A_STATS', {
  header: nest(2, 'ETHTOOL_A_STATS_HEADER', header),
  groups: nest(3, 'ETHTOOL_A_STATS_GROUPS', bitset),
  group: repeatedNest(4, 'ETHTOOL_A_STATS_GRP', statsGroup),
  /** Linux 6.4. */
  source: attribute(5, 'ETHTOOL_A_STATS_SRC', u32),
});

const get = <const T extends object>(id: number, name: string, table: T) => ({
  id,
  name: `ETHTOOL_MSG_${name}`,
  request: table,
  reply: table,
});

export const ethtoolFamily = defineFamily({
  name: 'ethtool',
  version: 1,
  commands: {
    strset: get(1, 'STRSET_GET', strset),
    linkInfo: get(2, 'LINKINFO_GET', linkInfo),
    setLinkInfo: get(3, 'LINKINFO_SET', linkInfo),
    linkModes: get(4, 'LINKMODES_GET', linkModes),
    setLinkModes: get(5, 'LINKMODES_SET', linkModes),
    linkState: get(6, 'LINKSTATE_GET', linkState),
    features: get(11, 'FEATURES_GET', features),
    setFeatures: get(12, 'FEATURES_SET', features),
    rings: get(15, 'RINGS_GET', rings),
    setRings: get(16, 'RINGS_SET', rings),
    channels: get(17, 'CHANNELS_GET', channels),
    setChannels: get(18, 'CHANNELS_SET', channels),
    coalesce: get(19, 'COALESCE_GET', coalesce),
    setCoalesce: get(20, 'COALESCE_SET', coalesce),
    pause: get(21, 'PAUSE_GET', pause),
    setPause: get(22, 'PAUSE_SET', pause),
    stats: get(32, 'STATS_GET', stats),
  },
});
