import { InvalidArgumentError } from '../handle/errors.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import type { LinkReference } from './names.ts';
import { KIND_FIELDS, type QdiscData } from './qdiscs/index.ts';
import { refuseUnknownFields } from './route-words.ts';
import {
  classId,
  formatClassId,
  formatQdiscHandle,
  INGRESS,
  PARENT_WORDS,
  qdiscHandle,
} from './tc-handle.ts';
import { tcAttributes, tcmsg } from './tc-message.ts';
import { checkKind, decodeTc, encodeTc, type TcObject } from './tc-object.ts';

/** A queueing discipline. man 8 tc; for each kind man 8 tc-KIND. Units: see tc-units.ts. */
export interface Qdisc extends TcObject, QdiscData {
  /** `1:`; `0:` for one that the kernel made by itself. */
  handle: string;
  /** `root`, the class that it serves (`1:10`), or `ffff:fff1` for what a link receives. */
  parent?: string;
  /** How many refer to it. */
  refcnt?: number;
  /** Hardware does it. */
  offloaded?: true;
  /** Numbers of blocks of filters that it shares with others. */
  ingressBlock?: number;
  egressBlock?: number;
}

/** What the verbs take: a {@link Qdisc} as it was listed, or less. What only the kernel tells is passed over. */
export interface QdiscInput extends Partial<Omit<Qdisc, 'dev' | 'kind'>> {
  /** The link, by name or index; or `ifindex`. */
  dev?: LinkReference;
  kind?: string;
}

const FIELDS: ReadonlySet<string> = new Set<keyof Qdisc>([
  ...(['ifindex', 'dev', 'kind', 'handle', 'parent', 'refcnt', 'offloaded', 'ingressBlock'] as const),
  ...(['egressBlock', 'estimator', 'stab', 'options', 'stats', 'raw'] as const),
  ...(KIND_FIELDS as readonly (keyof QdiscData)[]),
]);
const HINTS = {
  type: '"kind"',
  root: 'parent: "root"',
  ingress: 'parent: "ingress"',
  classid: '"parent"',
  rate: '"rate" among the settings of the kind, or "estimator"',
  link: '"dev"',
} as const;

export function decodeQdisc(payload: Uint8Array): Qdisc {
  const { header, wire, common, settings, stats } = decodeTc(payload, 'qdisc');
  const { hwOffload, ingressBlock, egressBlock } = wire;
  const { kind, ...rest } = common;
  return {
    ifindex: header.ifindex,
    kind,
    handle: formatQdiscHandle(header.handle),
    ...(header.parent === 0 ? {} : { parent: formatClassId(header.parent) }),
    refcnt: header.info,
    ...(hwOffload ? { offloaded: true as const } : {}),
    ...defined({ ingressBlock, egressBlock }),
    ...settings,
    ...defined({ ...rest, stats }),
  };
}

export function checkQdisc(input: QdiscInput): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'qdisc');
  checkKind(input, KIND_FIELDS, 'discipline');
}

/** Kinds that have one place only. */
function placeOf({ kind, handle, parent }: QdiscInput): { handle: number; parent: number } {
  const ofLink = kind === 'ingress' || kind === 'clsact';
  const where = parent ?? (ofLink ? 'ingress' : undefined);
  return {
    handle:
      handle === undefined ? (ofLink ? INGRESS - (INGRESS % 0x10000) : 0) : qdiscHandle('handle', handle),
    parent: where === undefined ? 0 : classId('parent', where, PARENT_WORDS),
  };
}

/** The payload of RTM_NEWQDISC. */
export function encodeQdisc(input: QdiscInput & { ifindex: number }): Uint8Array {
  const { kind, ifindex, estimator, stab, ingressBlock, egressBlock, raw } = input;
  const place = placeOf(input);
  if (place.parent === 0 && place.handle === 0)
    throw new InvalidArgumentError(
      'parent',
      undefined,
      'is missing',
      '"root", "ingress" or a class such as "1:10"',
    );
  const attributes = defined({ estimator, stab, ingressBlock, egressBlock, raw });
  if (kind === undefined) {
    // What is there changes its place, or its blocks: the kernel knows the kind.
    return encodePayload((writer) => {
      tcmsg.encode(writer, { ifindex, ...place });
      tcAttributes.encode(writer, attributes);
    });
  }
  return encodeTc('qdisc', { ifindex, ...place }, attributes, kind, input);
}

/** The payload of RTM_DELQDISC and RTM_GETQDISC: which one is meant, and of what kind it has to be. */
export function encodeQdiscReference(input: QdiscInput & { ifindex: number }): Uint8Array {
  const { ifindex, kind } = input;
  return encodePayload((writer) => {
    tcmsg.encode(writer, { ifindex, ...placeOf(input) });
    tcAttributes.encode(writer, defined({ kind }));
  });
}
