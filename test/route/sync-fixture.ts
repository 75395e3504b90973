import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Route, RouteInput, RouteSyncOptions, RouteSyncResult } from '../../src/index.ts';
import { World } from '../support/diff.ts';
import { LINKS, NEXTHOPS } from './route-world.ts';

export const TABLE = 500;
export const OWN: RouteSyncOptions = { table: TABLE, protocol: 'static' };

/** How many of each. */
export function counts(result: RouteSyncResult): Record<string, number> {
  return Object.fromEntries(
    Object.entries(result).flatMap(([name, list]) => (list.length === 0 ? [] : [[name, list.length]])),
  );
}

/** A world for the tests of one `describe`, with a table that is empty before each of them. */
export function syncWorld() {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([...LINKS, ...NEXTHOPS]);
  });
  beforeEach(() => {
    for (const family of ['-4', '-6'])
      try {
        world.ip(family, 'route', 'flush', 'table', String(TABLE));
      } catch {
        // A table that nobody made yet.
      }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  return {
    get world(): World {
      return world;
    },
    sync: (
      desired: readonly RouteInput[],
      options: Partial<RouteSyncOptions> = {},
    ): Promise<RouteSyncResult> => world.rt.route.sync(desired, { ...OWN, ...options }),
    there: (): Promise<Route[]> => world.rt.route.list({ table: TABLE }),
  };
}
