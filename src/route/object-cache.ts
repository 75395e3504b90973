import { isDeepStrictEqual } from 'node:util';
import type { ObjectType } from './object.ts';

/** What happened to an object. */
export interface Change<T> {
  readonly type: 'new' | 'change' | 'del';
  readonly value: T;
}

/**
 * What is known of one kind of object. Single messages update it; a whole dump replaces it, and the differences are
 * told as changes (mark and sweep: the objects that the dump did not mention are gone).
 */
export class ObjectCache<T extends object> {
  readonly #type: ObjectType<T>;
  #objects = new Map<string, T>();

  constructor(type: ObjectType<T>) {
    this.#type = type;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** One message's news, or nothing where the cache knew it (a deletion of what was never there). */
  apply(kind: 'new' | 'del', value: T): Change<T> | undefined {
    const key = this.#type.key(value);
    const known = this.#objects.get(key);
    if (kind === 'del') {
      this.#objects.delete(key);
      return known === undefined ? undefined : { type: 'del', value };
    }
    this.#objects.set(key, value);
    return { type: known === undefined ? 'new' : 'change', value };
  }

  /** Takes a complete list as the truth and returns how it differs from what was known: deletions first. */
  replace(values: readonly T[]): Change<T>[] {
    const before = this.#objects;
    const changes: Change<T>[] = [];
    this.#objects = new Map(values.map((value) => [this.#type.key(value), value]));
    for (const [key, value] of before) if (!this.#objects.has(key)) changes.push({ type: 'del', value });
    for (const [key, value] of this.#objects) {
      const known = before.get(key);
      if (known === undefined) changes.push({ type: 'new', value });
      else if (!isDeepStrictEqual(this.#lasting(known), this.#lasting(value)))
        changes.push({ type: 'change', value });
    }
    return changes;
  }

  /** The object without what ticks by itself. */
  #lasting(object: T): Partial<T> {
    const copy: Partial<T> = { ...object };
    for (const field of this.#type.volatile ?? []) delete copy[field];
    return copy;
  }
}
