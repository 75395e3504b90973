import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, enumeration, u16, u32, u64, ValueError } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { formatClassId, HANDLE_WORDS, parseClassId } from '../tc-handle.ts';
import { wholeStruct } from '../tc-struct.ts';
import { defineAction, tcGen, times } from './kind.ts';

/** PACKET_*, uapi/linux/if_packet.h. */
const PACKET_TYPES = { 0: 'host', 1: 'broadcast', 2: 'multicast', 3: 'otherhost' } as const;

/** SKBEDIT_F_INHERITDSFIELD. */
const INHERIT_DSFIELD = 0x20n;
/** SKBEDIT_F_TXQ_SKBHASH: Linux 6.0. */
const TXQ_SKBHASH = 0x40n;

const priority: Codec<string> = {
  size: 4,
  decode: (view, start, end) => formatClassId(u32.decode(view, start, end)),
  encode(writer, value) {
    const handle = parseClassId(value, HANDLE_WORDS);
    if (handle === undefined) throw new ValueError(value, 'a class such as "1:10"');
    writer.u32(handle);
  },
};

/** TCA_SKBEDIT_*, uapi/linux/tc_act/tc_skbedit.h. */
const table = attributeTable('TCA_SKBEDIT', {
  tm: times(1, 'TCA_SKBEDIT_TM'),
  parms: attribute(2, 'TCA_SKBEDIT_PARMS', wholeStruct('tc_skbedit', tcGen)),
  queueMapping: attribute(4, 'TCA_SKBEDIT_QUEUE_MAPPING', u16),
  priority: attribute(3, 'TCA_SKBEDIT_PRIORITY', priority),
  mark: attribute(5, 'TCA_SKBEDIT_MARK', u32),
  mask: attribute(8, 'TCA_SKBEDIT_MASK', u32),
  packetType: attribute(7, 'TCA_SKBEDIT_PTYPE', enumeration(u16, PACKET_TYPES)),
  flags: attribute(9, 'TCA_SKBEDIT_FLAGS', u64),
  queueMappingMax: attribute(10, 'TCA_SKBEDIT_QUEUE_MAPPING_MAX', u16),
});

/** man 8 tc-skbedit: what the kernel notes beside a packet. */
export interface Skbedit {
  queueMapping?: number;
  /** With it, a range of queues to choose from by the packet's hash. */
  queueMappingMax?: number;
  /** A class, `1:10`. */
  priority?: string;
  mark?: number;
  mask?: number;
  /** `host`, `otherhost`, `broadcast`, `multicast`. */
  packetType?: string;
  /** The DS field becomes the priority. */
  inheritDsfield?: boolean;
}

export const skbedit = defineAction<typeof table, Skbedit>('skbedit', table, {
  fields: ['queueMapping', 'queueMappingMax', 'priority', 'mark', 'mask', 'packetType', 'inheritDsfield'],
  control: 'pipe',
  fromWire({ tm, parms, flags, raw: _, ...rest }) {
    if (parms === undefined) throw new WireError('skbedit without TCA_SKBEDIT_PARMS');
    const inherit = flags !== undefined && (flags & INHERIT_DSFIELD) !== 0n;
    return { gen: parms, times: tm, value: { ...rest, ...(inherit && { inheritDsfield: true }) } };
  },
  toWire(gen, { inheritDsfield, ...rest }) {
    const flags =
      (inheritDsfield ? INHERIT_DSFIELD : 0n) | (rest.queueMappingMax === undefined ? 0n : TXQ_SKBHASH);
    return { parms: gen, ...rest, ...(flags !== 0n && { flags }) };
  },
});
