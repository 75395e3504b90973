import { SystemError } from '../../handle/errors.ts';
import type { Nexthop } from '../../route/nexthop.ts';
import type { Route, RouteFilter } from '../../route/route.ts';
import { paint } from '../text.ts';
import { ROUTE_USAGE, type RouteSelection, selectRoutes } from './route-filter.ts';
import { type PrintSelection, printRoute } from './route-print.ts';
import type { Desk } from './route-sheet.ts';
import type { JsonObject, ShowContext, Shown, View } from './view.ts';

/** What the kernel, too, can tell apart; the selection holds each route against all of it. */
export function routeFilter(selection: RouteSelection): RouteFilter {
  const { family, table, oif, protocol, cached } = selection;
  return {
    ...(family === undefined ? {} : { family }),
    ...(table === 0 ? {} : { table }),
    ...(oif === undefined ? {} : { oif }),
    ...(protocol === undefined || protocol === 0 ? {} : { protocol }),
    ...(cached ? { cached } : {}),
  };
}

/** Nexthop objects by id, each asked for once. */
class NexthopObjects {
  readonly #context: ShowContext;
  readonly #found = new Map<number, Nexthop | undefined>();

  constructor(context: ShowContext) {
    this.#context = context;
  }

  async get(id: number): Promise<Nexthop | undefined> {
    if (!this.#found.has(id)) this.#found.set(id, await this.#ask(id));
    return this.#found.get(id);
  }

  async #ask(id: number): Promise<Nexthop | undefined> {
    try {
      return await this.#context.rt.nexthop.get(id);
    } catch (error) {
      // It went away since its route was listed.
      if (error instanceof SystemError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** Routes in the order given. The selection says what need not be said of each. */
export async function printRoutes(
  routes: readonly Route[],
  selection: PrintSelection,
  context: ShowContext,
): Promise<Shown> {
  const desk: Desk = {
    options: context.options,
    names: context.names,
    links: await context.linkNames(),
    paint: paint(context.options.color),
  };
  const objects = new NexthopObjects(context);
  const json: JsonObject[] = [];
  let text = '';
  for (const route of routes) {
    const object =
      context.options.details && route.nexthopId !== undefined
        ? await objects.get(route.nexthopId)
        : undefined;
    const sheet = printRoute(route, desk, selection, object);
    json.push(sheet.json);
    text += sheet.text;
  }
  return { json, text };
}

const MAIN = 254;

/** Listing takes a table that was never made for an empty one; `ip` repeats what the kernel says of it. */
export async function requireTable(selection: RouteSelection, { rt }: ShowContext): Promise<void> {
  if (selection.table !== 0 && selection.table !== MAIN) await rt.route.listMessages(routeFilter(selection));
}

/** `ip route show`. */
export const routeView: View = {
  names: ['route'],
  usage: ROUTE_USAGE,
  async run(args: readonly string[], context: ShowContext): Promise<Shown> {
    const selection = await selectRoutes(args, context);
    const routes = await context.rt.route.list(routeFilter(selection));
    if (routes.length === 0) await requireTable(selection, context);
    return await printRoutes(routes.filter(selection.passes), selection, context);
  },
  actions: async () => (await import('../verbs/route.ts')).routeActions,
};
