/** RTM_NEWNEXTHOPBUCKET, RTM_GETNEXTHOPBUCKET: uapi/linux/nexthop.h, man 8 ip-nexthop. */

import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  type RawAttribute,
} from '../netlink/wire/attributes.ts';
import { flagNames, u16, u32 } from '../netlink/wire/codec.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import { longTime, nhmsg } from './nexthop-message.ts';
import { NEXTHOP_FLAGS, refuseUnknownFields } from './route-words.ts';

/** A bucket of a resilient group: which nexthop the flows that fall into it take. */
export interface NexthopBucket {
  /** Of the group. */
  id: number;
  index: number;
  /** For how long nothing fell into it: seconds, to a hundredth. */
  idleTime: number;
  /** Of the nexthop. */
  nhid: number;
  /** `offload`, `trap`. */
  flags?: string[];
  raw?: RawAttribute[];
}

/** Which buckets to list: all conditions hold; the kernel filters. */
export interface NexthopBucketFilter {
  /** Of this group. */
  id?: number;
  /** Those that lead to this nexthop. */
  nhid?: number;
  /** To nexthops on this link, or on links under it. */
  dev?: LinkReference;
  master?: LinkReference;
}
const FILTERS: ReadonlySet<string> = new Set<keyof NexthopBucketFilter>(['id', 'nhid', 'dev', 'master']);

const bucketAttributes = attributeTable('NHA', {
  id: attribute(1, 'NHA_ID', u32),
  oif: attribute(5, 'NHA_OIF', u32),
  master: attribute(10, 'NHA_MASTER', u32),
  bucket: nest(
    13,
    'NHA_RES_BUCKET',
    attributeTable('NHA_RES_BUCKET', {
      index: attribute(1, 'NHA_RES_BUCKET_INDEX', u16),
      idleTime: attribute(2, 'NHA_RES_BUCKET_IDLE_TIME', longTime),
      nhid: attribute(3, 'NHA_RES_BUCKET_NH_ID', u32),
    }),
  ),
});

const NEW_BUCKET = 116;
const GET_BUCKET = 118;
const NAME = 'RTM_GETNEXTHOPBUCKET';
const ENOENT = 2;

export function decodeNexthopBucket(payload: Uint8Array): NexthopBucket {
  const view = new WireView(payload);
  const { flags } = nhmsg.decodeAt(view, 0);
  const { id, bucket = {}, raw } = bucketAttributes.decode(view, nhmsg.size, view.length);
  const { index, idleTime, nhid, raw: more } = bucket;
  const unknown = [...(raw ?? []), ...(more ?? [])];
  return {
    id: id ?? 0,
    index: index ?? 0,
    idleTime: idleTime ?? 0,
    nhid: nhid ?? 0,
    ...(flags === 0 ? {} : { flags: flagNames(flags, NEXTHOP_FLAGS) }),
    ...(unknown.length === 0 ? {} : { raw: unknown }),
  };
}

export async function listBuckets(
  port: RequestPort,
  names: LinkNames,
  filter: NexthopBucketFilter,
  options: RequestOptions,
): Promise<NexthopBucket[]> {
  refuseUnknownFields(filter, FILTERS, { oif: 'the link as dev', group: 'it as id' }, '', 'filter');
  const { id, nhid, dev, master } = filter;
  const oif = dev === undefined ? undefined : await names.index(dev, 'dev', options);
  const under = master === undefined ? undefined : await names.index(master, 'master', options);
  const payload = encodePayload((writer) => {
    nhmsg.encode(writer, {});
    bucketAttributes.encode(writer, {
      ...defined({ id, oif, master: under }),
      ...(nhid === undefined ? {} : { bucket: { nhid } }),
    });
  });
  const messages = await port.dumpAll({ type: GET_BUCKET, payload, name: NAME }, options);
  return messages
    .filter(({ type }) => type === NEW_BUCKET)
    .map((message) => decodeNexthopBucket(message.payload))
    .filter((one) => (id === undefined || one.id === id) && (nhid === undefined || one.nhid === nhid));
}

export async function getBucket(
  port: RequestPort,
  { id, index }: { id: number; index: number },
  options: RequestOptions,
): Promise<NexthopBucket> {
  if (!Number.isInteger(id) || id < 1 || id > 0xffffffff)
    throw new InvalidArgumentError('id', id, 'is no id', 'that of a resilient group');
  const payload = encodePayload((writer) => {
    nhmsg.encode(writer, {});
    bucketAttributes.encode(writer, { id, bucket: { index } });
  });
  const messages = await port.request({ type: GET_BUCKET, payload, name: NAME, idempotent: true }, options);
  const found = messages.find(({ type }) => type === NEW_BUCKET);
  if (found === undefined) throw systemError(ENOENT, NAME, { id, index });
  return decodeNexthopBucket(found.payload);
}
