/**
 * Extended acknowledgements (NETLINK_EXT_ACK): why the kernel refused, over which attribute. enum nlmsgerr_attrs
 * and enum netlink_policy_type_attr, uapi/linux/netlink.h.
 */
import { type NamingTable, walkAttributes } from './wire/attributes.ts';
import { WireError, WireView } from './wire/view.ts';

const NLMSGERR_ATTR = { msg: 1, offs: 2, cookie: 3, policy: 4, missType: 5, missNest: 6 } as const;
const NL_POLICY = {
  type: 1,
  minS: 2,
  maxS: 3,
  minU: 4,
  maxU: 5,
  minLength: 6,
  maxLength: 7,
  bitfield32Mask: 10,
  mask: 12,
} as const;
/** enum netlink_attribute_type */
const POLICY_TYPES = [
  'invalid',
  'flag',
  'u8',
  'u16',
  'u32',
  'u64',
  's8',
  's16',
  's32',
  's64',
  'binary',
  'string',
  'nul-string',
  'nested',
  'nested-array',
  'bitfield32',
  'sint',
  'uint',
] as const;

/** What the kernel would have accepted for the attribute it refused. */
export interface AttributePolicy {
  /** 'u32', 'nul-string', 'nested', ... */
  type?: string;
  min?: bigint;
  max?: bigint;
  /** Bytes. */
  minLength?: number;
  maxLength?: number;
  /** Bits that may be set. */
  mask?: bigint;
}

/** What an acknowledgement says besides its errno. */
export interface ExtAck {
  /** The kernel's own words. */
  readonly message?: string;
  /** Where in the request, in bytes from the start of its nlmsghdr, the offending attribute starts. */
  readonly offset?: number;
  /** The name of that attribute, or of the missing one: `IFLA_LINKINFO.IFLA_INFO_KIND`. */
  readonly attributePath?: string;
  /** Number of an attribute that should have been there. */
  readonly missingType?: number;
  /** Offset of the nest that lacks it; absent where the request itself does. */
  readonly missingNest?: number;
  readonly policy?: AttributePolicy;
  /** What some protocols hand back, in bytes. */
  readonly cookie?: Uint8Array;
}

/**
 * The attributes in [start, end) of an acknowledgement. Undefined where there is none that we know. What is cut
 * short ends the reading, and what was read before stays: an errno must not be lost for its decoration.
 */
export function decodeExtAck(view: WireView, start: number, end: number): ExtAck | undefined {
  const out: { -readonly [K in keyof ExtAck]: ExtAck[K] } = {};
  tolerate(() =>
    walkAttributes(view, start, end, (type, from, to) => {
      switch (type) {
        case NLMSGERR_ATTR.msg:
          out.message = text(view, from, to);
          break;
        case NLMSGERR_ATTR.offs:
          if (to - from >= 4) out.offset = view.u32(from);
          break;
        case NLMSGERR_ATTR.cookie:
          out.cookie = view.bytes.slice(from, to);
          break;
        case NLMSGERR_ATTR.policy:
          out.policy = decodePolicy(view, from, to);
          break;
        case NLMSGERR_ATTR.missType:
          if (to - from >= 4) out.missingType = view.u32(from);
          break;
        case NLMSGERR_ATTR.missNest:
          if (to - from >= 4) out.missingNest = view.u32(from);
          break;
      }
    }),
  );
  return Object.keys(out).length === 0 ? undefined : out;
}

/** enum netlink_policy_type_attr in [start, end). */
export function decodePolicy(view: WireView, start: number, end: number): AttributePolicy {
  const policy: AttributePolicy = {};
  tolerate(() =>
    walkAttributes(view, start, end, (type, from, to) => {
      const size = to - from;
      if (size < 4) return;
      const unsigned = size >= 8 ? view.u64(from) : BigInt(view.u32(from));
      const signed = size >= 8 ? view.s64(from) : BigInt(view.s32(from));
      if (type === NL_POLICY.type) policy.type = POLICY_TYPES[view.u32(from)] ?? String(view.u32(from));
      else if (type === NL_POLICY.minS) policy.min = signed;
      else if (type === NL_POLICY.maxS) policy.max = signed;
      else if (type === NL_POLICY.minU) policy.min = unsigned;
      else if (type === NL_POLICY.maxU) policy.max = unsigned;
      else if (type === NL_POLICY.minLength) policy.minLength = view.u32(from);
      else if (type === NL_POLICY.maxLength) policy.maxLength = view.u32(from);
      else if (type === NL_POLICY.mask || type === NL_POLICY.bitfield32Mask) policy.mask = unsigned;
    }),
  );
  return policy;
}

/** Runs a walk over bytes that may be anything. */
function tolerate(walk: () => void): void {
  try {
    walk();
  } catch (error) {
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
  }
}

function text(view: WireView, start: number, end: number): string {
  let stop = start;
  while (stop < end && view.u8(stop) !== 0) stop++;
  return new TextDecoder().decode(view.bytes.subarray(start, stop));
}

/** What one message type is called, and its attributes, so that errors can name them. */
export interface RequestNames {
  /** 'RTM_NEWLINK' */
  readonly name: string;
  /** Size of the family's header before the attributes (`sizeof(struct ifinfomsg)`). */
  readonly headerSize: number;
  readonly attributes?: NamingTable;
}

/**
 * The name of the attribute that an ext-ack is about, by walking the request that it answers.
 *
 * @param payload the request without its nlmsghdr
 * @param headerLength size of the nlmsghdr: ext-ack offsets count from its start
 */
export function resolveAttributePath(
  extAck: ExtAck,
  payload: Uint8Array,
  names: RequestNames,
  headerLength: number,
): string | undefined {
  const { attributes, headerSize } = names;
  if (attributes === undefined) return undefined;
  if (extAck.missingType !== undefined) {
    const nest =
      extAck.missingNest === undefined
        ? { path: [], table: attributes }
        : locate(attributes, payload, headerSize, extAck.missingNest - headerLength);
    if (nest === undefined) return undefined;
    return [...nest.path, attributeName(nest.table, extAck.missingType)].join('.');
  }
  if (extAck.offset === undefined) return undefined;
  return locate(attributes, payload, headerSize, extAck.offset - headerLength)?.path.join('.');
}

/** The innermost attribute that starts at or spans `offset`, and the table of what it nests. */
function locate(
  attributes: NamingTable,
  payload: Uint8Array,
  start: number,
  offset: number,
): { path: string[]; table: NamingTable | undefined } | undefined {
  const view = new WireView(payload);
  const path: string[] = [];
  let table: NamingTable | undefined = attributes;
  tolerate(() => {
    table = attributes.narrow?.(view, start, payload.length) ?? attributes;
  });
  let range: readonly [number, number] | undefined = [start, payload.length];
  while (range !== undefined) {
    let inside: readonly [number, number] | undefined;
    const [from, to]: readonly [number, number] = range;
    let next: NamingTable | undefined;
    let found = false;
    tolerate(() =>
      walkAttributes(view, from, to, (type, valueStart, valueEnd) => {
        if (found || offset < valueStart - 4 || offset >= valueEnd) return;
        found = true;
        path.push(attributeName(table, type));
        const nested = specOf(table, type)?.table;
        next = nested?.narrow?.(view, valueStart, valueEnd) ?? nested;
        // An offset at the header, which means the attribute as a whole, finds nothing in there.
        if (next !== undefined) inside = [valueStart, valueEnd];
      }),
    );
    if (!found) break;
    table = next;
    range = inside;
  }
  return path.length === 0 ? undefined : { path, table };
}

function specOf(table: NamingTable | undefined, type: number) {
  const field = table?.byType.get(type);
  return field === undefined ? undefined : table?.specs[field];
}

function attributeName(table: NamingTable | undefined, type: number): string {
  return specOf(table, type)?.name ?? String(type);
}
