// cofferdam itself, as a user of the built package. One command a process; prints one line of JSON.
//   dump|table|batches REPEAT    links REPEAT    write add|del COUNT    get COUNT    open COUNT    netns COUNT    monitor
import { readFileSync } from 'node:fs';
import { Netns, RouteSocket } from '../../dist/index.js';
import { withLoopDelay } from './loop-delay.mjs';

const [command, ...words] = process.argv.slice(2);
const seconds = () => performance.now() / 1000;
const tell = (facts) => console.log(JSON.stringify(facts));
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const peakMemory = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
const rare = { timeout: 600_000 };

/** `work` again and again on one socket: the median time, and the loop's delay over all. */
async function repeated(times, work) {
  const rt = await RouteSocket.open(rare);
  const took = [];
  let last;
  const { loop } = await withLoopDelay(async () => {
    for (let i = 0; i < times; i++) {
      last = undefined;
      const start = seconds();
      last = await work(rt);
      took.push(seconds() - start);
    }
  });
  return { seconds: median(took), loop, last };
}

/** Of what the checksum is made: compare rows only where these agree. */
function contribution({ dst, oif }) {
  if (!dst.startsWith('10.') || dst.includes('/')) return 0;
  return dst.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0) + oif;
}

function checksum(routes) {
  let sum = 0;
  for (const route of routes) sum = (sum + contribution(route)) >>> 0;
  return sum;
}

const commands = {
  async dump(times) {
    const { last, ...facts } = await repeated(Number(times), (rt) => rt.route.list({ family: 'inet' }));
    const rss = peakMemory();
    tell({ ...facts, rss, count: last.length, sum: checksum(last) });
  },
  async table(times) {
    const { last, ...facts } = await repeated(Number(times), (rt) => rt.route.table({ family: 'inet' }));
    const rss = peakMemory();
    tell({ ...facts, rss, count: last.length, sum: checksum(last) });
  },
  async batches(times) {
    let sum = 0;
    const { last, ...facts } = await repeated(Number(times), async (rt) => {
      let count = 0;
      for await (const batch of rt.route.batches({ family: 'inet' })) count += batch.length;
      return count;
    });
    const rss = peakMemory();
    const rt = await RouteSocket.open(rare);
    for await (const batch of rt.route.batches({ family: 'inet' })) sum = (sum + checksum(batch)) >>> 0;
    tell({ ...facts, rss, count: last, sum });
  },
  async links(times) {
    const { last, ...facts } = await repeated(Number(times), (rt) => rt.link.list());
    tell({ ...facts, rss: peakMemory(), count: last.length });
  },
  async write(verb, count) {
    const rt = await RouteSocket.open(rare);
    const address = (i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const routes = Array.from({ length: Number(count) }, (_, i) => ({ dst: address(i), dev: 'v0' }));
    const start = seconds();
    const { result, loop } = await withLoopDelay(async () => {
      const results = await rt.batch((b) => routes.map((route) => b.route[verb](route)), rare);
      return { took: seconds() - start, results };
    });
    const refused = result.results.filter(({ ok }) => !ok).length;
    tell({ seconds: result.took, loop, rss: peakMemory(), count: result.results.length, refused });
  },
  async get(count) {
    const rt = await RouteSocket.open(rare);
    const { ifindex } = await rt.link.get('v0');
    const took = new Float64Array(Number(count));
    const start = performance.now();
    const { result, loop } = await withLoopDelay(async () => {
      for (let i = 0; i < took.length; i++) {
        const begun = performance.now();
        await rt.link.get(ifindex);
        took[i] = (performance.now() - begun) * 1000;
      }
      return (performance.now() - start) / 1000;
    });
    took.sort();
    const p = (share) => took[Math.floor(took.length * share)];
    tell({ seconds: result, p50: p(0.5), p99: p(0.99), loop });
  },
  async open(count) {
    const start = seconds();
    for (let i = 0; i < Number(count); i++) (await RouteSocket.open()).close();
    tell({ seconds: seconds() - start });
  },
  async netns(count) {
    const start = seconds();
    for (let i = 0; i < Number(count); i++) {
      const name = `speed-${process.pid}-${i}`;
      const netns = await Netns.create({ name });
      const inside = await RouteSocket.open({ netns });
      await inside.link.get(1);
      inside.close();
      netns.close();
      await Netns.remove(name);
    }
    tell({ seconds: seconds() - start });
  },
  async monitor() {
    const rt = await RouteSocket.open(rare);
    const monitor = await rt.monitor(['route'], { resync: words.includes('resync') });
    process.once('SIGTERM', () => monitor.close());
    const facts = { count: 0, overruns: 0, resynced: 0 };
    process.stderr.write('ready\n');
    const before = process.cpuUsage();
    const { loop } = await withLoopDelay(async () => {
      for await (const events of monitor.batches()) {
        for (const event of events) {
          if (event.type === 'overrun') facts.overruns++;
          else if (event.type === 'resynced') facts.resynced++;
          else facts.count++;
        }
      }
    });
    const { user, system } = process.cpuUsage(before);
    tell({ ...facts, cpu: (user + system) / 1e6, loop, rss: peakMemory() });
  },
};

await commands[command](...words);
// A process a command: what it opened goes with it.
process.exit(0);
