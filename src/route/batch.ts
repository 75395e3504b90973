/** Many changes at once: what a batch is asked and what it answers. */
import { CofferdamError, InvalidArgumentError } from '../handle/errors.ts';
import type { RequestOptions } from '../netlink/socket.ts';
import { refuseUnknownFields } from './route-words.ts';
import type { Services } from './services.ts';

/** What a batch can be asked: what changes something. */
export const BATCH_VERBS = [
  'add',
  'replace',
  'change',
  'append',
  'prepend',
  'test',
  'set',
  'setGlobal',
  'del',
  'flush',
] as const;
export type BatchVerb = (typeof BATCH_VERBS)[number];

type WithoutOptions<A extends readonly unknown[]> =
  Required<A> extends readonly [...infer Rest, RequestOptions] ? Rest : A;

/** A service's verbs: what they are given, without the options, which are the batch's; they return the item's index. */
type BatchService<S> = {
  readonly [V in BatchVerb & keyof S]: S[V] extends (...args: infer A) => Promise<unknown>
    ? (...args: WithoutOptions<A>) => number
    : never;
};

/** The services of a {@link RouteSocket}, to note down what a batch shall do. */
export type BatchServices = { readonly [Name in keyof Services]: BatchService<Services[Name]> };
export type BatchObject = keyof Services;

export interface BatchOptions extends RequestOptions {
  /**
   * Gives the batch up: items that are not known to be done say `unsent` or `unknown`, with an AbortError. Before the
   * callback has been called, the batch rejects with it.
   */
  readonly signal?: AbortSignal;
  /** Milliseconds without any answer after which the batch is given up. Default: the socket's. */
  readonly timeout?: number;
  /** Requests that one sendmsg(2) takes to the kernel, 1 to 512. Default 512, or less where the buffers are small. */
  readonly window?: number;
  /**
   * What a refused item means to those after it. `continue` (the default): nothing. `stop`: they are not sent; each
   * item waits for the answer to the one before it, which takes several times as long. `undo`: as `stop`, and then
   * what has been added is deleted again, the last first. Only `add` can be undone. It is no transaction, rtnetlink
   * has none: others see what is there in between.
   */
  readonly onError?: 'continue' | 'stop' | 'undo';
}

export interface BatchSuccess {
  readonly ok: true;
}

export interface BatchFailure {
  readonly ok: false;
  /**
   * - `refused`: the kernel said no; `error` is its NetlinkError.
   * - `invalid`: it was never sent, for what `error`, an InvalidArgumentError, says.
   * - `unsent`: nothing of it was done, and nothing will be.
   * - `unknown`: it was sent, and what became of it is not known; it may still be carried out.
   * - `undone`: it was done and, with `onError: 'undo'`, undone.
   * - `done`: it was done, but could not be undone, for what `error` says.
   */
  readonly state: 'refused' | 'invalid' | 'unsent' | 'unknown' | 'undone' | 'done';
  /** Why: a NetlinkError, InvalidArgumentError, AbortError, TimeoutError, OverrunError, ClosedError, ... */
  readonly error: Error;
  /** The item's place among the calls, and in the results. */
  readonly index: number;
  /** What was asked: `route`, `add`, and what it was given. */
  readonly object: BatchObject;
  readonly verb: BatchVerb;
  readonly args: readonly unknown[];
}

/** What became of one item. All successes are one and the same frozen object. */
export type BatchResult = BatchSuccess | BatchFailure;

/** With `onError: 'stop'` or `'undo'`: something before was refused, so this was not sent, or not kept. */
export class BatchStoppedError extends CofferdamError {
  /** Index of the item that stopped the batch. */
  readonly index: number;

  constructor(index: number) {
    super('ERR_COFFERDAM_BATCH_STOPPED', `the batch was stopped by its item ${index}`);
    this.index = index;
  }
}

const OPTIONS: ReadonlySet<string> = new Set<keyof BatchOptions>(['signal', 'timeout', 'window', 'onError']);
const HINTS = { atomic: "onError: 'undo'; rtnetlink has no transactions", stopOnError: "onError: 'stop'" };

export function checkBatchOptions(options: BatchOptions): void {
  refuseUnknownFields(options, OPTIONS, HINTS, '', 'options');
  const { onError } = options;
  if (onError !== undefined && onError !== 'continue' && onError !== 'stop' && onError !== 'undo')
    throw new InvalidArgumentError('onError', onError, 'is not known', "'continue', 'stop' or 'undo'");
}

/** One verb of one service. */
export interface BatchMethod {
  readonly object: BatchObject;
  readonly verb: BatchVerb;
}

/** What a batch shall do, in the order of the calls. Arrays side by side: a batch may have a million items. */
export class BatchItems {
  readonly methods: BatchMethod[] = [];
  readonly #first: unknown[] = [];
  readonly #others = new Map<number, unknown[]>();
  #sealed = false;

  get length(): number {
    return this.methods.length;
  }

  first(index: number): unknown {
    return this.#first[index];
  }

  args(index: number): unknown[] {
    return [this.#first[index], ...(this.#others.get(index) ?? [])];
  }

  push(method: BatchMethod, first: unknown, others: unknown[] = []): number {
    if (this.#sealed)
      throw new CofferdamError(
        'ERR_COFFERDAM_BATCH_SEALED',
        `${method.object}.${method.verb}: the batch's callback has returned, and what it asked for is under way`,
      );
    const index = this.methods.push(method) - 1;
    this.#first.push(first);
    if (others.length > 0) this.#others.set(index, others);
    return index;
  }

  /** Nothing comes any more. */
  seal(): void {
    this.#sealed = true;
  }
}

/** The services that note calls down in `items`: with the verbs that `services` have, or of them only `verbs`. */
export function recorder(
  services: Services,
  items: BatchItems,
  verbs: readonly BatchVerb[] = BATCH_VERBS,
): BatchServices {
  const recorders: Record<string, Record<string, (first: unknown, ...others: unknown[]) => number>> = {};
  for (const object of Object.keys(services) as BatchObject[]) {
    const service = services[object] as unknown as Partial<Record<BatchVerb, unknown>>;
    const recording: Record<string, (first: unknown, ...others: unknown[]) => number> = {};
    for (const verb of BATCH_VERBS) {
      if (typeof service[verb] !== 'function') continue;
      const method: BatchMethod = { object, verb };
      recording[verb] = verbs.includes(verb)
        ? (first, ...others) => items.push(method, first, others)
        : () => {
            throw new InvalidArgumentError(
              'onError',
              'undo',
              `does not go with ${object}.${verb}`,
              `'stop', or only ${verbs.join(', ')} calls: nothing else can be undone`,
            );
          };
    }
    recorders[object] = recording;
  }
  return recorders as unknown as BatchServices;
}
