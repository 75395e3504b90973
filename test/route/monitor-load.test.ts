/** More news than anybody reads: nothing grows without bound, what is lost is counted, and made up for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Monitor, MonitorEvent } from '../../src/route/monitor.ts';
import { World } from '../support/diff.ts';

/** COFFERDAM_MONITOR_NEWS=1000000 says how many for more. */
const NEWS = Number(process.env.COFFERDAM_MONITOR_NEWS ?? 200_000);
/** As many at a time: what a monitor keeps in mind grows with them. */
const ROUTES = 50_000;

/** `ip -batch` beside us: route `verb` 10.x.y.z/32, `count` of them. */
async function churn(world: World, verb: 'add' | 'del', count: number): Promise<void> {
  const ip = spawn('ip', ['-n', world.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const lines = Array.from(
    { length: count },
    (_, i) => `route ${verb} 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 dev veth0\n`,
  );
  ip.stdin.end(lines.join(''));
  const [code] = (await once(ip, 'close')) as [number];
  expect(code).toBe(0);
}

/** The routes that events tell of. */
class View {
  readonly routes = new Set<string>();
  overruns = 0;
  resyncs = 0;

  take(event: MonitorEvent): void {
    if (event.type === 'overrun') this.overruns++;
    else if (event.type === 'resynced') this.resyncs++;
    else if ('object' in event && event.object === 'route' && event.value.family === 'inet') {
      const { dst, table } = event.value;
      if (event.type === 'del') this.routes.delete(`${table} ${dst}`);
      else this.routes.add(`${table} ${dst}`);
    }
  }
}

describe('a monitor under load', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'link set veth1 up']);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  /** Reads until nothing is left and the last loss is made up for, as slowly as `pace` says. */
  async function follow(
    monitor: Monitor,
    producing: Promise<unknown>,
    news: number,
    pace: () => Promise<void> | undefined,
  ) {
    const view = new View();
    const settled = setInterval(() => {
      const { received, dropped, queued } = monitor.stats;
      // Everything that there was to tell has come, or was dropped and is made up for.
      if (received + dropped === news && queued === 0 && view.overruns === view.resyncs) monitor.close();
    }, 100);
    for await (const event of monitor) {
      view.take(event);
      const wait = pace();
      if (wait !== undefined) await wait;
    }
    clearInterval(settled);
    await producing;
    const listed = await world.rt.route.list({ family: 'inet' });
    expect([...view.routes].sort()).toEqual(listed.map(({ table, dst }) => `${table} ${dst}`).sort());
    return view;
  }

  it(`keeps ${NEWS} news from a slow reader within bounds, and its view converges`, async () => {
    // Too small on purpose: most of the news must get lost.
    const options = { resync: true, queue: 2000, receiveBuffer: 256 * 1024 };
    await using monitor = await world.rt.monitor(['ipv4-route'], options);
    const before = process.memoryUsage();
    let most = 0;
    let count = 0;
    const first = churn(world, 'add', ROUTES);
    const producing = (async () => {
      await first;
      for (let told = ROUTES; told < NEWS; told += ROUTES) {
        const isThere = (told / ROUTES) % 2 === 1;
        await churn(world, isThere ? 'del' : 'add', ROUTES);
        if (!isThere) continue;
        await churn(world, 'add', 10);
        await churn(world, 'del', 10);
      }
      await churn(world, 'add', 1000);
    })();
    const news = NEWS + (NEWS / ROUTES / 2) * 20 + 1000;
    const view = await follow(monitor, producing, news, () => {
      most = Math.max(most, monitor.stats.queued);
      // On a machine where a slow reader would be fast enough, the first quarter comes before he begins.
      if (++count === 1) return first;
      return count % 200 === 0 ? sleep(5) : undefined;
    });
    const { received, dropped, overruns, resyncs, discarded, events, malformed } = monitor.stats;
    expect(view.overruns).toBe(overruns);
    expect(overruns).toBeGreaterThan(0);
    expect(resyncs).toBe(overruns);
    expect(dropped).toBeGreaterThan(0);
    // Whatever the kernel had to say is accounted for: it arrived, or it was dropped.
    expect(received + dropped).toBe(news);
    expect(events).toBeGreaterThan(0);
    expect(discarded).toBeLessThan(received);
    expect(malformed).toBe(0);
    // A read of the socket is never cut in two: what it brings on top of a queue that is almost full is little.
    expect(most).toBeLessThan(2000 + 1024);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(300 * 1024 * 1024);
  }, 240_000);

  it('loses none of 20,000 with its defaults, though nobody reads for a while', async () => {
    await using monitor = await world.rt.monitor(['ipv4-route']);
    const producing = churn(world, 'del', 1000).then(() => churn(world, 'add', 19_000));
    await producing;
    const seen = { new: 0, del: 0 };
    for await (const batch of monitor.batches()) {
      for (const { type } of batch) if (type === 'new' || type === 'del') seen[type]++;
      if (seen.new === 19_000) break;
    }
    expect(seen).toEqual({ new: 19_000, del: 1000 });
    expect(monitor.stats).toMatchObject({ received: 20_000, events: 20_000, dropped: 0, overruns: 0 });
  }, 240_000);

  it('leaves the event loop its turns while it has much to tell', async () => {
    await using monitor = await world.rt.monitor(['ipv4-route']);
    await churn(world, 'del', 19_000);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    let seen = 0;
    for await (const event of monitor) {
      expect(event.type).toBe('del');
      if (++seen === 19_000) break;
    }
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
  }, 240_000);
});
