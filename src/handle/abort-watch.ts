/**
 * One listener for each signal, however many calls wait on it: a thousand requests that share a signal must not
 * put a thousand listeners on it, and none may stay when they are settled.
 */
interface Watch {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/** Calls `callback` when `signal` aborts, unless the function returned is called before. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      watches.delete(signal);
      // A copy: who is woken may unsubscribe others.
      for (const wake of [...callbacks]) wake();
    };
    watch = { callbacks, listener };
    watches.set(signal, watch);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { callbacks, listener } = watch;
  // A fresh function for each call: the same callback may wait twice.
  const entry = () => callback();
  callbacks.add(entry);
  return () => {
    if (!callbacks.delete(entry) || callbacks.size > 0) return;
    signal.removeEventListener('abort', listener);
    if (watches.get(signal)?.callbacks === callbacks) watches.delete(signal);
  };
}
