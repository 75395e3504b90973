import type { FdbFlush, FdbFlushFlag, FdbFlushState, FdbInput, FdbService } from '../../route/fdb.ts';
import { duplicateOrGarbage, matches, parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import { bridgeNamed, linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import { printFdb } from '../show/fdb-print.ts';
import type { Action, Actions, ShowContext, Shown } from '../show/view.ts';
import { addressText } from './words.ts';

/** `bridge fdb add` and its kin, man 8 bridge. */

type Write = (service: FdbService, entry: FdbInput) => Promise<void>;

function writing(write: Write): Action {
  return async (args, context) => {
    await write(context.rt.fdb, await readEntry(args, context));
    return undefined;
  };
}

/** The verbs of `bridge fdb` besides `show`. */
export const fdbActions: Actions = {
  add: writing((service, entry) => service.add(entry)),
  append: writing((service, entry) => service.append(entry)),
  replace: writing((service, entry) => service.replace(entry)),
  delete: writing((service, entry) => service.del(entry)),
  get: getEntry,
  flush: flushEntries,
};

const HELP = 'Try "cofferdam bridge fdb help".';
const VNI_MAX = 0xff_ffff;

function vni(word: string, message: string): number {
  const number = parseUnsigned(word, VNI_MAX);
  if (number === undefined) throw wrongArgument(word, message);
  return number;
}

/** The address by itself, or behind `to`. */
function takeMac(words: Words, known: string | undefined): string {
  words.take('to');
  const word = words.next();
  if (matches(word, 'help')) throw new UsageError(HELP);
  if (known !== undefined) throw duplicateOrGarbage('to', word);
  return word;
}

function macAddress(word: string): string {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(word)) throw new UsageError(`Invalid mac address ${word}`);
  return word;
}

async function readEntry(args: readonly string[], context: ShowContext): Promise<FdbInput> {
  const words = new Words(args);
  const entry: Partial<FdbInput> = {};
  const flags: string[] = [];
  let dev: string | undefined;
  let mac: string | undefined;
  let state: string | undefined;
  while (words.more) {
    if (words.take('dev')) dev = words.next();
    else if (words.take('dst')) {
      const word = words.next();
      if (entry.dst !== undefined) throw duplicateOrGarbage('dst', word);
      entry.dst = addressText(word, context.options.family);
    } else if (words.take('nhid')) entry.nhid = number(words.next(), '"id" value is invalid\n');
    else if (words.take('port')) entry.port = number(words.next(), 'invalid port\n', 0xffff);
    else if (words.take('vni')) entry.vni = vni(words.next(), 'invalid VNI\n');
    else if (words.take('src_vni')) entry.srcVni = vni(words.next(), 'invalid src VNI\n');
    else if (words.take('via')) entry.viaIfindex = await linkNamed(words.next(), context);
    else if (words.take('self')) flags.push('self');
    else if (words.takeAbbreviated('master')) flags.push('master');
    else if (words.takeAbbreviated('router')) flags.push('router');
    else if (words.takeAbbreviated('local', 'permanent')) state = 'permanent';
    else if (words.takeAbbreviated('temp', 'static')) state = 'static';
    else if (words.takeAbbreviated('dynamic')) state = 'dynamic';
    else if (words.takeAbbreviated('vlan')) {
      if (entry.vlan !== undefined) throw duplicateOrGarbage('vlan', 'vlan');
      entry.vlan = vlanId(words.next());
    } else if (words.takeAbbreviated('use')) flags.push('use');
    else if (words.takeAbbreviated('extern_learn')) flags.push('extern_learn');
    else if (words.takeAbbreviated('sticky')) flags.push('sticky');
    else mac = takeMac(words, mac);
  }
  if (dev === undefined || mac === undefined)
    throw new UsageError('Device and address are required arguments.');
  if (entry.nhid !== undefined && (entry.dst ?? entry.port ?? entry.vni) !== undefined)
    throw new UsageError('dst, port, vni are mutually exclusive with nhid');
  if (!flags.includes('self') && !flags.includes('master')) flags.push('self');
  return {
    ...entry,
    mac: macAddress(mac),
    ifindex: await linkNamed(dev, context),
    flags,
    ...(state === undefined ? {} : { state }),
  };
}

function number(word: string, message: string, max?: number): number {
  const value = parseUnsigned(word, max);
  if (value === undefined) throw wrongArgument(word, message);
  return value;
}

async function getEntry(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  const flags: string[] = [];
  const key: Partial<FdbInput> = {};
  let dev: string | undefined;
  let br: string | undefined;
  let mac: string | undefined;
  let dynamic = false;
  while (words.more) {
    if (words.take('brport', 'dev')) dev = words.next();
    else if (words.take('br')) br = words.next();
    else if (words.take('vni')) key.vni = vni(words.next(), 'invalid VNI\n');
    else if (words.take('self')) flags.push('self');
    else if (words.takeAbbreviated('master')) flags.push('master');
    else if (words.takeAbbreviated('vlan')) {
      if (key.vlan !== undefined) throw duplicateOrGarbage('vlan', 'vlan');
      key.vlan = vlanId(words.next());
    } else if (words.takeAbbreviated('dynamic')) dynamic = true;
    else mac = takeMac(words, mac);
  }
  if ((dev === undefined && br === undefined) || mac === undefined)
    throw new UsageError('Device or master and address are required arguments.');
  // Without a word about the table, that of the bridge is meant.
  if (flags.length === 0) flags.push('master');
  const found = await context.rt.fdb.get({
    ...key,
    mac: macAddress(mac),
    flags,
    ...(dev === undefined ? {} : { ifindex: await linkNamed(dev, context) }),
    ...(br === undefined ? {} : { masterIndex: await bridgeNamed(br, context) }),
  });
  return await printFdb(dynamic && found.state === 'permanent' ? [] : [found], context, false);
}

const STATES: readonly string[] = ['permanent', 'static', 'dynamic'];
const FLAGS: readonly string[] = ['added_by_user', 'extern_learn', 'sticky', 'offloaded'];

async function flushEntries(args: readonly string[], context: ShowContext): Promise<undefined> {
  const words = new Words(args);
  const flush: FdbFlush = {};
  const flags: string[] = [];
  let dev: string | undefined;
  let port: string | undefined;
  while (words.more) {
    const word = words.next();
    const plain = word.startsWith('no') ? word.slice(2) : word;
    if (word === 'dev') dev = words.next();
    else if (word === 'master' || word === 'self') flush.table = word;
    else if (STATES.includes(plain)) flush.state = word as FdbFlushState;
    else if (FLAGS.includes(plain)) flags.push(word);
    else if (word === 'brport') {
      if (port !== undefined) throw duplicateOrGarbage('brport', 'brport');
      port = words.next();
    } else if (word === 'vlan') {
      if (flush.vlan !== undefined) throw duplicateOrGarbage('vlan', 'vlan');
      flush.vlan = vlanId(words.next());
    } else throw unknownWord('fdb', word);
  }
  if (dev === undefined) throw new UsageError('Device is a required argument.');
  flush.ifindex = await bridgeNamed(dev, context);
  if (port !== undefined)
    flush.brport = await linkNamed(port, context, `Cannot find bridge port device "${port}"`);
  if (flags.length > 0) flush.flags = flags as FdbFlushFlag[];
  await context.rt.fdb.flush(flush);
  return undefined;
}
