import { numberOf, ROUTE_PROTOCOLS, ROUTE_TYPES } from '../../route/route-words.ts';
import { IP_PROTOCOLS, type Rule } from '../../route/rule.ts';
import type { Names } from '../names.ts';
import { type Paint, paint } from '../text.ts';
import { type IpProtocols, readIpProtocols } from './ip-protocols.ts';
import { Sheet } from './route-sheet.ts';
import { parseRuleFilter, passesRuleFilter } from './rule-filter.ts';
import type { ShowContext, Shown, ShowOptions, View } from './view.ts';

/** `ip rule show`. */
export const ruleView: View = {
  names: ['rule'],
  usage: `[ not ] [ from PREFIX ] [ to PREFIX ] [ tos TOS ] [ fwmark MARK[/MASK] ]
[ iif NAME ] [ oif NAME ] [ pref NUMBER ] [ l3mdev ] [ uidrange NUMBER-NUMBER ]
[ ipproto PROTOCOL ] [ sport NUMBER[-NUMBER] ] [ dport NUMBER[-NUMBER] ]
[ tun_id ID ] [ table TABLE ]
cofferdam rule { add | del } [ SELECTOR ... ] [ pref NUMBER ] [ protocol PROTOCOL ] [ realms REALMS ]
      [ table TABLE [ suppress_prefixlength NUMBER ] [ suppress_ifgroup GROUP ] |
        l3mdev | goto NUMBER | nop | blackhole | unreachable | prohibit ]
cofferdam rule flush [ SELECTOR ... ] [ protocol PROTOCOL ]
cofferdam rule { save | restore }`,

  async run(args, context) {
    return printRules(await selectRules(args, context), context);
  },
  actions: async () => (await import('../verbs/rule.ts')).ruleActions,
};

/** Rules in the order given. */
export function printRules(rules: readonly Rule[], { options, names }: ShowContext): Shown {
  const desk = { options, names, protocols: readIpProtocols(), paint: paint(options.color) };
  const sheets = rules.map((rule) => sheetOf(rule, desk));
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}

/** The rules that the words after the verb ask for. Only `flush` looks at their protocol. */
export async function selectRules(
  args: readonly string[],
  { rt, options, names }: ShowContext,
  purpose: 'show' | 'flush' = 'show',
): Promise<Rule[]> {
  const family = options.family ?? 'inet';
  const filter = parseRuleFilter(args, family === 'inet6' ? family : 'inet', names, readIpProtocols());
  // Families without rules are asked for too: the kernel says that it has none.
  const rules = await rt.rule.list({ family: FAMILIES[family] });
  return rules.filter(
    (rule) =>
      passesRuleFilter(rule, ipProtocol(rule), filter) &&
      (purpose === 'show' || filter.protocol === undefined || passesProtocol(rule, filter.protocol)),
  );
}

function passesProtocol({ protocol }: Rule, wanted: number): boolean {
  return protocol === undefined || numberOf(ROUTE_PROTOCOLS, protocol) === wanted;
}

const FAMILIES = { inet: 'inet', inet6: 'inet6', mpls: 'mpls', bridge: '7', link: '17' } as const;

interface Desk {
  readonly options: ShowOptions;
  readonly names: Names;
  readonly protocols: IpProtocols;
  readonly paint: Paint;
}

function ipProtocol(rule: Rule): number {
  return rule.ipproto === undefined ? 0 : numberOf(IP_PROTOCOLS, rule.ipproto);
}

function sheetOf(rule: Rule, desk: Desk): Sheet {
  const sheet = new Sheet();
  sheet.put('priority', rule.priority, `${rule.priority}:\t`);
  if (rule.not) sheet.put('not', null, 'not ');
  putPrefix(sheet, desk, 'src', rule.src ?? 'all', 'from ');
  if (rule.dst !== undefined) putPrefix(sheet, desk, 'dst', rule.dst, ' to ');
  putSelectors(sheet, rule, desk);
  putTable(sheet, rule, desk);
  putAction(sheet, rule, desk);
  putProtocol(sheet, rule, desk);
  sheet.say('\n');
  return sheet;
}

function putPrefix(sheet: Sheet, desk: Desk, key: 'src' | 'dst', value: string, before: string): void {
  const [address = '', length] = value.split('/');
  const brush = address === 'all' ? (text: string) => text : desk.paint[family(address)];
  sheet.put(key, address, before + brush(address));
  if (length !== undefined) sheet.put(`${key}len`, Number(length), `/${length}`);
}

function family(address: string): 'inet' | 'inet6' {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** printf's %#llx: 0 has no 0x. */
function hex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

function putSelectors(sheet: Sheet, rule: Rule, { names, options, protocols, paint }: Desk): void {
  const { fwmark, fwmask, iif, oif, flags = [], uidrange } = rule;
  if (rule.tos !== undefined) {
    const name = names.dsfieldName(rule.tos);
    sheet.put('tos', name, ` tos ${name}`);
  }
  if (fwmark !== undefined || fwmask !== undefined) {
    sheet.put('fwmark', hex(fwmark ?? 0), ` fwmark ${hex(fwmark ?? 0)}`);
    if (fwmask !== undefined && fwmask !== 0xffffffff) sheet.put('fwmask', hex(fwmask), `/${hex(fwmask)}`);
  }
  if (iif !== undefined) {
    sheet.put('iif', iif, ` iif ${paint.ifname(iif)}`);
    if (flags.includes('iif_detached')) sheet.put('iif_detached', null, ' [detached]');
  }
  if (oif !== undefined) {
    sheet.put('oif', oif, ` oif ${paint.ifname(oif)}`);
    if (flags.includes('oif_detached')) sheet.put('oif_detached', null, ' [detached]');
  }
  if (rule.l3mdev) sheet.put('l3mdev', null, ' lookup [l3mdev-table]');
  if (uidrange !== undefined) {
    sheet.put('uid_start', uidrange.start, ` uidrange ${uidrange.start}`);
    sheet.put('uid_end', uidrange.end, `-${uidrange.end}`);
  }
  if (rule.ipproto !== undefined) {
    const number = ipProtocol(rule);
    const name = (options.numeric ? undefined : protocols.nameOf(number)) ?? `ipproto-${number}`;
    sheet.put('ipproto', name, ` ipproto ${name}`);
  }
  for (const key of ['sport', 'dport'] as const) {
    const range = rule[key];
    if (range === undefined) continue;
    if (range.start === range.end) sheet.put(key, range.start, ` ${key} ${range.start}`);
    else {
      sheet.put(`${key}_start`, range.start, ` ${key} ${range.start}`);
      sheet.put(`${key}_end`, range.end, `-${range.end}`);
    }
  }
  if (rule.tunId !== undefined) sheet.put('tun_id', rule.tunId, ` tun_id ${rule.tunId}`);
  putNewerSelectors(sheet, rule, names);
}

/** What `ip` 6.1 does not know and does not print; the keys are those of the versions that do. */
function putNewerSelectors(sheet: Sheet, rule: Rule, names: Names): void {
  if (rule.dscp !== undefined) sheet.put('dscp', names.dsfieldName(rule.dscp));
  if (rule.flowlabel !== undefined) sheet.put('flowlabel', hex(rule.flowlabel));
  // A mask of all bits goes without saying.
  for (const [key, mask, all] of [
    ['dscp_mask', rule.dscpMask, 0x3f],
    ['sport_mask', rule.sportMask, 0xffff],
    ['dport_mask', rule.dportMask, 0xffff],
    ['flowlabel_mask', rule.flowlabelMask, 0xfffff],
  ] as const) {
    if (mask !== undefined && mask !== all) sheet.put(key, hex(mask));
  }
}

function putTable(sheet: Sheet, rule: Rule, { names }: Desk): void {
  const { table, suppressPrefixlength, suppressIfgroup, realms } = rule;
  if (table !== undefined) {
    const name = names.tableName(table);
    sheet.put('table', name, ` lookup ${name}`);
    if (suppressPrefixlength !== undefined)
      sheet.put('suppress_prefixlen', suppressPrefixlength, ` suppress_prefixlength ${suppressPrefixlength}`);
    if (suppressIfgroup !== undefined) {
      const group = names.groupName(suppressIfgroup);
      sheet.put('suppress_ifgroup', group, ` suppress_ifgroup ${group}`);
    }
  }
  if (realms !== undefined) {
    sheet.say(' realms ');
    if (realms.from !== undefined) {
      const from = names.realmName(realms.from);
      sheet.put('flow_from', from, `${from}/`);
    }
    const to = names.realmName(realms.to);
    sheet.put('flow_to', to, to);
  }
}

/** FR_ACT_* and RTN_* share numbers where they share meanings; `ip` names the rest by RTN_*. */
function putAction(sheet: Sheet, rule: Rule, { options }: Desk): void {
  const { action, flags = [] } = rule;
  if (action === 'lookup') return;
  if (action === 'nop') sheet.put('nop', null, ' nop');
  else if (action === 'goto') {
    if (rule.goto === undefined) sheet.put('goto', 'none', ' goto none');
    else sheet.put('goto', rule.goto, ` goto ${rule.goto}`);
    if (flags.includes('unresolved')) sheet.put('unresolved', null, ' [unresolved]');
  } else {
    const number = RULE_ACTIONS[action] ?? Number(action);
    const names: Readonly<Record<number, string>> = options.numeric ? {} : ROUTE_TYPES;
    if (number === RTN_NAT) sheet.put('masquerade', null, ' masquerade');
    else {
      const name = names[number] ?? String(number);
      sheet.put('action', name, ` ${name}`);
    }
  }
}

const RULE_ACTIONS: Readonly<Record<string, number>> = {
  unspec: 0,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};
const RTN_NAT = 10;

function putProtocol(sheet: Sheet, rule: Rule, { names, options }: Desk): void {
  const { protocol } = rule;
  if (protocol === undefined) return;
  if ((protocol === 'unspec' || protocol === 'kernel') && !options.details) return;
  const name = names.protocolName(numberOf(ROUTE_PROTOCOLS, protocol));
  sheet.put('protocol', name, ` proto ${name}`);
}
