// How long a start holds the event loop of a program of some size: of a system with its program, and of a plain program by
// node:child_process, in turn. Prints medians and 99th percentiles of the longest time of each start, as JSON.
//
//     held.mjs DIST GROUP LAYER COUNT MEBIBYTES
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { quantile } from './numbers.mjs';

const [dist, group, layer, count, mebibytes] = process.argv.slice(2);
const { System } = await import(dist);
const ballast = [];
// Pages that are really there.
while (process.memoryUsage.rss() < Number(mebibytes) * 2 ** 20) ballast.push(Buffer.alloc(8 << 20, 1));

/** The longest time, in milliseconds, in which nothing else had a turn. */
async function longestHold(work) {
  let going = true;
  let longest = 0;
  let last = performance.now();
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await work();
  going = false;
  longest = Math.max(longest, performance.now() - last);
  return { longest, result };
}

let number = 0;
const ways = {
  async system() {
    const { longest, result } = await longestHold(async () => {
      const box = await System.create({ name: `held-${number++}`, group, root: { layers: [layer] } });
      return [box, await box.start(['/true'], { stdio: 'ignore' })];
    });
    const [box, command] = result;
    await command.wait();
    await box.stop({ gracePeriod: 0 });
    return longest;
  },
  async spawn() {
    const { longest, result } = await longestHold(async () => spawn('/bin/true', { stdio: 'ignore' }));
    if (result.exitCode === null) await once(result, 'exit');
    return longest;
  },
};

for (const way of Object.values(ways)) for (let i = 0; i < 3; i++) await way();
const held = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let i = 0; i < Number(count); i++)
  for (const [name, way] of Object.entries(ways)) held[name].push(await way());
const figures = ([name, times]) => [name, { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }];
console.log(JSON.stringify(Object.fromEntries(Object.entries(held).map(figures))));
