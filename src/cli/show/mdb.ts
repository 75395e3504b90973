import type { MdbEntry, MdbFilter, MdbRouterPort, MdbSource } from '../../route/mdb.ts';
import { numberOf, ROUTE_PROTOCOLS } from '../../route/route-words.ts';
import { duplicateArgument, Words } from '../args.ts';
import { linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import { lineBreak, paint } from '../text.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { JsonObject, ShowContext, View } from './view.ts';

/** `bridge mdb show`: one object with the entries, and with -d the ports that have routers, by bridge. */
export const mdbView: View = {
  names: ['mdb'],
  usage: `[ dev DEV ] [ vid VID ]
 cofferdam bridge mdb { add | del } dev DEV port PORT grp GROUP [ src SOURCE ] [ permanent | temp ] [ vid VID ]`,
  async run(args, context) {
    const filter = await readFilter(args, context);
    const { options, names, rt } = context;
    const desk: Desk = { options, names, links: await context.linkNames(), paint: paint(options.color) };
    const sheets = (await rt.mdb.list(filter)).map((entry) => entrySheet(entry, desk));
    const { vid: _, ...ofDevice } = filter;
    const ports = options.details ? await rt.mdb.routerPorts(ofDevice) : [];
    const router: JsonObject = {};
    let text = sheets.map((sheet) => sheet.text).join('');
    for (const [index, list] of groupByBridge(ports)) {
      const name = desk.links.nameOf(index);
      router[name] = list.map((port) => routerPort(port, desk));
      text += routerText(name, list, desk);
    }
    return { json: [{ mdb: sheets.map((sheet) => sheet.json), router }], text };
  },
  actions: async () => (await import('../verbs/mdb.ts')).mdbActions,
};

async function readFilter(args: readonly string[], context: ShowContext): Promise<MdbFilter> {
  const words = new Words(args);
  const filter: MdbFilter = {};
  let dev: string | undefined;
  while (words.more) {
    if (words.take('dev')) {
      const word = words.next();
      if (dev !== undefined) throw duplicateArgument('dev', word);
      dev = word;
    } else if (words.take('vid')) {
      const word = words.next();
      if (filter.vid !== undefined) throw duplicateArgument('vid', word);
      filter.vid = vlanId(word);
    } else throw unknownWord('mdb', words.next());
  }
  if (dev !== undefined) filter.dev = await linkNamed(dev, context);
  if (filter.vid === 0) delete filter.vid;
  return filter;
}

/** Seconds and hundredths; `bridge` lines those of entries up. */
function timerText(hundredths: number, width: number): string {
  const rest = String(hundredths % 100).padStart(2, '0');
  return `${String(Math.trunc(hundredths / 100)).padStart(width)}.${rest}`;
}

const FLAGS = ['offload', 'fast_leave', 'added_by_star_ex', 'blocked'];

function entrySheet(entry: MdbEntry, desk: Desk): Sheet {
  const { options, links } = desk;
  const sheet = new Sheet();
  const dev = links.nameOf(entry.ifindex);
  sheet.put('index', entry.ifindex);
  sheet.put('dev', dev, desk.paint.ifname(`dev ${dev}`));
  const port = links.nameOf(entry.portIndex);
  sheet.put('port', port, ` port ${port}`);
  sheet.put('grp', entry.grp, brush(entry.grp, desk)(` grp ${entry.grp}`));
  if (entry.src !== undefined) sheet.put('src', entry.src, brush(entry.grp, desk)(` src ${entry.src}`));
  const state = entry.state === 'permanent' || (Number(entry.state) & 1) !== 0 ? 'permanent' : 'temp';
  sheet.put('state', state, ` ${state}`);
  if (options.details) putDetails(sheet, entry, desk);
  const flags = FLAGS.filter((flag) => entry.flags.includes(flag));
  sheet.put('flags', flags, flags.map((flag) => ` ${flag}`).join(''));
  if (entry.vid !== undefined) sheet.put('vid', entry.vid, ` vid ${entry.vid}`);
  if (options.stats > 0 && entry.timer !== undefined) {
    const timer = timerText(entry.timer, 4);
    sheet.put('timer', timer, ` ${timer}`);
  }
  sheet.say(lineBreak(options));
  return sheet;
}

/** A group has no colour of its own where it is a link-layer address. */
function brush(group: string, { paint: colours }: Desk): (text: string) => string {
  if (group.includes('.') && !group.includes(':')) return colours.inet;
  return group.split(':').length === 6 && !group.includes('::') ? (text) => text : colours.inet6;
}

function putDetails(sheet: Sheet, entry: MdbEntry, desk: Desk): void {
  if (entry.filterMode !== undefined) {
    const mode = entry.filterMode === 'include' ? 'include' : 'exclude';
    sheet.put('filter_mode', mode, ` filter_mode ${mode}`);
  }
  if (entry.sources !== undefined) {
    const sources = entry.sources.filter((one): one is Required<MdbSource> => one.timer !== undefined);
    const timers = sources.map(({ timer }) => timerText(timer, 0));
    sheet.put(
      'source_list',
      sources.map(({ address }, i) => ({ address, timer: timers[i] })),
      ` source_list${sources
        .map(({ address }, i) => `${i === 0 ? ' ' : ','}${brush(entry.grp, desk)(address)}/${timers[i]}`)
        .join('')}`,
    );
  }
  if (entry.protocol === undefined) return;
  const protocol = desk.names.protocolName(numberOf(ROUTE_PROTOCOLS, entry.protocol));
  sheet.put('protocol', protocol, ` proto ${protocol} `);
}

function groupByBridge(ports: readonly MdbRouterPort[]): Map<number, MdbRouterPort[]> {
  const groups = new Map<number, MdbRouterPort[]>();
  for (const port of ports) {
    const group = groups.get(port.ifindex);
    if (group === undefined) groups.set(port.ifindex, [port]);
    else group.push(port);
  }
  return groups;
}

/** A port with a router behind it, with -s how long it lasts still. */
export function routerPort(
  { portIndex, router }: Pick<MdbRouterPort, 'portIndex' | 'router'>,
  { options, links }: Pick<Desk, 'options' | 'links'>,
): { port: string; timer?: string; type?: string } {
  const port = links.nameOf(portIndex);
  if (options.stats === 0) return { port };
  return {
    port,
    ...(router.timer === undefined ? {} : { timer: timerText(router.timer, 4) }),
    ...(router.type === undefined ? {} : { type: router.type.startsWith('temp') ? 'temp' : 'permanent' }),
  };
}

function routerText(bridge: string, ports: readonly MdbRouterPort[], desk: Desk): string {
  const head = `router ports on ${bridge}: `;
  if (desk.options.stats === 0)
    return `${head}${ports.map(({ portIndex }) => `${desk.links.nameOf(portIndex)} `).join('')}${lineBreak(desk.options)}`;
  return ports
    .map((one) => {
      const { port, timer, type } = routerPort(one, desk);
      return `${head}${port}${timer === undefined ? '' : ` ${timer}`}${type === undefined ? '' : ` ${type}`}\n`;
    })
    .join('');
}
