import type { Action } from '../../../route/action-list.ts';
import type { ActionTimes } from '../../../route/actions/index.ts';
import type { JsonObject } from '../view.ts';
import { putTcStats } from './stats.ts';
import { TcSheet } from './tc-desk.ts';
import { formatHex, formatRate, formatSize } from './units.ts';

/** USER_HZ: what the kernel counts the times of actions in. */
const TICKS = 100n;

/** `pass`, `goto chain 5`: the word, and its number where it has one. */
function putControl(sheet: TcSheet, prefix: string, control: string, suffix: string): void {
  const [, chain] = /^goto chain (\d+)$/.exec(control) ?? [];
  const [, jump] = /^jump (\d+)$/.exec(control) ?? [];
  const type = chain !== undefined ? 'goto' : jump !== undefined ? 'jump' : control;
  const json: JsonObject = { type };
  if (chain !== undefined) json.chain = Number(chain);
  if (jump !== undefined) json.jump = Number(jump);
  const number = chain === undefined ? (jump === undefined ? '' : ` ${jump}`) : ` chain ${chain}`;
  sheet.put('control_action', json, `${prefix}${type}${number}${suffix}`);
}

function putTimes(sheet: TcSheet, times: ActionTimes | undefined): void {
  if (sheet.desk.options.stats === 0 || times === undefined) return;
  const rows: [string, string, bigint | undefined][] = [
    ['installed', 'installed', times.installed],
    ['last_used', 'used', times.lastUsed],
    ['first_used', 'firstused', times.firstUsed],
    ['expires', 'expires', times.expires],
  ];
  for (const [key, word, ticks] of rows)
    if (ticks !== undefined && ticks !== 0n)
      sheet.put(key, Number(ticks / TICKS), ` ${word} ${ticks / TICKS} sec`);
}

/** `index 1 ref 1 bind 1`, and the times. */
function putReferences(sheet: TcSheet, action: Action, indent: string): void {
  const { index = 0, ref = 0, bind = 0 } = action;
  sheet.put('index', index, `${indent}index ${index}`);
  sheet.put('ref', ref, ` ref ${ref}`);
  sheet.put('bind', bind, ` bind ${bind}`);
  putTimes(sheet, action.times);
}

const capitalized = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

function putMirred(sheet: TcSheet, action: Action): void {
  const { direction = '', action: what = '', ifindex = 0 } = action.mirred ?? {};
  const dev = sheet.desk.links.nameOf(ifindex);
  sheet.put('kind', 'mirred', 'mirred ');
  sheet.say(`(${capitalized(direction)} ${capitalized(what)}`);
  sheet.json1('mirred_action', what);
  sheet.json1('direction', direction);
  sheet.put('to_dev', dev, ` to device ${dev})`);
  putControl(sheet, ' ', action.control ?? 'pass', '');
  sheet.newline();
  putReferences(sheet, action, '\t');
}

function putGact(sheet: TcSheet, action: Action): void {
  const random = action.gact?.random ?? { type: 'none', value: 0, control: 'pass' };
  sheet.put('kind', 'gact', 'gact ');
  putControl(sheet, 'action ', action.control ?? 'pass', '');
  sheet.inside('prob', (inner) => {
    inner.newline();
    inner.put('random_type', random.type, `\t random type ${random.type}`);
    putControl(inner, ' ', random.control, ' ');
    inner.put('val', random.value, `val ${random.value}`);
  });
  sheet.newline();
  putReferences(sheet, action, '\t ');
}

function putVlan(sheet: TcSheet, action: Action): void {
  const { action: what = '', id, protocol, priority, dstMac, srcMac } = action.vlan ?? {};
  sheet.put('kind', 'vlan', 'vlan ');
  sheet.put('vlan_action', what, ` ${what}`);
  if (what === 'push' || what === 'modify') {
    if (id !== undefined) sheet.put('id', id, ` id ${id}`);
    if (protocol !== undefined) sheet.put('protocol', protocol, ` protocol ${protocol}`);
    if (priority !== undefined) sheet.put('priority', priority, ` priority ${priority}`);
  } else if (what === 'push_eth') {
    if (dstMac !== undefined) sheet.put('dst_mac', dstMac, ` dst_mac ${dstMac}`);
    if (srcMac !== undefined) sheet.put('src_mac', srcMac, ` src_mac ${srcMac}`);
  }
  putControl(sheet, ' ', action.control ?? 'pass', '');
  sheet.newline();
  putReferences(sheet, action, '\t ');
}

function putSkbedit(sheet: TcSheet, action: Action): void {
  const { queueMapping, priority, mark, mask, packetType, inheritDsfield } = action.skbedit ?? {};
  sheet.put('kind', 'skbedit', 'skbedit ');
  if (queueMapping !== undefined) sheet.put('queue_mapping', queueMapping, `queue_mapping ${queueMapping}`);
  if (priority !== undefined) sheet.put('priority', priority, ` priority ${priority}`);
  if (mark !== undefined) sheet.put('mark', mark, ` mark ${mark}`);
  if (mask !== undefined) sheet.put('mask', mask.toString(16), `/${formatHex(mask)}`);
  if (packetType !== undefined) {
    const known = /^\d+$/.test(packetType) ? Number(packetType) : packetType;
    sheet.put('ptype', known, ` ptype ${packetType}`);
  }
  if (inheritDsfield) sheet.put('inheritdsfield', null, ' inheritdsfield');
  putControl(sheet, ' ', action.control ?? 'pass', '');
  sheet.newline();
  putReferences(sheet, action, '\t ');
}

function putPolice(sheet: TcSheet, action: Action): void {
  const { options } = sheet.desk;
  const { rate = 0, burst = 0, mtu = 0, peakrate, avrate, packetRate, packetBurst = 0 } = action.police ?? {};
  const { conform, overhead = 0, linklayer = 'unspec' } = action.police ?? {};
  const { index = 0, ref = 0, bind = 0 } = action;
  sheet.json1('kind', 'police');
  sheet.json1('index', index);
  sheet.say(` police 0x${index.toString(16)} rate ${formatRate(rate, options)} `);
  sheet.say(`burst ${formatSize(burst)} mtu ${formatSize(mtu)} `);
  if (peakrate !== undefined) sheet.say(`peakrate ${formatRate(peakrate, options)} `);
  if (avrate !== undefined) sheet.say(`avrate ${formatRate(avrate, options)} `);
  if (packetRate !== undefined) {
    sheet.put('pkts_rate', packetRate, `pkts_rate ${packetRate} `);
    sheet.put('pkts_burst', packetBurst, `pkts_burst ${packetBurst} `);
  }
  putControl(sheet, 'action ', action.control ?? 'pass', '');
  if (conform === undefined) sheet.say(' ');
  else putControl(sheet, '/', conform, ' ');
  sheet.put('overhead', overhead, `overhead ${formatSize(overhead)} `);
  if (!['unspec', 'ethernet'].includes(linklayer) || options.details)
    sheet.put('linklayer', linklayer, `linklayer ${linklayer} `);
  sheet.newline();
  sheet.put('ref', ref, `\tref ${ref} `);
  sheet.put('bind', bind, `bind ${bind} `);
  putTimes(sheet, action.times);
}

const KINDS: Readonly<Record<string, (sheet: TcSheet, action: Action) => void>> = {
  mirred: putMirred,
  gact: putGact,
  vlan: putVlan,
  skbedit: putSkbedit,
  police: putPolice,
};

function putHardwareStats(sheet: TcSheet, key: string, words: readonly string[]): void {
  const shown = words.length === 0 ? ['disabled'] : [...words];
  sheet.put(key, shown, `\t${key}${shown.map((word) => ` ${word}`).join('')}`);
  sheet.newline();
}

/** One action; `bound`: as part of a filter. */
function actionSheet(sheet: TcSheet, action: Action, bound: boolean): void {
  const put = KINDS[action.kind];
  if (put === undefined) return;
  put(sheet, action);
  sheet.newline();
  if (sheet.desk.options.stats > 0 && action.stats !== undefined) {
    const { stats } = action;
    sheet.say('\tAction statistics:');
    sheet.newline();
    sheet.inside('stats', (inner) => putTcStats(inner, stats, '\t'));
    sheet.newline();
  }
  if (action.cookie !== undefined) {
    sheet.put('cookie', action.cookie, `\tcookie ${action.cookie}`);
    sheet.newline();
  }
  putFlags(sheet, action, bound);
  if (action.hwStats !== undefined) putHardwareStats(sheet, 'hw_stats', action.hwStats);
  if (action.usedHwStats !== undefined) putHardwareStats(sheet, 'used_hw_stats', action.usedHwStats);
}

function putFlags(sheet: TcSheet, { flags = [], inHwCount }: Action, bound: boolean): void {
  let said = false;
  const put = (key: string, value: boolean | number, text: string) => {
    said = true;
    sheet.put(key, value, text);
  };
  if (flags.includes('no_percpu')) put('no_percpu', true, '\tno_percpu');
  if (!bound && flags.includes('skip_hw')) put('skip_hw', true, '\tskip_hw');
  if (!bound && flags.includes('skip_sw')) put('skip_sw', true, '\tskip_sw');
  if (!bound && inHwCount !== undefined && !flags.includes('skip_hw')) {
    if (inHwCount === 0) put('not_in_hw', true, '\tnot_in_hw');
    else {
      put('in_hw', true, '\tin_hw');
      put('in_hw_count', inHwCount, ` in_hw_count ${inHwCount}`);
    }
  }
  if (said) sheet.newline();
}

/** The actions of a filter, as `tc` lists them below it. */
export function putActions(sheet: TcSheet, actions: readonly Action[]): void {
  actionsSheet(sheet, actions, { first: 1, bound: true });
}

/** Actions one after the other, numbered from `first`; `bound`: as parts of a filter. */
export function actionsSheet(
  sheet: TcSheet,
  actions: readonly Action[],
  { first, bound }: { readonly first: 0 | 1; readonly bound: boolean },
): void {
  const list: JsonObject[] = [];
  let text = '';
  for (const [i, action] of actions.entries()) {
    const inner = new TcSheet(sheet.desk);
    inner.newline();
    inner.put('order', i + first, `\taction order ${i + first}: `);
    actionSheet(inner, action, bound);
    list.push(inner.json);
    text += inner.text;
  }
  sheet.put('actions', list, text);
}
