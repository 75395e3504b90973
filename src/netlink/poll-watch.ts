/** The socket's poll: on while data is wanted, keeping the event loop alive while somebody waits for it. */
import type { NativeNetlink } from '../handle/native.ts';

export class PollWatch {
  readonly #native: NativeNetlink;
  readonly #onReadable: () => void;
  #state: 'never' | 'on' | 'paused' = 'never';
  #ref = false;

  constructor(native: NativeNetlink, onReadable: () => void) {
    this.#native = native;
    this.#onReadable = onReadable;
  }

  /**
   * Off while nothing is wanted: a level-triggered poll of data that nobody reads would spin. A negative errno where
   * the fd cannot be watched.
   */
  update(wanted: boolean, ref: boolean): number {
    let result = 0;
    if (wanted && this.#state !== 'on') {
      if (this.#state === 'never') result = this.#native.startPolling(this.#onReadable);
      else result = this.#native.resumePolling();
      this.#state = 'on';
    } else if (!wanted && this.#state === 'on') {
      this.#native.pausePolling();
      this.#state = 'paused';
    }
    if (ref !== this.#ref) {
      this.#ref = ref;
      if (ref) this.#native.ref();
      else this.#native.unref();
    }
    return result;
  }
}
