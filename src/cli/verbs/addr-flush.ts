import type { Address } from '../../route/address.ts';
import { FindingError } from '../args.ts';
import { printAddresses } from '../show/addr.ts';
import { parseAddressFilter, passesAddressFilter } from '../show/addr-filter.ts';
import type { ShowContext } from '../show/view.ts';
import { flush } from './flush.ts';

/** `ip address flush SELECTOR`. Of the links only `dev` matters. */
export async function flushAddresses(args: readonly string[], context: ShowContext): Promise<undefined> {
  if (args.length === 0) throw new FindingError('Flush requires arguments.');
  if (context.options.family === 'link') throw new FindingError('Cannot flush link addresses.');
  const filter = await parseAddressFilter(args, context);
  const { rt } = context;
  const links = await context.linkNames();
  const { ifindex } = filter.link;
  await flush<Address>(
    {
      noun: 'addresses',
      // What was secondary may have become primary by the deletion of its primary one.
      once: filter.flags.get('secondary') === false,
      find: async () =>
        (await rt.address.list(ifindex === undefined ? {} : { ifindex })).filter((address) =>
          passesAddressFilter(address, filter, links),
        ),
      remove: (batch, address) => void batch.address.del(address),
      show: async (addresses) => (await printAddresses(addresses, context, { withLink: true })).text,
    },
    context,
  );
  return undefined;
}
