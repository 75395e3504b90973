import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import type { LinkReference } from './names.ts';
import { type ClassData, KIND_FIELDS } from './qdiscs/index.ts';
import { refuseUnknownFields } from './route-words.ts';
import { classId, formatClassId, formatQdiscHandle } from './tc-handle.ts';
import { tcAttributes, tcmsg } from './tc-message.ts';
import { checkKind, decodeTc, encodeTc, type TcObject } from './tc-object.ts';

/** A class of a queueing discipline. man 8 tc. */
export interface TcClass extends TcObject, ClassData {
  /** `1:10`. */
  classid: string;
  /** `root` under the discipline itself, or another class: `1:1`. */
  parent?: string;
  /** The handle of the discipline that serves a leaf; absent where the kernel made one by itself. */
  leaf?: string;
}

/** What the verbs take: a {@link TcClass} as it was listed, or less. What only the kernel tells is passed over. */
export interface TcClassInput extends Partial<Omit<TcClass, 'dev' | 'kind'>> {
  /** The link, by name or index; or `ifindex`. */
  dev?: LinkReference;
  kind?: string;
}

const FIELDS: ReadonlySet<string> = new Set<keyof TcClass>([
  ...(['ifindex', 'dev', 'kind', 'classid', 'parent', 'leaf', 'estimator', 'stab'] as const),
  ...(['options', 'stats', 'raw'] as const),
  ...(KIND_FIELDS as readonly (keyof ClassData)[]),
]);
const HINTS = { type: '"kind"', handle: '"classid"', link: '"dev"' } as const;

export function decodeClass(payload: Uint8Array): TcClass {
  const { header, common, settings, stats } = decodeTc(payload, 'class');
  const { kind, ...rest } = common;
  return {
    ifindex: header.ifindex,
    kind,
    classid: formatClassId(header.handle),
    ...(header.parent === 0 ? {} : { parent: formatClassId(header.parent) }),
    ...(header.info === 0 ? {} : { leaf: formatQdiscHandle(header.info) }),
    ...settings,
    ...defined({ ...rest, stats }),
  };
}

export function checkClass(input: TcClassInput): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'class');
  checkKind(input, KIND_FIELDS, 'class');
}

function header({ ifindex, classid, parent }: TcClassInput & { ifindex: number }) {
  return {
    ifindex,
    handle: classid === undefined ? 0 : classId('classid', classid),
    parent: parent === undefined ? 0 : classId('parent', parent),
  };
}

/** The payload of RTM_NEWTCLASS. */
export function encodeClass(input: TcClassInput & { ifindex: number; kind: string }): Uint8Array {
  const { kind, estimator, raw } = input;
  return encodeTc('class', header(input), defined({ estimator, raw }), kind, input);
}

/** The payload of RTM_DELTCLASS: which one is meant. */
export function encodeClassReference(input: TcClassInput & { ifindex: number }): Uint8Array {
  const { kind } = input;
  return encodePayload((writer) => {
    tcmsg.encode(writer, header(input));
    tcAttributes.encode(writer, defined({ kind }));
  });
}
