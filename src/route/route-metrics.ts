/** RTA_METRICS: what a route asks of the connections over it. uapi/linux/rtnetlink.h RTAX_*, man 8 ip-route. */

import { attribute, attributeTable, type RawAttribute } from '../netlink/wire/attributes.ts';
import { flagSet, text, u32 } from '../netlink/wire/codec.ts';
import { scaled } from './route-words.ts';

/** RTAX_* by number: the bits of `lock`, and the order of `ip`'s output. */
export const METRIC_NUMBERS = {
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  features: 12,
  rtoMin: 13,
  initrwnd: 14,
  quickack: 15,
  congctl: 16,
  fastopenNoCookie: 17,
} as const;
export type MetricName = keyof typeof METRIC_NUMBERS;

const LOCKS = Object.fromEntries(
  Object.entries(METRIC_NUMBERS).map(([name, number]) => [name, 2 ** number]),
) as Readonly<Record<MetricName, number>>;

/** RTAX_FEATURE_*. */
export const METRIC_FEATURES = { ecn: 1, sack: 2, timestamp: 4, allfrag: 8, tcpUsecTs: 16 } as const;

export interface RouteMetrics {
  /** Metrics that the kernel must not adjust by what it learns. */
  lock?: (MetricName | (string & {}))[];
  /** Bytes. */
  mtu?: number;
  /** Bytes. */
  window?: number;
  /** Milliseconds, to an eighth. */
  rtt?: number;
  /** Milliseconds, to a quarter. */
  rttvar?: number;
  ssthresh?: number;
  cwnd?: number;
  /** Bytes. */
  advmss?: number;
  reordering?: number;
  hoplimit?: number;
  initcwnd?: number;
  features?: (keyof typeof METRIC_FEATURES | (string & {}))[];
  /** Milliseconds. */
  rtoMin?: number;
  initrwnd?: number;
  /** 0 or 1. */
  quickack?: number;
  /** Name of a congestion control algorithm, as `cubic`. */
  congctl?: string;
  /** 0 or 1. */
  fastopenNoCookie?: number;
  raw?: RawAttribute[];
}

/** TCP_CA_NAME_MAX is 16 with the NUL. */
const CONGCTL_MAX = 15;

export const routeMetrics = attributeTable('RTAX', {
  lock: attribute(1, 'RTAX_LOCK', flagSet(u32, LOCKS)),
  mtu: attribute(METRIC_NUMBERS.mtu, 'RTAX_MTU', u32),
  window: attribute(METRIC_NUMBERS.window, 'RTAX_WINDOW', u32),
  rtt: attribute(METRIC_NUMBERS.rtt, 'RTAX_RTT', scaled(u32, 8, 'milliseconds')),
  rttvar: attribute(METRIC_NUMBERS.rttvar, 'RTAX_RTTVAR', scaled(u32, 4, 'milliseconds')),
  ssthresh: attribute(METRIC_NUMBERS.ssthresh, 'RTAX_SSTHRESH', u32),
  cwnd: attribute(METRIC_NUMBERS.cwnd, 'RTAX_CWND', u32),
  advmss: attribute(METRIC_NUMBERS.advmss, 'RTAX_ADVMSS', u32),
  reordering: attribute(METRIC_NUMBERS.reordering, 'RTAX_REORDERING', u32),
  hoplimit: attribute(METRIC_NUMBERS.hoplimit, 'RTAX_HOPLIMIT', u32),
  initcwnd: attribute(METRIC_NUMBERS.initcwnd, 'RTAX_INITCWND', u32),
  features: attribute(METRIC_NUMBERS.features, 'RTAX_FEATURES', flagSet(u32, METRIC_FEATURES)),
  rtoMin: attribute(METRIC_NUMBERS.rtoMin, 'RTAX_RTO_MIN', u32),
  initrwnd: attribute(METRIC_NUMBERS.initrwnd, 'RTAX_INITRWND', u32),
  quickack: attribute(METRIC_NUMBERS.quickack, 'RTAX_QUICKACK', u32),
  congctl: attribute(METRIC_NUMBERS.congctl, 'RTAX_CC_ALGO', text(CONGCTL_MAX)),
  fastopenNoCookie: attribute(METRIC_NUMBERS.fastopenNoCookie, 'RTAX_FASTOPEN_NO_COOKIE', u32),
});
