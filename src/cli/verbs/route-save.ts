import { SystemError } from '../../handle/errors.ts';
import type { Route } from '../../route/route.ts';
import { describeFailure } from '../exit.ts';
import { printRoutes, routeFilter } from '../show/route.ts';
import { selectRoutes } from '../show/route-filter.ts';
import type { ShowContext, Shown } from '../show/view.ts';
import { MAGIC, readStream, refuseTerminal, writeStream } from './stream.ts';

/** `ip route save SELECTOR`: routes as bytes on stdout. */
export async function saveRoutes(args: readonly string[], context: ShowContext): Promise<undefined> {
  refuseTerminal();
  const selection = await selectRoutes(args, context);
  const listed = await context.rt.route.listMessages(routeFilter(selection));
  const chosen = listed.filter(({ object }) => selection.passes(object));
  writeStream(
    MAGIC.route,
    chosen.map(({ message }) => message),
    context,
  );
  return undefined;
}

async function readRoutes({ rt }: ShowContext): Promise<Route[]> {
  const { messages, decode } = rt.route.type;
  return (await readStream(MAGIC.route, messages.new, 'route')).map(decode);
}

/**
 * In which round a route is put back: first what leads to this host's own addresses, then the networks on its links,
 * then what lies behind gateways that those reach.
 */
function round({ family, dst, prefsrc, via }: Route): number {
  // A gateway of the other family counts for none, as `ip` looks at it.
  if (via !== undefined && via.includes(':') === (family === 'inet6')) return 2;
  return prefsrc === undefined || prefsrc === dst ? 0 : 1;
}

/** `ip route restore`: the routes of such bytes from stdin. One that is there already is told of, and no failure. */
export async function restoreRoutes(_args: readonly string[], context: ShowContext): Promise<undefined> {
  const routes = await readRoutes(context);
  for (const now of [0, 1, 2]) {
    for (const route of routes) if (round(route) === now) await restoreOne(route, context);
  }
  return undefined;
}

async function restoreOne(route: Route, { rt }: ShowContext): Promise<void> {
  try {
    await rt.route.prepend(route);
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'EEXIST')) throw error;
    process.stderr.write(`${describeFailure(error, false).text}\n`);
  }
}

/** `ip route showdump`: the routes of such bytes, shown. */
export async function showDump(_args: readonly string[], context: ShowContext): Promise<Shown> {
  return await printRoutes(await readRoutes(context), { table: 0 }, context);
}
