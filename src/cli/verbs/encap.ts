import type { Encap, Ip6Encap, IpEncap, Seg6LocalEncap, TunnelFlag } from '../../route/encap.ts';
import { duplicateOrGarbage, parseUnsigned, UsageError, type Words, wrongArgument } from '../args.ts';
import type { ShowContext } from '../show/view.ts';
import { addressText, nextNamed, nextNumber, nextOf } from './words.ts';

/** `encap TYPE ...` of routes and nexthops, man 8 ip-route. */

/** The words behind `encap`; the cursor ends on the first that is none of the tunnel's. */
export async function takeEncap(words: Words, context: ShowContext): Promise<Encap> {
  const type = words.next();
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (read === undefined) {
    const known = UNSUPPORTED.has(type) ? `encap "${type}" is not supported here\n` : undefined;
    throw wrongArgument(type, known ?? '"encap type" value is invalid\n');
  }
  words.need();
  if (words.left <= 1) throw new UsageError('Error: unexpected end of line after "encap"');
  return await read(words, context);
}

/** Types that `ip` writes and we don't: they take a program's fd, or a module that nobody has. */
const UNSUPPORTED = new Set(['ila', 'bpf', 'ioam6']);

const READERS: Readonly<Record<string, (words: Words, context: ShowContext) => Encap | Promise<Encap>>> = {
  mpls: takeMpls,
  ip: (words, context) => takeIp(words, context),
  ip6: (words, context) => takeIp6(words, context),
  seg6: takeSeg6,
  seg6local: takeSeg6Local,
  rpl: takeRpl,
  xfrm: takeXfrm,
};

/** Throws where a word stands twice, as `ip` does. */
class Once {
  readonly #seen = new Set<string>();
  check(name: string, word: string | undefined): void {
    if (this.#seen.has(name)) throw duplicateOrGarbage(name, word ?? '');
    this.#seen.add(name);
  }
}

function takeMpls(words: Words): Encap {
  const encap: Encap = { type: 'mpls', dst: addressText(words.next(), 'mpls') };
  const once = new Once();
  while (words.take('ttl')) {
    once.check('ttl', words.need());
    encap.ttl = nextNumber(words, '"ttl" value is invalid\n', 255);
  }
  return encap;
}

/** The tunnel's own options panic kernels: not even the wish is passed on. */
const OPTIONS = ['geneve_opts', 'vxlan_opts', 'erspan_opts'];

/** Words that both IP tunnels have. */
function takeTunnelWord(words: Words, encap: IpEncap | Ip6Encap, once: Once, flags: TunnelFlag[]): boolean {
  const family = encap.type === 'ip' ? 'inet' : 'inet6';
  if (words.take('id')) {
    once.check('id', words.need());
    encap.id = nextId(words);
  } else if (words.take('dst')) {
    once.check('dst', words.need());
    encap.dst = addressText(words.next(), family);
  } else if (words.take('src')) {
    once.check('src', words.need());
    encap.src = addressText(words.next(), family);
  } else {
    const word = words.peek ?? '';
    if (OPTIONS.includes(word))
      throw new UsageError(
        `Error: "${word}" is refused here: kernels up to at least 6.18 do not handle tunnel options of routes safely.`,
      );
    if (word !== 'key' && word !== 'csum' && word !== 'seq') return false;
    once.check(word, words.next());
    flags.push(word);
  }
  return true;
}

function nextId(words: Words): bigint {
  const word = words.next();
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(word)) throw wrongArgument(word, '"id" value is invalid\n');
  const octal = /^0[0-7]+$/.test(word);
  const id = BigInt(octal ? `0o${word}` : word);
  if (id >= 1n << 64n) throw wrongArgument(word, '"id" value is invalid\n');
  return id;
}

function takeIp(words: Words, context: ShowContext): Encap {
  const encap: IpEncap = { type: 'ip' };
  const once = new Once();
  const flags: TunnelFlag[] = [];
  for (;;) {
    if (takeTunnelWord(words, encap, once, flags)) continue;
    if (words.take('tos')) {
      once.check('tos', words.need());
      encap.tos = nextNamed(words, (word) => context.names.dsfieldId(word), '"tos" value is invalid\n');
    } else if (words.take('ttl')) {
      once.check('ttl', words.need());
      encap.ttl = nextNumber(words, '"ttl" value is invalid\n', 255);
    } else break;
  }
  if (flags.length > 0) encap.flags = flags;
  return encap;
}

function takeIp6(words: Words, context: ShowContext): Encap {
  const encap: Ip6Encap = { type: 'ip6' };
  const once = new Once();
  const flags: TunnelFlag[] = [];
  for (;;) {
    if (takeTunnelWord(words, encap, once, flags)) continue;
    if (words.take('tc')) {
      once.check('tc', words.need());
      encap.tc = nextNamed(words, (word) => context.names.dsfieldId(word), '"tc" value is invalid\n');
    } else if (words.take('hoplimit')) {
      once.check('hoplimit', words.need());
      encap.hoplimit = nextNumber(words, '"hoplimit" value is invalid\n', 255);
    } else break;
  }
  if (flags.length > 0) encap.flags = flags;
  return encap;
}

const SEG6_MODES = {
  inline: 'inline',
  encap: 'encap',
  l2encap: 'l2encap',
  'encap.red': 'encap.red',
  'l2encap.red': 'l2encap.red',
};

function segments(word: string): string[] {
  return word
    .split(',')
    .filter((segment) => segment !== '')
    .map((segment) => addressText(segment, 'inet6'));
}

function takeSeg6(words: Words): Encap {
  let mode: string | undefined;
  let segs: string[] = [];
  let hmac = 0;
  const once = new Once();
  for (;;) {
    if (words.take('mode')) {
      once.check('mode', words.need());
      mode = nextOf(words, SEG6_MODES, '"mode" value is invalid\n');
    } else if (words.take('segs')) {
      once.check('segs', words.need());
      const word = words.next();
      if (mode === undefined) throw wrongArgument(word, '"segs" provided before "mode"\n');
      segs = segments(word);
    } else if (words.take('hmac')) {
      once.check('hmac', words.need());
      hmac = parseUnsigned(words.next()) ?? 0;
    } else break;
  }
  if (mode === undefined) throw new UsageError('Error: argument "mode" is required');
  return { type: 'seg6', mode, segs, ...(hmac === 0 ? {} : { hmac }) };
}

/** SEG6_LOCAL_ACTION_* that `ip` has a word for. */
const ACTIONS = Object.fromEntries(
  [
    ...['End', 'End.X', 'End.T', 'End.DX2', 'End.DX6', 'End.DX4', 'End.DT6', 'End.DT4', 'End.B6'],
    ...['End.B6.Encaps', 'End.BM', 'End.S', 'End.AS', 'End.AM', 'End.BPF', 'End.DT46'],
  ].map((action) => [action, action]),
);

async function takeSeg6Local(words: Words, context: ShowContext): Promise<Encap> {
  const fields: Partial<Seg6LocalEncap> = {};
  const once = new Once();
  const table = (complaint: string) => nextNamed(words, (word) => context.names.tableId(word), complaint);
  for (;;) {
    const word = words.peek ?? '';
    if (!SEG6_LOCAL_WORDS.has(word)) break;
    words.next();
    if (word !== 'count') words.need();
    once.check(word, words.peek);
    if (word === 'action') fields.action = nextOf(words, ACTIONS, '"action" value is invalid\n');
    else if (word === 'table') fields.table = table('invalid table id\n');
    else if (word === 'vrftable') fields.vrftable = table('invalid vrf table id\n');
    else if (word === 'nh4') fields.nh4 = addressText(words.next(), 'inet');
    else if (word === 'nh6') fields.nh6 = addressText(words.next(), 'inet6');
    else if (word === 'iif') fields.iif = await context.linkIndex(words.next());
    else if (word === 'oif') fields.oif = await context.linkIndex(words.next());
    // The kernel counts from zero whatever it is told.
    else if (word === 'count') fields.counters = { packets: 0n, bytes: 0n, errors: 0n };
    else if (word === 'flavors') fields.flavors = takeFlavors(words);
    else if (word === 'srh') fields.srh = takeHeader(words);
    else throw wrongArgument(word, 'programs are not supported here\n');
  }
  if (fields.action === undefined) throw new UsageError('Missing action type');
  return { type: 'seg6local', ...fields, action: fields.action };
}

const SEG6_LOCAL_WORDS = new Set([
  ...['action', 'table', 'vrftable', 'nh4', 'nh6', 'iif', 'oif', 'count', 'flavors', 'srh', 'endpoint'],
]);

function takeHeader(words: Words): { segs: string[]; hmac?: number } {
  const word = words.next();
  if (word !== 'segs') throw wrongArgument(word, 'missing "segs" attribute for srh\n');
  const segs = segments(words.next());
  const hmac = words.take('hmac') ? (parseUnsigned(words.next()) ?? 0) : 0;
  return { segs, ...(hmac === 0 ? {} : { hmac }) };
}

const FLAVORS = { psp: 'psp', usp: 'usp', usd: 'usd', 'next-csid': 'next-csid' };

function takeFlavors(words: Words): NonNullable<Seg6LocalEncap['flavors']> {
  const word = words.next();
  const operations = word.split(',').filter((name) => name !== '');
  if (operations.length === 0 || operations.some((name) => !Object.hasOwn(FLAVORS, name)))
    throw wrongArgument(word, 'invalid "flavors" attribute\n');
  const flavors: NonNullable<Seg6LocalEncap['flavors']> = { operations };
  if (!operations.includes('next-csid')) return flavors;
  if (words.take('lblen'))
    flavors.lblen = nextNumber(words, '"locator-block length" value is invalid\n', 255);
  if (words.take('nflen'))
    flavors.nflen = nextNumber(words, '"locator-node function length" value is invalid\n', 255);
  return flavors;
}

function takeRpl(words: Words): Encap {
  let segs: string[] = [];
  const once = new Once();
  while (words.take('segs')) {
    once.check('segs', words.need());
    segs = segments(words.next());
  }
  return { type: 'rpl', segs };
}

async function takeXfrm(words: Words, context: ShowContext): Promise<Encap> {
  let ifId: number | undefined;
  let link: number | undefined;
  const once = new Once();
  for (;;) {
    if (words.take('if_id')) {
      once.check('if_id', words.need());
      ifId = nextNumber(words, '"if_id" value is invalid\n');
      if (ifId === 0) throw wrongArgument('0', '"if_id" value is invalid\n');
    } else if (words.take('link_dev')) {
      once.check('link_dev', words.need());
      link = await context.linkIndex(words.next());
    } else break;
  }
  if (ifId === undefined) throw new UsageError('Error: argument "if_id" is required');
  return { type: 'xfrm', ifId, ...(link === undefined ? {} : { link }) };
}
