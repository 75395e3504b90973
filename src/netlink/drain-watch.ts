/**
 * Watches over dumps: when one was last heard of, and whether an abandoned one ever ends. The kernel ends every
 * dump that is received to its end; the timer here is for what should never happen, because without it a dump that
 * fell silent would keep all later ones from starting.
 */
import type { NetlinkProtocol } from './protocol.ts';

export class DrainWatch {
  readonly #protocol: NetlinkProtocol;
  readonly #timeout: number;
  readonly #receive: () => void;
  #timer: NodeJS.Timeout | undefined;
  #signs = 0;
  #heardAt = 0;

  /**
   * @param timeout milliseconds without a sign of life after which an abandoned dump is taken for ended
   * @param receive receives what is there, and sends what has become possible
   */
  constructor(protocol: NetlinkProtocol, timeout: number, receive: () => void) {
    this.#protocol = protocol;
    this.#timeout = timeout;
    this.#receive = receive;
  }

  /** performance.now() of the last message of the dump on the wire, whosever it is. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** A datagram came. */
  received(): void {
    if (this.#protocol.signsOfLife === this.#signs) return;
    this.#signs = this.#protocol.signsOfLife;
    this.#heardAt = performance.now();
  }

  /** A dump may have been abandoned, or have ended. */
  update(): void {
    if (!this.#protocol.draining) {
      this.stop();
    } else if (this.#timer === undefined) {
      this.#heardAt = performance.now();
      this.#arm(this.#timeout);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(delay: number): void {
    this.#timer = setTimeout(() => {
      // A program that was busy runs its timers before its polls: the end may have been there all along.
      this.#receive();
      if (this.#timer === undefined || !this.#protocol.draining) return;
      const left = this.#heardAt + this.#timeout - performance.now();
      if (left >= 1) {
        this.#arm(left);
        return;
      }
      this.#timer = undefined;
      this.#protocol.giveUpDraining();
      this.#receive();
    }, delay).unref();
  }
}
