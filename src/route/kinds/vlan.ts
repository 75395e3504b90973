import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  repeated,
} from '../../netlink/wire/attributes.ts';
import { be16, enumeration, flagBits, flagNames, u16, u32, ValueError } from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { defineKind, requireArray, VLAN_PROTOCOLS } from './kind.ts';

const mapping = attributeTable('IFLA_VLAN_QOS', {
  mapping: repeated(1, 'IFLA_VLAN_QOS_MAPPING', struct('ifla_vlan_qos_mapping', { from: u32, to: u32 })),
});

/** IFLA_VLAN_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_VLAN', {
  id: attribute(1, 'IFLA_VLAN_ID', u16),
  flagMask: attribute(2, 'IFLA_VLAN_FLAGS', struct('ifla_vlan_flags', { flags: u32, mask: u32 })),
  egress: nest(3, 'IFLA_VLAN_EGRESS_QOS', mapping),
  ingress: nest(4, 'IFLA_VLAN_INGRESS_QOS', mapping),
  protocol: attribute(5, 'IFLA_VLAN_PROTOCOL', enumeration(be16, VLAN_PROTOCOLS)),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** VLAN_FLAG_*, uapi/linux/if_vlan.h. */
const FLAGS = { REORDER_HDR: 1, GVRP: 2, LOOSE_BINDING: 4, MVRP: 8, BRIDGE_BINDING: 16 } as const;

const ALL_FLAGS = 0x1f;

/** One of the flags, for switching it without a word about the others. */
const SWITCHES = {
  reorderHdr: FLAGS.REORDER_HDR,
  gvrp: FLAGS.GVRP,
  looseBinding: FLAGS.LOOSE_BINDING,
  mvrp: FLAGS.MVRP,
  bridgeBinding: FLAGS.BRIDGE_BINDING,
} as const;
type Switch = keyof typeof SWITCHES;
const switches = Object.entries(SWITCHES) as [Switch, number][];

/** One priority inside for one outside. */
export interface QosMapping {
  from: number;
  to: number;
}

/** Settings of a VLAN. */
export type Vlan = Omit<Wire, 'flagMask' | 'egress' | 'ingress'> & {
  /** All of them: those that are not named are switched off. */
  flags?: (keyof typeof FLAGS | (string & {}))[];
  egressQos?: QosMapping[];
  ingressQos?: QosMapping[];
} & {
  /** Switches one of `flags`; only said, never told. */
  [Name in Switch]?: boolean;
};

function mappings(list: readonly Partial<QosMapping>[]): QosMapping[] {
  return list.map(({ from = 0, to = 0 }) => ({ from, to }));
}

function flagMask(names: readonly string[]): { flags: number; mask: number } {
  requireArray('flags', names, `an array of some of ${Object.keys(FLAGS).join(', ')}`);
  try {
    const flags = flagBits(names, FLAGS);
    return { flags, mask: (flags | ALL_FLAGS) >>> 0 };
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift('flags');
    throw error;
  }
}

export const vlan = defineKind<typeof table, Vlan>('vlan', table, {
  fields: ['flags', 'egressQos', 'ingressQos', ...switches.map(([name]) => name)],
  hidden: ['flagMask', 'egress', 'ingress'],
  renamed: { egress: 'egressQos', ingress: 'ingressQos' },
  fromWire({ flagMask, egress, ingress, ...rest }) {
    const value: Vlan = rest;
    if (flagMask !== undefined) value.flags = flagNames(flagMask.flags ?? 0, FLAGS);
    if (egress?.mapping !== undefined) value.egressQos = mappings(egress.mapping);
    if (ingress?.mapping !== undefined) value.ingressQos = mappings(ingress.mapping);
    return value;
  },
  toWire({ flags: names, egressQos, ingressQos, ...others }) {
    const { reorderHdr: _r, gvrp: _g, looseBinding: _l, mvrp: _m, bridgeBinding: _b, ...rest } = others;
    let { flags, mask } = names === undefined ? { flags: 0, mask: 0 } : flagMask(names);
    for (const [name, bit] of switches) {
      if (others[name] === undefined) continue;
      mask |= bit;
      if (others[name]) flags |= bit;
      else flags &= ~bit;
    }
    if (egressQos !== undefined) requireArray('egressQos', egressQos, 'an array of { from, to }');
    if (ingressQos !== undefined) requireArray('ingressQos', ingressQos, 'an array of { from, to }');
    return {
      ...rest,
      ...(mask !== 0 && { flagMask: { flags: flags >>> 0, mask: mask >>> 0 } }),
      ...(egressQos !== undefined && { egress: { mapping: egressQos } }),
      ...(ingressQos !== undefined && { ingress: { mapping: ingressQos } }),
    };
  },
});
