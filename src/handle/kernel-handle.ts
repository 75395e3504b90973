/** The facade: what a user of a kernel object holds. */
import { inspect } from 'node:util';
import type { HandleCore } from './core.ts';
import type { HandleState } from './handle-info.ts';
import { handles } from './registry.ts';

/**
 * Something of the kernel's that has to be given back. Hold it with `using` or `await using`, or call close().
 *
 * A handle dropped without close() is a leak: the collector finds it some day, its fd is closed then, and the
 * leak is reported as `handles.onLeak` says.
 */
export abstract class KernelHandle<Core extends HandleCore = HandleCore>
  implements Disposable, AsyncDisposable
{
  protected readonly core: Core;
  /** Made when it is asked for: most handles are closed without anybody waiting for it. */
  #closed: Promise<void> | undefined;

  /** Takes over `core`. The registry holds it from here on, and watches `this`. */
  protected constructor(core: Core) {
    this.core = core;
    handles.register(core, this, new.target);
  }

  /**
   * Resolves when nothing of the handle is left in the kernel or the event loop. Never rejects. A program that
   * merely waits for it does not keep the handle open: hold the handle as well.
   */
  get closed(): Promise<void> {
    this.#closed ??= this.core.whenReleased();
    return this.#closed;
  }

  /** 'netlink', 'netns', ... */
  get kind(): string {
    return this.core.kind;
  }

  /** The fd's number, -1 from close() on. It belongs to the handle: never close it yourself. */
  get fd(): number {
    return this.core.fd;
  }

  get state(): HandleState {
    return this.core.state;
  }

  /** Gives the kernel's object back. Idempotent; when it returns, `fd` is -1 and pending calls are rejected. */
  close(): void {
    this.core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  /** A short line in consoles, instead of the insides. */
  [inspect.custom](): string {
    const { kind, fd, state, detail } = this.core;
    const about = Object.entries({ ...(state === 'open' && { fd }), ...detail });
    const name = this.constructor.name;
    return `${name} <${[kind, state, ...about.map(([key, value]) => `${key} ${value}`)].join(', ')}>`;
  }
}
