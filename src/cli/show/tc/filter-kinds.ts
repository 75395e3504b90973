import type { TcFilter } from '../../../route/filter.ts';
import type { U32Key } from '../../../route/filters/index.ts';
import { parseU32Handle } from '../../../route/filters/u32.ts';
import type { JsonObject } from '../view.ts';
import { putActions } from './actions.ts';
import { putFlower } from './flower.ts';
import type { TcSheet } from './tc-desk.ts';
import { formatHex } from './units.ts';

/** What `tc filter show` prints of each kind's own: TCA_OPTIONS. */

type Put = (sheet: TcSheet, filter: TcFilter) => void;

const handleNumber = ({ handle = '0x0' }: TcFilter) => Number(handle);

/** Whether hardware has it, in the manner of most kinds. */
export function putFlags(sheet: TcSheet, flags: readonly string[], before: string, after: string): void {
  for (const flag of ['skip_hw', 'skip_sw']) {
    if (flags.includes(flag)) sheet.put(flag, true, `${before}${flag}${after}`);
  }
  if (flags.includes('in_hw')) sheet.put('in_hw', true, `${before}in_hw${after}`);
  else if (flags.includes('not_in_hw')) sheet.put('not_in_hw', true, `${before}not_in_hw${after}`);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function putKey(sheet: TcSheet, { value, mask, off, offmask = 0 }: U32Key): void {
  const at = offmask === 0 ? '' : 'nexthdr+';
  sheet.newline();
  sheet.put(
    'match',
    { value: value.toString(16), mask: mask.toString(16), offmask: at, off },
    `  match ${hex(value, 8)}/${hex(mask, 8)} at ${at}${off}`,
  );
}

const U32_NODE = 0xfff;

const putU32: Put = (sheet, filter) => {
  const { handle, classid, flags = [], indev, actions, u32 = {} } = filter;
  const { selector, divisor, hash, link, hits, mark } = u32;
  const number = handle === undefined ? 0 : (parseU32Handle(handle) ?? 0);
  const spelled = handle?.replace(/^0:/, '');
  if (spelled !== undefined) sheet.put('fh', spelled, `fh ${spelled} `);
  const order = number & U32_NODE;
  if (order !== 0) sheet.put('order', order, `order ${order} `);
  if (divisor !== undefined) sheet.put('ht_divisor', divisor, `ht divisor ${divisor} `);
  else if (hash !== undefined) {
    const table = parseU32Handle(hash) ?? 0;
    sheet.put('key_ht', (table >>> 20).toString(16), `key ht ${(table >>> 20).toString(16)} `);
    sheet.put('bkt', ((table >>> 12) & 0xff).toString(16), `bkt ${((table >>> 12) & 0xff).toString(16)} `);
  }
  const terminal = selector?.flags?.includes('terminal') === true;
  if (classid !== undefined) sheet.put('flowid', classid, `${terminal ? '*' : ''}flowid ${classid} `);
  else if (terminal) sheet.say('terminal flowid ');
  if (link !== undefined) sheet.put('link', link, `link ${link} `);
  putFlags(sheet, flags, '', ' ');
  const stats = sheet.desk.options.stats > 0 ? hits : undefined;
  if (selector !== undefined && stats !== undefined) {
    sheet.put('rule_hit', stats.asked, `(rule hit ${stats.asked} `);
    sheet.put('success', stats.matched, `success ${stats.matched})`);
  }
  if (mark !== undefined) {
    sheet.newline();
    sheet.put('fwmark_value', formatHex(mark.value), `  mark 0x${hex(mark.value, 4)} `);
    sheet.put('fwmark_mask', formatHex(mark.mask), `0x${hex(mark.mask, 4)} `);
    sheet.put('fwmark_success', mark.success ?? 0, `(success ${mark.success ?? 0})`);
  }
  for (const [i, key] of (selector?.keys ?? []).entries()) {
    putKey(sheet, key);
    const matched = stats?.keys[i];
    if (matched !== undefined) sheet.put('success', matched, ` (success ${matched} ) `);
  }
  if (selector !== undefined) putSelector(sheet, selector);
  if (indev !== undefined) {
    sheet.newline();
    sheet.put('input_dev', indev, `  input dev ${indev}`);
    sheet.newline();
  }
  if (actions !== undefined) putActions(sheet, actions);
};

function putSelector(sheet: TcSheet, selector: NonNullable<NonNullable<TcFilter['u32']>['selector']>): void {
  const { flags = [], offmask = 0, offshift = 0, offoff = 0, off = 0, hmask = 0, hoff = 0 } = selector;
  if (flags.includes('varoffset') || flags.includes('offset')) {
    sheet.newline();
    sheet.say('    offset ');
    if (flags.includes('varoffset')) {
      sheet.put('offset_mask', offmask.toString(16), hex(offmask, 4));
      sheet.put('offset_shift', offshift, `>>${offshift} `);
      sheet.put('offset_off', offoff, `at ${offoff} `);
    }
    if (off !== 0) sheet.put('plus', off, `plus ${off} `);
  }
  if (flags.includes('eat')) sheet.say(' eat ');
  if (hmask !== 0) {
    sheet.newline();
    sheet.put('hash_mask', hmask.toString(16), `    hash mask ${hex(hmask, 8)} `);
    sheet.put('hash_off', hoff, `at ${hoff} `);
  }
}

const putMatchall: Put = (sheet, filter) => {
  const { classid, flags = [], actions, matchall = {} } = filter;
  const handle = handleNumber(filter);
  if (handle !== 0) sheet.put('handle', handle, `handle 0x${handle.toString(16)} `);
  if (classid !== undefined) sheet.put('flowid', classid, `flowid ${classid} `);
  putFlags(sheet, flags, '\n  ', '');
  if (sheet.desk.options.stats > 0 && matchall.hits !== undefined)
    sheet.put('rule_hit', matchall.hits, ` (rule hit ${matchall.hits})`);
  if (actions !== undefined) putActions(sheet, actions);
};

/** Classic bytecode: struct sock_filter. */
function putBytecode(sheet: TcSheet, ops: string): void {
  const bytes = Buffer.from(ops, 'hex');
  const length = Math.floor(bytes.length / 8);
  const instructions: JsonObject[] = [];
  let text = `bytecode '${length},`;
  for (let i = 0; i < length; i++) {
    const [code, jt, jf, k] = [
      bytes.readUInt16LE(8 * i),
      bytes.readUInt8(8 * i + 2),
      bytes.readUInt8(8 * i + 3),
      bytes.readUInt32LE(8 * i + 4),
    ];
    instructions.push({ code, jt, jf, k });
    text += `${code} ${jt} ${jf} ${k}${i === length - 1 ? "'" : ','}`;
  }
  if (length > 0) sheet.put('bytecode', { length, insns: instructions }, text);
}

const putBpf: Put = (sheet, filter) => {
  const { handle, classid, flags = [], actions, bpf = {} } = filter;
  if (handle !== undefined) sheet.put('handle', handle, `handle ${handle} `);
  if (classid !== undefined) sheet.put('flowid', classid, `flowid ${classid} `);
  if (bpf.name !== undefined) sheet.put('bpf_name', bpf.name, `${bpf.name} `);
  if (bpf.directAction) sheet.put('direct-action', true, 'direct-action ');
  putFlags(sheet, flags, '', ' ');
  if (bpf.ops !== undefined) putBytecode(sheet, bpf.ops);
  if (bpf.tag !== undefined) sheet.put('tag', bpf.tag, `tag ${bpf.tag} `);
  if (actions !== undefined) putActions(sheet, actions);
};

const putBasic: Put = (sheet, filter) => {
  const { classid, actions } = filter;
  const handle = handleNumber(filter);
  if (handle !== 0) sheet.put('handle', handle.toString(16), `handle 0x${handle.toString(16)} `);
  if (classid !== undefined) sheet.put('flowid', classid, `flowid ${classid} `);
  if (actions !== undefined) putActions(sheet, actions);
};

const FULL_MASK = 0xffffffff;

/** `tc` 6.1 has text only for these. */
const putFw: Put = (sheet, filter) => {
  const { classid, indev, actions, fw = {} } = filter;
  const handle = handleNumber(filter);
  if (handle !== 0 || fw.mask !== undefined) {
    const mask = fw.mask === undefined || fw.mask === FULL_MASK ? '' : `/0x${fw.mask.toString(16)}`;
    sheet.say(`handle 0x${handle.toString(16)}${mask} `);
  }
  if (classid !== undefined) sheet.say(`classid ${classid} `);
  if (indev !== undefined) sheet.say(`input dev ${indev} `);
  if (actions !== undefined) {
    sheet.say('\n');
    putActions(sheet, actions);
  }
};

const KINDS: Readonly<Record<string, Put>> = {
  u32: putU32,
  matchall: putMatchall,
  bpf: putBpf,
  basic: putBasic,
  fw: putFw,
  flower: putFlower,
};

/** Undefined for a kind that is not known here. */
export function filterPrinter(kind: string): Put | undefined {
  return KINDS[kind];
}
