import { UsageError, unsigned, wrongArgument } from '../args.ts';
import {
  addressOf,
  choice,
  type Data,
  device,
  exact,
  type KindWords,
  number,
  numberOr,
  type Option,
  option,
  says,
  tos,
  U16,
  yesNo,
} from './link-options.ts';

const VNI_MAX = 0xffffff;
const LABEL_MAX = 0xfffff;

function isMulticast(address: string): boolean {
  if (address.includes(':')) return address.startsWith('ff');
  const first = Number(address.split('.')[0]);
  return first >= 224 && first < 240;
}

/** An address that is multicast, or is not; `any` is neither. */
function end(word: string, multicast: boolean): Option {
  return option(word, (words, data) => {
    const given = words.next();
    const address = addressOf(given);
    if (isMulticast(address) !== multicast) throw wrongArgument(given, `invalid ${word} address`);
    data[word] = address;
  });
}

const id = number(['id', 'vni'], VNI_MAX, 'id');
const df = choice('df', ['unset', 'set', 'inherit']);
const label = number(['label', 'flowlabel'], LABEL_MAX, 'label');

/** `inherit` is a setting of its own; `auto` is 0. */
const ttl = option(['ttl', 'hoplimit'], (words, data) => {
  const word = words.next();
  if (word === 'inherit') data.ttlInherit = true;
  else data.ttl = word === 'auto' ? 0 : unsigned(word, 'invalid TTL', 255);
});

/** `ip link add type vxlan`. */
export const vxlanWords: KindWords = {
  options: [
    id,
    end('group', true),
    end('remote', false),
    end('local', false),
    device('dev', 'linkIndex'),
    ttl,
    tos('tos', 'dsfield'),
    df,
    label,
    numberOr('ageing', 'ageing', { none: 0 }, 0xffffffff),
    numberOr('maxaddress', 'limit', { unlimited: 0 }, 0xffffffff),
    option(['port', 'srcport'], (words, data) => {
      const low = unsigned(words.next(), 'min port', U16);
      const high = unsigned(words.next(), 'max port', U16);
      if (low !== 0 || high !== 0) data.portRange = { low, high };
    }),
    number('dstport', U16, 'port'),
    ...yesNo('learning'),
    ...yesNo('proxy'),
    ...yesNo('rsc'),
    ...yesNo('l2miss'),
    ...yesNo('l3miss'),
    ...reversed('udpcsum', 'udpCsum'),
    ...reversed('udp6zerocsumtx', 'udpZeroCsum6Tx'),
    ...reversed('udp6zerocsumrx', 'udpZeroCsum6Rx'),
    ...reversed('remcsumtx', 'remcsumTx'),
    ...reversed('remcsumrx', 'remcsumRx'),
    says('external', { external: true, learning: false }),
    says('noexternal', { external: false }),
    says('gbp', { gbp: true }),
    says('gpe', { gpe: true }),
    exact(says('vnifilter', { vnifilter: true })),
    exact(says('novnifilter', { vnifilter: false })),
  ],
  defaults: { learning: true },
  finish(data, { creating, context }) {
    if (data.group !== undefined && data.remote !== undefined)
      throw new UsageError('vxlan: both group and remote cannot be specified');
    if (data.vnifilter === true && data.external !== true)
      throw new UsageError("vxlan: vnifilter is valid only when 'external' is set");
    if (data.external === true && data.id !== undefined)
      throw new UsageError("vxlan: both 'external' and vni cannot be specified");
    if (creating && data.external !== true && data.id === undefined)
      throw new UsageError('vxlan: missing virtual network identifier');
    if (data.group !== undefined && data.linkIndex === undefined)
      throw new UsageError("vxlan: 'group' requires 'dev' to be specified");
    if (data.port === undefined && data.gpe === true) data.port = 4790;
    // 0 leaves it to the kernel.
    if (data.port === 0) delete data.port;
    if (data.local === undefined && data.group === undefined && data.remote === undefined) {
      const { family } = context.options;
      if (family === 'inet') data.remote = '0.0.0.0';
      if (family === 'inet6') data.remote = '::';
    }
  },
};

/** `udpcsum` before `noudpcsum`, as iproute2 compares them. */
function reversed(word: string, field: string): Option[] {
  return yesNo(word, field).reverse();
}

/** `ip link add type geneve`. */
export const geneveWords: KindWords = {
  options: [
    id,
    end('remote', false),
    ttl,
    tos('tos', 'dsfield'),
    df,
    label,
    number('dstport', U16, 'port'),
    ...reversed('external', 'external'),
    ...reversed('udpcsum', 'udpCsum'),
    ...reversed('udp6zerocsumtx', 'udpZeroCsum6Tx'),
    ...reversed('udp6zerocsumrx', 'udpZeroCsum6Rx'),
    exact(says('innerprotoinherit', { innerProtoInherit: true })),
  ],
  defaults: { ttl: 0, tos: 0, label: 0 },
  finish(data, { creating }) {
    if (data.external === true && data.id !== undefined)
      throw new UsageError("geneve: both 'external' and vni cannot be specified");
    if (data.external !== true && data.id === undefined)
      throw new UsageError('geneve: missing virtual network identifier');
    if (creating && data.external !== true && data.remote === undefined)
      throw new UsageError('geneve: remote link partner not specified');
    data.id ??= 0;
    if (data.port === 0) delete data.port;
  },
};

const ETHERTYPES: Readonly<Data> = {
  ip: 'ip',
  ipv4: 'ip',
  ipv6: 'ipv6',
  mpls_uc: 'mpls_uc',
  mpls_mc: 'mpls_mc',
};

/** `ip link add type bareudp`. */
export const bareudpWords: KindWords = {
  options: [
    number('dstport', U16),
    option('ethertype', (words, data) => {
      const word = words.next();
      data.ethertype = ETHERTYPES[word] ?? String(unsigned(word, 'ethertype', U16));
    }),
    number('srcportmin', U16),
    ...reversed('multiproto', 'multiproto'),
  ],
  finish({ dstport, ethertype }) {
    if (dstport === undefined) throw new UsageError('Error: argument "dstport" is required');
    if (ethertype === undefined) throw new UsageError('Error: argument "ethertype" is required');
  },
};
