/**
 * Whether calls into the kernel take long just now, because somebody else holds its locks: RTNL above all, for
 * seconds where namespaces with many links go. Nobody can ask beforehand. So the first slow call is paid for by the
 * event loop, and those after it are made on threads, until they have been quick for a while there.
 */

/** Microseconds. The dearest dump's datagram takes some 400, an uncontended request 10. */
const SLOW = 1000;
/** Milliseconds: how long the last slow call is remembered. One blocked turn in that time is what is accepted. */
const QUIET = 1000;

export class Contention {
  #slowAt = Number.NEGATIVE_INFINITY;

  /** A call took so many microseconds. */
  note(microseconds: number): void {
    if (microseconds > SLOW) this.#slowAt = performance.now();
  }

  /** Calls had better be made on a thread. */
  get high(): boolean {
    return this.#slowAt !== Number.NEGATIVE_INFINITY && this.#recent();
  }

  #recent(): boolean {
    if (performance.now() - this.#slowAt < QUIET) return true;
    this.#slowAt = Number.NEGATIVE_INFINITY;
    return false;
  }
}
