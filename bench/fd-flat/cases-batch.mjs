// Batches and declared routes. Each opens a socket, an eventfd and a thread, so they count as openings.
import { RouteSocket } from 'cofferdam';
import { mustFail, sharedSocket } from './support.mjs';

const OPENS = 10_000;
const ROUTES = 20;

/** Routes that no other case has. */
const routesOf = (world) =>
  Array.from({ length: ROUTES }, (_, i) => ({
    dst: `10.200.${i}.0/24`,
    via: world.gateway,
    dev: world.link,
    table: 200,
  }));

function mustAll(results, states, count) {
  const seen = results.map((result) => (result.ok ? 'ok' : result.state));
  const strange = seen.filter((state) => !states.includes(state));
  if (seen.length !== count || strange.length > 0) throw new Error(`${seen.length} results, ${strange}`);
}

/** Adds and deletes again, whatever of it has been done. */
const clear = (rt, routes) => rt.batch((b) => routes.map((route) => b.route.del(route)));

const onSocket = (name, what, cycle) => ({ name, what, cycles: OPENS, setup: () => sharedSocket(), cycle });

export const batchCases = [
  onSocket('batch', 'rt.batch: 20 routes added, added in vain, deleted', async ({ rt, world }) => {
    const routes = routesOf(world);
    const add = () => rt.batch((b) => routes.map((route) => b.route.add(route)));
    mustAll(await add(), ['ok'], ROUTES);
    mustAll(await add(), ['refused'], ROUTES);
    mustAll(await clear(rt, routes), ['ok'], ROUTES);
  }),
  onSocket(
    "batch, onError: 'undo'",
    '19 routes added, the last in vain, and deleted again',
    async ({ rt, world }) => {
      const routes = [...routesOf(world), routesOf(world)[0]];
      const results = await rt.batch((b) => routes.map((route) => b.route.add(route)), { onError: 'undo' });
      mustAll(results, ['undone', 'refused'], ROUTES + 1);
    },
  ),
  onSocket('batch aborted', 'at any moment', async ({ rt, world }, cycle) => {
    const routes = routesOf(world);
    const controller = new AbortController();
    const batch = rt.batch((b) => routes.map((route) => b.route.add(route)), {
      signal: controller.signal,
      window: 1,
    });
    if (cycle % 3 > 0) await (cycle % 3 === 1 ? Promise.resolve() : new Promise(setImmediate));
    controller.abort();
    mustAll(
      (await batch.catch(() => undefined)) ?? routes.map(() => ({ state: 'unsent' })),
      ['ok', 'unsent', 'unknown'],
      ROUTES,
    );
    await clear(rt, routes);
  }),
  onSocket('batch fails', 'the callback throws', ({ rt }) =>
    mustFail('ERR_CASE', () =>
      rt.batch(() => {
        throw Object.assign(new Error('wanted'), { code: 'ERR_CASE' });
      }),
    ),
  ),
  {
    name: 'batch, closed meanwhile',
    what: 'close() of the socket while its batch is on its way',
    cycles: OPENS,
    async cycle({ world }) {
      const rt = await RouteSocket.open();
      const routes = routesOf(world);
      const batch = rt.batch((b) => routes.map((route) => b.route.del(route)), { window: 1 });
      await Promise.resolve();
      rt.close();
      mustAll(
        (await batch.catch(() => undefined)) ?? routes.map(() => ({ state: 'unsent' })),
        ['refused', 'unsent', 'unknown'],
        ROUTES,
      );
    },
  },
  onSocket('route sync', 'rt.route.sync: 20 routes wanted, then others, then none', async ({ rt, world }) => {
    const owner = { table: 201, protocol: 'static' };
    const wanted = routesOf(world).map(({ table: _, ...route }) => route);
    await rt.route.sync(wanted, owner);
    await rt.route.sync(
      wanted.slice(5).map((route) => ({ ...route, metrics: { mtu: 1400 } })),
      owner,
    );
    const { deleted, failed } = await rt.route.sync([], owner);
    if (deleted.length !== ROUTES - 5 || failed.length > 0) throw new Error(`${deleted.length} deleted`);
  }),
];
