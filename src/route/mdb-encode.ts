import { InvalidArgumentError } from '../handle/errors.ts';
import { AF, parseIp } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, nest, repeatedNest } from '../netlink/wire/attributes.ts';
import { ip, u8, u16, u32 } from '../netlink/wire/codec.ts';
import { defined } from './defined.ts';
import { fieldWord } from './field-word.ts';
import { brPortMsg, filterMode, type MdbEntry, mdbEntryStruct } from './mdb-message.ts';
import { ownPath } from './own-path.ts';
import { numberOf, ROUTE_PROTOCOLS, refuseUnknownFields, routeProtocol } from './route-words.ts';

/** What `add`, `replace` and `del` take: an {@link MdbEntry} as it was listed, or less. */
export interface MdbInput extends Partial<Omit<MdbEntry, 'grp'>> {
  grp: string;
}

/** Which entries to flush: those that meet all conditions. Since Linux 6.8. */
export interface MdbFlush {
  /** The bridge or VXLAN, by name or index. */
  dev?: string;
  ifindex?: number;
  port?: string | number;
  vid?: number;
  state?: 'permanent' | 'nopermanent';
  protocol?: MdbEntry['protocol'];
  dst?: string;
  dstPort?: number;
  vni?: number;
  srcVni?: number;
}

/** MDBE_ATTR_*. */
const setAttributes = attributeTable('MDBE_ATTR', {
  src: attribute(1, 'MDBE_ATTR_SOURCE', ip),
  sources: nest(
    2,
    'MDBE_ATTR_SRC_LIST',
    attributeTable('MDBE_SRC_LIST', {
      entries: repeatedNest(
        1,
        'MDBE_SRC_LIST_ENTRY',
        attributeTable('MDBE_SRCATTR', { address: attribute(1, 'MDBE_SRCATTR_ADDRESS', ip) }),
      ),
    }),
  ),
  filterMode: attribute(3, 'MDBE_ATTR_GROUP_MODE', filterMode()),
  protocol: attribute(4, 'MDBE_ATTR_RTPROT', routeProtocol),
  dst: attribute(5, 'MDBE_ATTR_DST', ip),
  dstPort: attribute(6, 'MDBE_ATTR_DST_PORT', u16),
  vni: attribute(7, 'MDBE_ATTR_VNI', u32),
  viaIndex: attribute(8, 'MDBE_ATTR_IFINDEX', u32),
  srcVni: attribute(9, 'MDBE_ATTR_SRC_VNI', u32),
  stateMask: attribute(10, 'MDBE_ATTR_STATE_MASK', u8),
});

/** What is asked of the kernel; what it tells is told otherwise, see mdb-message.ts. */
export const mdbRequestAttributes = attributeTable('MDBA_SET_ENTRY', {
  entry: attribute(1, 'MDBA_SET_ENTRY', mdbEntryStruct),
  attributes: nest(2, 'MDBA_SET_ENTRY_ATTRS', setAttributes),
});

const FIELDS: ReadonlySet<string> = new Set<keyof MdbEntry>([
  'ifindex',
  'dev',
  'portIndex',
  'port',
  'grp',
  'src',
  'vid',
  'state',
  'flags',
  'filterMode',
  'sources',
  'protocol',
  'timer',
  'dst',
  'dstPort',
  'vni',
  'srcVni',
  'viaIndex',
  'via',
  'raw',
]);
const HINTS = {
  group: 'it as grp',
  vlan: 'it as vid',
  source_list: 'it as sources',
  filter_mode: 'it as filterMode',
  proto: 'it as protocol',
  dst_port: 'it as dstPort',
  src_vni: 'it as srcVni',
  router: 'the setting as bridgePort.mcastRouter to rt.link.set()',
} as const;
const FLUSH_FIELDS: ReadonlySet<string> = new Set<keyof MdbFlush>([
  'dev',
  'ifindex',
  'port',
  'vid',
  'state',
  'protocol',
  'dst',
  'dstPort',
  'vni',
  'srcVni',
]);

export function checkMdbInput(input: MdbInput): void {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'mdb');
  const { grp, sources } = input;
  const mac = typeof grp === 'string' && /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(grp);
  if (!mac && parseIp(grp) === undefined)
    throw new InvalidArgumentError(
      'grp',
      grp,
      grp === undefined ? 'is missing' : 'is no group',
      'an IPv4, IPv6 or link-layer address, such as 239.1.1.1',
    );
  if (sources !== undefined && !Array.isArray(sources))
    throw new InvalidArgumentError('sources', sources, 'is no list', 'a list as [{ address }]');
}

export function checkMdbFlush(flush: MdbFlush): void {
  refuseUnknownFields(flush, FLUSH_FIELDS, HINTS, '', 'flush');
  if (flush.state !== undefined) fieldWord('state', flush.state, ['permanent', 'nopermanent']);
}

/** RTPROT_STATIC: smaller numbers are the kernel's own, and refused. */
const FIRST_PROTOCOL = 4;
function writableProtocol(protocol: MdbEntry['protocol']): MdbEntry['protocol'] {
  if (protocol === undefined) return undefined;
  return numberOf(ROUTE_PROTOCOLS, protocol) < FIRST_PROTOCOL ? undefined : protocol;
}

/** The payload of RTM_NEWMDB: without timers, and flags that the kernel sets by itself. */
export function encodeMdb(input: MdbInput, ifindex: number, portIndex: number): Uint8Array {
  checkMdbInput(input);
  const { grp, src, vid, state, sources, dst, dstPort, vni, srcVni, viaIndex } = input;
  // Modes and lists are of groups; an entry for one sender was listed with the mode of its group.
  const mode = src === undefined ? input.filterMode : undefined;
  const list = src === undefined && sources !== undefined && sources.length > 0 ? sources : undefined;
  return request(
    ifindex,
    { portIndex, grp, ...defined({ vid, state }) },
    {
      ...defined({ src, filterMode: mode, protocol: writableProtocol(input.protocol) }),
      ...(list === undefined ? {} : { sources: { entries: list.map(({ address }) => ({ address })) } }),
      ...defined({ dst, dstPort, vni, viaIndex, srcVni }),
    },
  );
}

/** The payload of RTM_DELMDB. */
export function encodeMdbKey(input: MdbInput, ifindex: number, portIndex: number): Uint8Array {
  checkMdbInput(input);
  const { grp, src, vid, state, dst, dstPort, vni, srcVni, viaIndex } = input;
  const key = defined({ src, dst, dstPort, vni, viaIndex, srcVni });
  return request(ifindex, { portIndex, grp, ...defined({ vid, state }) }, key);
}

/** The payload of a RTM_GETMDB for one group: the attributes have the numbers of those that set. */
export function encodeMdbGet(input: MdbInput, ifindex: number): Uint8Array {
  checkMdbInput(input);
  const { grp, src, vid, srcVni } = input;
  return request(ifindex, { portIndex: 0, grp, ...defined({ vid }) }, defined({ src, srcVni }));
}

const PERMANENT = 1;

/** The payload of RTM_DELMDB with NLM_F_BULK. */
export function encodeMdbFlush(flush: MdbFlush, ifindex: number, portIndex: number): Uint8Array {
  const { vid, state, protocol, dst, dstPort, vni, srcVni } = flush;
  const attributes = defined({ protocol, dst, dstPort, vni, srcVni });
  return encodePayload((writer) => {
    brPortMsg.encode(writer, { family: AF.bridge, ifindex });
    mdbRequestAttributes.encode(writer, {
      // No group is meant: 0.0.0.0 would be one of IPv4.
      entry: {
        portIndex,
        grp: '00:00:00:00:00:00',
        ...defined({ vid }),
        state: state === 'permanent' ? 'permanent' : 'temp',
      },
      ...(state === undefined && Object.keys(attributes).length === 0
        ? {}
        : { attributes: { ...attributes, ...(state === undefined ? {} : { stateMask: PERMANENT }) } }),
    });
  });
}

function request(
  ifindex: number,
  entry: Parameters<typeof mdbEntryStruct.encode>[1],
  attributes: Parameters<typeof setAttributes.encode>[1],
): Uint8Array {
  return encodePayload((writer) => {
    brPortMsg.encode(writer, { family: AF.bridge, ifindex });
    ownPath(['entry', 'attributes', 'entries'], () =>
      mdbRequestAttributes.encode(writer, {
        entry,
        ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
      }),
    );
  });
}
