import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { flagSet, hex, string, u16, u32 } from '../../netlink/wire/codec.ts';
import { actionList } from '../action-list.ts';
import { classRef, defineFilter, filterFlags } from './kind.ts';

/** TCA_BPF_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_BPF', {
  actions: actionList(1, 'TCA_BPF_ACT'),
  police: attribute(2, 'TCA_BPF_POLICE', hex),
  classid: attribute(3, 'TCA_BPF_CLASSID', classRef),
  opsLength: attribute(4, 'TCA_BPF_OPS_LEN', u16),
  ops: attribute(5, 'TCA_BPF_OPS', hex),
  fd: attribute(6, 'TCA_BPF_FD', u32),
  name: attribute(7, 'TCA_BPF_NAME', string),
  bpfFlags: attribute(8, 'TCA_BPF_FLAGS', flagSet(u32, { 'direct-action': 1 })),
  flags: attribute(9, 'TCA_BPF_FLAGS_GEN', filterFlags),
  tag: attribute(10, 'TCA_BPF_TAG', hex),
  id: attribute(11, 'TCA_BPF_ID', u32),
});

/** man 8 tc-bpf: a program decides. Classic bytecode, or a loaded program by its fd. */
export interface BpfFilter {
  /** Classic BPF: struct sock_filter, 8 bytes each, in hex. */
  ops?: string;
  /** A loaded program (bpf(2)); only taken, never told. */
  fd?: number;
  /** Its name, and what the kernel knows it by. */
  name?: string;
  tag?: string;
  id?: number;
  /** The program's return value is the verdict: no actions. */
  directAction?: boolean;
  /** In hex: an old way to police. */
  police?: string;
}

const OP_SIZE = 8;

export const bpf = defineFilter<typeof table, BpfFilter>('bpf', table, {
  fields: ['ops', 'fd', 'name', 'tag', 'id', 'directAction', 'police'],
  fromWire({ opsLength: _, bpfFlags, raw: __, ...rest }) {
    return { ...rest, ...(bpfFlags?.includes('direct-action') && { directAction: true }) };
  },
  toWire({ ops, directAction, tag: _, id: __, ...rest }) {
    return {
      ...rest,
      ...(ops !== undefined && { opsLength: Math.floor(String(ops).length / 2 / OP_SIZE), ops }),
      ...(directAction && { bpfFlags: ['direct-action'] }),
    };
  },
});
