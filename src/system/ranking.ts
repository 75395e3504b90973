/** Which systems a host that is short of something can do without, the first one first. */
import type { PressureResource } from '../cgroup/index.ts';
import type { SystemCore } from './core.ts';
import { readCpuTime, readPressure } from './usage.ts';

/**
 * Why a system goes: `endangering`, it waits for what is short itself, and so makes others wait; `abnormal`, it uses more than
 * its monitoring allows for; `idle`, it does nothing.
 */
export type PressureRank = 'endangering' | 'abnormal' | 'idle';

export interface Ranked {
  readonly core: SystemCore;
  readonly rank: PressureRank;
}

/** Milliseconds between two looks at who does nothing. */
const INTERVAL = 500;

interface Observed {
  readonly forget: () => void;
  cpuTime: number;
  /** When it did something last, as performance.now() tells it. */
  busy: number;
}

/** Observes systems from its making to its end. */
export class Ranking {
  readonly #cores: ReadonlySet<SystemCore>;
  readonly #resource: PressureResource;
  readonly #idleAfter: number;
  /** The part of ten seconds in which it waited, from which on it endangers others. */
  readonly #endangering: number;
  readonly #observed = new Map<SystemCore, Observed>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    cores: ReadonlySet<SystemCore>,
    resource: PressureResource,
    { idleAfter, endangering }: { readonly idleAfter: number; readonly endangering: number },
  ) {
    this.#cores = cores;
    this.#resource = resource;
    this.#idleAfter = idleAfter;
    this.#endangering = endangering;
    this.#look();
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  end(): void {
    clearInterval(this.#timer);
    for (const { forget } of this.#observed.values()) forget();
    this.#observed.clear();
  }

  /** Undefined where nobody endangers others, is abnormal or idle: who does its work in its limits stays. */
  first(): Ranked | undefined {
    this.#look();
    const now = performance.now();
    const most = (rank: PressureRank, weigh: (core: SystemCore, observed: Observed) => number) => {
      const weighed = [...this.#observed].map(([core, observed]) => ({
        core,
        weight: weigh(core, observed),
      }));
      const worst = weighed.reduce(
        (one, other) => (other.weight > one.weight ? other : one),
        weighed[0] ?? none,
      );
      return worst.weight > 0 && worst.core !== undefined ? { core: worst.core, rank } : undefined;
    };
    return (
      most('endangering', ({ cgroup }) => {
        const waited = readPressure(cgroup, this.#resource) ?? 0;
        return waited >= this.#endangering ? waited : 0;
      }) ??
      most('abnormal', ({ over }) => Math.max(0, ...over)) ??
      most('idle', (_, { busy }) => (now - busy >= this.#idleAfter ? now - busy : 0))
    );
  }

  #look(): void {
    for (const [core, { forget }] of this.#observed) {
      if (this.#cores.has(core)) continue;
      forget();
      this.#observed.delete(core);
    }
    const now = performance.now();
    for (const core of this.#cores) {
      const observed = this.#observed.get(core) ?? this.#begin(core, now);
      const cpuTime = readCpuTime(core.cgroup) ?? observed.cpuTime;
      if (cpuTime > observed.cpuTime) observed.busy = now;
      observed.cpuTime = cpuTime;
    }
  }

  #begin(core: SystemCore, now: number): Observed {
    // It is monitored as long as somebody listens.
    const forget = core.listen({ onEvent: () => {}, onEnd: () => {} });
    const observed = { forget, cpuTime: readCpuTime(core.cgroup) ?? 0, busy: now };
    this.#observed.set(core, observed);
    return observed;
  }
}

const none = { core: undefined, weight: 0 };
