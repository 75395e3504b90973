import { formatIp } from '../../netlink/wire/address.ts';
import type { Neighbour, NeighbourFilter } from '../../route/neighbour.ts';
import { numberOf, ROUTE_PROTOCOLS } from '../../route/route-words.ts';
import type { RouteSocket } from '../../route/socket.ts';
import { wrongArgument } from '../args.ts';
import type { Names } from '../names.ts';
import { type Paint, padBytes, paint } from '../text.ts';
import { type NeighbourShowFilter, parseNeighbourFilter, passesNeighbourFilter } from './neigh-filter.ts';
import { Sheet } from './route-sheet.ts';
import type { LinkNames, ShowContext, Shown, ShowOptions, View } from './view.ts';

/** `ip neighbour show`. */
export const neighbourView: View = {
  names: ['neighbour', 'neighbor'],
  usage: `[ proxy ] [ to PREFIX ] [ dev DEV ] [ nud STATE ] [ protocol PROTOCOL ]
[ master DEVICE ] [ nomaster ] [ vrf NAME ] [ unused ]
STATE := { delay | failed | incomplete | noarp | none | permanent | probe | reachable | stale | all }
cofferdam neigh { add | change | replace | del } { ADDRESS [ lladdr LLADDR ] [ nud STATE ] | proxy ADDRESS } dev DEV
      [ router ] [ use ] [ managed ] [ extern_learn ] [ protocol PROTOCOL ]
cofferdam neigh get { ADDRESS | proxy ADDRESS } dev DEV
cofferdam neigh flush [ proxy ] [ to PREFIX ] [ dev DEV ] [ nud STATE ] ...`,

  async run(args, context) {
    const { options, names } = context;
    const filter = parseNeighbourFilter(args, options.family, names, await context.linkNames());
    return await printNeighbours(await readNeighbours(filter, context), context, filter);
  },
  actions: async () => (await import('../verbs/neigh.ts')).neighbourActions,
};

/** What passes the filter. */
export async function readNeighbours(filter: NeighbourShowFilter, { rt }: ShowContext): Promise<Neighbour[]> {
  if (filter.vrf !== undefined) await requireVrf(rt, filter.vrf);
  return (await read(rt, filter)).filter((one) => passesNeighbourFilter(one, protocolNumber(one), filter));
}

/** Neighbours in the order given; what the filter says of all of them is not said of each. */
export async function printNeighbours(
  found: readonly Neighbour[],
  context: ShowContext,
  filter: Pick<NeighbourShowFilter, 'ifindex'> = {},
): Promise<Shown> {
  const { options, names } = context;
  const desk: Desk = {
    options,
    names,
    links: await context.linkNames(),
    paint: paint(options.color),
    hideDevice: filter.ifindex !== undefined,
    linkTypes: await linkTypes(found, context),
  };
  const sheets = found.map((one) => (options.brief ? briefSheet(one, desk) : sheetOf(one, desk)));
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}

interface Desk {
  readonly options: ShowOptions;
  readonly names: Names;
  readonly links: LinkNames;
  readonly paint: Paint;
  /** Only one device was asked for: `ip` does not repeat its name. */
  readonly hideDevice: boolean;
  /** Types of links by index, for those whose link-layer addresses may be IP addresses. */
  readonly linkTypes: ReadonlyMap<number, string>;
}

async function read(rt: RouteSocket, filter: NeighbourShowFilter): Promise<Neighbour[]> {
  const { family, ifindex, master, proxy } = filter;
  // There are no neighbours of these, and no error either.
  if (family === 'link' || family === 'mpls') return [];
  const wanted: NeighbourFilter = { proxy };
  if (family !== undefined) wanted.family = family;
  if (ifindex !== undefined) wanted.ifindex = ifindex;
  if (master !== undefined) wanted.master = master;
  return rt.neighbour.list(wanted);
}

async function requireVrf(rt: RouteSocket, name: string): Promise<void> {
  const link = await rt.link.get(name);
  if (link.kind !== 'vrf') throw wrongArgument(name, 'Not a valid VRF name');
}

function protocolNumber(one: Neighbour): number {
  return one.protocol === undefined ? 0 : numberOf(ROUTE_PROTOCOLS, one.protocol);
}

/** Tunnels over IPv4 and IPv6: their link-layer addresses are IP addresses. */
const IPV4_LINKS = ['ipip', 'sit', 'gre'];
const IPV6_LINKS = ['tunnel6', 'gre6'];

async function linkTypes(found: readonly Neighbour[], { rt }: ShowContext): Promise<Map<number, string>> {
  const unclear = found.some(({ lladdr }) => lladdr !== undefined && [11, 47].includes(lladdr.length));
  if (!unclear) return new Map();
  return new Map((await rt.link.list()).map((link) => [link.ifindex, link.linkType]));
}

function lladdrText(one: Neighbour, lladdr: string, desk: Desk): string {
  // `ip` prints a first byte even of an empty address: it is that of the next attribute, the length of NDA_PROBES.
  if (lladdr === '') return '08';
  const type = desk.linkTypes.get(one.ifindex) ?? '';
  const bytes = Buffer.from(lladdr.replaceAll(':', ''), 'hex');
  const isIp =
    bytes.length === 4 ? IPV4_LINKS.includes(type) : bytes.length === 16 && IPV6_LINKS.includes(type);
  return isIp ? formatIp(bytes) : lladdr;
}

function briefSheet(one: Neighbour, desk: Desk): Sheet {
  const sheet = new Sheet();
  const { dst, lladdr, ifindex } = one;
  if (dst !== undefined) sheet.put('dst', dst, addressBrush(dst, desk)(`${dst.padEnd(39)} `));
  if (!desk.hideDevice && ifindex !== 0) {
    const name = desk.links.nameOf(ifindex);
    sheet.put('dev', name, desk.paint.ifname(`${padBytes(name, 16)} `));
  }
  if (lladdr !== undefined) {
    const text = lladdrText(one, lladdr, desk);
    sheet.put('lladdr', text, desk.paint.mac(text));
  }
  sheet.say('\n');
  return sheet;
}

function addressBrush(address: string, { paint }: Desk): (text: string) => string {
  return address.includes(':') ? paint.inet6 : paint.inet;
}

function sheetOf(one: Neighbour, desk: Desk): Sheet {
  const { options, names, links, paint } = desk;
  const { dst, lladdr, ifindex, flags } = one;
  const sheet = new Sheet();
  if (dst !== undefined) sheet.put('dst', dst, addressBrush(dst, desk)(`${dst} `));
  if (!desk.hideDevice && ifindex !== 0) {
    const name = links.nameOf(ifindex);
    sheet.put('dev', name, `dev ${paint.ifname(`${name} `)}`);
  }
  if (lladdr !== undefined) {
    const text = lladdrText(one, lladdr, desk);
    sheet.put('lladdr', text, `lladdr ${paint.mac(`${text} `)}`);
  }
  for (const flag of ['router', 'proxy', 'managed', 'extern_learn', 'offload'])
    if (flags.includes(flag)) sheet.put(flag, null, `${flag} `);
  if (options.stats > 0) putStatistics(sheet, one);
  const states = one.state.filter((word) => !word.startsWith('0x'));
  if (one.state.length > 0) sheet.put('state', states, states.map((word) => `${word} `).join(''));
  const protocol = protocolNumber(one);
  if (protocol !== 0) {
    const name = names.protocolName(protocol);
    sheet.put('protocol', name, `proto ${name} `);
  }
  sheet.say('\n');
  return sheet;
}

/** The kernel counts in hundredths (USER_HZ), `ip` in whole seconds. */
function putStatistics(sheet: Sheet, one: Neighbour): void {
  const seconds = (hundredths = 0) => Math.trunc(hundredths / 100);
  if (one.used !== undefined) {
    if (one.refcnt) sheet.put('refcnt', one.refcnt, ` ref ${one.refcnt}`);
    sheet.put('used', seconds(one.used), ` used ${seconds(one.used)}`);
    sheet.put('confirmed', seconds(one.confirmed), `/${seconds(one.confirmed)}`);
    sheet.put('updated', seconds(one.updated), `/${seconds(one.updated)}`);
  }
  if (one.probes !== undefined) sheet.put('probes', one.probes, `probes ${one.probes} `);
}
