/** Tables, chains and rules, as they are told and as they are made. */
import {
  type AttributeTable,
  attribute,
  attributeTable,
  nest,
  type RawAttribute,
  type TableValue,
} from '../netlink/wire/attributes.ts';
import { be32, be64, type Codec, enumeration, flagSet, string } from '../netlink/wire/codec.ts';
import { WireView } from '../netlink/wire/view.ts';
import { expressionList, type NftExpression } from './expressions.ts';
import { type NftFamily, nfgenmsg } from './header.ts';
import { signedBe32 } from './signed.ts';
import { type UserData, userData } from './userdata.ts';

/** Whose rules these are: a table lives in one family. */
export interface NftTable {
  family: NftFamily;
  name: string;
  /**
   * `owner` (Linux 5.12): it belongs to the socket that makes it. Nobody else can change it, and it ends with the socket,
   * however that ends. `dormant`: its chains are not asked.
   */
  flags?: ('dormant' | 'owner' | 'persist' | (string & {}))[];
  userdata?: UserData;
  /** Port id of the socket that owns it. */
  owner?: number;
  handle?: bigint;
  /** How many chains, sets and other things it holds. */
  use?: number;
  raw?: RawAttribute[];
}

/** Where packets meet a chain, in the families that have these places. */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
export type NftHook = (typeof HOOKS)[number];

/** Rules in an order. One with a hook is asked by itself, others are jumped to. */
export interface NftChain {
  family: NftFamily;
  table: string;
  name: string;
  type?: 'filter' | 'nat' | 'route' | (string & {});
  /** A number in the families `arp` and `netdev`. */
  hook?: NftHook | number;
  /** The lower, the earlier. -100 is where destinations change, 100 where sources do. */
  priority?: number;
  /** What becomes of packets that no rule decides on. */
  policy?: 'accept' | 'drop' | (string & {});
  flags?: ('base' | 'hw-offload' | 'binding' | (string & {}))[];
  userdata?: UserData;
  handle?: bigint;
  use?: number;
  raw?: RawAttribute[];
}

export interface NftRule {
  family: NftFamily;
  table: string;
  chain: string;
  expressions: NftExpression[];
  userdata?: UserData;
  /** Names the rule within its chain: the kernel gives it. */
  handle?: bigint;
  /** Handle of the rule before it. */
  position?: bigint;
  raw?: RawAttribute[];
}

const tableAttributes = attributeTable('NFTA_TABLE', {
  name: attribute(1, 'NFTA_TABLE_NAME', string),
  flags: attribute(2, 'NFTA_TABLE_FLAGS', flagSet(be32, { dormant: 1, owner: 2, persist: 4 })),
  use: attribute(3, 'NFTA_TABLE_USE', be32),
  handle: attribute(4, 'NFTA_TABLE_HANDLE', be64),
  userdata: attribute(6, 'NFTA_TABLE_USERDATA', userData),
  owner: attribute(7, 'NFTA_TABLE_OWNER', be32),
});

const chainAttributes = attributeTable('NFTA_CHAIN', {
  table: attribute(1, 'NFTA_CHAIN_TABLE', string),
  handle: attribute(2, 'NFTA_CHAIN_HANDLE', be64),
  name: attribute(3, 'NFTA_CHAIN_NAME', string),
  at: nest(
    4,
    'NFTA_CHAIN_HOOK',
    attributeTable('NFTA_HOOK', {
      hook: attribute(1, 'NFTA_HOOK_HOOKNUM', be32),
      priority: attribute(2, 'NFTA_HOOK_PRIORITY', signedBe32),
    }),
  ),
  policy: attribute(5, 'NFTA_CHAIN_POLICY', enumeration(be32, { 0: 'drop', 1: 'accept' })),
  use: attribute(6, 'NFTA_CHAIN_USE', be32),
  type: attribute(7, 'NFTA_CHAIN_TYPE', string),
  flags: attribute(10, 'NFTA_CHAIN_FLAGS', flagSet(be32, { base: 1, 'hw-offload': 2, binding: 4 })),
  userdata: attribute(12, 'NFTA_CHAIN_USERDATA', userData),
});

const ruleAttributes = attributeTable('NFTA_RULE', {
  table: attribute(1, 'NFTA_RULE_TABLE', string),
  chain: attribute(2, 'NFTA_RULE_CHAIN', string),
  handle: attribute(3, 'NFTA_RULE_HANDLE', be64),
  expressions: expressionList(4, 'NFTA_RULE_EXPRESSIONS'),
  position: attribute(6, 'NFTA_RULE_POSITION', be64),
  userdata: attribute(7, 'NFTA_RULE_USERDATA', userData),
});

/** A table by what it writes alone. */
type AnyTable = AttributeTable<Record<never, never>>;

/** One kind of objects: its message types, its attributes, and how it becomes an object and back. */
export interface ObjectKind<T extends { family: NftFamily }> {
  /** As the kernel's names have it: NFT_MSG_NEWTABLE. */
  readonly word: string;
  /** NFT_MSG_*, from which get and del follow by one and two. */
  readonly new: number;
  readonly attributes: AnyTable;
  /** Every field that an object may have. */
  readonly fields: readonly (keyof T & string)[];
  /** NLM_F_* with which it is made. */
  readonly flags: readonly ('create' | 'excl' | 'append')[];
  decode(payload: Uint8Array): T;
  /** The attributes to make it, without what the kernel only tells. */
  making(object: T): object;
  /** The attributes that say which one it is. */
  naming(object: Partial<T>): object;
}

interface KindOptions<T extends { family: NftFamily }, W>
  extends Omit<ObjectKind<T>, 'attributes' | 'decode'> {
  read(family: NftFamily, wire: W): T;
}

function kind<T extends { family: NftFamily }, W extends object>(
  table: Pick<Codec<W>, 'decode'>,
  options: KindOptions<T, W>,
): ObjectKind<T> {
  return {
    ...options,
    attributes: table as unknown as AnyTable,
    decode(payload) {
      const view = new WireView(payload);
      const { family } = nfgenmsg.decodeAt(view, 0);
      return options.read(family as NftFamily, table.decode(view, nfgenmsg.size, view.length));
    },
  };
}

export const tableKind = kind<NftTable, TableValue<typeof tableAttributes>>(tableAttributes, {
  word: 'TABLE',
  new: 0,
  fields: ['family', 'name', 'flags', 'userdata', 'owner', 'handle', 'use', 'raw'],
  flags: ['create', 'excl'],
  read: (family, { name = '', ...rest }) => ({ family, name, ...rest }),
  making: ({ name, flags, userdata }) => ({ name, flags, userdata }),
  naming: ({ name }) => ({ name }),
});

export const chainKind = kind<NftChain, TableValue<typeof chainAttributes>>(chainAttributes, {
  word: 'CHAIN',
  new: 3,
  fields: [
    ...(['family', 'table', 'name', 'type', 'hook', 'priority', 'policy', 'flags'] as const),
    ...(['userdata', 'handle', 'use', 'raw'] as const),
  ],
  flags: ['create', 'excl'],
  read(family, { table = '', name = '', at, ...rest }) {
    const { hook: number, priority } = at ?? {};
    const named = family !== 'arp' && family !== 'netdev' && number !== undefined;
    const hook = (named ? HOOKS[number] : undefined) ?? number;
    return {
      family,
      table,
      name,
      ...(hook !== undefined && { hook }),
      ...(priority !== undefined && { priority }),
      ...rest,
    };
  },
  making({ table, name, type, hook, priority, policy, flags, userdata }) {
    const number = typeof hook === 'string' ? HOOKS.indexOf(hook) : hook;
    const at = number === undefined ? undefined : { hook: number, priority: priority ?? 0 };
    return { table, name, type, at, policy, flags, userdata };
  },
  naming: ({ table, name }) => ({ table, name }),
});

export const ruleKind = kind<NftRule, TableValue<typeof ruleAttributes>>(ruleAttributes, {
  word: 'RULE',
  new: 6,
  fields: ['family', 'table', 'chain', 'expressions', 'userdata', 'handle', 'position', 'raw'],
  flags: ['create', 'append'],
  read: (family, { table = '', chain = '', expressions = [], ...rest }) => ({
    family,
    table,
    chain,
    expressions,
    ...rest,
  }),
  making: ({ table, chain, expressions, userdata }) => ({ table, chain, expressions, userdata }),
  naming: ({ table, chain, handle }) => ({ table, chain, handle }),
});
