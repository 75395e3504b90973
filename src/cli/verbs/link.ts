import { KINDS, kindField, PAIRED } from '../../route/kinds/index.ts';
import type { LinkInput, LinkSettings, LinkTarget, PeerInput } from '../../route/link.ts';
import { UsageError, Words } from '../args.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import type { Data } from './link-options.ts';
import { type LinkWords, readLinkWords } from './link-settings.ts';
import { isPort, readType } from './link-words.ts';
import { showAfstats, showXstats } from './link-xstats.ts';

/** `ip link add` and its kin, man 8 ip-link. */

/** `dev` and `name` mean the same while a link is made. */
function oneName({ dev, name }: LinkWords): string | undefined {
  if (dev !== name && name !== undefined && dev !== undefined)
    throw new UsageError('both "name" and "dev" cannot be used when creating devices.');
  return dev ?? name;
}

function birth({ linkNetnsid, numTxQueues, numRxQueues, parentdev, index }: LinkWords): Data {
  return Object.fromEntries(
    Object.entries({ linkNetnsid, numTxQueues, numRxQueues, parentdev, index }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

/** `peer [ name ] NAME ...`, behind the word. */
async function readPeer(words: Words, context: ShowContext): Promise<PeerInput> {
  const read = await readLinkWords(words, context);
  if (read.type !== undefined)
    throw new UsageError(`Error: duplicate "type": "${read.type}" is the second value.`);
  const ifname = oneName(read);
  return { ...read.settings, ...birth(read), ...(ifname !== undefined && { ifname }) } as PeerInput;
}

/** The words after `link add`. */
export async function readNewLink(args: readonly string[], context: ShowContext): Promise<LinkInput> {
  const words = new Words(args);
  const read = await readLinkWords(words, context);
  const ifname = oneName(read);
  const { type } = read;
  if (read.settings.group !== undefined && ifname === undefined)
    throw new UsageError('group cannot be used when creating devices.');
  if (type === undefined) throw new UsageError('Not enough information: "type" argument is required');
  const { rest, peer, policy } = await splitPeer(type, words, context);
  const data = await readType(type, rest, { context, creating: true });
  if (policy !== undefined) data[type] = { ...(data[type] as Data | undefined), ...policy };
  return {
    ...read.settings,
    ...birth(read),
    ...(ifname !== undefined && { ifname }),
    ...(read.link !== undefined && { link: read.link }),
    ...data,
    ...(peer !== undefined && { peer }),
  } as LinkInput;
}

/** Of a pair, what is said of the other end, and what is not. */
async function splitPeer(
  type: string,
  words: Words,
  context: ShowContext,
): Promise<{ rest: Words; peer?: PeerInput; policy?: Data }> {
  if (!PAIRED.has(type)) return { rest: words };
  const own: string[] = [];
  while (words.more) {
    if (words.take('peer')) {
      const policy = type === 'netkit' ? readPeerPolicy(words) : undefined;
      return { rest: new Words(own), peer: await readPeer(words, context), ...(policy && { policy }) };
    }
    own.push(words.next());
  }
  return { rest: new Words(own) };
}

/** Of a netkit the other end's policies stand behind `peer`, before all else: `forward`, `scrub none`. */
function readPeerPolicy(words: Words): Data {
  const policy: Data = {};
  for (;;) {
    if (words.take('forward')) policy.peerPolicy = 'forward';
    else if (words.take('blackhole')) policy.peerPolicy = 'blackhole';
    else if (words.take('scrub')) policy.peerScrub = words.next();
    else return policy;
  }
}

/** A change of one link, or of all of a group. */
export interface LinkChange {
  readonly target: LinkTarget;
  readonly settings: LinkSettings;
}

/** The words after `link set`. */
export async function readLinkChange(args: readonly string[], context: ShowContext): Promise<LinkChange> {
  const words = new Words(args);
  const read = await readLinkWords(words, context);
  const { dev, name, type } = read;
  const settings: LinkSettings = read.settings;
  if (dev === undefined) {
    const { group, ...others } = settings;
    if (group === undefined) throw new UsageError('Not enough information: "dev" argument is required.');
    if (words.more)
      throw new UsageError(`Garbage instead of arguments "${words.need()} ...". Try "cofferdam link help".`);
    return { target: { group }, settings: others };
  }
  const ifindex = await context.linkIndex(dev);
  if (name !== undefined && name !== dev) settings.ifname = name;
  if (read.index !== undefined) {
    if (settings.netns === undefined)
      throw new UsageError(
        'index can be used only when creating devices or when moving device to another netns.',
      );
    settings.newIfindex = read.index;
  }
  if (type === undefined) return { target: ifindex, settings };
  const data = await readType(type, words, {
    context,
    creating: false,
    ...(await current(type, ifindex, words, context)),
  });
  return { target: ifindex, settings: { ...settings, ...data } };
}

/** What the link has already, of a kind whose drivers take what is not said for the default. */
async function current(
  type: string,
  ifindex: number,
  words: Words,
  { rt }: ShowContext,
): Promise<{ current?: Data }> {
  const field = isPort(type) ? undefined : kindField(type);
  if (field === undefined || !KINDS[field].whole || !words.more) return {};
  const now = (await rt.link.get(ifindex))[field];
  if (now === undefined) throw new UsageError('Failed to get existing tunnel info.');
  const data: Data = { ...now };
  // Links by index only: a name would win over what is said now.
  for (const name of Object.keys(KINDS[field].links)) delete data[name];
  return { current: data };
}

async function setLink(args: readonly string[], context: ShowContext): Promise<undefined> {
  const { target, settings } = await readLinkChange(args, context);
  await context.rt.link.set(target, settings);
}

async function deleteLink(args: readonly string[], context: ShowContext): Promise<undefined> {
  const words = new Words(args);
  const { dev, settings } = await readLinkWords(words, context);
  if (dev === undefined && settings.group === undefined)
    throw new UsageError('Not enough information: "dev" argument is required.');
  await context.rt.link.del(
    dev === undefined ? { group: settings.group ?? 0 } : await context.linkIndex(dev),
  );
}

/** `link property add dev DEVICE altname NAME ...`. */
async function changeProperty(args: readonly string[], context: ShowContext): Promise<undefined> {
  const words = new Words(args);
  const adding = words.takeAbbreviated('add');
  if (!adding && !words.takeAbbreviated('delete')) throw new UsageError('Operator required: add or del');
  let dev: string | undefined;
  const altnames: string[] = [];
  while (words.more) {
    if (words.takeAbbreviated('altname')) altnames.push(words.next());
    else {
      words.take('dev');
      const word = words.next();
      if (dev !== undefined)
        throw new UsageError(`Error: either "dev" is duplicate, or "${word}" is a garbage.`);
      dev = word;
    }
  }
  if (dev === undefined) throw new UsageError('Not enough of information: "dev" argument is required.');
  const index = await context.linkIndex(dev);
  const { link } = context.rt;
  await (adding ? link.addAltnames(index, altnames) : link.delAltnames(index, altnames));
}

const making =
  (verb: 'add' | 'replace'): Action =>
  async (args, context) => {
    await context.rt.link[verb](await readNewLink(args, context));
    return undefined;
  };

/** The verbs of `ip link` besides `show`. */
export const linkActions: Actions = {
  add: making('add'),
  replace: making('replace'),
  set: setLink,
  change: setLink,
  delete: deleteLink,
  property: changeProperty,
  xstats: showXstats,
  afstats: showAfstats,
};
