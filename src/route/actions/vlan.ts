import { attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { enumeration, lladdr, s32, u8, u16 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { protocol } from '../tc-protocol.ts';
import { wholeStruct } from '../tc-struct.ts';
import { defineAction, tcGen, times } from './kind.ts';

/** TCA_VLAN_ACT_*. */
const ACTIONS = { 1: 'pop', 2: 'push', 3: 'modify', 4: 'pop_eth', 5: 'push_eth' } as const;

/** TCA_VLAN_*, uapi/linux/tc_act/tc_vlan.h. */
const table = attributeTable('TCA_VLAN', {
  tm: times(1, 'TCA_VLAN_TM'),
  parms: attribute(
    2,
    'TCA_VLAN_PARMS',
    wholeStruct('tc_vlan', { ...tcGen, action: enumeration(s32, ACTIONS) }),
  ),
  id: attribute(3, 'TCA_VLAN_PUSH_VLAN_ID', u16),
  protocol: attribute(4, 'TCA_VLAN_PUSH_VLAN_PROTOCOL', protocol),
  priority: attribute(6, 'TCA_VLAN_PUSH_VLAN_PRIORITY', u8),
  dstMac: attribute(7, 'TCA_VLAN_PUSH_ETH_DST', lladdr),
  srcMac: attribute(8, 'TCA_VLAN_PUSH_ETH_SRC', lladdr),
});

/** man 8 tc-vlan: tags come, go and change. */
export interface VlanAction {
  action: 'pop' | 'push' | 'modify' | 'pop_eth' | 'push_eth' | (string & {});
  id?: number;
  /** `802.1Q`, `802.1ad`. */
  protocol?: string;
  priority?: number;
  dstMac?: string;
  srcMac?: string;
}

export const vlan = defineAction<typeof table, VlanAction>('vlan', table, {
  fields: ['action', 'id', 'protocol', 'priority', 'dstMac', 'srcMac'],
  control: 'pipe',
  fromWire({ tm, parms, ...rest }) {
    if (parms === undefined) throw new WireError('vlan without TCA_VLAN_PARMS');
    const { action, ...gen } = parms;
    return { gen, times: tm, value: { action, ...rest } };
  },
  toWire: (gen, { action, ...rest }) => ({ parms: { ...gen, action }, ...rest }),
});
