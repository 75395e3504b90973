/** Systems that are made before they are wanted. */
import { randomUUID } from 'node:crypto';
import { checkInteger, checkSignal } from '../handle/checks.ts';
import { abortError, ClosedError, InvalidArgumentError } from '../handle/index.ts';
import { checkSystemConfig, type SystemConfig, type SystemSpec } from './config/index.ts';
import { begin, type CreateSystemOptions, makeAhead, System } from './system.ts';

/** Milliseconds that the tenant of a system has the machine before the next one is made, which costs as much as some of them. */
const HEAD_START = 10;

export interface SystemPoolOptions {
  /** How many systems wait to be taken, 1 to 1,024. Default: 2. */
  readonly size?: number | undefined;
  /** Gives up the first filling. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Systems of one configuration, made ahead, so that who takes one has it at once. Each is taken once, used by one tenant, and
 * reclaimed as any other: none comes back.
 *
 * ```ts
 * await using pool = await SystemPool.create({ name: 'build' }, { size: 4 });
 * await using box = await pool.take();
 * await box.run(['npm', 'test']);
 * ```
 *
 * They are named `NAME-` and eight hexadecimal digits. Timeout, idle time, CPU time and monitoring count from when one is
 * taken. While it waits it is a system like any other: it has its cgroup, one sleeping process and some hundred kilobytes, and
 * is listed by `cofferdam systems list`. Waiting systems do not keep the event loop alive.
 */
export class SystemPool {
  readonly #spec: SystemSpec;
  readonly #size: number;
  readonly #ready: System[] = [];
  #filling: Promise<void> | undefined;
  #failure: unknown;
  #refill: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(spec: SystemSpec, size: number) {
    this.#spec = spec;
    this.#size = size;
  }

  /**
   * Makes the first `size` systems.
   *
   * @throws as `System.create`; InvalidArgumentError for a configuration that only one system can have at a time
   */
  static async create(config: SystemConfig, options: SystemPoolOptions = {}): Promise<SystemPool> {
    const { size = 2, signal } = options;
    checkInteger('size', size, 1, 1024);
    checkSignal(signal);
    const spec = checkSystemConfig(config);
    checkShareable(spec);
    const pool = new SystemPool(spec, size);
    await pool.#fill(signal);
    if (pool.#failure === undefined && !signal?.aborted) return pool;
    await pool.close();
    throw signal?.aborted ? abortError(signal) : pool.#failure;
  }

  /** How many wait to be taken. */
  get ready(): number {
    return this.#ready.filter(({ end }) => end === undefined).length;
  }

  /**
   * One that waits, or, where none does, one that is made now. Another takes its place, some milliseconds later.
   *
   * @throws ClosedError; as `System.create` where one has to be made
   */
  async take(options: CreateSystemOptions = {}): Promise<System> {
    checkSignal(options.signal);
    if (options.signal?.aborted) throw abortError(options.signal);
    if (this.#closed) throw new ClosedError(`the pool of systems ${this.#spec.name} is closed`);
    const waiting = this.#next();
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      void this.#fill();
    }, HEAD_START).unref();
    if (waiting === undefined) return await System.fromSpec(this.#another(), options);
    begin(waiting);
    return waiting;
  }

  /** Ends those that wait. Who was taken lives on. Resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refill);
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((system) => system.stop({ gracePeriod: 0 })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #next(): System | undefined {
    for (;;) {
      const system = this.#ready.shift();
      if (system === undefined || system.end === undefined) return system;
      // Somebody has killed it, or the supervisor.
      system.close();
    }
  }

  #another(): SystemSpec {
    const name = `${this.#spec.name}-${randomUUID().slice(0, 8)}`;
    const hostname = this.#spec.hostname === this.#spec.name ? name : this.#spec.hostname;
    // A name made up like that is not given again, and there may be many.
    const lifecycle = { ...this.#spec.lifecycle, cleanupDelay: 0 };
    return { ...this.#spec, name, hostname, lifecycle };
  }

  async #fill(signal?: AbortSignal): Promise<void> {
    this.#filling ??= this.#makeMissing(signal).finally(() => {
      this.#filling = undefined;
    });
    await this.#filling;
  }

  /** One after the other: whoever runs has the rest of the machine. */
  async #makeMissing(signal: AbortSignal | undefined): Promise<void> {
    this.#failure = undefined;
    while (this.#ready.length < this.#size && !this.#closed && !signal?.aborted) {
      try {
        this.#ready.push(await makeAhead(this.#another()));
      } catch (error) {
        // Whoever takes the next one makes it himself, and is told.
        this.#failure = error;
        return;
      }
    }
  }
}

function checkShareable({ name, network, root }: SystemSpec): void {
  const longest = 64 - '-01234567'.length;
  if (name.length > longest) {
    throw new InvalidArgumentError(
      'name',
      name,
      'is too long for a pool, which adds 9 characters',
      `up to ${longest} characters`,
    );
  }
  if (network.kind === 'veth') {
    throw new InvalidArgumentError(
      'network.address',
      network.address,
      'can be had by one system at a time',
      "network 'none' or 'host', or System.create for each",
    );
  }
  if (root.upper.kind === 'disk') {
    throw new InvalidArgumentError(
      'root.upper',
      root.upper.path,
      'can be written by one system at a time',
      "'tmpfs', or System.create for each",
    );
  }
}
