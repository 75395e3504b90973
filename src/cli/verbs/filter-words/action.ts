import type { Action } from '../../../route/action-list.ts';
import type { Police } from '../../../route/actions/index.ts';
import { formatClassId, HANDLE_WORDS, parseClassId } from '../../../route/tc-handle.ts';
import { protocolNumber, protocolWord } from '../../../route/tc-protocol.ts';
import {
  duplicateArgument,
  matches,
  parseUnsigned,
  UsageError,
  type Words,
  wrongArgument,
} from '../../args.ts';
import { parseRate, parseRate32, parseSize, parseSizeAndCell } from '../../show/tc/unit-words.ts';
import { illegal, next, parseDecimal, parseLinkLayer } from '../qdisc-words/rows.ts';

/** The words of `tc` for actions: m_*.c's of iproute2, man 8 tc-actions. */

/** In the order in which abbreviations are tried. */
const CONTROLS = [
  ['continue', 'continue'],
  ['drop', 'drop'],
  ['shot', 'drop'],
  ['pass', 'pass'],
  ['ok', 'pass'],
  ['reclassify', 'reclassify'],
  ['pipe', 'pipe'],
  ['goto', 'goto'],
  ['jump', 'jump'],
  ['trap', 'trap'],
] as const;

/** What happens to a packet, or undefined where the next word does not say it. */
export function readControl(words: Words): string | undefined {
  const given = words.peek;
  const found = given === undefined ? undefined : CONTROLS.find(([name]) => matches(given, name))?.[1];
  if (found === undefined) return undefined;
  words.next();
  if (found === 'goto') {
    if (!words.takeAbbreviated('chain')) throw new UsageError('"chain index" expected');
    return `goto chain ${next(words, 'chain index', (word) => parseDecimal(word, 0x0fffffff))}`;
  }
  if (found === 'jump') return `jump ${next(words, 'jump count', (word) => parseDecimal(word, 0x0fffffff))}`;
  return found;
}

function readIndex(words: Words, action: Action): void {
  if (words.takeAbbreviated('index')) action.index = next(words, 'index', parseDecimal);
}

function readMirred(words: Words): Action {
  const action: Action = { kind: 'mirred' };
  readIndex(words, action);
  const direction = words.takeAbbreviated('egress')
    ? 'egress'
    : words.takeAbbreviated('ingress')
      ? 'ingress'
      : undefined;
  if (direction === undefined) {
    if (action.index === undefined) throw new UsageError(`mirred option not supported ${words.peek ?? ''}`);
    return action;
  }
  readIndex(words, action);
  const what = words.takeAbbreviated('mirror')
    ? 'mirror'
    : words.takeAbbreviated('redirect')
      ? 'redirect'
      : undefined;
  if (what === undefined)
    throw new UsageError(`mirred: was expecting mirror or redirect (${words.peek ?? ''})`);
  readIndex(words, action);
  action.mirred = { direction, action: what };
  if (words.takeAbbreviated('dev')) action.mirred.dev = words.next();
  action.control = what === 'redirect' ? 'stolen' : (readControl(words) ?? 'pipe');
  readIndex(words, action);
  return action;
}

function readGact(words: Words): Action {
  const action: Action = { kind: 'gact' };
  words.takeAbbreviated('gact');
  if (words.peek === undefined || !matches(words.peek, 'index')) {
    const control = readControl(words);
    if (control === undefined) throw new UsageError(`Bad action type ${words.peek ?? ''}`);
    action.control = control;
    if (words.takeAbbreviated('random')) {
      const type = words.takeAbbreviated('netrand')
        ? 'netrand'
        : words.takeAbbreviated('determ')
          ? 'determ'
          : undefined;
      if (type === undefined) throw illegal('random type');
      const other = readControl(words);
      if (other === undefined) throw new UsageError(`Bad action type ${words.peek ?? ''}`);
      const value = next(words, 'probability val', (word) => parseDecimal(word, 10_000));
      action.gact = { random: { type, control: other, value } };
    }
  }
  readIndex(words, action);
  return action;
}

const VLAN_ACTIONS = ['pop', 'push', 'modify', 'pop_eth', 'push_eth'] as const;

function readVlan(words: Words): Action {
  let what: (typeof VLAN_ACTIONS)[number] | undefined;
  const settings: Omit<NonNullable<Action['vlan']>, 'action'> = {};
  for (;;) {
    const found = VLAN_ACTIONS.find((name) => words.peek !== undefined && matches(words.peek, name));
    if (found !== undefined) {
      if (what !== undefined) throw new UsageError(`vlan: unexpected "${words.peek}"`);
      words.next();
      what = found;
    } else if (words.takeAbbreviated('id'))
      settings.id = next(words, 'id', (word) => parseUnsigned(word, 0xffff));
    else if (words.takeAbbreviated('protocol')) {
      const word = words.next();
      const number = protocolNumber(word);
      if (number === undefined) throw wrongArgument(word, 'protocol is invalid');
      settings.protocol = protocolWord(number);
    } else if (words.takeAbbreviated('priority'))
      settings.priority = next(words, 'prio', (word) => parseUnsigned(word, 7));
    else if (words.takeAbbreviated('dst_mac')) settings.dstMac = words.next();
    else if (words.takeAbbreviated('src_mac')) settings.srcMac = words.next();
    else break;
  }
  const control = readControl(words) ?? 'pipe';
  if ((what === 'push' || what === 'modify') && settings.id === undefined)
    throw new UsageError(`id needs to be set for ${what}`);
  const action: Action = { kind: 'vlan', control, vlan: { action: what ?? '0', ...settings } };
  readIndex(words, action);
  return action;
}

const PACKET_TYPES = ['host', 'broadcast', 'multicast', 'otherhost'];

function readSkbedit(words: Words): Action {
  const settings: NonNullable<Action['skbedit']> = {};
  for (;;) {
    if (words.takeAbbreviated('queue_mapping'))
      settings.queueMapping = next(words, 'queue_mapping', (word) => parseDecimal(word, 0xffff));
    else if (words.takeAbbreviated('priority')) {
      const handle = parseClassId(words.next(), HANDLE_WORDS);
      if (handle === undefined) throw illegal('priority');
      settings.priority = formatClassId(handle);
    } else if (words.takeAbbreviated('mark')) {
      const [mark = '', mask] = words.next().split(/\/(.*)/s);
      const number = (word: string, what: string) => {
        const value = parseUnsigned(word);
        if (value === undefined) throw illegal(what);
        return value;
      };
      settings.mark = number(mark, 'mark');
      if (mask !== undefined) settings.mask = number(mask, 'mask');
    } else if (words.takeAbbreviated('ptype')) {
      const word = words.next();
      const type = PACKET_TYPES.find((name) => matches(word, name));
      if (type === undefined) throw new UsageError(`Illegal ptype (${word})`);
      settings.packetType = type;
    } else if (words.takeAbbreviated('inheritdsfield')) settings.inheritDsfield = true;
    else break;
  }
  const action: Action = { kind: 'skbedit', control: readControl(words) ?? 'pipe', skbedit: settings };
  readIndex(words, action);
  return action;
}

/** To pass is what happens to what conforms anyway. */
function conforms(police: Police, control: string): void {
  if (control !== 'pass') police.conform = control;
}

/** `drop/pass`, or `drop / pass`: for what exceeds, and for what conforms. */
function readConformExceed(words: Words, action: Action, police: Police): void {
  const [first = '', second] = words.need().split(/\/(.*)/s);
  const word = (text: string) => {
    const found = CONTROLS.find(([name]) => text !== '' && matches(text, name))?.[1];
    if (found === undefined || found === 'goto' || found === 'jump') throw illegal('police');
    return found;
  };
  if (second !== undefined) {
    words.next();
    action.control = word(first);
    conforms(police, word(second));
    return;
  }
  const exceed = readControl(words);
  if (exceed === undefined) throw illegal('police');
  action.control = exceed;
  if (words.take('/')) {
    const conform = readControl(words);
    if (conform === undefined) throw illegal('police');
    conforms(police, conform);
  }
}

export function readPolice(words: Words): Action {
  const action: Action = { kind: 'police' };
  const police: Police = {};
  const size = (word: string) => parseSizeAndCell(word)?.size;
  for (;;) {
    const control =
      words.peek !== undefined && matches(words.peek, 'conform-exceed') ? undefined : readControl(words);
    if (control !== undefined) action.control = control;
    else if (words.takeAbbreviated('index')) action.index = next(words, 'index', parseDecimal);
    else if (words.takeAbbreviated('burst') || words.take('buffer', 'maxburst'))
      police.burst = next(words, 'buffer', size);
    else if (words.take('mtu', 'minburst')) police.mtu = next(words, 'mtu', size);
    else if (words.take('mpu')) police.mpu = next(words, 'mpu', parseSize);
    else if (words.take('rate')) {
      if (police.rate !== undefined) throw duplicateArgument('rate', words.next());
      police.rate = next(words, 'rate', parseRate);
    } else if (words.take('avrate')) police.avrate = next(words, 'avrate', parseRate32);
    else if (words.takeAbbreviated('peakrate')) police.peakrate = next(words, 'peakrate', parseRate);
    else if (words.take('conform-exceed')) readConformExceed(words, action, police);
    else if (words.takeAbbreviated('overhead'))
      police.overhead = next(words, 'overhead', (word) => parseDecimal(word, 0xffff));
    else if (words.takeAbbreviated('linklayer')) police.linklayer = next(words, 'linklayer', parseLinkLayer);
    else if (words.takeAbbreviated('pkts_rate')) police.packetRate = next(words, 'pkts_rate', parseDecimal);
    else if (words.takeAbbreviated('pkts_burst'))
      police.packetBurst = next(words, 'pkts_burst', parseDecimal);
    else break;
  }
  const { rate, avrate, mtu, packetRate, burst, packetBurst, peakrate } = police;
  if (!rate && !avrate && !action.index && !mtu && !packetRate)
    throw new UsageError("'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.");
  if (rate && !burst && !avrate) throw new UsageError("'burst' requires 'rate'.");
  if (packetRate && !packetBurst) throw new UsageError("'pkts_burst' requires 'pkts_rate'.");
  if (packetRate && rate) throw new UsageError("'rate' and 'pkts_rate' are not allowed in same action.");
  if (peakrate && !rate) throw new UsageError("'peakrate' requires 'rate'.");
  if (peakrate && !mtu) throw new UsageError("'mtu' is required, if 'peakrate' is requested.");
  action.police = police;
  return action;
}

const READERS: Readonly<Record<string, (words: Words) => Action>> = {
  mirred: readMirred,
  gact: readGact,
  vlan: readVlan,
  skbedit: readSkbedit,
  police: readPolice,
};

const HW_STATS = ['immediate', 'delayed', 'disabled'];

/** What may stand behind any action. */
function readTail(words: Words, action: Action): void {
  if (words.take('cookie')) {
    const cookie = words.next();
    if (!/^([0-9a-f]{2}){0,16}$/i.test(cookie)) throw wrongArgument(cookie, 'cookie must be a hex string');
    action.cookie = cookie;
  }
  if (words.takeAbbreviated('hw_stats')) {
    const word = words.next();
    const found = HW_STATS.find((name) => matches(word, name));
    if (found === undefined) throw wrongArgument(word, 'value is invalid');
    action.hwStats = found === 'disabled' ? [] : [found];
  }
  const flags: string[] = [];
  for (;;) {
    const flag = ['no_percpu', 'skip_sw', 'skip_hw'].find((name) => words.take(name));
    if (flag === undefined) break;
    flags.push(flag);
  }
  if (flags.length > 0) action.flags = flags;
}

/** `ACTION [ action ACTION ]...`, the first word `action` taken. */
export function readActions(words: Words): Action[] {
  const actions: Action[] = [];
  let expected = true;
  while (words.more) {
    if (words.take('action')) {
      expected = true;
      continue;
    }
    const word = words.peek ?? '';
    if (['flowid', 'classid'].includes(word)) break;
    const plain = CONTROLS.some(([name]) => matches(word, name));
    const read = plain ? readGact : READERS[word];
    if (read === undefined) {
      if (!expected) break;
      throw new UsageError(`Action "${word}" is not supported here: ${Object.keys(READERS).join(', ')}.`);
    }
    if (!plain && word !== 'gact') words.next();
    const action = read(words);
    readTail(words, action);
    actions.push(action);
    expected = false;
  }
  if (expected) throw new UsageError('Illegal "action"');
  return actions;
}
