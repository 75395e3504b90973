import {
  BATCH_VERBS,
  type BatchObject,
  type BatchResult,
  type BatchServices,
  type BatchVerb,
} from '../route/batch.ts';
import type { RouteSocket } from '../route/socket.ts';
import type { Meant } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { Session } from './session.ts';

/** A line failed, and without -force that is the end. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** A change that a line asked for. */
interface Write {
  readonly line: number;
  readonly object: BatchObject;
  readonly verb: BatchVerb;
  readonly args: readonly unknown[];
}

/**
 * How many changes go to the kernel together: while they do, the lines behind them are read. Each time takes a socket
 * and a thread, and each change some memory.
 */
const TOGETHER = 16_384;

/**
 * The session of a batch. What a line wants changed is noted down and counts as done; all that was noted down is done
 * before anything is asked of the kernel that is no such change, so that each line finds what those before it made.
 */
export class BatchSession extends Session {
  readonly #onFailure: (line: number, error: unknown) => void;
  readonly #force: boolean;
  #noted: Write[] = [];
  /** The writes on their way. */
  #sent: Promise<void> | undefined;
  #stopped = false;
  #recording: RouteSocket | undefined;
  /** The line that is run. */
  line = 0;

  constructor(options: GlobalOptions, onFailure: (line: number, error: unknown) => void) {
    super(options);
    this.#force = options.force;
    this.#onFailure = onFailure;
  }

  override async run(meant: Meant, words: readonly string[]): Promise<number> {
    if (this.#stopped) throw new StoppedError();
    if (this.#noted.length >= TOGETHER) await this.#send();
    // What has sockets of its own sees what was done, not what was noted down. Links have names that others look up.
    if (meant.entry.command !== undefined || meant.object === 'link') await this.settle();
    return await super.run(meant, words);
  }

  protected override async socketFor(meant: Meant, verb: string): Promise<RouteSocket> {
    const rt = await this.rt();
    // Namespaces are made by other calls than requests, and what runs in them finds what was done before.
    const aside = verb === 'show' || meant.object === 'netns';
    if (aside) await this.settle();
    if (aside || meant.object === 'link') return rt;
    this.#recording ??= recording(rt, {
      note: (object, verb, args) => {
        this.#noted.push({ line: this.line, object, verb, args });
      },
      settle: () => this.settle(),
    });
    return this.#recording;
  }

  /** Resolves when everything that was noted down is done. Throws a StoppedError where that was the end. */
  async settle(): Promise<void> {
    if (this.#noted.length > 0) await this.#send();
    await this.#arrive();
  }

  /** Sends what was noted down, after what is on its way. */
  async #send(): Promise<void> {
    await this.#arrive();
    const writes = this.#noted;
    this.#noted = [];
    this.#sent = this.#write(writes);
    // Looked at by who waits for it.
    this.#sent.catch(() => {});
  }

  async #arrive(): Promise<void> {
    const sent = this.#sent;
    this.#sent = undefined;
    await sent;
    if (this.#stopped) throw new StoppedError();
  }

  async #write(writes: readonly Write[]): Promise<void> {
    const rt = await this.rt();
    const results: BatchResult[] = await rt.batch(
      (b) => {
        for (const write of writes) call(b, write);
      },
      { onError: this.#force ? 'continue' : 'stop' },
    );
    for (const [i, result] of results.entries()) {
      if (result.ok) continue;
      this.#onFailure(writes[i]?.line ?? 0, result.error);
      if (this.#force) continue;
      this.#stopped = true;
      return;
    }
  }
}

type Recorders = Readonly<
  Record<string, Readonly<Record<string, ((...args: readonly unknown[]) => number) | undefined>>>
>;

function call(b: BatchServices, { object, verb, args }: Write): void {
  (b as unknown as Recorders)[object]?.[verb]?.(...args);
}

interface Notebook {
  note(object: BatchObject, verb: BatchVerb, args: readonly unknown[]): void;
  settle(): Promise<void>;
}

const VERBS: ReadonlySet<string> = new Set(BATCH_VERBS);

/** A RouteSocket whose services note changes down. Anything else that they are asked waits for those to be done. */
function recording(rt: RouteSocket, notebook: Notebook): RouteSocket {
  const services = new Map<string, object>();
  return new Proxy(rt, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value === 'function') return value.bind(target) as unknown;
      if (typeof name !== 'string' || typeof value !== 'object' || value === null) return value;
      let service = services.get(name);
      if (service === undefined) {
        service = recordingService(value, name as BatchObject, notebook);
        services.set(name, service);
      }
      return service;
    },
  });
}

function recordingService(service: object, object: BatchObject, notebook: Notebook): object {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(service, {
    get(target, name) {
      let method = methods.get(name);
      if (method === undefined) {
        const value: unknown = Reflect.get(target, name, target);
        method = typeof value === 'function' ? wrap(value.bind(target), name, object, notebook) : value;
        methods.set(name, method);
      }
      return method;
    },
  });
}

type Method = (...args: readonly unknown[]) => unknown;

function wrap(method: Method, name: string | symbol, object: BatchObject, notebook: Notebook): Method {
  if (typeof name === 'string' && VERBS.has(name))
    return (...args) => {
      notebook.note(object, name as BatchVerb, args);
      return DONE;
    };
  return async (...args) => {
    await notebook.settle();
    return await method(...args);
  };
}

const DONE: Promise<undefined> = Promise.resolve(undefined);
