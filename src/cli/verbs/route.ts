import type { RouteInput, RouteService } from '../../route/route.ts';
import type { Action, Actions, ShowContext } from '../show/view.ts';
import { flushRoutes } from './route-flush.ts';
import { getRoute } from './route-get.ts';
import { readRoute } from './route-input.ts';
import { restoreRoutes, saveRoutes, showDump } from './route-save.ts';

type Write = (service: RouteService, route: RouteInput) => Promise<void>;

function writing(purpose: 'new' | 'del', write: Write): Action {
  return async (args: readonly string[], context: ShowContext) => {
    await write(context.rt.route, await readRoute(args, context, purpose));
    return undefined;
  };
}

/** The verbs of `ip route` besides `show`. */
export const routeActions: Actions = {
  add: writing('new', (service, route) => service.add(route)),
  change: writing('new', (service, route) => service.change(route)),
  replace: writing('new', (service, route) => service.replace(route)),
  prepend: writing('new', (service, route) => service.prepend(route)),
  append: writing('new', (service, route) => service.append(route)),
  test: writing('new', (service, route) => service.test(route)),
  delete: writing('del', (service, route) => service.del(route)),
  get: getRoute,
  flush: flushRoutes,
  save: saveRoutes,
  restore: restoreRoutes,
  showdump: showDump,
};
