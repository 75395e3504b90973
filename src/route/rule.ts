import { isDeepStrictEqual } from 'node:util';
import { systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import type { LinkNames } from './names.ts';
import type { ObjectType } from './object.ts';
import { type RouteFamily, tableNumber } from './route-words.ts';
import { checkFields, encodeRule } from './rule-encode.ts';
import { decodeRule, fibRuleHdr, type Rule, type RuleInput, ruleAttributes } from './rule-message.ts';
import { ObjectService } from './service.ts';

export type { NumberRange, Rule, RuleAction, RuleFlag, RuleInput } from './rule-message.ts';
export { IP_PROTOCOLS } from './rule-message.ts';

/** Which rules to list: those that have all of this. The kernel filters by family only. */
export interface RuleFilter extends Partial<Omit<Rule, 'family' | 'table'>> {
  /** Default: `inet` and `inet6`. Those of multicast routing are `ipmr` and `ip6mr`. */
  family?: RouteFamily;
  /** A number; or `main`, `local`, `default`. */
  table?: number | string;
}

export const ruleType: ObjectType<Rule> = {
  name: 'rule',
  messages: { new: 32, del: 33, get: 34 },
  groups: [8, 19], // RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE
  headerSize: fibRuleHdr.size,
  attributes: ruleAttributes,
  decode: decodeRule,
  // A rule has no name: it is what it says, but for what the kernel adds (found links, resolved jumps).
  key: ({ flags: _, ...rule }) =>
    JSON.stringify(rule, (_field, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
};

const ENOENT = 2;

/** Rules of the routing policy: `rt.rule`. man 8 ip-rule. */
export class RuleService extends ObjectService<Rule, RuleFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(ruleType, port, names);
  }

  protected override resolve(filter: RuleFilter): RuleFilter {
    checkFields(filter, 'filter');
    return filter.table === undefined ? filter : { ...filter, table: tableNumber(filter.table) };
  }

  protected override dumpPayload({ family }: RuleFilter): Uint8Array {
    return encodePayload((writer) => fibRuleHdr.encode(writer, family === undefined ? {} : { family }));
  }

  protected override matches(rule: Rule, { family, ...wanted }: RuleFilter): boolean {
    const familyFits =
      family === undefined ? rule.family === 'inet' || rule.family === 'inet6' : rule.family === family;
    return familyFits && Object.entries(wanted).every(([field, value]) => fits(rule, field, value));
  }

  /** The first rule that fits, such as `{ priority: 100 }` or one that was listed; IPv4 unless the family says otherwise. Rejects with ENOENT. */
  async get(filter: RuleFilter, options: RequestOptions = {}): Promise<Rule> {
    checkFields(filter, 'filter');
    const [rule] = await this.list({ family: 'inet', ...filter }, options);
    if (rule === undefined) throw systemError(ENOENT, 'RTM_GETRULE', { rule: filter });
    return rule;
  }

  /**
   * Adds a rule; EEXIST when there is the same. The action is `lookup` unless `goto` or `action` says otherwise, the
   * table then `main`, the family that of `src` or `dst`, else IPv4. Without a priority the kernel takes one below
   * the lowest but that of the local table.
   */
  async add(rule: RuleInput, options: RequestOptions = {}): Promise<void> {
    await this.write('add', encodeRule('add', rule), options);
  }

  /** Adds a rule even where there is the same, which {@link add} refuses. */
  async append(rule: RuleInput, options: RequestOptions = {}): Promise<void> {
    await this.write('append', encodeRule('add', rule), options);
  }

  /** Removes the first rule that has everything said here; ENOENT when there is none. */
  async del(rule: RuleInput, options: RequestOptions = {}): Promise<void> {
    await this.remove(encodeRule('del', rule), options);
  }
}

/** Ticking flags (the link of the rule came or went) tell no rules apart. */
function fits(rule: Rule, field: string, value: unknown): boolean {
  return field === 'flags' || value === undefined || isDeepStrictEqual(rule[field as keyof Rule], value);
}
