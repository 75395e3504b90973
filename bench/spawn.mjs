// How long starting a program holds the event loop, in small and large programs: Process.spawn beside node:child_process,
// which forks, and so copies the page tables of the whole program.
//
//   node bench/spawn.mjs [--rounds N] [--sizes MIB,MIB]      prints medians and 99th percentiles, in milliseconds
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Process } from 'cofferdam';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    sizes: { type: 'string', default: '50,1024' },
  },
});
const rounds = Number(values.rounds);
const sizes = values.sizes.split(',').map(Number);
if (!(rounds > 0) || sizes.some((size) => !(size > 0))) {
  console.error('--rounds and --sizes are numbers, more than 0');
  process.exit(2);
}

/** Milliseconds that the call itself takes. The program has ended when it returns. */
const ways = {
  async 'Process.spawn'() {
    const begun = performance.now();
    const pending = Process.spawn(['/bin/true'], { stdio: 'ignore' });
    const held = performance.now() - begun;
    const child = await pending;
    await child.wait();
    await child[Symbol.asyncDispose]();
    return held;
  },
  async 'child_process.spawn'() {
    const begun = performance.now();
    const child = spawn('/bin/true', { stdio: 'ignore' });
    const held = performance.now() - begun;
    await once(child, 'exit');
    return held;
  },
};

const ballast = [];

/** Makes this program at least `mebibytes` large, by pages that are really there. */
function grow(mebibytes) {
  while (process.memoryUsage.rss() < mebibytes << 20) ballast.push(Buffer.alloc(8 << 20, 1));
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))].toFixed(3);

for (const size of sizes) {
  grow(size);
  const held = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  // In turn: whatever else the machine does meets both alike.
  for (let round = 0; round < rounds; round++)
    for (const [name, way] of Object.entries(ways)) held[name].push(await way());
  const rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
  for (const [name, times] of Object.entries(held)) {
    times.sort((a, b) => a - b);
    console.log(
      `${String(rss).padStart(5)} MiB  ${name.padEnd(20)} p50 ${quantile(times, 0.5)}  p99 ${quantile(times, 0.99)} ms`,
    );
  }
}
