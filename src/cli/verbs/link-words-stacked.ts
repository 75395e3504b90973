import type { QosMapping } from '../../route/link.ts';
import { parseUnsigned, UsageError, unsigned, type Words, wrongArgument } from '../args.ts';
import {
  choice,
  type Data,
  ETHERNET,
  type KindWords,
  number,
  type Option,
  onOff,
  option,
  says,
  U16,
} from './link-options.ts';

/** An EtherType of VLAN tags. */
export function vlanProtocol(word: string): string {
  const known = ['802.1Q', '802.1ad'].find((name) => name.toLowerCase() === word.toLowerCase());
  const value = known ?? parseUnsigned(word, U16)?.toString();
  if (value === undefined) throw wrongArgument(word, 'protocol is invalid');
  return value;
}

function mapping(word: string, field: string): Option {
  return option(word, (words, data) => {
    data[field] = readMappings(words, word);
  });
}

/** `1:2 3:4`, as many as there are. */
function readMappings(words: Words, word: string): QosMapping[] {
  const mappings: QosMapping[] = [];
  const one = (text: string) => /^([^:]+):([^:]+)$/.exec(text);
  for (let found = one(words.need()); found !== null; found = words.more ? one(words.need()) : null) {
    const numbers = [found[1] ?? '', found[2] ?? ''].map((part) => unsigned(part, `invalid ${word}`));
    mappings.push({ from: numbers[0] ?? 0, to: numbers[1] ?? 0 });
    words.next();
  }
  return mappings;
}

/** `ip link add type vlan`. */
export const vlanWords: KindWords = {
  options: [
    option('protocol', (words, data) => {
      data.protocol = vlanProtocol(words.next());
    }),
    number('id', U16),
    onOff('reorder_hdr'),
    onOff('gvrp'),
    onOff('mvrp'),
    onOff('loose_binding'),
    onOff('bridge_binding'),
    mapping('ingress-qos-map', 'ingressQos'),
    mapping('egress-qos-map', 'egressQos'),
  ],
};

function addFlag(data: Data, ...flags: string[]): void {
  data.flags = [...((data.flags as string[] | undefined) ?? []), ...flags];
}

function readSources(words: Words, data: Data): void {
  const mode = words.next();
  if (!['add', 'del', 'set', 'flush'].includes(mode))
    throw new UsageError(`macvlan: what is "macaddr ${mode}"?`);
  data.macaddrMode = mode;
  if (mode === 'add' || mode === 'del') {
    const word = words.next();
    if (!ETHERNET.test(word)) throw new UsageError(`"${word}" is invalid lladdr.`);
    data.macaddr = word;
  }
  if (mode === 'set') {
    const addresses: string[] = [];
    while (words.more && ETHERNET.test(words.need())) addresses.push(words.next());
    data.macaddrData = addresses;
  }
}

/** `ip link add type macvlan`, and macvtap. */
export const macvlanWords: KindWords = {
  options: [
    choice('mode', ['private', 'vepa', 'bridge', 'passthru', 'source']),
    option('flag', (words, data) => {
      const word = words.next();
      if (!['nopromisc', 'nodst', 'null'].includes(word))
        throw new UsageError(
          `Error: argument of "flag" must be "nopromisc", "nodst" or "null", not "${word}"`,
        );
      addFlag(data, ...(word === 'null' ? [] : [word]));
    }),
    option('macaddr', (words, data) => readSources(words, data)),
    option('nopromisc', (_words, data) => addFlag(data, 'nopromisc')),
    option('nodst', (_words, data) => addFlag(data, 'nodst')),
    number('bcqueuelen'),
  ],
  finish({ flags, mode }) {
    if (Array.isArray(flags) && flags.includes('nopromisc') && mode !== 'passthru')
      throw new UsageError('macvlan: nopromisc flag only valid in passthru mode');
  },
};

/** `ip link add type ipvlan`, and ipvtap. */
export const ipvlanWords: KindWords = {
  options: [
    choice('mode', ['l2', 'l3', 'l3s']),
    says('private', { flags: ['private'] }),
    says('vepa', { flags: ['vepa'] }),
    says('bridge', { flags: [] }),
  ],
  finish(data) {
    data.flags ??= [];
  },
};

/** `ip link add type vrf`. */
export const vrfWords: KindWords = {
  options: [
    option('table', (words, data, { context }) => {
      const word = words.next();
      const table = context.names.tableId(word);
      if (table === undefined) throw wrongArgument(word, 'invalid table ID\n');
      data.table = table;
    }),
  ],
};
