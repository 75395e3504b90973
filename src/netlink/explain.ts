/**
 * What the bytes of netlink messages mean, field by field and attribute by attribute: for captures, of which any byte
 * may be wrong. Nothing here throws; what cannot be is said where it stands.
 */
import { getSystemErrorMap } from 'node:util';
import { EXT_ACK } from './explain-ext-ack.ts';
import type { NamingTable } from './wire/attributes.ts';
import { MESSAGE_HEADER, NLM_F, NLMSG } from './wire/message.ts';
import { align, toHex, WireError, WireView } from './wire/view.ts';

/** One field of a fixed header. */
export interface ExplainedField {
  name: string;
  /** In bytes, from the start of what was explained; so are all offsets. */
  offset: number;
  length: number;
  value: number;
  /** What the number is called. */
  word?: string;
}

/** One attribute. */
export interface ExplainedAttribute {
  offset: number;
  /** As it says of itself: header and value, without padding. */
  length: number;
  type: number;
  /** The kernel's name: `IFLA_IFNAME`. Undefined where no table has the number. */
  name?: string;
  /** NLA_F_NESTED, NLA_F_NET_BYTEORDER. */
  flags: string[];
  /** The value's bytes. */
  hex: string;
  /** The value, as objects of this package have it. Undefined for nests, and for what cannot be read. */
  value?: unknown;
  attributes?: ExplainedAttribute[];
  /** What is wrong with it. */
  problem?: string;
}

/** One message. */
export interface ExplainedMessage {
  offset: number;
  /** nlmsg_len. */
  length: number;
  type: number;
  /** `RTM_NEWLINK`; undefined for a type that nobody here knows. */
  name?: string;
  /** NLM_F_*, without the NLM_F_. */
  flags: string[];
  seq: number;
  portId: number;
  /** The fixed header of the family: `ifinfomsg`. */
  header?: { name: string; offset: number; length: number; fields: ExplainedField[] };
  attributes: ExplainedAttribute[];
  /** Of NLMSG_ERROR and NLMSG_DONE: 0 is a good end. */
  error?: { offset: number; errno: number; code?: string; message?: string };
  /** Of NLMSG_ERROR: the message that it answers, whole or only its header. */
  request?: ExplainedMessage;
  /** What is wrong with the message as a whole. */
  problems: string[];
}

export type HeaderField = readonly [
  name: string,
  kind: 'u8' | 'u16' | 'u32' | 's32' | 'be16' | 'be32' | 'pad',
  words?: Readonly<Record<number, string>>,
];

/** How messages of one type are made. */
export interface MessageLayout {
  readonly name: string;
  readonly headerName: string;
  readonly header: readonly HeaderField[];
  readonly attributes?: NamingTable | undefined;
}

/** The layout of a message type, by its number and its payload. */
export type Layouts = (type: number, payload: Uint8Array) => MessageLayout | undefined;

const SIZES = { u8: 1, u16: 2, u32: 4, s32: 4, be16: 2, be32: 4, pad: 1 } as const;
const ATTRIBUTE_HEADER = 4;
/** The kernel's own tables are never that deep. */
const DEEPEST = 16;

const CONTROL_NAMES: Readonly<Record<number, string>> = {
  [NLMSG.noop]: 'NLMSG_NOOP',
  [NLMSG.error]: 'NLMSG_ERROR',
  [NLMSG.done]: 'NLMSG_DONE',
  [NLMSG.overrun]: 'NLMSG_OVERRUN',
};

/** All messages of a capture, one behind the other. What follows a length that cannot be is told in the last problem. */
export function explain(bytes: Uint8Array, layouts: Layouts): ExplainedMessage[] {
  const messages: ExplainedMessage[] = [];
  const view = new WireView(bytes);
  for (let at = 0; at < bytes.length; ) {
    const message = explainOne(view, at, bytes.length, layouts);
    messages.push(message);
    // No length beyond the end is added up: it may be 32 bits of anything.
    if (message.length < MESSAGE_HEADER || message.length > bytes.length - at) break;
    at += align(message.length);
  }
  return messages;
}

function explainOne(view: WireView, at: number, end: number, layouts: Layouts): ExplainedMessage {
  const left = end - at;
  if (left < MESSAGE_HEADER) {
    const problems = [`${left} bytes are too few for a message: ${hex(view, at, end)}`];
    return { offset: at, length: 0, type: 0, flags: [], seq: 0, portId: 0, attributes: [], problems };
  }
  const length = view.u32(at);
  const type = view.u16(at + 4);
  const flags = view.u16(at + 6);
  const message: ExplainedMessage = {
    offset: at,
    length,
    type,
    flags: [],
    seq: view.u32(at + 8),
    portId: view.u32(at + 12),
    attributes: [],
    problems: [],
  };
  if (length < MESSAGE_HEADER)
    message.problems.push(`a message of ${length} bytes cannot be, ${left} are left`);
  else if (length > left) message.problems.push(`${length - left} of ${length} bytes are missing`);
  const start = at + MESSAGE_HEADER;
  const stop = Math.min(end, Math.max(at + length, start));
  const layout = type < NLMSG.minType ? undefined : layouts(type, view.bytes.subarray(start, stop));
  const name = layout?.name ?? CONTROL_NAMES[type];
  if (name !== undefined) message.name = name;
  message.flags = flagWords(flags, type, name ?? '');
  if (type === NLMSG.error || type === NLMSG.done) explainEnd(message, view, flags, start, stop, layouts);
  else if (layout !== undefined) explainBody(message, view, start, stop, layout);
  else if (stop > start)
    message.attributes = explainAttributes(view, start, stop, undefined, 0, message.problems);
  return message;
}

function explainBody(
  message: ExplainedMessage,
  view: WireView,
  start: number,
  end: number,
  { headerName, header, attributes }: MessageLayout,
): void {
  const fields: ExplainedField[] = [];
  let at = start;
  for (const [name, kind, words] of header) {
    const length = SIZES[kind];
    if (at + length > end) {
      message.problems.push(`${headerName} is cut short: ${name} is missing`);
      break;
    }
    if (kind !== 'pad') {
      const value = view[kind](at);
      const word = words?.[value];
      fields.push({ name, offset: at, length, value, ...(word !== undefined && { word }) });
    }
    at += length;
  }
  message.header = { name: headerName, offset: start, length: at - start, fields };
  const body = Math.min(start + align(at - start), end);
  if (attributes !== undefined || body < end)
    message.attributes = explainAttributes(view, body, end, attributes, 0, message.problems);
}

/** NLMSG_ERROR: errno, the request or its header, an extended acknowledgement. NLMSG_DONE: errno, the latter. */
function explainEnd(
  message: ExplainedMessage,
  view: WireView,
  flags: number,
  start: number,
  end: number,
  layouts: Layouts,
): void {
  if (end - start < 4) {
    if (message.type === NLMSG.error) message.problems.push('the errno is missing');
    return;
  }
  const errno = view.s32(start);
  const [code, text] = getSystemErrorMap().get(errno) ?? [];
  message.error = {
    offset: start,
    errno,
    ...(code !== undefined && { code }),
    ...(text !== undefined && { message: text }),
  };
  let at = start + 4;
  if (message.type === NLMSG.error && end - at >= MESSAGE_HEADER) {
    const capped = (flags & NLM_F.capped) !== 0;
    const request = explainOne(view, at, capped ? at + MESSAGE_HEADER : end, layouts);
    // Of a capped request only the header is here, whatever its length says.
    if (capped) Object.assign(request, { attributes: [], problems: [] });
    if (capped) delete request.header;
    message.request = request;
    const length = Math.min(Math.max(request.length, MESSAGE_HEADER), end - at);
    at += capped ? MESSAGE_HEADER : align(length);
  }
  if (at < end && (flags & NLM_F.ackTlvs) !== 0)
    message.attributes = explainAttributes(view, at, end, EXT_ACK, 0, message.problems);
  else if (at < end) message.problems.push(`${end - at} bytes follow: ${hex(view, at, end)}`);
}

/** The attributes in [start, end). Problems that belong to none of them go into `problems`. */
function explainAttributes(
  view: WireView,
  start: number,
  end: number,
  table: NamingTable | undefined,
  depth: number,
  problems: string[],
): ExplainedAttribute[] {
  const narrowed = narrow(table, view, start, end);
  const attributes: ExplainedAttribute[] = [];
  for (let at = start; at < end; ) {
    const left = end - at;
    if (left < ATTRIBUTE_HEADER) {
      problems.push(`${left} bytes at ${at} are too few for an attribute: ${hex(view, at, end)}`);
      break;
    }
    const length = view.u16(at);
    if (length < ATTRIBUTE_HEADER || length > left) {
      const what = `attribute ${view.u16(at + 2) & 0x3fff} at ${at} claims ${length} of ${left} bytes`;
      problems.push(`${what}: ${hex(view, at, end)}`);
      break;
    }
    attributes.push(explainAttribute(view, at, length, narrowed, depth));
    const next = at + align(length);
    for (let byte = at + length; byte < Math.min(next, end); byte++) {
      if (view.u8(byte) === 0) continue;
      problems.push(`padding at ${byte} is not zero: ${hex(view, byte, Math.min(next, end))}`);
      break;
    }
    at = next;
  }
  return attributes;
}

function explainAttribute(
  view: WireView,
  at: number,
  length: number,
  table: NamingTable | undefined,
  depth: number,
): ExplainedAttribute {
  const kind = view.u16(at + 2);
  const type = kind & 0x3fff;
  const [start, end] = [at + ATTRIBUTE_HEADER, at + length];
  const field = table?.byType.get(type);
  const spec = field === undefined ? undefined : table?.specs[field];
  const out: ExplainedAttribute = {
    offset: at,
    length,
    type,
    ...(spec !== undefined && { name: spec.name }),
    flags: [
      ...((kind & 0x8000) !== 0 ? ['NESTED'] : []),
      ...((kind & 0x4000) !== 0 ? ['NET_BYTEORDER'] : []),
    ],
    hex: hex(view, start, end),
  };
  const known = spec?.table !== undefined;
  // What says that it is a nest is one, unless it does not look like one and a table knows better.
  if (depth < DEEPEST && (known || (spec === undefined && (kind & 0x8000) !== 0))) {
    const problems: string[] = [];
    out.attributes = explainAttributes(view, start, end, spec?.table, depth + 1, problems);
    if (problems.length > 0) out.problem = problems.join('; ');
    return out;
  }
  if (spec === undefined) return out;
  const value = tolerant(() => spec.codec.decode(view, start, end));
  if (value instanceof Error) out.problem = value.message;
  else out.value = value;
  return out;
}

/** Where one attribute says what the others are (IFLA_INFO_KIND), the table for just these. */
function narrow(
  table: NamingTable | undefined,
  view: WireView,
  start: number,
  end: number,
): NamingTable | undefined {
  if (table?.narrow === undefined) return table;
  const narrowed = tolerant(() => table.narrow?.(view, start, end));
  return narrowed === undefined || narrowed instanceof Error ? table : narrowed;
}

function tolerant<T>(body: () => T): T | Error {
  try {
    return body();
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError) return error;
    throw error;
  }
}

function hex(view: WireView, start: number, end: number): string {
  return toHex(view.bytes.subarray(start, end));
}

const COMMON_FLAGS = { REQUEST: 0x1, MULTI: 0x2, ACK: 0x4, ECHO: 0x8, DUMP_INTR: 0x10, DUMP_FILTERED: 0x20 };
const GET_FLAGS = { DUMP: 0x300, ROOT: 0x100, MATCH: 0x200, ATOMIC: 0x400 };
const NEW_FLAGS = { REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400, APPEND: 0x800 };
const DELETE_FLAGS = { NONREC: 0x100, BULK: 0x200 };
const END_FLAGS = { CAPPED: 0x100, ACK_TLVS: 0x200 };

/** The upper bits mean something else in each verb. */
function flagWords(flags: number, type: number, name: string): string[] {
  const verb =
    type === NLMSG.error || type === NLMSG.done
      ? END_FLAGS
      : /_(NEW|SET)/.test(name)
        ? NEW_FLAGS
        : /_DEL/.test(name)
          ? DELETE_FLAGS
          : GET_FLAGS;
  const words: string[] = [];
  let rest = flags;
  for (const [word, bits] of Object.entries({ ...COMMON_FLAGS, ...verb })) {
    if ((rest & bits) !== bits) continue;
    words.push(word);
    rest &= ~bits;
  }
  if (rest !== 0) words.push(`0x${rest.toString(16)}`);
  return words;
}
