import type { RouteGetOptions } from '../../route/route.ts';
import { FindingError, matches, UsageError, Words, wrongArgument } from '../args.ts';
import { vrfTable } from '../route-words.ts';
import { readIpProtocols } from '../show/ip-protocols.ts';
import { printRoutes } from '../show/route.ts';
import type { ShowContext, Shown } from '../show/view.ts';
import { FamilyGuess, nextNamed, nextNumber, type PrefixText } from './words.ts';

interface Question {
  readonly dst: string;
  readonly options: RouteGetOptions;
  readonly connected: boolean;
}

/** `ip route get ADDRESS ...`: the way that the kernel would take. */
export async function getRoute(args: readonly string[], context: ShowContext): Promise<Shown> {
  const { dst, options, connected } = await readQuestion(args, context);
  const answer = await context.rt.route.get(dst, options);
  const answers = [answer];
  if (connected && options.from === undefined) {
    const from = answer.prefsrc ?? answer.from;
    if (from === undefined) throw new FindingError('Failed to connect the route');
    answers.push(await context.rt.route.get(dst, options));
  }
  return await printRoutes(answers, { table: 0 }, context);
}

async function readQuestion(args: readonly string[], context: ShowContext): Promise<Question> {
  const words = new Words(args);
  const guess = new FamilyGuess(context.options.family);
  const { names } = context;
  const options: RouteGetOptions = {};
  let dst: PrefixText | undefined;
  let connected = false;
  let iif: string | undefined;
  let oif: string | undefined;
  while (words.more) {
    if (words.take('tos') || words.takeAbbreviated('dsfield'))
      options.tos = nextNamed(words, (word) => names.dsfieldId(word), 'TOS value is invalid\n');
    else if (words.takeAbbreviated('from')) {
      const { address, none } = guess.prefix(words.next());
      if (!none) options.from = address;
    } else if (words.takeAbbreviated('iif')) iif = words.next();
    else if (words.takeAbbreviated('mark')) options.mark = nextNumber(words, 'invalid mark value');
    else if (words.takeAbbreviated('oif') || words.take('dev')) oif = words.next();
    else if (words.takeAbbreviated('notify')) options.notify = true;
    else if (words.takeAbbreviated('connected')) connected = true;
    else if (words.takeAbbreviated('vrf')) {
      oif = words.next();
      await vrfTable(oif, context);
    } else if (words.takeAbbreviated('uid')) options.uid = nextNumber(words, 'invalid UID\n');
    else if (words.takeAbbreviated('fibmatch')) options.fibmatch = true;
    else if (words.peek === 'as') throw wrongArgument('as', 'labels are not supported here\n');
    else if (words.takeAbbreviated('sport')) options.sport = nextNumber(words, 'invalid sport\n', 0xffff);
    else if (words.takeAbbreviated('dport')) options.dport = nextNumber(words, 'invalid dport\n', 0xffff);
    else if (words.takeAbbreviated('ipproto')) {
      const protocols = readIpProtocols();
      options.ipproto = nextNamed(words, (word) => protocols.numberOf(word), 'Invalid "ipproto" value\n');
    } else {
      words.take('to');
      if (matches(words.need(), 'help')) throw new UsageError('Try "cofferdam route help".');
      dst = guess.prefix(words.next());
    }
  }
  if (dst === undefined) throw new FindingError('need at least a destination address');
  const bits = guess.family === 'inet6' ? 128 : 32;
  if (!dst.none && dst.length !== bits)
    process.stderr.write(
      `Warning: /${dst.length} as prefix is invalid, only /${bits} (or none) is supported.\n`,
    );
  if (iif !== undefined) options.iif = await context.linkIndex(iif);
  if (oif !== undefined) options.oif = await context.linkIndex(oif);
  const address = dst.none ? (guess.family === 'inet6' ? '::' : '0.0.0.0') : dst.address;
  return { dst: address, options, connected };
}
