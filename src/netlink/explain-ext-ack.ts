import { attribute, attributeTable, nest } from './wire/attributes.ts';
import { hex, string, u32, u64 } from './wire/codec.ts';

/** enum netlink_policy_type_attr, uapi/linux/netlink.h: what the kernel would have taken. */
const POLICY = attributeTable('NL_POLICY_TYPE_ATTR', {
  type: attribute(1, 'NL_POLICY_TYPE_ATTR_TYPE', u32),
  minSigned: attribute(2, 'NL_POLICY_TYPE_ATTR_MIN_VALUE_S', u64),
  maxSigned: attribute(3, 'NL_POLICY_TYPE_ATTR_MAX_VALUE_S', u64),
  min: attribute(4, 'NL_POLICY_TYPE_ATTR_MIN_VALUE_U', u64),
  max: attribute(5, 'NL_POLICY_TYPE_ATTR_MAX_VALUE_U', u64),
  minLength: attribute(6, 'NL_POLICY_TYPE_ATTR_MIN_LENGTH', u32),
  maxLength: attribute(7, 'NL_POLICY_TYPE_ATTR_MAX_LENGTH', u32),
  policyIndex: attribute(8, 'NL_POLICY_TYPE_ATTR_POLICY_IDX', u32),
  maxType: attribute(9, 'NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE', u32),
  bitfield32Mask: attribute(10, 'NL_POLICY_TYPE_ATTR_BITFIELD32_MASK', u32),
  mask: attribute(12, 'NL_POLICY_TYPE_ATTR_MASK', u64),
});

/** enum nlmsgerr_attrs: what an acknowledgement says besides its errno. */
export const EXT_ACK = attributeTable('NLMSGERR_ATTR', {
  message: attribute(1, 'NLMSGERR_ATTR_MSG', string),
  offset: attribute(2, 'NLMSGERR_ATTR_OFFS', u32),
  cookie: attribute(3, 'NLMSGERR_ATTR_COOKIE', hex),
  policy: nest(4, 'NLMSGERR_ATTR_POLICY', POLICY),
  missingType: attribute(5, 'NLMSGERR_ATTR_MISS_TYPE', u32),
  missingNest: attribute(6, 'NLMSGERR_ATTR_MISS_NEST', u32),
});
