/** The events of a cgroup as a program reads them. */
import { checkFields, checkSignal } from '../handle/checks.ts';
import { abortError, InvalidArgumentError } from '../handle/index.ts';
import type { CgroupCore } from './core.ts';
import { EventFeed } from './event-feed.ts';
import type { CgroupEvent } from './event-levels.ts';
import type { PressureThreshold } from './pressure.ts';

export interface CgroupEventsOptions {
  /** Ends the events with an AbortError. */
  readonly signal?: AbortSignal;
  /** PSI triggers of this cgroup, for events of type `pressure`. */
  readonly pressure?: readonly PressureThreshold[];
  /** Begins with the state that is found: whether it is frozen and populated. */
  readonly initial?: boolean;
}

const OPTIONS = new Set(['signal', 'pressure', 'initial']);

/** What is left of events whose reader is gone: watches, and perhaps triggers. */
const abandoned = new FinalizationRegistry<EventFeed>((feed) => feed.end());

/**
 * Events from the moment on that it was asked for. `break` ends them, and so do return(), `using` and the end of the
 * handle; what happened before is still read.
 */
export class CgroupEvents
  implements AsyncIterableIterator<CgroupEvent, undefined, undefined>, AsyncDisposable
{
  readonly #feed: EventFeed;
  /** Whoever reads a cgroup's events holds the cgroup, though he may have nothing else of it. */
  protected readonly cgroup: object;
  readonly #stop: () => void;

  /** @internal */
  constructor(core: CgroupCore, cgroup: object, options: CgroupEventsOptions = {}) {
    checkFields('', options, OPTIONS);
    const { signal, pressure = [], initial = false } = options;
    core.demandOpen();
    checkSignal(signal);
    if (!Array.isArray(pressure))
      throw new InvalidArgumentError('pressure', pressure, 'is no list', '[{ resource, stall, window }]');
    if (signal?.aborted) throw abortError(signal);
    const feed = new EventFeed(core.native, core.path, { pressure, initial });
    core.feeds.add(feed);
    this.#feed = feed;
    this.cgroup = cgroup;
    const onAbort = () => feed.end(abortError(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      signal?.removeEventListener('abort', onAbort);
      core.feeds.delete(feed);
      feed.discard();
    };
    abandoned.register(this, feed, this);
  }

  /** The next event; done after `removed`, and at the end of the handle. Several calls get one after the other. */
  async next(): Promise<IteratorResult<CgroupEvent, undefined>> {
    let event: CgroupEvent | undefined;
    try {
      event = await this.#feed.next();
    } catch (error) {
      // A loop that an error ends does not call return().
      await this.return();
      throw error;
    }
    if (event !== undefined) return { done: false, value: event };
    await this.return();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<CgroupEvent, undefined>> {
    abandoned.unregister(this);
    this.#stop();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
