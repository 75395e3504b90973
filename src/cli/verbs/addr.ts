import type { AddressInput, AddressService, Lifetime } from '../../route/address.ts';
import {
  duplicateArgument,
  duplicateOrGarbage,
  FindingError,
  matches,
  UsageError,
  Words,
  wrongArgument,
} from '../args.ts';
import { ADDRESS_FLAGS } from '../show/address-flags.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { flushAddresses } from './addr-flush.ts';
import { restoreAddresses, saveAddresses, showAddressDump } from './addr-save.ts';
import { FamilyGuess, nextNamed, nextNumber, type PrefixText } from './words.ts';

/** `ip address add` and its kin, man 8 ip-address. */

type Purpose = 'new' | 'del';
type Write = (service: AddressService, address: AddressInput) => Promise<void>;

function writing(purpose: Purpose, write: Write): Action {
  return async (args: readonly string[], context: ShowContext) => {
    await write(context.rt.address, await readAddress(args, context, purpose));
    return undefined;
  };
}

/** The verbs of `ip address` besides `show`. */
export const addressActions: Actions = {
  add: writing('new', (service, address) => service.add(address)),
  change: writing('new', (service, address) => service.change(address)),
  replace: writing('new', (service, address) => service.replace(address)),
  delete: writing('del', (service, address) => service.del(address)),
  flush: flushAddresses,
  save: saveAddresses,
  restore: restoreAddresses,
  showdump: showAddressDump,
};

interface Draft {
  readonly guess: FamilyGuess;
  readonly input: AddressInput;
  readonly flags: string[];
  readonly seen: Set<string>;
  local: PrefixText | undefined;
  /** The word itself had a length. */
  specified: boolean;
  peer: PrefixText | undefined;
  device: string | undefined;
}

async function readAddress(
  args: readonly string[],
  context: ShowContext,
  purpose: Purpose,
): Promise<AddressInput> {
  const words = new Words(args);
  const draft: Draft = {
    guess: new FamilyGuess(context.options.family),
    input: {},
    flags: [],
    seen: new Set(),
    local: undefined,
    specified: false,
    peer: undefined,
    device: undefined,
  };
  while (words.more) if (!takeWord(words, draft, context)) takeLocal(words, draft);
  const { input, local, peer, device, flags } = draft;
  if (device === undefined) throw new FindingError('Not enough information: "dev" argument is required.');
  if (local === undefined)
    throw new UsageError('Not enough information: an address is required. Try option "help"');
  input.local = local.address;
  if (peer !== undefined) input.peer = peer.address;
  const wildcard = purpose === 'del' && peer === undefined && isBare(draft);
  if (wildcard) warnOfWildcard(local.address);
  else input.prefixlen = peer === undefined || peer.length === 0 ? local.length : peer.length;
  if (flags.length > 0) input.flags = flags;
  const isInet = draft.guess.family === 'inet';
  if ((input.broadcast === '+' || input.broadcast === '-') && purpose === 'new' && !isInet)
    throw new FindingError('Broadcast can be set only for IPv4 addresses');
  checkLifetimes(draft);
  if (flags.includes('autojoin') && !isMulticast(local.address))
    throw new FindingError('autojoin needs multicast address');
  input.ifindex = await context.linkIndex(device);
  return input;
}

/** IPv4 without a length. */
function isBare({ local, specified }: Draft): boolean {
  return !specified && local !== undefined && !local.address.includes(':');
}

function warnOfWildcard(address: string): void {
  process.stderr.write(
    `Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length (${address}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!\n`,
  );
}

function isMulticast(address: string): boolean {
  if (address.includes(':')) return /^ff/i.test(address);
  const first = Number(address.split('.')[0]);
  return first >= 224 && first < 240;
}

function takeWord(words: Words, draft: Draft, { names }: ShowContext): boolean {
  const { guess, input } = draft;
  const once = (name: string, word = words.need()) => {
    if (draft.seen.has(name)) throw duplicateArgument(name, word);
    draft.seen.add(name);
  };
  if (words.take('peer', 'remote')) {
    once('peer');
    draft.peer = guess.prefix(words.next());
  } else if (words.takeAbbreviated('broadcast') || words.take('brd')) {
    once('broadcast');
    const word = words.next();
    input.broadcast = word === '+' || word === '-' ? word : guess.address(word);
  } else if (words.take('anycast')) {
    once('anycast');
    input.anycast = guess.address(words.next());
  } else if (words.take('scope'))
    input.scope = String(nextNamed(words, (word) => names.scopeId(word), 'invalid scope value.'));
  else if (words.take('dev')) draft.device = words.next();
  else if (words.take('label')) input.label = words.next();
  else if (words.takeAbbreviated('metric', 'priority', 'preference'))
    input.metric = nextNumber(words, '"metric" value is invalid\n');
  else if (words.takeAbbreviated('valid_lft')) {
    once('valid_lft', 'valid_lft');
    input.validLifetime = nextLifetime(words, 'valid_lft value');
  } else if (words.takeAbbreviated('preferred_lft')) {
    once('preferred_lft', 'preferred_lft');
    input.preferredLifetime = nextLifetime(words, 'preferred_lft value');
  } else return takeFlag(words, draft);
  return true;
}

const FOREVER = 0xffff_ffff;

function nextLifetime(words: Words, complaint: string): Lifetime {
  if (words.take('forever')) return 'forever';
  const seconds = nextNumber(words, complaint);
  return seconds === FOREVER ? 'forever' : seconds;
}

/** What is not said is forever; `ip` looks at both as soon as one is said. */
function checkLifetimes({ input }: Draft): void {
  if (input.validLifetime === undefined && input.preferredLifetime === undefined) return;
  const { validLifetime = 'forever', preferredLifetime = 'forever' } = input;
  if (validLifetime === 0) throw new FindingError('valid_lft is zero');
  const seconds = (lifetime: Lifetime) => (lifetime === 'forever' ? FOREVER : lifetime);
  if (seconds(validLifetime) < seconds(preferredLifetime))
    throw new FindingError('preferred_lft is greater than valid_lft');
  input.validLifetime = validLifetime;
  input.preferredLifetime = preferredLifetime;
}

/** Flags that can be asked for; all others the kernel sets by itself. */
const MUTABLE = new Set(['nodad', 'optimistic', 'home', 'mngtmpaddr', 'noprefixroute', 'autojoin']);
const ANY_FAMILY = new Set(['secondary', 'temporary', 'noprefixroute', 'autojoin']);

function takeFlag(words: Words, { guess, flags }: Draft): boolean {
  const flag = ADDRESS_FLAGS.find((name) => name === words.peek);
  if (flag === undefined) return false;
  words.next();
  if (!MUTABLE.has(flag)) process.stderr.write(`Warning: ${flag} option is not mutable from userspace\n`);
  else if (!ANY_FAMILY.has(flag) && guess.family !== 'inet6')
    process.stderr.write(`Warning: ${flag} option can be set only for IPv6 addresses\n`);
  else flags.push(flag);
  return true;
}

function takeLocal(words: Words, draft: Draft): void {
  words.take('local');
  const word = words.next();
  if (matches(word, 'help')) throw new UsageError('Try "cofferdam address help".');
  if (draft.local !== undefined) throw duplicateOrGarbage('local', word);
  draft.local = draft.guess.prefix(word);
  if (draft.local.none) throw wrongArgument(word, 'an address is expected');
  draft.specified = word.includes('/');
}
