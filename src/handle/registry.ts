/**
 * The registry: which handles are live in this thread, and which were dropped without close().
 *
 * One per thread, even where the package is loaded twice (two versions in one node_modules, a bundle beside an
 * import): it sits on globalThis, so all copies count together and "how many fds do we have open" has one
 * answer. A Worker has its own, as it has its own handles.
 */
import { channel } from 'node:diagnostics_channel';
import type { HandleCore } from './core.ts';
import { InvalidArgumentError } from './errors.ts';
import { installExitReport } from './exit-report.ts';
import type {
  HandleCounters,
  HandleDiff,
  HandleInfo,
  HandleSnapshot,
  LeakReport,
  OnLeak,
} from './handle-info.ts';
import { announceLeak } from './leak.ts';

/** Messages are {@link HandleInfo}: a handle was opened. */
const openChannel = channel('cofferdam:handle:open');
/** A handle was closed, in whatever way, and nothing of it is left. */
const closeChannel = channel('cofferdam:handle:close');
/** A handle was collected without close(). Published before its fd is closed. */
const leakChannel = channel('cofferdam:handle:leak');

/** Frames kept of a creation stack: async frames make V8's default of ten too short. */
const STACK_FRAMES = 20;

/** Whatever a stack frame can belong to, abstract classes included. */
type Opener = Parameters<typeof Error.captureStackTrace>[1] & object;

interface Entry {
  readonly id: number;
  readonly core: HandleCore;
  readonly openedAt: number;
  readonly stack: string | undefined;
}

/** The registry of live handles; {@link handles} is the only one. */
export class HandleRegistry {
  readonly #entries = new Map<number, Entry>();
  readonly #collected: FinalizationRegistry<number>;
  #nextId = 1;
  #opened = 0;
  #closed = 0;
  #leaked = 0;
  #onLeak: OnLeak = 'warn';
  #recordStacks: boolean | number = false;
  #reportAtExit = false;
  #exitReportInstalled = false;

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#collected = new FinalizationRegistry((id) => this.#facadeCollected(id));
    const { COFFERDAM_ON_LEAK, COFFERDAM_RECORD_STACKS, COFFERDAM_REPORT_HANDLES } = environment;
    if (COFFERDAM_ON_LEAK) this.onLeak = COFFERDAM_ON_LEAK as OnLeak;
    if (COFFERDAM_RECORD_STACKS) this.recordStacks = Number(COFFERDAM_RECORD_STACKS);
    if (COFFERDAM_REPORT_HANDLES === '1') this.reportAtExit = true;
  }

  /** What happens when a handle is collected without close(): 'warn' unless set. COFFERDAM_ON_LEAK presets it. */
  get onLeak(): OnLeak {
    return this.#onLeak;
  }

  set onLeak(action: OnLeak) {
    if (typeof action !== 'function' && !['ignore', 'warn', 'throw'].includes(action)) {
      throw new InvalidArgumentError(
        'onLeak',
        action,
        'is no action',
        "'ignore', 'warn', 'throw' or a function",
      );
    }
    this.#onLeak = action;
  }

  /**
   * Whether a handle remembers where it was opened: true, false, or the fraction of opens to sample, 0 to 1.
   * A stack costs some microseconds per open. COFFERDAM_RECORD_STACKS presets it.
   */
  get recordStacks(): boolean | number {
    return this.#recordStacks;
  }

  set recordStacks(value: boolean | number) {
    const fits = typeof value === 'boolean' || (typeof value === 'number' && value >= 0 && value <= 1);
    if (!fits) throw new InvalidArgumentError('recordStacks', value, 'is no fraction', 'a boolean or 0 to 1');
    this.#recordStacks = value;
  }

  /** Whether handles still open are printed on stderr when the process exits. COFFERDAM_REPORT_HANDLES=1 presets it. */
  get reportAtExit(): boolean {
    return this.#reportAtExit;
  }

  set reportAtExit(value: boolean) {
    this.#reportAtExit = value;
    if (!value || this.#exitReportInstalled) return;
    this.#exitReportInstalled = true;
    installExitReport(() => (this.#reportAtExit ? this.list() : []));
  }

  get counters(): HandleCounters {
    return { opened: this.#opened, closed: this.#closed, leaked: this.#leaked };
  }

  /** Every handle that is not entirely closed yet, oldest first. */
  list(): HandleInfo[] {
    const now = performance.now();
    return Array.from(this.#entries.values(), (entry) => describe(entry, now));
  }

  snapshot(): HandleSnapshot {
    return { time: performance.now(), handles: this.list(), counters: this.counters };
  }

  /** What changed since `before`: up to `after`, or up to now. */
  diff(before: HandleSnapshot, after: HandleSnapshot = this.snapshot()): HandleDiff {
    const old = new Set(before.handles.map((info) => info.id));
    const current = new Set(after.handles.map((info) => info.id));
    return {
      opened: after.handles.filter((info) => !old.has(info.id)),
      closed: before.handles.filter((info) => !current.has(info.id)),
      leaked: after.counters.leaked - before.counters.leaked,
    };
  }

  /**
   * Enters a core and watches its facade.
   *
   * @param opener the function whose frame, and all above it, the creation stack leaves out
   * @internal
   */
  register(core: HandleCore, facade: object, opener: Opener): void {
    const id = this.#nextId++;
    const stack = this.#wantsStack() ? creationStack(opener) : undefined;
    const entry: Entry = { id, core, openedAt: performance.now(), stack };
    this.#entries.set(id, entry);
    this.#opened++;
    this.#collected.register(facade, id, core);
    if (openChannel.hasSubscribers) openChannel.publish(describe(entry));
    core.attach(() => this.#released(entry));
  }

  #wantsStack(): boolean {
    return typeof this.#recordStacks === 'boolean' ? this.#recordStacks : Math.random() < this.#recordStacks;
  }

  #released(entry: Entry): void {
    if (!this.#entries.delete(entry.id)) return;
    this.#closed++;
    // Spares the collector a callback for each handle that was closed in order.
    this.#collected.unregister(entry.core);
    if (closeChannel.hasSubscribers) closeChannel.publish(describe(entry));
  }

  #facadeCollected(id: number): void {
    const entry = this.#entries.get(id);
    // close() came first and the facade died while libuv was still letting go: in order, not a leak.
    if (entry === undefined || entry.core.state !== 'open') return;
    this.#leaked++;
    const leak: LeakReport = describe(entry);
    try {
      leakChannel.publish(leak);
      entry.core.close();
    } finally {
      announceLeak(leak, this.#onLeak);
    }
  }
}

function describe(entry: Entry, now = performance.now()): HandleInfo {
  const { core } = entry;
  const detail = core.detail;
  return {
    id: entry.id,
    kind: core.kind,
    fd: core.fd,
    state: core.state,
    ageMs: now - entry.openedAt,
    hasRef: core.hasRef(),
    ...(typeof detail.netns === 'number' && { netns: detail.netns }),
    detail,
    ...(entry.stack !== undefined && { stack: entry.stack }),
  };
}

/**
 * The stack as text, at once. V8 formats `stack` lazily and until then keeps the receivers of all frames alive,
 * the facade under construction among them: kept unformatted it would be held by the very registry that waits
 * for its collection.
 */
function creationStack(opener: Opener): string {
  const limit = Error.stackTraceLimit;
  const holder: { stack?: string } = {};
  try {
    Error.stackTraceLimit = STACK_FRAMES;
    Error.captureStackTrace(holder, opener);
    const text = holder.stack ?? '';
    return text.slice(text.indexOf('\n') + 1);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The number is the version of HandleRegistry's interface: copies that don't agree on it don't share. */
const KEY = Symbol.for('cofferdam.handles.2');

function sharedRegistry(): HandleRegistry {
  const shared = globalThis as { [KEY]?: HandleRegistry };
  shared[KEY] ??= new HandleRegistry();
  return shared[KEY];
}

/** The live handles of this thread. */
export const handles: HandleRegistry = sharedRegistry();
