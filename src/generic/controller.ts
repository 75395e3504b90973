/** The controller: which families the kernel has, and what they take. uapi/linux/genetlink.h, CTRL_*. */

import { type AttributePolicy, decodePolicy } from '../netlink/ext-ack.ts';
import { attribute, attributeTable, walkAttributes } from '../netlink/wire/attributes.ts';
import { type Codec, flagSet, string, text, u16, u32 } from '../netlink/wire/codec.ts';
import type { WireView } from '../netlink/wire/view.ts';
import { defineFamily } from './message.ts';
import { indexedList } from './nests.ts';

/** GENL_*: what an operation offers, and who may ask. */
const OPERATION_FLAGS = { 'admin-perm': 1, do: 2, dump: 4, 'has-policy': 8, 'uns-admin-perm': 16 } as const;

const operation = attributeTable('CTRL_ATTR_OP', {
  id: attribute(1, 'CTRL_ATTR_OP_ID', u32),
  flags: attribute(2, 'CTRL_ATTR_OP_FLAGS', flagSet(u32, OPERATION_FLAGS)),
});

const group = attributeTable('CTRL_ATTR_MCAST_GRP', {
  name: attribute(1, 'CTRL_ATTR_MCAST_GRP_NAME', string),
  id: attribute(2, 'CTRL_ATTR_MCAST_GRP_ID', u32),
});

const operationPolicy = attributeTable('CTRL_ATTR_POLICY', {
  do: attribute(1, 'CTRL_ATTR_POLICY_DO', u32),
  dump: attribute(2, 'CTRL_ATTR_POLICY_DUMP', u32),
});

/** What the kernel takes as one attribute. */
export interface PolicyAttribute extends AttributePolicy {
  /** The attribute's number. */
  number: number;
  /** Of a nest: the policy, by number, that its attributes keep to, and the greatest of their numbers. */
  policy?: number;
  maxNumber?: number;
}

/** `policy` and `maxNumber` besides what an ext-ack tells of a policy: NL_POLICY_TYPE_ATTR_POLICY_IDX, _POLICY_MAXTYPE. */
const POLICY_INDEX = 8;
const POLICY_MAX_TYPE = 9;

/** One policy: attributes by number. */
const policy: Codec<{ attributes: PolicyAttribute[] }> = {
  decode(view, start, end) {
    const attributes: PolicyAttribute[] = [];
    walkAttributes(view, start, end, (number, from, to) => {
      attributes.push({ number, ...decodePolicy(view, from, to), ...nestPolicy(view, from, to) });
    });
    return { attributes };
  },
  encode() {
    throw new TypeError('policies are only read');
  },
};

function nestPolicy(view: WireView, start: number, end: number): { policy?: number; maxNumber?: number } {
  const out: { policy?: number; maxNumber?: number } = {};
  walkAttributes(view, start, end, (type, from, to) => {
    if (to - from < 4) return;
    if (type === POLICY_INDEX) out.policy = view.u32(from);
    if (type === POLICY_MAX_TYPE) out.maxNumber = view.u32(from);
  });
  return out;
}

/** GENL_NAMSIZ is 16 with the NUL. */
const FAMILY_NAME_MAX = 15;

const controllerAttributes = attributeTable('CTRL_ATTR', {
  id: attribute(1, 'CTRL_ATTR_FAMILY_ID', u16),
  name: attribute(2, 'CTRL_ATTR_FAMILY_NAME', text(FAMILY_NAME_MAX)),
  version: attribute(3, 'CTRL_ATTR_VERSION', u32),
  headerSize: attribute(4, 'CTRL_ATTR_HDRSIZE', u32),
  maxAttribute: attribute(5, 'CTRL_ATTR_MAXATTR', u32),
  operations: indexedList(6, 'CTRL_ATTR_OPS', operation),
  groups: indexedList(7, 'CTRL_ATTR_MCAST_GROUPS', group),
  policies: indexedList(8, 'CTRL_ATTR_POLICY', policy),
  operationPolicies: indexedList(9, 'CTRL_ATTR_OP_POLICY', operationPolicy),
  operation: attribute(10, 'CTRL_ATTR_OP', u32),
});

/** GENL_ID_CTRL: the one family whose number is known beforehand. */
export const CONTROLLER_ID = 16;

export const controller = defineFamily({
  name: 'nlctrl',
  version: 2,
  commands: {
    getFamily: {
      id: 3,
      name: 'CTRL_CMD_GETFAMILY',
      request: controllerAttributes,
      reply: controllerAttributes,
    },
    getPolicy: {
      id: 10,
      name: 'CTRL_CMD_GETPOLICY',
      request: controllerAttributes,
      reply: controllerAttributes,
    },
  },
});

/** A family that the kernel has. */
export interface Family {
  /** The message type of its messages. */
  id: number;
  name: string;
  version: number;
  /** Bytes of a header of the family's own, after genlmsghdr. */
  headerSize: number;
  /** Its attributes' greatest number; 0 where each operation has its own. */
  maxAttribute: number;
  operations: { id: number; flags: string[] }[];
  /** Multicast groups, by the number to join. */
  groups: { name: string; id: number }[];
}

type ControllerReply = ReturnType<typeof controllerAttributes.decode>;

/** Undefined for a message that does not even tell the family's number and name. */
export function familyOf(reply: ControllerReply): Family | undefined {
  const { id, name, version = 0, headerSize = 0, maxAttribute = 0, operations = [], groups = [] } = reply;
  if (id === undefined || name === undefined) return undefined;
  return {
    id,
    name,
    version,
    headerSize,
    maxAttribute,
    operations: operations.map(({ id = 0, flags = [] }) => ({ id, flags })),
    groups: groups.map(({ name = '', id = 0 }) => ({ name, id })),
  };
}

/** What the kernel takes for a family's requests. */
export interface FamilyPolicy {
  /** By operation: which of the policies its requests and its dumps keep to. */
  operations: { id: number; do?: number; dump?: number }[];
  policies: { index: number; attributes: PolicyAttribute[] }[];
}

/** Puts the messages of a dump together: a policy comes in pieces, one attribute a message. */
export function policyOf(replies: readonly ControllerReply[]): FamilyPolicy {
  const out: FamilyPolicy = { operations: [], policies: [] };
  for (const { operationPolicies = [], policies = [] } of replies) {
    for (const { index, do: doing, dump } of operationPolicies)
      out.operations.push({
        id: index,
        ...(doing !== undefined && { do: doing }),
        ...(dump !== undefined && { dump }),
      });
    for (const { index, attributes } of policies) {
      const known = out.policies.find((one) => one.index === index);
      if (known === undefined) out.policies.push({ index, attributes: [...attributes] });
      else known.attributes.push(...attributes);
    }
  }
  return out;
}
