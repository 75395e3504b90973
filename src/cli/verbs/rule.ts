import { SystemError } from '../../handle/errors.ts';
import type { Rule, RuleInput } from '../../route/rule.ts';
import { FindingError, matches, UsageError, unsigned, Words, wrongArgument } from '../args.ts';
import { describeFailure } from '../exit.ts';
import { parseRealms, routeTypeNumber } from '../route-words.ts';
import { readIpProtocols } from '../show/ip-protocols.ts';
import { selectRules } from '../show/rule.ts';
import { nextPortRange, nextUidRange, requireIfname } from '../show/rule-filter.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { MAGIC, readStream, refuseTerminal, writeStream } from './stream.ts';
import { nextNamed, nextNumber, prefixText } from './words.ts';

type Purpose = 'add' | 'del';

function writing(purpose: Purpose): Action {
  return async (args: readonly string[], context: ShowContext) => {
    await context.rt.rule[purpose](readRule(args, context, purpose));
    return undefined;
  };
}

/** The verbs of `ip rule` besides `show`, man 8 ip-rule. */
export const ruleActions: Actions = {
  add: writing('add'),
  delete: writing('del'),
  flush: flushRules,
  save: saveRules,
  restore: restoreRules,
};

/** FR_ACT_*. */
const ACTION = { unspec: 0, lookup: 1, goto: 2, nop: 3 } as const;
const MAIN = 254;
const FAMILIES = { inet: 'inet', inet6: 'inet6', mpls: 'mpls', link: '17', bridge: '7' } as const;

interface Draft {
  readonly purpose: Purpose;
  readonly input: RuleInput;
  action: number;
  /** A word has said where the rule leads. */
  leads: boolean;
}

function readRule(args: readonly string[], context: ShowContext, purpose: Purpose): RuleInput {
  if (args.length === 0) throw new FindingError(`"cofferdam rule ${purpose}" requires arguments.`);
  const words = new Words(args);
  const action = purpose === 'add' ? ACTION.lookup : ACTION.unspec;
  const draft: Draft = { purpose, input: {}, action, leads: false };
  while (words.more)
    if (!takeSelector(words, draft, context) && !takeTarget(words, draft, context)) takeAction(words, draft);
  const { input } = draft;
  if (input.l3mdev && (input.table ?? 0) !== 0)
    throw new UsageError('table can not be specified for l3mdev rules');
  if (!draft.leads && purpose === 'add') input.table = MAIN;
  return { ...input, family: FAMILIES[context.options.family ?? 'inet'], action: String(draft.action) };
}

/** Which packets the rule is for. */
function takeSelector(words: Words, { input }: Draft, { names, options }: ShowContext): boolean {
  if (words.take('not')) input.not = true;
  else if (words.take('from')) input.src = prefixText(words.next(), options.family).text;
  else if (words.take('to')) input.dst = prefixText(words.next(), options.family).text;
  else if (words.takeAbbreviated('preference', 'order', 'priority'))
    input.priority = nextNumber(words, 'preference value is invalid\n');
  else if (words.take('tos') || words.takeAbbreviated('dsfield'))
    input.tos = nextNamed(words, (word) => names.dsfieldId(word), 'TOS value is invalid\n');
  else if (words.take('fwmark')) {
    const [mark = '', mask] = words.next().split(/\/(.*)/s);
    input.fwmark = unsigned(mark, 'fwmark value is invalid\n');
    if (mask !== undefined) input.fwmask = unsigned(mask, 'fwmask value is invalid\n');
  } else if (words.peek !== undefined && matches(words.peek, 'realms')) return false;
  else if (words.take('dev', 'iif'))
    input.iif = requireIfname(words.next(), '"iif"/"dev" not a valid ifname');
  else if (words.take('oif')) input.oif = requireIfname(words.next(), '"oif" not a valid ifname');
  else if (words.take('uidrange')) input.uidrange = nextUidRange(words, 'invalid UID range\n');
  else if (words.take('ipproto')) {
    const protocols = readIpProtocols();
    const number = nextNamed(words, (word) => protocols.numberOf(word), 'Invalid "ipproto" value\n');
    input.ipproto = String(number);
  } else if (words.take('sport')) input.sport = nextPortRange(words, 'invalid port range\n');
  else if (words.take('dport')) input.dport = nextPortRange(words, 'invalid dport range\n');
  else return false;
  return true;
}

/** Where it leads, and what belongs to that. */
function takeTarget(words: Words, draft: Draft, { names }: ShowContext): boolean {
  const { input } = draft;
  if (words.takeAbbreviated('realms')) {
    const value = nextNamed(words, (word) => parseRealms(word, names), 'invalid realms\n');
    input.realms = { from: value >>> 16, to: value & 0xffff };
  } else if (words.takeAbbreviated('protocol')) {
    const protocol = (word: string) => names.protocolId(word);
    input.protocol = String(nextNamed(words, protocol, '"protocol" value is invalid\n'));
  } else if (words.takeAbbreviated('tun_id')) input.tunId = nextTunId(words);
  else if (words.takeAbbreviated('table') || words.take('lookup')) {
    input.table = nextNamed(words, (word) => names.tableId(word), 'invalid table ID\n');
    draft.leads = true;
  } else if (words.takeAbbreviated('suppress_prefixlength') || words.take('sup_pl'))
    input.suppressPrefixlength = nextNumber(words, 'suppress_prefixlength value is invalid\n', 0x7fff_ffff);
  else if (words.takeAbbreviated('suppress_ifgroup') || words.take('sup_group')) {
    const group = (word: string) => names.groupId(word);
    input.suppressIfgroup = nextNamed(words, group, 'Invalid "suppress_ifgroup" value\n');
  } else if (words.take('l3mdev')) {
    input.l3mdev = true;
    draft.leads = true;
  } else if (words.peek === 'nat' || words.peek === 'map-to')
    throw wrongArgument(words.next(), 'route NAT is gone from the kernel\n');
  else return false;
  return true;
}

function nextTunId(words: Words): bigint {
  const word = words.next();
  const digits = /^0[0-7]+$/.test(word) ? `0o${word}` : word;
  if (!/^(0x[0-9a-f]+|0o[0-7]+|\d+)$/i.test(digits) || BigInt(digits) >= 1n << 64n)
    throw wrongArgument(word, '"tun_id" value is invalid\n');
  return BigInt(digits);
}

/** `[type] ACTION`: whatever is no other word. */
function takeAction(words: Words, draft: Draft): void {
  words.take('type');
  const word = words.next();
  if (matches(word, 'help')) throw new UsageError('Try "cofferdam rule help".');
  if (matches(word, 'goto')) {
    draft.action = ACTION.goto;
    draft.input.goto = nextNumber(words, 'invalid target\n');
  } else if (matches(word, 'nop')) draft.action = ACTION.nop;
  else {
    const type = routeTypeNumber(word);
    if (type === undefined) throw wrongArgument(word, 'Failed to parse rule type');
    draft.action = type;
  }
  draft.leads = true;
}

/** `ip rule flush SELECTOR`: all but the one that the kernel begins with, which has no priority to name it by. */
async function flushRules(args: readonly string[], context: ShowContext): Promise<undefined> {
  for (const rule of await selectRules(args, context, 'flush'))
    if (rule.priority !== 0) await context.rt.rule.del(rule);
  return undefined;
}

async function saveRules(args: readonly string[], context: ShowContext): Promise<undefined> {
  if (args.length > 0) throw new FindingError('"cofferdam rule save" does not take any arguments.');
  refuseTerminal();
  const family = FAMILIES[context.options.family ?? 'inet'];
  const listed = await context.rt.rule.listMessages({ family });
  writeStream(
    MAGIC.rule,
    listed.map(({ message }) => message),
    context,
  );
  return undefined;
}

/** `ip rule restore`: adds the rules of such bytes from stdin to those that are there, be they the same. */
async function restoreRules(_args: readonly string[], context: ShowContext): Promise<undefined> {
  const { rule } = context.rt;
  const { messages, decode } = rule.type;
  const rules: Rule[] = (await readStream(MAGIC.rule, messages.new, 'rule')).map(decode);
  for (const one of rules) {
    try {
      await rule.append(one);
    } catch (error) {
      if (!(error instanceof SystemError && error.code === 'EEXIST')) throw error;
      process.stderr.write(`${describeFailure(error, false).text}\n`);
    }
  }
  return undefined;
}
