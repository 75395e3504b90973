/**
 * Whether calls into the kernel take long just now, because somebody else holds its locks: RTNL above all, for
 * seconds where namespaces with many links go. Nobody can ask beforehand. So the first slow call is paid for by the
 * event loop, and those after it are made on threads, until they have been quick for a while there.
 */

/** Microseconds. The dearest dump's datagram takes some 400, an uncontended request 10. */
const SLOW = 1000;
/**
 * How long a slow call is remembered: this many times as long as it took, but no longer than `LONGEST` milliseconds. So
 * waiting for locks takes up to 2% of the loop's time, and a call that was merely preempted is soon forgotten.
 */
const TIMES = 50;
const LONGEST = 1000;

export class Contention {
  #until = Number.NEGATIVE_INFINITY;

  /** A call took so many microseconds. */
  note(microseconds: number): void {
    if (microseconds <= SLOW) return;
    const remembered = Math.min((TIMES * microseconds) / 1000, LONGEST);
    this.#until = Math.max(this.#until, performance.now() + remembered);
  }

  /** Calls had better be made on a thread. */
  get high(): boolean {
    if (this.#until === Number.NEGATIVE_INFINITY) return false;
    if (performance.now() < this.#until) return true;
    this.#until = Number.NEGATIVE_INFINITY;
    return false;
  }
}
