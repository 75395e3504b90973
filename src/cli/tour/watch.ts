import type { Monitor, ObjectEvent } from '../../route/monitor.ts';

/** Listens to a monitor in the background and keeps what it hears. */
export class Listener implements AsyncDisposable {
  readonly events: ObjectEvent[] = [];
  /** Overruns and resyncs, which a tour should not have. */
  interruptions = 0;
  readonly #monitor: Monitor;
  readonly #done: Promise<void>;
  #failure: unknown;
  #wake: () => void = () => {};

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
    this.#done = this.#listen().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  async #listen(): Promise<void> {
    for await (const event of this.#monitor) {
      if ('object' in event) this.events.push(event);
      else this.interruptions++;
      this.#wake();
    }
  }

  /** Waits until an event fits, those heard already included; false when the time is up. */
  async hears(fits: (event: ObjectEvent) => boolean, milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (!this.events.some(fits)) {
      if (this.#failure !== undefined) throw this.#failure;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#monitor[Symbol.asyncDispose]();
    await this.#done;
  }
}

const SIGN = { new: '+', change: '~', del: '-' } as const;

/** `+ route 10.20.0.0/16 via 10.109.0.1 dev eth0`: an event on one line. */
export function describeEvent(event: ObjectEvent): [sign: string, object: string, what: string] {
  return [SIGN[event.type], event.object, describeObject(event)];
}

function describeObject(event: ObjectEvent): string {
  switch (event.object) {
    case 'link': {
      const { ifname, operstate } = event.value;
      return `${ifname}${operstate === undefined ? '' : ` ${operstate}`}`;
    }
    case 'address':
      return `${event.value.local}/${event.value.prefixlen}${dev(event.value.dev)}`;
    case 'route': {
      const { type, dst, via, nexthops } = event.value;
      const kind = type === undefined || type === 'unicast' ? '' : `${type} `;
      const path =
        nexthops === undefined ? (via === undefined ? '' : ` via ${via}`) : ` by ${nexthops.length} nexthops`;
      return `${kind}${dst}${path}${dev(event.value.dev)}`;
    }
    default:
      return '';
  }
}

function dev(name: string | undefined): string {
  return name === undefined ? '' : ` dev ${name}`;
}
