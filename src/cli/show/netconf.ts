import type { Netconf } from '../../route/netconf.ts';
import { FindingError, UsageError, Words } from '../args.ts';
import { paint } from '../text.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { ShowContext, View } from './view.ts';

/** `ip netconf show`. */
export const netconfView: View = {
  names: ['netconf'],
  usage: '[ dev STRING ]',
  async run(args, context) {
    const words = new Words(args);
    let dev: string | undefined;
    while (words.more) {
      if (words.take('dev')) dev = words.next();
      else throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam netconf help".`);
    }
    const { options, names, rt } = context;
    const { family } = options;
    const families =
      family === undefined
        ? (['inet', 'inet6'] as const)
        : family === 'link' || family === 'bridge'
          ? []
          : [family];
    const filter = dev === undefined ? {} : { dev: await device(dev, context) };
    const desk: Desk = { options, names, links: await context.linkNames(), paint: paint(options.color) };
    const sheets: Sheet[] = [];
    for (const one of families)
      for (const netconf of await rt.netconf.list({ ...filter, family: one }))
        sheets.push(netconfSheet(netconf, desk));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
};

export function netconfSheet(netconf: Netconf, { links, paint: colours }: Desk): Sheet {
  const sheet = new Sheet();
  sheet.put('family', netconf.family, `${netconf.family} `);
  // `all` and `default` have no index that a link could have.
  const dev = netconf.ifindex < 0 ? (netconf.dev ?? '') : links.nameOf(netconf.ifindex);
  sheet.put('interface', dev, colours.ifname(`${dev} `));
  const putSwitch = (key: string, value: boolean | undefined) => {
    if (value !== undefined) sheet.put(key, value, `${key} ${value ? 'on' : 'off'} `);
  };
  putSwitch('forwarding', netconf.forwarding);
  const { rpFilter } = netconf;
  if (rpFilter !== undefined)
    sheet.put('rp_filter', /^\d+$/.test(rpFilter) ? Number(rpFilter) : rpFilter, `rp_filter ${rpFilter} `);
  putSwitch('mc_forwarding', netconf.mcForwarding);
  putSwitch('proxy_neigh', netconf.proxyNeigh);
  putSwitch('ignore_routes_with_linkdown', netconf.ignoreRoutesWithLinkdown);
  putSwitch('input', netconf.input);
  sheet.say('\n');
  return sheet;
}

async function device(name: string, context: ShowContext): Promise<number> {
  try {
    return await context.linkIndex(name);
  } catch (error) {
    if (error instanceof FindingError) throw new FindingError(`Device "${name}" does not exist.`);
    throw error;
  }
}
