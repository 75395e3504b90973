/** Orphans: descendants whose parents have died, PR_SET_CHILD_SUBREAPER(2const). */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { onAbort } from '../handle/abort-watch.ts';
import { checkInteger, checkSignal } from '../handle/checks.ts';
import {
  abortError,
  CofferdamError,
  fromNodeError,
  InvalidArgumentError,
  loadBinding,
} from '../handle/index.ts';
import { processError } from './errors.ts';
import { type ProcessExit, processExit } from './exit.ts';
import { identityOf, type ProcessIdentity, readStatus } from './identity.ts';

/** A descendant that this program has inherited. */
export interface Orphan {
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** Its name, /proc/PID/comm. */
  readonly command: string;
  /** It has ended, and waits for being reaped. */
  readonly ended: boolean;
}

export interface ReapedOrphan {
  readonly pid: number;
  readonly identity: ProcessIdentity;
  readonly command: string;
  readonly exit: ProcessExit;
}

/**
 * Takes in the orphans among the descendants of this program, which init gets otherwise.
 *
 * The consequence of `enable()`: they are children of this program from then on, and when they end they stay zombies
 * until `reap()`, `reaped()` or the end of the program. It holds for the whole process, all threads, and for children
 * that are started later not at all: it is not inherited.
 *
 * Whose children are whose: the kernel hands orphans to the main thread, so those of other threads are none. Of those
 * of the main thread, what libuv (node:child_process) and {@link Process.spawn} have started is left out; the first are
 * asked for in Node's own diagnostic report. Children that another native addon has forked on the main thread cannot
 * be told from orphans: give their pids as `except`.
 *
 * Main thread only, and only where the kernel lists children (CONFIG_PROC_CHILDREN).
 */
export const subreaper = Object.freeze({
  /** Whether this process takes orphans in. */
  get enabled(): boolean {
    return check(loadBinding().isSubreaper()) === 1;
  },

  enable(): void {
    check(loadBinding().setSubreaper(true));
  },

  /** Orphans from now on go to the next subreaper, or init. Those that are here stay. */
  disable(): void {
    check(loadBinding().setSubreaper(false));
  },

  /** The orphans that are here. Costs some milliseconds, for Node's report. */
  orphans(options: OrphanOptions = {}): Orphan[] {
    return listOrphans(options);
  },

  /** Reaps the orphans that have ended, and tells how. Waits for none. */
  reap(options: OrphanOptions = {}): ReapedOrphan[] {
    return reapOrphans(options);
  },

  /**
   * Reaps orphans as they end, until `signal` aborts or the loop is left. Keeps the event loop alive.
   *
   * @throws AbortError
   */
  reaped(
    options: OrphanOptions & { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ReapedOrphan, void> {
    checkSignal(options.signal);
    requireMainThread();
    return reapForEver(options);
  },
});

export interface OrphanOptions {
  /** Pids of children that are somebody else's to reap. */
  readonly except?: readonly number[];
}

function check(result: number): number {
  if (result < 0) throw processError(result, 'prctl');
  return result;
}

function requireMainThread(): void {
  if (isMainThread) return;
  throw new CofferdamError(
    'ERR_COFFERDAM_MAIN_THREAD',
    'orphans are children of the main thread: call this there, not in a Worker',
  );
}

function listOrphans({ except = [] }: OrphanOptions): Orphan[] {
  requireMainThread();
  if (!Array.isArray(except))
    throw new InvalidArgumentError('except', except, 'is no array', 'the pids of children to leave alone');
  for (const [index, pid] of except.entries()) checkInteger(`except[${index}]`, pid, 1, 0x7fff_ffff);
  const children = childrenOfMainThread();
  const others = new Set([...except, ...loadBinding().spawnedChildren(), ...childrenOfLibuv()]);
  const orphans: Orphan[] = [];
  for (const pid of children) {
    if (others.has(pid)) continue;
    // A child's number is its own until it is reaped, and in this very turn of the event loop nobody does.
    const status = readStatus(pid);
    const { command, state } = status;
    orphans.push({ pid, identity: identityOf(pid, status), command, ended: state === 'Z' });
  }
  return orphans;
}

function reapOrphans(options: OrphanOptions): ReapedOrphan[] {
  const reaped: ReapedOrphan[] = [];
  for (const { pid, identity, command, ended } of listOrphans(options)) {
    if (!ended) continue;
    const exit = loadBinding().reapChild(pid);
    // ECHILD: another thread of somebody else's was faster. EAGAIN: its last thread is not gone yet.
    if (exit === -constants.errno.ECHILD || exit === -constants.errno.EAGAIN) continue;
    if (typeof exit === 'number') throw processError(exit, 'waitid', { pid });
    reaped.push({ pid, identity, command, exit: processExit(exit) });
  }
  return reaped;
}

/** The longest that a timer can be, in milliseconds. */
const LONG = 0x7fff_ffff;

async function* reapForEver({
  signal,
  ...options
}: OrphanOptions & { readonly signal?: AbortSignal }): AsyncGenerator<ReapedOrphan, void> {
  let wake = (): void => {};
  let dirty = true;
  const onChild = (): void => {
    dirty = true;
    wake();
  };
  // The kernel sends it for each child that ends, though one may stand for many.
  process.on('SIGCHLD', onChild);
  const forget = signal === undefined ? () => {} : onAbort(signal, onChild);
  // Signal watchers do not keep the event loop alive.
  const alive = setInterval(() => {}, LONG);
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      dirty = false;
      yield* reapOrphans(options);
    }
  } finally {
    clearInterval(alive);
    forget();
    process.off('SIGCHLD', onChild);
  }
}

/** The children that hang on the main thread, where orphans go. */
function childrenOfMainThread(): number[] {
  const path = `/proc/self/task/${process.pid}/children`;
  try {
    return readFileSync(path, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch (error) {
    throw fromNodeError(error);
  }
}

/** The part of a diagnostic report that lists the handles of this thread's event loop. */
interface DiagnosticReport {
  readonly libuv: readonly { readonly type: string; readonly pid?: number }[];
}

function childrenOfLibuv(): number[] {
  // Otherwise the report resolves the names of all peers. Missing from the types of Node 20.
  const settings = process.report as typeof process.report & { excludeNetwork?: boolean };
  const { excludeNetwork } = settings;
  try {
    settings.excludeNetwork = true;
    const { libuv } = process.report.getReport() as unknown as DiagnosticReport;
    return libuv.flatMap(({ type, pid }) => (type === 'process' && pid !== undefined ? [pid] : []));
  } finally {
    settings.excludeNetwork = excludeNetwork ?? false;
  }
}
