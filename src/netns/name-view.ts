/** The names of network namespaces as they were last looked at, and what has become different since. */
import { lookAtNames, type NamedNetns, type SeenName } from './names.ts';

/** A name was given to a namespace, or taken from it. */
export interface NetnsNameEvent {
  readonly type: 'new' | 'del';
  readonly object: 'name';
  readonly value: NamedNetns;
}

/**
 * Milliseconds that a bare file in /run/netns is looked at again: whoever names a namespace makes the file first, of which
 * the directory tells, and mounts the namespace on it afterwards, of which it does not.
 */
const PATIENCE = 2000;

/** A name counts while a namespace is mounted on it: bare files are names of nothing. */
export class NameView {
  readonly #known = new Map<string, SeenName>();
  /** Since when there has been a bare file of this name. */
  readonly #bare = new Map<string, number>();

  /** What has changed since the last look; `again` is in how many milliseconds to look once more, though nobody tells. */
  look(now: number): { readonly events: NetnsNameEvent[]; readonly again: number | undefined } {
    const entries = lookAtNames(this.#known);
    const mounted = new Map(
      entries.flatMap((entry) => (entry.value.mounted ? [[entry.value.name, entry]] : [])),
    );
    const events: NetnsNameEvent[] = [];
    for (const [name, seen] of this.#known) {
      if (isSame(mounted.get(name), seen)) continue;
      this.#known.delete(name);
      events.push({ type: 'del', object: 'name', value: seen.value });
    }
    for (const [name, seen] of mounted) {
      if (this.#known.has(name)) continue;
      this.#known.set(name, seen);
      events.push({ type: 'new', object: 'name', value: seen.value });
    }
    const bare = entries.flatMap(({ value: { name, mounted } }) => (mounted ? [] : [name]));
    return { events, again: this.#waitForBare(new Set(bare), now) };
  }

  #waitForBare(bare: ReadonlySet<string>, now: number): number | undefined {
    for (const name of this.#bare.keys()) if (!bare.has(name)) this.#bare.delete(name);
    let again: number | undefined;
    for (const name of bare) {
      const since = this.#bare.get(name) ?? now;
      this.#bare.set(name, since);
      const age = now - since;
      // Ever more seldom.
      if (age < PATIENCE) again = Math.min(again ?? PATIENCE, Math.max(1, age));
    }
    return again;
  }
}

function isSame(one: SeenName | undefined, other: SeenName): boolean {
  if (one === undefined || one.made !== other.made) return false;
  return one.value.inode === other.value.inode && one.value.device === other.value.device;
}
