import type { Link } from '../../route/link.ts';
import { duplicateOrGarbage, FindingError, inetPrefix, Words, wrongArgument } from '../args.ts';
import { ADDRESS_FLAGS } from './address-flags.ts';
import { kernelFilter, type LinkShowFilter, passes, takeLinkWord } from './link-filter.ts';
import { linkDesk, linkSheet } from './link-print.ts';
import type { ShowContext, View } from './view.ts';

/** `ip link show`. */
export const linkView: View = {
  names: ['link'],
  usage: `[ DEVICE | group GROUP ] [ up ] [ master DEVICE ] [ vrf NAME ] [ type TYPE ] [ nomaster ]
cofferdam link { add | replace } [ link DEVICE ] [ name ] NAME [ SETTING ... ] type TYPE [ ARGS ]
cofferdam link { set | change } { DEVICE | group GROUP } [ SETTING ... ] [ type TYPE ARGS ]
cofferdam link delete { DEVICE | group GROUP }
cofferdam link property { add | del } dev DEVICE altname NAME ...
cofferdam link xstats type { bridge | bond }[_slave] [ igmp | stp | lacp ] [ dev DEVICE ]
cofferdam link afstats [ dev DEVICE ]
SETTING := the words of ip-link(8): up down mtu address txqueuelen netns master group alias vf ...
TYPE := { veth | bridge | bridge_slave | vxlan | macvlan | macvtap | vlan | vrf | bond | bond_slave | ifb |
          dummy | ipvlan | ipvtap | gre[tap] | ip6gre[tap] | erspan | ip6erspan | ipip | sit | ip6tnl |
          vti | vti6 | geneve | xfrm | netkit | macsec | hsr | bareudp | gtp | amt | ... }`,

  actions: async () => (await import('../verbs/link.ts')).linkActions,

  async run(args, context) {
    const { filter, nothing } = await readWords(args, context);
    const links = await read(filter, context);
    const desk = await linkDesk(context, links, { asLink: true, family: 'link' });
    const sheets = links.map((link) =>
      passes(link, filter) && !nothing ? linkSheet(link, desk) : { json: {}, text: '' },
    );
    return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
  },
};

async function read(filter: LinkShowFilter, { rt }: ShowContext): Promise<Link[]> {
  return filter.ifindex === undefined
    ? rt.link.list({ ...kernelFilter(filter), vf: true })
    : [await rt.link.get(filter.ifindex, { vf: true })];
}

/** Words of `ip address show` about addresses, which `ip link show` takes and passes over. */
const ADDRESS_WORDS: ReadonlySet<string> = new Set(
  [...ADDRESS_FLAGS, 'dynamic', 'primary'].flatMap((flag) => [flag, `-${flag}`]),
);

async function readWords(
  args: readonly string[],
  context: ShowContext,
): Promise<{ filter: LinkShowFilter; nothing: boolean }> {
  const words = new Words(args);
  const filter: LinkShowFilter = {};
  let device: string | undefined;
  let nothing = false;
  while (words.more) {
    if (await takeLinkWord(words, filter, context)) continue;
    if (words.take('to')) inetPrefix(words.next(), 'link');
    else if (words.take('scope')) {
      const word = words.next();
      if (word !== 'all' && context.names.scopeId(word) === undefined)
        throw wrongArgument(word, 'invalid "scope"\n');
    } else if (words.take('label')) {
      // Addresses have labels; no link passes.
      words.next();
      nothing = true;
    } else if (!ADDRESS_WORDS.has(words.peek ?? '')) {
      words.take('dev');
      const word = words.next();
      if (device !== undefined) throw duplicateOrGarbage('dev', word);
      device = word;
    } else words.next();
  }
  if (device !== undefined) {
    const index = (await context.linkNames()).indexOf(device);
    if (index === undefined) throw new FindingError(`Device "${device}" does not exist.`);
    filter.ifindex = index;
  }
  return { filter, nothing };
}
