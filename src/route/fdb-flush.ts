import { InvalidArgumentError } from '../handle/errors.ts';
import { AF } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import { NEIGHBOUR_FLAGS, NEIGHBOUR_STATES, ndmsg, neighbourAttributes } from './neighbour-message.ts';
import { refuseUnknownFields } from './route-words.ts';

/** A state, or `no` and a state: all entries that are not in it. */
export type FdbFlushState = `${'' | 'no'}${'permanent' | 'static' | 'dynamic'}`;
/** A flag, or `no` and a flag: all entries without it. `added_by_user` is what was written, not learned. */
export type FdbFlushFlag =
  `${'' | 'no'}${'added_by_user' | 'extern_learn' | 'sticky' | 'offloaded' | 'router'}`;

/** Which entries to flush: those that meet all conditions. Bridges since Linux 6.1, VXLAN since 6.8. */
export interface FdbFlush {
  /** The bridge or VXLAN whose table it is, or with `table: 'master'` a port; by name or index. */
  dev?: string;
  ifindex?: number;
  /** `self`: the link's own table, `master`: that of its bridge. Default `self`. */
  table?: 'self' | 'master';
  /** Entries behind this port, by name or index. */
  brport?: string | number;
  vlan?: number;
  state?: FdbFlushState;
  flags?: FdbFlushFlag[];
  /** Of VXLANs. */
  dst?: string;
  port?: number;
  vni?: number;
  srcVni?: number;
  nhid?: number;
}

const FIELDS: ReadonlySet<string> = new Set<keyof FdbFlush>([
  'dev',
  'ifindex',
  'table',
  'brport',
  'vlan',
  'state',
  'flags',
  'dst',
  'port',
  'vni',
  'srcVni',
  'nhid',
]);

const { PERMANENT, NOARP } = NEIGHBOUR_STATES;

/** State and the bits of it that count, as bridges and VXLANs keep them. */
const STATES: Readonly<Record<FdbFlushState, { state: number; mask: number }>> = {
  permanent: { state: PERMANENT, mask: PERMANENT },
  nopermanent: { state: 0, mask: PERMANENT },
  static: { state: NOARP, mask: NOARP | PERMANENT },
  nostatic: { state: 0, mask: NOARP },
  dynamic: { state: 0, mask: NOARP | PERMANENT },
  nodynamic: { state: NOARP, mask: NOARP },
};

/** NTF_USE stands for "added by the user" here. */
const FLAGS: Readonly<Record<string, number>> = {
  added_by_user: NEIGHBOUR_FLAGS.use,
  extern_learn: NEIGHBOUR_FLAGS.extern_learn,
  sticky: NEIGHBOUR_FLAGS.sticky,
  offloaded: NEIGHBOUR_FLAGS.offload,
  router: NEIGHBOUR_FLAGS.router,
};

export function checkFdbFlush(flush: FdbFlush): void {
  refuseUnknownFields(flush, FIELDS, { self: "table: 'self'", master: "table: 'master'" }, '', 'flush');
  const { state, flags = [], table } = flush;
  if (state !== undefined && !Object.hasOwn(STATES, state))
    throw new InvalidArgumentError('state', state, 'is no state', `one of ${Object.keys(STATES).join(', ')}`);
  if (table !== undefined && table !== 'self' && table !== 'master')
    throw new InvalidArgumentError('table', table, 'is no table', 'self or master');
  if (!Array.isArray(flags)) throw new InvalidArgumentError('flags', flags, 'is no list', 'a list of words');
  for (const word of flags as readonly string[]) bitOf(word);
}

function bitOf(word: string): { bit: number; on: boolean } {
  const on = Object.hasOwn(FLAGS, word);
  const bit = on ? FLAGS[word] : typeof word === 'string' && word.startsWith('no') ? FLAGS[word.slice(2)] : 0;
  if (!bit)
    throw new InvalidArgumentError(
      'flags',
      word,
      'is no word for this',
      `words among ${Object.keys(FLAGS).join(', ')}, or one of them with "no" before it`,
    );
  return { bit, on };
}

/** The payload of RTM_DELNEIGH with NLM_F_BULK. */
export function encodeFdbFlush(flush: FdbFlush, ifindex: number, brport: number | undefined): Uint8Array {
  const { vlan, dst, port, vni, srcVni, nhid, table = 'self' } = flush;
  const { state = 0, mask: stateMask } = flush.state === undefined ? {} : STATES[flush.state];
  let flags: number = NEIGHBOUR_FLAGS[table];
  let flagsMask = 0;
  for (const word of flush.flags ?? []) {
    const { bit, on } = bitOf(word);
    flagsMask |= bit;
    flags = on ? flags | bit : flags & ~bit;
  }
  return encodePayload((writer) => {
    ndmsg.encode(writer, { family: AF.bridge, ifindex, state, flags });
    neighbourAttributes.encode(writer, {
      ...defined({ dst, vlan, port, vni, srcVni, nhid, viaIfindex: brport, stateMask }),
      ...(flagsMask === 0 ? {} : { flagsMask }),
    });
  });
}
