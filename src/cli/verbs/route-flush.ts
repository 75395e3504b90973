import { writeFile } from 'node:fs/promises';
import type { Route } from '../../route/route.ts';
import { FindingError } from '../args.ts';
import { printRoutes, requireTable, routeFilter } from '../show/route.ts';
import { selectRoutes } from '../show/route-filter.ts';
import type { ShowContext } from '../show/view.ts';
import { flush } from './flush.ts';

const FLUSH_CACHE = '/proc/sys/net/ipv4/route/flush';
/** The kernel's own last resort, which nobody can delete. */
const LAST_RESORT = 0xffff_ffff;

/** `ip route flush SELECTOR`. */
export async function flushRoutes(args: readonly string[], context: ShowContext): Promise<undefined> {
  if (args.length === 0) throw new FindingError('"cofferdam route flush" requires arguments.');
  const selection = await selectRoutes(args, context);
  if (selection.cached && selection.family !== 'inet6') {
    await writeFile(FLUSH_CACHE, '-1');
    if (context.options.stats > 0) context.write('*** IPv4 routing cache is flushed.\n');
  }
  if (selection.cached && selection.family === 'inet') return undefined;
  const { rt } = context;
  const isFixed = ({ family, dst, type, metric }: Route) =>
    family === 'inet6' && dst === 'default' && type === 'unreachable' && metric === LAST_RESORT;
  await flush<Route>(
    {
      noun: 'entries',
      // `ip` gives up by the clock.
      loops: Number.POSITIVE_INFINITY,
      quietWhenEmpty: selection.cached && selection.family !== 'inet6',
      find: async () => {
        const routes = await rt.route.list(routeFilter(selection));
        if (routes.length === 0) await requireTable(selection, context);
        return routes.filter((route) => selection.passes(route) && !isFixed(route));
      },
      remove: (batch, route) => void batch.route.del(route),
      show: async (routes) => (await printRoutes(routes, selection, context)).text,
    },
    context,
  );
  return undefined;
}
