import { UsageError, type Words } from '../args.ts';
import { type Data, type KindWords, readKind, type Scope } from './link-options.ts';
import { bondPortWords, bondWords } from './link-words-bond.ts';
import { bridgePortWords, bridgeWords } from './link-words-bridge.ts';
import { canWords } from './link-words-can.ts';
import { bareudpWords, geneveWords, vxlanWords } from './link-words-overlay.ts';
import {
  batadvWords,
  dsaWords,
  gtpWords,
  hsrWords,
  ipoibWords,
  macsecWords,
  netkitWords,
  rmnetWords,
  wwanWords,
} from './link-words-rare.ts';
import { ipvlanWords, macvlanWords, vlanWords, vrfWords } from './link-words-stacked.ts';
import {
  amtWords,
  erspanWords,
  gre4Words,
  gre6Words,
  ip6tnlWords,
  ipipWords,
  sitWords,
  vti4Words,
  vti6Words,
  xfrmWords,
} from './link-words-tunnels.ts';

/** What may stand behind `type KIND`. Kinds that are not here have no words. */
const KIND_WORDS: Readonly<Record<string, KindWords>> = {
  amt: amtWords,
  bareudp: bareudpWords,
  batadv: batadvWords,
  bond: bondWords,
  bridge: bridgeWords,
  can: canWords,
  dsa: dsaWords,
  erspan: erspanWords,
  geneve: geneveWords,
  gre: gre4Words,
  gretap: gre4Words,
  gtp: gtpWords,
  hsr: hsrWords,
  ip6erspan: gre6Words,
  ip6gre: gre6Words,
  ip6gretap: gre6Words,
  ip6tnl: ip6tnlWords,
  ipip: ipipWords,
  ipoib: ipoibWords,
  ipvlan: ipvlanWords,
  ipvtap: ipvlanWords,
  macsec: macsecWords,
  macvlan: macvlanWords,
  macvtap: macvlanWords,
  netkit: netkitWords,
  rmnet: rmnetWords,
  sit: sitWords,
  vlan: vlanWords,
  vrf: vrfWords,
  vti: vti4Words,
  vti6: vti6Words,
  vxlan: vxlanWords,
  wwan: wwanWords,
  xfrm: xfrmWords,
};

/** Of ports: by the kind of their master, and under which field of a link they go. */
const PORT_WORDS: Readonly<Record<string, { readonly field: string; readonly words: KindWords }>> = {
  bridge_slave: { field: 'bridgePort', words: bridgePortWords },
  bond_slave: { field: 'bondPort', words: bondPortWords },
};

/** Kinds that `ip` knows and that have no words; what it does not know, it takes without words as well. */
export function isPort(type: string): boolean {
  return type.endsWith('_slave');
}

/**
 * The words after `type TYPE` as fields of the library's input. Where there are none, neither is there data: `ip`
 * leaves the kernel to its own defaults then.
 */
export async function readType(type: string, words: Words, scope: Scope): Promise<Data> {
  const port = Object.hasOwn(PORT_WORDS, type) ? PORT_WORDS[type] : undefined;
  const kind = Object.hasOwn(KIND_WORDS, type) ? KIND_WORDS[type] : undefined;
  const head: Data = isPort(type) ? { portKind: type.slice(0, -'_slave'.length) } : { kind: type };
  const known = port?.words ?? kind;
  if (!words.more) return head;
  if (known === undefined)
    throw new UsageError(`Garbage instead of arguments "${words.need()} ...". Try "cofferdam link help".`);
  const data = await readKind(type, known, words, scope);
  if (port !== undefined) return { [port.field]: data };
  return { ...head, [type]: data };
}
