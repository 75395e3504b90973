/** A batch from the call to its results. */

import { onAbort } from '../handle/abort-watch.ts';
import { checkSignal, checkTimeout } from '../handle/checks.ts';
import { abortError, type ClosedError } from '../handle/errors.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';
import {
  type BatchFailure,
  BatchItems,
  type BatchOptions,
  type BatchResult,
  type BatchServices,
  type BatchVerb,
  checkBatchOptions,
  recorder,
} from './batch.ts';
import { BatchRun } from './batch-run.ts';
import type { Services } from './services.ts';

/** What a batch needs of the socket that it is started on. */
export interface BatchHost {
  readonly netlink: NetlinkSocket;
  readonly services: Services;
  /** Batches on their way: closing the socket ends them. */
  readonly running: Set<BatchRun>;
  closedError(): ClosedError;
}

const UNDOABLE: readonly BatchVerb[] = ['add'];

/** See RouteSocket.batch. */
export async function callBatch(
  host: BatchHost,
  callback: (batch: BatchServices) => unknown,
  options: BatchOptions,
): Promise<BatchResult[]> {
  checkBatchOptions(options);
  const { signal, onError = 'continue' } = options;
  checkSignal(signal);
  checkTimeout(options.timeout);
  if (signal?.aborted) throw abortError(signal);
  if (host.netlink.state !== 'open') throw host.closedError();
  const items = new BatchItems();
  try {
    await callback(recorder(host.services, items, onError === 'undo' ? UNDOABLE : undefined));
  } finally {
    items.seal();
  }
  if (signal?.aborted) throw abortError(signal);
  const results = await runItems(host, items, options);
  return onError === 'undo' && results.some(({ ok }) => !ok) ? undo(host, items, results) : results;
}

async function runItems(host: BatchHost, items: BatchItems, options: BatchOptions): Promise<BatchResult[]> {
  if (items.length === 0) return [];
  const { netlink, services, running } = host;
  const { signal, timeout = netlink.timeout, window, onError = 'continue' } = options;
  const stopAtFailure = onError !== 'continue';
  using pipeline = netlink.pipeline({ window, stopAtRefusal: stopAtFailure });
  const run = new BatchRun({
    items,
    pipeline,
    socket: netlink,
    direct: services,
    timeout,
    signal,
    stopAtFailure,
  });
  const unsubscribe = signal && onAbort(signal, () => run.end(abortError(signal)));
  running.add(run);
  try {
    return await run.run();
  } finally {
    running.delete(run);
    unsubscribe?.();
  }
}

/** Deletes what was added, the last first. Without the caller's signal, which may be why. */
async function undo(host: BatchHost, items: BatchItems, results: BatchResult[]): Promise<BatchResult[]> {
  const done = results.flatMap(({ ok }, index) => (ok ? [index] : [])).reverse();
  const why = results.find((result) => !result.ok) as BatchFailure;
  const deletions = new BatchItems();
  for (const index of done) {
    const { object } = items.methods[index] as BatchFailure;
    const added = items.first(index);
    // A link is deleted by its name alone.
    const target = object === 'link' ? { ifname: (added as { ifname?: string }).ifname } : added;
    deletions.push({ object, verb: 'del' }, target);
  }
  deletions.seal();
  const undone = host.netlink.state === 'open' ? await runItems(host, deletions, {}) : [];
  const all = [...results];
  for (const [i, index] of done.entries()) {
    const { object, verb } = items.methods[index] as BatchFailure;
    const what = { ok: false, index, object, verb, args: items.args(index) } as const;
    const result = undone[i];
    if (result?.ok) all[index] = { ...what, state: 'undone', error: why.error };
    else all[index] = { ...what, state: 'done', error: result?.error ?? host.closedError() };
  }
  return all;
}
