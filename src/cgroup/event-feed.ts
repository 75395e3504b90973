/** The events of one cgroup for one reader: a baseline, watches, and readings compared with the one before. */
import { constants } from 'node:os';
import { type InodeWatch, loadBinding, type NativeCgroup, systemError } from '../handle/index.ts';
import { below } from './controllers.ts';
import { goneError, isGone } from './errors.ts';
import { type CgroupEvent, compareLevels, foldEvents, type Levels, parseLevels } from './event-levels.ts';
import { watchFile, watchRemoval } from './file-watch.ts';
import { filePath, hierarchy, splitPath } from './hierarchy.ts';
import { type PressureThreshold, PressureTrigger } from './pressure.ts';

/** So many wait for a slow reader; then they are folded. */
const MOST_WAITING = 256;

/** Milliseconds between two looks at a cgroup, where inotify cannot tell or a reading failed. */
const LOOK_EVERY = 500;

/** Feeds of this thread by the inode of their cgroup: who removes one takes a last reading for all of them. */
const feeds = new Map<number, Set<EventFeed>>();

/** Has every feed of a cgroup read what there is, before it is removed or because somebody wants to know now. */
export function checkFeeds(inode: number): void {
  for (const feed of feeds.get(inode) ?? []) feed.check();
}

/** What the files say now; a negative errno once the cgroup is gone, or where one of them could not be read. */
function readLevels(native: NativeCgroup, required: boolean): Levels | number {
  // The states first: whatever ended the processes is in the counters when they are read after it.
  const events = native.read('cgroup.events');
  if (typeof events === 'number' && (required || events !== -constants.errno.ENOENT)) return events;
  const counters: string[] = [];
  for (const file of ['memory.events', 'pids.events']) {
    const text = native.read(file);
    if (typeof text === 'number' && !isGone(text)) return text;
    // No such controller here.
    counters.push(typeof text === 'number' ? '' : text);
  }
  const [memory = '', pids = ''] = counters;
  // The root has no such file: it holds whatever no other cgroup does.
  return parseLevels(typeof events === 'number' ? 'populated 1' : events, memory, pids);
}

/** Of a removal nothing else tells: POLLPRI does not wake who waits (seen on Linux 6.18). */
function lookNowAndThen(look: () => void): InodeWatch {
  const timer = setInterval(look, LOOK_EVERY).unref();
  return { setRef: (on) => void (on ? timer.ref() : timer.unref()), close: () => clearInterval(timer) };
}

interface Waiting {
  resolve(event: CgroupEvent | undefined): void;
  reject(error: unknown): void;
}

export interface FeedOptions {
  readonly pressure: readonly PressureThreshold[];
  /** Begins with the state that was found. */
  readonly initial: boolean;
}

/**
 * Nothing between the baseline and the last reading is lost, but for states that came and went between two readings, of
 * which the kernel itself tells no more. It never refers to a facade.
 */
export class EventFeed {
  readonly #native: NativeCgroup;
  readonly #inode: number;
  readonly #watches: InodeWatch[] = [];
  readonly #missing = new Set<string>();
  readonly #triggers: PressureTrigger[] = [];
  readonly #hasStates: boolean;
  #looks = false;
  #levels: Levels;
  #queue: CgroupEvent[] = [];
  readonly #waiting: Waiting[] = [];
  #error: unknown;
  #ended = false;

  /** @throws SystemError ENODEV once the cgroup is gone; what PressureTrigger.open throws */
  constructor(native: NativeCgroup, path: string, options: FeedOptions) {
    this.#native = native;
    this.#inode = native.inode;
    const events = native.read('cgroup.events');
    // The root has none; any other has, as long as it is there.
    this.#hasStates = path !== '/' || typeof events !== 'number';
    try {
      // Watched first and read second, so that nothing falls in between.
      for (const file of ['cgroup.events', 'memory.events', 'pids.events']) {
        if (file !== 'cgroup.events' || this.#hasStates) this.#watch(file);
      }
      if (path !== '/') this.#watchRemoval(path);
      const levels = readLevels(native, this.#hasStates);
      if (typeof levels === 'number')
        throw isGone(levels) ? goneError(path) : systemError(levels, 'read', { path: filePath(path) });
      this.#levels = levels;
      for (const threshold of options.pressure) this.#armTrigger(threshold);
    } catch (error) {
      this.#release();
      throw error;
    }
    feeds.set(this.#inode, (feeds.get(this.#inode) ?? new Set()).add(this));
    if (options.initial) {
      const { frozen, populated } = this.#levels;
      this.#push([
        { type: 'frozen', frozen },
        { type: 'populated', populated },
      ]);
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reads the files and queues what has happened since the last time. */
  check(): void {
    if (this.#ended) return;
    const after = readLevels(this.#native, this.#hasStates);
    if (typeof after === 'number') {
      if (isGone(after)) this.#removed();
      // That says nothing of the cgroup, at the limit of fds for one. What woke us may wake nobody a second time.
      else this.#lookNowAndThen();
      return;
    }
    const events = compareLevels(this.#levels, after);
    this.#levels = after;
    // A controller that was handed down since.
    for (const file of [...this.#missing]) this.#watch(file);
    this.#push(events);
  }

  #removed(): void {
    const events: CgroupEvent[] = [];
    // It was empty, or it could not have been removed.
    if (this.#levels.frozen) events.push({ type: 'frozen', frozen: false });
    if (this.#levels.populated) events.push({ type: 'populated', populated: false });
    this.#push([...events, { type: 'removed' }]);
    this.end();
  }

  /** The next event; undefined when there are no more. */
  next(): Promise<CgroupEvent | undefined> {
    const event = this.#queue.shift();
    if (event !== undefined) return Promise.resolve(event);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Somebody waits: that is a reason for the process to live.
      for (const watch of this.#watches) watch.setRef(true);
      for (const trigger of this.#triggers) trigger.ref();
    });
  }

  /** No more events; those that wait are still read. Idempotent. With an error, what is read after them rejects with it. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const others = feeds.get(this.#inode);
    others?.delete(this);
    if (others?.size === 0) feeds.delete(this.#inode);
    this.#release();
    for (const waiting of this.#waiting.splice(0)) {
      if (error !== undefined) waiting.reject(error);
      else waiting.resolve(undefined);
    }
  }

  /** Ends, and forgets what has not been read. */
  discard(): void {
    this.end();
    this.#queue = [];
    this.#error = undefined;
  }

  #release(): void {
    for (const watch of this.#watches.splice(0)) watch.close();
    for (const trigger of this.#triggers.splice(0)) trigger.close();
  }

  #push(events: readonly CgroupEvent[]): void {
    if (events.length === 0 || this.#ended) return;
    this.#queue.push(...events);
    if (this.#queue.length > MOST_WAITING) this.#queue = foldEvents(this.#queue);
    for (const { resolve } of this.#waiting.splice(0, this.#queue.length)) resolve(this.#queue.shift());
    if (this.#waiting.length > 0) return;
    for (const watch of this.#watches) watch.setRef(false);
    for (const trigger of this.#triggers) trigger.unref();
  }

  #watch(file: string): void {
    this.#missing.delete(file);
    const watch = watchFile(this.#native, file, () => this.check());
    if (typeof watch !== 'number') this.#watches.push(watch);
    // No such controller here, yet.
    else if (watch === -constants.errno.ENOENT) this.#missing.add(file);
    else throw systemError(watch, 'inotify_add_watch', { path: file });
  }

  #watchRemoval(path: string): void {
    const { parent, name } = splitPath(path);
    const directory = loadBinding().openCgroup(hierarchy().mount, below(parent));
    const watch =
      typeof directory === 'number' ? directory : watchRemoval(directory, name, () => this.check());
    if (typeof directory !== 'number') directory.close();
    if (typeof watch === 'number') this.#lookNowAndThen();
    else this.#watches.push(watch);
  }

  #lookNowAndThen(): void {
    if (this.#looks) return;
    this.#looks = true;
    const watch = lookNowAndThen(() => this.check());
    watch.setRef(this.#waiting.length > 0);
    this.#watches.push(watch);
  }

  #armTrigger(threshold: PressureThreshold): void {
    const { resource, level = 'some' } = threshold;
    const trigger = PressureTrigger.arm(threshold, this.#native.fd, (fired) => {
      if (fired) this.#push([{ type: 'pressure', resource, level }]);
      this.check();
    });
    this.#triggers.push(trigger);
  }
}
