import type { VirtualFunction } from '../../route/link.ts';
import { matches, parseInteger, UsageError, unsigned, type Words, wrongArgument } from '../args.ts';
import type { ShowContext } from '../show/view.ts';
import { hardwareAddress, onOffValue } from './link-options.ts';
import { vlanProtocol } from './link-words-stacked.ts';

interface Tag {
  readonly vlan: number;
  readonly qos: number;
  readonly protocol: string;
}

/** `vlan VLANID [ qos QOS ] [ proto PROTOCOL ]`, behind the word `vlan`. */
function readTag(words: Words): Tag {
  const vlan = unsigned(words.next(), 'Invalid "vlan" value\n', 4095);
  const qos = words.takeAbbreviated('qos') ? unsigned(words.next(), 'Invalid "qos" value\n') : 0;
  const protocol = words.takeAbbreviated('proto') ? vlanProtocol(words.next()) : '802.1Q';
  return { vlan, qos, protocol };
}

const GUID = /^[0-9a-f]{2}(:[0-9a-f]{2}){7}$/i;

function readGuid(words: Words): string {
  const word = words.next();
  if (!GUID.test(word)) throw wrongArgument(word, 'Invalid GUID format\n');
  return word;
}

const STATES = ['auto', 'enable', 'disable'];

/** What `ip link set DEV vf` takes after these words: `vf NUM [ mac LLADDR ] [ vlan ... ] ...`. */
export async function readFunction(
  words: Words,
  dev: string | undefined,
  context: ShowContext,
): Promise<VirtualFunction> {
  const word = words.next();
  const vf = parseInteger(word);
  if (vf === undefined || vf < 0) throw wrongArgument(word, 'Invalid "vf" value\n');
  if (dev === undefined) throw new UsageError('Error: argument "dev" is required');
  const out: VirtualFunction = { vf };
  const rates: { min?: number; max?: number; old?: number } = {};
  const left = words.left;
  for (;;) {
    if (words.takeAbbreviated('mac')) out.mac = hardwareAddress(words.next());
    else if (words.takeAbbreviated('vlan')) readVlans(words, out);
    else if (words.takeAbbreviated('rate')) rates.old = unsigned(words.next(), 'Invalid "rate" value\n');
    else if (words.takeAbbreviated('max_tx_rate'))
      rates.max = unsigned(words.next(), 'Invalid "max tx rate" value\n');
    else if (words.takeAbbreviated('min_tx_rate'))
      rates.min = unsigned(words.next(), 'Invalid "min tx rate" value\n');
    else if (words.takeAbbreviated('spoofchk')) out.spoofchk = onOffValue('spoofchk', words.next());
    else if (words.takeAbbreviated('query_rss')) out.queryRss = onOffValue('query_rss', words.next());
    else if (words.takeAbbreviated('trust')) out.trust = onOffValue('trust', words.next());
    else if (words.takeAbbreviated('state')) {
      const given = words.next();
      const state = STATES.find((name) => matches(given, name));
      if (state === undefined) throw wrongArgument(given, 'Invalid "state" value\n');
      out.linkState = state;
    } else if (words.takeAbbreviated('node_guid')) out.nodeGuid = readGuid(words);
    else if (words.takeAbbreviated('port_guid')) out.portGuid = readGuid(words);
    else break;
  }
  if (words.left === left) throw new UsageError('Command line is not complete. Try option "help"');
  if (rates.min === undefined && rates.max === undefined) {
    if (rates.old !== undefined) out.txRate = rates.old;
    return out;
  }
  out.rate = await bothRates(rates, vf, dev, context);
  return out;
}

/** Behind one tag of 802.1ad there may be another. */
function readVlans(words: Words, out: VirtualFunction): void {
  const first = readTag(words);
  if (first.protocol === '802.1Q') {
    out.vlan = first.vlan;
    out.qos = first.qos;
    return;
  }
  out.vlanList = [first];
  while (words.takeAbbreviated('vlan')) out.vlanList.push(readTag(words));
}

/** The kernel takes both together: the one that is not said stays as it is. */
async function bothRates(
  { min, max, old }: { min?: number; max?: number; old?: number },
  vf: number,
  dev: string,
  context: ShowContext,
): Promise<{ minTx: number; maxTx: number }> {
  let minTx = min;
  let maxTx = max ?? old;
  if (minTx === undefined || maxTx === undefined) {
    const { vfinfoList = [] } = await context.rt.link.get(await context.linkIndex(dev), { vf: true });
    const now = vfinfoList.find((one) => one.vf === vf)?.rate;
    minTx ??= now?.minTx ?? 0;
    maxTx ??= now?.maxTx ?? 0;
  }
  if (maxTx !== 0 && minTx > maxTx)
    throw new UsageError(`Invalid min_tx_rate ${minTx} - must be <= max_tx_rate ${maxTx}`);
  return { minTx, maxTx };
}
