import type { NetlinkMessage } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import { attribute, attributeTable } from '../netlink/wire/attributes.ts';
import { flagNames, ip, reserved, s32, u8, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { addressType } from '../route/address.ts';
import { addressLabelType } from '../route/address-label.ts';
import { linkType } from '../route/link.ts';
import { neighbourType } from '../route/neighbour.ts';
import { netconfType } from '../route/netconf.ts';
import { netnsIdType } from '../route/netns-id.ts';
import { nexthopType } from '../route/nexthop.ts';
import { routeType } from '../route/route.ts';
import { ruleType } from '../route/rule.ts';
import { idOf, netnsNames } from './netns-names.ts';
import { printAddresses } from './show/addr.ts';
import { addressLabelSheet } from './show/addrlabel.ts';
import { linkDesk, linkSheet } from './show/link-print.ts';
import { printNeighbours } from './show/neigh.ts';
import { netconfSheet } from './show/netconf.ts';
import { printNexthops } from './show/nexthop.ts';
import { printRoutes } from './show/route.ts';
import { type Desk, Sheet } from './show/route-sheet.ts';
import { printRules } from './show/rule.ts';
import type { ShowContext, Shown } from './show/view.ts';
import { paint } from './text.ts';

/** How one kind of message is printed. */
export interface Printer {
  readonly label: string;
  readonly object: string;
  /** Undefined for what is not shown at all. */
  print(
    message: NetlinkMessage,
    context: ShowContext,
    ifindex: number | undefined,
  ): Promise<Shown | undefined>;
}

const FAMILIES = { inet: AF.inet, inet6: AF.inet6, mpls: AF.mpls, bridge: AF.bridge, link: 17 } as const;

/** Whether a message is of the family that -4, -6 and their like ask for. */
function isWanted(payload: Uint8Array, { options: { family } }: ShowContext): boolean {
  return family === undefined || payload[0] === FAMILIES[family];
}

export const link: Printer = {
  label: '[LINK]',
  object: 'link',
  async print({ payload }, context, ifindex) {
    const { txqlen: _, ...one } = linkType.decode(payload);
    if (ifindex !== undefined && one.ifindex !== ifindex) return undefined;
    const { json, text } = linkSheet(
      one,
      await linkDesk(context, [one], { asLink: false, family: undefined }),
    );
    return { json: [json], text };
  },
};

const address: Printer = {
  label: '[ADDR]',
  object: 'address',
  async print({ payload }, context, ifindex) {
    const one = addressType.decode(payload);
    if (ifindex !== undefined && one.ifindex !== ifindex) return undefined;
    return await printAddresses([one], context, { withLink: true });
  },
};

export const route: Printer = {
  label: '[ROUTE]',
  object: 'route',
  async print({ payload }, context, oif) {
    const one = routeType.decode(payload);
    if (!isWanted(payload, context)) return undefined;
    // What a lookup found is no route.
    if (one.flags?.includes('cloned')) return undefined;
    if (oif !== undefined && one.oif !== oif) return undefined;
    return await printRoutes([one], { table: 0, oif }, context);
  },
};

const RTM_GETNEIGH = 30;
const neighbour: Printer = {
  label: '[NEIGH]',
  object: 'neighbour',
  async print({ type, payload }, context, ifindex) {
    const one = neighbourType.decode(payload);
    if (!isWanted(payload, context)) return undefined;
    if (ifindex !== undefined && one.ifindex !== ifindex) return undefined;
    const shown = await printNeighbours([one], context, ifindex === undefined ? {} : { ifindex });
    return type === RTM_GETNEIGH ? { ...shown, text: `miss ${shown.text}` } : shown;
  },
};

const rule: Printer = {
  label: '[RULE]',
  object: 'rule',
  print: async ({ payload }, context) =>
    isWanted(payload, context) ? printRules([ruleType.decode(payload)], context) : undefined,
};

const nexthop: Printer = {
  label: '[NEXTHOP]',
  object: 'nexthop',
  print: async ({ payload }, context) => printNexthops([nexthopType.decode(payload)], context),
};

const netconf: Printer = {
  label: '[NETCONF]',
  object: 'netconf',
  async print({ payload }, context, ifindex) {
    const one = netconfType.decode(payload);
    if (ifindex !== undefined && one.ifindex !== ifindex) return undefined;
    return shownSheet(netconfSheet(one, await routeDesk(context)));
  },
};

const addressLabel: Printer = {
  label: '[ADDRLABEL]',
  object: 'addressLabel',
  print: async ({ payload }, context) =>
    shownSheet(addressLabelSheet(addressLabelType.decode(payload), await routeDesk(context))),
};

const netnsId: Printer = {
  label: '[NSID]',
  object: 'netnsId',
  async print({ payload }, context) {
    const { nsid, currentNsid } = netnsIdType.decode(payload);
    const sheet = new Sheet();
    const put = (key: string, id: number) => {
      if (id < 0) sheet.say(`${key} unassigned `);
      else sheet.put(key, id, `${key} ${id} `);
    };
    put('nsid', nsid);
    if (currentNsid !== undefined) put('current-nsid', currentNsid);
    const name = await namespaceName(context, currentNsid ?? nsid);
    if (name !== undefined) sheet.put('name', name, `(iproute2 netns name: ${name})`);
    sheet.say('\n');
    return shownSheet(sheet);
  },
};

async function namespaceName({ rt }: ShowContext, nsid: number): Promise<string | undefined> {
  if (nsid < 0) return undefined;
  for (const name of netnsNames()) if ((await idOf(rt, name)) === nsid) return name;
  return undefined;
}

/** struct prefixmsg, uapi/linux/rtnetlink.h: what a router's advertisement said of a prefix. */
const prefixmsg = struct('prefixmsg', {
  family: u8,
  reserved: reserved(3),
  ifindex: s32,
  type: u8,
  prefixlen: u8,
  flags: u8,
  padding: reserved(1),
});
const prefixAttributes = attributeTable('PREFIX', {
  address: attribute(1, 'PREFIX_ADDRESS', ip),
  cacheinfo: attribute(2, 'PREFIX_CACHEINFO', struct('prefix_cacheinfo', { preferred: u32, valid: u32 })),
});
/** IF_PREFIX_ONLINK, IF_PREFIX_AUTOCONF. */
const PREFIX_FLAGS = { onlink: 1, autoconf: 2 } as const;

const prefix: Printer = {
  label: '[PREFIX]',
  object: 'prefix',
  async print({ payload }, context) {
    const view = new WireView(payload);
    const { ifindex, prefixlen, flags } = prefixmsg.decodeAt(view, 0);
    const { address, cacheinfo } = prefixAttributes.decode(view, prefixmsg.size, view.length);
    const sheet = new Sheet();
    if (address !== undefined)
      sheet.put('prefix', `${address}/${prefixlen}`, `prefix ${address}/${prefixlen}`);
    const dev = (await context.linkNames()).nameOf(ifindex);
    sheet.put('dev', dev, `dev ${dev} `);
    for (const flag of flagNames(flags, PREFIX_FLAGS))
      if (!flag.startsWith('0x')) sheet.put(flag, true, `${flag} `);
    if (cacheinfo !== undefined) {
      const { valid = 0, preferred = 0 } = cacheinfo;
      sheet.put('valid', valid, `valid ${valid} `);
      sheet.put('preferred', preferred, `preferred ${preferred} `);
    }
    sheet.say('\n');
    return shownSheet(sheet);
  },
};

async function routeDesk(context: ShowContext): Promise<Desk> {
  const { options, names } = context;
  return { options, names, links: await context.linkNames(), paint: paint(options.color) };
}

function shownSheet({ json, text }: Sheet): Shown {
  return { json: [json], text };
}

/** By message type. */
export const PRINTERS: ReadonlyMap<number, Printer> = new Map<number, Printer>([
  [16, link],
  [17, link],
  [20, address],
  [21, address],
  [24, route],
  [25, route],
  [28, neighbour],
  [29, neighbour],
  [RTM_GETNEIGH, neighbour],
  [32, rule],
  [33, rule],
  [52, prefix],
  [72, addressLabel],
  [73, addressLabel],
  [80, netconf],
  [81, netconf],
  [88, netnsId],
  [89, netnsId],
  [104, nexthop],
  [105, nexthop],
]);
