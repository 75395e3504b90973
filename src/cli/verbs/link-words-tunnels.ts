import { parseUnsigned, UsageError, unsigned, type Words, wrongArgument } from '../args.ts';
import {
  address,
  addressOf,
  choice,
  type Data,
  device,
  exact,
  hexadecimal,
  type KindWords,
  number,
  numberOr,
  type Option,
  option,
  says,
  tos,
  U8,
  U16,
} from './link-options.ts';

/** A key as the library has it: a number, or spelled like an address. */
function readKey(words: Words, name: string): string {
  const word = words.next();
  if (word.includes('.')) return addressOf(word, 'inet');
  const value = parseUnsigned(word);
  if (value === undefined)
    throw new UsageError(`invalid value for "${name}": "${word}"; it should be an unsigned integer`);
  return String(value);
}

function keys(...fields: readonly [name: string, ...fields: string[]]): Option[] {
  const [name, ...targets] = fields;
  const all = (value: unknown): Data => Object.fromEntries(targets.map((field) => [field, value]));
  return [
    option(name, (words, data) => void Object.assign(data, all(readKey(words, name)))),
    says(`no${name}`, all(null)),
  ];
}

function greFlags(word: string, ...fields: readonly string[]): Option[] {
  const all = (value: boolean): Data => Object.fromEntries(fields.map((field) => [field, value]));
  return [says(word, all(true)), says(`no${word}`, all(false))];
}

/** Adds words to a set of them, or takes them away. */
function flagWord(word: string, field: string, flag: string, on: boolean): Option {
  return exact(option(word, (_words, data) => switchFlag(data, field, flag, on)));
}

function switchFlag(data: Data, field: string, flag: string, on: boolean): void {
  const others = ((data[field] as readonly string[] | undefined) ?? []).filter((one) => one !== flag);
  data[field] = on ? [...others, flag] : others;
}

const encapOptions: readonly Option[] = [
  exact(says('noencap', { encapType: 'none' })),
  exact(choice('encap', ['fou', 'gue', 'none'], { field: 'encapType' })),
  exact(numberOr('encap-sport', 'encapSport', { auto: 0 }, U16)),
  exact(number('encap-dport', U16)),
  ...['csum', 'udp6-csum', 'remcsum'].flatMap((word) => {
    const flag = word === 'udp6-csum' ? 'csum6' : word;
    return [
      flagWord(`encap-${word}`, 'encapFlags', flag, true),
      flagWord(`noencap-${word}`, 'encapFlags', flag, false),
    ];
  }),
  exact(says('external', { external: true })),
];
const ENCAP = { encapType: 'none', encapFlags: [], encapSport: 0, encapDport: 0 };

const erspanOptions: readonly Option[] = [
  exact(
    option('erspan', (words, data) => {
      const word = words.next();
      const index = unsigned(word, 'invalid erspan index\n');
      if (index === 0 || index > 0xfffff)
        throw wrongArgument(word, 'erspan index must be > 0 and <= 20-bit\n');
      data.erspanIndex = index;
    }),
  ),
  exact(
    option('erspan_ver', (words, data) => {
      const word = words.next();
      const version = unsigned(word, 'invalid erspan version\n', U8);
      if (version > 2) throw wrongArgument(word, 'erspan version must be 0/1/2\n');
      data.erspanVer = version;
    }),
  ),
  exact(choice('erspan_dir', ['ingress', 'egress'])),
  exact(number('erspan_hwid', U16)),
];

/** What goes with which version. */
function finishErspan(data: Data): void {
  if (data.erspanVer !== 1) delete data.erspanIndex;
  if (data.erspanVer === 2) {
    data.erspanDir ??= 'ingress';
    data.erspanHwid ??= 0;
  } else {
    delete data.erspanDir;
    delete data.erspanHwid;
  }
}

/** An unspecified end is none. */
function dropUnspecified(data: Data, ...fields: readonly string[]): void {
  for (const field of fields) if (data[field] === '0.0.0.0' || data[field] === '::') delete data[field];
}

/** Of a tunnel whose routes say where to, nothing else is said but `kept`. */
function dropIfExternal(data: Data, ...kept: readonly string[]): boolean {
  if (data.external !== true) return false;
  for (const field of Object.keys(data))
    if (field !== 'external' && !kept.includes(field)) delete data[field];
  return true;
}

const greOptions: readonly Option[] = [
  ...keys('key', 'ikey', 'okey'),
  ...keys('ikey', 'ikey'),
  ...keys('okey', 'okey'),
  ...greFlags('seq', 'iseq', 'oseq'),
  ...greFlags('iseq', 'iseq'),
  ...greFlags('oseq', 'oseq'),
  ...greFlags('csum', 'icsum', 'ocsum'),
  ...greFlags('icsum', 'icsum'),
  ...greFlags('ocsum', 'ocsum'),
];
const GRE = { iseq: false, oseq: false, icsum: false, ocsum: false, fwmark: 0 };
const ttl4 = numberOr(['ttl', 'hoplimit', 'hlim'], 'ttl', { inherit: 0 });
const dev = device('dev', 'linkIndex');
const fwmark4 = exact(number('fwmark'));

function greWords(erspan: boolean): KindWords {
  return {
    options: [
      ...greOptions,
      says('nopmtudisc', { pmtudisc: false }),
      says('pmtudisc', { pmtudisc: true }),
      address('remote', 'inet'),
      address('local', 'inet'),
      dev,
      ttl4,
      tos('tos', 'tclass', 'dsfield'),
      ...encapOptions,
      exact(says('ignore-df', { ignoreDf: true })),
      exact(says('noignore-df', { ignoreDf: false })),
      fwmark4,
      ...(erspan ? erspanOptions : []),
    ],
    defaults: { ...GRE, ...ENCAP, pmtudisc: true, tos: 0, ttl: 0, ...(erspan && { erspanVer: 1 }) },
    finish(data) {
      if (dropIfExternal(data)) return;
      const first = Number(String(data.remote ?? '0').split('.')[0]);
      if (first >= 224 && first < 240) {
        // What comes by multicast is told apart by the group.
        data.ikey ??= data.remote;
        data.okey ??= data.remote;
        if (data.local === undefined) throw new UsageError('A broadcast tunnel requires a source address.');
      }
      dropUnspecified(data, 'remote', 'local');
      if (erspan) finishErspan(data);
    },
  };
}

export const gre4Words = greWords(false);
export const erspanWords = greWords(true);

/** What tunnels over IPv6 have in common. Numbers are hexadecimal, with or without 0x. */
const over6: readonly Option[] = [
  address('remote', 'inet6'),
  address('local', 'inet6'),
  dev,
  ttl4,
  option(['tos', 'tclass', 'dsfield'], (words, data) => {
    const word = words.next();
    const inherit = word === 'inherit';
    data.tclass = inherit ? 0 : hexadecimal(word, 'invalid TClass', U8);
    switchFlag(data, 'flags', 'use_orig_tclass', inherit);
  }),
  exact(
    option(['flowlabel', 'fl'], (words, data) => {
      const word = words.next();
      const inherit = word === 'inherit';
      data.flowlabel = inherit ? 0 : hexadecimal(word, 'invalid Flowlabel', 0xfffff);
      switchFlag(data, 'flags', 'use_orig_flowlabel', inherit);
    }),
  ),
  exact(
    option('dscp', (words, data) => {
      const word = words.next();
      if (word !== 'inherit') throw wrongArgument(word, 'not inherit');
      switchFlag(data, 'flags', 'rcv_dscp_copy', true);
    }),
  ),
  exact(
    option('fwmark', (words, data) => {
      const word = words.next();
      const inherit = word === 'inherit';
      data.fwmark = inherit ? 0 : unsigned(word, 'invalid fwmark\n');
      switchFlag(data, 'flags', 'use_orig_fwmark', inherit);
    }),
  ),
  flagWord('allow-localremote', 'flags', 'allow_local_remote', true),
  flagWord('noallow-localremote', 'flags', 'allow_local_remote', false),
  exact(
    option('encaplimit', (words, data) => {
      const word = words.next();
      const none = word === 'none';
      if (!none) data.encapLimit = unsigned(word, 'invalid ELIM', U8);
      switchFlag(data, 'flags', 'ign_encap_limit', none);
    }),
  ),
  ...encapOptions,
];
/** IPV6_DEFAULT_TNL_ENCAP_LIMIT, uapi/linux/ip6_tunnel.h; 64 hops are the program's own. */
const OVER6 = { ttl: 64, encapLimit: 4, tclass: 0, flowlabel: 0, flags: [], fwmark: 0 };
const ENCAP6 = { ...ENCAP, encapFlags: ['csum6'] };

export const gre6Words: KindWords = {
  options: [...greOptions, ...over6, ...erspanOptions],
  defaults: { ...GRE, ...OVER6, ...ENCAP6, erspanVer: 1 },
  finish(data) {
    if (dropIfExternal(data)) return;
    dropUnspecified(data, 'remote', 'local');
    finishErspan(data);
  },
};

const MODES4: Readonly<Record<string, string>> = {
  'ipv4/ipv4': 'ipip',
  ipip: 'ipip',
  ip4ip4: 'ipip',
  'mpls/ipv4': 'mplsip',
  mplsip: 'mplsip',
  'any/ipv4': 'any',
  any: 'any',
};
const MODES_SIT = { ...MODES4, 'ipv6/ipv4': 'ip6ip', ip6ip: 'ip6ip' };
const MODES6: Readonly<Record<string, string>> = {
  'ipv6/ipv6': 'ip6ip6',
  ip6ip6: 'ip6ip6',
  'ip/ipv6': 'ipip6',
  'ipv4/ipv6': 'ipip6',
  ipip6: 'ipip6',
  ip4ip6: 'ipip6',
  'any/ipv6': 'any',
  any: 'any',
};

function mode(modes: Readonly<Record<string, string>>): Option {
  return exact(
    option('mode', (words, data) => {
      const word = words.next();
      const proto = Object.hasOwn(modes, word) ? modes[word] : undefined;
      if (proto === undefined) throw wrongArgument(word, 'Cannot guess tunnel mode.');
      data.proto = proto;
    }),
  );
}

/** A prefix of 6rd: its address and its length are two fields. */
function prefix(word: string, field: string, family: 'inet' | 'inet6'): Option {
  return exact(
    option(word, (words, data) => {
      const [text = '', length] = words.next().split('/');
      data[field] = addressOf(text, family);
      const bits = family === 'inet' ? 32 : 128;
      data[`${field}len`] = length === undefined ? bits : unsigned(length, `invalid ${word}\n`, bits);
    }),
  );
}

function iptunnelWords(sit: boolean): KindWords {
  return {
    options: [
      mode(sit ? MODES_SIT : MODES4),
      exact(address('remote', 'inet')),
      exact(address('local', 'inet')),
      dev,
      exact(ttl4),
      exact(tos('tos', 'tclass', 'tc')),
      tos('dsfield'),
      exact(says('nopmtudisc', { pmtudisc: false })),
      exact(says('pmtudisc', { pmtudisc: true })),
      ...(sit ? [flagWord('isatap', 'flags', 'isatap', true)] : []),
      ...encapOptions,
      ...(sit
        ? [
            prefix('6rd-prefix', 'prefix', 'inet6'),
            prefix('6rd-relay_prefix', 'relayPrefix', 'inet'),
            exact(
              says('6rd-reset', {
                prefix: '2002::',
                prefixlen: 16,
                relayPrefix: '0.0.0.0',
                relayPrefixlen: 0,
              }),
            ),
          ]
        : []),
      fwmark4,
    ],
    defaults: {
      ...ENCAP,
      proto: 'any',
      pmtudisc: true,
      tos: 0,
      ttl: 0,
      linkIndex: 0,
      fwmark: 0,
      ...(sit && { flags: [] }),
    },
    finish(data) {
      if (data.ttl !== 0 && data.ttl !== undefined && data.pmtudisc === false)
        throw new UsageError('ttl != 0 and nopmtudisc are incompatible');
      if (!dropIfExternal(data, 'proto')) dropUnspecified(data, 'remote', 'local');
    },
  };
}

export const ipipWords = iptunnelWords(false);
export const sitWords = iptunnelWords(true);

export const ip6tnlWords: KindWords = {
  options: [mode(MODES6), ...over6],
  defaults: { ...OVER6, ...ENCAP6, proto: 'any', linkIndex: 0 },
  finish(data) {
    if (!dropIfExternal(data, 'proto')) dropUnspecified(data, 'remote', 'local');
  },
};

function vtiWords(family: 'inet' | 'inet6'): KindWords {
  const key = (name: string, ...fields: readonly string[]) =>
    option(name, (words, data) => {
      const value = readKey(words, name);
      for (const field of fields) data[field] = value;
    });
  return {
    options: [
      key('key', 'ikey', 'okey'),
      key('ikey', 'ikey'),
      key('okey', 'okey'),
      address('remote', family),
      address('local', family),
      dev,
      fwmark4,
    ],
    defaults: { ikey: '0', okey: '0', fwmark: 0 },
    finish: (data) => dropUnspecified(data, 'remote', 'local'),
  };
}

export const vti4Words = vtiWords('inet');
export const vti6Words = vtiWords('inet6');

export const xfrmWords: KindWords = {
  options: [
    dev,
    option('if_id', (words, data) => {
      const word = words.next();
      const id = unsigned(word, 'if_id value is invalid');
      if (id === 0) throw wrongArgument(word, 'if_id value is invalid');
      data.ifId = id;
    }),
    exact(says('external', { external: true })),
  ],
  finish({ external, ifId, linkIndex }) {
    if (external === true && (ifId !== undefined || linkIndex !== undefined))
      throw new UsageError("xfrmi: both 'external' and if_id/link cannot be specified");
    if (external !== true && ifId === undefined) throw new UsageError('Error: argument "IF_ID" is required');
  },
};

export const amtWords: KindWords = {
  options: [
    choice('mode', ['gateway', 'relay']),
    number('relay_port', U16),
    number('gateway_port', U16),
    number('max_tunnels'),
    dev,
    address('local', 'inet'),
    address('discovery', 'inet'),
  ].map(exact),
};
