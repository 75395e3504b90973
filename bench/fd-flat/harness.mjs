// Runs a case and judges it. The count comes from the kernel (/proc/self/fd), read here without the package's help;
// the package's own three witnesses are asked before and after, and name what stayed.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { handles, RouteSocket } from 'cofferdam';
import { compareMeasurements, measureFds } from 'cofferdam/testing';
import { slopeOf } from './chart.mjs';

/** Milliseconds that what closes late gets before the verdict. */
const PATIENCE = 5000;
/** Cycles between two counts in a full run; a scaled run counts as often, so that there is a slope to see. */
const SAMPLE_EVERY = 1000;
const FEWEST_SAMPLES = 20;
/** Cycles between two turns of the event loop, for close callbacks, timers and finalizers. */
const CYCLES_PER_TURN = 64;

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Less the directory that is being read. */
const countFds = () => readdirSync('/proc/self/fd').length - 1;

/** Collects what can be collected, and lets finalizers and close callbacks run: each takes a turn of its own. */
async function settle(collect) {
  for (let round = 0; round < 3; round++) {
    if (collect) globalThis.gc();
    await turn();
  }
}

const planted = [];

/** What --plant adds to every cycle now and then: the leak that each verdict must find. */
function planter(plant) {
  if (plant === undefined) return () => {};
  // The addon's own canary is not for users, and so not exported: load it as the package does.
  const native =
    plant === 'native' ? createRequire(import.meta.url)('node-gyp-build')(packageRoot) : undefined;
  return async (cycle, every) => {
    if (cycle % every !== 0) return;
    if (plant === 'native') {
      const fd = native.plantLeak('fd');
      if (fd < 0 && fd !== -24) throw new Error(`cannot plant a leak: ${fd}`);
      return;
    }
    // Held, so that the collector does not come to the rescue; as a program would by a Map that only grows.
    planted.push(await RouteSocket.open().catch(() => undefined));
  };
}

/**
 * Flat is a case that leaves no fd, no handle and no event loop handle behind, whose count did not rise by one fd from
 * its first count to its last as the slope has it, whose handles were closed rather than collected, and whose own
 * claims hold (`check`).
 */
export async function runCase(definition, world, { scale, plant }) {
  const { name, what, collects = false, setup, begin, check } = definition;
  const cycles = Math.max(FEWEST_SAMPLES, Math.round(definition.cycles * scale));
  const context = { world, cycles, ...((await setup?.({ world, cycles })) ?? {}) };
  const cycle = definition.cycle.bind(undefined, context);
  const warmup = Math.min(definition.warmup ?? 50, cycles);
  for (let index = 0; index < warmup; index++) await cycle(index);
  await settle(true);
  await sleep(20);
  await settle(true);

  begin?.(context);
  const witnesses = measureFds();
  const counters = { ...handles.counters };
  const before = countFds();
  const samples = [];
  const every = Math.max(1, Math.min(SAMPLE_EVERY, Math.floor(cycles / FEWEST_SAMPLES)));
  const leak = planter(plant);
  const start = performance.now();
  let counting = 0;
  for (let index = 0; index < cycles; index++) {
    await cycle(index);
    await leak(index, every);
    if (index % CYCLES_PER_TURN === CYCLES_PER_TURN - 1) await turn();
    if ((index + 1) % every === 0) {
      const paused = performance.now();
      // Where the collector is what closes, it decides when, and the count means nothing before it has run.
      await settle(collects);
      samples.push({ cycle: index + 1, fds: countFds() });
      counting += performance.now() - paused;
    }
  }
  const seconds = (performance.now() - start - counting) / 1000;

  // Guilty only if it is still open when patience ends.
  const deadline = performance.now() + PATIENCE;
  let leaked;
  let after;
  for (let pause = 1; ; pause = Math.min(pause * 2, 250)) {
    await settle(true);
    leaked = compareMeasurements(witnesses, measureFds());
    after = countFds();
    if ((leaked.length === 0 && after <= before) || performance.now() >= deadline) break;
    await sleep(pause);
  }

  const slope = slopeOf(samples);
  const rise = (slope * cycles) / 1000;
  const collected = handles.counters.leaked - counters.leaked;
  const findings = [];
  if (after > before) findings.push(`${after - before} more fds than before`);
  if (!collects && rise >= 1) findings.push(`the count rose by ${rise.toFixed(1)} over ${cycles} cycles`);
  if (!collects && collected > 0) findings.push(`${collected} handles were collected, not closed`);
  for (const { fd, kind, target, witnesses: seen } of leaked.slice(0, 10)) {
    findings.push(`open: fd ${fd} ${kind}${target === undefined ? '' : ` ${target}`} (${seen.join(', ')})`);
  }
  if (leaked.length > 10) findings.push(`and ${leaked.length - 10} more`);
  const problem = await check?.(context, { opened: handles.counters.opened - counters.opened, collected });
  if (problem !== undefined) findings.push(problem);
  await context.teardown?.();
  return {
    name,
    what,
    cycles,
    before,
    after,
    samples,
    slope,
    seconds,
    collected,
    flat: findings.length === 0,
    findings,
  };
}
