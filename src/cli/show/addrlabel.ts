import type { AddressLabel } from '../../route/address-label.ts';
import { FindingError } from '../args.ts';
import { paint } from '../text.ts';
import { type Desk, Sheet } from './route-sheet.ts';
import type { View } from './view.ts';

/** `ip addrlabel list`. */
export const addressLabelView: View = {
  names: ['addrlabel'],
  usage: `cofferdam addrlabel [ list ]
 cofferdam addrlabel { add | del } prefix PREFIX [ dev DEV ] [ label LABEL ]
 cofferdam addrlabel flush`,
  async run(args, context) {
    if (args.length > 0) throw new FindingError('"ip addrlabel show" does not take any arguments.');
    const { options, names, rt } = context;
    const desk: Desk = { options, names, links: await context.linkNames(), paint: paint(options.color) };
    const { family } = options;
    const labels = family === undefined || family === 'inet6' ? await rt.addressLabel.list() : [];
    const sheets = labels.map((label) => addressLabelSheet(label, desk));
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
  actions: async () => (await import('../verbs/addrlabel.ts')).addressLabelActions,
};

export function addressLabelSheet(label: AddressLabel, { links, paint: colours }: Desk): Sheet {
  const sheet = new Sheet();
  const [address = '', length] = label.prefix.split('/');
  sheet.put('address', address, `prefix ${colours.inet6(address)}`);
  sheet.put('prefixlen', Number(length), `/${length} `);
  if (label.ifindex !== undefined) {
    const name = links.nameOf(label.ifindex);
    sheet.put('ifname', name, `dev ${colours.ifname(`${name} `)}`);
  }
  sheet.put('label', label.label, `label ${label.label} `);
  sheet.say('\n');
  return sheet;
}
