/** The steps of a rule, each a name and attributes of its own: enum nft_expr_attributes and its kin in nf_tables.h. */
import {
  type AttributeSpec,
  type AttributeTable,
  attribute,
  attributeTable,
  type NamingTable,
  nest,
  type TableValue,
  walkAttributes,
  writeAttribute,
} from '../netlink/wire/attributes.ts';
import {
  be32,
  be64,
  type Codec,
  enumeration,
  flagSet,
  hex,
  string,
  ValueError,
} from '../netlink/wire/codec.ts';
import { WireError, type WireView } from '../netlink/wire/view.ts';
import { signedBe32 } from './signed.ts';

/** NFT_REG_VERDICT is 0; 1 to 4 have 16 bytes each, 8 to 23 (NFT_REG32_*) are the same memory in pieces of 4. */
const register = be32;

/** NF_* and NFT_*: what becomes of the packet. */
const VERDICTS: Readonly<Record<number, string>> = {
  0: 'drop',
  1: 'accept',
  '-1': 'continue',
  '-2': 'break',
  '-3': 'jump',
  '-4': 'goto',
  '-5': 'return',
};

/** A value as it lies in a register, in hex; or a verdict. */
const data = attributeTable('NFTA_DATA', {
  value: attribute(1, 'NFTA_DATA_VALUE', hex),
  verdict: nest(
    2,
    'NFTA_DATA_VERDICT',
    attributeTable('NFTA_VERDICT', {
      code: attribute(1, 'NFTA_VERDICT_CODE', enumeration(signedBe32, VERDICTS)),
      chain: attribute(2, 'NFTA_VERDICT_CHAIN', string),
    }),
  ),
});

const META_KEYS = {
  0: 'length',
  1: 'protocol',
  2: 'priority',
  3: 'mark',
  4: 'iif',
  5: 'oif',
  6: 'iifname',
  7: 'oifname',
  8: 'iiftype',
  9: 'oiftype',
  10: 'skuid',
  11: 'skgid',
  12: 'nftrace',
  15: 'nfproto',
  16: 'l4proto',
  19: 'pkttype',
} as const;

const CT_KEYS = { 0: 'state', 1: 'direction', 2: 'status', 3: 'mark' } as const;

/** By name: what the kernel calls it, and what goes with it. */
const TABLES = {
  /** Something about the packet into a register. */
  meta: attributeTable('NFTA_META', {
    dreg: attribute(1, 'NFTA_META_DREG', register),
    key: attribute(2, 'NFTA_META_KEY', enumeration(be32, META_KEYS)),
    sreg: attribute(3, 'NFTA_META_SREG', register),
  }),
  /** Bytes of the packet into a register. */
  payload: attributeTable('NFTA_PAYLOAD', {
    dreg: attribute(1, 'NFTA_PAYLOAD_DREG', register),
    base: attribute(
      2,
      'NFTA_PAYLOAD_BASE',
      enumeration(be32, { 0: 'link', 1: 'network', 2: 'transport', 3: 'inner' }),
    ),
    offset: attribute(3, 'NFTA_PAYLOAD_OFFSET', be32),
    length: attribute(4, 'NFTA_PAYLOAD_LEN', be32),
  }),
  /** Ends the rule unless a register compares so with a value. */
  cmp: attributeTable('NFTA_CMP', {
    sreg: attribute(1, 'NFTA_CMP_SREG', register),
    op: attribute(
      2,
      'NFTA_CMP_OP',
      enumeration(be32, { 0: 'eq', 1: 'neq', 2: 'lt', 3: 'lte', 4: 'gt', 5: 'gte' }),
    ),
    data: nest(3, 'NFTA_CMP_DATA', data),
  }),
  /** dreg = (sreg & mask) ^ xor */
  bitwise: attributeTable('NFTA_BITWISE', {
    sreg: attribute(1, 'NFTA_BITWISE_SREG', register),
    dreg: attribute(2, 'NFTA_BITWISE_DREG', register),
    length: attribute(3, 'NFTA_BITWISE_LEN', be32),
    mask: nest(4, 'NFTA_BITWISE_MASK', data),
    xor: nest(5, 'NFTA_BITWISE_XOR', data),
    op: attribute(6, 'NFTA_BITWISE_OP', enumeration(be32, { 0: 'bool', 1: 'lshift', 2: 'rshift' })),
    data: nest(7, 'NFTA_BITWISE_DATA', data),
  }),
  /** A value into a register; into register 0 the verdict. */
  immediate: attributeTable('NFTA_IMMEDIATE', {
    dreg: attribute(1, 'NFTA_IMMEDIATE_DREG', register),
    data: nest(2, 'NFTA_IMMEDIATE_DATA', data),
  }),
  /** Something about the connection into a register. */
  ct: attributeTable('NFTA_CT', {
    dreg: attribute(1, 'NFTA_CT_DREG', register),
    key: attribute(2, 'NFTA_CT_KEY', enumeration(be32, CT_KEYS)),
    sreg: attribute(4, 'NFTA_CT_SREG', register),
  }),
  /** What the routing tables say of an address into a register. */
  fib: attributeTable('NFTA_FIB', {
    dreg: attribute(1, 'NFTA_FIB_DREG', register),
    result: attribute(2, 'NFTA_FIB_RESULT', enumeration(be32, { 1: 'oif', 2: 'oifname', 3: 'addrtype' })),
    flags: attribute(
      3,
      'NFTA_FIB_FLAGS',
      flagSet(be32, { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, present: 32 }),
    ),
  }),
  /** Another address and port, out of registers. */
  nat: attributeTable('NFTA_NAT', {
    type: attribute(1, 'NFTA_NAT_TYPE', enumeration(be32, { 0: 'snat', 1: 'dnat' })),
    family: attribute(2, 'NFTA_NAT_FAMILY', enumeration(be32, { 2: 'ip', 10: 'ip6' })),
    addressMin: attribute(3, 'NFTA_NAT_REG_ADDR_MIN', register),
    addressMax: attribute(4, 'NFTA_NAT_REG_ADDR_MAX', register),
    portMin: attribute(5, 'NFTA_NAT_REG_PROTO_MIN', register),
    portMax: attribute(6, 'NFTA_NAT_REG_PROTO_MAX', register),
    flags: attribute(7, 'NFTA_NAT_FLAGS', be32),
  }),
  /** The address of the link that the packet leaves by. */
  masq: attributeTable('NFTA_MASQ', {
    flags: attribute(1, 'NFTA_MASQ_FLAGS', be32),
    portMin: attribute(2, 'NFTA_MASQ_REG_PROTO_MIN', register),
    portMax: attribute(3, 'NFTA_MASQ_REG_PROTO_MAX', register),
  }),
  counter: attributeTable('NFTA_COUNTER', {
    bytes: attribute(1, 'NFTA_COUNTER_BYTES', be64),
    packets: attribute(2, 'NFTA_COUNTER_PACKETS', be64),
  }),
} as const;

type Tables = typeof TABLES;
type Name = keyof Tables;
const NAMES = Object.keys(TABLES) as readonly Name[];

/** Of an expression that is not known here: its name, and its attributes in hex. */
interface UnknownExpression {
  name?: string;
  data?: string;
}

/** Exactly one of the fields that are the names of expressions, as in `{ meta: { key: 'l4proto', dreg: 1 } }`. */
export type NftExpression = { [N in Name]?: TableValue<Tables[N]> } & UnknownExpression;

const NAME = 1;
const DATA = 2;

/** For naming attributes: the data is that of the expression which the name says. */
function namingFor(name: string): NamingTable {
  const specs = {
    name: attribute(NAME, 'NFTA_EXPR_NAME', string),
    data: attribute(DATA, 'NFTA_EXPR_DATA', hex),
  };
  const table: NamingTable | undefined = (TABLES as Readonly<Record<string, NamingTable>>)[name];
  return attributeTable('NFTA_EXPR', { ...specs, data: { ...specs.data, ...(table && { table }) } });
}
const naming: NamingTable = {
  ...namingFor(''),
  narrow: (view, start, end) => namingFor(readExpression(view, start, end).name),
};

function readExpression(view: WireView, start: number, end: number) {
  let name = '';
  let range: readonly [number, number] = [end, end];
  walkAttributes(view, start, end, (type, from, to) => {
    if (type === NAME) name = string.decode(view, from, to);
    else if (type === DATA) range = [from, to];
  });
  return { name, range };
}

const expression: Codec<NftExpression> = {
  decode(view, start, end) {
    const { name, range } = readExpression(view, start, end);
    if (name === '') throw new WireError('an expression has no name');
    if (!Object.hasOwn(TABLES, name)) return { name, data: hex.decode(view, ...range) };
    return { [name]: TABLES[name as Name].decode(view, ...range) };
  },
  encode(writer, value) {
    const given = NAMES.filter((name) => value?.[name] !== undefined);
    const [name = value?.name] = given;
    if (given.length > 1 || typeof name !== 'string')
      throw new ValueError(value, `an object with one of ${NAMES.join(', ')}, or with name and data`);
    writeAttribute(writer, NAME, false, () => string.encode(writer, name));
    writeAttribute(writer, DATA, true, () => {
      if (given.length === 0) return hex.encode(writer, value.data ?? '');
      const table = TABLES[name as Name] as unknown as AttributeTable<Record<never, never>>;
      try {
        table.encode(writer, value[name as Name] as object);
      } catch (error) {
        if (error instanceof ValueError) error.path.unshift(name);
        throw error;
      }
    });
  },
};

/** NFTA_LIST_ELEM: each of a list in an attribute of the same number. */
const ELEMENT = 1;

/** For naming attributes: the codec below reads and writes them without it. */
const list: NamingTable = attributeTable('NFTA_LIST', {
  element: { ...attribute(ELEMENT, 'NFTA_LIST_ELEM', expression), table: naming },
});

/** The steps of a rule, in their order. */
export function expressionList(type: number, name: string): AttributeSpec<NftExpression[]> {
  const codec: Codec<NftExpression[]> = {
    decode(view, start, end) {
      const steps: NftExpression[] = [];
      walkAttributes(
        view,
        start,
        end,
        (_type, from, to) => void steps.push(expression.decode(view, from, to)),
      );
      return steps;
    },
    encode(writer, steps) {
      if (!Array.isArray(steps)) throw new ValueError(steps, 'a list of expressions');
      for (const [index, step] of (steps as readonly NftExpression[]).entries()) {
        try {
          writeAttribute(writer, ELEMENT, true, () => expression.encode(writer, step));
        } catch (error) {
          if (error instanceof ValueError) error.path.unshift(String(index));
          throw error;
        }
      }
    },
  };
  return { type, name, codec, table: list, nested: true };
}
