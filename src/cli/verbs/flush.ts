import { SystemError } from '../../handle/errors.ts';
import type { BatchServices } from '../../route/batch.ts';
import { FindingError } from '../args.ts';
import type { ShowContext } from '../show/view.ts';

/** What one object's flush does; {@link flush} goes over it until nothing is left, and tells about it with -s. */
export interface FlushPlan<T> {
  /** What is there now and is to go. */
  find(): Promise<readonly T[]>;
  /** Asks for the removal of one of them. */
  remove(batch: BatchServices, object: T): void;
  /** With -s -s, what is to go is shown. */
  show(objects: readonly T[]): string | Promise<string>;
  /** Between two looks. */
  afterRound?(): void;
  readonly noun: 'entries' | 'addresses';
  /** Rounds until it is given up. Default: as -loops says; Infinity for as many as it takes. */
  readonly loops?: number;
  /** One round is all: what is found after it came up because of it. */
  readonly once?: boolean;
  /** Something else was flushed already, so that it does not matter when there is nothing. */
  readonly quietWhenEmpty?: boolean;
}

/** Gone before we came: that is what a flush is for. */
const GONE: ReadonlySet<string> = new Set(['ESRCH', 'ENOENT', 'EADDRNOTAVAIL', 'ENODEV']);

/** Removes until a look finds nothing more. */
export async function flush<T>(plan: FlushPlan<T>, context: ShowContext): Promise<void> {
  const { stats, loops } = context.options;
  const say = (text: string) => {
    if (stats > 0) context.write(text);
  };
  const limit = plan.loops ?? (loops === 0 ? Number.POSITIVE_INFINITY : loops);
  for (let round = 0; round < limit; ) {
    const objects = round > 0 && plan.once ? [] : await plan.find();
    if (objects.length === 0) {
      if (round > 0) say(`*** Flush is complete after ${round} round${round > 1 ? 's' : ''} ***\n`);
      else if (!plan.quietWhenEmpty) say('Nothing to flush.\n');
      return;
    }
    if (stats > 1) context.write(await plan.show(objects));
    round++;
    await removeAll(plan, objects, context);
    plan.afterRound?.();
    say(`\n*** Round ${round}, deleting ${objects.length} ${plan.noun} ***\n`);
  }
  throw new FindingError(`*** Flush remains incomplete after ${limit} rounds. ***`);
}

async function removeAll<T>(plan: FlushPlan<T>, objects: readonly T[], { rt }: ShowContext): Promise<void> {
  const results = await rt.batch((batch) => {
    for (const object of objects) plan.remove(batch, object);
  });
  for (const result of results) {
    if (result.ok || (result.error instanceof SystemError && GONE.has(result.error.code))) continue;
    throw result.error;
  }
}
