/** What is to change, as the messages of one batch: the kernel carries out all of them, or none. */
import { InvalidArgumentError } from '../handle/errors.ts';
import type { NetlinkRequest } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { ValueError } from '../netlink/wire/codec.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { BATCH_BEGIN, BATCH_END, messageType, nfgenmsg, SUBSYSTEM } from './header.ts';
import {
  chainKind,
  type NftChain,
  type NftRule,
  type NftTable,
  type ObjectKind,
  ruleKind,
  tableKind,
} from './objects.ts';

/** One of these, as in `{ table: { family: 'inet', name: 'mine' } }`. */
export interface NftObject {
  readonly table?: NftTable;
  readonly chain?: NftChain;
  readonly rule?: NftRule;
}

/** What names one of these; a rule is named by its handle. What was listed names itself. */
export interface NftTarget {
  readonly table?: Pick<NftTable, 'family' | 'name'>;
  readonly chain?: Pick<NftChain, 'family' | 'table' | 'name'>;
  readonly rule?: Pick<NftRule, 'family' | 'table' | 'chain' | 'handle'>;
}

/** `add` makes it, and is refused (EEXIST) where there is one; `del` takes it away, and all that is in it. */
export type NftChange = { readonly add: NftObject } | { readonly del: NftTarget };

const KINDS = { table: tableKind, chain: chainKind, rule: ruleKind } as const;
type Noun = keyof typeof KINDS;

/** The batch as one request, whose last message but one is acknowledged: so all that went before has been judged. */
export function encodeBatch(changes: readonly NftChange[]): NetlinkRequest {
  if (!Array.isArray(changes))
    throw new InvalidArgumentError('changes', changes, 'is no list', 'a list as [{ add: { table } }]');
  const messages = changes.map((change, index) => encodeChange(change, `changes[${index}]`));
  const last = messages.length - 1;
  const payload = encodePayload((writer) => nfgenmsg.encode(writer, { resource: SUBSYSTEM }));
  return {
    type: BATCH_BEGIN,
    name: 'NFNL_MSG_BATCH_BEGIN',
    payload,
    parts: [
      ...messages.map((one, index) =>
        index === last ? { ...one, flags: (one.flags ?? 0) | NLM_F.ack } : one,
      ),
      { type: BATCH_END, name: 'NFNL_MSG_BATCH_END', payload },
    ],
  };
}

function encodeChange(change: NftChange, path: string): NetlinkRequest {
  const verb = change !== null && typeof change === 'object' && 'add' in change ? 'add' : 'del';
  const objects = (change as Readonly<Record<string, unknown>> | null)?.[verb] as NftObject | undefined;
  const [[noun, object] = []] = Object.entries(objects ?? {});
  if (noun === undefined || !Object.hasOwn(KINDS, noun) || typeof object !== 'object' || object === null)
    throw new InvalidArgumentError(
      path,
      change,
      'is no change',
      '{ add: ... } or { del: ... }, with one of table, chain, rule',
    );
  const kind = KINDS[noun as Noun] as unknown as ObjectKind<NftTable>;
  const where = `${path}.${verb}.${noun}`;
  for (const field of Object.keys(object))
    if (!(kind.fields as readonly string[]).includes(field))
      throw new InvalidArgumentError(
        `${where}.${field}`,
        object[field],
        `is no field of a ${noun}`,
        kind.fields.join(', '),
      );
  const making = verb === 'add';
  const attributes = making ? kind.making(object) : kind.naming(object);
  return {
    type: messageType(making ? kind.new : kind.new + 2),
    flags: making ? kind.flags.reduce((flags, flag) => flags | NLM_F[flag], 0) : 0,
    names: {
      name: `NFT_MSG_${making ? 'NEW' : 'DEL'}${kind.word}`,
      headerSize: nfgenmsg.size,
      attributes: kind.attributes,
    },
    payload: encodePayload((writer) => {
      try {
        nfgenmsg.encode(writer, { family: object.family });
        kind.attributes.encode(writer, attributes);
      } catch (error) {
        if (error instanceof ValueError) error.path.unshift(where);
        throw error;
      }
    }),
  };
}
