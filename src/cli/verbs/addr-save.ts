import { SystemError } from '../../handle/errors.ts';
import type { Address, AddressFilter } from '../../route/address.ts';
import { describeFailure } from '../exit.ts';
import { printAddresses } from '../show/addr.ts';
import { parseAddressFilter } from '../show/addr-filter.ts';
import type { ShowContext, Shown } from '../show/view.ts';
import { MAGIC, readStream, refuseTerminal, writeStream } from './stream.ts';

/** `ip address save`: addresses as bytes on stdout. Of the words only `dev` and the family narrow it, as in `ip`. */
export async function saveAddresses(args: readonly string[], context: ShowContext): Promise<undefined> {
  refuseTerminal();
  const { link } = await parseAddressFilter(args, context);
  const { family } = context.options;
  const filter: AddressFilter = {};
  if (link.ifindex !== undefined) filter.ifindex = link.ifindex;
  if (family === 'inet' || family === 'inet6') filter.family = family;
  const listed = await context.rt.address.listMessages(filter);
  writeStream(
    MAGIC.address,
    listed.map(({ message }) => message),
    context,
  );
  return undefined;
}

async function readAddresses({ rt }: ShowContext): Promise<Address[]> {
  const { messages, decode } = rt.address.type;
  return (await readStream(MAGIC.address, messages.new, 'address')).map(decode);
}

/** `ip address restore`: the addresses of such bytes from stdin. One that is there already is no failure. */
export async function restoreAddresses(_args: readonly string[], context: ShowContext): Promise<undefined> {
  for (const address of await readAddresses(context)) {
    try {
      await context.rt.address.add(address);
    } catch (error) {
      if (!(error instanceof SystemError && error.code === 'EEXIST')) throw error;
      process.stderr.write(`${describeFailure(error, false).text}\n`);
    }
  }
  return undefined;
}

/** `ip address showdump`: the addresses of such bytes, shown. */
export async function showAddressDump(_args: readonly string[], context: ShowContext): Promise<Shown> {
  const addresses = await readAddresses(context);
  const { json } = await printAddresses(addresses, context);
  let text = '';
  for (const address of addresses) {
    const one = await printAddresses([address], context);
    text += `if${address.ifindex}:\n${one.text}`;
  }
  const list = json.map((record, i) => ({ index: addresses[i]?.ifindex ?? 0, ...record }));
  return { json: [{ addr_info: list }], text };
}
