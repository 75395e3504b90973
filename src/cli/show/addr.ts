import type { Address, AddressFilter, Lifetime } from '../../route/address.ts';
import type { Link } from '../../route/link.ts';
import { numberOf, ROUTE_SCOPES } from '../../route/route-words.ts';
import { lineBreak } from '../text.ts';
import { type AddressShowFilter, parseAddressFilter, passesAddressFilter } from './addr-filter.ts';
import { ADDRESS_FLAGS } from './address-flags.ts';
import { kernelFilter, passes } from './link-filter.ts';
import { type LinkDesk, linkDesk, linkSheet, putStats } from './link-print.ts';
import { Sheet } from './route-sheet.ts';
import type { ShowContext, Shown, View } from './view.ts';

/** `ip address show`: links, each with its addresses. */
export const addressView: View = {
  names: ['address'],
  usage: `[ dev DEVICE ] [ scope SCOPE-ID ] [ to PREFIX ] [ label PATTERN ] [ up ] [ group GROUP ]
[ master DEVICE ] [ nomaster ] [ vrf NAME ] [ type TYPE ] [ [-]FLAG ]
SCOPE-ID := { host | link | global | NUMBER | all }
FLAG := { permanent | dynamic | secondary | primary | tentative | deprecated | dadfailed | temporary |
          nodad | optimistic | home | mngtmpaddr | noprefixroute | autojoin | stable-privacy }
cofferdam address { add | change | replace } PREFIX dev DEVICE [ peer PREFIX ] [ broadcast { ADDRESS | + | - } ]
      [ scope SCOPE-ID ] [ label LABEL ] [ metric NUMBER ] [ valid_lft TIME ] [ preferred_lft TIME ]
      [ home | mngtmpaddr | nodad | optimistic | noprefixroute | autojoin ]
cofferdam address del PREFIX dev DEVICE [ peer PREFIX ] [ label LABEL ]
cofferdam address { flush | save } [ dev DEVICE ] ...
cofferdam address { restore | showdump }
TIME := { SECONDS | forever }`,

  async run(args, context) {
    const filter = await parseAddressFilter(args, context);
    // Nothing has addresses of these families, and no link is shown without.
    if (filter.family === 'mpls' || filter.family === 'bridge') return { json: [], text: '' };
    const links = await readLinks(filter, context);
    const all = await readAddresses(filter, context);
    const desk = await linkDesk(context, links, { asLink: false, family: filter.family });
    const byLink = byIfindex(all);
    const sheets: Sheet[] = [];
    for (const link of links) {
      const addresses = byLink.get(link.ifindex) ?? [];
      const chosen = addresses.some((address) => passesAddressFilter(address, filter, desk.links));
      // A link without any address is shown unless addresses of a family were asked for.
      const bare = addresses.length === 0 && filter.family === undefined;
      if (!bare && filter.family !== 'link' && !chosen) continue;
      // `ip` opens an object for every address of the family before it looks whether it wants it.
      const parts = addresses
        .filter(({ family }) => filter.family === undefined || family === filter.family)
        .map((address) =>
          passesAddressFilter(address, filter, desk.links) ? addressSheet(address, desk) : new Sheet(),
        );
      sheets.push(record(link, parts, filter, desk));
    }
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
  actions: async () => (await import('../verbs/addr.ts')).addressActions,
};

/** Addresses without their links. `withLink` puts the link's index and name before each. */
export async function printAddresses(
  addresses: readonly Address[],
  context: ShowContext,
  { withLink = false } = {},
): Promise<Shown> {
  const desk = await linkDesk(context, [], { asLink: false, family: undefined });
  const sheets = addresses.map((address) => addressSheet(address, desk, withLink));
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}

function byIfindex(addresses: readonly Address[]): ReadonlyMap<number, Address[]> {
  const groups = new Map<number, Address[]>();
  for (const address of addresses) {
    const group = groups.get(address.ifindex);
    if (group === undefined) groups.set(address.ifindex, [address]);
    else group.push(address);
  }
  return groups;
}

async function readAddresses(filter: AddressShowFilter, { rt }: ShowContext): Promise<Address[]> {
  const { family, link } = filter;
  if (family === 'link') return [];
  const wanted: AddressFilter = {};
  if (family === 'inet' || family === 'inet6') wanted.family = family;
  if (link.ifindex !== undefined) wanted.ifindex = link.ifindex;
  return rt.address.list(wanted);
}

async function readLinks(filter: AddressShowFilter, { rt, options }: ShowContext): Promise<Link[]> {
  const { link } = filter;
  if (link.ifindex !== undefined) return [await rt.link.get(link.ifindex)];
  // `ip` asks the kernel to filter only where no family was given; a link that fails later leaves an empty object.
  if (options.family === undefined || options.family === 'link') return rt.link.list(kernelFilter(link));
  if (options.family !== 'inet6') return rt.link.list();
  return (await rt.link.list({ mib: options.stats > 0 })).flatMap(asInet6);
}

/** IPSTATS_MIB_*, uapi/linux/snmp.h: which of the IPv6 counters `ip` puts where. */
const INET6_COUNTERS = {
  rxPackets: 1,
  rxBytes: 2,
  txPackets: 5,
  txBytes: 6,
  rxErrors: 13,
  txErrors: 14,
  multicast: 23,
  rxFrameErrors: 31,
} as const;

/**
 * With -6 `ip` lists the links that IPv6 knows, and of each only what IPv6 tells (net/ipv6/addrconf.c,
 * inet6_fill_ifinfo), its counters instead of the link's among it.
 */
function asInet6(link: Link): Link[] {
  const inet6 = link.afSpec?.inet6;
  if (inet6 === undefined) return [];
  const { ifindex, ifname, flags, linkType, linkIndex, mtu, operstate, address, txqlen } = link;
  const counters = Object.entries(INET6_COUNTERS).map(([name, at]) => [name, inet6.stats?.[at] ?? 0n]);
  return [
    {
      ifindex,
      ifname,
      flags,
      linkType,
      ...(linkIndex !== undefined && linkIndex !== ifindex && { linkIndex }),
      ...(mtu !== undefined && { mtu }),
      ...(operstate !== undefined && { operstate }),
      ...(address !== undefined && address !== '' && { address }),
      ...(txqlen !== undefined && { txqlen }),
      ...(link.stats64 !== undefined && {
        stats64: {
          ...Object.fromEntries(
            Object.entries(link.stats64).map(([name, value]) => [
              name,
              typeof value === 'bigint' ? 0n : value,
            ]),
          ),
          ...Object.fromEntries(counters),
        } as NonNullable<Link['stats64']>,
      }),
    },
  ];
}

/** One link and its addresses: what `ip` prints, or for a link that the filter refuses, an empty object. */
function record(link: Link, addresses: readonly Sheet[], filter: AddressShowFilter, desk: LinkDesk): Sheet {
  const { options } = desk;
  const { up } = filter.link;
  const addressesOnly = options.oneline && filter.family !== 'link' && !options.brief;
  const refused = up === true && !link.flags.includes('UP');
  if (!addressesOnly && (filter.label === undefined ? !passes(link, filter.link) : refused))
    return new Sheet();
  // A label belongs to an address: `ip` leaves the link out then.
  const withLink = !addressesOnly && filter.label === undefined;
  const sheet = withLink ? linkSheet(link, desk) : new Sheet();
  if (filter.family === 'link') {
    if (withLink && !options.brief) putStatistics(sheet, link, desk);
    return sheet;
  }
  const parts = refused ? [] : addresses;
  sheet.put(
    'addr_info',
    parts.map((part) => part.json),
    parts.map((part) => part.text).join(''),
  );
  if (options.brief) sheet.say('\n');
  else if (withLink) putStatistics(sheet, link, desk);
  return sheet;
}

function putStatistics(sheet: Sheet, link: Link, desk: LinkDesk): void {
  if (desk.options.stats === 0) return;
  putStats(sheet, link, desk);
  sheet.say(lineBreak(desk.options));
}

function addressSheet(address: Address, desk: LinkDesk, withLink = desk.options.oneline): Sheet {
  const { options, names, links } = desk;
  const sheet = new Sheet();
  const brush = address.family === 'inet6' ? desk.paint.inet6 : desk.paint.inet;
  if (!options.brief) {
    if (withLink) {
      const dev = links.nameOf(address.ifindex);
      sheet.put('index', address.ifindex);
      sheet.put('dev', dev, `${address.ifindex}: ${dev}`);
    }
    sheet.put('family', address.family, `    ${address.family} `);
  }
  sheet.put('local', address.local, brush(address.local));
  if (address.peer !== undefined) sheet.put('address', address.peer, ` peer ${brush(address.peer)}`);
  sheet.put('prefixlen', address.prefixlen, `/${address.prefixlen} `);
  if (address.metric !== undefined) sheet.put('metric', address.metric, `metric ${address.metric} `);
  if (options.brief) return sheet;
  const { broadcast, anycast, label } = address;
  if (broadcast !== undefined) sheet.put('broadcast', broadcast, `brd ${brush(`${broadcast} `)}`);
  if (anycast !== undefined) sheet.put('anycast', anycast, `any ${brush(`${anycast} `)}`);
  const scope = names.scopeName(numberOf(ROUTE_SCOPES, address.scope));
  sheet.put('scope', scope, `scope ${scope} `);
  putFlags(sheet, address);
  if (label !== undefined) sheet.put('label', label, label);
  if (address.validLifetime !== undefined) {
    sheet.say(`${lineBreak(options)}       valid_lft `);
    putLifetime(sheet, 'valid_life_time', address.validLifetime);
    sheet.say(' preferred_lft ');
    const { preferredLifetime = 0 } = address;
    // What is deprecated has been so for a while: `ip` reads the number as a signed one.
    const signed = preferredLifetime !== 'forever' && address.flags.includes('deprecated');
    putLifetime(sheet, 'preferred_life_time', signed ? preferredLifetime | 0 : preferredLifetime);
  }
  sheet.say('\n');
  return sheet;
}

const FOREVER = 0xffffffff;
function putLifetime(sheet: Sheet, key: string, lifetime: Lifetime): void {
  if (lifetime === 'forever') sheet.put(key, FOREVER, 'forever');
  else sheet.put(key, lifetime, `${lifetime}sec`);
}

function putFlags(sheet: Sheet, { flags }: Address): void {
  for (const flag of ADDRESS_FLAGS) {
    if (flag === 'permanent') {
      if (!flags.includes(flag)) sheet.put('dynamic', true, 'dynamic ');
    } else if (flags.includes(flag)) sheet.put(flag, true, `${flag} `);
  }
  const unknown = flags
    .find((flag) => flag.startsWith('0x'))
    ?.slice(2)
    .padStart(2, '0');
  if (unknown !== undefined) sheet.put('ifa_flags', unknown, `flags ${unknown} `);
}
