import { parseIp } from '../../netlink/wire/address.ts';
import type { MdbInput, MdbService } from '../../route/mdb.ts';
import { UsageError, Words } from '../args.ts';
import { linkNamed, unknownWord, vlanId } from '../bridge-words.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';

/** `bridge mdb add` and `del`, man 8 bridge. */

function writing(write: (service: MdbService, entry: MdbInput) => Promise<void>): Action {
  return async (args, context) => {
    await write(context.rt.mdb, await readEntry(args, context));
    return undefined;
  };
}

/** The verbs of `bridge mdb` besides `show`. */
export const mdbActions: Actions = {
  add: writing((service, entry) => service.add(entry)),
  // What is to go may be named with its state; it is not looked at.
  delete: writing((service, entry) => service.del({ ...entry, state: 'temp' })),
};

async function readEntry(args: readonly string[], context: ShowContext): Promise<MdbInput> {
  const words = new Words(args);
  const entry: Partial<MdbInput> = { state: 'temp' };
  let dev: string | undefined;
  let port: string | undefined;
  let grp: string | undefined;
  while (words.more) {
    if (words.take('dev')) dev = words.next();
    else if (words.take('grp')) grp = words.next();
    else if (words.take('port')) port = words.next();
    else if (words.take('permanent')) entry.state = 'permanent';
    else if (words.take('temp')) entry.state = 'temp';
    else if (words.take('vid')) entry.vid = vlanId(words.next());
    else if (words.take('src')) entry.src = words.next();
    else throw unknownWord('mdb', words.next());
  }
  if (dev === undefined || grp === undefined || port === undefined)
    throw new UsageError('Device, group address and port name are required arguments.');
  const ifindex = await linkNamed(dev, context);
  const portIndex = await linkNamed(port, context);
  if (parseIp(grp) === undefined && !/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(grp))
    throw new UsageError(`Invalid address "${grp}"`);
  if (entry.src !== undefined && parseIp(entry.src) === undefined)
    throw new UsageError(`Invalid source address "${entry.src}"`);
  return { ...entry, grp, ifindex, portIndex };
}
