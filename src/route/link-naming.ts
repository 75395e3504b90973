import type { RequestOptions } from '../netlink/socket.ts';
import type { LinkNames } from './names.ts';

/** While a dump is under way so many names are asked for at once; those beyond wait for its end. */
const AT_ONCE = 16;

/** The names of the links that the objects of one dump speak of, asked for as they come up. */
export class LinkNaming {
  /** By index. Links that are gone have none. */
  readonly names = new Map<number, string>();
  readonly #source: LinkNames;
  readonly #asked = new Set<number>();
  readonly #wanted = new Set<number>();
  /** The answer of the last {@link nameOf}: objects in a row mostly speak of the same link. */
  #lastIndex = 0;
  #lastName: string | undefined;

  constructor(source: LinkNames) {
    this.#source = source;
  }

  /** Whether it is known what the link is called, or that it has gone. If not, it will be asked for. */
  knows(index: number): boolean {
    if (index <= 0 || this.#asked.has(index)) return true;
    const told = this.#source.told(index);
    if (told === null) {
      this.#wanted.add(index);
      return false;
    }
    this.#learn(index, told);
    return true;
  }

  /** The name of a link that this {@link knows}; undefined if it has gone. */
  nameOf(index: number): string | undefined {
    if (index === this.#lastIndex) return this.#lastName;
    const name = this.names.get(index);
    this.#lastIndex = index;
    this.#lastName = name;
    return name;
  }

  /** Whether there are names to be asked for. */
  get wanting(): boolean {
    return this.#wanted.size > 0;
  }

  /**
   * One by one: what may be asked while a dump is under way. A dump of all names would wait for that dump to end, and
   * that one for its reader. With `patient`, only where they are few; the others stay wanted.
   */
  async askEach(options: RequestOptions, patient = false): Promise<void> {
    if (!this.wanting || (patient && this.#wanted.size > AT_ONCE)) return;
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    for (let i = 0; i < wanted.length; i += AT_ONCE) {
      const asked = wanted.slice(i, i + AT_ONCE).map(async (index) => {
        this.#learn(index, await this.#source.nameOf(index, options));
      });
      await Promise.all(asked);
    }
  }

  /** All that are wanted, after the dump. */
  async askAll(options: RequestOptions): Promise<void> {
    if (!this.wanting) return;
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    const names = await this.#source.of(wanted, options);
    for (const index of wanted) this.#learn(index, names?.get(index));
  }

  #learn(index: number, name: string | undefined): void {
    this.#asked.add(index);
    if (name !== undefined) this.names.set(index, interned(name));
    this.#lastIndex = 0;
    this.#lastName = undefined;
  }
}

/**
 * The same text where property names are kept, with the old. A million objects that refer to a text among the young
 * would all be looked at when that is moved.
 */
function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0] ?? text;
}
