/** Looks at what a system uses, and tells what is too much for too long. */
import { checkedLimits } from '../cgroup/index.ts';
import type { SystemSpec } from './config/index.ts';
import { readCpuTime, readMemory, readPids } from './usage.ts';

export type WatchedResource = 'memory' | 'cpu' | 'pids';

/** A system uses more of something than its monitoring allows for, or no longer does. */
export interface SystemEvent {
  /** `over`: so many samples in a row; `under`: the first that is not, after that. */
  readonly type: 'over' | 'under';
  readonly resource: WatchedResource;
  /** In the last sample: bytes, CPUs (1.5), processes and threads. */
  readonly used: number;
  /** memory.max, cpu.max as a number of CPUs, pids.max. */
  readonly limit: number;
  /** The part of it that counts as too much. */
  readonly threshold: number;
  /** Milliseconds since it was found to be too much. */
  readonly duration: number;
}

export interface UsageListener {
  onEvent(event: SystemEvent): void;
  /** There will be no more. */
  onEnd(): void;
}

/** Samples in a row that are too much for too long. */
const SUSTAINED = 3;

class Watch {
  readonly resource: WatchedResource;
  readonly #limit: number;
  readonly #threshold: number;
  #samples = 0;
  #since = 0;
  #used = 0;

  constructor(resource: WatchedResource, limit: number, threshold: number) {
    this.resource = resource;
    this.#limit = limit;
    this.#threshold = threshold;
  }

  get over(): boolean {
    return this.#samples >= SUSTAINED;
  }

  /** The part of the limit that the last sample was. */
  get share(): number {
    return this.#used / this.#limit;
  }

  /** `began`: when the time began that the sample stands for. */
  take(used: number, began: number): SystemEvent | undefined {
    const wasOver = this.over;
    this.#used = used;
    const isMuch = used >= this.#limit * this.#threshold;
    if (isMuch && this.#samples === 0) this.#since = began;
    this.#samples = isMuch ? this.#samples + 1 : 0;
    if (this.over === wasOver) return undefined;
    return {
      type: this.over ? 'over' : 'under',
      resource: this.resource,
      used,
      limit: this.#limit,
      threshold: this.#threshold,
      duration: performance.now() - this.#since,
    };
  }
}

function watchesOf({ limits, monitoring }: SystemSpec): Watch[] {
  const texts = new Map(checkedLimits(limits).map(({ file, text }) => [file as string, text]));
  const thresholds = {
    memory: monitoring.memoryThreshold,
    cpu: monitoring.cpuThreshold,
    pids: monitoring.pidsThreshold,
  };
  return (Object.keys(thresholds) as WatchedResource[]).flatMap((resource) => {
    // That of the CPU has a period as well: '50000 100000' is half a CPU.
    const [most = 'max', period = 1] = texts.get(`${resource}.max`)?.split(' ') ?? [];
    return most === 'max' ? [] : [new Watch(resource, Number(most) / Number(period), thresholds[resource])];
  });
}

/** Looks only while somebody listens. */
export class UsageMonitor {
  readonly #spec: SystemSpec;
  readonly #cgroup: string;
  #watches: readonly Watch[] = [];
  readonly #listeners = new Set<UsageListener>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #lastLook = 0;
  #lastCpuTime: number | undefined;

  constructor(spec: SystemSpec, cgroup: string) {
    this.#spec = spec;
    this.#cgroup = cgroup;
  }

  /** Until the function returned is called, or the end. */
  listen(listener: UsageListener): () => void {
    if (this.#ended) return () => {};
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#watches = watchesOf(this.#spec);
      this.#lastLook = performance.now();
      this.#lastCpuTime = readCpuTime(this.#cgroup);
      this.#timer = setInterval(() => this.#look(), this.#spec.monitoring.interval).unref();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
  }

  /** The parts of their limits that are used of what is too much for too long now; none where nobody listens. */
  get over(): number[] {
    return this.#watches.filter(({ over }) => over).map(({ share }) => share);
  }

  /** Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#rest();
    for (const listener of [...this.#listeners]) listener.onEnd();
    this.#listeners.clear();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watches = [];
  }

  #look(): void {
    const began = this.#lastLook;
    for (const watch of this.#watches) {
      const used = this.#used(watch.resource);
      const event = used === undefined ? undefined : watch.take(used, began);
      // A copy: who is told may stop listening.
      if (event !== undefined) for (const listener of [...this.#listeners]) listener.onEvent(event);
    }
    this.#lastLook = performance.now();
  }

  #used(resource: WatchedResource): number | undefined {
    if (resource === 'memory') return readMemory(this.#cgroup);
    if (resource === 'pids') return readPids(this.#cgroup);
    const before = this.#lastCpuTime;
    const now = readCpuTime(this.#cgroup);
    this.#lastCpuTime = now;
    if (before === undefined || now === undefined) return undefined;
    return (now - before) / (performance.now() - this.#lastLook);
  }
}
