import { SystemError } from '../handle/errors.ts';
import type { Link } from '../route/link.ts';
import type { RouteSocket } from '../route/socket.ts';
import type { LinkNames } from './show/view.ts';

type Known = Pick<Link, 'ifname' | 'flags'>;

/**
 * Names of links while they come and go: those that the news themselves told, then what the kernel says. A name that is
 * asked for and not known is noted, for it takes a request to find out.
 */
export class MonitorLinks implements LinkNames {
  readonly #rt: RouteSocket;
  readonly #byIndex = new Map<number, Known | 'none'>();
  readonly #wanted = new Set<number>();
  /** Links that news tell of which have come and are not printed yet. */
  readonly #coming = new Map<number, Known>();

  constructor(rt: RouteSocket) {
    this.#rt = rt;
  }

  async load(): Promise<void> {
    for (const link of await this.#rt.link.list()) this.learn(link);
  }

  learn({ ifindex, ifname, flags }: Link): void {
    if (ifname !== undefined) this.#byIndex.set(ifindex, { ifname, flags });
    this.#coming.delete(ifindex);
  }

  /** News of the link have come. What a new link's family settings say of it comes before the link itself. */
  expect({ ifindex, ifname, flags }: Link): void {
    if (ifname !== undefined) this.#coming.set(ifindex, { ifname, flags });
  }

  forget(ifindex: number): void {
    this.#byIndex.delete(ifindex);
    this.#coming.delete(ifindex);
  }

  /** Asks for what was wanted and not known. False if there was nothing. */
  async find(): Promise<boolean> {
    if (this.#wanted.size === 0) return false;
    for (const index of this.#wanted) {
      try {
        this.learn(await this.#rt.link.get(index));
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#byIndex.set(index, 'none');
      }
    }
    this.#wanted.clear();
    return true;
  }

  #get(index: number): Known | undefined {
    const known = this.#byIndex.get(index) ?? this.#coming.get(index);
    if (known === undefined && index > 0) this.#wanted.add(index);
    return known === 'none' ? undefined : known;
  }

  nameOf(index: number): string {
    return index === 0 ? '*' : (this.#get(index)?.ifname ?? `if${index}`);
  }
  indexOf(name: string): number | undefined {
    for (const [index, known] of this.#byIndex) if (known !== 'none' && known.ifname === name) return index;
    return undefined;
  }
  flagsOf(index: number): readonly string[] | undefined {
    return this.#get(index)?.flags;
  }
}
