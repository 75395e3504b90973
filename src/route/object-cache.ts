import { NLM_F } from '../netlink/wire/message.ts';
import type { ObjectType } from './object.ts';
import { type Ignored, ignoring, sameData } from './same-data.ts';

/** What happened to an object. */
export interface Change<T> {
  readonly type: 'new' | 'change' | 'del';
  readonly value: T;
}

/** An object, or several that share a key. Objects are no arrays. */
type Known<T> = T | T[];

/** Objects looked at between two breaths of {@link ObjectCache.replace}. */
const STRETCH = 64;

/**
 * What is known of one kind of object. Single messages update it; a whole dump replaces it, and the differences are
 * told as changes (mark and sweep: the objects that the dump did not mention are gone).
 */
export class ObjectCache<T extends object> {
  readonly #type: ObjectType<T>;
  readonly #ignored: Ignored;
  #objects = new Map<string, Known<T>>();

  constructor(type: ObjectType<T>) {
    this.#type = type;
    this.#ignored = ignoring(type.volatile ?? []);
  }

  /** Keys known. */
  get size(): number {
    return this.#objects.size;
  }

  /**
   * One message's news, or nothing where the cache knew it (a deletion of what was never there).
   *
   * @param flags of the message: NLM_F_REPLACE and NLM_F_APPEND say which of those that share a key it is about
   */
  apply(kind: 'new' | 'del', value: T, flags = 0): Change<T> | undefined {
    const key = this.#type.key(value);
    const known = this.#objects.get(key);
    if (kind === 'del') {
      const left = known === undefined ? undefined : this.#without(known, value);
      if (left === known) return undefined;
      if (left === undefined) this.#objects.delete(key);
      else this.#objects.set(key, left);
      return { type: 'del', value };
    }
    if (known === undefined) {
      this.#objects.set(key, value);
      return { type: 'new', value };
    }
    const all = Array.isArray(known) ? known : [known];
    const at = (flags & NLM_F.replace) !== 0 ? 0 : this.#find(all, value);
    const old = all[at];
    if (old !== undefined) {
      const whole = this.#type.merge?.(old, value) ?? value;
      if (Array.isArray(known)) known[at] = whole;
      else this.#objects.set(key, whole);
      return { type: 'change', value: whole };
    }
    this.#objects.set(key, (flags & NLM_F.append) !== 0 ? [...all, value] : [value, ...all]);
    return { type: 'new', value };
  }

  /**
   * Takes a complete list as the truth and tells how it differs from what was known: deletions first. What it gives
   * besides is `undefined`, now and then, for who has other things to do as well.
   */
  *replace(values: readonly T[]): Generator<Change<T> | undefined, void, void> {
    const before = this.#objects;
    const after = new Map<string, Known<T>>();
    let seen = 0;
    for (const value of values) {
      const key = this.#type.key(value);
      const same = after.get(key);
      if (same === undefined || this.#type.variant === undefined) after.set(key, value);
      else if (Array.isArray(same)) same.push(value);
      else after.set(key, [same, value]);
      if (++seen % STRETCH === 0) yield;
    }
    this.#objects = after;
    for (const [key, known] of before) {
      if (!after.has(key)) for (const value of listed(known)) yield { type: 'del', value };
      if (++seen % STRETCH === 0) yield;
    }
    for (const [key, now] of after) {
      const known = before.get(key);
      if (Array.isArray(known) || Array.isArray(now)) {
        yield* this.#differences(known === undefined ? [] : listed(known), listed(now));
      } else if (known === undefined) yield { type: 'new', value: now };
      else if (!sameData(known, now, this.#ignored)) yield { type: 'change', value: now };
      if (++seen % STRETCH === 0) yield;
    }
  }

  /** Of objects that share a key. */
  *#differences(before: readonly T[], after: readonly T[]): Generator<Change<T>, void, void> {
    for (const value of before) if (this.#find(after, value) < 0) yield { type: 'del', value };
    for (const value of after) {
      const known = before[this.#find(before, value)];
      if (known === undefined) yield { type: 'new', value };
      else if (!sameData(known, value, this.#ignored)) yield { type: 'change', value };
    }
  }

  #without(known: Known<T>, value: T): Known<T> | undefined {
    if (!Array.isArray(known)) return this.#find([known], value) < 0 ? known : undefined;
    const at = this.#find(known, value);
    if (at < 0) return known;
    const left = known.filter((_, index) => index !== at);
    return left.length === 1 ? left[0] : left;
  }

  /** Where the same object is among those that share its key. */
  #find(all: readonly T[], value: T): number {
    const { variant } = this.#type;
    if (variant === undefined) return 0;
    const wanted = variant(value);
    return all.findIndex((one) => variant(one) === wanted);
  }
}

function listed<T>(known: Known<T>): readonly T[] {
  return Array.isArray(known) ? known : [known];
}
