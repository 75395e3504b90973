/** Runs something many times and looks whether what it opened is closed again. */

import { channel } from 'node:diagnostics_channel';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { CofferdamError, countFds, handles, InvalidArgumentError, type LeakReport } from '../handle/index.ts';
import { compareMeasurements, type LeakedResource } from './compare.ts';
import { type FdMeasurement, measureFds } from './measure.ts';
import { type FdCounts, type FlatFdsReport, LeakError } from './report.ts';

export interface FlatFdsOptions {
  /** How often to run it, 100 unless given. A leak of one fd per run is visible from 1 on. */
  readonly iterations?: number;
  /** Runs before the first measurement, for what opens once and stays; a tenth, between 1 and 10, unless given. */
  readonly warmup?: number;
  /** Milliseconds to wait for what closes late before the verdict; 2,000 unless given. */
  readonly patience?: number;
  /** How many times to count fds on the way; 20 unless given. */
  readonly samples?: number;
  /** Whether to record where each handle is opened, some microseconds each; true unless given. */
  readonly stacks?: boolean;
  /**
   * Whether handles collected without close() count as leaks, as they should: true unless given. False is for
   * tests of the collection itself.
   */
  readonly failOnCollected?: boolean;
}

/** How many runs before the event loop gets a turn, for close callbacks and finalizers to run. */
const RUNS_PER_TURN = 64;

let running = false;

/**
 * Runs `fn` many times and reports what stayed open. Only `fn` may open or close anything meanwhile: other fds
 * of the process are counted too. With `node --expose-gc` forgotten handles are found for certain.
 *
 * @throws CofferdamError ERR_COFFERDAM_BUSY if another measurement is under way; whatever `fn` throws
 */
export async function observeFds(
  fn: (iteration: number) => unknown,
  options: FlatFdsOptions = {},
): Promise<FlatFdsReport> {
  const iterations = count('iterations', options.iterations ?? 100, 1);
  const warmup = count('warmup', options.warmup ?? Math.min(10, Math.ceil(iterations / 10)), 0);
  const patience = count('patience', options.patience ?? 2000, 0);
  const sampleEvery = Math.max(1, Math.floor(iterations / count('samples', options.samples ?? 20, 1)));
  if (running) {
    throw new CofferdamError('ERR_COFFERDAM_BUSY', 'another fd measurement is under way; run them in turn');
  }
  running = true;
  const recordStacks = handles.recordStacks;
  if (options.stacks ?? true) handles.recordStacks = true;
  const collected: LeakReport[] = [];
  const onLeak = (message: unknown): void => void collected.push(message as LeakReport);
  const leaks = channel('cofferdam:handle:leak');
  try {
    for (let run = 0; run < warmup; run++) await fn(run - warmup);
    const before = await baseline();
    leaks.subscribe(onLeak);
    const samples: { iteration: number; fds: number }[] = [];
    const start = performance.now();
    for (let run = 0; run < iterations; run++) {
      await fn(run);
      if (run % RUNS_PER_TURN === RUNS_PER_TURN - 1) await immediate();
      if ((run + 1) % sampleEvery === 0) samples.push({ iteration: run + 1, fds: countFds() });
    }
    const durationMs = performance.now() - start;
    const { after, leaked } = await verdict(before, patience);
    const failOnCollected = options.failOnCollected ?? true;
    return {
      flat: leaked.length === 0 && !(failOnCollected && collected.length > 0),
      iterations,
      warmup,
      durationMs,
      before: countsOf(before),
      after: countsOf(after),
      samples,
      slope: slopeOf(samples),
      leaked,
      collected,
    };
  } finally {
    leaks.unsubscribe(onLeak);
    handles.recordStacks = recordStacks;
    running = false;
  }
}

/**
 * As {@link observeFds}, and throws unless everything that `fn` opened is closed again.
 *
 * ```ts
 * await expectFlatFds(async () => {
 *   await using rt = await RouteSocket.open();
 *   await rt.link.get('lo');
 * }, { iterations: 10_000 });
 * ```
 *
 * @throws LeakError which names each leaked fd
 */
export async function expectFlatFds(
  fn: (iteration: number) => unknown,
  options: FlatFdsOptions = {},
): Promise<FlatFdsReport> {
  const report = await observeFds(fn, options);
  if (!report.flat) throw new LeakError(report);
  return report;
}

/** Measures once what the warm-up left behind has come to rest: two equal counts in a row, or five tries. */
async function baseline(): Promise<FdMeasurement> {
  await settle();
  let measured = measureFds();
  for (let attempt = 1; attempt < 5; attempt++) {
    await sleep(attempt);
    await settle();
    const previous = countsOf(measured);
    measured = measureFds();
    const now = countsOf(measured);
    if (previous.fds === now.fds && previous.handles === now.handles && previous.libuv === now.libuv) break;
  }
  return measured;
}

/** Guilty only if it is still open when patience ends: closing takes turns of the loop, or another process. */
async function verdict(
  before: FdMeasurement,
  patience: number,
): Promise<{ after: FdMeasurement; leaked: LeakedResource[] }> {
  const deadline = performance.now() + patience;
  for (let pause = 1; ; pause = Math.min(pause * 2, 250)) {
    await settle();
    const after = measureFds();
    const leaked = compareMeasurements(before, after);
    const left = deadline - performance.now();
    if (leaked.length === 0 || left <= 0) return { after, leaked };
    await sleep(Math.min(pause, left));
  }
}

/** Collects what can be collected and lets finalizers and close callbacks run: each takes a turn of its own. */
async function settle(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  for (let turn = 0; turn < 3; turn++) {
    gc?.();
    await immediate();
  }
}

/** Timers come and go as V8 likes; one that is leaked is named, and not counted. */
function countsOf({ fds, handles: snapshot, libuv }: FdMeasurement): FdCounts {
  const lasting = libuv.filter(({ type }) => type !== 'timer');
  return { fds: fds.size, handles: snapshot.handles.length, libuv: lasting.length };
}

function slopeOf(samples: readonly { iteration: number; fds: number }[]): number {
  if (samples.length < 2) return 0;
  const meanX = samples.reduce((sum, sample) => sum + sample.iteration, 0) / samples.length;
  const meanY = samples.reduce((sum, sample) => sum + sample.fds, 0) / samples.length;
  let above = 0;
  let below = 0;
  for (const { iteration, fds } of samples) {
    above += (iteration - meanX) * (fds - meanY);
    below += (iteration - meanX) ** 2;
  }
  return (above / below) * 1000;
}

function count(field: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum) return value;
  throw new InvalidArgumentError(field, value, 'is no count', `an integer, ${minimum} or more`);
}
